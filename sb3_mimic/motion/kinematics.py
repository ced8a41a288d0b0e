"""Forward kinematics of the humanoid's skeleton."""

from typing import Any

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.rotations import hinges_to_rotation, rotation
from sb3_mimic.motion.skeleton import (
    FOOT_HEIGHT,
    HINGE_SLICES,
    MASSES,
    SKELETON,
    SOLE_CORNERS,
    SPHERES,
    require_humanoid,
)


def body_poses(clip: MotionClip) -> dict[str, tuple[FloatArray, Any]]:
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
    poses: dict[str, tuple[FloatArray, Any]] = {
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


def sole_corners(clip: MotionClip) -> dict[str, FloatArray]:
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


def lowest_points(clip: MotionClip) -> dict[str, FloatArray]:
    """Height of the lowest point of each body above the ground, (T,) [m], by body.

    Raises:
        InputError: If the clip is not the humanoid's.
    """
    poses = body_poses(clip)
    lowest = {}
    for body, (centres, radius) in SPHERES.items():
        lowest[body] = _heights(*poses[body], centres).min(axis=1) - radius
    box = (*SOLE_CORNERS, *((x, y, z + FOOT_HEIGHT) for x, y, z in SOLE_CORNERS))
    for side in ("right", "left"):
        lowest[f"{side}_ankle"] = _heights(*poses[f"{side}_ankle"], box).min(axis=1)
    return lowest


def centre_of_mass(clip: MotionClip) -> FloatArray:
    """The body's centre of mass in the world, (T, 3) [m].

    Raises:
        InputError: If the clip is not the humanoid's.
    """
    poses = body_poses(clip)
    total = np.zeros((clip.n_frames, 3))
    for body, (mass, centre) in MASSES.items():
        position, orientation = poses[body]
        total += mass * (position + orientation.apply(centre))
    return total / sum(mass for mass, _ in MASSES.values())


def _heights(
    position: FloatArray, orientation: Any, points: tuple[tuple[float, float, float], ...]
) -> FloatArray:
    """World heights (T, n) of points of a body."""
    offsets = np.stack([orientation.apply(point)[:, 2] for point in points], axis=1)
    heights: FloatArray = position[:, 2:] + offsets
    return heights
