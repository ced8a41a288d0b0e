"""The humanoid's observations as pure functions of batched arrays."""

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.rotations import heading, rotate, rotation_6d, to_heading_frame

FloatArray = NDArray[np.float64]

#: Numbers of `body_state` that are not hinge angles or rates.
ROOT_SIZE = 13
#: Numbers of one reference pose in `reference_poses` that are not hinge angles.
TARGET_ROOT_SIZE = 9


def body_state(qpos: FloatArray, qvel: FloatArray) -> FloatArray:
    """The state without ground position and heading, which the motion does not depend on.

    Args:
        qpos: ``(n, 7 + joints)``: root position [m], root quaternion wxyz, hinges [rad].
        qvel: ``(n, 6 + joints)``: root velocity in the world, root angular velocity in the root's
            own frame, hinge rates.

    Returns:
        ``(n, 13 + 2 · joints)``: root height; root rotation as six numbers, root velocity and
        angular velocity, all seen from the heading; hinge angles; hinge rates.
    """
    rotation = qpos[:, 3:7]
    facing = heading(rotation)
    return np.concatenate(
        (
            qpos[:, 2:3],
            rotation_6d(facing, rotation),
            to_heading_frame(facing, qvel[:, :3]),
            to_heading_frame(facing, rotate(rotation, qvel[:, 3:6])),
            qpos[:, 7:],
            qvel[:, 6:],
        ),
        axis=1,
    )


def phase_angle(phase: FloatArray, loop: NDArray[np.bool_]) -> FloatArray:
    """Phase ``(n,)`` in [0, 1] of clips that ``loop``, ``(n,)``, as ``(n, 2)`` cosine and sine.

    A cycle is the whole circle; a clip that ends is half of it, so that its end is not its start.
    """
    angle = phase * np.where(loop, 2 * np.pi, np.pi)
    return np.stack((np.cos(angle), np.sin(angle)), axis=1)


def reference_poses(qpos: FloatArray, references: FloatArray) -> FloatArray:
    """Reference poses as seen by the body: what is still missing to reach them.

    Args:
        qpos: ``(n, 7 + joints)``, the body.
        references: ``(n, k, 7 + joints)``, k reference poses.

    Returns:
        ``(n, k · (9 + joints))``, for each pose: its root relative to the body's root in the
        heading frame [m], its root rotation seen from the body's heading as six numbers, and how
        far each hinge is from it [rad].
    """
    n = len(qpos)
    facing = heading(qpos[:, 3:7])[:, None]
    offset = to_heading_frame(facing, references[:, :, :3] - qpos[:, None, :3])
    rotation = rotation_6d(facing, references[:, :, 3:7])
    hinges = references[:, :, 7:] - qpos[:, None, 7:]
    return np.concatenate((offset, rotation, hinges), axis=2).reshape(n, -1)
