"""Forward kinematics of the humanoid's skeleton."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.rotations import hinges_to_rotation, rotation
from sb3_mimic.motion.skeleton import HINGE_SLICES, SKELETON, SOLE_CORNERS, require_humanoid

Array = NDArray[np.float64]


def body_poses(clip: MotionClip) -> dict[str, tuple[Array, Any]]:
    """Where every body of the humanoid is.

    Args:
        clip: A clip of the humanoid with T frames.

    Returns:
        By body name ("root", then the names of ``SKELETON``): the position of the body's frame
        (T, 3) [m], which is the joint that moves it, and its orientation, a scipy ``Rotation`` of
        T frames, both in the world.

    Raises:
        InputError: If the clip is not the humanoid's.
    """
    require_humanoid(clip.joint_names, "forward kinematics")
    poses: dict[str, tuple[Array, Any]] = {
        "root": (clip.root_position, rotation(clip.root_quaternion))
    }
    for joint in SKELETON:
        position, orientation = poses[joint.parent]
        moved = position + orientation.apply(joint.offset)
        if joint.axes:
            angles = clip.joint_angles[:, HINGE_SLICES[joint.name]]
            # A single hinge about −y is a first hinge about y with the sign turned.
            hinges = angles if joint.is_ball else angles * (-1.0, 0.0, 0.0)
            orientation = orientation * hinges_to_rotation(hinges, joint.axes.replace("-y", "yxz"))
        poses[joint.name] = (moved, orientation)
    return poses


def sole_corners(clip: MotionClip) -> dict[str, Array]:
    """World positions of the corners of both soles, (T, 4, 3) [m], by "right" and "left".

    Raises:
        InputError: If the clip is not the humanoid's.
    """
    poses = body_poses(clip)
    corners = {}
    for side in ("right", "left"):
        position, orientation = poses[f"{side}_ankle"]
        corners[side] = position[:, None] + np.stack(
            [orientation.apply(corner) for corner in SOLE_CORNERS], axis=1
        )
    return corners
