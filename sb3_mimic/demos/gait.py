"""PiDog's hardcoded gaits, and demonstrations from them.

A gait is a pure function from the phase of its cycle to eight left-sign servo angles (see
`sb3_mimic.envs.pidog_legs`). Three are built in:

- ``sine``: the sine trot of the imitation guide, diagonal legs in phase. The default, since it is
  the one that really walks in the model (``bench/gaits.py``, ``docs/pidog.md``).
- ``trot`` and ``walk``: the vendor's, as foot targets that its software turns into servo angles.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import gymnasium as gym
import numpy as np
from imitation.data.types import TrajectoryWithRew
from numpy.typing import ArrayLike, NDArray

from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.envs.pidog import ACTION_SCALE, PiDogBatch, PiDogEnv
from sb3_mimic.envs.pidog_legs import STAND, inverse_kinematics, to_servo
from sb3_mimic.errors import InputError

FloatArray = NDArray[np.float64]

SINE_FREQUENCY: Final = 2.75
"""Default frequency of the sine gait [Hz]: the fastest that fell in no condition measured."""

ACTION_NOISE: Final = 0.03
"""Default standard deviation of the noise in demonstrations, in units of the action."""

# Episodes collected at once.
_BATCH = 64

# Phases of the legs' sines at the start of a cycle: left front with right hind, and half a cycle
# later right front with left hind. Started a quarter in, with all knees bent alike, a robot at rest
# never tripped in its first steps at 2.5 and 2.75 Hz, at any friction and mass of the benchmark; of
# the other twelfths of the cycle, each tripped it somewhere.
_DIAGONAL: Final = np.array([0.25, 0.75, 0.75, 0.25])


@dataclass(frozen=True)
class Gait:
    """A periodic gait.

    Attributes:
        name: What ``--motion`` calls it.
        period: Length of a cycle [s].
        cycle: Maps phases in [0, 1), shape (...), to left-sign angles [rad], shape (..., 8).
    """

    name: str
    period: float
    cycle: Callable[[FloatArray], FloatArray]

    def left_sign_angles(self, time: ArrayLike) -> FloatArray:
        """Left-sign angles [rad], shape (..., 8), at times [s], shape (...)."""
        return self.cycle(np.mod(np.asarray(time, np.float64) / self.period, 1.0))

    def servo_angles(self, time: ArrayLike) -> FloatArray:
        """Servo angles [rad], shape (..., 8), at times [s], shape (...)."""
        return to_servo(self.left_sign_angles(time))

    def actions(self, time: ArrayLike) -> FloatArray:
        """The environment's actions, shape (..., 8), at times [s], shape (...)."""
        return (self.left_sign_angles(time) - STAND) / ACTION_SCALE


def sine_cycle(phase: FloatArray) -> FloatArray:
    """The sine trot: hip ∓(.2 sin t − .1), knee ∓(.4 cos t − .2), in units of 45 degrees.

    The numbers are the imitation guide's. It names neither signs nor standing pose; of the four
    choices of sign around the vendor's standing pose only minus for both walks forward.

    Args:
        phase: Shape (...).

    Returns:
        Left-sign angles [rad], shape (..., 8).
    """
    angle = 2 * np.pi * (phase[..., None] + _DIAGONAL)
    offsets = np.stack((0.1 - 0.2 * np.sin(angle), 0.2 - 0.4 * np.cos(angle)), axis=-1)
    return STAND + ACTION_SCALE * offsets.reshape(*phase.shape, 8)


def trot_cycle(phase: FloatArray) -> FloatArray:
    """The vendor's trot; arguments as for `sine_cycle`."""
    return _play(*_trot_frames(), phase)


def walk_cycle(phase: FloatArray) -> FloatArray:
    """The vendor's walk; arguments as for `sine_cycle`."""
    return _play(*_walk_frames(), phase)


def _play(ends: FloatArray, frames: FloatArray, phase: FloatArray) -> FloatArray:
    return np.stack([np.interp(phase, ends, angles) for angles in frames.T], axis=-1)


