"""Robots, their simulation and the environments, installed as ``sb3_mimic.envs``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sb3_mimic.envs.core.opengl import check_backend, choose_backend

if TYPE_CHECKING:
    from sb3_mimic.envs.core.vec_env import NativeVecEnv as NativeVecEnv
    from sb3_mimic.envs.core.vec_env import make_native_vec_env as make_native_vec_env
    from sb3_mimic.envs.g1 import G1MimicEnv as G1MimicEnv
    from sb3_mimic.envs.humanoid import HumanoidMimicEnv as HumanoidMimicEnv
    from sb3_mimic.envs.pidog.env import PiDogEnv as PiDogEnv
    from sb3_mimic.envs.pidog.env import PiDogHardwareEnv as PiDogHardwareEnv
    from sb3_mimic.envs.tracking.env import TrackingEnv as TrackingEnv

if __name__ != "sb3_mimic.envs":
    raise ImportError(
        f"this folder is the package sb3_mimic.envs and was imported as {__name__!r}; "
        "install the project (pip install -e .) and import sb3_mimic.envs"
    )

choose_backend()

# Public name -> module that defines it; imported on first use, since NativeVecEnv brings torch.
_LAZY = {
    "G1MimicEnv": "sb3_mimic.envs.g1",
    "HumanoidMimicEnv": "sb3_mimic.envs.humanoid",
    "NativeVecEnv": "sb3_mimic.envs.core.vec_env",
    "PiDogEnv": "sb3_mimic.envs.pidog.env",
    "PiDogHardwareEnv": "sb3_mimic.envs.pidog.env",
    "TrackingEnv": "sb3_mimic.envs.tracking.env",
    "make_native_vec_env": "sb3_mimic.envs.core.vec_env",
}

__all__ = [
    "G1MimicEnv",
    "HumanoidMimicEnv",
    "NativeVecEnv",
    "PiDogEnv",
    "PiDogHardwareEnv",
    "TrackingEnv",
    "make_native_vec_env",
]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_backend()
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
