"""From a motion to a trained Stable-Baselines3 policy that performs it under physics.

Importing this package registers its environments with Gymnasium and is light: what needs torch,
Stable-Baselines3 or imitation is imported when it is first asked for.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sb3_mimic.errors import InputError
from sb3_mimic.registration import register_environments

if TYPE_CHECKING:
    from sb3_mimic.cloning.bc import pretrain as pretrain
    from sb3_mimic.demos import collect_demonstrations as collect_demonstrations
    from sb3_mimic.envs import make_native_vec_env as make_native_vec_env
    from sb3_mimic.evaluation.protocol import evaluate as evaluate
    from sb3_mimic.motion import MotionClip as MotionClip
    from sb3_mimic.motion import list_motions as list_motions
    from sb3_mimic.motion import load_motion as load_motion
    from sb3_mimic.refinement import refine as refine
    from sb3_mimic.rl.finetune import fine_tune as fine_tune
    from sb3_mimic.rl.models import make_model as make_model
    from sb3_mimic.rl.warm_start import warm_start as warm_start

__version__ = Path(__file__).with_name("version.txt").read_text(encoding="utf-8").strip()

# Public name -> module that defines it.
_LAZY = {
    "MotionClip": "sb3_mimic.motion",
    "collect_demonstrations": "sb3_mimic.demos",
    "evaluate": "sb3_mimic.evaluation.protocol",
    "fine_tune": "sb3_mimic.rl.finetune",
    "list_motions": "sb3_mimic.motion",
    "load_motion": "sb3_mimic.motion",
    "make_model": "sb3_mimic.rl.models",
    "make_native_vec_env": "sb3_mimic.envs",
    "pretrain": "sb3_mimic.cloning.bc",
    "refine": "sb3_mimic.refinement",
    "warm_start": "sb3_mimic.rl.warm_start",
}

__all__ = [
    "InputError",
    "MotionClip",
    "__version__",
    "collect_demonstrations",
    "evaluate",
    "fine_tune",
    "list_motions",
    "load_motion",
    "make_model",
    "make_native_vec_env",
    "pretrain",
    "refine",
    "warm_start",
]

register_environments()


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
