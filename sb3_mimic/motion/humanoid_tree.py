"""The humanoid's clips as skeletal motion, and back."""

from typing import Final

import numpy as np

from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.rotations import (
    continuous_signs,
    hinges_to_rotation,
    rotation,
    rotation_to_hinges,
    wxyz,
)
from sb3_mimic.motion.skeletal import JointTree, SkeletalMotion
from sb3_mimic.motion.skeleton import (
    ACTUATED,
    HINGE_NAMES,
    HINGE_SLICES,
    SKELETON,
    SOLE_CORNERS,
    SPHERES,
    require_humanoid,
)

#: Offsets that are the humanoid's but for the digits of a file [m].
_SAME_PLACE: Final = 1e-4

#: Turn of a knee or elbow about another axis than its own that is rounding [rad].
_OFF_AXIS: Final = 1e-3


def _tips() -> dict[str, tuple[float, float, float]]:
    """Ends of the bones that nothing follows, in the frame of the last joint [m]."""
    head, radius = SPHERES["neck"][0][0], SPHERES["neck"][1]
    tips = {"neck": (head[0], head[1], head[2] + radius)}
    for side in ("right", "left"):
        tips[f"{side}_wrist"] = (0.0, 0.0, -SPHERES[f"{side}_wrist"][1])
        tips[f"{side}_ankle"] = (SOLE_CORNERS[-1][0], 0.0, SOLE_CORNERS[-1][2])
    return tips


def humanoid_tree() -> JointTree:
    """The humanoid's joints, wrists included, and the tips of head, hands and feet."""
    names, parents, offsets, end_site = ["root"], [-1], [(0.0, 0.0, 0.0)], [False]
    tips = _tips()
    for joint in SKELETON:
        parents.append(names.index(joint.parent))
        names.append(joint.name)
        offsets.append(joint.offset)
        end_site.append(False)
        if joint.name in tips:
            parents.append(len(names) - 1)
            names.append(f"{joint.name}_end")
            offsets.append(tips[joint.name])
            end_site.append(True)
    return JointTree(tuple(names), np.array(parents), np.array(offsets), np.array(end_site))


def to_skeletal(clip: MotionClip) -> SkeletalMotion:
    """A clip of the humanoid as the motion of its skeleton, exactly.

    Raises:
        InputError: If the clip is not the humanoid's.

    Example:
        >>> from sb3_mimic.motion import load_motion
        >>> to_skeletal(load_motion("walk")).tree.names[:3]
        ('root', 'chest', 'neck')
    """
    require_humanoid(clip.joint_names, "a skeletal motion")
    tree = humanoid_tree()
    rotations = np.zeros((clip.n_frames, tree.n_joints, 4))
    rotations[..., 0] = 1.0
    rotations[:, 0] = clip.root_quaternion
    for joint in ACTUATED:
        angles = clip.joint_angles[:, HINGE_SLICES[joint.name]]
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


def is_humanoid(motion: SkeletalMotion) -> bool:
    """Whether a motion's skeleton is the humanoid's own, as in a file written from a clip."""
    own = humanoid_tree()
    if motion.tree.names != own.names or (motion.tree.parents != own.parents).any():
        return False
    return bool(np.abs(motion.tree.offsets - own.offsets).max() < _SAME_PLACE)


def from_skeletal(motion: SkeletalMotion, *, loop: bool = False) -> MotionClip:
    """The clip that a motion of the humanoid's own skeleton is; the inverse of ``to_skeletal``.

    Args:
        motion: A motion with ``is_humanoid``; for any other skeleton, retargeting is needed.
        loop: Whether the motion goes round.

    Raises:
        InputError: If the skeleton is another, or a knee or elbow turns about another axis than
            its own.
    """
    if not is_humanoid(motion):
        raise InputError(f"motion {motion.name!r} is not one of the humanoid's own skeleton")
    angles = np.empty((motion.n_frames, len(HINGE_NAMES)))
    for joint in ACTUATED:
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
        angles[:, HINGE_SLICES[joint.name]] = own
    return MotionClip(
        fps=motion.fps,
        root_position=motion.root_position,
        root_quaternion=motion.rotations[:, 0],
        joint_angles=angles,
        joint_names=HINGE_NAMES,
        loop=loop,
        name=motion.name,
        source=motion.source,
    )
