"""Robustness of a policy: pushes in the middle of a motion, and starts beside the reference.

Deterministic actions, and the protocol of :mod:`sb3_mimic.evaluation.protocol`: only a fall ends an
episode.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.manifold import displace, random_tangents
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.envs.tracking.pushes import PUSH_SECONDS
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.environments import (
    Environment,
    find_mimic_env,
    make_protocol_batch,
    open_environment,
)
from sb3_mimic.evaluation.episodes import run_episodes, uniform_start_phases
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.spatial import from_heading_frame, heading

IntArray = NDArray[np.intp]

#: Time of the push, and time after it that the body must not fall [s].
PUSH_AFTER, PUSH_SURVIVAL = 1.0, 3.0
#: Moments of a motion at which a body is pushed.
N_PHASES: Final = 8
#: Spreads of first states, see `sb3_mimic.envs.core.manifold.random_tangents`.
SPREADS: Final = (0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3)

# Directions of pushes in the heading frame: forward, to the left, to the right.
_DIRECTIONS = np.array([(1.0, 0.0), (0.0, 1.0), (0.0, -1.0)])
# In parts of the robot's weight: the first push, the precision, and the largest push tried.
_FIRST, _PRECISION, _MOST = 0.5, 0.025, 8.0
# Time over which pushes are spread where a motion has no phase to start from [s].
_SPACING = 0.4


@dataclass(frozen=True, eq=False)
class PushTest:
    """The largest pushes survived, each found by bisection.

    Attributes:
        forward: Forward, for each moment of the motion, shape (8,) [N].
        sideways: To the weaker side, shape (8,) [N].
        precision: Precision of the figures [N].
        limit: The largest push tried [N]; a figure as large says that no push made it fall.
    """

    forward: FloatArray
    sideways: FloatArray
    precision: float
    limit: float

    def figures(self) -> dict[str, float]:
        """The push survived at all moments, and that survived at half of them."""
        return {
            "push_forward_N": float(self.forward.min()),
            "push_sideways_N": float(self.sideways.min()),
            "push_forward_median_N": float(np.median(self.forward)),
            "push_sideways_median_N": float(np.median(self.sideways)),
        }


@dataclass(frozen=True, eq=False)
class PerturbationCurve:
    """How long a policy survives from disturbed first states.

    Attributes:
        spreads: How large the disturbances are [rad], see
            :func:`sb3_mimic.envs.core.manifold.random_tangents`, shape (k,).
        survival: Mean time until the fall or the end of the episode, shape (k,) [s].
        survived: Part of the episodes without a fall, shape (k,).
        full: Length of a whole episode [s].
    """

    spreads: FloatArray
    survival: FloatArray
    survived: FloatArray
    full: float


def push_test(
    policy: Policy,
    env: Environment,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    n_phases: int = N_PHASES,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> PushTest:
    """Pushes the root for 0.2 s and finds the largest force that the body survives at every moment.

    Looping clips are begun at 8 phases and pushed after 1 s; clips that do not loop are begun at
    their start and pushed at 8 moments; other tasks are pushed at 8 moments spread over 0.4 s. The
    force is constant, at the center of mass of the root body, along the heading when the push
    begins or across it. A body survives that does not fall for 3 s, or to the end of the clip. Each
    moment and direction has its own bisection, which takes for granted that a stronger push is not
    survived where a weaker one is not.

    Args:
        policy: An SB3 model or policy, or anything with its ``predict``.
        env: Gymnasium id of an environment of this package's kind, or such an environment, which
            is neither stepped nor closed.
        env_kwargs: Keyword arguments of the environment where it is given by its id.
        n_phases: Number of moments.
        seed: Seed of first states where they are random.
        progress: Called after each round with the number of bisections still going on.

    Raises:
        InputError: If the environment is of another kind.

    Example:
        >>> import gymnasium as gym
        >>> from stable_baselines3 import PPO
        >>> from sb3_mimic.tasks import DEFAULT_TASK, get_task
        >>> env = gym.make(get_task(DEFAULT_TASK).env_id)
        >>> model = PPO("MlpPolicy", env, n_steps=64, seed=0)
        >>> push_test(model, env).forward.shape
        (8,)
    """
    with _open_mimic_env(env, env_kwargs) as base:
        model = base.batched.robot.model
        weight = float(model.body_mass.sum() * np.linalg.norm(model.opt.gravity))
        directions = np.repeat(_DIRECTIONS, n_phases, axis=0)
        moments = np.tile(np.arange(n_phases), len(_DIRECTIONS))

        def survives(pending: IntArray, forces: FloatArray) -> NDArray[np.bool_]:
            batch = make_protocol_batch(base, len(pending))
            try:
                return _survive_pushes(
                    batch,
                    policy,
                    moments[pending] / n_phases,
                    forces[:, None] * directions[pending],
                    seed,
                )
            finally:
                batch.close()

        largest = bisect(
            survives, len(moments), _FIRST * weight, _PRECISION * weight, _MOST * weight, progress
        ).reshape(len(_DIRECTIONS), n_phases)
    return PushTest(largest[0], largest[1:].min(axis=0), _PRECISION * weight, _MOST * weight)


def bisect(
    survives: Callable[[IntArray, FloatArray], NDArray[np.bool_]],
    n: int,
    first: float,
    precision: float,
    limit: float,
    progress: Callable[[int], None] = lambda _: None,
) -> FloatArray:
    """The largest force survived in each of n cases, ``(n,)``: doubling, then halving.

    Args:
        survives: Called with cases ``(k,)`` and a force for each, says which survive theirs.
        n: Number of cases.
        first: The first force tried.
        precision: A case is done when the smallest force that it did not survive is no further
            above the largest that it did.
        limit: No larger force is tried.
        progress: Called after each round with the number of cases not done.
    """
    low, high = np.zeros(n), np.full(n, np.inf)
    pending = np.arange(n)
    forces = np.full(n, first)
    while len(pending):
        survived = survives(pending, forces)
        low[pending[survived]] = forces[survived]
        high[pending[~survived]] = forces[~survived]
        open_ = (high - low > precision) & (low < limit)
        pending = np.flatnonzero(open_)
        known = np.isfinite(high[pending])
        middle = (low[pending] + np.where(known, high[pending], 0.0)) / 2
        forces = np.where(known, middle, np.minimum(2 * low[pending], limit))
        progress(len(pending))
    return low


def perturbation_curve(
    policy: Policy,
    env: Environment,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    spreads: Sequence[float] = SPREADS,
    n_episodes: int = 32,
    seed: int = 0,
) -> PerturbationCurve:
    """Lets a policy begin beside the reference, by more and more, and measures how long it lasts.

    The episodes of each spread begin at the same phases, and with the same disturbances but for
    their size.

    Args:
        policy: An SB3 model or policy, or anything with its ``predict``.
        env: Gymnasium id of an environment of this package's kind, or such an environment, which
            is neither stepped nor closed.
        env_kwargs: Keyword arguments of the environment where it is given by its id.
        spreads: How large the disturbances are.
        n_episodes: Episodes of each.
        seed: Seed of the disturbances.

    Raises:
        InputError: If the environment is of another kind.
    """
    survival, survived, full = [], [], 0.0
    with _open_mimic_env(env, env_kwargs) as base:
        nq, nv = base.batched.robot.model.nq, base.batched.robot.model.nv
        unit = random_tangents(n_episodes, nv, 1.0, np.random.default_rng(seed))
        for spread in spreads:
            batch = make_protocol_batch(base, n_episodes)
            full = _full_seconds(batch)

            def displace_all(step: int, spread: float = spread, batch: BatchedEnv = batch) -> None:
                if step == 0 and spread > 0:
                    states = np.concatenate((batch.qpos, batch.qvel), axis=1)
                    for index, row in enumerate(displace(states, spread * unit)):
                        batch.set_state(index, row[:nq], row[nq:])

            try:
                episodes = run_episodes(
                    batch, policy, uniform_start_phases(batch), seed=seed, disturb=displace_all
                )
            finally:
                batch.close()
            survival.append(float(episodes.lengths.mean() * batch.dt))
            survived.append(float(1 - episodes.fallen.mean()))
    return PerturbationCurve(
        np.asarray(spreads, np.float64), np.array(survival), np.array(survived), full
    )


def _survive_pushes(
    batch: BatchedEnv, policy: Policy, phases: FloatArray, forces: FloatArray, seed: int
) -> NDArray[np.bool_]:
    """Which bodies are not down after pushes ``(n, 2)`` [N], forward and left.

    The pushes come at phases ``(n,)`` in [0, 1).
    """
    rate = batch.robot.control_rate
    starts: list[dict[str, float]] = [{}] * len(phases)
    begin = round(PUSH_AFTER * rate) + np.zeros(len(phases), np.intp)
    if not isinstance(batch, TrackingBatch):
        begin += np.round(phases * _SPACING * rate).astype(np.intp)
    elif batch.reference.loop:
        starts = [{"phase": float(phase)} for phase in phases]
    else:
        starts = [{"phase": 0.0}] * len(phases)
        begin = np.round(phases * batch.reference.duration * rate).astype(np.intp)
    end = begin + round(PUSH_SECONDS * rate)
    push = np.zeros((len(phases), 3))
    level = np.pad(forces, ((0, 0), (0, 1)))  # no force upwards

    def disturb(step: int) -> None:
        begins = begin == step
        towards = heading(batch.qpos[begins, 3:7])
        push[begins] = from_heading_frame(towards, level[begins])
        push[end == step] = 0.0
        batch.push = push if push.any() else None

    judged = end + round(PUSH_SURVIVAL * rate)
    episodes = run_episodes(
        batch, policy, starts, seed=seed, n_steps=int(judged.max()), disturb=disturb
    )
    return ~(episodes.fallen & (episodes.lengths <= judged))


def _full_seconds(batch: BatchedEnv) -> float:
    if isinstance(batch, TrackingBatch) and not batch.reference.loop:
        return batch.reference.duration
    return batch.episode_steps * batch.dt


@contextmanager
def _open_mimic_env(env: Environment, env_kwargs: Mapping[str, Any] | None) -> Iterator[MimicEnv]:
    """The environment that batches are made of.

    Raises:
        InputError: If it is of another kind, within a wrapper that changes what it does, or tracks
            several clips.
    """
    with open_environment(env, env_kwargs) as opened:
        base = find_mimic_env(opened)
        if base is None:
            raise InputError(
                f"{env if isinstance(env, str) else type(env).__name__}: only environments of "
                "sb3-mimic's kind, not wrapped in anything, can be pushed and displaced"
            )
        batch = find_tracking_batch(base)
        if batch is not None and len(batch.references) > 1:
            raise InputError("pushes and disturbed starts are tried on one motion at a time")
        yield base
