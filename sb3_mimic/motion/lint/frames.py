"""The frames as they were recorded: a loop's seam, repeated poses, gaps between poses."""

import numpy as np

from sb3_mimic.arrays import contiguous_runs
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.lint.measures import ClipMeasures, count_steps, severity_of
from sb3_mimic.motion.processing.loop import seam_angles
from sb3_mimic.motion.tolerances import COARSE, MOVING, SAME_POSE, SEAM_ANGLE, SEAM_HEIGHT


def check_seam(motion: ClipMeasures) -> list[Finding]:
    """Mismatch at the seam of a loop."""
    clip = motion.clip
    if not clip.loop or clip.closed:
        return []
    last = clip.n_frames - 1
    findings = []
    angles = {name: angle for name, angle in seam_angles(clip).items() if angle > SEAM_ANGLE[0]}
    if angles:
        worst = max(angles, key=angles.__getitem__)
        findings.append(
            motion.finding(
                "seam",
                severity_of(angles[worst], SEAM_ANGLE),
                last,
                worst,
                angles[worst],
                "rad",
                1,
                f"the loop's last pose is not its first: {worst} differs by {angles[worst]:.2f} rad"
                + (f", of {len(angles)} joints that differ" if len(angles) > 1 else ""),
                "it is blended out when the clip is used, as --fix does; if it is not meant to "
                'loop, set "Loop" to "none"',
            )
        )
    height = float(clip.root_position[-1, 2] - clip.root_position[0, 2])
    if abs(height) > SEAM_HEIGHT[0]:
        findings.append(
            motion.finding(
                "seam_height",
                severity_of(abs(height), SEAM_HEIGHT),
                last,
                "root",
                height,
                "m",
                1,
                f"the loop's root ends {height:+.3f} m from the height it began at",
                "it is blended out when the clip is used, as --fix does",
            )
        )
    return findings


def check_frozen(motion: ClipMeasures) -> list[Finding]:
    """Poses that are repeated although the body moves."""
    angle = np.max([np.linalg.norm(turns, axis=1) for turns in motion.turns.values()], axis=0)
    step = np.maximum(angle, np.linalg.norm(motion.steps, axis=1))
    still = step < SAME_POSE
    runs = []
    for start, stop in contiguous_runs(still):
        around = np.concatenate([step[max(0, start - 2) : start], step[stop : stop + 2]])
        if len(around) and around.mean() > MOVING:
            runs.append((start, stop))
    if not runs:
        return []
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    n_frames = sum(stop - start for start, stop in runs)
    time = (stop - start) / motion.fps
    more = f"; {n_frames} repeated frames in all" if len(runs) > 1 else ""
    return [
        motion.finding(
            "frozen",
            "warning" if n_frames > 1 else "info",
            start + 1,
            None,
            time,
            "s",
            n_frames,
            f"the pose of frame {start} is repeated up to frame {stop} ({time:.2f} s) although the "
            f"body is moving{more}",
            "cut the repeated frames; if every other frame is repeated, the rate is half of what "
            "is declared",
        )
    ]


def check_coarse(motion: ClipMeasures) -> list[Finding]:
    """Turns between frames so large that what lies between is a guess."""
    turns = {name: np.linalg.norm(turn, axis=1) for name, turn in motion.turns.items()}
    joint = max(turns, key=lambda name: float(turns[name].max()))
    bad = turns[joint] > COARSE
    if not bad.any():
        return []
    frame = int(turns[joint].argmax())
    value = float(turns[joint][frame])
    return [
        motion.finding(
            "coarse",
            "info",
            frame + 1,
            joint,
            value,
            "rad",
            bad.sum(),
            f"{joint} turns by {value:.2f} rad between frames {frame} and {frame + 1} "
            f"({motion.fps:.0f} Hz), so what it did between them is a guess; {count_steps(bad)}",
            "a recording at a higher rate would tell",
        )
    ]
