"""BVH files (``.bvh``)."""

from sb3_mimic.motion.formats.bvh.reader import read_bvh, read_bvh_file
from sb3_mimic.motion.formats.bvh.writer import write_bvh

__all__ = ["read_bvh", "read_bvh_file", "write_bvh"]
