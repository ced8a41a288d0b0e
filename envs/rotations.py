"""Batched rotations; quaternions are wxyz, unit, in the last axis of an array of any shape."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def quat_mul(a: FloatArray, b: FloatArray) -> FloatArray:
    """Hamilton product of ``(..., 4)`` quaternions: the rotation ``b`` followed by ``a``."""
    aw, ax, ay, az = _columns(a)
    bw, bx, by, bz = _columns(b)
    return _stack(
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def rotate(q: FloatArray, v: FloatArray) -> FloatArray:
    """Rotates ``(..., 3)`` vectors by ``(..., 4)`` quaternions."""
    w, x, y, z = _columns(q)
    vx, vy, vz = _columns(v)
    # v + 2 w (u x v) + 2 u x (u x v), u the vector part.
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return _stack(
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def angle_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Geodesic angle between ``(..., 4)`` quaternions, ``(...)`` in [0, pi] [rad]."""
    product = a * b
    w, x, y, z = _columns(product)
    angle: FloatArray = 2 * np.arccos(np.minimum(np.abs(w + x + y + z), 1.0))
    return angle


def heading(q: FloatArray) -> FloatArray:
    """Direction of the rotated x axis on the ground, as ``(..., 2)`` cosine and sine.

    A body whose x axis is vertical has no heading; there the result is whatever the rounding
    leaves of it, of unit length all the same.
    """
    w, x, y, z = _columns(q)
    c = 1 - 2 * (y * y + z * z)
    s = 2 * (x * y + w * z)
    length = np.sqrt(c * c + s * s) + 1e-12
    return _stack(c / length, s / length)


def to_heading_frame(direction: FloatArray, v: FloatArray) -> FloatArray:
    """World vectors ``(..., 3)`` seen from a heading ``(..., 2)``: turned about the vertical."""
    c, s = _columns(direction)
    x, y, z = _columns(v)
    return _stack(c * x + s * y, c * y - s * x, z)


def rotation_6d(direction: FloatArray, q: FloatArray) -> FloatArray:
    """First two columns of a rotation seen from a heading, ``(..., 6)``.

    The continuous representation of Zhou et al. 2019 (https://arxiv.org/abs/1812.07035); unlike a
    quaternion it has one value per rotation.
    """
    w, x, y, z = _columns(q)
    c, s = _columns(direction)
    first_x, first_y = 1 - 2 * (y * y + z * z), 2 * (x * y + w * z)
    second_x, second_y = 2 * (x * y - w * z), 1 - 2 * (x * x + z * z)
    return _stack(
        c * first_x + s * first_y,
        c * first_y - s * first_x,
        2 * (x * z - w * y),
        c * second_x + s * second_y,
        c * second_y - s * second_x,
        2 * (y * z + w * x),
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


# numpy's own moveaxis and stack take longer than the arithmetic on a batch of a hundred.


def _columns(array: FloatArray) -> list[FloatArray]:
    """Views of the parts of an array's last axis."""
    return [array[..., column] for column in range(array.shape[-1])]


def _stack(*columns: FloatArray) -> FloatArray:
    """``np.stack(columns, axis=-1)`` of arrays that have the shape of the first."""
    stacked = np.empty((*columns[0].shape, len(columns)))
    for index, column in enumerate(columns):
        stacked[..., index] = column
    return stacked
