"""Episodes run side by side, and their starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.policies.randomness import fork_randomness


@dataclass(frozen=True)
class Episodes:
    """Results of n episodes that were run side by side.

    Attributes:
        rewards: Reward of each step, 0 after the end, shape (steps, n).
        lengths: Steps of each, shape (n,).
        fallen: Whether each ended by failure, shape (n,).
        measures: Mean of each measure over the steps of an episode, shape (n,) each.
        last: The measures at the last step of each episode, shape (n,) each.
    """

    rewards: FloatArray
    lengths: NDArray[np.int64]
    fallen: NDArray[np.bool_]
    measures: dict[str, FloatArray]
    last: dict[str, FloatArray]


def run_episodes(
    batch: BatchedEnv,
    policy: Policy,
    options: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    deterministic: bool = True,
    measure: Callable[[], dict[str, FloatArray]] | None = None,
    n_steps: int | None = None,
    disturb: Callable[[int], None] | None = None,
) -> Episodes:
    """Runs one episode in every environment of a batch.

    Args:
        batch: n environments.
        policy: The policy that acts.
        options: Reset options of each, n of them.
        seed: Environment i is seeded with ``seed + i``; stochastic actions with ``seed``.
        deterministic: Whether actions are deterministic.
        measure: Called after every step, gives named measures, shape (n,) each.
        n_steps: Steps after which no further one is made; None for whole episodes.
        disturb: Called before every step with its number, from 0; may change the batch's states and
            its ``BatchedEnv.push``.
    """
    n = batch.n_envs
    everyone = np.arange(n)
    generators = [gym.utils.seeding.np_random(seed + i)[0] for i in range(n)]
    running = np.ones(n, np.bool_)
    fallen = np.zeros(n, np.bool_)
    lengths = np.zeros(n, np.int64)
    rewards: list[FloatArray] = []
    sums: dict[str, FloatArray] = {}
    last: dict[str, FloatArray] = {}
    with fork_randomness(seed):
        observations = batch.reset(everyone, generators, options)
        while running.any() and len(rewards) != n_steps:
            if disturb is not None:
                disturb(len(rewards))
                observations = batch.observe(everyone)
            actions, _ = policy.predict(observations, deterministic=deterministic)
            step = batch.step(actions)
            observations = step.observations
            rewards.append(np.where(running, step.rewards, 0.0))
            lengths += running
            for name, values in (measure() if measure else {}).items():
                sums[name] = sums.get(name, 0.0) + np.where(running, values, 0.0)
                last[name] = np.where(running, values, last.get(name, 0.0))
            fallen |= running & step.terminated
            ended = np.flatnonzero(running & (step.terminated | step.truncated))
            running[ended] = False
            if len(ended):  # off the ground they lie on: its physics is slow and means nothing
                observations[ended] = batch.reset(
                    ended, [generators[i] for i in ended], [options[int(i)] for i in ended]
                )
    means = {name: total / lengths for name, total in sums.items()}
    return Episodes(np.array(rewards), lengths, fallen, means, last)


def uniform_start_phases(batch: BatchedEnv) -> list[dict[str, float]]:
    """Reset options of each environment: start phases spread evenly over a looping clip.

    Clips that do not loop start at phase 0; other tasks have no phase and get no options.
    """
    if not isinstance(batch, TrackingBatch):
        return [{} for _ in range(batch.n_envs)]
    n = batch.n_envs
    phases = np.arange(n) / n if batch.reference.loop else np.zeros(n)
    return [{"phase": float(phase)} for phase in phases]
