"""Checks of a motion of any skeleton, before it is retargeted.

No finding is an error: what a file has too much of can be cut off.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from sb3_mimic.arrays import contiguous_runs
from sb3_mimic.motion.finding import Finding, sort_by_severity
from sb3_mimic.motion.processing.cleaning import frozen_tail, tpose_frames
from sb3_mimic.motion.processing.contacts import ground_height
from sb3_mimic.motion.processing.glitches import Glitch, find_glitches, small_parts
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.sides import mirror_pairs
from sb3_mimic.motion.tolerances import (
    GRAVITY,
    JOINT_SPEED,
    MOVING,
    RATE_FACTOR,
    ROOT_TURN,
    SAME_POSE,
)

#: Time over which the body's acceleration is measured [s]: noise of a millimetre at 120 Hz is
#: 1 m/s² over it.
_FALL_TIME: Final = 0.1

#: Share of the frames that may fall faster than what counts as the motion's own gravity.
_FALL_QUANTILE: Final = 0.02

#: Rates that a wrong one is told against [1/s].
_RATES: Final = (24.0, 25.0, 30.0, 50.0, 60.0, 100.0, 120.0)

#: Share of repeated frames from which they are no accident, and the rate is doubted.
_REPEATED: Final = 0.2

#: Fast steps no more than this far apart are one event [s].
_TOGETHER: Final = 0.05

#: Ground further from 0 than this is told [m]: of joints, which are a sole's height above it.
_GROUND: Final = (-0.05, 0.15)

#: Events of a kind that are told one by one.
_TOLD: Final = 5


def lint_skeletal(motion: SkeletalMotion) -> list[Finding]:
    """Checks a motion as it was read.

    Args:
        motion: The motion of any skeleton.

    Returns:
        Findings, the worst first, those of the reader among them: ``tpose_frame``,
        ``frozen_tail``, ``glitch``, ``flip``, ``rate_doubt``, ``missing_length``, ``ground``.
    """
    lead, tail = tpose_frames(motion), frozen_tail(motion)
    findings = [*motion.warnings, *_ends(motion, lead, tail), *_missing_lengths(motion)]
    if motion.n_frames - lead - tail >= 2:
        body = motion.slice(lead, motion.n_frames - tail)
        glitches = find_glitches(body)
        findings += _rate(body, lead)
        findings += _glitches(body, lead, glitches)
        findings += _flips(body, lead, glitches)
        findings += _ground(body)
    return sort_by_severity(findings)


def _ends(motion: SkeletalMotion, lead: int, tail: int) -> Iterator[Finding]:
    """Foreign frames before and after the motion."""
    if lead:
        more = f", and the way out of it up to frame {lead - 1}" if lead > 1 else ""
        yield Finding(
            code="tpose_frame",
            severity="warning",
            frame=0,
            time=0.0,
            joint=None,
            value=float(lead),
            unit="frames",
            n_frames=lead,
            message=f"frame 0 is the skeleton's rest pose, put before the motion{more}",
            advice=f"motions convert --clean cuts it off; the motion begins at frame {lead}",
        )
    if tail:
        frame = motion.n_frames - 1 - tail
        yield Finding(
            code="frozen_tail",
            severity="warning",
            frame=frame,
            time=frame / motion.fps,
            joint=None,
            value=float(tail),
            unit="frames",
            n_frames=tail,
            message=f"the last {tail} frames repeat frame {frame} ({tail / motion.fps:.2f} s)",
            advice="motions convert --clean cuts them off",
        )


def _missing_lengths(motion: SkeletalMotion) -> Iterator[Finding]:
    """Joints whose children, sides of the body among them, start where they do themselves."""
    tree, partner = motion.tree, mirror_pairs(motion.tree.names)
    for joint in range(1, tree.n_joints):
        children = tree.children(joint)
        paired = any(partner[child] in children and partner[child] != child for child in children)
        if paired and not tree.offsets[children].any():
            names = ", ".join(tree.names[child] for child in children)
            yield Finding.of_file(
                "missing_length",
                "warning",
                f"{tree.names[joint]} has no length: {names} start where it does, as in cgspeed's "
                "BVH files of CMU's data, which drop the thorax (0.12 m for subjects 01 and 02)",
                "head and arms sit too low by it; the AMC file of the same trial has it",
                joint=tree.names[joint],
            )


def _rate(motion: SkeletalMotion, lead: int) -> Iterator[Finding]:
    """A rate that the motion speaks against: falling faster than gravity, or repeated frames."""
    fall, frame = _fastest_fall(motion)
    factor = np.sqrt(max(fall, 0.0) / GRAVITY)
    if factor > RATE_FACTOR:
        likely = min(_RATES, key=lambda rate: abs(np.log(rate * factor / motion.fps)))
        yield Finding(
            code="rate_doubt",
            severity="warning",
            frame=lead + frame,
            time=(lead + frame) / motion.fps,
            joint=None,
            value=float(factor),
            unit="",
            n_frames=motion.n_frames,
            message=f"says {motion.fps:g} Hz, moves like {likely:g}: the body falls with "
            f"{fall:.0f} m/s² where gravity gives {GRAVITY}, so it is {factor:.1f} times too fast",
            advice=f"read it with --fps {likely:g}; or the unit of length is wrong (--units)",
        )
    steps = motion.turns().max(axis=1)
    still = steps < SAME_POSE
    if _REPEATED < still.mean() < 1 and steps[~still].mean() > MOVING:
        true = motion.fps * (1 - still.mean())
        yield Finding(
            code="rate_doubt",
            severity="warning",
            frame=lead + int(still.argmax()) + 1,
            time=(lead + int(still.argmax()) + 1) / motion.fps,
            joint=None,
            value=float(still.mean()),
            unit="",
            n_frames=int(still.sum()),
            message=f"{still.sum()} of {len(still)} frames repeat the one before them: says "
            f"{motion.fps:g} Hz, has {true:.0f} poses a second",
            advice="leave out the repeated frames, or find the recording it was made from",
        )


def _fastest_fall(motion: SkeletalMotion) -> tuple[float, int]:
    """Downward acceleration [m/s²] that the body does not exceed but for noise, and a frame of it.

    Nothing pulls a body down faster than gravity. Of the skeleton's bones, each weighted by its
    length, the middle is near enough to the center of mass to tell a factor of two.
    """
    window = max(5, round(_FALL_TIME * motion.fps)) | 1
    if motion.n_frames < 3 * window:
        return 0.0, 0
    tree, heights = motion.tree, motion.positions()[..., 2]
    lengths = np.linalg.norm(tree.offsets[1:], axis=1)
    middles = (heights[:, 1:] + heights[:, tree.parents[1:]]) / 2
    body = middles @ lengths / lengths.sum()
    from scipy.signal import savgol_filter  # takes half a second to import

    acceleration = savgol_filter(body, window, 2, deriv=2, delta=1 / motion.fps)[window:-window]
    return -float(np.quantile(acceleration, _FALL_QUANTILE)), window + int(acceleration.argmin())


def _glitches(motion: SkeletalMotion, lead: int, glitches: list[Glitch]) -> Iterator[Finding]:
    """Joints that are away for one to three frames: large parts by frame, small ones together."""
    small, names = small_parts(motion.tree), motion.tree.names
    large: dict[tuple[int, int], list[Glitch]] = {}
    little = []
    for glitch in glitches:
        if glitch.joint <= 0 or not small[glitch.joint]:
            large.setdefault((glitch.frame, glitch.n_frames), []).append(glitch)
        else:
            little.append(glitch)
    for group in large.values():
        yield _glitch(motion, lead, group)
    if little:
        worst = max(little, key=lambda glitch: glitch.value)
        frame = lead + worst.frame
        yield Finding(
            code="glitch",
            severity="info",
            frame=frame,
            time=frame / motion.fps,
            joint=names[worst.joint],
            value=worst.value,
            unit="rad",
            n_frames=sum(glitch.n_frames for glitch in little),
            message=f"hands, feet or head flicker in {len(little)} places, {names[worst.joint]} by "
            f"{worst.value:.2f} rad at frame {frame}",
            advice="motions convert --clean puts these joints between their neighbors",
        )


def _glitch(motion: SkeletalMotion, lead: int, together: list[Glitch]) -> Finding:
    """Large parts that are away in the same frames."""
    worst = max(together, key=lambda glitch: (glitch.joint >= 0, glitch.value))
    joint = "root position" if worst.joint < 0 else motion.tree.names[worst.joint]
    unit = "m" if worst.joint < 0 else "rad"
    others = [motion.tree.names[g.joint] for g in together if g.joint >= 0 and g is not worst]
    frame, last = lead + worst.frame, lead + worst.frame + worst.n_frames - 1
    with_others = f", with {', '.join(others)}," if others else ""
    place = f"in frame {frame}" if frame == last else f"from frame {frame} to {last}"
    return Finding(
        code="glitch",
        severity="warning",
        frame=frame,
        time=frame / motion.fps,
        joint=joint,
        value=worst.value,
        unit=unit,
        n_frames=worst.n_frames,
        message=f"{joint}{with_others} jumps away by {worst.value:.2f} {unit} {place} and comes "
        "back",
        advice="motions convert --clean puts the pose between its neighbors",
    )


def _flips(motion: SkeletalMotion, lead: int, glitches: list[Glitch]) -> Iterator[Finding]:
    """Joints that turn faster than bodies do, other than in glitches: large parts by run."""
    moving = np.flatnonzero(~motion.tree.end_site)
    speeds = motion.turns() * motion.fps
    bound = np.where(moving == 0, ROOT_TURN, JOINT_SPEED)
    fast = speeds > bound
    column = {int(joint): index for index, joint in enumerate(moving)}
    for glitch in glitches:
        if glitch.joint >= 0:
            fast[glitch.frame - 1 : glitch.frame + glitch.n_frames, column[glitch.joint]] = False
    small = small_parts(motion.tree)[moving] & (moving != 0)
    together = max(1, round(_TOGETHER * motion.fps))
    spread = np.convolve(fast[:, ~small].any(axis=1), np.ones(2 * together + 1), mode="same") > 0
    events = []
    for start, stop in contiguous_runs(spread):
        inside = np.flatnonzero(fast[start:stop, ~small].any(axis=1)) + start
        events.append((int(inside[0]), int(inside[-1]) + 1, fast & ~small))
    events.sort(key=lambda event: -float(speeds[event[0] : event[1], ~small].max()))
    whole = len(events)
    events = sorted(events[:_TOLD], key=lambda event: event[0])
    if (fast & small).any():
        inside = np.flatnonzero((fast & small).any(axis=1))
        events.append((int(inside[0]), int(inside[-1]) + 1, fast & small))
    for start, stop, mask in events:
        part = np.where(mask[start:stop], speeds[start:stop], 0.0)
        step, worst = np.unravel_index(part.argmax(), part.shape)
        order = np.argsort(-part.max(axis=0))[: int((part.max(axis=0) > 0).sum())]
        names = [motion.tree.names[moving[index]] for index in order]
        value = float(part[step, worst])
        is_small = bool(small[worst])
        others = f", with {', '.join(names[1:_TOLD])}{', …' if len(names) > _TOLD else ''}," * (
            len(names) > 1
        )
        most = ROOT_TURN if moving[worst] == 0 else JOINT_SPEED
        more = f"; {whole} such places" if whole > _TOLD and not is_small else ""
        yield Finding(
            code="flip",
            severity="info" if is_small else "warning",
            frame=lead + start,
            time=(lead + start) / motion.fps,
            joint=names[0],
            value=value,
            unit="rad/s",
            n_frames=int(mask[start:stop].any(axis=1).sum()),
            message=f"{names[0]}{others} turns at up to {value:.0f} rad/s between frames "
            f"{lead + start} and {lead + stop}, people reach {most:.0f}{more}",
            advice="hands and feet matter little"
            if is_small
            else "cut these frames out, or expect the robot to lag behind them",
        )


def _ground(motion: SkeletalMotion) -> Iterator[Finding]:
    """A ground that is not at height 0."""
    height = ground_height(motion)
    if not _GROUND[0] <= height <= _GROUND[1]:
        yield Finding.of_file(
            "ground",
            "info",
            f"the feet's joints stand {height:+.2f} m from height 0",
            "motions convert --clean puts the motion on the ground",
            value=height,
            unit="m",
        )
