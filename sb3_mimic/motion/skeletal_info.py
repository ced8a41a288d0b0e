"""What there is to say about a skeletal motion."""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.motion.rotations import angles_between
from sb3_mimic.motion.skeletal import SkeletalMotion


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
    turns = angles_between(motion.rotations[1:], motion.rotations[:-1])
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
