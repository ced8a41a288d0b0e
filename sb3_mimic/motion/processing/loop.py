"""Closing a loop: making the last pose of a cyclic clip its first."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.hinges import hinges_to_rotation
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, wxyz

#: Longest time on either side of the seam over which the mismatch is blended out [s]. At the
#: seam a joint changes by half its mismatch m, and its speed by at most m over this time.
BLEND_TIME: Final = 0.5


@dataclass(frozen=True)
class SeamReport:
    """Mismatch at the seam of a looping clip.

    Attributes:
        angles: Angle between the last and the first pose, by joint and for "root" [rad]; geodesic
            for the root and the character's ball joints, the difference for hinges.
        height: Last less first height of the root [m].
        blend_time: Time on either side of the seam over which it was blended out [s].
    """

    angles: dict[str, float]
    height: float
    blend_time: float

    @property
    def worst(self) -> tuple[str, float]:
        """The joint that misses by most, and its angle [rad]."""
        name = max(self.angles, key=self.angles.__getitem__)
        return name, self.angles[name]


def seam_angles(clip: MotionClip) -> dict[str, float]:
    """Angle between the last and the first pose by joint [rad], "root" first."""
    turned = rotation(clip.root_quaternion[0]).inv() * rotation(clip.root_quaternion[-1])
    angles = {"root": float(turned.magnitude())}
    ends = clip.joint_angles[[0, -1]]
    if clip.joint_names != CHARACTER.hinge_names:
        return angles | dict(zip(clip.joint_names, np.abs(ends[1] - ends[0]).tolist(), strict=True))
    for joint in CHARACTER.actuated:
        first, last = ends[:, CHARACTER.hinge_slices[joint.name]]
        if joint.is_ball:
            both = hinges_to_rotation(np.stack([first, last]), joint.axes)
            angles[joint.name] = float((both[0].inv() * both[1]).magnitude())
        else:
            angles[joint.name] = float(abs(last[0] - first[0]))
    return angles


def close_loop(clip: MotionClip) -> tuple[MotionClip, SeamReport]:
    """Makes the last pose of a loop its first, moved on by the horizontal cycle displacement.

    Half of the mismatch is taken from either end. It fades out with (1 − s)², s from 0 at the seam
    to 1 after ``BLEND_TIME`` or half the clip, so that no kink in the velocities is added at the
    seam or where the blend ends, and the rest of the clip is left alone. Root rotations are
    blended on the manifold. The horizontal path keeps its length; a difference of heading between
    the ends is a mismatch like any other.

    Args:
        clip: A looping clip.

    Returns:
        The closed clip (``clip.closed`` holds) and what there was to close.

    Raises:
        InputError: If the clip does not loop.
    """
    if not clip.loop:
        raise InputError(f"clip {clip.name!r} does not loop, so there is no seam to close")
    blend_time = min(BLEND_TIME, clip.duration / 2)
    report = SeamReport(
        angles=seam_angles(clip),
        height=float(clip.root_position[-1, 2] - clip.root_position[0, 2]),
        blend_time=blend_time,
    )
    if clip.closed:
        return clip, report

    since = clip.times
    until = since[::-1]
    fade = np.maximum(0, 1 - since / blend_time) ** 2 - np.maximum(0, 1 - until / blend_time) ** 2
    share = (fade / 2)[:, None]

    position = clip.root_position.copy()
    position[:, 2] += share[:, 0] * report.height
    angles = clip.joint_angles + share * (clip.joint_angles[-1] - clip.joint_angles[0])
    orientation = rotation(clip.root_quaternion)
    # In the world frame, so that a turn about the vertical stays one.
    mismatch = (orientation[-1] * orientation[0].inv()).as_rotvec()
    quaternions = wxyz(Rotation.from_rotvec(share * mismatch) * orientation)

    position[-1, 2] = position[0, 2]
    angles[-1] = angles[0]
    quaternions[-1] = quaternions[0]
    closed = replace(
        clip,
        root_position=position,
        root_quaternion=continuous_signs(quaternions),
        joint_angles=angles,
    )
    return closed, report
