"""A motion as a stick figure with its curves, the content of a picture."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses, sole_corners
from sb3_mimic.motion.skeletons.sides import Side, joint_sides, mirror_pairs

#: A point of a foot is low where it is less than this above the ground [m], and stands where it is
#: also slower over it than this [m/s], on average over so long before and after [s].
LOW: Final = 0.03
SLOW: Final = 0.4
_REACH: Final = 0.025

#: Share of the frames in which a skeleton's lowest point may be under the ground that is assumed.
_GROUND: Final = 0.02

#: Captures drift, by 5 cm over CMU's 02_01, and toes and ankles come down to different heights: a
#: point's own ground is its lowest height in so long before and after [s], at most so much above
#: where it is at rest on the ground [m].
_DRIFT_TIME: Final = 0.75
_DRIFT: Final = 0.1

#: The most joints whose angles are shown.
_MOST_JOINTS: Final = 7

_HEAD_TOP: Final = (0.0, 0.0, 0.2775)
_TOES: Final = slice(2, 4)
_HEELS: Final = slice(0, 2)


@dataclass(frozen=True)
class Foot:
    """A foot over time.

    Attributes:
        height: Of its lowest point above the ground (T,) [m].
        low: Whether a point of it is on the ground, standing or sliding (T,).
        stands: Whether it rests there (T,).
    """

    height: FloatArray
    low: NDArray[np.bool_]
    stands: NDArray[np.bool_]


@dataclass(frozen=True)
class StickFigure:
    """A motion as lines between points, and the angles of its joints.

    Attributes:
        title: Name, duration and rate, on one line.
        times: Times of the frames (T,) [s].
        points: Points of the body in the world (T, n, 3) [m], the root first.
        bones: Pairs of points that are connected, and the side of the body they are on.
        forward: Direction (2,) in which the figure faces in the first frame, horizontal, unit.
        angles: Joint → label → angle (T,) [rad]; a label is a side, an axis, or both.
        feet: Foot by name.
        ground: Height of the ground [m].
    """

    title: str
    times: FloatArray
    points: FloatArray
    bones: tuple[tuple[int, int, Side], ...]
    forward: FloatArray
    angles: dict[str, dict[str, FloatArray]]
    feet: dict[str, Foot]
    ground: float


def clip_figure(clip: MotionClip) -> StickFigure:
    """The stick figure of the character, with the angles of its hinges.

    Raises:
        InputError: If the clip is not the character's.
    """
    poses = body_poses(clip)
    points = {name: position for name, (position, _) in poses.items()}
    # Drawn from the neck, not from the waist, where the chest's joint is.
    parents = {
        joint.name: "neck" if joint.name.endswith("shoulder") else joint.parent
        for joint in CHARACTER.joints
    }
    neck, orientation = poses["neck"]
    points["head"], parents["head"] = neck + orientation.apply(_HEAD_TOP), "neck"
    corners = sole_corners(clip)
    for side, sole in corners.items():
        for end, part in (("toes", _TOES), ("heel", _HEELS)):
            points[f"{side}_{end}"] = sole[:, part].mean(axis=1)
            parents[f"{side}_{end}"] = f"{side}_ankle"
        parents[f"{side}_toes"] = f"{side}_heel"
    names = list(points)
    angles: dict[str, dict[str, FloatArray]] = {}
    for joint in CHARACTER.actuated:
        side, _, plain = joint.name.rpartition("_")
        lines = clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]].T
        axes = joint.axes if joint.is_ball else joint.axes.lstrip("-")
        angles.setdefault(plain, {}).update(
            {f"{side} {axis}".strip(): line for axis, line in zip(axes, lines, strict=True)}
        )
    return StickFigure(
        title=_title(clip.name, clip.n_frames, clip.fps) + (", a loop" if clip.loop else ""),
        times=clip.times,
        points=np.stack([points[name] for name in names], axis=1),
        bones=tuple(
            (names.index(parent), names.index(name), _side(name))
            for name, parent in parents.items()
        ),
        forward=_forward(points["left_hip"][0], points["right_hip"][0]),
        angles=angles,
        feet={
            side: _foot(sole, 0.0, np.zeros((clip.n_frames, 4)), clip.fps)
            for side, sole in corners.items()
        },
        ground=0.0,
    )


def skeletal_figure(motion: SkeletalMotion) -> StickFigure:
    """The stick figure of any skeleton, with the angles by which its joints turn from rest.

    Shown are the joints that move most of the body most. The ground is where the skeleton's lowest
    point is in all but 2% of the frames, a foot the lowest end of a leg with the two bones before
    it.
    """
    tree = motion.tree
    points = motion.positions()
    partner = mirror_pairs(tree.names)
    sides = joint_sides(tree.names)
    ground = float(np.quantile(points[..., 2].min(axis=1), _GROUND))
    leaves = [j for j in range(tree.n_joints) if not tree.children(j)]
    low = sorted(leaves, key=lambda leaf: float(np.median(points[:, leaf, 2])))
    feet = {}
    for side in ("right", "left"):
        ends = [leaf for leaf in low if sides[leaf] == side]
        if ends:
            toes = ends[0]
            ball = int(tree.parents[toes])
            foot = [toes, ball, max(0, int(tree.parents[ball]))]
            rest = tree.rest_positions[foot, 2]
            window = 2 * round(_DRIFT_TIME * motion.fps) + 1
            lowest = minimum_filter1d(points[:, foot, 2], window, axis=0, mode="nearest") - ground
            down = np.minimum(lowest, rest - rest.min() + _DRIFT)
            feet[side] = _foot(points[:, foot], ground, down, motion.fps)
    hips = next(
        (
            (points[0, j], points[0, partner[j]])
            for j in range(tree.n_joints)
            if sides[j] == "left" and np.ptp([points[0, j, :2], points[0, partner[j], :2]], 0).any()
        ),
        (np.array([0.0, 1.0, 0.0]), np.zeros(3)),
    )
    return StickFigure(
        title=_title(motion.name, motion.n_frames, motion.fps),
        times=motion.times,
        points=points,
        bones=tuple((int(tree.parents[j]), j, sides[j]) for j in range(1, tree.n_joints)),
        forward=_forward(*hips),
        angles=_largest_angles(motion, partner, sides),
        feet=feet,
        ground=ground,
    )


def _largest_angles(
    motion: SkeletalMotion, partner: NDArray[np.intp], sides: list[Side]
) -> dict[str, dict[str, FloatArray]]:
    """Angles from rest of the joints that matter, a joint and its other side together."""
    tree = motion.tree
    # Continuous where a joint turns beyond 180°, since quaternions keep their sign.
    cosines = motion.rotations[..., 0]
    cosines = np.where(np.median(cosines, axis=0) < 0, -cosines, cosines)
    angles = 2 * np.arctan2(np.linalg.norm(motion.rotations[..., 1:], axis=-1), cosines)
    lengths = np.linalg.norm(tree.offsets, axis=1)
    moved = np.zeros(tree.n_joints)  # length of all the bones beyond a joint
    for joint in range(tree.n_joints - 1, 0, -1):
        moved[tree.parents[joint]] += lengths[joint] + moved[joint]
    # A T-pose in the first frame is no movement.
    weight = np.ptp(np.quantile(angles, (0.01, 0.99), axis=0), axis=0) * moved
    weight[0] = 0.0
    found: dict[str, dict[str, FloatArray]] = {}
    for joint in np.argsort(-weight):
        pair = [int(joint)] if partner[joint] == joint else [int(joint), int(partner[joint])]
        if weight[joint] == 0 or len(found) == _MOST_JOINTS:
            break
        found[" / ".join(tree.names[j] for j in sorted(pair))] = {
            sides[j]: angles[:, j] for j in pair
        }
    return found


def _foot(points: FloatArray, ground: float, down: FloatArray, fps: float) -> Foot:
    """A foot of some points (T, k, 3) whose points come down to ``down`` (T, k) [m]."""
    heights = points[..., 2] - ground
    reach = max(1, round(_REACH * fps))
    before = np.maximum(np.arange(len(points)) - reach, 0)
    after = np.minimum(np.arange(len(points)) + reach, len(points) - 1)
    moved = np.linalg.norm(points[after, :, :2] - points[before, :, :2], axis=-1)
    speeds = moved * fps / (after - before)[:, None]
    low: NDArray[np.bool_] = heights < down + LOW
    stands: NDArray[np.bool_] = (low & (speeds < SLOW)).any(axis=1)
    return Foot(heights.min(axis=1), np.logical_or.reduce(low, axis=1), stands)


def _forward(left: FloatArray, right: FloatArray) -> FloatArray:
    """Direction in which a figure with these left and right points faces: up × right."""
    across = (right - left)[:2]
    forward = np.array([-across[1], across[0]])
    unit: FloatArray = forward / np.linalg.norm(forward)
    return unit


def _side(name: str) -> Side:
    found = re.match("left|right", name)
    return "middle" if found is None else "left" if found[0] == "left" else "right"


def _title(name: str, n_frames: int, fps: float) -> str:
    return f"{name}: {(n_frames - 1) / fps:.2f} s, {n_frames} frames at {fps:g} Hz"
