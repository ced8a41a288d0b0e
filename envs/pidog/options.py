"""Options of PiDog: the keyword arguments of `PiDogEnv`, each with its default."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

import numpy as np

from sb3_mimic.envs.pidog.commands import Commands, check_command
from sb3_mimic.envs.pidog.gaits import GAITS
from sb3_mimic.envs.pidog.hardware import CLOCK_FREQUENCY, CONTROL_RATE, HISTORY
from sb3_mimic.envs.pidog.model import ModelOptions
from sb3_mimic.envs.pidog.randomization import Randomization
from sb3_mimic.envs.pidog.sensors import SENSORS, Imu
from sb3_mimic.envs.pidog.servo import Servo
from sb3_mimic.envs.pidog.tasks import TASKS, PiDogReward
from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name

OBSERVATIONS: Final = ("full", "hardware")
"""Choices of ``observation=``."""


@dataclass(frozen=True, kw_only=True)
class PiDogOptions(ModelOptions):
    """Options of the task, and those of the model (`ModelOptions`).

    Attributes:
        task: A name in `sb3_mimic.envs.pidog.tasks.TASKS`: ``walk``, ``velocity``, ``recover`` or
            ``imitate``.
        observation: ``full`` or ``hardware``.
        use_camera: Whether the head camera's picture is observed as well. The observation is then
            one uint8 image of 85 rows, 84 columns and 3 channels: the picture, and under it a row
            that carries the numbers (`sb3_mimic.envs.core.measurements`). An image and not a
            dictionary, since imitation 1.0.1 cannot save dictionary observations.
        reward: Weights of the reward's terms.
        episode_seconds: Length of an episode [s].
        gait: Gait that ``imitate`` follows: ``trot``, ``walk`` or ``sine``.
        commands: Distribution of the velocity task's commands.
        command: One forward velocity [m/s] and yaw rate [rad/s] for all of its episodes instead.
        history: Actions and inertial samples in a hardware observation.
        clock_frequency: Frequency of the hardware observation's clock [Hz]; in ``imitate`` the
            gait's own.
        privileged: Whether the observation ends with 34 numbers that only a simulation knows.
        sensors: Any of ``ultrasonic`` (distance [m], valid; 2), ``touch`` (one of five; 5) and
            ``sound`` (heard, cosine, sine of the direction; 3).
        imu: The inertial sensor of hardware observations.
        servo: Rate limit, resolution, play and delay of the servos. Without them a servo gets its
            target at once and exactly.
        randomization: Ranges that each episode draws from: `Randomization()` for the published
            ones.
        curriculum_steps: Control steps of one environment over which the randomization grows from
            nothing to its ranges; for training environments.

    Raises:
        InputError: If there is no such choice, or a number is out of range.
    """

    task: str = "walk"
    observation: str = "full"
    use_camera: bool = False
    reward: PiDogReward = field(default_factory=PiDogReward)
    episode_seconds: float = 20.0
    gait: str = "trot"
    commands: Commands = field(default_factory=Commands)
    command: tuple[float, float] | None = None
    history: int = HISTORY
    clock_frequency: float = CLOCK_FREQUENCY
    privileged: bool = False
    sensors: tuple[str, ...] = ()
    imu: Imu = field(default_factory=Imu)
    servo: Servo | None = None
    randomization: Randomization | None = None
    curriculum_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sensors", tuple(self.sensors))
        if self.command is not None:
            forward, yaw = check_command(self.command).tolist()
            object.__setattr__(self, "command", (forward, yaw))
        if not 0 < self.episode_seconds < np.inf:
            raise InputError(f"episode_seconds={self.episode_seconds} must be positive and finite")
        for kind, name, known in (
            ("task", self.task, TASKS),
            ("gait", self.gait, GAITS),
            ("observation", self.observation, OBSERVATIONS),
            *(("sensor", name, SENSORS) for name in self.sensors),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)
        if self.history < 1:
            raise InputError(f"history={self.history} must be at least 1")
        if not 0 < self.clock_frequency < CONTROL_RATE / 2:
            raise InputError(
                f"clock_frequency={self.clock_frequency} must lie between 0 and "
                f"{CONTROL_RATE / 2:g} Hz"
            )
        if not 0 <= self.curriculum_steps < np.inf:
            raise InputError(
                f"curriculum_steps={self.curriculum_steps} must be finite and not negative"
            )
        if self.curriculum_steps and self.randomization is None:
            raise InputError("curriculum_steps needs a randomization to raise")

    @classmethod
    def from_keywords(cls, **keywords: Any) -> Self:
        """Options from keyword arguments, of which None stands for the default.

        Raises:
            InputError: If there is no such option, or it cannot be used.
        """
        known = [option.name for option in fields(cls)]
        for name in keywords:
            if name not in known:
                raise unknown_name("option of PiDog", name, known)
        return cls(**{name: value for name, value in keywords.items() if value is not None})

    @property
    def uneven(self) -> bool:
        """Whether the ground has bumps."""
        return self.randomization is not None and self.randomization.uneven


def option_parameters(defaults: Mapping[str, Any]) -> list[inspect.Parameter]:
    """The options as keyword parameters of a signature.

    Args:
        defaults: Defaults of some options in place of `PiDogOptions`' own.
    """
    own = PiDogOptions()
    return [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(option.name, getattr(own, option.name)),
            annotation=option.type,
        )
        for option in fields(PiDogOptions)
    ]
