"""Quality of a retargeted motion, measured on the finished clip."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.retarget.feet import SOLE_EDGES, Foot, place
from sb3_mimic.motion.skeletons.kinematics import body_poses, lowest_points
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.motion.tolerances import JOINT_SPEED, PENETRATION

# Mean speed of soles over the ground that no way of walking has, nor skating [m/s].
_HOPELESS_SKATE = 2.0


@dataclass(frozen=True)
class RetargetReport:
    """Quality of a motion on the character.

    Attributes:
        motion: Name of the motion.
        mapping: Where the mapping came from.
        standing: The pose that was taken for standing.
        cut: Frames that were cut off at the beginning and at the end, because a joint breaks its
            course there: a clip cannot be begun with such speeds.
        n_frames: Number of frames.
        fps: Frames per second.
        scale: Size of the character's legs in those of the figure.
        arm_scale: The same of its arms.
        error_mean: Distance of wrists and ankles from where the scaled figure has them, relative
            to the root, mean over frames and limbs [m].
        error_max: The largest [m].
        worst_effector: Where that is.
        skate_mean: Speed over the ground of the edge of a sole that is on it, mean [m/s].
        skate_max: The largest [m/s].
        penetration: Deepest point under the ground [m].
        limit_excess: Largest angle beyond a joint's limit [rad].
        contact: Share of the frames with a foot on the ground.
        fastest_joint: Fastest hinge.
        fastest_speed: Its speed [rad/s].
    """

    motion: str
    mapping: str
    standing: str
    cut: tuple[int, int]
    n_frames: int
    fps: float
    scale: float
    arm_scale: float
    error_mean: float
    error_max: float
    worst_effector: str
    skate_mean: float
    skate_max: float
    penetration: float
    limit_excess: float
    contact: float
    fastest_joint: str
    fastest_speed: float

    def lines(self) -> list[str]:
        """The figures, a sentence a line."""
        error, skate = 100 * self.error_mean, 100 * self.skate_mean
        most, slid = 100 * self.error_max, 100 * self.skate_max
        ends = [f"cut off: {self.cut[0]} frames at the beginning, {self.cut[1]} at the end"]
        return [
            *(ends if any(self.cut) else []),
            f"mapping: {self.mapping}; standing is {self.standing}",
            f"size: legs × {self.scale:.3f}, arms × {self.arm_scale:.3f} of that",
            f"wrists and ankles off by {error:.1f} cm, at most {most:.1f} ({self.worst_effector})",
            f"feet on the ground: {100 * self.contact:.0f}% of the time",
            f"sliding there at {skate:.2f} cm/s, at most {slid:.2f}",
            f"under the ground: {100 * self.penetration:.1f} cm",
            f"beyond joint limits: {self.limit_excess:.3f} rad",
            f"fastest: {self.fastest_joint} at {self.fastest_speed:.1f} rad/s",
        ]

    def doubts(self) -> list[str]:
        """Figures that no motion of a person has, a sentence each; empty if all are plausible."""
        bounds = (
            ("under the ground [m]", self.penetration, PENETRATION[2]),
            ("sliding over the ground [m/s]", self.skate_mean, _HOPELESS_SKATE),
            ("fastest joint [rad/s]", self.fastest_speed, JOINT_SPEED),
        )
        return [
            f"{what}: {value:.2f}, more than {most:g} is no person; look at --up, --units and "
            "--print-mapping"
            for what, value, most in bounds
            if value > most
        ]


def effector_errors(clip: MotionClip, targets: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Distance (T,) [m] of each end effector from its place relative to the root (T, 3) [m]."""
    poses = body_poses(clip)
    return {
        name: np.linalg.norm(poses[name][0] - clip.root_position - target, axis=1)
        for name, target in targets.items()
    }


def skate_speeds(clip: MotionClip, feet: Mapping[str, Foot]) -> FloatArray:
    """Speeds over the ground of all edges of soles in contact, between two frames [m/s]."""
    poses = body_poses(clip)
    speeds = [np.empty(0)]
    for side in SIDES:
        position, orientation = poses[f"{side}_ankle"]
        edges = place(position, orientation.as_matrix(), SOLE_EDGES)[..., :2]
        speed = np.linalg.norm(np.diff(edges, axis=0), axis=-1) * clip.fps
        contact = feet[side].contact
        speeds.append(speed[contact[1:] & contact[:-1]])
    return np.concatenate(speeds)


def penetration(clip: MotionClip) -> float:
    """Depth of the deepest point of any body under the ground [m]."""
    return max(0.0, -float(np.min(list(lowest_points(clip).values()))))


def limit_excess(clip: MotionClip, limits: FloatArray) -> float:
    """Largest angle beyond a limit [rad]."""
    low, high = limits.T
    over = np.maximum(clip.joint_angles - high, low - clip.joint_angles)
    return max(0.0, float(over.max()))
