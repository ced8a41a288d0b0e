"""PiDog's sensors: what they measure, and with what errors, as functions of batched arrays.

Noise comes from fixed tables of random numbers that are read from a place drawn per episode: it
costs nothing, and an episode depends on its own generator alone, whatever the batch around it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.errors import InputError

GRAVITY: Final = 9.81
"""1 g of an accelerometer [m/s²], as in the model."""

TABLE_ROWS: Final = 8191
"""Rows of the tables of random numbers: a prime, far more than an episode has steps."""

SENSORS: Final = {"ultrasonic": 2, "touch": 5, "sound": 3}
"""Optional sensors and how many numbers each adds to the observation."""

ULTRASONIC_RANGE: Final = (0.02, 2.9)
"""Range of the ultrasonic sensor [m]: its sheet says 4 m, its driver's time-out 2.9 m."""

ULTRASONIC_TICK: Final = 0.003
"""Resolution of the ultrasonic sensor [m] (vendor)."""

TOUCHES: Final = ("N", "L", "R", "LS", "RS")
"""States of the touch board: nothing, left, right, stroked from the left, and from the right."""

SOUND_STEP: Final = 20.0
"""Resolution of the sound's direction [degrees] (vendor)."""


@dataclass(frozen=True)
class Imu:
    """The inertial sensor: an SH3001 at ±2 g and ±2000 degrees/s.

    Attributes:
        rate: Samples per second [Hz]; the vendor's thread makes some 20, fresh ones 50.
        acceleration_range: Where the accelerometer saturates [g].
        rotation_range: Where the gyroscope saturates [degrees/s].
        acceleration_noise: Density of the accelerometer's noise [g/√Hz].
        rotation_noise: Density of the gyroscope's noise [degrees/s/√Hz]; both densities are those
            of a sensor of its class.
    """

    rate: float = 50.0
    acceleration_range: float = 2.0
    rotation_range: float = 2000.0
    acceleration_noise: float = 150e-6
    rotation_noise: float = 0.008

    def __post_init__(self) -> None:
        if not 20.0 <= self.rate <= 50.0:
            raise InputError(f"the inertial sensor's rate={self.rate} must lie in 20 to 50 Hz")
        for name in ("acceleration_range", "rotation_range"):
            if not getattr(self, name) > 0:
                raise InputError(f"the inertial sensor's {name} must be positive")
        for name in ("acceleration_noise", "rotation_noise"):
            if not getattr(self, name) >= 0:
                raise InputError(f"the inertial sensor's {name} must not be negative")


@cache
def normal_table() -> FloatArray:
    """Standard normal numbers, ``(TABLE_ROWS, 6)``."""
    return np.random.default_rng(20).standard_normal((TABLE_ROWS, 6))


@cache
def uniform_table() -> FloatArray:
    """Uniform numbers in [0, 1), ``(TABLE_ROWS, 8)``."""
    return np.random.default_rng(21).random((TABLE_ROWS, 8))


def imu_sample(
    acceleration: FloatArray,
    rotation: FloatArray,
    bias: FloatArray,
    noise: FloatArray,
    imu: Imu,
) -> FloatArray:
    """Inertial samples.

    Args:
        acceleration: Specific force during a control step, ``(n, substeps, 3)`` [m/s²].
        rotation: Angular velocity during it, ``(n, substeps, 3)`` [rad/s].
        bias: Bias of accelerometer [g] and gyroscope [rad/s], ``(n, 6)``.
        noise: Standard normal numbers, ``(n, 6)``.
        imu: The sensor.

    Returns:
        Accelerometer [g] and gyroscope [rad/s], ``(n, 6)``. Each is the mean of the control step,
        which stands for the sensor's low-pass filter.
    """
    top_g, top_rad = imu.acceleration_range, np.deg2rad(imu.rotation_range)
    # White noise of a density in half the sampling rate's band.
    root = np.sqrt(imu.rate / 2)
    deviation = np.repeat((imu.acceleration_noise * root, np.deg2rad(imu.rotation_noise) * root), 3)
    # 16 bits over the range.
    tick = np.repeat((top_g / 2**15, top_rad / 2**15), 3)
    limit = np.repeat((top_g, top_rad), 3)
    measured = np.concatenate((acceleration / GRAVITY, rotation), axis=-1)
    measured = np.clip(measured, -limit, limit).mean(axis=-2) + bias + deviation * noise
    return np.asarray(np.clip(tick * np.rint(measured / tick), -limit, limit))


