"""Demonstrations of PiDog's hardcoded gaits (`sb3_mimic.envs.pidog.gaits`)."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gymnasium as gym
import numpy as np
from imitation.data.types import TrajectoryWithRew

from sb3_mimic.arrays import FloatArray
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.env import PiDogEnv, is_pidog
from sb3_mimic.envs.pidog.gaits import GAITS, Gait, make_gait
from sb3_mimic.errors import InputError

ACTION_NOISE: Final = 0.03
"""Default standard deviation of the noise in demonstrations, in units of the action."""

# Episodes collected at once.
_BATCH = 64

# Demonstrations for commands have strides up to this, over the gait's own.
_LONGEST_STRIDE: Final = 1.25


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

    Where observations have a clock, a gait given by name has the clock's frequency, so that the
    clock tells its phase. Where the task has commands, each episode is of another stride and turn,
    and its command is what that came to: the episode is played once to measure the velocities, and
    again, the same to the last bit, with these as the command (hindsight).

    Args:
        env_id: Gymnasium id of a `PiDogEnv`.
        motion: Name of a gait, or, played at their own frequency, a `Gait` or the path of one of
            DeepMimic's dog clips.
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
    gait = _find_gait(motion)
    own_frequency = gait.name not in GAITS or isinstance(motion, Gait)
    with closing(gym.make(env_id, **(env_kwargs or {}))) as made:
        env = made.unwrapped
        if not is_pidog(env):
            raise InputError(f"{env_id} is no PiDog, which the gait {gait.name!r} is for")
        frequency = env.batched.clock_frequency
        if frequency is not None and not own_frequency:
            gait = make_gait(gait.name, frequency)
        episodes: list[TrajectoryWithRew] = []
        for first in range(0, n_episodes, _BATCH):
            numbers = range(first, min(first + _BATCH, n_episodes))
            episodes += _collect_batch(env, gait, action_noise, seed, numbers)
        check_trajectories(episodes, env.observation_space, env.action_space, f"gait {gait.name}")
    return episodes


def _collect_batch(
    env: PiDogEnv, gait: Gait, action_noise: float, seed: int, numbers: range
) -> list[TrajectoryWithRew]:
    """The episodes of some numbers, side by side."""
    n = len(numbers)
    play = _Playback(gait, np.ones(n), np.zeros(n), action_noise)
    options: list[dict[str, Any]] = [{}] * n
    if env.batched.task.has_commands:
        drawn = np.array([np.random.default_rng((seed, i, 1)).random(3) for i in numbers])
        # Half of the episodes go straight.
        turns = np.where(drawn[:, 1] < 0.5, 2 * drawn[:, 2] - 1, 0.0)
        play = _Playback(gait, _LONGEST_STRIDE * drawn[:, 0], turns, action_noise)
        with closing(env.make_batch(n)) as batch:
            _, velocities = _play_episodes(batch, play, _generators(seed, numbers), options)
        options = [{"command": velocity} for velocity in velocities]
    with closing(env.make_batch(n)) as batch:
        episodes, _ = _play_episodes(batch, play, _generators(seed, numbers), options)
    return episodes


def _find_gait(motion: str | Path | Gait) -> Gait:
    """A gait by its name, or a file's."""
    if isinstance(motion, Gait):
        return motion
    if Path(motion).suffix:
        from sb3_mimic.demos.pidog.dog import dog_gait

        return dog_gait(motion)
    return make_gait(str(motion))


@dataclass(frozen=True)
class _Playback:
    """A gait, the stride and turn of each of n episodes, and the noise on the action."""

    gait: Gait
    strides: FloatArray
    turns: FloatArray
    noise: float


def _generators(seed: int, numbers: Iterable[int]) -> list[np.random.Generator]:
    """A generator each, so that an episode depends on the seed and its number alone."""
    return [np.random.default_rng((seed, number)) for number in numbers]


def _play_episodes(
    batch: PiDogBatch,
    play: _Playback,
    generators: Sequence[np.random.Generator],
    options: Sequence[Mapping[str, Any]],
) -> tuple[list[TrajectoryWithRew], FloatArray]:
    """Plays the gait in all environments of a batch, one episode each.

    Returns:
        The episodes, and the mean forward velocity [m/s] and yaw rate [rad/s] of each, ``(n, 2)``.
    """
    n, n_steps = batch.n_envs, batch.episode_steps
    first = batch.reset(np.arange(n), generators, options)
    observations = np.empty((n, n_steps + 1, *first.shape[1:]), first.dtype)
    observations[:, 0] = first
    rewards = np.empty((n, n_steps), np.float32)
    times = np.arange(n_steps)[:, None] * batch.dt
    labels = np.zeros((n_steps, n, batch.robot.model.nu))
    labels[..., :8] = play.gait.actions(times, play.strides, play.turns).clip(-1.0, 1.0)
    lengths = np.full(n, n_steps)
    fallen = np.zeros(n, dtype=np.bool_)
    moved = np.zeros((n, 2))
    for index, label in enumerate(labels):
        noise = np.stack(
            [generator.normal(0.0, play.noise, label.shape[1]) for generator in generators]
        )
        step = batch.step(label + noise)
        running = lengths > index
        moved[running, 0] += batch.velocity[running, 0]
        moved[running, 1] += batch.qvel[running, 5]
        observations[:, index + 1] = step.observations
        rewards[:, index] = step.rewards
        lengths[running & step.terminated] = index + 1
        fallen |= running & step.terminated
    # What follows a fall is left out.
    episodes = [
        TrajectoryWithRew(
            obs=observations[i, : length + 1],
            acts=labels[:length, i].astype(np.float32),
            infos=None,
            terminal=bool(fallen[i]),
            rews=rewards[i, :length],
        )
        for i, length in enumerate(lengths)
    ]
    return episodes, moved / lengths[:, None]
