"""Batched rotations; quaternions are wxyz, unit, in the last axis of an array of any shape."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def quat_mul(a: FloatArray, b: FloatArray) -> FloatArray:
    """Hamilton product of ``(..., 4)`` quaternions: the rotation ``b`` followed by ``a``."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        axis=-1,
    )


def rotate(q: FloatArray, v: FloatArray) -> FloatArray:
    """Rotates ``(..., 3)`` vectors by ``(..., 4)`` quaternions."""
    w, x, y, z = np.moveaxis(q, -1, 0)
    vx, vy, vz = np.moveaxis(v, -1, 0)
    # v + 2 w (u x v) + 2 u x (u x v), u the vector part.
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return np.stack(
        (
            vx + w * tx + y * tz - z * ty,
            vy + w * ty + z * tx - x * tz,
            vz + w * tz + x * ty - y * tx,
        ),
        axis=-1,
    )


def angle_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Geodesic angle between ``(..., 4)`` quaternions, ``(...)`` in [0, pi] [rad]."""
    angle: FloatArray = 2 * np.arccos(np.minimum(np.abs((a * b).sum(axis=-1)), 1.0))
    return angle


def heading(q: FloatArray) -> FloatArray:
    """Direction of the rotated x axis on the ground, as ``(..., 2)`` cosine and sine.

    A body whose x axis is vertical has no heading; there the result is whatever the rounding
    leaves of it, of unit length all the same.
    """
    w, x, y, z = np.moveaxis(q, -1, 0)
    c = 1 - 2 * (y * y + z * z)
    s = 2 * (x * y + w * z)
    length = np.sqrt(c * c + s * s) + 1e-12
    return np.stack((c / length, s / length), axis=-1)


def to_heading_frame(direction: FloatArray, v: FloatArray) -> FloatArray:
    """World vectors ``(..., 3)`` seen from a heading ``(..., 2)``: turned about the vertical."""
    c, s = direction[..., 0], direction[..., 1]
    return np.stack(
        (c * v[..., 0] + s * v[..., 1], c * v[..., 1] - s * v[..., 0], v[..., 2]), axis=-1
    )


def rotation_6d(direction: FloatArray, q: FloatArray) -> FloatArray:
    """First two columns of a rotation seen from a heading, ``(..., 6)``.

    The continuous representation of Zhou et al. 2019 (https://arxiv.org/abs/1812.07035); unlike a
    quaternion it has one value per rotation.
    """
    w, x, y, z = np.moveaxis(q, -1, 0)
    first = np.stack((1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)), axis=-1)
    second = np.stack((2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)), axis=-1)
    return np.concatenate(
        (to_heading_frame(direction, first), to_heading_frame(direction, second)), axis=-1
    )


def quat_exp(vector: FloatArray) -> FloatArray:
    """Quaternions ``(..., 4)`` of rotation vectors ``(..., 3)`` [rad]."""
    angle = np.sqrt(np.square(vector).sum(axis=-1, keepdims=True))
    # sinc keeps the limit at no rotation: sin(angle / 2) / angle = sinc(angle / 2 pi) / 2.
    return np.concatenate((np.cos(angle / 2), vector * np.sinc(angle / (2 * np.pi)) / 2), axis=-1)


def quat_log(q: FloatArray) -> FloatArray:
    """Rotation vectors ``(..., 3)`` of ``(..., 4)`` quaternions, of length [0, pi] [rad]."""
    imaginary = q[..., 1:] * np.where(q[..., :1] < 0, -1.0, 1.0)
    sine = np.sqrt(np.square(imaginary).sum(axis=-1, keepdims=True))
    angle = 2 * np.arctan2(sine, np.abs(q[..., :1]))
    scale = np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-12)
    return np.asarray(imaginary * scale)
