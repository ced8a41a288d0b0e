"""A sampling of clips and start phases by difficulty."""

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.errors import InputError
from sb3_mimic.rl.sb3_hooks import read_from_model, store_in_model

# Equal parts of a clip whose starts are counted apart, as many as the protocol's start phases.
_PARTS = 32
# Episodes over which a part's share of the possible return is averaged.
_EPISODES = 10
# The part of all episodes that is drawn evenly, whatever the difficulty.
_FLOOR = 0.25
# Shares below this count as this: the odds of a share of zero would have no bound.
_LEAST = 0.1
# Where a model keeps the estimates, so that they are in its zip.
_ATTRIBUTE = "motion_shares"


def difficulty_probabilities(shares: FloatArray, floor: float = _FLOOR) -> FloatArray:
    """Probabilities of clips or phases, ``(..., k)``, that send samples where return is missing.

    ``floor / k + (1 - floor) odds / Σ odds`` with ``odds = (1 - share) / share``, sums over the
    last axis. Where episodes end by falls, the number of an episode's samples is about proportional
    to its share. Drawn in proportion to ``1 - share``, a clip that fails at once would get a part
    of the episodes and next to none of the samples; drawn by the odds, its samples are in
    proportion to ``1 - share``.

    Args:
        shares: The part of their possible return that episodes of each reach, ``(..., k)``.
        floor: The part of all episodes that is drawn evenly, so that nothing is forgotten.

    Example:
        >>> difficulty_probabilities(np.array([0.9, 0.7]), floor=0.2).round(3).tolist()
        [0.265, 0.735]
    """
    reached = np.clip(shares, _LEAST, 1.0)
    odds = (1 - reached) / reached
    # Where nothing is missing of any, all are alike.
    odds = np.where(odds.any(axis=-1, keepdims=True), odds, 1.0)
    part = odds / odds.sum(axis=-1, keepdims=True)
    likely: FloatArray = floor / shares.shape[-1] + (1 - floor) * part
    return likely


class MotionSamplingCallback(BaseCallback):
    """Draws those clips, and those phases to begin at, more often whose episodes do worse.

    Where a body begins matters because most of what training sees are the later steps of long
    episodes: a start that fails within half a second gives next to no samples unless it is drawn
    often (BeyondMimic, https://arxiv.org/abs/2508.08241, draws the parts of a motion by failures).

    An episode's share is its return, as SB3's ``VecMonitor`` reports it, over the steps that it
    could have had: no step's reward is more than 1. It is averaged over the last 10 episodes or so
    that began in the same of 32 equal parts of a clip; a part without a finished episode counts as
    one that fails, and a clip's share is the mean of its parts'. After every rollout
    `difficulty_probabilities` sets the probabilities of new episodes. The averages are an attribute
    of the model, ``motion_shares``, and so saved with it: training that is resumed goes on with
    them.

    Args:
        floor: See `difficulty_probabilities`.
        verbose: As SB3's.

    Raises:
        InputError: When training starts, if the environments are no native batch that tracks
            clips.
    """

    model: OnPolicyAlgorithm

    def __init__(self, floor: float = _FLOOR, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.floor = floor
        # Of each clip, by its name: share and episodes of each part, (parts, 2) as lists.
        self._shares: dict[str, list[list[float]]] = {}
        self._motions: NDArray[np.intp] = np.zeros(0, np.intp)
        self._parts: NDArray[np.intp] = np.zeros(0, np.intp)
        self._full_steps: NDArray[np.int64] = np.zeros(0, np.int64)

    def _on_training_start(self) -> None:
        names = _tracking_batch(self.training_env).motion_names
        saved = read_from_model(self.model, _ATTRIBUTE, {})
        new = [[0.0, 0.0]] * _PARTS
        self._shares = {name: [list(part) for part in saved.get(name, new)] for name in names}
        store_in_model(self.model, _ATTRIBUTE, self._shares)
        self._draw_by_difficulty()
        self._record_starts()

    def _on_step(self) -> bool:
        for index in np.flatnonzero(self.locals["dones"]):
            episode = self.locals["infos"][index].get("episode")
            if episode is not None:
                self._record_return(int(index), float(episode["r"]))
        self._record_starts()
        return True

    def _on_rollout_end(self) -> None:
        shares, likely = self._draw_by_difficulty()
        for name, share, probability in zip(self._shares, shares, likely, strict=True):
            self.logger.record(f"motions/{name}_share", float(share.mean()))
            self.logger.record(f"motions/{name}_hardest_share", float(share.min()))
            self.logger.record(f"motions/{name}_probability", float(probability))

    def _record_starts(self) -> None:
        """Keeps clip and start of each episode: one that ends is replaced within its last step."""
        batch = _tracking_batch(self.training_env)
        self._motions, self._full_steps = batch.motions.copy(), batch.full_steps
        self._parts = np.minimum((batch.start_phases * _PARTS).astype(np.intp), _PARTS - 1)

    def _record_return(self, index: int, total: float) -> None:
        parts = self._shares[list(self._shares)[self._motions[index]]]
        mean = parts[self._parts[index]]
        mean[1] = min(mean[1] + 1, _EPISODES)
        mean[0] += (total / float(self._full_steps[index]) - mean[0]) / mean[1]

    def _draw_by_difficulty(self) -> tuple[FloatArray, FloatArray]:
        """Sets the probabilities; gives the shares ``(k, parts)`` and the clips' probabilities."""
        shares = np.array([[share for share, _ in parts] for parts in self._shares.values()])
        batch = _tracking_batch(self.training_env)
        batch.motion_probabilities = difficulty_probabilities(shares.mean(axis=1), self.floor)
        batch.phase_probabilities = difficulty_probabilities(shares, self.floor)
        return shares, batch.motion_probabilities


def _tracking_batch(envs: VecEnv) -> TrackingBatch:
    batch = find_tracking_batch(envs)
    if batch is None:
        raise InputError(
            "clips are drawn by difficulty in a native batch of environments that track clips; "
            "make them by make_native_vec_env"
        )
    return batch
