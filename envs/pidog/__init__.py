"""PiDog: its model, gaits, tasks, servos and sensors."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.envs.pidog.commands import Commands as Commands
    from sb3_mimic.envs.pidog.env import PiDogEnv as PiDogEnv
    from sb3_mimic.envs.pidog.env import PiDogHardwareEnv as PiDogHardwareEnv
    from sb3_mimic.envs.pidog.gaits import GAITS as GAITS
    from sb3_mimic.envs.pidog.gaits import make_gait as make_gait
    from sb3_mimic.envs.pidog.randomization import Randomization as Randomization
    from sb3_mimic.envs.pidog.servo import Servo as Servo
    from sb3_mimic.envs.pidog.tasks import PiDogReward as PiDogReward

__getattr__ = lazy_exports(
    __name__,
    {
        "Commands": "sb3_mimic.envs.pidog.commands",
        "GAITS": "sb3_mimic.envs.pidog.gaits",
        "PiDogEnv": "sb3_mimic.envs.pidog.env",
        "PiDogHardwareEnv": "sb3_mimic.envs.pidog.env",
        "PiDogReward": "sb3_mimic.envs.pidog.tasks",
        "Randomization": "sb3_mimic.envs.pidog.randomization",
        "Servo": "sb3_mimic.envs.pidog.servo",
        "make_gait": "sb3_mimic.envs.pidog.gaits",
    },
)

__all__ = [
    "GAITS",
    "Commands",
    "PiDogEnv",
    "PiDogHardwareEnv",
    "PiDogReward",
    "Randomization",
    "Servo",
    "make_gait",
]
