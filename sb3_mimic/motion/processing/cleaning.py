"""Cleaning of skeletal motion: foreign frames, glitches, noise, and the ground."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sb3_mimic.errors import InputError
from sb3_mimic.motion.processing.contacts import ground_height
from sb3_mimic.motion.processing.glitches import repair_glitches
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.tolerances import SAME_POSE
from sb3_mimic.spatial import continuous_signs, precise_angle_between

#: A first frame near the rest pose: mean and largest turn of its joints [rad]. cgspeed's T-poses
#: have up to 0.05 and 0.37; people who stand in their first frame 0.26 and 0.9.
_REST: Final = (0.10, 0.50)

#: How many times the usual step the one out of a T-pose is, and how large at least [rad, root mean
#: square over the joints]. In cgspeed's files it is 30 to 200 times as large, and 0.2 or more.
_OUT_OF_REST: Final = 5.0
_OUT_OF_REST_STEP: Final = 0.05

#: Frames that tell the usual step, and most frames that the way out of a T-pose takes.
_USUAL: Final = 60
_LONGEST_LEAD: Final = 12

#: Ground that is left as it is [m].
_LEVEL: Final = 1e-4


@dataclass(frozen=True)
class CleaningSettings:
    """Settings of ``clean``, whose steps have the order of the attributes.

    Attributes:
        ends: Whether a T-pose at the beginning and a frozen tail are cut off.
        glitches: Whether glitches are put on the way between their neighbors.
        cutoff: Cutoff of a Butterworth low-pass [Hz]; None for none. 6 to 10 is usual for gait and
            takes quick movement, too; see docs/motions.md for how much.
        order: The filter's order over both passes, even.
        ground: Whether the motion is put on the ground.
    """

    ends: bool = True
    glitches: bool = True
    cutoff: float | None = None
    order: int = 4
    ground: bool = True


def clean(
    motion: SkeletalMotion, settings: CleaningSettings | None = None
) -> tuple[SkeletalMotion, list[str]]:
    """Cleans a motion.

    Args:
        motion: The motion as it was read.
        settings: The steps.

    Returns:
        The cleaned motion, and what was changed, one sentence each.

    Raises:
        InputError: As ``low_pass``, or if nothing is left.

    Example:
        >>> from sb3_mimic.motion.processing.cleaning import CleaningSettings, clean
        >>> from sb3_mimic.motion.formats.registry import load_skeletal
        >>> def cleaned(path):
        ...     motion, changes = clean(load_skeletal(path), CleaningSettings(cutoff=8.0))
        ...     return motion
    """
    settings = CleaningSettings() if settings is None else settings
    changes = []
    if settings.ends:
        lead, tail = tpose_frames(motion), frozen_tail(motion)
        if lead + tail > motion.n_frames - 2:
            raise InputError(
                f"motion {motion.name!r}: nothing moves after the T-pose in its first {lead} frames"
            )
        motion = motion.slice(lead, motion.n_frames - tail)
        if lead:
            changes.append(f"start: {lead} frames of T-pose and the way out of it cut off")
        if tail:
            changes.append(f"end: {tail} frozen frames cut off")
    if settings.glitches:
        motion, repaired = repair_glitches(motion)
        changes += repaired
    if settings.cutoff is not None:
        motion = low_pass(motion, settings.cutoff, settings.order)
        changes.append(
            f"filter: Butterworth of order {settings.order}, {settings.cutoff:g} Hz, "
            "forward and backward"
        )
    if settings.ground:
        height = ground_height(motion)
        if abs(height) > _LEVEL:
            motion = put_on_ground(motion)
            way = "lowered" if height > 0 else "raised"
            changes.append(f"ground: the whole motion {way} by {abs(height):.3f} m")
    return motion, changes


def tpose_frames(motion: SkeletalMotion) -> int:
    """Frames at the beginning that are a T-pose and the way out of it; mostly 0, or 1.

    Some conversions put the rest pose before the first frame, others blend out of it within some
    frames. It is taken for one where it is near the rest pose and the step out of it is no step
    that this motion makes elsewhere.
    """
    turned = precise_angle_between(motion.rotations[0, 1:], np.array([1.0, 0.0, 0.0, 0.0]))
    if len(turned) == 0 or turned.mean() > _REST[0] or turned.max() > _REST[1]:
        return 0
    steps = np.sqrt(np.mean(np.square(motion.turns()), axis=1))
    usual = (
        float(np.median(steps[_LONGEST_LEAD : _LONGEST_LEAD + _USUAL]))
        if (len(steps) > _LONGEST_LEAD)
        else float(np.median(steps))
    )
    bound = max(_OUT_OF_REST * usual, _OUT_OF_REST_STEP)
    ordinary = np.flatnonzero(steps[: _LONGEST_LEAD + 1] <= bound)
    return int(ordinary[0]) if len(ordinary) else 1


def frozen_tail(motion: SkeletalMotion) -> int:
    """Frames at the end that repeat the one before them."""
    moved = np.linalg.norm(np.diff(motion.root_position, axis=0), axis=1)
    moving = (motion.turns().max(axis=1) > SAME_POSE) | (moved > SAME_POSE)
    if not moving.any():
        return 0
    return int(moving[::-1].argmax())


def low_pass(motion: SkeletalMotion, cutoff: float, order: int = 4) -> SkeletalMotion:
    """A Butterworth low-pass without lag, of the root's path and of all rotations.

    It runs forward and backward, with half the order each and the cutoff corrected for two passes
    (D. A. Winter, *Biomechanics and Motor Control of Human Movement*, 4th ed., 2009, 3.4.4.2), so
    that at ``cutoff`` the amplitude is 1/√2 of what it was. Rotations are filtered as unit
    quaternions in R⁴ and put back on the sphere: no angle wraps, and the result does not depend on
    the frames they are measured in.

    Do not filter what is quick and real: foot strikes, kicks, changes of direction. A motion that
    is to be refined under physics is smoothed by the physics.

    Args:
        motion: The motion.
        cutoff: Cutoff [Hz].
        order: Order over both passes, even.

    Raises:
        InputError: If the cutoff is not between 0 and half the rate, or the order is not even.
    """
    if order < 2 or order % 2:
        raise InputError(f"the filter's order must be an even number from 2 on, got {order}")
    corrected = cutoff / (np.sqrt(2) - 1) ** (1 / order)
    if not cutoff > 0 or not corrected < motion.fps / 2:
        largest = motion.fps / 2 * (np.sqrt(2) - 1) ** (1 / order)
        raise InputError(
            f"the filter's cutoff must be above 0 and below {largest:.3g} Hz for a motion of "
            f"{motion.fps:g} Hz, got {cutoff:g}"
        )
    from scipy.signal import butter, sosfiltfilt  # takes half a second to import

    sections = butter(order // 2, corrected, fs=motion.fps, output="sos")
    # Ends are continued by their point reflection, for a few periods of the cutoff.
    pad = min(motion.n_frames - 1, int(np.ceil(3 * motion.fps / cutoff)))
    filtered = sosfiltfilt(sections, motion.rotations, axis=0, padlen=pad)
    filtered /= np.linalg.norm(filtered, axis=-1, keepdims=True)
    filtered[:, motion.tree.end_site] = (1, 0, 0, 0)
    return replace(
        motion,
        root_position=sosfiltfilt(sections, motion.root_position, axis=0, padlen=pad),
        rotations=continuous_signs(filtered),
    )


def put_on_ground(motion: SkeletalMotion) -> SkeletalMotion:
    """The motion moved up or down so that its feet's joints come down to height 0."""
    shift = np.array([0.0, 0.0, -ground_height(motion)])
    return replace(motion, root_position=motion.root_position + shift)
