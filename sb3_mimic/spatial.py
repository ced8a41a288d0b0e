"""Batched rotations; quaternions are wxyz, unit, in the last axis of an array of any shape.

The functions that environments call at every step need few calls of numpy: they work on transposed
arrays (``.T``), in which each component is a contiguous block, and return transposed arrays, which
keeps the next function fast. No number depends on the layout or on the size of the batch.

Motion files and clips are also handled as scipy's ``Rotation`` (`rotation`, `wxyz`).
"""

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, RotationSpline

from sb3_mimic.arrays import FloatArray


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
    """Rotates ``(..., 3)`` vectors by as many ``(..., 4)`` quaternions."""
    q, v = q.T, v.T
    left, right = q.take(_AFTER + 1, axis=0), q.take(_BEFORE + 1, axis=0)
    # v + 2 w (u x v) + 2 u x (u x v), u the vector part.
    twist = left * v.take(_BEFORE, axis=0)
    twist -= right * v.take(_AFTER, axis=0)
    twist += twist
    rotated: FloatArray = q[0] * twist
    rotated += v
    rotated += left * twist.take(_BEFORE, axis=0)
    rotated -= right * twist.take(_AFTER, axis=0)
    return rotated.T


def angle_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Geodesic angle between ``(..., 4)`` quaternions, ``(...)`` in [0, pi] [rad].

    From the cosine, which is fast; below about 1e-7 rad nothing is left of an angle.
    """
    cosine = np.abs((a * b).T.sum(axis=0))
    angle: FloatArray = np.arccos(np.minimum(cosine, 1.0, out=cosine))
    angle *= 2
    return angle.T


def precise_angle_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """Geodesic angle between ``(..., 4)`` quaternions, ``(...)`` in [0, pi] [rad].

    From the chord, not the cosine, so that small angles keep their digits.
    """
    chord = np.minimum(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    angles: FloatArray = 4 * np.arcsin(np.minimum(chord / 2, 1.0))
    return angles


def heading(q: FloatArray) -> FloatArray:
    """Direction of the rotated x axis on the ground, as ``(..., 2)`` cosine and sine.

    A body whose x axis is vertical has no heading; there the result is whatever the rounding
    leaves of it, of unit length all the same.
    """
    w, x, y, z = q.T
    forward = np.empty((2, *w.shape))
    forward[0] = 1 - 2 * (y * y + z * z)
    forward[1] = 2 * (x * y + w * z)
    return unit_length(forward.T)


def unit_length(v: FloatArray) -> FloatArray:
    """Vectors ``(..., 2)`` on the ground, made of unit length."""
    length = np.sqrt((v * v).T.sum(axis=0))
    length += 1e-12
    direction: FloatArray = v.T / length
    return direction.T


def to_heading_frame(direction: FloatArray, v: FloatArray) -> FloatArray:
    """World vectors ``(..., 3)`` seen from a heading ``(..., 2)``: turned about the vertical."""
    c, s = direction.T
    v = v.T
    turned: FloatArray = v * c
    turned[2] = v[2]
    turned[0] += s * v[1]
    turned[1] -= s * v[0]
    return turned.T


def from_heading_frame(direction: FloatArray, v: FloatArray) -> FloatArray:
    """What `to_heading_frame` undoes: vectors ``(..., 3)`` of a heading's frame in the world."""
    return to_heading_frame(direction * np.array([1.0, -1.0]), v)


def first_columns(q: FloatArray) -> FloatArray:
    """First two columns of each ``(..., 4)`` rotation's matrix, one after the other, ``(..., 6)``.

    The continuous representation of Zhou et al. 2019 (https://arxiv.org/abs/1812.07035); unlike a
    quaternion it has one value per rotation. The first two numbers point where `heading` does.
    """
    q = q.T
    products = q.take(_COLUMNS_LEFT, axis=0)
    products *= q.take(_COLUMNS_RIGHT, axis=0)
    products *= _COLUMNS_SIGN.reshape(-1, *(1,) * (q.ndim - 1))
    columns: FloatArray = products[:6]
    columns += products[6:]
    columns[0] += 1
    columns[4] += 1
    return columns.T


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


def continuous_signs(quaternions: FloatArray) -> FloatArray:
    """Flips signs of quaternions (T, ..., 4) so that neighbors lie in the same half of the sphere.

    q and −q are the same rotation; files switch between them, and a difference or a spline of the
    four numbers must not see that. The first one gets a scalar part ≥ 0.
    """
    same_half = np.einsum("t...i,t...i->t...", quaternions[1:], quaternions[:-1]) >= 0
    first = np.where(quaternions[:1, ..., 0] >= 0, 1.0, -1.0)
    signs = np.cumprod(np.concatenate([first, np.where(same_half, 1.0, -1.0)]), axis=0)
    continuous: FloatArray = quaternions * signs[..., None]
    return continuous


def rotation(quaternions: FloatArray) -> Any:
    """A scipy ``Rotation`` from quaternions wxyz, shape (..., 4), of any norm but zero."""
    return Rotation.from_quat(np.roll(quaternions, -1, axis=-1))


def wxyz(rotations: Any) -> FloatArray:
    """Unit quaternions wxyz, shape (..., 4), of a scipy ``Rotation``."""
    quaternions: FloatArray = np.roll(rotations.as_quat(), 1, axis=-1)
    return quaternions


def rotation_spline(times: FloatArray, rotations: Any) -> Any:
    """The C2 spline through rotations of Park and Ravani (scipy's ``RotationSpline``).

    Args:
        times: Times (T,) [s].
        rotations: scipy ``Rotation`` of T frames.

    Returns:
        A function of times that gives a ``Rotation``.
    """
    return RotationSpline(times, rotations)


# The vector's components after and before each.
_AFTER, _BEFORE = np.array([1, 2, 0]), np.array([2, 0, 1])

# Column 1: 1 - 2 (yy + zz), 2 (xy + wz), 2 (xz - wy). Column 2: 2 (xy - wz), 1 - 2 (xx + zz),
# 2 (yz + wx). First all first products, then all second ones.
_COLUMNS_LEFT = np.array([2, 1, 1, 1, 1, 2, 3, 0, 0, 0, 3, 0])
_COLUMNS_RIGHT = np.array([2, 2, 3, 2, 1, 3, 3, 3, 2, 3, 3, 1])
_COLUMNS_SIGN = 2.0 * np.array([-1, 1, 1, 1, -1, 1, -1, 1, -1, -1, -1, 1])

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
