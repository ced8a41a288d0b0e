"""From a motion to a trained Stable-Baselines3 policy that performs it under physics.

Importing this package registers its environments with Gymnasium and is light: what needs torch,
Stable-Baselines3 or imitation is imported when it is first asked for.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sb3_mimic.errors import InputError
from sb3_mimic.lazy import lazy_exports
from sb3_mimic.registration import register_environments

if TYPE_CHECKING:
    from sb3_mimic.cloning.bc import pretrain as pretrain
    from sb3_mimic.demos import collect_demonstrations as collect_demonstrations
    from sb3_mimic.envs import make_native_vec_env as make_native_vec_env
    from sb3_mimic.envs.actuation import register_actuation as register_actuation
    from sb3_mimic.envs.core.make import make_envs as make_envs
    from sb3_mimic.envs.core.motors import Motor as Motor
    from sb3_mimic.envs.tracking import SkeletonMap as SkeletonMap
    from sb3_mimic.envs.tracking import TrackingSpec as TrackingSpec
    from sb3_mimic.envs.tracking import register_reward as register_reward
    from sb3_mimic.evaluation.protocol import evaluate as evaluate
    from sb3_mimic.motion import MotionClip as MotionClip
    from sb3_mimic.motion import list_motions as list_motions
    from sb3_mimic.motion import load_motion as load_motion
    from sb3_mimic.motion import register_format as register_format
    from sb3_mimic.refinement import refine as refine
    from sb3_mimic.refinement import register_method as register_method
    from sb3_mimic.rl import register_algorithm as register_algorithm
    from sb3_mimic.rl.finetune import fine_tune as fine_tune
    from sb3_mimic.rl.models import make_model as make_model
    from sb3_mimic.rl.warm_start import warm_start as warm_start
    from sb3_mimic.tasks import Task as Task
    from sb3_mimic.tasks import get_task as get_task
    from sb3_mimic.tasks import register_robot as register_robot
    from sb3_mimic.tasks import register_task as register_task
    from sb3_mimic.training import TrainConfig as TrainConfig
    from sb3_mimic.training import train as train

__version__ = Path(__file__).with_name("version.txt").read_text(encoding="utf-8").strip()

# Public name -> module that defines it.
__getattr__ = lazy_exports(
    __name__,
    {
        "MotionClip": "sb3_mimic.motion",
        "Motor": "sb3_mimic.envs.core.motors",
        "SkeletonMap": "sb3_mimic.envs.tracking",
        "Task": "sb3_mimic.tasks",
        "TrackingSpec": "sb3_mimic.envs.tracking",
        "TrainConfig": "sb3_mimic.training",
        "collect_demonstrations": "sb3_mimic.demos",
        "evaluate": "sb3_mimic.evaluation.protocol",
        "fine_tune": "sb3_mimic.rl.finetune",
        "get_task": "sb3_mimic.tasks",
        "list_motions": "sb3_mimic.motion",
        "load_motion": "sb3_mimic.motion",
        "make_envs": "sb3_mimic.envs.core.make",
        "make_model": "sb3_mimic.rl.models",
        "make_native_vec_env": "sb3_mimic.envs",
        "pretrain": "sb3_mimic.cloning.bc",
        "refine": "sb3_mimic.refinement",
        "register_actuation": "sb3_mimic.envs.actuation",
        "register_algorithm": "sb3_mimic.rl",
        "register_format": "sb3_mimic.motion",
        "register_method": "sb3_mimic.refinement",
        "register_reward": "sb3_mimic.envs.tracking",
        "register_robot": "sb3_mimic.tasks",
        "register_task": "sb3_mimic.tasks",
        "train": "sb3_mimic.training",
        "warm_start": "sb3_mimic.rl.warm_start",
    },
)

__all__ = [
    "InputError",
    "MotionClip",
    "Motor",
    "SkeletonMap",
    "Task",
    "TrackingSpec",
    "TrainConfig",
    "__version__",
    "collect_demonstrations",
    "evaluate",
    "fine_tune",
    "get_task",
    "list_motions",
    "load_motion",
    "make_envs",
    "make_model",
    "make_native_vec_env",
    "pretrain",
    "refine",
    "register_actuation",
    "register_algorithm",
    "register_format",
    "register_method",
    "register_reward",
    "register_robot",
    "register_task",
    "train",
    "warm_start",
]

register_environments()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
