"""Glitches of skeletal motion: a joint that flips away for up to three frames and comes back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.spatial.transform import Slerp

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.motion.tolerances import (
    SPIKE_ANGLE,
    SPIKE_DISTANCE,
    SPIKE_RATIO,
    SUDDEN_STEP,
    SUDDEN_TURN,
)
from sb3_mimic.spatial import continuous_signs, precise_angle_between, rotation, wxyz

#: Longest glitch [frames]. What is away for longer may be a movement.
LONGEST: Final = 3

#: Steps around a step that tell what is usual there.
_NEIGHBORHOOD: Final = 21

#: How near a joint has to come back to where it was, as a share of the step away.
_RETURN: Final = 0.5

#: Parts of the body that reach no farther than this share of the figure's size are small: hands and
#: feet with their fingers and toes. They are noisy, and nothing hangs on them.
_SMALL: Final = 0.15


@dataclass(frozen=True)
class Glitch:
    """A joint that is away for some frames.

    Attributes:
        joint: Index of the joint, or −1 for the root's position.
        frame: First frame that is wrong.
        n_frames: Number of frames that are wrong.
        value: How far it is away [rad, for the root's position m].
    """

    joint: int
    frame: int
    n_frames: int
    value: float


def find_glitches(motion: SkeletalMotion) -> list[Glitch]:
    """Finds glitches, in the order of their frames.

    The steps away and back must each be larger than a body moves between two frames (the bounds of
    ``motions lint``'s spikes) and ``SPIKE_RATIO`` times the steps that are usual around them, and
    the joint must come back to near where it was.
    """
    dt2 = 1 / motion.fps**2
    turn, step = max(SPIKE_ANGLE, SUDDEN_TURN / 2 * dt2), max(SPIKE_DISTANCE, SUDDEN_STEP / 2 * dt2)
    moving = np.flatnonzero(~motion.tree.end_site)
    away = _excursions(motion.rotations[:, moving], precise_angle_between, turn)
    glitches = [replace(glitch, joint=int(moving[glitch.joint])) for glitch in away]
    shifts = _excursions(motion.root_position[:, None], _distances, step)
    glitches += [replace(glitch, joint=-1) for glitch in shifts]
    return sorted(glitches, key=lambda glitch: (glitch.frame, glitch.joint))


def repair_glitches(motion: SkeletalMotion) -> tuple[SkeletalMotion, list[str]]:
    """Puts what is away on the way between the frames before and after it.

    Rotations are interpolated as rotations. Where the root or several large parts are off in the
    same frame the whole pose is replaced: a fit that goes wrong in one joint makes up for it in
    others.

    Returns:
        The repaired motion, and what was changed, one sentence each; the same motion and an empty
        list where there was nothing to repair.
    """
    glitches = find_glitches(motion)
    if not glitches:
        return motion, []
    names, small = motion.tree.names, small_parts(motion.tree)
    position, rotations = motion.root_position.copy(), motion.rotations.copy()
    changes = []
    for (frame, n_frames), together in _group_by_place(glitches).items():
        large = [glitch for glitch in together if glitch.joint <= 0 or not small[glitch.joint]]
        whole = len(large) > 1 or any(glitch.joint <= 0 for glitch in large)
        joints = np.flatnonzero(~motion.tree.end_site).tolist()
        if not whole:
            joints = [glitch.joint for glitch in together]
        before, after = frame - 1, frame + n_frames
        share = np.arange(1, n_frames + 1) / (n_frames + 1)
        for joint in joints:
            ends = rotation(motion.rotations[[before, after], joint])
            rotations[frame:after, joint] = wxyz(Slerp([0, 1], ends)(share))
        if whole:
            ends = motion.root_position[[before, after]]
            position[frame:after] = ends[0] + share[:, None] * (ends[1] - ends[0])
        worst = max(together, key=lambda glitch: (glitch.joint >= 0, glitch.value))
        what = "root position" if worst.joint < 0 else names[worst.joint]
        frames = f"frame {frame}" if n_frames == 1 else f"frames {frame} to {after - 1}"
        others = f" and {len(together) - 1} more" if len(together) > 1 else ""
        changes.append(
            f"glitch: {frames} put between the neighbors{', whole pose' if whole else ''} ({what}"
            f"{others}, off by {worst.value:.2f} {'m' if worst.joint < 0 else 'rad'})"
        )
    repaired = replace(motion, root_position=position, rotations=continuous_signs(rotations))
    return repaired, changes


def small_parts(tree: JointTree) -> NDArray[np.bool_]:
    """Joints that move only little of the body (J,): hands, feet, fingers, toes."""
    rest = tree.rest_positions
    reach = np.zeros(tree.n_joints)
    for joint in range(tree.n_joints - 1, 0, -1):
        # From each joint up to the root, so that every ancestor sees every descendant.
        ancestor = int(tree.parents[joint])
        while ancestor >= 0:
            reach[ancestor] = max(
                reach[ancestor], float(np.linalg.norm(rest[joint] - rest[ancestor]))
            )
            ancestor = int(tree.parents[ancestor])
    size = float(np.ptp(rest, axis=0).max())
    small: NDArray[np.bool_] = reach <= _SMALL * size
    return small


def _group_by_place(glitches: list[Glitch]) -> dict[tuple[int, int], list[Glitch]]:
    """Glitches by their first frame and their length."""
    places: dict[tuple[int, int], list[Glitch]] = {}
    for glitch in glitches:
        places.setdefault((glitch.frame, glitch.n_frames), []).append(glitch)
    return places


def _excursions(
    signal: FloatArray, distance: Callable[[FloatArray, FloatArray], FloatArray], least: float
) -> list[Glitch]:
    """Excursions of a signal, which leave and come back; ``joint`` is the column.

    Args:
        signal: Frames of any number of columns (T, n, k).
        distance: Between two of them, (..., k) and (..., k) to (...).
        least: Least height.
    """
    steps = distance(signal[1:], signal[:-1])
    usual = median_filter(steps, size=(_NEIGHBORHOOD, 1), mode="nearest")
    sudden = (steps > least) & (steps > SPIKE_RATIO * usual)
    found: list[Glitch] = []
    taken: set[tuple[int, int]] = set()
    for length in range(1, LONGEST + 1):
        if len(signal) < length + 2:
            break
        away, back = slice(0, len(steps) - length), slice(length, len(steps))
        smaller = np.minimum(steps[away], steps[back])
        across = distance(signal[length + 1 :], signal[: -length - 1])
        shaped = sudden[away] & sudden[back] & (across < _RETURN * smaller)
        height = (steps[away] + steps[back] - across) / 2
        for frame, column in np.argwhere(shaped & (height > least)):
            frames = {(int(frame) + 1 + more, int(column)) for more in range(length)}
            if not frames & taken:
                taken |= frames
                value = float(height[frame, column])
                found.append(Glitch(int(column), int(frame) + 1, length, value))
    return found


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Distances between points (..., 3)."""
    distances: FloatArray = np.linalg.norm(a - b, axis=-1)
    return distances
