"""Files with a skeleton of their own as clips of the character."""

from pathlib import Path

from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.processing.cleaning import CleaningSettings, clean
from sb3_mimic.motion.retarget.run import retarget
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.conversion import from_skeletal, is_character

#: What is cut off and repaired before a motion is put on the character, which finds the ground.
BEFORE_RETARGETING = CleaningSettings(ground=False)


def read_and_retarget(path: Path) -> MotionClip:
    """Reads a BVH or AMC file and puts it on the character, with nothing but defaults.

    A T-pose at the beginning and a frozen tail are cut off, and glitches repaired. A file of the
    character's own skeleton is its clip as it is.

    Raises:
        InputError: If the file cannot be read, or no mapping to the character is found.
    """
    motion: SkeletalMotion = load_skeletal(path)
    if is_character(motion):
        return from_skeletal(motion)
    cleaned, _ = clean(motion, BEFORE_RETARGETING)
    return retarget(cleaned).clip
