"""Puts the motion of any skeleton on the character."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.lint.sudden import find_breaks
from sb3_mimic.motion.retarget.anatomy import (
    TO_CHEST,
    TO_SHOULDERS,
    Anatomy,
    find_anatomy,
    heading,
    straighten_trunk,
)
from sb3_mimic.motion.retarget.feet import (
    Foot,
    find_contacts,
    ground_height,
    level_soles,
    plant,
)
from sb3_mimic.motion.retarget.limbs import limb
from sb3_mimic.motion.retarget.mapping import JointMapping, find_mapping
from sb3_mimic.motion.retarget.report import (
    RetargetReport,
    effector_errors,
    limit_excess,
    penetration,
    skate_speeds,
)
from sb3_mimic.motion.retarget.solve import Targets, bring_feet_into_reach, solve
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.sides import SIDES

_OFFSETS: Final = {joint.name: np.array(joint.offset) for joint in CHARACTER.joints}


#: Time at either end in which a joint that breaks its course has the end cut off [s].
ENDS: Final = 0.1


@dataclass(frozen=True)
class RetargetSettings:
    """Settings of retargeting.

    Attributes:
        fps: Rate of the clip [1/s]; a motion of a lower rate keeps its own.
        lock_feet: Hold feet where they stand on the ground. Without it they go exactly where the
            scaled figure has them.

    Raises:
        InputError: At construction, for a rate that is not positive.
    """

    fps: float = 60.0
    lock_feet: bool = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"the rate of a clip must be positive, got {self.fps}")


@dataclass(frozen=True, eq=False)
class RetargetResult:
    """A motion on the character.

    Attributes:
        clip: The character's clip: at the origin and facing +x in its first frame, on the ground.
        report: Its quality.
        mapping: The joint of each part.
        contacts: Whether heel and toes of the "right" and "left" foot are on the ground (T, 2).
    """

    clip: MotionClip
    report: RetargetReport
    mapping: JointMapping
    contacts: Mapping[str, NDArray[np.bool_]]


def retarget(
    motion: SkeletalMotion,
    settings: RetargetSettings | None = None,
    mapping: JointMapping | None = None,
) -> RetargetResult:
    """Puts the motion of a skeleton on the character.

    The figure is scaled to the character's legs, so that steps stay steps, and its arms to the
    character's arms. Pelvis, chest, head and feet turn as they do; ankles and wrists go where they
    are, with knees and elbows bending the way they do, within the joints' limits. Feet on the
    ground are held there. Where a joint breaks its course within a tenth of a second of either end,
    the end is cut off.

    Args:
        motion: The motion.
        settings: Rate and foot contact.
        mapping: The joint of each part; found by names or the shape of the skeleton by default.

    Raises:
        InputError: If the mapping does not fit, or none is found.
    """
    settings = settings or RetargetSettings()
    mapping = mapping or find_mapping(motion.tree)
    if motion.fps > settings.fps * (1 + 1e-6):
        motion = motion.resample(settings.fps)
    found = _retarget_frames(motion, settings, mapping)
    start, stop = _steady_part(found.clip)
    if (start, stop) == (0, motion.n_frames):
        return found
    found = _retarget_frames(motion.slice(start, stop), settings, mapping)
    cut = (start, motion.n_frames - stop)
    return replace(found, report=replace(found.report, cut=cut))


def _steady_part(clip: MotionClip) -> tuple[int, int]:
    """The frames [start, stop) without the breaks of a joint's course at either end."""
    reach = round(ENDS * clip.fps)
    breaks = find_breaks(clip)
    start = max((frame + 1 for frame in breaks if frame < reach), default=0)
    stop = min((frame for frame in breaks if frame >= clip.n_frames - reach), default=clip.n_frames)
    return (start, stop) if start + 2 <= stop else (0, clip.n_frames)


