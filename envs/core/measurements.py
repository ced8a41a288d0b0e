"""Measurements as a row of pixels, so that a picture and numbers make one image observation.

imitation stores one array per observation, and SB3's ``CnnPolicy`` wants one uint8 image. A row
under the picture carries the numbers in 16-bit fixed point over ±8: one number a pixel, the high
byte in the first channel, the low byte in the second, the third unused. Numbers that are scaled to
about 1 keep four decimals.

A network that knows the row decodes it
(`sb3_mimic.policies.picture.PictureAndMeasurements`); one that does not still sees the high bytes
as brightness.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LIMIT: Final = 8.0
"""Largest absolute value that is carried; larger ones are clipped."""

_ZERO: Final = 1 << 15
_UNIT: Final = _ZERO / LIMIT


def draw_measurements(values: NDArray[np.float64], width: int) -> NDArray[np.uint8]:
    """Draws rows of numbers as rows of pixels.

    Args:
        values: Shape (n, m), m at most ``width``; clipped to ±8.
        width: Pixels in a row; those past the numbers are zeros.

    Returns:
        Shape (n, width, 3).
    """
    codes = np.full((len(values), width), _ZERO, np.int64)
    codes[:, : values.shape[1]] += np.rint(values * _UNIT).clip(-_ZERO, _ZERO - 1).astype(np.int64)
    pixels = np.zeros((*codes.shape, 3), np.uint8)
    pixels[..., 0] = codes >> 8
    pixels[..., 1] = codes & 0xFF
    return pixels


def read_measurements(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Reads rows of pixels drawn by `draw_measurements`.

    Args:
        pixels: Shape (n, width, 3).

    Returns:
        The numbers, to 1.3e-4, shape (n, width); zeros past those drawn.
    """
    codes = pixels[..., 0].astype(np.int64) << 8 | pixels[..., 1]
    return (codes - _ZERO) / _UNIT
