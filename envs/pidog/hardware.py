"""The observation that PiDog's own computer can make, and servo degrees from a policy's actions.

One definition for the simulation, where arrays have the batch as their leading axes, and for the
robot, where they have none. It needs only NumPy and Python 3.9, so that this file runs on the
robot as it is.

The observation, at 50 control steps a second, is float32, of ``14 k + 4`` numbers:

====================  ==========  ================================================================
part                  numbers     what it is
====================  ==========  ================================================================
commanded actions     8 k         the last k actions of the policy, clipped to [-1, 1], before rate
                                  limit and delay; the newest last
inertial samples      6 k         the last k samples, accelerometer (3) [g] and gyroscope (3)
                                  [rad/s], x forward, y left, z up; the newest last
clock                 2           sine and cosine of the phase, 0 at the first step
velocity command      2           forward [m/s], yaw rate [rad/s] (left +)
====================  ==========  ================================================================

An accelerometer measures specific force: at rest, standing level, it reads (0, 0, +1) g.

An action a in [-1, 1]^8, in the order left front, right front, left hind, right hind, each hip and
knee, asks for the left-sign angles ``clip(stand + 45 a, -90, 90)`` degrees; the vendor's servo
angles are the same with the right legs negated.

Example:
    >>> import numpy as np
    >>> sample = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    >>> actions, samples = start(sample, history=5)
    >>> observe(actions, samples, step=0, command=(0.2, 0.0)).shape
    (74,)
    >>> actions = push(actions, np.zeros(8))
    >>> samples = push(samples, sample)
    >>> observe(actions, samples, step=1, command=(0.2, 0.0)).shape
    (74,)
"""

from __future__ import annotations

from typing import Any

import numpy as np

CONTROL_RATE = 50.0
"""Control steps per second [Hz]: the servos' PWM has 49.95 Hz (robot-hat)."""

HISTORY = 5
"""Default number of past actions and of past inertial samples."""

CLOCK_FREQUENCY = 2.75
"""Default frequency of the clock [Hz], the sine gait's: the fastest that fell in no condition of
``docs/results/gaits.md``. At 2 Hz a heavy robot hardly walks."""

ACTION_DEGREES = 45.0
"""Servo angle that an action of 1 adds to the standing pose [degrees]."""

SERVO_DEGREES = 90.0
"""Largest servo angle in either direction [degrees] (robot-hat)."""

RATE_LIMIT = 428.0
"""Fastest change of a servo's target [degrees/s]: the vendor's limit for the legs."""

# Left-sign angles of the vendor's stand, from its foot targets;
# `sb3_mimic.envs.pidog.legs.STAND` computes them.
STAND_DEGREES = np.array(
    [
        *(40.60940462398946, 15.536794068151137) * 2,
        *(60.27740565605715, 5.257693897190077) * 2,
    ]
)
"""Left-sign servo angles of the standing pose [degrees], shape (8,)."""
STAND_DEGREES.setflags(write=False)

LEFT_SIGN = np.array([1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
"""Vendor's servo angle = LEFT_SIGN * left-sign angle. Shape (8,)."""
LEFT_SIGN.setflags(write=False)

FloatArray = Any  # numpy.typing is not at hand on the oldest NumPy of the robot


def observation_size(history: int = HISTORY) -> int:
    """Numbers in an observation with ``history`` past actions and samples."""
    return 14 * history + 4


def start(sample: FloatArray, history: int = HISTORY) -> tuple[FloatArray, FloatArray]:
    """The histories before the first action, of a robot that stands still.

    Args:
        sample: The first inertial sample, ``(..., 6)``, accelerometer [g] and gyroscope [rad/s].
        history: Length k of both histories.

    Returns:
        Past actions ``(..., k, 8)``, all zero, and past samples ``(..., k, 6)``, all the first.
    """
    sample = np.asarray(sample, np.float64)
    actions = np.zeros((*sample.shape[:-1], history, 8))
    return actions, np.repeat(sample[..., None, :], history, axis=-2)


def push(past: FloatArray, newest: FloatArray) -> FloatArray:
    """A history ``(..., k, m)`` with the newest ``(..., m)`` in and the oldest out."""
    return np.concatenate((past[..., 1:, :], np.asarray(newest)[..., None, :]), axis=-2)


def clock(step: Any, frequency: float = CLOCK_FREQUENCY) -> FloatArray:
    """Sine and cosine ``(..., 2)`` of the phase at control steps ``(...)`` counted from 0."""
    phase = 2 * np.pi * np.mod(np.asarray(step) * (frequency / CONTROL_RATE), 1.0)
    return np.stack((np.sin(phase), np.cos(phase)), axis=-1)


def observe(
    actions: FloatArray,
    samples: FloatArray,
    step: Any,
    command: FloatArray,
    frequency: float = CLOCK_FREQUENCY,
) -> FloatArray:
    """The observation; see the module for its parts.

    Args:
        actions: The last k clipped actions, ``(..., k, 8)``, the newest last.
        samples: The last k inertial samples, ``(..., k, 6)``, the newest last.
        step: Control steps since the start, ``(...)``.
        command: Forward velocity [m/s] and yaw rate [rad/s], ``(..., 2)``.
        frequency: The clock's [Hz].

    Returns:
        Shape ``(..., 14 k + 4)``, float32.
    """
    flat = np.shape(actions)[:-2]
    return np.concatenate(
        (
            np.reshape(actions, (*flat, -1)),
            np.reshape(samples, (*flat, -1)),
            clock(step, frequency),
            np.asarray(command, np.float64),
        ),
        axis=-1,
    ).astype(np.float32)


def left_sign_degrees(actions: FloatArray) -> FloatArray:
    """Left-sign angles ``(..., 8)`` [degrees] that actions ``(..., 8)`` ask for."""
    actions = np.clip(actions, -1.0, 1.0)
    return np.clip(STAND_DEGREES + ACTION_DEGREES * actions, -SERVO_DEGREES, SERVO_DEGREES)


def limit_rate(
    target: FloatArray, previous: FloatArray, seconds: float, limit: float = RATE_LIMIT
) -> FloatArray:
    """The target that is sent: at most so far from the previous one as the limit allows.

    Args:
        target: Wanted angles ``(..., 8)`` [degrees].
        previous: Angles sent last, ``(..., 8)`` [degrees].
        seconds: Time between the two.
        limit: Fastest change [degrees/s].
    """
    change = limit * seconds
    return np.clip(target, previous - change, previous + change)


def vendor_degrees(left_sign: FloatArray) -> FloatArray:
    """The vendor's servo angles of left-sign angles ``(..., 8)`` [degrees], and the other way."""
    return LEFT_SIGN * np.asarray(left_sign)
