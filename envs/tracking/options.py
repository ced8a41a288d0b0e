"""What can be chosen about tracking a clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from sb3_mimic.envs.actuation import get_actuation
from sb3_mimic.envs.tracking.rewards import get_reward
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip

Observation = Literal["reference", "phase", "joints"]
EarlyTermination = Literal["fall", "tracking", "none"]
Anchor = Literal["root", "world"]
MotionOrder = Literal["random", "in_turn"]
Motion = str | Path | MotionClip


@dataclass(frozen=True)
class TrackingOptions:
    """What can be chosen about the task; `TrackingEnv` describes each.

    Attributes:
        observation: What is observed.
        control: Name of the actuation: what an action asks for.
        reward: Name of the reward.
        early_termination: What ends an episode before its time.
        anchor: Where the reference stands after a cycle.
        episode_seconds: Length of an episode [s].
        motion_order: Which of several motions an episode performs.
        push_force: Largest force of the pushes [N]; 0 for none.

    Raises:
        InputError: If there is no such choice, the length is not positive, or the force negative.
    """

    observation: Observation = "reference"
    control: str = "residual"
    reward: str = "deepmimic"
    early_termination: EarlyTermination = "fall"
    anchor: Anchor = "root"
    episode_seconds: float = 20.0
    motion_order: MotionOrder = "random"
    push_force: float = 0.0

    def __post_init__(self) -> None:
        get_actuation(self.control)
        get_reward(self.reward)
        for name, choices in (
            ("observation", get_args(Observation)),
            ("early_termination", get_args(EarlyTermination)),
            ("anchor", get_args(Anchor)),
            ("motion_order", get_args(MotionOrder)),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise InputError(f"{name}={value!r} must be one of {', '.join(choices)}")
        if not 0 < self.episode_seconds < np.inf:
            raise InputError(f"episode_seconds={self.episode_seconds} must be positive and finite")
        if not 0 <= self.push_force < np.inf:
            raise InputError(f"push_force={self.push_force} must be a force [N], or 0 for none")


def motions_of(motion: Motion | Sequence[Motion]) -> tuple[Motion, ...]:
    """One or several motions, as ``motion=`` takes them, as several.

    Raises:
        InputError: If there is none.
    """
    if isinstance(motion, (str, Path, MotionClip)):
        return (motion,)
    if not motion:
        raise InputError("motion=[] names no clip; one at least is needed")
    return tuple(motion)
