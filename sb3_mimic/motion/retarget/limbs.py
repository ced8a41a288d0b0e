"""Inverse kinematics of arms and legs: closed form, and least squares where a limit is in the way.

A limb of two bones with a hinge between them has exactly one pose for where its end is and which
way its hinge points, so that a whole motion is solved at once and is as smooth as what is asked
for. Only where that pose is beyond a joint's limit is there something to weigh up, and only those
frames are fitted.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.hinges import rotation_to_hinges
from sb3_mimic.motion.processing.repair import ease_into_limit
from sb3_mimic.motion.skeletons import CHARACTER, Joint

#: Share of its length to which a limb is stretched where there is a choice, and at most: near its
#: full length a millimetre bends it by degrees, so that what is beyond reach is approached softly.
REACH: Final = 0.998
STRETCH: Final = 0.9999

#: Most rounds of the fit, the step at which it is done [rad], and the damping of its steps.
_ROUNDS: Final = 12
_DONE: Final = 1e-5
_DAMPING: Final = 1e-6

#: What a radian of a foot's turn and of leaving the closed form count, in metres of its end.
_TURN_WEIGHT: Final = 0.1
_STAY_WEIGHT: Final = 0.01

_AXES: Final = {
    "x": (1.0, 0.0, 0.0),
    "y": (0.0, 1.0, 0.0),
    "z": (0.0, 0.0, 1.0),
    "-y": (0.0, -1.0, 0.0),
}
_JOINTS: Final = {joint.name: joint for joint in CHARACTER.joints}


@dataclass(frozen=True)
class Limb:
    """An arm or a leg.

    Attributes:
        joints: Its joints from the trunk on; the last one is its end, with hinges (the ankle) or
            without (the wrist).
        fold: Which way it folds: +1 backward, as a knee, −1 forward, as an elbow.
    """

    joints: tuple[Joint, Joint, Joint]
    fold: float

    @property
    def parent(self) -> str:
        """The part of the trunk that it hangs from."""
        return self.joints[0].parent

    @property
    def lengths(self) -> tuple[float, float]:
        """Lengths of its two bones [m]."""
        return -self.joints[1].offset[2], -self.joints[2].offset[2]

    @property
    def columns(self) -> slice:
        """Its hinges among all hinges."""
        last = [joint for joint in self.joints if joint.axes][-1]
        return slice(
            CHARACTER.hinge_slices[self.joints[0].name].start,
            CHARACTER.hinge_slices[last.name].stop,
        )


def limb(side: str, kind: str) -> Limb:
    """The "arm" or "leg" of a side."""
    names = ("hip", "knee", "ankle") if kind == "leg" else ("shoulder", "elbow", "wrist")
    first, second, third = (_JOINTS[f"{side}_{name}"] for name in names)
    return Limb((first, second, third), 1.0 if kind == "leg" else -1.0)


def solve_limb(
    limb: Limb,
    base: tuple[FloatArray, FloatArray],
    target: FloatArray,
    axis: FloatArray,
    turn: FloatArray | None,
    limits: FloatArray,
) -> FloatArray:
    """Hinge angles that bring a limb's end to a place.

    Args:
        limb: The limb.
        base: Position (T, 3) [m] and orientation (T, 3, 3) of the body that it hangs from.
        target: Where its end is to be (T, 3) [m]; what is out of reach is approached.
        axis: Where the axis of its knee or elbow is to point (T, 3), as in `Anatomy`.
        turn: Orientation of its end (T, 3, 3), for a leg; None for an arm.
        limits: Lower and upper limit of its hinges (k, 2) [rad].

    Returns:
        Angles (T, k) [rad] within the limits.
    """
    upper, bend = _two_bones(limb, base, target, axis)
    root, _, end = limb.joints
    frame = base[1]
    parts = [rotation_to_hinges(_local(frame, upper), root.axes, closed=False)]
    parts.append(-limb.fold * bend[:, None])
    if turn is not None:
        lower = upper @ Rotation.from_euler("y", limb.fold * bend[:, None]).as_matrix()
        parts.append(rotation_to_hinges(_local(lower, turn), end.axes, closed=False))
    free = np.concatenate(parts, axis=1)
    kept = free.copy()
    for column, (low, high) in enumerate(limits):
        if (free[:, column] > high).any():
            kept[:, column] = ease_into_limit(kept[:, column], high)
        if (free[:, column] < low).any():
            kept[:, column] = -ease_into_limit(-kept[:, column], -low)
    held = np.flatnonzero((kept != free).any(axis=1))
    if len(held):
        own = (base[0][held], base[1][held])
        own_turn = None if turn is None else turn[held]
        kept[held] = _fit(limb, own, target[held], own_turn, kept[held], limits)
    return kept


def limb_pose(
    limb: Limb, base: tuple[FloatArray, FloatArray], angles: FloatArray
) -> tuple[FloatArray, ...]:
    """Forward kinematics of a limb.

    Returns:
        Position (T, 3) and orientation (T, 3, 3) of its end, and of each hinge a point of its axis
        (T, k, 3) and its direction (T, k, 3), in the world.
    """
    position, frame = base
    points, directions = [], []
    column = 0
    for joint in limb.joints:
        position = position + frame @ np.array(joint.offset)
        for name in joint.axes if joint.is_ball else (joint.axes,) if joint.axes else ():
            axis = np.array(_AXES[name])
            points.append(position)
            directions.append(frame @ axis)
            turned = Rotation.from_rotvec(angles[:, column, None] * axis).as_matrix()
            frame = frame @ turned
            column += 1
    return position, frame, np.stack(points, axis=1), np.stack(directions, axis=1)


def _two_bones(
    limb: Limb, base: tuple[FloatArray, FloatArray], target: FloatArray, axis: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Orientation of the upper bone (T, 3, 3) and how far the joint is bent (T,) ≥ 0 [rad]."""
    first, second = limb.lengths
    reach = target - (base[0] + base[1] @ np.array(limb.joints[0].offset))
    far = np.linalg.norm(reach, axis=1)
    down = reach / np.maximum(far, 1e-9)[:, None]
    distance = np.maximum(far, 1.05 * abs(first - second) + 1e-3)
    length = first + second
    if (far > STRETCH * length).any():
        room = (STRETCH - REACH) * length
        beyond = np.maximum(distance - REACH * length, 0.0)
        distance = distance - beyond + room * -np.expm1(-beyond / room)
    inner = (first**2 + second**2 - distance**2) / (2 * first * second)
    bend = np.pi - np.arccos(np.clip(inner, -1, 1))
    lead = (first**2 + distance**2 - second**2) / (2 * first * distance)
    ahead = np.arccos(np.clip(lead, -1, 1))
    left = axis - np.einsum("ti,ti->t", axis, down)[:, None] * down
    left /= np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-9)
    straight = np.stack([np.cross(left, -down), left, -down], axis=-1)
    # A knee lies ahead of the line from hip to ankle, an elbow behind: rotation about +y turns a
    # hanging bone backward.
    upper: FloatArray = straight @ Rotation.from_euler("y", -limb.fold * ahead[:, None]).as_matrix()
    return upper, bend


