"""Clips of the character on a robot, retargeted once for everything that is the same."""

from sb3_mimic.envs.tracking.retargeting import RetargetedClip, retarget_clip
from sb3_mimic.envs.tracking.spec import TrackingRobot
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip


def fit_clip(clip: MotionClip, robot: TrackingRobot) -> RetargetedClip:
    """A clip of the character on a robot.

    Raises:
        InputError: If the robot's `TrackingSpec` has no skeleton, or they do not fit.
    """
    if robot.spec.skeleton is None:
        raise InputError(
            f"{robot.name}: clips are of its own skeleton; give its TrackingSpec a skeleton to "
            "retarget others"
        )
    return retarget_clip(clip, robot.model, robot.spec.skeleton)
