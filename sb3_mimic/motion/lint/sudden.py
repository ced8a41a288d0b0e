"""Frames that stand out from their neighbors: spikes, jumps and jitter."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding, Severity
from sb3_mimic.motion.lint.measures import ClipMeasures
from sb3_mimic.motion.tolerances import (
    JUMP_ANGLE,
    JUMP_DISTANCE,
    JUMP_RATIO,
    SPIKE_ANGLE,
    SPIKE_DISTANCE,
    SPIKE_RATIO,
    SUDDEN_STEP,
    SUDDEN_TURN,
)

#: Frames on either side that tell what is usual.
_NEIGHBORHOOD: Final = 10


class Event(NamedTuple):
    """A sudden change of a joint in a frame.

    Attributes:
        joint: Name of the joint, or "root" (orientation) or "root position".
        frame: The frame.
        value: How far it is off [rad, for the root's position m].
    """

    joint: str
    frame: int
    value: float


def find_spikes(clip: MotionClip) -> list[Event]:
    """Frames where a joint jumps away and back.

    A frame is compared with the cubic through two neighbors on either side; a spike of height h
    leaves residuals (−1/6, 2/3, 1, 2/3, −1/6) h around it, a jump or a fast movement does not.
    """
    spikes: list[Event] = []
    for joint, (residual, least) in _residuals(ClipMeasures(clip)).items():
        spikes += _peaks(clip, joint, residual, least)
    return spikes


def find_breaks(clip: MotionClip) -> list[int]:
    """Frames where a joint is off for itself, or at which it breaks its course, in order."""
    motion = ClipMeasures(clip)
    spikes = find_spikes(clip)
    return sorted({event.frame for event in (*spikes, *find_jumps(motion, spikes))})


def expected_pose(clip: MotionClip, signal: FloatArray) -> FloatArray:
    """Each frame of a signal (T, k) as the cubic through its neighbors has it.

    Quaternions (k = 4, continuous signs) come out not normalized; the two frames at either end of a
    clip that is no closed loop are themselves.
    """
    padded = _pad(clip, signal)
    pad = (len(padded) - clip.n_frames) // 2
    return _interpolate(padded)[pad : pad + clip.n_frames]


def _residuals(motion: ClipMeasures) -> dict[str, tuple[FloatArray, float]]:
    """Distance of each frame from the curve through its neighbors, and its bound.

    By joint [rad], "root" first, and for the "root position" [m]; of a closed loop with two more
    frames at either end, which have none.
    """
    clip = motion.clip
    turn, step = (_residual_bound(motion, name) for name in ("root", "root position"))
    residuals = {}
    for name, quaternions in motion.quaternions.items():
        signal = _pad(clip, quaternions)
        expected = _interpolate(signal)
        expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
        overlap = np.abs(np.einsum("ti,ti->t", expected, signal))
        residuals[name] = (2 * np.arccos(np.minimum(overlap, 1.0)), turn)
    for name, angles in motion.hinges.items():
        signal = _pad(clip, angles[:, None])
        residuals[name] = (np.abs(_interpolate(signal) - signal)[:, 0], turn)
    path = clip.root_position - np.outer(np.linspace(0, 1, clip.n_frames), clip.cycle_displacement)
    signal = _pad(clip, path)
    residuals["root position"] = (np.linalg.norm(_interpolate(signal) - signal, axis=1), step)
    return residuals


def _residual_bound(motion: ClipMeasures, joint: str) -> float:
    """Residual up to which a frame is where a body may have been [rad, for positions m]."""
    # Away and back by h in two frames is an acceleration of 2h times the rate squared.
    dt2 = 1 / motion.fps**2
    if joint == "root position":
        return max(SPIKE_DISTANCE, SUDDEN_STEP / 2 * dt2)
    return max(SPIKE_ANGLE, SUDDEN_TURN / 2 * dt2)


def _pad(clip: MotionClip, signal: FloatArray) -> FloatArray:
    """A signal (T, k) with two frames of the neighboring cycles at the ends of a closed loop."""
    if not clip.closed or clip.n_frames < 4:
        return signal
    before, after = signal[-3:-1], signal[1:3]
    if signal.shape[1] == 4:  # a cycle may end on the other sign
        sign = 1.0 if signal[0] @ signal[-1] >= 0 else -1.0
        before, after = sign * before, sign * after
    return np.concatenate([before, signal, after])


def _interpolate(signal: FloatArray) -> FloatArray:
    """Each frame by the cubic through its four nearest neighbors; the two at either end as is."""
    expected = signal.copy()
    if len(signal) >= 5:
        # Lagrange's weights at 0 for the nodes −2, −1, 1, 2.
        expected[2:-2] = (4 * (signal[1:-3] + signal[3:-1]) - signal[:-4] - signal[4:]) / 6
    return expected


def _peaks(clip: MotionClip, joint: str, residual: FloatArray, least: float) -> list[Event]:
    """Residuals that stand out and have the shape of a spike."""
    pad = (len(residual) - clip.n_frames) // 2
    first, last = 2, len(residual) - 3  # that have a residual
    spikes = []
    for i in map(int, np.flatnonzero(residual > least)):
        beside = [residual[k] for k in (i - 1, i + 1) if first <= k <= last]
        beyond = [residual[k] for k in (i - 2, i + 2) if first <= k <= last]
        shaped = all(residual[i] / 2 <= r <= residual[i] for r in beside)
        shaped &= all(r <= residual[i] / 2 for r in beyond)
        if shaped and residual[i] > SPIKE_RATIO * _typical_value(residual, i, 2):
            spikes.append(Event(joint, i - pad, float(residual[i])))
    # The first frame of a closed loop and its last are one: neither can be moved alone.
    return [spike for spike in spikes if 0 < spike.frame < clip.n_frames - 1]


def _typical_value(values: FloatArray, index: int, without: int) -> float:
    """Median of the values around an index, without those nearest to it."""
    start, stop = max(0, index - _NEIGHBORHOOD), index + _NEIGHBORHOOD + 1
    around = np.concatenate(
        [values[start : max(0, index - without)], values[index + without + 1 : stop]]
    )
    return float(np.median(around)) if len(around) else 0.0


def find_jumps(motion: ClipMeasures, spikes: list[Event]) -> list[Event]:
    """Steps that stand out from those around them, by the frame they lead to."""
    dt2 = 1 / motion.fps**2
    signals = {
        name: (turn, max(JUMP_ANGLE, SUDDEN_TURN * dt2)) for name, turn in motion.turns.items()
    }
    signals["root position"] = (motion.steps, max(JUMP_DISTANCE, SUDDEN_STEP * dt2))
    jumps = []
    for joint, (steps, least) in signals.items():
        if len(steps) < 3:
            continue
        excess = np.zeros(len(steps))
        excess[1:-1] = np.linalg.norm(steps[1:-1] - (steps[:-2] + steps[2:]) / 2, axis=1)
        excused = [spike.frame for spike in spikes if spike.joint == joint]
        jumps += [
            Event(joint, int(i) + 1, float(excess[i]))
            for i in np.flatnonzero(excess > least)
            if excess[i] >= excess[max(0, i - 1) : i + 2].max()
            and excess[i] > JUMP_RATIO * _typical_value(excess, int(i), 1)
            and not any(frame - 3 <= i <= frame + 2 for frame in excused)
        ]
    return jumps


def check_spikes(motion: ClipMeasures, spikes: list[Event]) -> list[Finding]:
    """One finding for the joints that are off in the same frame, one for each joint otherwise."""
    return _findings(
        motion,
        spikes,
        "spike",
        lambda joint, frame, off: f"{joint} jumps away by {off} for frame {frame} alone",
        "--fix puts the frame between its neighbors",
    )


def check_jumps(motion: ClipMeasures, jumps: list[Event]) -> list[Finding]:
    """One finding for the joints that jump together, one for each joint otherwise."""
    return _findings(
        motion,
        jumps,
        "jump",
        lambda joint, frame, off: (
            f"{joint} breaks its course by {off} from frame {frame - 1} to {frame}"
        ),
        "the frames may have been glued together there; the body will follow late",
    )


def check_jitter(motion: ClipMeasures, known: list[Event]) -> list[Finding]:
    """Frames far from the curve through their neighbors that are neither spike nor jump."""
    excused: dict[str, set[int]] = {}
    for joint, frame, _ in known:
        excused.setdefault(joint, set()).update(range(frame - 3, frame + 4))
    events = []
    for joint, (residual, least) in _residuals(motion).items():
        pad = (len(residual) - motion.clip.n_frames) // 2
        events += [
            Event(joint, int(i) - pad, float(residual[i]))
            for i in np.flatnonzero(residual > least)
            if int(i) - pad not in excused.get(joint, ())
        ]
    return _findings(
        motion,
        events,
        "jitter",
        lambda joint, frame, off: (
            f"{joint} shakes: at frame {frame} it is {off} from the curve through its neighbors"
        ),
        "smooth the clip there; the body cannot follow such accelerations",
        lambda joint, off: "warning" if off > 2 * _residual_bound(motion, joint) else "info",
    )


def _findings(
    motion: ClipMeasures,
    events: list[Event],
    code: str,
    message: Callable[[str, int, str], str],
    advice: str,
    severity: Callable[[str, float], Severity] = lambda *_: "warning",
) -> list[Finding]:
    """One finding for what happens together; the message is of joint, frame and how far off."""
    findings = []
    for own in _group_events(events):
        joint, frame, value = own.worst
        unit = "m" if joint == "root position" else "rad"
        findings.append(
            motion.finding(
                code,
                severity(joint, value),
                frame,
                joint,
                value,
                unit,
                own.n_frames,
                message(joint, frame, f"{value:.2f} {unit}") + own.others,
                advice,
            )
        )
    return findings


@dataclass(frozen=True)
class _EventGroup:
    """Events of several joints in the same frame, or of one joint in several."""

    worst: Event
    n_frames: int
    others: str


def _group_events(events: list[Event]) -> list[_EventGroup]:
    """Joins events of one joint, and those whose worst frame is the same."""
    by_frame: dict[int, list[list[Event]]] = {}
    for joint in dict.fromkeys(event.joint for event in events):
        own = [event for event in events if event.joint == joint]
        worst = max(own, key=lambda event: event.value)
        by_frame.setdefault(worst.frame, []).append(own)
    found = []
    for joints in by_frame.values():
        together = [event for own in joints for event in own]
        # Metres sort behind radians: the root's path is named where nothing else is off.
        worst = max(together, key=lambda event: (event.joint != "root position", event.value))
        frames = {event.frame for event in together}
        more = len(joints) - 1
        others = [f"{more} more {'joint' if more == 1 else 'joints'} with it"] if more else []
        others += [f"{len(frames)} such frames"] if len(frames) > 1 else []
        found.append(_EventGroup(worst, len(frames), "".join(f"; {text}" for text in others)))
    return found
