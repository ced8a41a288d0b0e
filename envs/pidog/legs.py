"""PiDog's legs: angle conventions, closed-form kinematics and the vendor's standing pose.

Legs come in the vendor's order LF, RF, LH, RH (left front, right front, left hind, right hind),
each with hip and knee, so that an angle vector has eight entries.

There are two sign conventions. A *servo angle* is what the servo has and, in the simulation, the
joint and its control: left joints turn about +y and right joints about -y. A *left-sign angle* is
what the leg would have on the left: the same number means the same posture on either side, hip +
swings the thigh backward, knee + extends the leg. At zero the thigh hangs straight down and the
shank points forward.

Foot positions are in the leg's plane, relative to the hip axis: x forward, z up, in meters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEGS: Final = ("LF", "RF", "LH", "RH")
"""Leg names in the vendor's order."""

JOINT_NAMES: Final = tuple(f"{leg}_{joint}" for leg in LEGS for joint in ("hip", "knee"))
"""Names of the eight leg joints, and of their actuators, in the order of every angle vector."""

HIP_TO_KNEE: Final = 0.042
"""Thigh length [m] (the vendor's software)."""

KNEE_TO_TIP: Final = 0.076
"""Shank length to the tip that the vendor's foot targets speak of [m] (the vendor's software)."""

FOOT_RADIUS: Final = 0.005
"""Radius of the pad that touches the floor [m] (the vendor's drawing)."""

KNEE_TO_FOOT: Final = 0.0712
"""Distance from the knee to the pad's center [m] (the vendor's drawing)."""

FOOT_ANGLE: Final = float(np.deg2rad(4.1))
"""Angle from the shank's axis to the pad's center, in the knee's + direction [rad]."""

SERVO_LIMIT: Final = float(np.pi / 2)
"""Largest servo angle in either direction [rad] (the vendor's software)."""

LEFT_SIGN: Final[NDArray[np.float64]] = np.array([1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0])
LEFT_SIGN.setflags(write=False)
"""Servo angle = LEFT_SIGN * left-sign angle, and the other way round. Shape (8,)."""


def forward_kinematics(
    hip: ArrayLike,
    knee: ArrayLike,
    shank: float = KNEE_TO_TIP,
    shank_angle: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where a point of the shank is, given left-sign angles.

    Args:
        hip: Hip angle(s) [rad].
        knee: Knee angle(s) [rad], broadcast against ``hip``.
        shank: The point's distance from the knee [m]; the tip by default.
        shank_angle: Angle from the shank's axis to the point [rad]; for the pad's center use
            ``KNEE_TO_FOOT`` and ``FOOT_ANGLE``.

    Returns:
        ``(x, z)`` relative to the hip axis [m], each in the broadcast shape.
    """
    hip = np.asarray(hip, dtype=np.float64)
    direction = hip + np.asarray(knee, dtype=np.float64) + shank_angle
    x = -HIP_TO_KNEE * np.sin(hip) + shank * np.cos(direction)
    z = -HIP_TO_KNEE * np.cos(hip) - shank * np.sin(direction)
    return x, z


def inverse_kinematics(
    x: ArrayLike, z: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the left-sign angles that put the tip at a place.

    With thigh l and shank s the tip's distance r from the hip obeys
    ``r^2 = l^2 + s^2 + 2 l s sin(knee)``, so that the knee angle within its limits of +-90 degrees
    is unique. The hip then turns the tip's direction at hip zero onto the wanted one.

    Args:
        x: Forward coordinate(s) of the tip relative to the hip axis [m].
        z: Upward coordinate(s) [m], broadcast against ``x``.

    Returns:
        ``(hip, knee)`` [rad], hip in (-pi, pi], knee in [-pi/2, pi/2].

    Raises:
        ValueError: If the tip cannot get there: it reaches distances from 34 to 118 mm.
    """
    x = np.asarray(x, dtype=np.float64)
    z = np.asarray(z, dtype=np.float64)
    sine = (x**2 + z**2 - HIP_TO_KNEE**2 - KNEE_TO_TIP**2) / (2 * HIP_TO_KNEE * KNEE_TO_TIP)
    if not np.all(np.abs(sine) <= 1.0):
        raise ValueError(
            f"a foot target lies {1e3 * np.max(np.hypot(x, z)):.1f} mm (largest) and "
            f"{1e3 * np.min(np.hypot(x, z)):.1f} mm (smallest) from its hip axis, but the leg "
            "reaches from 34 to 118 mm"
        )
    knee = np.arcsin(sine)
    x0, z0 = forward_kinematics(0.0, knee)
    # Rotation about +y turns the direction of +x towards -z.
    hip = np.arctan2(-z, x) - np.arctan2(-z0, x0)
    return np.pi - np.mod(np.pi - hip, 2 * np.pi), knee


def to_servo(left_sign_angles: ArrayLike) -> NDArray[np.float64]:
    """Convert left-sign angles to servo angles or back (the conversion is its own inverse).

    Args:
        left_sign_angles: Angles in leg order, shape (..., 8).

    Returns:
        The same angles with the right legs negated, shape (..., 8).
    """
    return np.asarray(left_sign_angles, dtype=np.float64) * LEFT_SIGN


def _stand() -> NDArray[np.float64]:
    # The vendor's standing foot targets: front tips 15 mm ahead of the hip and 95 mm below it, hind
    # tips 5 mm behind and 90 mm below: 40.61, 15.54 degrees in front and 60.28, 5.26 behind.
    hip, knee = inverse_kinematics(
        np.array([0.015, 0.015, -0.005, -0.005]), np.array([-0.095, -0.095, -0.090, -0.090])
    )
    stand = np.stack([hip, knee], axis=-1).reshape(8)
    stand.setflags(write=False)
    return stand


STAND: Final[NDArray[np.float64]] = _stand()
"""Left-sign angles of the vendor's standing pose [rad], shape (8,)."""

SIT: Final[NDArray[np.float64]] = np.deg2rad([30.0, 60.0, 30.0, 60.0, 80.0, -45.0, 80.0, -45.0])
SIT.setflags(write=False)
"""Left-sign angles of the vendor's sitting pose [rad], shape (8,)."""

LIE: Final[NDArray[np.float64]] = np.deg2rad([45.0, -45.0] * 4)
LIE.setflags(write=False)
"""Left-sign angles of the vendor's lying pose, in which it powers up [rad], shape (8,)."""
