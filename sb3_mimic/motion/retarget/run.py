"""Puts the motion of any skeleton on the humanoid."""

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
    with_shoulders_placed,
)
from sb3_mimic.motion.retarget.feet import (
    Foot,
    find_contacts,
    ground_height,
    plant,
    with_level_soles,
)
from sb3_mimic.motion.retarget.limbs import limb
from sb3_mimic.motion.retarget.limits import humanoid_limits
from sb3_mimic.motion.retarget.mapping import JointMapping, find_mapping
from sb3_mimic.motion.retarget.report import (
    RetargetReport,
    effector_errors,
    limit_excess,
    penetration,
    skate_speeds,
)
from sb3_mimic.motion.retarget.solve import Targets, solve, with_reachable_feet
from sb3_mimic.motion.sides import SIDES
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeleton import SKELETON

_OFFSETS: Final = {joint.name: np.array(joint.offset) for joint in SKELETON}


#: Time at either end in which a joint that breaks its course has the end cut off [s].
ENDS: Final = 0.1


@dataclass(frozen=True)
class RetargetSettings:
    """How a motion is put on the humanoid.

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
class Retargeted:
    """A motion on the humanoid.

    Attributes:
        clip: The humanoid's clip: at the origin and facing +x in its first frame, on the ground.
        report: How well it sits.
        mapping: Which joint became what.
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
) -> Retargeted:
    """Puts the motion of a skeleton on the humanoid.

    The figure is scaled to the humanoid's legs, so that steps stay steps, and its arms to the
    humanoid's arms. Pelvis, chest, head and feet turn as they do; ankles and wrists go where they
    are, with knees and elbows bending the way they do, within the joints' limits. Feet on the
    ground are held there. Where a joint breaks its course within a tenth of a second of either end,
    the end is cut off.

    Args:
        motion: The motion.
        settings: Rate and foot contact.
        mapping: Which joint is what; found by names or the shape of the skeleton if not given.

    Raises:
        InputError: If the mapping does not fit, or none is found.
    """
    settings = settings or RetargetSettings()
    mapping = mapping or find_mapping(motion.tree)
    if motion.fps > settings.fps * (1 + 1e-6):
        motion = motion.resampled(settings.fps)
    found = _retargeted(motion, settings, mapping)
    start, stop = _steady(found.clip)
    if (start, stop) == (0, motion.n_frames):
        return found
    found = _retargeted(motion.sliced(start, stop), settings, mapping)
    cut = (start, motion.n_frames - stop)
    return replace(found, report=replace(found.report, cut=cut))


def _steady(clip: MotionClip) -> tuple[int, int]:
    """The frames [start, stop) without the breaks of a joint's course at either end."""
    reach = round(ENDS * clip.fps)
    breaks = find_breaks(clip)
    start = max((frame + 1 for frame in breaks if frame < reach), default=0)
    stop = min((frame for frame in breaks if frame >= clip.n_frames - reach), default=clip.n_frames)
    return (start, stop) if start + 2 <= stop else (0, clip.n_frames)


def _retargeted(
    motion: SkeletalMotion, settings: RetargetSettings, mapping: JointMapping
) -> Retargeted:
    """The motion at its own rate, from end to end."""
    body, scale = _at_size(with_shoulders_placed(find_anatomy(motion, mapping)))
    body = with_level_soles(body, motion.fps)
    wanted, arms, arm_scale = _effectors(body)
    feet = _feet(body)
    ground = ground_height(feet, motion.fps)
    if not settings.lock_feet:
        ground = np.full_like(ground, np.median(ground))
    body = _lowered(body, ground)
    feet = {side: find_contacts(foot, motion.fps) for side, foot in _feet(body).items()}
    if settings.lock_feet:
        feet = {side: plant(foot, motion.fps) for side, foot in feet.items()}
        body, feet = with_reachable_feet(body, feet, motion.fps)
    limits = humanoid_limits()
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
    return Retargeted(clip, report, mapping, {side: foot.contact for side, foot in feet.items()})


def _at_size(body: Anatomy) -> tuple[Anatomy, float]:
    """The body with the humanoid's leg length, facing +x at the origin, and the factor for it."""
    lengths = [_length(body, side, ("hip", "knee", "ankle")) for side in SIDES]
    scale = float(sum(limb("left", "leg").lengths) / np.mean(lengths))
    cos, sin = heading(body.frames["root"][0])
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    start = scale * turn @ body.positions["root"][0]
    return body.moved(turn, scale, -start * (1.0, 1.0, 0.0)), scale


def _length(body: Anatomy, side: str, parts: tuple[str, str, str]) -> float:
    """Length of a limb's two bones [m]."""
    first, second, third = (body.positions[f"{side}_{part}"] for part in parts)
    bones = np.linalg.norm(second - first, axis=1) + np.linalg.norm(third - second, axis=1)
    return float(np.median(bones))


def _effectors(body: Anatomy) -> tuple[dict[str, FloatArray], dict[str, FloatArray], float]:
    """Where ankles and wrists are to be relative to the root, arms alone, and their factor.

    Each chain has its own factor: legs the humanoid's leg length, arms its arm length, the trunk
    its height from hips to shoulders, the shoulders its width.
    """
    root = body.positions["root"]
    pair = [body.positions[f"{side}_shoulder"] for side in SIDES]
    middle, half = (pair[0] + pair[1]) / 2, (pair[1] - pair[0]) / 2
    trunk = float(np.linalg.norm(TO_CHEST + TO_SHOULDERS) / _usual(middle - root))
    width = float(_OFFSETS["left_shoulder"][1] / _usual(half))
    lengths = [_length(body, side, ("shoulder", "elbow", "wrist")) for side in SIDES]
    scale = float(sum(limb("left", "arm").lengths) / np.mean(lengths))
    wanted, arms = {}, {}
    for side in SIDES:
        shoulder = body.positions[f"{side}_shoulder"]
        arms[side] = scale * (body.positions[f"{side}_wrist"] - shoulder)
        wanted[f"{side}_wrist"] = trunk * (middle - root) + width * (shoulder - middle) + arms[side]
        wanted[f"{side}_ankle"] = body.positions[f"{side}_ankle"] - root
    return wanted, arms, scale


def _usual(vectors: FloatArray) -> float:
    """Median length of vectors (T, 3)."""
    return float(np.median(np.linalg.norm(vectors, axis=1)))


def _feet(body: Anatomy) -> dict[str, Foot]:
    """Feet as the body has them, contact not known yet."""
    none = np.zeros((len(body.positions["root"]), 2), dtype=bool)
    return {
        side: Foot(body.positions[f"{side}_ankle"], body.frames[f"{side}_ankle"], none)
        for side in SIDES
    }


def _lowered(body: Anatomy, ground: FloatArray) -> Anatomy:
    """The body on ground of height 0 where it has been of some height (T,) [m]."""
    down = ground[:, None] * (0.0, 0.0, 1.0)
    return body.moved(np.eye(3), 1.0, -down)
