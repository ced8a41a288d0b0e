"""Checks of a clip of the character, by its kinematics alone.

Every check gives one finding a joint and kind, with the worst frame and the number of frames, so
that a bad clip is a page and not a flood.
"""

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding, sort_by_severity
from sb3_mimic.motion.lint.frames import check_coarse, check_frozen, check_seam
from sb3_mimic.motion.lint.ground import check_flights, check_ground, check_skate
from sb3_mimic.motion.lint.joints import check_limits, check_speeds, check_teleports
from sb3_mimic.motion.lint.measures import ClipMeasures
from sb3_mimic.motion.lint.sudden import (
    check_jitter,
    check_jumps,
    check_spikes,
    find_jumps,
    find_spikes,
)
from sb3_mimic.motion.skeletons import CHARACTER


def lint(clip: MotionClip, joint_range: FloatArray | None = None) -> list[Finding]:
    """Checks a clip of the character.

    Args:
        clip: The clip, as it is in the file.
        joint_range: Lower and upper limit of each hinge, (nj, 2) [rad], in the clip's order (the
            robot's ``joint_range``); without it limits are not looked at.

    Returns:
        Findings, errors first; empty for a clip without fault.

    Raises:
        InputError: If the clip is not the character's.

    Example:
        >>> from sb3_mimic.motion import lint, load_motion
        >>> lint(load_motion("squat"))
        []
    """
    CHARACTER.require_hinges(clip.joint_names, "checking a clip")
    motion = ClipMeasures(clip)
    spikes = find_spikes(clip)
    jumps = find_jumps(motion, spikes)
    findings = [
        *check_ground(motion),
        *check_flights(motion),
        *check_teleports(motion),
        *check_spikes(motion, spikes),
        *check_jumps(motion, jumps),
        *check_jitter(motion, [*spikes, *jumps]),
        *check_speeds(motion),
        *([] if joint_range is None else check_limits(motion, joint_range)),
        *check_seam(motion),
        *check_frozen(motion),
        *check_coarse(motion),
        *check_skate(motion),
    ]
    return sort_by_severity(findings)