def _fit(
    limb: Limb,
    base: tuple[FloatArray, FloatArray],
    target: FloatArray,
    turn: FloatArray | None,
    start: FloatArray,
    limits: FloatArray,
) -> FloatArray:
    """Damped Gauss–Newton on all frames at once, hinges at a limit held there (T, k)."""
    low, high = limits.T
    angles = np.clip(start, low, high)
    n_hinges = angles.shape[1]
    for _ in range(_ROUNDS):
        position, frame, points, directions = limb_pose(limb, base, angles)
        jacobian = [np.cross(directions, position[:, None] - points)]
        residual = [target - position]
        if turn is not None:
            missing = Rotation.from_matrix(turn @ frame.transpose(0, 2, 1)).as_rotvec()
            jacobian.append(_TURN_WEIGHT * directions)
            residual.append(_TURN_WEIGHT * missing)
        slopes = np.concatenate(jacobian, axis=2)
        gradient = np.einsum("tki,ti->tk", slopes, np.concatenate(residual, axis=1))
        gradient += _STAY_WEIGHT**2 * (start - angles)
        stuck = ((angles <= low) & (gradient < 0)) | ((angles >= high) & (gradient > 0))
        slopes = np.where(stuck[..., None], 0.0, slopes)
        normal = slopes @ slopes.transpose(0, 2, 1)
        normal += (_STAY_WEIGHT**2 + _DAMPING) * np.eye(n_hinges)
        step = np.linalg.solve(normal, np.where(stuck, 0.0, gradient)[..., None])[..., 0]
        moved = np.clip(angles + np.clip(step, -0.5, 0.5), low, high)
        change = float(np.abs(moved - angles).max())
        angles = moved
        if change < _DONE:
            break
    return angles


def _local(frame: FloatArray, turned: FloatArray) -> Rotation:
    """Orientations (T, 3, 3) as seen from others."""
    return Rotation.from_matrix(frame.transpose(0, 2, 1) @ turned)
