"""The inertial sensor: its units and axes, its bias, its age, and the tilt it tells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.export.pidog.onboard.clocks import PERIOD, Clock
from sb3_mimic.export.pidog.onboard.errors import EmergencyStopError

if TYPE_CHECKING:
    from sb3_mimic.export.pidog.onboard.robots import Robot

FloatArray = NDArray[np.float64]

SAMPLE = ("accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")
"""Names of the numbers of a sample [g, rad/s]."""

# Least significant bits of the SH3001 at the ranges that the vendor sets, 2 g and 2000 degrees/s.
_PER_G = 16384.0
_PER_DEGREE_PER_SECOND = 16.4

# Limits in the first second [rad/s, degrees]: a robot that stands still on level ground stays below
# them.
_STILL = 0.1
_LEVEL = 20.0

# Time constant with which the accelerometer corrects the integrated gyroscope [s]: longer than a
# step, in which it measures the step, shorter than the gyroscope takes to drift by degrees.
_CORRECTION_TIME = 0.5


def to_body(acceleration: Any, rates: Any) -> FloatArray:
    """A raw reading of the vendor's driver in the robot's frame: x forward, y left, z up.

    Args:
        acceleration: Three integers, 16384 to 1 g.
        rates: Three integers, 16.4 to 1 degree/s.

    Returns:
        Specific force (3) [g] and rates (3) [rad/s]: ``(-y, z, -x)`` of the chip's own axes.
    """
    (ax, ay, az), (gx, gy, gz) = acceleration, rates
    force = np.array([-ay, az, -ax], np.float64) / _PER_G
    turning = np.radians(np.array([-gy, gz, -gx], np.float64) / _PER_DEGREE_PER_SECOND)
    return np.concatenate((force, turning))


class Tilt:
    """The tilt of the robot, from both halves of the inertial sensor.

    The up direction is turned by the gyroscope and pulled towards the accelerometer's reading where
    that is near 1 g: a complementary filter. Starts from level.
    """

    def __init__(self) -> None:
        self.up = np.array([0.0, 0.0, 1.0])

    def update(self, sample: FloatArray) -> float:
        """Takes a sample in; gives the tilt [degrees]."""
        force, rates = sample[:3], sample[3:]
        up = self.up - np.cross(rates, self.up) * PERIOD
        size = float(np.linalg.norm(force))
        if 0.5 < size < 1.5:
            up = up + (force / size - up) * (PERIOD / _CORRECTION_TIME)
        self.up = up / np.linalg.norm(up)
        return math.degrees(math.acos(min(1.0, max(-1.0, float(self.up[2])))))


class Sensor:
    """The robot's inertial sensor: without bias, and never stale.

    Args:
        robot: The robot that has it.
        clock: Tells the age of samples.
        max_age: Age that is too old [s].
    """

    def __init__(self, robot: Robot, clock: Clock, max_age: float) -> None:
        self._robot = robot
        self._clock = clock
        self._max_age = max_age
        self._fresh = clock.now()
        self.raw = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
        self.bias = np.zeros(6)

    def read(self) -> FloatArray:
        """The newest sample ``(6,)``; the one before where a reading failed.

        Raises:
            EmergencyStopError: If there was nothing new for too long. A sensor with noise does not
                give the same six numbers twice; one that hangs does.
            StopIteration: At the end of a recording.
        """
        raw, now = self._robot.read(), self._clock.now()
        if raw is not None and np.isfinite(raw).all() and (raw != self.raw).any():
            self.raw, self._fresh = raw, now
        elif now - self._fresh > self._max_age:
            raise EmergencyStopError(
                f"the inertial sensor gave nothing new for {now - self._fresh:.2f} s"
            )
        return self.raw - self.bias

    def calibrate(self, samples: FloatArray) -> None:
        """Sets the bias from raw samples ``(n, 6)`` of a robot that stands still on level ground.

        Raises:
            EmergencyStopError: If it does not stand still, or stands askew.
        """
        mean = samples.mean(axis=0)
        shaking = float(np.sqrt(np.square(samples[:, 3:] - mean[3:]).sum(axis=1).mean()))
        tilt = math.degrees(math.atan2(math.hypot(mean[0], mean[1]), mean[2]))
        if shaking > _STILL:
            raise EmergencyStopError(
                "the robot did not stand still while its sensor was calibrated: "
                f"{shaking:.2f} rad/s"
            )
        if tilt > _LEVEL:
            raise EmergencyStopError(
                f"the robot stood {tilt:.0f} degrees askew while its sensor was calibrated; it "
                "must stand on level ground"
            )
        self.bias = mean - [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
