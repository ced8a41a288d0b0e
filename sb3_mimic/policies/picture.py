"""The network behind a camera: a small convolutional one, and the numbers under the picture."""

import torch as th
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from sb3_mimic.envs.core.measurements import LIMIT
from sb3_mimic.errors import InputError


class PictureAndMeasurements(BaseFeaturesExtractor):
    """Features of a picture, and the measurements that the row of pixels under it carries.

    The row is decoded to the numbers it was drawn from
    (:mod:`sb3_mimic.envs.core.measurements`): seen as brightness alone they would have 8 bits,
    too few for a gait. The convolutions are those of
    Mnih et al. 2015 with half the channels, which a processor without a GPU can train.

    Args:
        observation_space: Images ``(3, height + 1, width)`` as SB3 hands them on, colors first.
        features_dim: Features of the picture; those of the measurements come after them.
    """

    def __init__(self, observation_space: spaces.Box, features_dim: int = 64) -> None:
        channels, height, width = observation_space.shape
        if channels != 3:
            raise InputError(
                f"a picture with measurements has 3 channels, not {observation_space.shape}"
            )
        super().__init__(observation_space, features_dim + width)
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=8, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=3, stride=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        with th.no_grad():
            size = self.convolutions(th.zeros(1, 3, height - 1, width)).shape[1]
        self.features = nn.Sequential(nn.Linear(size, features_dim), nn.ReLU())

    def forward(self, observations: th.Tensor) -> th.Tensor:
        """Extracts the features of a batch.

        Args:
            observations: Shape (n, 3, height + 1, width), in [0, 1]: SB3 has divided the bytes by
                255.

        Returns:
            Shape (n, features_dim).
        """
        picture, row = observations[:, :, :-1], (observations[:, :, -1] * 255).round()
        codes = row[:, 0] * 256 + row[:, 1]
        measurements = (codes - 2**15) * (LIMIT / 2**15)
        return th.cat((self.features(self.convolutions(picture)), measurements), dim=1)
