"""Forward kinematics of the character's skeleton."""

from typing import Any

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.hinges import hinges_to_rotation
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import rotation


def body_poses(clip: MotionClip) -> dict[str, tuple[FloatArray, Any]]:
    """Poses of the character's bodies.

    Args:
        clip: A clip of the character with T frames.

    Returns:
        By body name ("root", then those of ``CHARACTER.joints``): the position of the body's frame
        (T, 3) [m], which is the joint that moves it, and its orientation, a scipy ``Rotation`` of
        T frames, both in the world.

    Raises:
        InputError: If the clip is not the character's.
    """
    CHARACTER.require_hinges(clip.joint_names, "forward kinematics")
    poses: dict[str, tuple[FloatArray, Any]] = {
        "root": (clip.root_position, rotation(clip.root_quaternion))
    }
    for joint in CHARACTER.joints:
        position, orientation = poses[joint.parent]
        moved = position + orientation.apply(joint.offset)
        if joint.axes:
            angles = clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
            # A single hinge about −y is a first hinge about y with the sign turned.
            hinges = angles if joint.is_ball else angles * (-1.0, 0.0, 0.0)
            orientation = orientation * hinges_to_rotation(hinges, joint.axes.replace("-y", "yxz"))
        poses[joint.name] = (moved, orientation)
    return poses


def sole_corners(clip: MotionClip) -> dict[str, FloatArray]:
    """World positions of the corners of both soles, (T, 4, 3) [m], by "right" and "left".

    Raises:
        InputError: If the clip is not the character's.
    """
    poses = body_poses(clip)
    corners = {}
    for side in ("right", "left"):
        position, orientation = poses[f"{side}_ankle"]
        corners[side] = position[:, None] + np.stack(
            [orientation.apply(corner) for corner in CHARACTER.sole_corners], axis=1
        )
    return corners


def lowest_points(clip: MotionClip) -> dict[str, FloatArray]:
    """Height of the lowest point of each body above the ground, (T,) [m], by body.

    Raises:
        InputError: If the clip is not the character's.
    """
    poses = body_poses(clip)
    lowest = {}
    for body, (centers, radius) in CHARACTER.spheres.items():
        lowest[body] = _heights(*poses[body], centers).min(axis=1) - radius
    box = (
        *CHARACTER.sole_corners,
        *((x, y, z + CHARACTER.foot_height) for x, y, z in CHARACTER.sole_corners),
    )
    for side in ("right", "left"):
        lowest[f"{side}_ankle"] = _heights(*poses[f"{side}_ankle"], box).min(axis=1)
    return lowest


def center_of_mass(clip: MotionClip) -> FloatArray:
    """The body's center of mass in the world, (T, 3) [m].

    Raises:
        InputError: If the clip is not the character's.
    """
    poses = body_poses(clip)
    total = np.zeros((clip.n_frames, 3))
    for body, (mass, center) in CHARACTER.masses.items():
        position, orientation = poses[body]
        total += mass * (position + orientation.apply(center))
    return total / sum(mass for mass, _ in CHARACTER.masses.values())


def _heights(
    position: FloatArray, orientation: Any, points: tuple[tuple[float, float, float], ...]
) -> FloatArray:
    """World heights (T, n) of points of a body."""
    offsets = np.stack([orientation.apply(point)[:, 2] for point in points], axis=1)
    heights: FloatArray = position[:, 2:] + offsets
    return heights
