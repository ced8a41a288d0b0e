"""Several clips for one policy: which of them training performs, by how hard they still are."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.humanoid import HumanoidBatch, HumanoidMimicEnv, motions_of
from sb3_mimic.errors import InputError

FloatArray = NDArray[np.float64]

# Episodes over which a clip's share of the possible return is averaged.
_EPISODES = 50
# The part of all episodes that is drawn evenly, whatever is hard.
_FLOOR = 0.25
# Where a model keeps the estimates, so that they are in its zip.
_KEPT = "motion_shares"


def motions_apart(env_id: str, env_kwargs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Keyword arguments of an environment for each of its motions alone, by the clips' names.

    One without motions to choose from has one entry, and no name.

    Args:
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of the environment.
    """
    kwargs = dict(env_kwargs)
    with closing(gym.make(env_id, **kwargs)) as env:
        if not isinstance(env.unwrapped, HumanoidMimicEnv) or "motion" not in kwargs:
            return {"": kwargs}
        names, motions = env.unwrapped.motion_names, motions_of(kwargs["motion"])
    return {name: {**kwargs, "motion": m} for name, m in zip(names, motions, strict=True)}


def by_difficulty(shares: FloatArray, floor: float = _FLOOR) -> FloatArray:
    """How likely each clip is drawn, ``(k,)``: in proportion to what is missing of its return.

    ``floor / k + (1 - floor) (1 - share) / Σ (1 - share)``.

    Args:
        shares: The part of its possible return that each clip's episodes reach, ``(k,)``.
        floor: The part of all episodes that is drawn evenly, so that nothing is forgotten.

    Example:
        >>> by_difficulty(np.array([0.9, 0.7]), floor=0.2).round(3).tolist()
        [0.3, 0.7]
    """
    missing = 1 - np.clip(shares, 0.0, 1.0)
    k, total = len(shares), missing.sum()
    if total == 0:
        return np.full(k, 1 / k)
    likely: FloatArray = floor / k + (1 - floor) * missing / total
    return likely


class MotionSamplingCallback(BaseCallback):
    """Draws those of an environment's clips more often whose episodes do worse.

    An episode's share is its return, as SB3's ``VecMonitor`` reports it, over the steps that it
    could have had: no step's reward is more than 1. Each clip's is averaged over its last 50
    episodes or so; a clip without a finished episode counts as one that fails. After every rollout
    the probabilities of new episodes are set by `by_difficulty`. The averages are an attribute of
    the model, ``motion_shares``, and so saved with it: training that is resumed goes on with them.

    Args:
        floor: See `by_difficulty`.
        verbose: As SB3's.

    Raises:
        InputError: When training starts, if the environments are no native batch of humanoids.
    """

    model: OnPolicyAlgorithm

    def __init__(self, floor: float = _FLOOR, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.floor = floor
        self._shares: dict[str, list[float]] = {}
        self._motions: NDArray[np.intp] = np.zeros(0, np.intp)
        self._full_steps: NDArray[np.int64] = np.zeros(0, np.int64)

    def _on_training_start(self) -> None:
        names = _batch(self.training_env).motion_names
        kept = vars(self.model).get(_KEPT, {})
        self._shares = {name: list(kept.get(name, (0.0, 0))) for name in names}
        vars(self.model)[_KEPT] = self._shares
        self._draw_by_difficulty()
        self._look()

    def _on_step(self) -> bool:
        for index in np.flatnonzero(self.locals["dones"]):
            episode = self.locals["infos"][index].get("episode")
            if episode is not None:
                self._note(int(index), float(episode["r"]))
        self._look()
        return True

    def _on_rollout_end(self) -> None:
        likely = self._draw_by_difficulty()
        for (name, (share, _)), probability in zip(self._shares.items(), likely, strict=True):
            self.logger.record(f"motions/{name}_share", share)
            self.logger.record(f"motions/{name}_probability", float(probability))

    def _look(self) -> None:
        """Keeps what the running episodes perform: one that ends is replaced within its step."""
        batch = _batch(self.training_env)
        self._motions, self._full_steps = batch.motions.copy(), batch.full_steps

    def _note(self, index: int, total: float) -> None:
        mean = self._shares[list(self._shares)[self._motions[index]]]
        mean[1] = min(mean[1] + 1, _EPISODES)
        mean[0] += (total / float(self._full_steps[index]) - mean[0]) / mean[1]

    def _draw_by_difficulty(self) -> FloatArray:
        shares = np.array([share for share, _ in self._shares.values()])
        likely = by_difficulty(shares, self.floor)
        _batch(self.training_env).motion_probabilities = likely
        return likely


def _batch(envs: VecEnv) -> HumanoidBatch:
    batch = getattr(envs.unwrapped, "batched", None)
    if not isinstance(batch, HumanoidBatch):
        raise InputError(
            "clips are drawn by difficulty in a native batch of humanoids; make the environments "
            "by make_native_vec_env"
        )
    return batch