@cache
def _trot_frames() -> tuple[FloatArray, FloatArray]:
    """Phases (7,) and left-sign angles (7, 8) of the trot, the first frame repeated at the end.

    Targets of the four tips [mm], y + backward and z down from the hip, from the vendor's software.
    """
    y = [
        (28.0, -38.7, -28.7, 38.0),
        (-22.0, -5.3, 4.7, -12.0),
        (-72.0, 28.0, 38.0, -62.0),
        (-38.7, 28.0, 38.0, -28.7),
        (-5.3, -22.0, -12.0, 4.7),
        (28.0, -72.0, -62.0, 38.0),
    ]
    z = [
        (80.0, 80.0, 80.0, 80.0),
        (70.0, 80.0, 80.0, 70.0),
        (60.0, 80.0, 80.0, 60.0),
        (80.0, 80.0, 80.0, 80.0),
        (80.0, 70.0, 70.0, 80.0),
        (80.0, 60.0, 60.0, 80.0),
    ]
    return _time_frames(np.array(y), np.array(z))


@cache
def _walk_frames() -> tuple[FloatArray, FloatArray]:
    """Phases (50,) and left-sign angles (50, 8) of the walk, the first frame repeated at the end.

    Eight sections of six frames and a closing one. In every second section one leg swings, in the
    order LF, RH, RF, LH: forward by 80 mm along half a cosine while it rises evenly by 20 mm.
    Otherwise the foot moves evenly backward on the ground, through the 42 frames of the seven
    other sections (numbers from the vendor's software).
    """
    n_swing, n_stance, step, lift, height = 6, 42, 80.0, 20.0, 80.0
    foremost = np.array([-65.0, -65.0, -35.0, -35.0])
    swing_starts = np.array([0, 24, 36, 12])
    frame = np.arange(n_swing + n_stance)[:, None]
    since = np.mod(frame - swing_starts, n_swing + n_stance)
    swing = np.minimum(since / (n_swing - 1), 1.0)
    stance = np.maximum(since - (n_swing - 1), 0) / n_stance
    y = foremost + step * np.where(since < n_swing, (1 + np.cos(np.pi * swing)) / 2, stance)
    z = np.where(since < n_swing, height - lift * swing, height)
    # The closing frame repeats the last one.
    return _time_frames(np.vstack((y, y[-1:])), np.vstack((z, z[-1:])))


