"""Puts a clip of the canonical humanoid on any robot with two legs.

The second stage of retargeting: whatever a file's skeleton was, `sb3_mimic.motion` has made it a
clip of one character; here the character's parts become a robot's. No robot is known by name, a
`SkeletonMap` says which of its bodies are what.

Sizes follow the limbs: everything is planned at the character's size, feet with the robot's own
soles, and then multiplied by the ratio of leg lengths, so that steps stay steps. Arms have a ratio
of their own. Hips that are wider or narrower than the character's move the footholds sideways by as
much, so that legs hang as they did. Orientations count from the rest pose (``qpos0``), in which the
robot has to stand upright with level feet; the character's rest pose does the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray, contiguous_runs
from sb3_mimic.envs.core.geometry import Spheres, collision_spheres, sole_corners
from sb3_mimic.envs.tracking.inverse_kinematics import (
    Pose,
    Skeleton,
    Wishes,
    follow,
    heights,
)
from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.processing.loop import close_loop
from sb3_mimic.motion.processing.repair import smooth_cover
from sb3_mimic.motion.retarget.feet import Foot, find_contacts, ground_height, plant
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.names import unknown_name
from sb3_mimic.spatial import continuous_signs, wxyz

#: The character's bodies that a map may name, and those that it must.
PARTS: Final = ("root", *(joint.name for joint in CHARACTER.joints))
REQUIRED: Final = (
    "root",
    *(f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle")),
)

#: Rate of the robot's clip [1/s]: contacts last a few hundredths of a second.
DEFAULT_FPS: Final = 60.0

# Weights per metre: the middle of the hips, ankles, edges of a sole on the ground, wrists relative
# to the hips, knees and elbows relative to hips and shoulders, a depth under the ground.
_PELVIS, _ANKLE, _STANCE, _WRIST, _ELBOW, _KNEE, _GROUND = 6.0, 8.0, 40.0, 4.0, 3.0, 2.0, 40.0

# Weights per radian: orientations, and what draws hinges to the posture.
_TURN_WEIGHTS: Final = {"root": 1.5, "chest": 1.0, "neck": 0.5, "ankle": 1.0}
_POSTURE = 0.05

# Weight of an acceleration per rad/s²: the least that leaves no jitter.
_ACCELERATION = 3e-4

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

# Time over which a foot gains and loses its hold, and over which the pelvis is lowered [s].
_HOLD_TIME = 0.04
_LOWERING_TIME = 0.1

# Time of the neighboring cycles that a loop is solved with on either side [s].
_SEAM_TIME = 1.0

# Depth under the ground that is left alone [m], and time over which more is evened out [s].
_UNDER = 0.002
_PUSH_TIME = 0.2


@dataclass(frozen=True)
class SkeletonMap:
    """Which parts of a robot follow which of the character's bodies.

    Attributes:
        bodies: Name of a body or site of the robot for each of the character's bodies. A part's
            origin should be the centre of the joint that moves it, as the character's is: a hip
            where its axes meet, an ankle, a wrist. Needed are ``REQUIRED``; what is missing of the
            rest (chest, neck, shoulders, elbows, wrists) is not followed. A wrist needs a shoulder
            and an elbow.
        posture: Angles [rad] towards which hinges are drawn that the motion leaves open, by name;
            of the others 0 or the nearest angle within the limits.
        soles: Corners of the soles in the ankles' axes at rest, forward, left and up (4, 3) [m],
            heel first, by "left" and "right"; from the collision shapes of the feet if not given.

    Raises:
        InputError: At construction, for parts that the character does not have, or missing ones.
    """

    bodies: Mapping[str, str]
    posture: Mapping[str, float] = field(default_factory=dict)
    soles: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bodies", "posture", "soles"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for part in self.bodies:
            if part not in PARTS:
                raise unknown_name("body of the character", part, PARTS)
        needed = list(REQUIRED)
        for side in SIDES:
            if f"{side}_wrist" in self.bodies or f"{side}_elbow" in self.bodies:
                needed.append(f"{side}_shoulder")
            if f"{side}_wrist" in self.bodies:
                needed.append(f"{side}_elbow")
        missing = [part for part in needed if part not in self.bodies]
        if missing:
            raise InputError(
                f"the map of a robot needs {', '.join(missing)}; it has {', '.join(self.bodies)}"
            )
        for side, corners in self.soles.items():
            if side not in SIDES or np.shape(corners) != (4, 3):
                raise InputError(
                    "soles are four corners each for 'left' and 'right', got "
                    f"{side!r} with shape {np.shape(corners)}"
                )


@dataclass(frozen=True)
class FitReport:
    """How well a clip sits on a robot, measured on the finished clip.

    Attributes:
        scale: Length of the robot's legs in the character's.
        arm_scale: The same of its arms; ``scale`` where it has none.
        error_mean: Distance of ankles and wrists from their scaled places relative to the middle of
            the hips, mean over time [m], by the character's body.
        error_max: The largest [m], by the character's body.
        penetration: Deepest point of a collision shape under the ground [m].
        skate_mean: Speed over the ground of the edge of a sole that is on it, mean [m/s].
        skate_max: The largest [m/s].
        limit_excess: Largest angle beyond a joint's limit [rad].
        acceleration: Root mean square of the hinges' accelerations [rad/s²].
        source_acceleration: The same of the character's clip.
        fastest_joint: Fastest hinge.
        fastest_speed: Its speed [rad/s].
    """

    scale: float
    arm_scale: float
    error_mean: Mapping[str, float]
    error_max: Mapping[str, float]
    penetration: float
    skate_mean: float
    skate_max: float
    limit_excess: float
    acceleration: float
    source_acceleration: float
    fastest_joint: str
    fastest_speed: float


@dataclass(frozen=True, eq=False)
class RetargetedClip:
    """A clip on a robot.

    Attributes:
        clip: The robot's: root is the body with the free joint, hinges in the model's order.
        report: How well it sits.
        contacts: Whether heel and toes of the "right" and "left" foot are on the ground (T, 2).
    """

    clip: MotionClip
    report: FitReport
    contacts: Mapping[str, NDArray[np.bool_]]


def retarget_clip(
    clip: MotionClip, model: mujoco.MjModel, mapping: SkeletonMap, fps: float | None = None
) -> RetargetedClip:
    """Puts a clip of the character on a robot.

    Feet on the ground are held there, the pelvis is lowered where legs would not reach, and nothing
    sinks into the ground; a place that cannot be reached is missed smoothly. A loop stays one: it
    is closed first if it is not, and solved with its neighboring cycles.

    Args:
        clip: A clip of the character.
        model: The robot: one free joint and hinges, upright in ``qpos0``.
        mapping: Which of its bodies are what.
        fps: Rate of the result [1/s], ``DEFAULT_FPS`` if not given; rounded so that the duration
            is kept.

    Raises:
        InputError: If the clip is not the character's, or the model and the map do not fit.
    """
    CHARACTER.require_hinges(clip.joint_names, "retargeting to a robot")
    clip = close_loop(clip)[0] if clip.loop else clip
    clip = clip.resample(fps or DEFAULT_FPS)
    robot = _Robot(model, mapping)
    pad = round(_SEAM_TIME * clip.fps) if clip.loop else 0
    source = _unrolled(clip, pad)
    plan = _plan(source, robot)
    wishes = _wishes(plan, robot, source.fps)
    start = robot.at_rest(plan.places["root"], plan.frames["root"])
    qpos = follow(robot.skeleton, wishes, start)
    qpos = _above_ground(qpos, robot.skeleton, wishes)

    own = slice(pad, pad + clip.n_frames)
    feet = {side: _cut(foot, own) for side, foot in plan.feet.items()}
    found = replace(
        clip,
        root_position=qpos[own, :3],
        root_quaternion=continuous_signs(qpos[own, 3:7]),
        joint_angles=qpos[own, 7:],
        joint_names=robot.skeleton.hinge_names,
    )
    if clip.loop:
        found = close_loop(found)[0]
        # What is blended out at the seam is added to angles that may be at their limit.
        angles = np.clip(found.joint_angles, *robot.skeleton.limits.T)
        found = replace(found, joint_angles=angles)
    wanted = {name: path[own] for name, path in plan.effectors.items()}
    report = _report(found, clip, robot, wishes, wanted, feet)
    return RetargetedClip(found, report, {side: foot.contact for side, foot in feet.items()})


class _Robot:
    """A robot's parts and their rest pose, turned to face +x.

    Attributes:
        skeleton: Its hinges.
        parts: Index of each mapped part among ``bodies`` and ``offsets``.
        bodies: Body that each part belongs to (p,).
        offsets: Place of each part in its body's frame (p, 3) [m].
        places: Place of each part at rest, seen from the middle of the hips [m].
        rest: Pose at rest (nq,), hinges at 0 as ``qpos0`` has them.
        turns: Orientation of each part's body at rest (3, 3).
        posture: Angles towards which hinges are drawn (nj,) [rad].
        soles: Corners of the soles in the axes at rest (4, 3) [m], by side.
        spheres: What collides.
        scale: Length of the legs in the character's.
        arm_scale: Length of the arms in the character's.
    """

    def __init__(self, model: mujoco.MjModel, mapping: SkeletonMap) -> None:
        self.skeleton = Skeleton(model)
        self.parts = {part: index for index, part in enumerate(mapping.bodies)}
        found = [_part(model, name) for name in mapping.bodies.values()]
        self.bodies = np.array([body for body, _ in found], dtype=np.intp)
        self.offsets = np.array([offset for _, offset in found])
        self.rest = model.qpos0.copy()
        pose, points = self._at_rest()
        across = points[self.parts["left_hip"]] - points[self.parts["right_hip"]]
        heading = Rotation.from_euler("z", -np.arctan2(-across[0], across[1]))
        self.rest[3:7] = wxyz(heading * Rotation.from_quat(np.roll(self.rest[3:7], -1)))
        pose, points = self._at_rest()
        middle = (points[self.parts["left_hip"]] + points[self.parts["right_hip"]]) / 2
        self.places = {part: points[index] - middle for part, index in self.parts.items()}
        self.root_offset = self.rest[:3] - middle
        self.turns = {part: pose.frames[0, self.bodies[i]] for part, i in self.parts.items()}
        self.posture = self._posture(mapping)
        self.spheres: Spheres = collision_spheres(model)
        self.soles = {}
        for side in SIDES:
            ankle = f"{side}_ankle"
            body, turn = int(self.bodies[self.parts[ankle]]), self.turns[ankle]
            offset = self.offsets[self.parts[ankle]]
            given = mapping.soles.get(side)
            self.soles[side] = (
                sole_corners(model, body, offset, turn) if given is None else np.asarray(given)
            )
        self.scale = self._length("hip", "knee", "ankle")
        has_arms = any(f"{side}_wrist" in self.parts for side in SIDES)
        self.arm_scale = self._length("shoulder", "elbow", "wrist") if has_arms else self.scale

    def at_rest(self, hips: FloatArray, frames: FloatArray) -> FloatArray:
        """Poses (T, nq) at rest but for the root: middle of the hips (T, 3) and turns (T, 3, 3)."""
        rest = Rotation.from_quat(np.roll(self.rest[3:7], -1))
        turned = wxyz(Rotation.from_matrix(frames) * rest)
        hinges = np.broadcast_to(self.posture, (len(hips), len(self.posture)))
        return np.concatenate([hips + frames @ self.root_offset, turned, hinges], axis=1)

    def sole(self, side: str) -> tuple[int, FloatArray]:
        """A foot's body, and the middle of its sole's hind and front edge in its frame (2, 3)."""
        ankle = f"{side}_ankle"
        edges = self.soles[side].reshape(2, 2, 3).mean(axis=1)
        own: FloatArray = self.offsets[self.parts[ankle]] + edges @ self.turns[ankle]
        return int(self.bodies[self.parts[ankle]]), own

    def _at_rest(self) -> tuple[Pose, FloatArray]:
        pose = self.skeleton.pose(self.rest[None])
        return pose, pose.points(self.bodies, self.offsets)[0]

    def _posture(self, mapping: SkeletonMap) -> FloatArray:
        names = self.skeleton.hinge_names
        posture = self.rest[7:].copy()
        for name, angle in mapping.posture.items():
            if name not in names:
                raise unknown_name("hinge of the robot", name, names)
            posture[names.index(name)] = angle
        clipped: FloatArray = np.clip(posture, *self.skeleton.limits.T)
        return clipped

    def _length(self, *parts: str) -> float:
        """Length of both limbs' two bones at rest in the character's."""
        own = theirs = 0.0
        offsets = {joint.name: np.array(joint.offset) for joint in CHARACTER.joints}
        for side in SIDES:
            names = [f"{side}_{part}" for part in parts]
            if names[-1] not in self.parts:
                continue
            for upper, lower in zip(names, names[1:], strict=False):
                own += float(np.linalg.norm(self.places[lower] - self.places[upper]))
                theirs += float(np.linalg.norm(offsets[lower]))
        if own == 0:
            raise InputError(
                f"the robot's {', '.join(parts)} lie in one place, so that it has no size"
            )
        return own / theirs


def _part(model: mujoco.MjModel, name: str) -> tuple[int, FloatArray]:
    """The body and the place in its frame (3,) of a body or site."""
    body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
    if body > 0:
        return body, np.zeros(3)
    site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name)
    if site >= 0:
        return int(model.site_bodyid[site]), model.site_pos[site].copy()
    bodies = [model.body(index).name for index in range(1, model.nbody)]
    sites = [model.site(index).name for index in range(model.nsite)]
    raise unknown_name("body or site of the robot", name, [*bodies, *sites])


@dataclass(frozen=True, eq=False)
class _Plan:
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


def _unrolled(clip: MotionClip, pad: int) -> MotionClip:
    """The clip with ``pad`` frames of the neighboring cycles on either side."""
    if not pad:
        return clip
    qpos = clip.sample(np.arange(-pad, clip.n_frames + pad) / clip.fps)
    return replace(
        clip,
        root_position=qpos[:, :3],
        root_quaternion=continuous_signs(qpos[:, 3:7]),
        joint_angles=qpos[:, 7:],
        loop=False,
    )


def _plan(clip: MotionClip, robot: _Robot) -> _Plan:
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

    feet, effectors = {}, {}
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
        for upper, lower in (
            (f"{side}_hip", f"{side}_knee"),
            (f"{side}_shoulder", f"{side}_elbow"),
        ):
            if lower in robot.parts:
                length = np.linalg.norm(robot.places[lower] - robot.places[upper])
                bone = positions[lower] - positions[upper]
                places[lower] = bone * length / np.linalg.norm(_OFFSETS[lower])
        shoulder, wrist = f"{side}_shoulder", f"{side}_wrist"
        if wrist in robot.parts:
            arm = robot.arm_scale * (positions[wrist] - positions[shoulder])
            places[wrist] = effectors[wrist] = _shoulder(shoulder, robot, frames) + arm
    feet = {
        side: replace(foot, ankle=robot.scale * foot.ankle, corners=robot.soles[side])
        for side, foot in feet.items()
    }
    return _Plan(places, frames, feet, effectors)


_OFFSETS: Final = {joint.name: np.array(joint.offset) for joint in CHARACTER.joints}
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
    """The planted foot, in the air no farther from its free path than on the ground before and after.

    `plant` goes on in the direction in which a foothold moved the foot relative to its path, which
    is away from it where the foot slid.
    """
    moved = planted.ankle - free.ankle
    far = np.linalg.norm(moved[:, :2], axis=1)
    ground = planted.contact.any(axis=1)
    share = np.ones(len(far))
    for start, stop in contiguous_runs(~ground):
        ends = [far[frame] for frame in (start - 1, stop) if 0 <= frame < len(far)]
        if ends:
            share[start:stop] = np.minimum(max(ends) / np.maximum(far[start:stop], 1e-9), 1.0)
    ankle = planted.ankle.copy()
    ankle[:, :2] = (free.ankle + share[:, None] * moved)[:, :2]
    return replace(planted, ankle=ankle)


def _shoulder(name: str, robot: _Robot, frames: Mapping[str, FloatArray]) -> FloatArray:
    """A robot's shoulder seen from the middle of the hips (T, 3) [m], its trunk as the motion's."""
    if "chest" not in robot.parts:
        return frames["root"] @ robot.places[name]
    chest = robot.places["chest"]
    shoulder: FloatArray = frames["root"] @ chest + frames["chest"] @ (robot.places[name] - chest)
    return shoulder


def _lowering(
    root: FloatArray, frame: FloatArray, feet: Mapping[str, Foot], robot: _Robot, fps: float
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
    return smooth_cover(needed, round(_LOWERING_TIME * fps), closed=False)


def _wishes(plan: _Plan, robot: _Robot, fps: float) -> Wishes:
    """The plan as what inverse kinematics is asked for."""
    n_frames, n_parts = len(plan.places["root"]), len(robot.parts)
    bodies, offsets = list(robot.bodies), list(robot.offsets)
    rows: list[dict[int, float]] = []
    places, weights = [], []

    def wish(sums: dict[int, float], place: FloatArray, weight: FloatArray | float) -> None:
        rows.append(sums)
        places.append(place)
        weights.append(np.broadcast_to(weight, n_frames))

    hips = {robot.parts[f"{side}_hip"]: 0.5 for side in SIDES}
    wish(hips, plan.places["root"], _PELVIS)
    for side in SIDES:
        foot, ankle = plan.feet[side], robot.parts[f"{side}_ankle"]
        wish({ankle: 1.0}, foot.ankle, _ANKLE)
        hold = _STANCE * _held(foot.contact, fps)
        body, edges = robot.sole(side)
        for point, edge in enumerate(edges):
            bodies.append(body)
            offsets.append(edge)
            wish({len(bodies) - 1: 1.0}, foot.edges[:, point], hold[:, point])
        for upper, lower, weight in (("hip", "knee", _KNEE), ("shoulder", "elbow", _ELBOW)):
            if f"{side}_{lower}" in plan.places:
                seen = {robot.parts[f"{side}_{lower}"]: 1.0, robot.parts[f"{side}_{upper}"]: -1.0}
                wish(seen, plan.places[f"{side}_{lower}"], weight)
        wrist = f"{side}_wrist"
        if wrist in plan.places:
            seen = {robot.parts[wrist]: 1.0} | dict.fromkeys(hips, -0.5)
            wish(seen, plan.places[wrist], _WRIST)

    combine = np.zeros((len(rows), len(bodies)))
    for row, sums in enumerate(rows):
        combine[row, list(sums)] = list(sums.values())
    turned = [part for part in robot.parts if part.rpartition("_")[2] in _TURN_WEIGHTS]
    frames = [
        (plan.feet[part.partition("_")[0]].frame if part.endswith("ankle") else plan.frames[part])
        @ robot.turns[part]
        for part in turned
    ]
    return Wishes(
        bodies=np.array(bodies, dtype=np.intp),
        offsets=np.array(offsets),
        combine=combine,
        places=np.stack(places, axis=1),
        place_weights=np.stack(weights, axis=1),
        turned=robot.bodies[[robot.parts[part] for part in turned]],
        frames=np.stack(frames, axis=1),
        turn_weights=np.array([_TURN_WEIGHTS[part.rpartition("_")[2]] for part in turned]),
        grounded=robot.spheres.bodies,
        centres=robot.spheres.centres,
        radii=robot.spheres.radii,
        ground_weight=_GROUND,
        posture=robot.posture,
        posture_weight=_POSTURE,
        acceleration_weight=_ACCELERATION,
        fps=fps,
    )


def _held(contact: NDArray[np.bool_], fps: float) -> FloatArray:
    """How firmly heel and toes (T, 2) are held: 1 in contact, to 0 over ``_HOLD_TIME``."""
    reach = round(_HOLD_TIME * fps)
    held = [smooth_cover(point.astype(float), reach, closed=False) for point in contact.T]
    return np.stack(held, axis=1)


def _above_ground(qpos: FloatArray, skeleton: Skeleton, wishes: Wishes) -> FloatArray:
    """The poses raised where something is still under the ground."""
    under = np.maximum(-heights(skeleton.pose(qpos), wishes).min(axis=1) - _UNDER, 0.0)
    raised = qpos.copy()
    raised[:, 2] += smooth_cover(under, round(_PUSH_TIME * wishes.fps), closed=False)
    return raised


def _cut(foot: Foot, own: slice) -> Foot:
    """Some frames of a foot."""
    return replace(foot, ankle=foot.ankle[own], frame=foot.frame[own], contact=foot.contact[own])


def _report(
    clip: MotionClip,
    source: MotionClip,
    robot: _Robot,
    wishes: Wishes,
    wanted: Mapping[str, FloatArray],
    feet: Mapping[str, Foot],
) -> FitReport:
    """Measures a finished clip."""
    pose = robot.skeleton.pose(clip.qpos)
    points = pose.points(robot.bodies, robot.offsets)
    middle = points[:, [robot.parts[f"{side}_hip"] for side in SIDES]].mean(axis=1)
    errors = {
        name: np.linalg.norm(points[:, robot.parts[name]] - middle - path, axis=1)
        for name, path in wanted.items()
    }
    speeds = []
    for side in SIDES:
        body, offsets = robot.sole(side)
        edges = pose.points(np.array([body, body]), offsets)[..., :2]
        contact = feet[side].contact
        speed = np.linalg.norm(np.diff(edges, axis=0), axis=-1) * clip.fps
        speeds.append(speed[contact[1:] & contact[:-1]])
    skate = np.concatenate(speeds)
    low, high = robot.skeleton.limits.T
    over = np.maximum(clip.joint_angles - high, low - clip.joint_angles)
    rates = np.abs(np.diff(clip.joint_angles, axis=0)).max(axis=0) * clip.fps
    return FitReport(
        scale=robot.scale,
        arm_scale=robot.arm_scale,
        error_mean={name: float(error.mean()) for name, error in errors.items()},
        error_max={name: float(error.max()) for name, error in errors.items()},
        penetration=max(0.0, -float(heights(pose, wishes).min())),
        skate_mean=float(skate.mean()) if len(skate) else 0.0,
        skate_max=float(skate.max(initial=0.0)),
        limit_excess=max(0.0, float(over.max())),
        acceleration=_acceleration(clip),
        source_acceleration=_acceleration(source),
        fastest_joint=clip.joint_names[int(rates.argmax())],
        fastest_speed=float(rates.max()),
    )


def _acceleration(clip: MotionClip) -> float:
    """Root mean square of the hinges' accelerations [rad/s²]."""
    bends = np.diff(clip.joint_angles, n=2, axis=0) * clip.fps**2
    return float(np.sqrt(np.mean(bends**2))) if len(bends) else 0.0
