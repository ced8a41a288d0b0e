"""Where a robot's parts are to be for it to do what the character does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray, contiguous_runs
from sb3_mimic.envs.tracking.retargeting.skeleton_map import MappedRobot
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.processing.repair import smooth_upper_envelope
from sb3_mimic.motion.retarget.feet import Foot, find_contacts, ground_height, plant
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses
from sb3_mimic.motion.skeletons.sides import SIDES

#: The character's joints in their parents' frames [m].
_OFFSETS: Final = CHARACTER.offsets
_SOLE_HEIGHT: Final = -CHARACTER.sole_corners[0][2]


def _planted(foot: Foot, fps: float) -> Foot:
    """The foot held where it is on the ground; what would be moved too far for that slides."""
    for _ in range(_PLANTINGS):
        planted = plant(foot, fps)
        moved = np.linalg.norm((planted.edges - foot.edges)[..., :2], axis=-1)
        far = planted.contact & (moved > _FOOTHOLD)
        if not far.any():
            break
        foot = replace(foot, contact=planted.contact & ~far)
    return _without_overshoot(planted, foot)


def _without_overshoot(planted: Foot, free: Foot) -> Foot:
    """The planted foot, in the air no farther from its free path than at the next footholds.

    `plant` goes on in the direction in which a foothold moved the foot relative to its path, which
    is away from it where the foot slid.
    """
    moved = planted.ankle - free.ankle
    far = np.linalg.norm(moved[:, :2], axis=1)
    ground: BoolArray = np.logical_or(*planted.contact.T)
    share = np.ones(len(far))
    for start, stop in contiguous_runs(np.logical_not(ground)):
        ends = [far[frame] for frame in (start - 1, stop) if 0 <= frame < len(far)]
        if ends:
            share[start:stop] = np.minimum(max(ends) / np.maximum(far[start:stop], 1e-9), 1.0)
    ankle = planted.ankle.copy()
    ankle[:, :2] = (free.ankle + share[:, None] * moved)[:, :2]
    return replace(planted, ankle=ankle)


# How far the ground of a clip may be from where it should be [m]: more is a step or a chair.
_UNEVEN = 0.06

# A sole steeper than 60° does not bear weight: a body that lies does not stand on its toes.
_STEEPEST = 0.5

# How far holding a foot may move it [m at the character's size], and how often what it moves
# farther is let go.
_FOOTHOLD = 0.05
_PLANTINGS = 5

# How far legs reach, in their length, and most that the pelvis comes down for that, by whether the
# heel may rise instead [m at the character's size].
_REACH = 0.995
_LOWERING = (0.08, 0.03)

# Time over which the pelvis is lowered on either side [s].
_LOWERING_TIME = 0.1


@dataclass(frozen=True, eq=False)
class Plan:
    """Where a robot's parts are to be, at its size, T frames.

    Attributes:
        places: Middle of the hips ("root"), and from it or the shoulder (T, 3) [m], by part.
        frames: Turns from the rest pose (T, 3, 3), by part.
        feet: The feet, with the robot's soles.
        effectors: Ankles and wrists as seen from the middle of the hips, as the motion has them
            before feet are held [m].
    """

    places: Mapping[str, FloatArray]
    frames: Mapping[str, FloatArray]
    feet: Mapping[str, Foot]
    effectors: Mapping[str, FloatArray]


def plan_motion(clip: MotionClip, robot: MappedRobot) -> Plan:
    """What a robot is to do; planned at the character's size, where feet's tolerances are meant."""
    poses = body_poses(clip)
    positions = {part: position for part, (position, _) in poses.items()}
    frames = {part: turn.as_matrix() for part, (_, turn) in poses.items()}
    none = np.zeros((clip.n_frames, 2), dtype=bool)
    own_feet = {
        side: Foot(positions[f"{side}_ankle"], frames[f"{side}_ankle"], none) for side in SIDES
    }
    uneven = np.clip(ground_height(own_feet, clip.fps), -_UNEVEN, _UNEVEN)
    rise = -uneven[:, None] * (0.0, 0.0, 1.0)
    root = positions["root"] + rise

    feet: dict[str, Foot] = {}
    effectors: dict[str, FloatArray] = {}
    sideways = frames["root"][:, :, 1] * (1.0, 1.0, 0.0)
    for side in SIDES:
        foot = own_feet[side]
        contact = find_contacts(replace(foot, ankle=foot.ankle + rise), clip.fps).contact
        contact &= foot.frame[:, 2, 2, None] > _STEEPEST
        hip = robot.places[f"{side}_hip"] / robot.scale
        wider = sideways * (hip[1] - _OFFSETS[f"{side}_hip"][1])
        corners = robot.soles[side] / robot.scale
        taller = (_SOLE_HEIGHT + corners[:, 2].min()) * np.array([0.0, 0.0, -1.0])
        ankle = foot.ankle + rise + wider
        effectors[f"{side}_ankle"] = robot.scale * (ankle - root)
        feet[side] = _planted(Foot(ankle + taller, foot.frame, contact, corners), clip.fps)
    root = root + taller
    root[:, 2] -= _lowering(root, frames["root"], feet, robot, clip.fps)

    places = {"root": robot.scale * root}
    for side in SIDES:
        hip, knee, shoulder, elbow, wrist = (
            f"{side}_{part}" for part in ("hip", "knee", "shoulder", "elbow", "wrist")
        )
        places[knee] = robot.bone(hip, knee) * _direction(positions[knee] - positions[hip])
        if wrist in robot.parts:
            arm = robot.arm_scale * (positions[wrist] - positions[shoulder])
            arm = arm + _beside_hips(side, arm, frames["root"], robot)
            places[wrist] = effectors[wrist] = _shoulder(shoulder, robot, frames) + arm
        if elbow in robot.parts:
            bone = _direction(positions[elbow] - positions[shoulder])
            spread = _beside_hips(side, bone, frames["root"], robot) / 2
            places[elbow] = robot.bone(shoulder, elbow) * bone + spread
    feet = {
        side: replace(foot, ankle=robot.scale * foot.ankle, corners=robot.soles[side])
        for side, foot in feet.items()
    }
    return Plan(places, frames, feet, effectors)


def _direction(vectors: FloatArray) -> FloatArray:
    """Vectors (T, 3) of length 1."""
    directions: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return directions


def _beside_hips(side: str, arm: FloatArray, pelvis: FloatArray, robot: MappedRobot) -> FloatArray:
    """What a hanging arm (T, 3) is spread by so that it passes hips wider than the character's.

    Hips that are wider than shoulders would have it are in the way of hands. The more an arm points
    down the pelvis, the more of the difference its wrist is moved sideways (T, 3) [m].
    """
    hip, shoulder = f"{side}_hip", f"{side}_shoulder"
    own = abs(robot.places[hip][1]) - abs(robot.places[shoulder][1])
    theirs = abs(_OFFSETS[hip][1]) - abs(_OFFSETS[shoulder][1])
    wider = max(own - robot.scale * theirs, 0.0)
    down = np.clip(-np.einsum("ti,ti->t", _direction(arm), pelvis[:, :, 2]), 0.0, 1.0)
    sign = 1.0 if side == "left" else -1.0
    spread: FloatArray = sign * wider * (down**2)[:, None] * pelvis[:, :, 1]
    return spread


def _shoulder(name: str, robot: MappedRobot, frames: Mapping[str, FloatArray]) -> FloatArray:
    """A robot's shoulder seen from the middle of the hips (T, 3) [m], its trunk as the motion's."""
    if "chest" not in robot.parts:
        at_pelvis: FloatArray = frames["root"] @ robot.places[name]
        return at_pelvis
    chest = robot.places["chest"]
    shoulder: FloatArray = frames["root"] @ chest + frames["chest"] @ (robot.places[name] - chest)
    return shoulder


def _lowering(
    root: FloatArray, frame: FloatArray, feet: Mapping[str, Foot], robot: MappedRobot, fps: float
) -> FloatArray:
    """How far the pelvis comes down so that legs reach the feet on the ground (T,) [m]."""
    length = sum(float(np.linalg.norm(_OFFSETS[f"left_{part}"])) for part in ("knee", "ankle"))
    needed = np.zeros(len(root))
    for side, foot in feet.items():
        leg = root + frame @ (robot.places[f"{side}_hip"] / robot.scale) - foot.ankle
        across = np.sum(leg[:, :2] ** 2, axis=1)
        drop = leg[:, 2] - np.sqrt(np.maximum((_REACH * length) ** 2 - across, 0.0))
        most = np.where(foot.contact[:, 1], *_LOWERING[::-1]) * foot.contact.any(axis=1)
        needed = np.maximum(needed, np.clip(drop, 0.0, most))
    lowered: FloatArray = smooth_upper_envelope(needed, round(_LOWERING_TIME * fps), closed=False)
    return lowered
