"""A body's motion on the character: trunk first, then feet on the ground, legs and arms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.hinges import rotation_to_hinges
from sb3_mimic.motion.processing.repair import PUSH_TIME, ease_into_limit, smooth_upper_envelope
from sb3_mimic.motion.retarget.anatomy import Anatomy
from sb3_mimic.motion.retarget.feet import SOLE_EDGES, Foot
from sb3_mimic.motion.retarget.limbs import REACH, limb, solve_limb
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import lowest_points
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.spatial import continuous_signs

_OFFSETS: Final = {joint.name: np.array(joint.offset) for joint in CHARACTER.joints}
_AXES: Final = {joint.name: joint.axes for joint in CHARACTER.joints}

#: Most that the pelvis is lowered for a foot on the ground that a leg would not reach [m]: for one
#: whose heel can rise instead, and for one on its heel.
_LOWERING: Final = (0.015, 0.08)

#: Most that a heel rises for that [rad].
_HEEL_RISE: Final = np.deg2rad(50)

#: Halvings in which the rise is found: to 1e-8 rad.
_HALVINGS: Final = 26

#: Time over which that is done on either side [s].
_LOWERING_TIME: Final = 0.1

#: How far a wrist may be from its place relative to the root [m].
_WRIST_MISS: Final = 0.035

#: How far a body other than a foot may be under the ground before the whole figure is raised [m].
_UNDER: Final = 0.005


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of the character's motion, T frames.

    Attributes:
        body: The body's motion at the character's size, on the ground.
        feet: Where the feet are to be, by side.
        arms: From shoulder to wrist at the character's arm length (T, 3) [m], by side.
        wrists: From the root to the wrist (T, 3) [m], by side.
        above_ground: Whether the figure is raised where another body than a foot is under the
            ground.
    """

    body: Anatomy
    feet: Mapping[str, Foot]
    arms: Mapping[str, FloatArray]
    wrists: Mapping[str, FloatArray]
    above_ground: bool


def bring_feet_into_reach(
    body: Anatomy, feet: Mapping[str, Foot], fps: float
) -> tuple[Anatomy, dict[str, Foot]]:
    """Lowers the body and raises the heels until the legs reach the feet on the ground."""
    down = _lowering(body, feet, fps)[:, None] * (0.0, 0.0, 1.0)
    body = body.transform(np.eye(3), 1.0, -down)
    reachable = {
        side: _raise_heels(foot, _hip(body, side), _reach(side)) for side, foot in feet.items()
    }
    return body, reachable


def solve(targets: Targets, limits: FloatArray, fps: float, name: str, source: str) -> MotionClip:
    """The character's clip.

    Args:
        targets: The targets.
        limits: Lower and upper limit of each hinge (28, 2) [rad].
        fps: Frames per second.
        name: Name of the clip.
        source: Where the motion came from.
    """
    pelvis = targets.body.frames["root"]
    position = targets.body.positions["root"].copy()
    angles = np.empty((len(position), len(CHARACTER.hinge_names)))
    chest = _trunk(targets.body, angles, limits)

    def clip_at(position: FloatArray) -> MotionClip:
        for side in SIDES:
            _legs(targets, side, (position, pelvis), angles, limits)
            trunk = (position + pelvis @ _OFFSETS["chest"], chest)
            _arms(targets, side, position, trunk, angles, limits)
        quaternion = np.roll(Rotation.from_matrix(pelvis).as_quat(), 1, axis=-1)
        return MotionClip(
            fps=fps,
            root_position=position,
            root_quaternion=continuous_signs(quaternion),
            joint_angles=angles,
            joint_names=CHARACTER.hinge_names,
            loop=False,
            name=name,
            source=source,
        )

    clip = clip_at(position)
    heights = lowest_points(clip)
    bodies = [body for body in heights if not body.endswith("ankle")]
    under = np.maximum(-np.min([heights[body] for body in bodies], axis=0), 0.0)
    if targets.above_ground and under.max() > _UNDER:
        position[:, 2] += smooth_upper_envelope(under, round(PUSH_TIME * fps), closed=False)
        clip = clip_at(position)
    return clip


def _lowering(body: Anatomy, feet: Mapping[str, Foot], fps: float) -> FloatArray:
    """Height by which the pelvis is lowered to reach the feet on the ground (T,) [m]."""
    needed = np.zeros(len(body.positions["root"]))
    for side, foot in feet.items():
        leg = _hip(body, side) - foot.ankle
        across = np.sum(leg[:, :2] ** 2, axis=1)
        drop = leg[:, 2] - np.sqrt(np.maximum(_reach(side) ** 2 - across, 0.0))
        most = np.where(foot.contact[:, 1], *_LOWERING) * foot.contact.any(axis=1)
        needed = np.maximum(needed, np.clip(drop, 0.0, most))
    return smooth_upper_envelope(needed, round(_LOWERING_TIME * fps), closed=False)


