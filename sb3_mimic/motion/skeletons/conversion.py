"""The character's clips as skeletal motion, and back."""

from typing import Final

import numpy as np

from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.hinges import hinges_to_rotation, rotation_to_hinges
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, wxyz

#: Offsets that are the character's but for the digits of a file [m].
_SAME_PLACE: Final = 1e-4

#: Turn of a knee or elbow about another axis than its own that is rounding [rad].
_OFF_AXIS: Final = 1e-3


def to_skeletal(clip: MotionClip) -> SkeletalMotion:
    """A clip of the character as the motion of its skeleton, exactly.

    Raises:
        InputError: If the clip is not the character's.

    Example:
        >>> from sb3_mimic.motion import load_motion
        >>> to_skeletal(load_motion("walk")).tree.names[:3]
        ('root', 'chest', 'neck')
    """
    CHARACTER.require_hinges(clip.joint_names, "a skeletal motion")
    tree = CHARACTER.tree
    rotations = np.zeros((clip.n_frames, tree.n_joints, 4))
    rotations[..., 0] = 1.0
    rotations[:, 0] = clip.root_quaternion
    for joint in CHARACTER.actuated:
        angles = clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
        # A single hinge about −y is a first hinge about y with the sign turned.
        hinges = angles if joint.is_ball else angles * (-1.0, 0.0, 0.0)
        turned = hinges_to_rotation(hinges, joint.axes if joint.is_ball else "yxz")
        rotations[:, tree.index(joint.name)] = wxyz(turned)
    return SkeletalMotion(
        tree=tree,
        fps=clip.fps,
        root_position=clip.root_position,
        rotations=continuous_signs(rotations),
        name=clip.name,
        source=clip.source,
        units="metres, as the clip",
    )


def is_character(motion: SkeletalMotion) -> bool:
    """Whether a motion's skeleton is the character's own, as in a file written from a clip."""
    own = CHARACTER.tree
    if motion.tree.names != own.names or (motion.tree.parents != own.parents).any():
        return False
    return bool(np.abs(motion.tree.offsets - own.offsets).max() < _SAME_PLACE)


def from_skeletal(motion: SkeletalMotion, *, loop: bool = False) -> MotionClip:
    """The clip that a motion of the character's own skeleton is; the inverse of ``to_skeletal``.

    Args:
        motion: A motion with ``is_character``; for any other skeleton, retargeting is needed.
        loop: Whether the motion goes round.

    Raises:
        InputError: If the skeleton is another, or a knee or elbow turns about another axis than
            its own.
    """
    if not is_character(motion):
        raise InputError(f"motion {motion.name!r} is not one of the character's own skeleton")
    angles = np.empty((motion.n_frames, len(CHARACTER.hinge_names)))
    for joint in CHARACTER.actuated:
        turned = rotation(motion.rotations[:, motion.tree.index(joint.name)])
        if joint.is_ball:
            own = rotation_to_hinges(turned, joint.axes, closed=False)
        else:
            vectors = turned.as_rotvec()
            off = np.abs(vectors[:, [0, 2]]).max(axis=1)
            if off.max() > _OFF_AXIS:
                frame = int(off.argmax())
                raise InputError(
                    f"motion {motion.name!r}: {joint.name} turns by {off[frame]:.3f} rad about "
                    f"another axis than its own in frame {frame}"
                )
            own = np.unwrap(-vectors[:, 1])[:, None]
        angles[:, CHARACTER.hinge_slices[joint.name]] = own
    return MotionClip(
        fps=motion.fps,
        root_position=motion.root_position,
        root_quaternion=motion.rotations[:, 0],
        joint_angles=angles,
        joint_names=CHARACTER.hinge_names,
        loop=loop,
        name=motion.name,
        source=motion.source,
    )
