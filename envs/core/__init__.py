"""What every task shares: the batch, its simulation, and the interfaces of Gymnasium and SB3."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.envs.core.batched import BatchedEnv as BatchedEnv
    from sb3_mimic.envs.core.batched import ObservationPart as ObservationPart
    from sb3_mimic.envs.core.batched import Step as Step
    from sb3_mimic.envs.core.env import MimicEnv as MimicEnv
    from sb3_mimic.envs.core.make import make_env as make_env
    from sb3_mimic.envs.core.make import make_envs as make_envs
    from sb3_mimic.envs.core.motors import Motor as Motor
    from sb3_mimic.envs.core.motors import add_motors as add_motors
    from sb3_mimic.envs.core.rendering import RenderOptions as RenderOptions
    from sb3_mimic.envs.core.robot import Robot as Robot
    from sb3_mimic.envs.core.robot import load_robot as load_robot
    from sb3_mimic.envs.core.simulation import Simulation as Simulation
    from sb3_mimic.envs.core.vec_env import NativeVecEnv as NativeVecEnv
    from sb3_mimic.envs.core.vec_env import make_native_vec_env as make_native_vec_env

__getattr__ = lazy_exports(
    __name__,
    {
        "BatchedEnv": "sb3_mimic.envs.core.batched",
        "MimicEnv": "sb3_mimic.envs.core.env",
        "Motor": "sb3_mimic.envs.core.motors",
        "NativeVecEnv": "sb3_mimic.envs.core.vec_env",
        "ObservationPart": "sb3_mimic.envs.core.batched",
        "RenderOptions": "sb3_mimic.envs.core.rendering",
        "Robot": "sb3_mimic.envs.core.robot",
        "Simulation": "sb3_mimic.envs.core.simulation",
        "Step": "sb3_mimic.envs.core.batched",
        "add_motors": "sb3_mimic.envs.core.motors",
        "load_robot": "sb3_mimic.envs.core.robot",
        "make_env": "sb3_mimic.envs.core.make",
        "make_envs": "sb3_mimic.envs.core.make",
        "make_native_vec_env": "sb3_mimic.envs.core.vec_env",
    },
)

__all__ = [
    "BatchedEnv",
    "MimicEnv",
    "Motor",
    "NativeVecEnv",
    "ObservationPart",
    "RenderOptions",
    "Robot",
    "Simulation",
    "Step",
    "add_motors",
    "load_robot",
    "make_env",
    "make_envs",
    "make_native_vec_env",
]
