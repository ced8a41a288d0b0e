"""The robot, and a recording that stands for one."""

from __future__ import annotations

import contextlib
import csv
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.pidog import hardware
from sb3_mimic.export.pidog.onboard.errors import BadInputError
from sb3_mimic.export.pidog.onboard.imu import SAMPLE, to_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FloatArray = NDArray[np.float64]


class Robot(Protocol):
    """A robot, or a recording of one."""

    def read(self) -> FloatArray | None:
        """A new sample ``(6,)``, accelerometer [g] and gyroscope [rad/s]; None if it fails.

        Raises:
            StopIteration: If there are no more.
        """

    def positions(self) -> FloatArray:
        """The vendor's servo angles that were written last, ``(8,)`` [degrees]."""

    def write(self, degrees: FloatArray) -> None:
        """Sends the vendor's servo angles ``(8,)`` [degrees]."""


class VendorRobot:
    """The robot through the vendor's software.

    Args:
        dog: A ``pidog.Pidog``.
        dry: Whether the servos are left alone.
    """

    def __init__(self, dog: Any, dry: bool) -> None:
        self._dog = dog
        self._dry = dry
        self._positions = np.array(dog.legs.servo_positions, np.float64)

    def read(self) -> FloatArray | None:
        """See :class:`Robot`. A fresh reading: the vendor's own thread takes 20 a second."""
        try:
            data = self._dog.imu._sh3001_getimudata()
        except OSError:  # of the bus
            return None
        return to_body(*data) if data else None

    def positions(self) -> FloatArray:
        """See :class:`Robot`."""
        return self._positions

    def write(self, degrees: FloatArray) -> None:
        """See :class:`Robot`. At once: the vendor's ``legs_move`` queues what it is given."""
        self._positions = degrees
        if self._dry:
            return
        angles = [round(float(angle), 2) for angle in degrees]
        self._dog.legs.servo_write_all(angles)
        # Where the vendor's own moves start from.
        self._dog.legs.servo_positions = angles

    def close(self) -> None:
        """Ends the vendor's threads. Its ``close`` ends the whole program by itself."""
        with contextlib.suppress(SystemExit):
            self._dog.close()


class RecordedRobot:
    """Samples from a file in place of a robot.

    Args:
        path: CSV with the columns ``accel_x`` … ``gyro_z``, one sample each 20 ms, those of the
            calibration first; a log of this program is one.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open(newline="") as file:
                rows = [[float(row[name]) for name in SAMPLE] for row in csv.DictReader(file)]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise BadInputError(
                f"{path}: cannot be read as CSV with the columns {', '.join(SAMPLE)} ({error!r})"
            ) from error
        self._samples: Iterator[FloatArray] = iter(np.array(rows, np.float64))
        self._positions = np.array(hardware.vendor_degrees(hardware.STAND_DEGREES))

    def read(self) -> FloatArray | None:
        """See :class:`Robot`."""
        return next(self._samples)

    def positions(self) -> FloatArray:
        """See :class:`Robot`."""
        return self._positions

    def write(self, degrees: FloatArray) -> None:
        """See :class:`Robot`."""
        self._positions = degrees
