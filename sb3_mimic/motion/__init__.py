"""Motions: what is to be imitated, without any simulator.

>>> from sb3_mimic.motion import load_motion
>>> load_motion("walk").loop
True
"""

from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.formats import register_format
from sb3_mimic.motion.formats.deepmimic import inspect_deepmimic, read_deepmimic, write_deepmimic
from sb3_mimic.motion.library import MotionInfo, list_motions, load_motion, motion_info
from sb3_mimic.motion.lint import lint
from sb3_mimic.motion.loop import SeamReport, close_loop
from sb3_mimic.motion.repair import repair

__all__ = [
    "Finding",
    "MotionClip",
    "MotionInfo",
    "SeamReport",
    "close_loop",
    "inspect_deepmimic",
    "lint",
    "list_motions",
    "load_motion",
    "motion_info",
    "read_deepmimic",
    "register_format",
    "repair",
    "write_deepmimic",
]
