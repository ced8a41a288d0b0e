"""Behavior cloning, and the forward model that its loss can use."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.cloning.bc import PretrainResult as PretrainResult
    from sb3_mimic.cloning.bc import freeze_for_cloning as freeze_for_cloning
    from sb3_mimic.cloning.bc import pretrain as pretrain
    from sb3_mimic.cloning.dynamics import ForwardFit as ForwardFit
    from sb3_mimic.cloning.dynamics import ForwardModel as ForwardModel
    from sb3_mimic.cloning.dynamics import StateRegularizedLoss as StateRegularizedLoss
    from sb3_mimic.cloning.dynamics import fit_forward_model as fit_forward_model
    from sb3_mimic.cloning.residual import compute_residual as compute_residual
    from sb3_mimic.cloning.residual import set_log_std as set_log_std
    from sb3_mimic.cloning.samples import ShuffledBatches as ShuffledBatches
    from sb3_mimic.cloning.samples import demonstration_tensors as demonstration_tensors
    from sb3_mimic.cloning.samples import split_trajectories as split_trajectories

# Public name -> module that defines it.
_LAZY = {
    "ForwardFit": "sb3_mimic.cloning.dynamics",
    "ForwardModel": "sb3_mimic.cloning.dynamics",
    "PretrainResult": "sb3_mimic.cloning.bc",
    "ShuffledBatches": "sb3_mimic.cloning.samples",
    "StateRegularizedLoss": "sb3_mimic.cloning.dynamics",
    "compute_residual": "sb3_mimic.cloning.residual",
    "demonstration_tensors": "sb3_mimic.cloning.samples",
    "fit_forward_model": "sb3_mimic.cloning.dynamics",
    "freeze_for_cloning": "sb3_mimic.cloning.bc",
    "pretrain": "sb3_mimic.cloning.bc",
    "set_log_std": "sb3_mimic.cloning.residual",
    "split_trajectories": "sb3_mimic.cloning.samples",
}

__all__ = [
    "ForwardFit",
    "ForwardModel",
    "PretrainResult",
    "ShuffledBatches",
    "StateRegularizedLoss",
    "compute_residual",
    "demonstration_tensors",
    "fit_forward_model",
    "freeze_for_cloning",
    "pretrain",
    "set_log_std",
    "split_trajectories",
]

__getattr__ = lazy_exports(__name__, _LAZY)
