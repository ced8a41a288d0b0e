"""Velocity commands: their distribution, and the schedule of an episode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE
from sb3_mimic.errors import InputError


@dataclass(frozen=True)
class Commands:
    """The distribution of velocity commands: uniform in the ranges.

    Attributes:
        forward: Forward velocity [m/s].
        yaw: Yaw rate [rad/s], left +.
        seconds: Time until the next command [s].
        still: Share of commands to stand.

    Raises:
        InputError: If a range is not (low, high), the time is shorter than a control step, or the
            share lies outside [0, 1].
    """

    forward: tuple[float, float] = (0.05, 0.25)
    yaw: tuple[float, float] = (-0.2, 0.2)
    seconds: float = 5.0
    still: float = 0.1

    def __post_init__(self) -> None:
        for name in ("forward", "yaw"):
            low, high = getattr(self, name)
            if not -np.inf < low <= high < np.inf:
                raise InputError(f"the commands' {name}=({low}, {high}) must be (low, high)")
        if not 1 / CONTROL_RATE <= self.seconds < np.inf:
            raise InputError(
                f"the commands' seconds={self.seconds} must be finite, and at least a control "
                f"step's {1 / CONTROL_RATE:g}"
            )
        if not 0 <= self.still <= 1:
            raise InputError(f"the commands' still={self.still} must lie in [0, 1]")


class CommandSchedule:
    """The commands of n episodes, one after another; zeros until an episode is planned.

    Args:
        n_envs: Number of environments n.
        episode_steps: Control steps of an episode.
        commands: The distribution of drawn commands.
        fixed: Forward velocity and yaw rate of every command instead; None for drawn ones.
    """

    def __init__(
        self,
        n_envs: int,
        episode_steps: int,
        commands: Commands,
        fixed: tuple[float, float] | None,
    ) -> None:
        self._commands = commands
        self._fixed = fixed
        self._steps_each = round(commands.seconds * CONTROL_RATE)
        count = -(-episode_steps // self._steps_each) + 1
        self._planned = np.zeros((n_envs, count, 2))
        self._everyone = np.arange(n_envs)

    def plan(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> None:
        """Draws the commands of new episodes; ``command`` among the reset's options fixes them.

        Raises:
            InputError: If such an option is no command.
        """
        if self._fixed is None:
            count = self._planned.shape[1]
            self._planned[indices] = draw_commands(generators, self._commands, count)
        else:
            self._planned[indices] = self._fixed
        for index, option in zip(indices, options, strict=True):
            if "command" in option:
                self._planned[index] = check_command(option["command"])

    def at(self, steps: IndexArray) -> FloatArray:
        """Forward velocity [m/s] and yaw rate [rad/s], ``(n, 2)``, at control steps ``(n,)``."""
        last = self._planned.shape[1] - 1
        index = np.minimum(steps // self._steps_each, last)
        return np.asarray(self._planned[self._everyone, index])


def draw_commands(
    generators: Sequence[np.random.Generator], commands: Commands, count: int
) -> FloatArray:
    """Draws ``count`` commands for each of k episodes, ``(k, count, 2)``."""
    unit = np.array([generator.random((count, 3)) for generator in generators])
    low, high = np.array((commands.forward, commands.yaw)).T
    drawn: FloatArray = low + unit[:, :, :2] * (high - low)
    drawn[unit[:, :, 2] < commands.still] = 0.0
    return drawn


def check_command(command: Any) -> FloatArray:
    """A command as two finite numbers.

    Raises:
        InputError: If it is anything else.
    """
    array = np.asarray(command, np.float64)
    if array.shape != (2,) or not np.isfinite(array).all():
        raise InputError(
            f"command={command!r} must be a forward velocity [m/s] and a yaw rate [rad/s]"
        )
    return array
