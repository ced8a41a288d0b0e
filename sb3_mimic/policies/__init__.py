"""Policies: the protocol, parts of SB3's policies, policies on disk."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.policies.asymmetric import AsymmetricPolicy as AsymmetricPolicy
    from sb3_mimic.policies.asymmetric import extract_actor as extract_actor
    from sb3_mimic.policies.normalizer import ACTIVATIONS as ACTIVATIONS
    from sb3_mimic.policies.normalizer import NormalizeObservations as NormalizeObservations
    from sb3_mimic.policies.normalizer import normalizers as normalizers
    from sb3_mimic.policies.parameters import is_critic_parameter as is_critic_parameter
    from sb3_mimic.policies.parameters import log_std_parameter as log_std_parameter
    from sb3_mimic.policies.picture import PictureAndMeasurements as PictureAndMeasurements
    from sb3_mimic.policies.protocol import Policy as Policy
    from sb3_mimic.policies.randomness import fork_randomness as fork_randomness
    from sb3_mimic.policies.saved import PretrainedPolicy as PretrainedPolicy
    from sb3_mimic.policies.saved import load_policy as load_policy
    from sb3_mimic.policies.saved import load_weights as load_weights
    from sb3_mimic.policies.saved import read_pretrained as read_pretrained
    from sb3_mimic.policies.saved import save_model as save_model
    from sb3_mimic.policies.saved import save_weights as save_weights

# Public name -> module that defines it.
_LAZY = {
    "ACTIVATIONS": "sb3_mimic.policies.normalizer",
    "AsymmetricPolicy": "sb3_mimic.policies.asymmetric",
    "NormalizeObservations": "sb3_mimic.policies.normalizer",
    "PictureAndMeasurements": "sb3_mimic.policies.picture",
    "Policy": "sb3_mimic.policies.protocol",
    "PretrainedPolicy": "sb3_mimic.policies.saved",
    "extract_actor": "sb3_mimic.policies.asymmetric",
    "fork_randomness": "sb3_mimic.policies.randomness",
    "is_critic_parameter": "sb3_mimic.policies.parameters",
    "load_policy": "sb3_mimic.policies.saved",
    "load_weights": "sb3_mimic.policies.saved",
    "log_std_parameter": "sb3_mimic.policies.parameters",
    "normalizers": "sb3_mimic.policies.normalizer",
    "read_pretrained": "sb3_mimic.policies.saved",
    "save_model": "sb3_mimic.policies.saved",
    "save_weights": "sb3_mimic.policies.saved",
}

__all__ = [
    "ACTIVATIONS",
    "AsymmetricPolicy",
    "NormalizeObservations",
    "PictureAndMeasurements",
    "Policy",
    "PretrainedPolicy",
    "extract_actor",
    "fork_randomness",
    "is_critic_parameter",
    "load_policy",
    "load_weights",
    "log_std_parameter",
    "normalizers",
    "read_pretrained",
    "save_model",
    "save_weights",
]

__getattr__ = lazy_exports(__name__, _LAZY)
