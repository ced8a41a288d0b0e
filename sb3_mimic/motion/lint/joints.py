"""Checks of the root's steps, and of the joints' speeds and limits."""

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.lint.measures import ClipMeasures, count_steps, turns_between
from sb3_mimic.motion.tolerances import (
    JOINT_SPEED,
    LIMIT,
    ROOT_TURN,
    TELEPORT_ANGLE,
    TELEPORT_DISTANCE,
    TELEPORT_HALF_TURN,
    TELEPORT_SPEED,
    TELEPORT_TURN,
)


def check_teleports(motion: ClipMeasures) -> list[Finding]:
    """Steps of the root that no body can take."""
    clip, fps = motion.clip, motion.fps
    # Above 120 Hz over so many frames as make a hundred-and-twentieth of a second.
    span = min(max(1, round(fps / 120)), clip.n_frames - 1)
    findings = []
    steps = np.linalg.norm(clip.root_position[span:] - clip.root_position[:-span], axis=1)
    speeds = steps * fps / span
    bad = (speeds > TELEPORT_SPEED) & (steps > TELEPORT_DISTANCE)
    if bad.any():
        frame = int(np.where(bad, steps, 0).argmax())
        findings.append(
            motion.finding(
                "teleport",
                "error",
                frame + span,
                "root",
                speeds[frame],
                "m/s",
                bad.sum(),
                f"the root jumps {steps[frame]:.2f} m from frame {frame} to {frame + span}, which "
                f"is {speeds[frame]:.0f} m/s; {count_steps(bad)}",
                "cut the clip there, or check its rate and unit of length",
            )
        )
    turns = np.linalg.norm(
        turns_between(clip.root_quaternion[:-span], clip.root_quaternion[span:]), axis=1
    )
    speeds = turns * fps / span
    fastest = min(TELEPORT_TURN, TELEPORT_HALF_TURN * np.pi * fps / span)
    bad = (speeds > fastest) & (turns > TELEPORT_ANGLE)
    if bad.any():
        frame = int(np.where(bad, turns, 0).argmax())
        findings.append(
            motion.finding(
                "teleport_turn",
                "error",
                frame + span,
                "root",
                speeds[frame],
                "rad/s",
                bad.sum(),
                f"the root turns by {turns[frame]:.2f} rad from frame {frame} to {frame + span}, "
                f"which is {speeds[frame]:.0f} rad/s; {count_steps(bad)}",
                "cut the clip there; half a turn in a frame is often a flipped axis",
            )
        )
    return findings


def check_speeds(motion: ClipMeasures) -> list[Finding]:
    """Joints and roots that turn faster than bodies do."""
    findings = []
    for joint, turns in motion.turns.items():
        speeds = np.linalg.norm(turns, axis=1) * motion.fps
        most = ROOT_TURN if joint == "root" else JOINT_SPEED
        bad = speeds > most
        if bad.any():
            frame = int(speeds.argmax())
            findings.append(
                motion.finding(
                    "speed",
                    "warning",
                    frame + 1,
                    joint,
                    speeds[frame],
                    "rad/s",
                    bad.sum(),
                    f"{joint} turns at {speeds[frame]:.0f} rad/s between frames {frame} and "
                    f"{frame + 1}, people reach {most:.0f}; {count_steps(bad)}",
                    "the motors will not follow; check the rate, and the marker or axis that flips",
                )
            )
    return findings


def check_limits(motion: ClipMeasures, joint_range: FloatArray) -> list[Finding]:
    """Hinges beyond what the robot's joints allow."""
    low, high = np.asarray(joint_range, dtype=np.float64).T
    angles = motion.clip.joint_angles
    excess = np.maximum(angles - high, low - angles)
    findings = []
    for column in np.flatnonzero(excess.max(axis=0) > LIMIT[0]):
        name = motion.clip.joint_names[column]
        frame = int(excess[:, column].argmax())
        value = float(excess[frame, column])
        n_frames = int((excess[:, column] > LIMIT[0]).sum())
        bound = high[column] if angles[frame, column] > high[column] else low[column]
        findings.append(
            motion.finding(
                "limit",
                "warning" if value > LIMIT[1] else "info",
                frame,
                name,
                value,
                "rad",
                n_frames,
                f"{name} is at {angles[frame, column]:.2f} rad, {value:.2f} rad beyond its limit of"
                f" {bound:.2f} rad, in {n_frames} frames",
                "it is held at the limit; --fix eases it in",
            )
        )
    return findings
