"""The policy's network: observations normalized inside it, so that a zip alone is enough.

``PPO.load(path).predict(obs)`` works on raw observations wherever the statistics travel with the
weights. They are buffers of a features extractor: saved in ``policy.pth``, touched by no optimizer,
and changed only by an explicit call, never inside an update (SB3's ratio of new to old
probability would otherwise not start at one).
"""

from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class NormalizeObservations(BaseFeaturesExtractor):
    """Flattens an observation and maps each element to zero mean and unit variance.

    ``clip((x - mean) / sqrt(var + epsilon), -clip, clip)``. Until statistics are set, mean 0 and
    variance 1. The buffers are kept in single precision, as the weights are; sums are taken in
    double precision and the count is an integer, so that it stays exact past 2^24 samples.

    Args:
        observation_space: A ``Box`` of any shape.
        clip: Largest absolute value handed on.
        epsilon: Added to the variance. Elements that hardly move in the data would otherwise be
            magnified to the clip by the first disturbance; 1e-4 is a floor of 0.01 on the standard
            deviation, in the element's own unit.
    """

    mean: th.Tensor
    var: th.Tensor
    count: th.Tensor

    def __init__(
        self, observation_space: spaces.Box, clip: float = 10.0, epsilon: float = 1e-4
    ) -> None:
        n_features = get_flattened_obs_dim(observation_space)
        super().__init__(observation_space, features_dim=n_features)
        self.clip = clip
        self.epsilon = epsilon
        self.register_buffer("mean", th.zeros(n_features))
        self.register_buffer("var", th.ones(n_features))
        self.register_buffer("count", th.zeros((), dtype=th.int64))

    def forward(self, observations: th.Tensor) -> th.Tensor:
        """Normalizes a batch.

        Args:
            observations: Shape ``(n, *observation shape)``.

        Returns:
            Shape (n, features_dim).
        """
        scaled = (observations.flatten(start_dim=1) - self.mean) / th.sqrt(self.var + self.epsilon)
        return scaled.clamp(-self.clip, self.clip)

    def set_statistics(self, observations: NDArray[np.floating[Any]]) -> None:
        """Replaces the statistics by those of the given data.

        Args:
            observations: Shape ``(n, *observation shape)``, n ≥ 1.
        """
        self._store(*moments(observations))

    def update(self, observations: NDArray[np.floating[Any]]) -> None:
        """Merges the statistics of a batch into the present ones.

        Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances" (1979): exact whatever the cutting into batches.

        Args:
            observations: Shape ``(n, *observation shape)``, n ≥ 1.
        """
        self.merge(*moments(observations))

    def merge(self, mean: NDArray[np.float64], var: NDArray[np.float64], n: int) -> None:
        """Merges moments of n further samples; see :meth:`update`.

        Args:
            mean: Shape (features_dim,).
            var: Population variance, shape (features_dim,).
            n: Number of samples the moments were taken over.
        """
        n_old = int(self.count)
        if n_old == 0:
            self._store(mean, var, n)
            return
        total = n_old + n
        old_mean = self.mean.cpu().numpy().astype(np.float64)
        old_var = self.var.cpu().numpy().astype(np.float64)
        delta = mean - old_mean
        squares = old_var * n_old + var * n + np.square(delta) * (n_old * n / total)
        self._store(old_mean + delta * (n / total), squares / total, total)

    def _store(self, mean: NDArray[np.float64], var: NDArray[np.float64], n: int) -> None:
        self.mean.copy_(th.from_numpy(mean))
        self.var.copy_(th.from_numpy(var))
        self.count.fill_(n)


def moments(
    observations: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Mean, population variance and number of samples, for :meth:`NormalizeObservations.merge`.

    Args:
        observations: Shape ``(n, *observation shape)``.
    """
    flat = observations.reshape(len(observations), -1)
    return flat.mean(axis=0, dtype=np.float64), flat.var(axis=0, dtype=np.float64), len(flat)


def normalizers(policy: nn.Module) -> list[NormalizeObservations]:
    """The policy's normalizers: one, or none (image policies, models made elsewhere).

    Two where a user's policy shares no features extractor between actor and critic.

    Args:
        policy: An SB3 policy.
    """
    return [m for m in policy.modules() if isinstance(m, NormalizeObservations)]
