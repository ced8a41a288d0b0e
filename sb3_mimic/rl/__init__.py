"""Reinforcement learning: algorithms, fine-tuning, callbacks, warm start, DAgger, GAIL and AIRL."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.rl.algorithms import ALGORITHMS as ALGORITHMS
    from sb3_mimic.rl.algorithms import AdaptiveRate as AdaptiveRate
    from sb3_mimic.rl.algorithms import Algorithm as Algorithm
    from sb3_mimic.rl.algorithms import LinearDecay as LinearDecay
    from sb3_mimic.rl.algorithms import get_algorithm as get_algorithm
    from sb3_mimic.rl.algorithms import register_algorithm as register_algorithm
    from sb3_mimic.rl.finetune import FineTuneSettings as FineTuneSettings
    from sb3_mimic.rl.finetune import fine_tune as fine_tune
    from sb3_mimic.rl.interactive import adversarial as adversarial
    from sb3_mimic.rl.interactive import dagger as dagger
    from sb3_mimic.rl.models import find_hyperparameters as find_hyperparameters
    from sb3_mimic.rl.models import make_model as make_model
    from sb3_mimic.rl.models import policy_settings as policy_settings
    from sb3_mimic.rl.nearest import NearestDemonstration as NearestDemonstration

# Public name -> module that defines it.
_LAZY = {
    "ALGORITHMS": "sb3_mimic.rl.algorithms",
    "AdaptiveRate": "sb3_mimic.rl.algorithms",
    "Algorithm": "sb3_mimic.rl.algorithms",
    "FineTuneSettings": "sb3_mimic.rl.finetune",
    "LinearDecay": "sb3_mimic.rl.algorithms",
    "NearestDemonstration": "sb3_mimic.rl.nearest",
    "adversarial": "sb3_mimic.rl.interactive",
    "dagger": "sb3_mimic.rl.interactive",
    "find_hyperparameters": "sb3_mimic.rl.models",
    "fine_tune": "sb3_mimic.rl.finetune",
    "get_algorithm": "sb3_mimic.rl.algorithms",
    "make_model": "sb3_mimic.rl.models",
    "policy_settings": "sb3_mimic.rl.models",
    "register_algorithm": "sb3_mimic.rl.algorithms",
}

__all__ = [
    "ALGORITHMS",
    "AdaptiveRate",
    "Algorithm",
    "FineTuneSettings",
    "LinearDecay",
    "NearestDemonstration",
    "adversarial",
    "dagger",
    "find_hyperparameters",
    "fine_tune",
    "get_algorithm",
    "make_model",
    "policy_settings",
    "register_algorithm",
]

__getattr__ = lazy_exports(__name__, _LAZY)
