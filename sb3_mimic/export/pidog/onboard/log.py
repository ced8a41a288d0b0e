"""A run as CSV."""

from __future__ import annotations

import csv
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.export.pidog.onboard.imu import SAMPLE

FloatArray = NDArray[np.float64]

LEGS = tuple(f"{leg}_{joint}" for leg in ("LF", "RF", "LH", "RH") for joint in ("hip", "knee"))
"""The leg servos in the order of actions and of the vendor's angles."""

_COLUMNS = (
    *("time", "state", *SAMPLE, "tilt", "forward", "yaw_rate"),
    *(f"action_{leg}" for leg in LEGS),
    *(f"servo_{leg}" for leg in LEGS),
    *("inference_ms", "late_ms"),
)


class Log:
    """A line for each sample: what came in, what went out.

    Args:
        file: Where to; None writes nothing.
    """

    def __init__(self, file: TextIO | None) -> None:
        self._writer = None if file is None else csv.DictWriter(file, _COLUMNS, restval="")
        if self._writer is not None:
            self._writer.writeheader()

    def write(self, when: float, state: str, raw: FloatArray, **others: Any) -> None:
        """Writes a line; ``action`` and ``servo`` are arrays ``(8,)``."""
        if self._writer is None:
            return
        row: dict[str, Any] = {"time": f"{when:.4f}", "state": state}
        row.update(zip(SAMPLE, raw.tolist()))
        for name, value in others.items():
            if isinstance(value, np.ndarray):
                row.update((f"{name}_{leg}", x) for leg, x in zip(LEGS, value.tolist()))
            else:
                row[name] = value
        self._writer.writerow(row)