def _time_frames(y: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Phases and angles of a cycle of foot targets, ``(frames, 4)`` [mm], at the vendor's speed 98.

    The vendor's servo driver moves all servos evenly from frame to frame, in whole steps of 10 ms,
    in 1000 − 9.9 · 98 ms or in the time that the largest change takes at 428 degrees per second,
    whichever is longer. That makes the trot's published cycle of 540 ms exactly, and 1280 ms of the
    walk's 1270 ms.
    """
    hip, knee = inverse_kinematics(-1e-3 * y, -1e-3 * z)
    frames = np.stack((hip, knee), axis=-1).reshape(len(y), 8)
    frames = np.vstack((frames, frames[:1]))
    largest = np.rad2deg(np.abs(np.diff(frames, axis=0)).max(axis=1))
    milliseconds = np.maximum(1000 - 9.9 * 98, 1000 * largest / 428)
    ends = np.concatenate(([0.0], np.cumsum(10 * np.floor(milliseconds / 10))))
    return ends / ends[-1], frames


GAITS: Final[Mapping[str, Gait]] = {
    gait.name: gait
    for gait in (
        Gait("sine", 1 / SINE_FREQUENCY, sine_cycle),
        Gait("trot", 0.54, trot_cycle),
        Gait("walk", 1.27, walk_cycle),
    )
}
"""The built-in gaits by name."""


def make_gait(name: str, frequency: float | None = None) -> Gait:
    """Finds a gait by its name.

    Args:
        name: ``sine``, ``trot`` or ``walk``.
        frequency: Cycles per second [Hz], if not the gait's own.

    Raises:
        InputError: If there is no such gait, or the frequency is not positive.
    """
    if name not in GAITS:
        raise InputError(f"unknown gait {name!r}; there are {', '.join(sorted(GAITS))}")
    gait = GAITS[name]
    if frequency is None:
        return gait
    if not frequency > 0:
        raise InputError(f"the gait's frequency must be positive, got {frequency}")
    return Gait(name, 1 / frequency, gait.cycle)


def collect_gait(
    env_id: str,
    motion: str | Path | Gait,
    n_episodes: int,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    action_noise: float = ACTION_NOISE,
) -> list[TrajectoryWithRew]:
    """Makes demonstrations: episodes in which PiDog plays a gait open loop.

    Each episode starts from the environment's own perturbed standing pose, at the gait's phase 0,
    so that all begin with the same actions: the observation of a robot at rest does not tell the
    phase, the last action does from then on.

    Noise is added to what is executed but not to what is recorded as the action, so that the clone
    sees how the gait goes on after a disturbance, its own errors above all (DART, Laskey et al.
    2017, https://arxiv.org/abs/1703.09327). The last action in the observation is the executed one.

    Args:
        env_id: Gymnasium id of a `PiDogEnv`.
        motion: Name of a gait, or a `Gait`.
        n_episodes: Number of episodes, at least 1. An episode in which the robot falls ends there.
        seed: Seeds the starts and the noise.
        env_kwargs: Keyword arguments of the environment.
        action_noise: Standard deviation of the noise, in units of the action; 0 for none.

    Returns:
        One trajectory per episode.

    Raises:
        InputError: If the environment is no PiDog's, the gait is unknown, or a number is out of
            range.

    Example:
        >>> episodes = collect_gait("sb3_mimic/PiDog-v0", "sine", 2)
        >>> len(episodes), episodes[0].acts.shape
        (2, (1000, 8))
    """
    if n_episodes < 1:
        raise InputError(f"the number of demonstration episodes must be positive, got {n_episodes}")
    if not action_noise >= 0:
        raise InputError(f"the action noise must not be negative, got {action_noise}")
    gait = motion if isinstance(motion, Gait) else make_gait(str(motion))
    with closing(gym.make(env_id, **(env_kwargs or {}))) as made:
        env = made.unwrapped
        if not isinstance(env, PiDogEnv):
            raise InputError(f"{env_id} is no PiDog, which the gait {gait.name!r} is for")
        episodes: list[TrajectoryWithRew] = []
        for first in range(0, n_episodes, _BATCH):
            n = min(_BATCH, n_episodes - first)
            # A generator each, so that an episode depends on the seed and its number alone.
            generators = [np.random.default_rng((seed, first + i)) for i in range(n)]
            with closing(env.make_batch(n)) as batch:
                episodes += _play_episodes(batch, gait, generators, action_noise)
        check_trajectories(episodes, env.observation_space, env.action_space, f"gait {gait.name}")
    return episodes


def _play_episodes(
    batch: PiDogBatch,
    gait: Gait,
    generators: Sequence[np.random.Generator],
    action_noise: float,
) -> list[TrajectoryWithRew]:
    """Plays the gait in all environments of a batch, one episode each."""
    n, n_steps = batch.n_envs, batch.episode_steps
    first = batch.reset(np.arange(n), generators, [{}] * n)
    observations = np.empty((n, n_steps + 1, *first.shape[1:]), first.dtype)
    observations[:, 0] = first
    rewards = np.empty((n, n_steps), np.float32)
    labels = gait.actions(np.arange(n_steps) * batch.dt).clip(-1.0, 1.0)
    lengths = np.full(n, n_steps)
    for index, label in enumerate(labels):
        noise = np.stack(
            [generator.normal(0.0, action_noise, label.shape) for generator in generators]
        )
        step = batch.step(label + noise)
        observations[:, index + 1] = step.observations
        rewards[:, index] = step.rewards
        lengths[step.terminated] = np.minimum(lengths[step.terminated], index + 1)
    # What follows a fall is left out.
    return [
        TrajectoryWithRew(
            obs=observations[i, : length + 1],
            acts=labels[:length].astype(np.float32),
            infos=None,
            terminal=bool(length < n_steps),
            rews=rewards[i, :length],
        )
        for i, length in enumerate(lengths)
    ]
