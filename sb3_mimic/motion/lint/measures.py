"""Quantities that several checks of a clip need."""

from functools import cached_property
from typing import Any

import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding, Severity
from sb3_mimic.motion.hinges import hinges_to_rotation
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import lowest_points
from sb3_mimic.motion.tolerances import AIRBORNE, GROUND_QUANTILE
from sb3_mimic.spatial import continuous_signs, rotation, wxyz


class ClipMeasures:
    """A clip, with quantities that several checks need."""

    def __init__(self, clip: MotionClip) -> None:
        self.clip = clip
        self.fps = clip.fps

    @cached_property
    def heights(self) -> dict[str, FloatArray]:
        """Lowest point of each body (T,) [m]."""
        return lowest_points(self.clip)

    @cached_property
    def lowest(self) -> FloatArray:
        """Lowest point of the figure (T,) [m]."""
        lowest: FloatArray = np.min(list(self.heights.values()), axis=0)
        return lowest

    @cached_property
    def above_ground(self) -> FloatArray:
        """Height of the lowest point above the clip's own ground (T,) [m]."""
        level = ground_level(self.lowest)
        # Soles of a few centimetres' error are not another ground.
        return self.lowest - (level if abs(level) > AIRBORNE else 0.0)

    def lowest_body(self, frame: int) -> str:
        """The body that is lowest at a frame."""
        return min(self.heights, key=lambda body: float(self.heights[body][frame]))

    @cached_property
    def quaternions(self) -> dict[str, FloatArray]:
        """Orientation of the root and rotation of each ball joint (T, 4), continuous signs."""
        return joint_quaternions(self.clip)

    @cached_property
    def hinges(self) -> dict[str, FloatArray]:
        """Angles of knees and elbows (T,) [rad]."""
        return {
            joint.name: self.clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]][:, 0]
            for joint in CHARACTER.actuated
            if not joint.is_ball
        }

    @cached_property
    def turns(self) -> dict[str, FloatArray]:
        """Rotation vectors between neighboring frames, by joint, "root" first, (T − 1, 3) [rad]."""
        turns = {
            name: turns_between(quaternions[:-1], quaternions[1:])
            for name, quaternions in self.quaternions.items()
        }
        for name, angles in self.hinges.items():
            turns[name] = np.outer(np.diff(angles), (0.0, -1.0, 0.0))
        return turns

    @cached_property
    def steps(self) -> FloatArray:
        """Root displacement between neighboring frames (T − 1, 3) [m]."""
        return np.diff(self.clip.root_position, axis=0)

    def finding(
        self,
        code: str,
        severity: Severity,
        frame: int,
        joint: str | None,
        value: float,
        unit: str,
        n_frames: int,
        message: str,
        advice: str,
    ) -> Finding:
        """A finding with the time filled in."""
        return Finding(
            code=code,
            severity=severity,
            frame=int(frame),
            time=float(frame / self.fps),
            joint=joint,
            value=float(value),
            unit=unit,
            n_frames=int(n_frames),
            message=message,
            advice=advice,
        )


def ground_level(lowest: FloatArray) -> float:
    """Height of a clip's own ground [m], from the lowest point of each frame (T,) [m].

    A clip that nowhere reaches down stands on its lowest point; one that is too low for most of
    its time is too low as a whole; any other stands on 0.
    """
    if lowest.min() > 0:
        return float(lowest.min())
    return min(0.0, float(np.quantile(lowest, GROUND_QUANTILE)))


def joint_quaternions(clip: MotionClip) -> dict[str, FloatArray]:
    """Orientation of the "root" and rotation of each ball joint, (T, 4) wxyz, continuous signs."""
    quaternions = {"root": clip.root_quaternion}
    for joint in CHARACTER.actuated:
        if joint.is_ball:
            angles = clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
            quaternions[joint.name] = continuous_signs(wxyz(hinges_to_rotation(angles, joint.axes)))
    return quaternions


def severity_of(value: float, bounds: tuple[float, ...]) -> Severity:
    """Severity by bounds of info, warning and, where there is a third, error."""
    grades: tuple[Severity, ...] = ("info", "warning", "error")
    return grades[sum(value > bound for bound in bounds[1:])]


def count_steps(bad: BoolArray) -> str:
    """The number of steps in which something happens, as the end of a sentence."""
    n = int(bad.sum())
    return "this happens once" if n == 1 else f"{n} steps do so"


def turns_between(start: FloatArray, end: FloatArray) -> FloatArray:
    """Rotation vectors (n, 3) [rad] from one orientation to another, in the first's frame."""
    relative: Any = rotation(start).inv() * rotation(end)
    turns: FloatArray = relative.as_rotvec()
    return turns
