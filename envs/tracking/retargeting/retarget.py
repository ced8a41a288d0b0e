"""Puts a clip of the character on any robot with two legs.

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
from dataclasses import dataclass, replace
from typing import Final

import mujoco
import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray
from sb3_mimic.envs.tracking.retargeting.inverse_kinematics import Wishes, follow, heights
from sb3_mimic.envs.tracking.retargeting.kinematics import Skeleton
from sb3_mimic.envs.tracking.retargeting.plan import Plan, plan_motion
from sb3_mimic.envs.tracking.retargeting.skeleton_map import MappedRobot, SkeletonMap
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.processing.loop import close_loop
from sb3_mimic.motion.processing.repair import smooth_upper_envelope
from sb3_mimic.motion.retarget.feet import Foot
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.spatial import continuous_signs

#: Rate of the robot's clip [1/s]: contacts last a few hundredths of a second.
DEFAULT_FPS: Final = 60.0

# Weights per metre: the middle of the hips, ankles, edges of a sole on the ground, wrists relative
# to the hips, knees and elbows relative to hips and shoulders; depths under the ground and of parts
# in each other.
_PELVIS, _ANKLE, _STANCE, _WRIST, _ELBOW, _KNEE = 6.0, 8.0, 40.0, 4.0, 3.0, 2.0
_GROUND, _OVERLAP = 40.0, 10.0

# Weights per radian: orientations, and what draws hinges to the posture.
_TURN_WEIGHTS: Final = {"root": 1.5, "chest": 1.0, "neck": 0.5, "ankle": 1.0}
_POSTURE = 0.1

# Weight of an acceleration per rad/s²: the least that leaves no jitter.
_ACCELERATION = 3e-4

# Time over which a foot gains and loses its hold on either side [s].
_HOLD_TIME = 0.04

# Time of the neighboring cycles that a loop is solved with on either side [s].
_SEAM_TIME = 2.0

# Depth under the ground that is left alone [m], and time over which more is evened out [s].
_UNDER = 0.002
_PUSH_TIME = 0.2


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
        overlap: Deepest point of a collision shape in another of the robot's own [m].
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
    overlap: float
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
    contacts: Mapping[str, BoolArray]


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
    clip = clip.resample(DEFAULT_FPS if fps is None else fps)
    robot = MappedRobot(model, mapping)
    pad = round(_SEAM_TIME * clip.fps) if clip.loop else 0
    source = _unrolled(clip, pad)
    plan = plan_motion(source, robot)
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


def _wishes(plan: Plan, robot: MappedRobot, fps: float) -> Wishes:
    """The plan as what inverse kinematics is asked for."""
    n_frames = len(plan.places["root"])
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
        overlap_weight=_OVERLAP,
        posture=robot.posture,
        posture_weight=_POSTURE,
        acceleration_weight=_ACCELERATION,
        fps=fps,
    )


def _held(contact: BoolArray, fps: float) -> FloatArray:
    """How firmly heel and toes (T, 2) are held: 1 in contact, to 0 over ``_HOLD_TIME``."""
    reach = round(_HOLD_TIME * fps)
    held = [smooth_upper_envelope(point.astype(float), reach, closed=False) for point in contact.T]
    return np.stack(held, axis=1)


def _above_ground(qpos: FloatArray, skeleton: Skeleton, wishes: Wishes) -> FloatArray:
    """The poses raised where something is still under the ground."""
    lowest = heights(skeleton.pose(qpos, overlaps=False), wishes).min(axis=1, initial=np.inf)
    under = np.maximum(-lowest - _UNDER, 0.0)
    raised = qpos.copy()
    raised[:, 2] += smooth_upper_envelope(under, round(_PUSH_TIME * wishes.fps), closed=False)
    return raised


def _cut(foot: Foot, own: slice) -> Foot:
    """Some frames of a foot."""
    return replace(foot, ankle=foot.ankle[own], frame=foot.frame[own], contact=foot.contact[own])


def _report(
    clip: MotionClip,
    source: MotionClip,
    robot: MappedRobot,
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
        penetration=max(0.0, -float(heights(pose, wishes).min(initial=0.0))),
        overlap=float(pose.overlaps.depths.max(initial=0.0)),
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
