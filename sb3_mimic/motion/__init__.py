"""Motions to imitate: clips, file formats, cleaning, checks and retargeting, without a simulator.

>>> from sb3_mimic.motion import load_motion
>>> load_motion("walk").loop
True
"""

from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.formats import (
    Header,
    ReadOptions,
    load_skeletal,
    register_format,
    register_skeletal_format,
)
from sb3_mimic.motion.formats.asf_amc import read_asf_amc, write_asf_amc
from sb3_mimic.motion.formats.bvh import read_bvh, write_bvh
from sb3_mimic.motion.formats.deepmimic import inspect_deepmimic, read_deepmimic, write_deepmimic
from sb3_mimic.motion.info import MotionInfo, SkeletalInfo, motion_info, skeletal_info
from sb3_mimic.motion.lint import lint, lint_skeletal
from sb3_mimic.motion.processing.cleaning import CleaningSettings, clean
from sb3_mimic.motion.processing.loop import SeamReport, close_loop
from sb3_mimic.motion.processing.repair import repair
from sb3_mimic.motion.retarget import JointMapping, RetargetSettings, retarget
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons import CHARACTER, Joint, JointTree, Skeleton
from sb3_mimic.motion.skeletons.conversion import from_skeletal, to_skeletal
from sb3_mimic.motion.sources.collection import MotionCollection, write_collection
from sb3_mimic.motion.sources.fetch import fetch
from sb3_mimic.motion.sources.index import MotionFile, index_folder
from sb3_mimic.motion.sources.library import list_motions, load_motion
from sb3_mimic.motion.sources.sets import find_set

__all__ = [
    "CHARACTER",
    "CleaningSettings",
    "Finding",
    "Header",
    "Joint",
    "JointMapping",
    "JointTree",
    "MotionClip",
    "MotionCollection",
    "MotionFile",
    "MotionInfo",
    "ReadOptions",
    "RetargetSettings",
    "SeamReport",
    "SkeletalInfo",
    "SkeletalMotion",
    "Skeleton",
    "clean",
    "close_loop",
    "fetch",
    "find_set",
    "from_skeletal",
    "index_folder",
    "inspect_deepmimic",
    "lint",
    "lint_skeletal",
    "list_motions",
    "load_motion",
    "load_skeletal",
    "motion_info",
    "read_asf_amc",
    "read_bvh",
    "read_deepmimic",
    "register_format",
    "register_skeletal_format",
    "repair",
    "retarget",
    "skeletal_info",
    "to_skeletal",
    "write_asf_amc",
    "write_bvh",
    "write_collection",
    "write_deepmimic",
]
