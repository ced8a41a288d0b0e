"""Rates of motion files."""

from decimal import Decimal
from typing import Final

import numpy as np

from sb3_mimic.errors import InputError

#: Rates that cameras and engines have, the likeliest first.
_USUAL: Final = (120, 60, 30, 24, 25, 100, 50, 240, 200, 250, 300, 90, 48, 72, 180, 500, 1000)


def check_rate(fps: float) -> float:
    """A rate that the user gives.

    Raises:
        InputError: If it is not a positive number.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps must be positive, got {fps:g}")
    return float(fps)


def nearest_rate(frame_time: str) -> float:
    """The rate [1/s] that a rounded time between frames stands for.

    ".0083333" is 120.0005 frames a second to the letter; 120 rounds to it, and is meant. Of several
    usual rates that do, as for ".03", the one nearest to the letter is taken.

    Args:
        frame_time: The time [s] as it is written, positive.
    """
    written = Decimal(frame_time)
    exponent = written.as_tuple().exponent
    half_digit = float(Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)) / 2
    literal = 1 / float(written)
    fitting = [
        float(rate) for rate in _USUAL if abs(1 / rate - float(written)) <= half_digit * 1.000001
    ]
    return min(fitting, key=lambda rate: abs(rate - literal), default=literal)
