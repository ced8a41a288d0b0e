"""Tracking: robots that imitate motion clips."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.batch import TrackingBatch as TrackingBatch
    from sb3_mimic.envs.tracking.env import TrackingEnv as TrackingEnv
    from sb3_mimic.envs.tracking.options import TrackingOptions as TrackingOptions
    from sb3_mimic.envs.tracking.reference import Reference as Reference
    from sb3_mimic.envs.tracking.reference import ReferenceSet as ReferenceSet
    from sb3_mimic.envs.tracking.reference import reference_for as reference_for
    from sb3_mimic.envs.tracking.retargeting.cache import fit_clip as fit_clip
    from sb3_mimic.envs.tracking.retargeting.skeleton_map import SkeletonMap as SkeletonMap
    from sb3_mimic.envs.tracking.rewards import REWARDS as REWARDS
    from sb3_mimic.envs.tracking.rewards import register_reward as register_reward
    from sb3_mimic.envs.tracking.spec import TrackingRobot as TrackingRobot
    from sb3_mimic.envs.tracking.spec import TrackingSpec as TrackingSpec

_ROOM = "sb3_mimic.envs.tracking"

__getattr__ = lazy_exports(
    __name__,
    {
        "REWARDS": f"{_ROOM}.rewards",
        "Reference": f"{_ROOM}.reference",
        "ReferenceSet": f"{_ROOM}.reference",
        "SkeletonMap": f"{_ROOM}.retargeting.skeleton_map",
        "TrackingBatch": f"{_ROOM}.batch",
        "TrackingEnv": f"{_ROOM}.env",
        "TrackingOptions": f"{_ROOM}.options",
        "TrackingRobot": f"{_ROOM}.spec",
        "TrackingSpec": f"{_ROOM}.spec",
        "fit_clip": f"{_ROOM}.retargeting.cache",
        "reference_for": f"{_ROOM}.reference",
        "register_reward": f"{_ROOM}.rewards",
    },
)

__all__ = [
    "REWARDS",
    "Reference",
    "ReferenceSet",
    "SkeletonMap",
    "TrackingBatch",
    "TrackingEnv",
    "TrackingOptions",
    "TrackingRobot",
    "TrackingSpec",
    "fit_clip",
    "reference_for",
    "register_reward",
]