def is_sampled(step: IndexArray, rate: float, control_rate: float) -> BoolArray:
    """Whether a sensor of a lower rate has a new sample at control steps ``(n,)``."""
    sampled: BoolArray = (step * rate) // control_rate > ((step - 1) * rate) // control_rate
    return sampled


def ultrasonic(
    position: FloatArray, axis: FloatArray, wall: float | None, dropped: BoolArray
) -> FloatArray:
    """The ultrasonic sensor: the nearest of floor and wall along its beam.

    Args:
        position: Of the sensor in the world, ``(n, 3)`` [m].
        axis: Its direction in the world, ``(n, 3)``.
        wall: Where a wall stands across x [m]; None for none.
        dropped: Which readings are lost, ``(n,)``.

    Returns:
        Distance [m] and whether it is valid, ``(n, 2)``; both 0 for what the vendor's driver
        returns as -1 or -2.
    """
    near, far = ULTRASONIC_RANGE
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(axis[:, 2] < 0, -position[:, 2] / axis[:, 2], np.inf)
        if wall is not None:
            ahead = np.where(axis[:, 0] > 0, (wall - position[:, 0]) / axis[:, 0], np.inf)
            distance = np.minimum(distance, np.where(ahead > 0, ahead, np.inf))
    valid = (distance >= near) & (distance <= far) & ~dropped
    rounded = ULTRASONIC_TICK * np.rint(np.where(valid, distance, 0.0) / ULTRASONIC_TICK)
    return np.stack((rounded, valid.astype(np.float64)), axis=1)


def touch(kind: FloatArray) -> FloatArray:
    """The touch board's state as one of five, ``(n, 5)``.

    Args:
        kind: Uniform numbers ``(n,)`` in [0, 1) that choose a touch; NaN for none.
    """
    index = np.where(np.isnan(kind), 0, 1 + np.floor(4 * np.nan_to_num(kind))).astype(np.intp)
    return np.eye(len(TOUCHES))[index]


def sound(bearing: FloatArray, yaw: FloatArray) -> FloatArray:
    """The sound sensor: whether it hears something, and where from.

    Args:
        bearing: Direction of the sound in the world, counterclockwise from x, ``(n,)`` [rad]; NaN
            in silence.
        yaw: Heading of the robot, ``(n,)`` [rad].

    Returns:
        1 and the cosine and sine of the direction, ``(n, 3)``, in steps of 20 degrees, 0 ahead and
        counterclockwise (the vendor counts clockwise); zeros in silence.
    """
    heard = ~np.isnan(bearing)
    step = np.deg2rad(SOUND_STEP)
    angle = step * np.rint((np.nan_to_num(bearing) - yaw) / step)
    direction = np.stack((np.ones_like(angle), np.cos(angle), np.sin(angle)), axis=1)
    return np.asarray(heard[:, None] * direction)


class OnboardMemory:
    """The last actions and inertial samples, as each robot's own computer remembers them.

    Args:
        n_envs: Number of environments n.
        history: Length k of both histories.

    Attributes:
        actions: Commanded actions of the legs, ``(n, k, 8)``, the newest last.
        samples: Inertial samples, ``(n, k, 6)``, the newest last.
    """

    def __init__(self, n_envs: int, history: int) -> None:
        self.actions = np.zeros((n_envs, history, 8))
        self.samples = np.zeros((n_envs, history, 6))
        self._history = history

    def start(self, indices: IndexArray, sample: FloatArray) -> None:
        """Begins episodes with samples ``(k, 6)`` of robots that stand still."""
        self.actions[indices], self.samples[indices] = hardware.start(sample, self._history)

    def update(self, actions: FloatArray, sample: FloatArray, sampled: BoolArray) -> None:
        """Takes a control step in.

        Args:
            actions: The legs' actions, ``(n, 8)``.
            sample: Inertial samples of this step, ``(n, 6)``.
            sampled: Which sensors measure now, ``(n,)``; the others repeat their last sample.
        """
        newest = np.where(sampled[:, None], sample, self.samples[:, -1])
        self.samples = hardware.push(self.samples, newest)
        self.actions = hardware.push(self.actions, actions)
