"""Skeletons as data: the character whose clips the library reads, and any file's joint tree."""

from sb3_mimic.motion.skeletons.character import CHARACTER
from sb3_mimic.motion.skeletons.skeleton import Joint, Skeleton
from sb3_mimic.motion.skeletons.tree import JointTree

__all__ = ["CHARACTER", "Joint", "JointTree", "Skeleton"]
