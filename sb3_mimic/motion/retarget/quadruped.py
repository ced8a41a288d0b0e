"""A four-legged clip as what its feet do: the part of it that another quadruped can do."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletal import SkeletalMotion

#: Where each leg begins and ends in DeepMimic's dog: left and right front, left and right hind.
DOG_LEGS: Final = (
    ("left_shoulder", "left_finger"),
    ("right_shoulder", "right_finger"),
    ("left_upper_leg", "left_toe"),
    ("right_upper_leg", "right_toe"),
)

#: A foot below this share of its own range of heights is on the ground.
_STANCE: Final = 0.15


@dataclass(frozen=True, eq=False)
class FootPaths:
    """A cycle of a gait, n frames at equal steps from phase 0 on; phase 1 is phase 0 again.

    Attributes:
        period: Time of the cycle [s].
        forward: How far each foot is before the middle of its stance, seen from its hip (n, 4), in
            heights of the hips.
        lift: How high each foot is above the ground (n, 4), in heights of the hips.
        displacement: How far the body goes in a cycle, in heights of the hips.
    """

    period: float
    forward: FloatArray
    lift: FloatArray
    displacement: float


def foot_paths(motion: SkeletalMotion) -> FootPaths:
    """The feet of a looping dog clip, as DeepMimic's are.

    Lengths are in heights of the hips above the feet on the ground, so that a robot of another size
    multiplies them by its own. What does not meet at the seam is blended out evenly.

    Raises:
        InputError: If the motion is no dog's, or goes nowhere.
    """
    names = motion.tree.names
    missing = [joint for leg in DOG_LEGS for joint in leg if joint not in names]
    if missing:
        raise InputError(
            f"{motion.source}: has no joint {missing[0]!r}, so it is no clip of DeepMimic's dog; "
            "no other clip is read as a gait"
        )
    positions = motion.positions()
    way = positions[-1, 0, :2] - positions[0, 0, :2]
    length = float(np.linalg.norm(way))
    if length < 1e-3:
        raise InputError(f"{motion.source}: the dog goes nowhere, so there is no gait in it")
    hips = positions[:, [names.index(hip) for hip, _ in DOG_LEGS]]
    feet = positions[:, [names.index(foot) for _, foot in DOG_LEGS]]
    lift = _close_paths(feet[..., 2] - feet[..., 2].min(axis=0))
    forward = _close_paths((feet - hips)[..., :2] @ (way / length))
    standing = lift < _STANCE * np.ptp(lift, axis=0)
    height = float(np.mean(hips[..., 2].mean(axis=0) - feet[..., 2].min(axis=0)))
    middle = np.where(standing, forward, 0.0).sum(axis=0) / standing.sum(axis=0)
    return FootPaths(motion.duration, (forward - middle) / height, lift / height, length / height)


def _close_paths(paths: FloatArray) -> FloatArray:
    """Paths (T, 4) whose last frame is the first, without that frame."""
    share = np.linspace(-0.5, 0.5, len(paths))[:, None]
    closed: FloatArray = (paths - share * (paths[-1] - paths[0]))[:-1]
    return closed
