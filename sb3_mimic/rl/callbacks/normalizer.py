"""A callback that merges rollouts into the policy's observation statistics."""

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.policies.normalizer import moments, normalizers


class NormalizerCallback(BaseCallback):
    """Merges each rollout into the policy's observation statistics, never inside an update.

    The observations of a rollout are taken at its end and merged at the start of the next: between
    the two lies the update, which must see the statistics that the actions were sampled with.

    Args:
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._pending: tuple[NDArray[np.float64], NDArray[np.float64], int] | None = None

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self._pending is None:
            return
        for layer in normalizers(self.model.policy):
            layer.merge(*self._pending)
        self._pending = None

    def _on_rollout_end(self) -> None:
        if normalizers(self.model.policy):
            observations = np.asarray(self.model.rollout_buffer.observations)
            self._pending = moments(observations.reshape(-1, *observations.shape[2:]))
