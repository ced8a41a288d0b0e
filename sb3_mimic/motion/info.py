"""Summaries of clips and of motions of any skeleton."""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.processing.loop import seam_angles
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.spatial import precise_angle_between


@dataclass(frozen=True)
class MotionInfo:
    """A summary of a clip.

    Attributes:
        name: Name of the clip.
        source: Path of the file, or "built-in".
        n_frames: Number of frames.
        fps: Frames per second.
        duration: Time from the first frame to the last [s].
        loop: Whether the motion goes round.
        distance: Horizontal distance from the first to the last root position [m].
        speed: ``distance`` over ``duration`` [m/s].
        root_height: Lowest and highest root position above the ground [m].
        seam_joint: Of a loop, the joint whose last pose differs most from its first ("root", or a
            joint); None if the clip does not loop.
        seam_angle: By how much it differs [rad]; None if the clip does not loop.
        joint_range: Smallest and largest angle of each hinge [rad].
        fastest_joint: Hinge with the largest speed between two frames.
        fastest_speed: That speed [rad/s].
    """

    name: str
    source: str
    n_frames: int
    fps: float
    duration: float
    loop: bool
    distance: float
    speed: float
    root_height: tuple[float, float]
    seam_joint: str | None
    seam_angle: float | None
    joint_range: dict[str, tuple[float, float]]
    fastest_joint: str
    fastest_speed: float


@dataclass(frozen=True)
class JointInfo:
    """A summary of a joint.

    Attributes:
        name: Its name.
        parent: Its parent's name; None for the root.
        length: Distance from its parent [m].
        end_site: Whether it only marks a bone's end.
        fastest: Largest speed of its rotation in its parent between two frames [rad/s].
    """

    name: str
    parent: str | None
    length: float
    end_site: bool
    fastest: float


@dataclass(frozen=True)
class SkeletalInfo:
    """A summary of a skeletal motion.

    Attributes:
        name: Its name.
        source: The file.
        n_frames: Number of frames.
        fps: Frames per second.
        duration: Time from the first frame to the last [s].
        units: What the file's unit of length was taken for, and why.
        height: Height of the skeleton, unturned [m].
        distance: Horizontal distance from the first to the last root position [m].
        speed: ``distance`` over ``duration`` [m/s].
        root_height: Lowest and highest root position [m].
        lowest: Lowest position of any joint [m].
        joints: The joints, parents before their children.
    """

    name: str
    source: str
    n_frames: int
    fps: float
    duration: float
    units: str
    height: float
    distance: float
    speed: float
    root_height: tuple[float, float]
    lowest: float
    joints: tuple[JointInfo, ...]


def skeletal_info(motion: SkeletalMotion) -> SkeletalInfo:
    """Summarizes a skeletal motion."""
    tree, root = motion.tree, motion.root_position
    distance = float(np.linalg.norm((root[-1] - root[0])[:2]))
    lengths = np.linalg.norm(tree.offsets, axis=1)
    turns = precise_angle_between(motion.rotations[1:], motion.rotations[:-1])
    fastest = turns.max(axis=0) * motion.fps
    return SkeletalInfo(
        name=motion.name,
        source=motion.source,
        n_frames=motion.n_frames,
        fps=motion.fps,
        duration=motion.duration,
        units=motion.units,
        height=float(np.ptp(tree.rest_positions[:, 2])),
        distance=distance,
        speed=distance / motion.duration,
        root_height=(float(root[:, 2].min()), float(root[:, 2].max())),
        lowest=float(motion.positions()[..., 2].min()),
        joints=tuple(
            JointInfo(
                name=name,
                parent=tree.names[tree.parents[joint]] if joint else None,
                length=float(lengths[joint]),
                end_site=bool(tree.end_site[joint]),
                fastest=float(fastest[joint]),
            )
            for joint, name in enumerate(tree.names)
        ),
    )


def motion_info(clip: MotionClip) -> MotionInfo:
    """Summarizes a clip."""
    distance = float(np.linalg.norm((clip.root_position[-1] - clip.root_position[0])[:2]))
    heights = clip.root_position[:, 2]
    lows, highs = clip.joint_angles.min(axis=0), clip.joint_angles.max(axis=0)
    speeds = np.abs(np.diff(clip.joint_angles, axis=0)).max(axis=0) * clip.fps
    seam_joint: str | None = None
    seam_angle: float | None = None
    if clip.loop:
        seam_joint, seam_angle = max(seam_angles(clip).items(), key=lambda item: item[1])
    return MotionInfo(
        name=clip.name,
        source=clip.source,
        n_frames=clip.n_frames,
        fps=clip.fps,
        duration=clip.duration,
        loop=clip.loop,
        distance=distance,
        speed=distance / clip.duration,
        root_height=(float(heights.min()), float(heights.max())),
        seam_joint=seam_joint,
        seam_angle=seam_angle,
        joint_range={
            name: (float(low), float(high))
            for name, low, high in zip(clip.joint_names, lows, highs, strict=True)
        },
        fastest_joint=clip.joint_names[int(speeds.argmax())],
        fastest_speed=float(speeds.max()),
    )
