"""Contacts of the feet with the ground, estimated from the motion alone."""

from typing import Final

import numpy as np

from sb3_mimic.arrays import BoolArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree

#: Joints up to this share of the figure's height above its lowest point at rest are its feet.
_FOOT: Final = 0.08

#: Share of the frames whose lowest point may lie under what counts as the ground: noise and soles
#: that give way.
_GROUND_QUANTILE: Final = 0.05

#: Share of the frames in which a point of a foot is as low as when it bears weight.
_FLOOR_QUANTILE: Final = 0.1

#: Contact: no higher above its floor [m] and no faster [m/s] than this. Noise of 2 mm at 120 Hz is
#: 0.1 m/s; a foot in swing goes at twice the walking speed.
_CONTACT_HEIGHT: Final = 0.04
_CONTACT_SPEED: Final = 0.5

#: Time over which a foot's speed is measured, either way [s].
_SPEED_TIME: Final = 0.025


def foot_points(tree: JointTree) -> list[int]:
    """The joints that are near the ground at rest: ankles, toes, and the tips of toes.

    Of a figure that is a root alone, the root.
    """
    heights = tree.rest_positions[:, 2]
    low = heights <= heights.min() + _FOOT * np.ptp(heights)
    return [int(joint) for joint in np.flatnonzero(low) if joint > 0] or [0]


def ground_height(motion: SkeletalMotion) -> float:
    """Height [m] of the ground that the motion's feet stand on: of joints, not of soles."""
    lowest = motion.positions()[:, foot_points(motion.tree), 2].min(axis=1)
    return float(np.quantile(lowest, _GROUND_QUANTILE))


def foot_contacts(motion: SkeletalMotion) -> BoolArray:
    """Whether each of the ``foot_points`` rests on the ground, (T, n).

    A point rests where it is low for itself and slow.
    """
    points = motion.positions()[:, foot_points(motion.tree)]
    floor = np.quantile(points[..., 2], _FLOOR_QUANTILE, axis=0)
    reach = max(1, round(_SPEED_TIME * motion.fps))
    frames = np.arange(motion.n_frames)
    after, before = np.minimum(frames + reach, frames[-1]), np.maximum(frames - reach, 0)
    moved = np.linalg.norm(points[after] - points[before], axis=-1)
    speed = moved / ((after - before) / motion.fps)[:, None]
    resting: BoolArray = (points[..., 2] < floor + _CONTACT_HEIGHT) & (speed < _CONTACT_SPEED)
    return resting


def contact_window(motion: SkeletalMotion, seconds: float = 5.0) -> tuple[int, int]:
    """The first window of a length that begins and ends with a foot on the ground.

    Such a window can be simulated from a standstill or a step, and not from the middle of a jump.
    The choice looks at contact alone, so that it favors no part of the motion for its results.

    Args:
        motion: Any motion with feet; a T-pose at its beginning should be cut off first.
        seconds: Length [s]. Of a shorter motion, all from its first contact to its last.

    Returns:
        First frame, and the frame after the last.

    Raises:
        InputError: If the length is not positive, or no foot ever rests on the ground for it.
    """
    if not (np.isfinite(seconds) and seconds > 0):
        raise InputError(f"the length of a window must be positive, got {seconds:g} s")
    resting = np.flatnonzero(foot_contacts(motion).any(axis=1))
    steps = max(1, round(seconds * motion.fps))
    if len(resting) > 1 and motion.n_frames - 1 <= steps:
        return int(resting[0]), int(resting[-1]) + 1
    starts = np.intersect1d(resting, resting - steps)
    if len(starts) == 0:
        raise InputError(
            f"motion {motion.name!r} has no {seconds:g} s that begin and end with a foot on the "
            "ground"
        )
    return int(starts[0]), int(starts[0]) + steps + 1