def _raise_heels(foot: Foot, hip: FloatArray, reach: float) -> Foot:
    """The foot turned about its toes, where they are on the ground, until the leg reaches it.

    Args:
        foot: The foot.
        hip: Where the leg begins (T, 3) [m].
        reach: Length of the leg [m].
    """
    far = np.linalg.norm(hip - foot.ankle, axis=1) > reach
    frames = np.flatnonzero(far & foot.contact[:, 1])
    if len(frames) == 0:
        return foot
    toes, start, own_hip = foot.edges[frames, 1], foot.frame[frames], hip[frames]
    low, high = np.zeros(len(frames)), np.full(len(frames), _HEEL_RISE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        turned = start @ Rotation.from_euler("y", middle[:, None]).as_matrix()
        short = np.linalg.norm(own_hip - (toes - turned @ SOLE_EDGES[1]), axis=1) > reach
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    ankle, frame, contact = foot.ankle.copy(), foot.frame.copy(), foot.contact.copy()
    frame[frames] = start @ Rotation.from_euler("y", high[:, None]).as_matrix()
    ankle[frames] = toes - frame[frames] @ SOLE_EDGES[1]
    contact[frames, 0] = False
    return Foot(ankle, frame, contact)


def _hip(body: Anatomy, side: str) -> FloatArray:
    """Position of the character's hip joint (T, 3) [m]."""
    hip: FloatArray = body.positions["root"] + body.frames["root"] @ _OFFSETS[f"{side}_hip"]
    return hip


def _reach(side: str) -> float:
    """Reach of a leg [m]."""
    return REACH * sum(limb(side, "leg").lengths)


def _trunk(body: Anatomy, angles: FloatArray, limits: FloatArray) -> FloatArray:
    """Fills in chest and neck; returns the chest's orientation (T, 3, 3)."""
    chest = body.frames["root"] @ _joint(
        "chest", body.frames["root"], body.frames["chest"], angles, limits
    )
    _joint("neck", chest, body.frames["neck"], angles, limits)
    return chest


def _joint(
    name: str, frame: FloatArray, turned: FloatArray, angles: FloatArray, limits: FloatArray
) -> FloatArray:
    """Fills in a ball joint within its limits; returns its rotation (T, 3, 3)."""
    columns = CHARACTER.hinge_slices[name]
    local = Rotation.from_matrix(frame.transpose(0, 2, 1) @ turned)
    hinges = rotation_to_hinges(local, _AXES[name], closed=False)
    for column, (low, high) in enumerate(limits[columns]):
        if (hinges[:, column] > high).any():
            hinges[:, column] = ease_into_limit(hinges[:, column], high)
        if (hinges[:, column] < low).any():
            hinges[:, column] = -ease_into_limit(-hinges[:, column], -low)
    angles[:, columns] = hinges
    rotated: FloatArray = Rotation.from_euler(_AXES[name].upper(), hinges).as_matrix()
    return rotated


def _legs(
    targets: Targets,
    side: str,
    base: tuple[FloatArray, FloatArray],
    angles: FloatArray,
    limits: FloatArray,
) -> None:
    leg, foot = limb(side, "leg"), targets.feet[side]
    axis = targets.body.axes[f"{side}_knee"]
    angles[:, leg.columns] = solve_limb(
        leg, base, foot.ankle, axis, foot.frame, limits[leg.columns]
    )


def _arms(
    targets: Targets,
    side: str,
    root: FloatArray,
    base: tuple[FloatArray, FloatArray],
    angles: FloatArray,
    limits: FloatArray,
) -> None:
    """Fills in an arm: it points as it does, and its wrist is nearly where it is.

    Shoulders that are raised or drawn forward have no counterpart, so that both cannot hold. An arm
    that went all the way to the place of its wrist would bend its elbow by 20° for a centimetre.
    """
    arm = limb(side, "arm")
    target = base[0] + base[1] @ _OFFSETS[f"{side}_shoulder"] + targets.arms[side]
    miss = root + targets.wrists[side] - target
    distance = np.linalg.norm(miss, axis=1, keepdims=True)
    target = target + miss * np.maximum(1 - _WRIST_MISS / np.maximum(distance, 1e-9), 0.0)
    axis = targets.body.axes[f"{side}_elbow"]
    angles[:, arm.columns] = solve_limb(arm, base, target, axis, None, limits[arm.columns])
