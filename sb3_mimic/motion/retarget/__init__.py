"""Motions of any skeleton on the robots."""

from sb3_mimic.motion.retarget.mapping import JointMapping, find_mapping, read_mapping
from sb3_mimic.motion.retarget.report import RetargetReport
from sb3_mimic.motion.retarget.run import RetargetResult, RetargetSettings, retarget

__all__ = [
    "JointMapping",
    "RetargetReport",
    "RetargetResult",
    "RetargetSettings",
    "find_mapping",
    "read_mapping",
    "retarget",
]