def _retarget_frames(
    motion: SkeletalMotion, settings: RetargetSettings, mapping: JointMapping
) -> RetargetResult:
    """The motion at its own rate, from end to end."""
    body, scale = _scale_to_character(straighten_trunk(find_anatomy(motion, mapping)))
    body = level_soles(body, motion.fps)
    wanted, arms, arm_scale = _effector_targets(body)
    feet = _feet(body)
    ground = ground_height(feet, motion.fps)
    if not settings.lock_feet:
        ground = np.full_like(ground, np.median(ground))
    body = _lower(body, ground)
    feet = {side: find_contacts(foot, motion.fps) for side, foot in _feet(body).items()}
    if settings.lock_feet:
        feet = {side: plant(foot, motion.fps) for side, foot in feet.items()}
        body, feet = bring_feet_into_reach(body, feet, motion.fps)
    limits = CHARACTER.joint_range
    wrists = {side: wanted[f"{side}_wrist"] for side in SIDES}
    targets = Targets(body, feet, arms, wrists, above_ground=settings.lock_feet)
    clip = solve(targets, limits, motion.fps, motion.name, motion.source)

    errors = effector_errors(clip, wanted)
    worst = max(errors, key=lambda name: float(errors[name].max()))
    skate = skate_speeds(clip, feet)
    rates = np.abs(np.diff(clip.joint_angles, axis=0)).max(axis=0) * clip.fps
    report = RetargetReport(
        motion=motion.name,
        mapping=mapping.origin,
        standing=body.standing,
        cut=(0, 0),
        n_frames=clip.n_frames,
        fps=clip.fps,
        scale=scale,
        arm_scale=arm_scale,
        error_mean=float(np.mean(list(errors.values()))),
        error_max=float(errors[worst].max()),
        worst_effector=worst,
        skate_mean=float(skate.mean()) if len(skate) else 0.0,
        skate_max=float(skate.max(initial=0.0)),
        penetration=penetration(clip),
        limit_excess=limit_excess(clip, limits),
        contact=float(
            np.mean([f.contact.any(axis=1) for f in feet.values()], axis=0).astype(bool).mean()
        ),
        fastest_joint=clip.joint_names[int(rates.argmax())],
        fastest_speed=float(rates.max()),
    )
    return RetargetResult(
        clip, report, mapping, {side: foot.contact for side, foot in feet.items()}
    )


def _scale_to_character(body: Anatomy) -> tuple[Anatomy, float]:
    """The body with the character's leg length, facing +x at the origin, and the factor for it."""
    lengths = [_length(body, side, ("hip", "knee", "ankle")) for side in SIDES]
    scale = float(sum(limb("left", "leg").lengths) / np.mean(lengths))
    cos, sin = heading(body.frames["root"][0])
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    start = scale * turn @ body.positions["root"][0]
    return body.transform(turn, scale, -start * (1.0, 1.0, 0.0)), scale


def _length(body: Anatomy, side: str, parts: tuple[str, str, str]) -> float:
    """Length of a limb's two bones [m]."""
    first, second, third = (body.positions[f"{side}_{part}"] for part in parts)
    bones = np.linalg.norm(second - first, axis=1) + np.linalg.norm(third - second, axis=1)
    return float(np.median(bones))


def _effector_targets(body: Anatomy) -> tuple[dict[str, FloatArray], dict[str, FloatArray], float]:
    """Targets of ankles and wrists relative to the root, of the arms alone, and the arms' factor.

    Each chain has its own factor: legs the character's leg length, arms its arm length, the trunk
    its height from hips to shoulders, the shoulders its width.
    """
    root = body.positions["root"]
    pair = [body.positions[f"{side}_shoulder"] for side in SIDES]
    middle, half = (pair[0] + pair[1]) / 2, (pair[1] - pair[0]) / 2
    trunk = float(np.linalg.norm(TO_CHEST + TO_SHOULDERS) / _median_length(middle - root))
    width = float(_OFFSETS["left_shoulder"][1] / _median_length(half))
    lengths = [_length(body, side, ("shoulder", "elbow", "wrist")) for side in SIDES]
    scale = float(sum(limb("left", "arm").lengths) / np.mean(lengths))
    wanted, arms = {}, {}
    for side in SIDES:
        shoulder = body.positions[f"{side}_shoulder"]
        arms[side] = scale * (body.positions[f"{side}_wrist"] - shoulder)
        wanted[f"{side}_wrist"] = trunk * (middle - root) + width * (shoulder - middle) + arms[side]
        wanted[f"{side}_ankle"] = body.positions[f"{side}_ankle"] - root
    return wanted, arms, scale


def _median_length(vectors: FloatArray) -> float:
    """Median length of vectors (T, 3)."""
    return float(np.median(np.linalg.norm(vectors, axis=1)))


def _feet(body: Anatomy) -> dict[str, Foot]:
    """Feet as the body has them, contact not known yet."""
    none = np.zeros((len(body.positions["root"]), 2), dtype=bool)
    return {
        side: Foot(body.positions[f"{side}_ankle"], body.frames[f"{side}_ankle"], none)
        for side in SIDES
    }


def _lower(body: Anatomy, ground: FloatArray) -> Anatomy:
    """The body on ground of height 0 where it has been of some height (T,) [m]."""
    down = ground[:, None] * (0.0, 0.0, 1.0)
    return body.transform(np.eye(3), 1.0, -down)
