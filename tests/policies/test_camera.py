"""The camera's network reads the numbers under the picture."""

import numpy as np
import pytest
import torch as th
from gymnasium import spaces

from sb3_mimic.envs.core.measurements import draw_measurements
from sb3_mimic.errors import InputError
from sb3_mimic.policies.picture import PictureAndMeasurements
from sb3_mimic.rl.models import policy_settings
from sb3_mimic.tasks import get_task

SPACE = spaces.Box(0, 255, (3, 85, 84), np.uint8)


def images(numbers: np.ndarray, seed: int = 0) -> th.Tensor:
    """Observations ``(n, 3, 85, 84)`` in [0, 1] as SB3 hands them on."""
    picture = np.random.default_rng(seed).integers(0, 256, (len(numbers), 84, 84, 3), np.uint8)
    row = draw_measurements(numbers, 84)[:, None]
    image = np.concatenate((picture, row), axis=1)
    return th.from_numpy(image.transpose(0, 3, 1, 2)).float() / 255


def test_measurements_come_out_as_they_were_drawn() -> None:
    numbers = np.random.default_rng(1).uniform(-8, 7.99, (20, 30))
    extractor = PictureAndMeasurements(SPACE, features_dim=16)
    features = extractor(images(numbers)).detach().numpy()
    assert features.shape == (20, 16 + 84)
    np.testing.assert_allclose(features[:, 16:46], numbers, atol=2e-4)
    np.testing.assert_array_equal(features[:, 46:], 0)


def test_the_picture_decides_the_other_features() -> None:
    numbers = np.zeros((2, 30))
    extractor = PictureAndMeasurements(SPACE, features_dim=16)
    one, two = (extractor(images(numbers, seed)).detach()[:, :16] for seed in (0, 1))
    assert not th.allclose(one, two)


def test_pidogs_camera_gets_this_network() -> None:
    image = spaces.Box(0, 255, (85, 84, 3), np.uint8)
    alias, kwargs = policy_settings(image, get_task("pidog").hyperparameters)
    assert alias == "CnnPolicy"
    assert kwargs["features_extractor_class"] is PictureAndMeasurements


def test_a_picture_without_colors_is_refused() -> None:
    with pytest.raises(InputError, match="3 channels"):
        PictureAndMeasurements(spaces.Box(0, 255, (1, 85, 84), np.uint8))
