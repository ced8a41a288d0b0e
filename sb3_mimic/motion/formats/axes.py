"""From the y-up frames of motion files to the z-up frame used inside, and back.

The turn of 90° about x leaves x alone: a figure that faces +z, as most BVH files' do, faces −y.
"""

import numpy as np

from sb3_mimic.arrays import FloatArray


def to_z_up(vectors: FloatArray) -> FloatArray:
    """Vectors (..., 3) from a y-up frame: (x, y, z) → (x, −z, y)."""
    return vectors[..., [0, 2, 1]] * (1, -1, 1)


def to_y_up(vectors: FloatArray) -> FloatArray:
    """Vectors (..., 3) to a y-up frame: (x, y, z) → (x, z, −y)."""
    return vectors[..., [0, 2, 1]] * (1, 1, -1)


def quaternions_to_z_up(quaternions: FloatArray) -> FloatArray:
    """Quaternions wxyz (..., 4) from a y-up frame; their vector part is a vector."""
    return np.concatenate([quaternions[..., :1], to_z_up(quaternions[..., 1:])], axis=-1)


def quaternions_to_y_up(quaternions: FloatArray) -> FloatArray:
    """Quaternions wxyz (..., 4) to a y-up frame."""
    return np.concatenate([quaternions[..., :1], to_y_up(quaternions[..., 1:])], axis=-1)
