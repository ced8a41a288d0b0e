"""Observations of tracking as pure functions of batched arrays."""

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.spatial import first_columns, rotate, to_heading_frame, unit_length

#: Numbers of the body in an `observation` that are not hinge angles or rates, or phase.
ROOT_SIZE = 13
#: Numbers of one reference pose in an `observation` that are not hinge angles.
TARGET_ROOT_SIZE = 9


def phase_angle(phase: FloatArray, loop: NDArray[np.bool_]) -> FloatArray:
    """Phase ``(n,)`` in [0, 1] of clips that ``loop``, ``(n,)``, as ``(n, 2)`` cosine and sine.

    A cycle is the whole circle; a clip that ends is half of it, so that its end is not its start.
    """
    angle = phase * np.where(loop, 2 * np.pi, np.pi)
    return np.stack((np.cos(angle), np.sin(angle)), axis=1)


def observation(
    qpos: FloatArray, qvel: FloatArray, phase: FloatArray, references: FloatArray
) -> NDArray[np.float32]:
    """The state without ground position and heading, which the motion does not depend on.

    Args:
        qpos: ``(n, 7 + joints)``: root position [m], root quaternion wxyz, hinges [rad].
        qvel: ``(n, 6 + joints)``: root velocity in the world, root angular velocity in the root's
            own frame, hinge rates.
        phase: ``(n, 2)``, of `phase_angle`.
        references: ``(n, k, 7 + joints)``, k reference poses; k may be 0.

    Returns:
        ``(n, 15 + 2 · joints + k · (9 + joints))``: root height; root rotation as six numbers, root
        velocity and angular velocity, all seen from the heading; hinge angles; hinge rates; phase.
        Then what is still missing to reach each reference pose: its root relative to the body's
        in the heading frame [m], its root rotation seen from the body's heading as six numbers,
        and how far each hinge is from it [rad].
    """
    n, k = references.shape[:2]
    joints, roots = qpos.shape[1] - 7, 1 + k
    columns = first_columns(np.concatenate((qpos[:, None, 3:7], references[:, :, 3:7]), axis=1))
    # Everything that is to be turned, a vector after the other: the first columns of all roots,
    # their second ones, the velocities, the offsets of the references.
    vectors = np.empty((3, 2 * roots + 2 + k, n))
    vectors[:, :roots] = columns.T[:3]
    vectors[:, roots : 2 * roots] = columns.T[3:]
    vectors[:, 2 * roots] = qvel[:, :3].T
    vectors[:, 2 * roots + 1] = rotate(qpos[:, 3:7], qvel[:, 3:6]).T
    vectors[:, 2 * roots + 2 :] = (references[:, :, :3] - qpos[:, None, :3]).T
    facing = unit_length(columns[:, 0, :2])
    seen = to_heading_frame(facing[:, None], vectors.T)
    size = ROOT_SIZE + 2 * joints + 2
    observed = np.empty((n, size + k * (TARGET_ROOT_SIZE + joints)), np.float32)
    body, ahead = observed[:, :size], observed[:, size:]
    body[:, 0] = qpos[:, 2]
    root = body[:, 1:ROOT_SIZE].reshape(n, 4, 3)
    root[:, 0], root[:, 1] = seen[:, 0], seen[:, roots]
    root[:, 2:] = seen[:, 2 * roots : 2 * roots + 2]
    body[:, ROOT_SIZE : ROOT_SIZE + joints] = qpos[:, 7:]
    body[:, ROOT_SIZE + joints : -2] = qvel[:, 6:]
    body[:, -2:] = phase
    poses = ahead.reshape(n, k, TARGET_ROOT_SIZE + joints)
    poses[:, :, :3] = seen[:, 2 * roots + 2 :]
    poses[:, :, 3:6] = seen[:, 1:roots]
    poses[:, :, 6:9] = seen[:, roots + 1 : 2 * roots]
    poses[:, :, 9:] = references[:, :, 7:] - qpos[:, None, 7:]
    return observed
