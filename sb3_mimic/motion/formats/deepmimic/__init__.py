"""DeepMimic's JSON files (``.txt``, ``.json``), of the character and of its dog."""

from sb3_mimic.motion.formats.deepmimic.character import (
    inspect_deepmimic,
    read_deepmimic,
    write_deepmimic,
)
from sb3_mimic.motion.formats.deepmimic.dog import read_dog3d

__all__ = ["inspect_deepmimic", "read_deepmimic", "read_dog3d", "write_deepmimic"]
