"""What is wrong with a clip before anyone trains on it, by its kinematics alone.

Every check gives one finding a joint and kind, with the worst frame and the number of frames, so
that a bad clip is a page and not a flood. The tolerances lie beyond what DeepMimic's public clips
do, all of which are known to be reproducible: none of them is an error. Forces and torques are
looked at in `sb3_mimic.refine.feasibility`, quaternions and durations of a file in
`sb3_mimic.motion.formats.deepmimic.inspect_deepmimic`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding, Severity, worst_first
from sb3_mimic.motion.kinematics import body_poses, centre_of_mass, lowest_points
from sb3_mimic.motion.loop import seam_angles
from sb3_mimic.motion.rotations import (
    continuous_signs,
    hinges_to_rotation,
    rotation,
    wxyz,
)
from sb3_mimic.motion.skeleton import ACTUATED, HINGE_SLICES, SOLE_CORNERS, require_humanoid

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

GRAVITY: Final = 9.81

#: Depth under the ground below which contact itself gives way [m]; deeper is worth repairing; and
#: deeper than that no contact can push the body out again without throwing it. DeepMimic's sideflip
#: is .13 m deep and reproducible.
PENETRATION: Final = (0.01, 0.03, 0.25)

#: Height of the whole clip's lowest point above the ground [m]: a sole's thickness, a step, a drop.
FLOATING: Final = (0.02, 0.05, 0.30)

#: Share of the frames that may be lower than what counts as the clip's ground: of real clips a
#: foot is down most of the time.
GROUND_QUANTILE: Final = 0.25

#: Height above the clip's ground from which nothing can bear weight [m]; captured soles hover
#: by some centimetres.
AIRBORNE: Final = 0.04

#: Shortest flight that tells its acceleration [s]: noise of a millimetre is 1 m/s² over .1 s.
SHORTEST_FLIGHT: Final = 0.1

#: By how much a body may be higher than free fall, or the ground, would have it [m]: in DeepMimic's
#: clips up to .14 m (spin); beyond a knee's height it is no flight but flying.
HOVERING: Final = (0.10, 0.40)

#: Total flight from which the rate of a clip can be judged [s], and the factor on it that is not
#: noise any more. The 24 Hz spin falls at .61 g, which is a factor of .78.
RATE_FLIGHT: Final = 0.2
RATE_FACTOR: Final = 1.4

#: Points that bear the weight are within this of the lowest one, and of the ground [m].
SUPPORT_BAND: Final = 0.005
SUPPORT_HEIGHT: Final = 0.015

#: Mean speed of a foot over the ground while it bears weight [m/s]: jump .05, run .4, spin .6.
SKATE: Final = (0.10, 0.30)

#: Beyond a joint's limit [rad]: rounding; what the limited reference visibly changes.
LIMIT: Final = (0.01, 0.10)

#: Fastest a joint turns [rad/s]: kicks and throws reach 30 (DeepMimic's backflip 30.5).
JOINT_SPEED: Final = 40.0

#: Fastest the root turns [rad/s]: skaters reach 35.
ROOT_TURN: Final = 35.0

#: A root that jumps: faster than any sprinter [m/s], by more than noise at 120 Hz explains [m].
TELEPORT_SPEED: Final = 12.0
TELEPORT_DISTANCE: Final = 0.1

#: A root that jumps round [rad/s, rad]. At a low rate a step cannot be that fast: there, steps
#: above this share of half a turn are jumps.
TELEPORT_TURN: Final = 60.0
TELEPORT_ANGLE: Final = 0.5
TELEPORT_HALF_TURN: Final = 0.8

#: Acceleration of a joint [rad/s²] and of the root [m/s²] up to which a sudden change between two
#: frames may be a movement: kicks and landings reach 300 and 100. At 16 Hz that is a radian.
SUDDEN_TURN: Final = 300.0
SUDDEN_STEP: Final = 100.0

#: Least excess of a step over its neighbors that counts as a jump [rad, m], and how many times
#: the excess that is usual around it. DeepMimic's walk, glued in its middle, jumps by .50 rad.
JUMP_ANGLE: Final = 0.25
JUMP_DISTANCE: Final = 0.08
JUMP_RATIO: Final = 5.0

#: Least distance of a frame from the curve through its neighbors that counts as a spike [rad, m],
#: and how many times the distance that is usual around it.
SPIKE_ANGLE: Final = 0.10
SPIKE_DISTANCE: Final = 0.03
SPIKE_RATIO: Final = 6.0

#: Frames on either side that tell what is usual.
_NEIGHBORHOOD: Final = 10

#: Two poses that are the same but for the digits of a file [rad, m].
SAME_POSE: Final = 1e-6

#: Mean step around a repeated pose from which it is a stall and not a rest [rad, m].
MOVING: Final = 5e-3

#: Turn between two frames from which it is a guess what happened between [rad].
COARSE: Final = 1.0

#: What does not meet at the seam of a loop: angle [rad] and height [m]. Closing moves a joint by
#: half of it.
SEAM_ANGLE: Final = (0.02, 0.20)
SEAM_HEIGHT: Final = (0.005, 0.05)


#: What happens to a joint in a frame: joint, frame, value [rad, for the root's position m].
_Event = tuple[str, int, float]


@dataclass(frozen=True)
class Spike:
    """A joint that is off for one frame.

    Attributes:
        joint: Name of the joint, or "root" (orientation) or "root position".
        frame: The frame.
        value: Distance from the curve through its neighbors [rad, for the root's position m].
    """

    joint: str
    frame: int
    value: float


class _Motion:
    """A clip with what several checks need."""

    def __init__(self, clip: MotionClip) -> None:
        self.clip = clip
        self.fps = clip.fps

    @cached_property
    def heights(self) -> dict[str, Array]:
        """Lowest point of each body (T,) [m]."""
        return lowest_points(self.clip)

    @cached_property
    def lowest(self) -> Array:
        """Lowest point of the figure (T,) [m]."""
        lowest: Array = np.min(list(self.heights.values()), axis=0)
        return lowest

    @cached_property
    def above_ground(self) -> Array:
        """Height of the lowest point above the clip's own ground (T,) [m]."""
        level = ground_level(self.lowest)
        # Soles of a few centimetres' error are not another ground.
        return self.lowest - (level if abs(level) > AIRBORNE else 0.0)

    def lowest_body(self, frame: int) -> str:
        """The body that is lowest at a frame."""
        return min(self.heights, key=lambda body: float(self.heights[body][frame]))

    @cached_property
    def quaternions(self) -> dict[str, Array]:
        """Orientation of the root and rotation of each ball joint (T, 4), continuous signs."""
        return joint_quaternions(self.clip)

    @cached_property
    def hinges(self) -> dict[str, Array]:
        """Angles of knees and elbows (T,) [rad]."""
        return {
            joint.name: self.clip.joint_angles[:, HINGE_SLICES[joint.name]][:, 0]
            for joint in ACTUATED
            if not joint.is_ball
        }

    @cached_property
    def turns(self) -> dict[str, Array]:
        """Rotation vectors between neighboring frames, by joint, "root" first, (T − 1, 3) [rad]."""
        turns = {
            name: _turns(quaternions[:-1], quaternions[1:])
            for name, quaternions in self.quaternions.items()
        }
        for name, angles in self.hinges.items():
            turns[name] = np.outer(np.diff(angles), (0.0, -1.0, 0.0))
        return turns

    @cached_property
    def steps(self) -> Array:
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


def lint(clip: MotionClip, joint_range: Array | None = None) -> list[Finding]:
    """Looks for what is wrong with a clip of the humanoid.

    Args:
        clip: The clip, as it is in the file.
        joint_range: Lower and upper limit of each hinge, (nj, 2) [rad], in the clip's order (the
            robot's ``joint_range``); without it limits are not looked at.

    Returns:
        Findings, errors first; empty for a clip without fault.

    Raises:
        InputError: If the clip is not the humanoid's.

    Example:
        >>> from sb3_mimic.motion import lint, load_motion
        >>> lint(load_motion("squat"))
        []
    """
    require_humanoid(clip.joint_names, "checking a clip")
    motion = _Motion(clip)
    spikes = [(spike.joint, spike.frame, spike.value) for spike in find_spikes(clip)]
    jumps = _find_jumps(motion, spikes)
    findings = [
        *_ground(motion),
        *_flights(motion),
        *_teleports(motion),
        *_spikes(motion, spikes),
        *_jumps(motion, jumps),
        *_jitter(motion, [*spikes, *jumps]),
        *_speeds(motion),
        *([] if joint_range is None else _limits(motion, joint_range)),
        *_seam(motion),
        *_frozen(motion),
        *_coarse(motion),
        *_skate(motion),
    ]
    return worst_first(findings)


def ground_level(lowest: Array) -> float:
    """How high a clip's own ground lies [m], from the lowest point of each frame (T,) [m].

    A clip that nowhere reaches down stands on its lowest point; one that is too low for most of
    its time is too low as a whole; any other stands on 0.
    """
    if lowest.min() > 0:
        return float(lowest.min())
    return min(0.0, float(np.quantile(lowest, GROUND_QUANTILE)))


def joint_quaternions(clip: MotionClip) -> dict[str, Array]:
    """Orientation of the "root" and rotation of each ball joint, (T, 4) wxyz, continuous signs."""
    quaternions = {"root": clip.root_quaternion}
    for joint in ACTUATED:
        if joint.is_ball:
            angles = clip.joint_angles[:, HINGE_SLICES[joint.name]]
            quaternions[joint.name] = continuous_signs(wxyz(hinges_to_rotation(angles, joint.axes)))
    return quaternions


def expected_pose(clip: MotionClip, signal: Array) -> Array:
    """What each frame of a signal (T, k) would be by the cubic through its neighbors.

    Quaternions (k = 4, continuous signs) come out not normalized; the two frames at either end of a
    clip that is no closed loop are themselves.
    """
    padded = _padded(clip, signal)
    pad = (len(padded) - clip.n_frames) // 2
    return _expected(padded)[pad : pad + clip.n_frames]


def find_spikes(clip: MotionClip) -> list[Spike]:
    """Frames where a joint jumps away and back.

    A frame is compared with the cubic through two neighbors on either side; a spike of height h
    leaves residuals (−1/6, 2/3, 1, 2/3, −1/6) h around it, a jump or a fast movement does not.
    """
    spikes: list[Spike] = []
    for joint, (residual, least) in _residuals(_Motion(clip)).items():
        spikes += _peaks(clip, joint, residual, least)
    return spikes


def find_breaks(clip: MotionClip) -> list[int]:
    """Frames where a joint is off for itself, or at which it breaks its course, in order."""
    motion = _Motion(clip)
    spikes = [(spike.joint, spike.frame, spike.value) for spike in find_spikes(clip)]
    return sorted({frame for _, frame, _ in (*spikes, *_find_jumps(motion, spikes))})


def _residuals(motion: _Motion) -> dict[str, tuple[Array, float]]:
    """Distance of each frame from the curve through its neighbors, and what is too much of it.

    By joint [rad], "root" first, and for the "root position" [m]; of a closed loop with two more
    frames at either end, which have none.
    """
    clip = motion.clip
    turn, step = (_residual_bound(motion, name) for name in ("root", "root position"))
    residuals = {}
    for name, quaternions in motion.quaternions.items():
        signal = _padded(clip, quaternions)
        expected = _expected(signal)
        expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
        overlap = np.abs(np.einsum("ti,ti->t", expected, signal))
        residuals[name] = (2 * np.arccos(np.minimum(overlap, 1.0)), turn)
    for name, angles in motion.hinges.items():
        signal = _padded(clip, angles[:, None])
        residuals[name] = (np.abs(_expected(signal) - signal)[:, 0], turn)
    path = clip.root_position - np.outer(np.linspace(0, 1, clip.n_frames), clip.cycle_displacement)
    signal = _padded(clip, path)
    residuals["root position"] = (np.linalg.norm(_expected(signal) - signal, axis=1), step)
    return residuals


def _residual_bound(motion: _Motion, joint: str) -> float:
    """Residual up to which a frame is where a body may have been [rad, for positions m]."""
    # Away and back by h in two frames is an acceleration of 2h times the rate squared.
    dt2 = 1 / motion.fps**2
    if joint == "root position":
        return max(SPIKE_DISTANCE, SUDDEN_STEP / 2 * dt2)
    return max(SPIKE_ANGLE, SUDDEN_TURN / 2 * dt2)


def _padded(clip: MotionClip, signal: Array) -> Array:
    """A signal (T, k) with two frames of the neighboring cycles at the ends of a closed loop."""
    if not clip.closed or clip.n_frames < 4:
        return signal
    before, after = signal[-3:-1], signal[1:3]
    if signal.shape[1] == 4:  # a cycle may end on the other sign
        sign = 1.0 if signal[0] @ signal[-1] >= 0 else -1.0
        before, after = sign * before, sign * after
    return np.concatenate([before, signal, after])


def _expected(signal: Array) -> Array:
    """Each frame by the cubic through its four nearest neighbors; the two at either end as is."""
    expected = signal.copy()
    if len(signal) >= 5:
        # Lagrange's weights at 0 for the nodes −2, −1, 1, 2.
        expected[2:-2] = (4 * (signal[1:-3] + signal[3:-1]) - signal[:-4] - signal[4:]) / 6
    return expected


def _peaks(clip: MotionClip, joint: str, residual: Array, least: float) -> list[Spike]:
    """Residuals that stand out and have the shape of a spike."""
    pad = (len(residual) - clip.n_frames) // 2
    first, last = 2, len(residual) - 3  # that have a residual
    spikes = []
    for i in map(int, np.flatnonzero(residual > least)):
        beside = [residual[k] for k in (i - 1, i + 1) if first <= k <= last]
        beyond = [residual[k] for k in (i - 2, i + 2) if first <= k <= last]
        shaped = all(residual[i] / 2 <= r <= residual[i] for r in beside)
        shaped &= all(r <= residual[i] / 2 for r in beyond)
        if shaped and residual[i] > SPIKE_RATIO * _usual(residual, i, 2):
            spikes.append(Spike(joint, i - pad, float(residual[i])))
    # The first frame of a closed loop and its last are one: neither can be moved alone.
    return [spike for spike in spikes if 0 < spike.frame < clip.n_frames - 1]


def _usual(values: Array, index: int, without: int) -> float:
    """Median of the values around an index, without those nearest to it."""
    start, stop = max(0, index - _NEIGHBORHOOD), index + _NEIGHBORHOOD + 1
    around = np.concatenate(
        [values[start : max(0, index - without)], values[index + without + 1 : stop]]
    )
    return float(np.median(around)) if len(around) else 0.0


def _ground(motion: _Motion) -> list[Finding]:
    """What is under the ground, or the whole clip above it."""
    lowest = motion.lowest
    frame = int(lowest.argmin())
    value = float(lowest[frame])
    body = motion.lowest_body(frame)
    if -value > PENETRATION[0]:
        n_frames = int((lowest < -PENETRATION[0]).sum())
        level = ground_level(lowest)
        whole = f"; the clip as a whole lies {-level:.3f} m too low" if -level > 0.01 else ""
        return [
            motion.finding(
                "penetration",
                _graded(-value, PENETRATION),
                frame,
                body,
                -value,
                "m",
                n_frames,
                f"{body} is {-value:.3f} m under the ground, {n_frames} of {len(lowest)} frames are"
                f" deeper than {PENETRATION[0]:g} m{whole}",
                "--fix lifts the clip, and the frames that stay too deep",
            )
        ]
    if value > FLOATING[0]:
        return [
            motion.finding(
                "floating",
                _graded(value, FLOATING),
                frame,
                body,
                value,
                "m",
                len(lowest),
                f"the clip nowhere comes nearer to the ground than {value:.3f} m ({body})",
                "--fix lowers the clip; check the unit of length it was made with",
            )
        ]
    return []


def _flights(motion: _Motion) -> list[Finding]:
    """Stretches without support that are no free fall, and what they say about the rate."""
    clip = motion.clip
    height = motion.above_ground
    com = centre_of_mass(clip)[:, 2]
    findings = []
    flights = []
    for start, stop in stretches(height > AIRBORNE):
        time = (stop - start) / clip.fps
        if time < SHORTEST_FLIGHT or stop - start < 4:
            continue
        at = np.arange(start, stop) / clip.fps
        acceleration = 2 * float(np.polyfit(at - at.mean(), com[start:stop], 2)[0])
        # Of two arcs over the same time, the middles differ by Δa T²/8. Where free fall would end
        # on the ground first, it is the height above it that is missing.
        arc = (acceleration + GRAVITY) * time**2 / 8
        miss = min(arc, float(height[start:stop].max()))
        flights.append((start, stop, time, acceleration, miss))
    if not flights:
        return []
    start, stop, time, acceleration, miss = max(flights, key=lambda flight: flight[4])
    if miss > HOVERING[0]:
        findings.append(
            motion.finding(
                "hovering",
                "error" if miss > HOVERING[1] else "warning",
                start,
                None,
                miss,
                "m",
                stop - start,
                f"nothing touches the ground for {time:.2f} s (frames {start} to {stop - 1}), yet "
                f"the body accelerates with {acceleration:+.1f} m/s² instead of {-GRAVITY}, which "
                f"keeps it {miss:.2f} m too high",
                "if it stands on something, that has to be in the world; else cut it, or check "
                "the rate and the unit of length",
            )
        )
    total = sum(flight[2] for flight in flights)
    fall = -sum(flight[2] * flight[3] for flight in flights) / total
    factor = float(np.sqrt(max(fall, 0.0) / GRAVITY))
    if total >= RATE_FLIGHT and fall > 0 and not 1 / RATE_FACTOR < factor < RATE_FACTOR:
        findings.append(
            motion.finding(
                "wrong_rate",
                "warning",
                start,
                None,
                factor,
                "×",
                sum(flight[1] - flight[0] for flight in flights),
                f"in flight the body falls with {fall:.1f} m/s², {fall / GRAVITY:.2f} of gravity, "
                f"as a clip does that is played {factor:.2g} times as fast as it was recorded",
                f"if it was recorded at about {clip.fps / factor:.0f} Hz instead of {clip.fps:.0f}"
                " Hz, give that rate (the duration of the frames); else check the unit of length",
            )
        )
    return findings


def _teleports(motion: _Motion) -> list[Finding]:
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
                f"is {speeds[frame]:.0f} m/s; {_times(bad)}",
                "cut the clip there, or check its rate and unit of length",
            )
        )
    turns = np.linalg.norm(
        _turns(clip.root_quaternion[:-span], clip.root_quaternion[span:]), axis=1
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
                f"which is {speeds[frame]:.0f} rad/s; {_times(bad)}",
                "cut the clip there; half a turn in a frame is often a flipped axis",
            )
        )
    return findings


def _spikes(motion: _Motion, spikes: list[_Event]) -> list[Finding]:
    """One finding for the joints that are off in the same frame, one for each joint otherwise."""
    findings = []
    for own in _together(spikes):
        joint, frame, value = own.worst
        unit = "m" if joint == "root position" else "rad"
        findings.append(
            motion.finding(
                "spike",
                "warning",
                frame,
                joint,
                value,
                unit,
                own.n_frames,
                f"{joint} jumps away by {value:.2f} {unit} for frame {frame} alone{own.others}",
                "--fix puts the frame between its neighbors",
            )
        )
    return findings


def _find_jumps(motion: _Motion, spikes: list[_Event]) -> list[_Event]:
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
        excused = [frame for name, frame, _ in spikes if name == joint]
        jumps += [
            (joint, int(i) + 1, float(excess[i]))
            for i in np.flatnonzero(excess > least)
            if excess[i] >= excess[max(0, i - 1) : i + 2].max()
            and excess[i] > JUMP_RATIO * _usual(excess, int(i), 1)
            and not any(frame - 3 <= i <= frame + 2 for frame in excused)
        ]
    return jumps


def _jumps(motion: _Motion, jumps: list[_Event]) -> list[Finding]:
    """One finding for the joints that jump together, one for each joint otherwise."""
    findings = []
    for own in _together(jumps):
        joint, frame, value = own.worst
        unit = "m" if joint == "root position" else "rad"
        findings.append(
            motion.finding(
                "jump",
                "warning",
                frame,
                joint,
                value,
                unit,
                own.n_frames,
                f"{joint} breaks its course by {value:.2f} {unit} from frame {frame - 1} to {frame}"
                f"{own.others}",
                "the frames may have been glued together there; the body will follow late",
            )
        )
    return findings


def _jitter(motion: _Motion, known: list[_Event]) -> list[Finding]:
    """Frames far from the curve through their neighbors that are neither spike nor jump."""
    excused: dict[str, set[int]] = {}
    for joint, frame, _ in known:
        excused.setdefault(joint, set()).update(range(frame - 3, frame + 4))
    events = []
    for joint, (residual, least) in _residuals(motion).items():
        pad = (len(residual) - motion.clip.n_frames) // 2
        events += [
            (joint, int(i) - pad, float(residual[i]))
            for i in np.flatnonzero(residual > least)
            if int(i) - pad not in excused.get(joint, ())
        ]
    findings = []
    for own in _together(events):
        joint, frame, value = own.worst
        unit = "m" if joint == "root position" else "rad"
        findings.append(
            motion.finding(
                "jitter",
                "warning" if value > 2 * _residual_bound(motion, joint) else "info",
                frame,
                joint,
                value,
                unit,
                own.n_frames,
                f"{joint} shakes: at frame {frame} it is {value:.2f} {unit} from the curve through "
                f"its neighbors{own.others}",
                "smooth the clip there; the body cannot follow such accelerations",
            )
        )
    return findings


@dataclass(frozen=True)
class _Together:
    """What happens to several joints in the same frame, or to one joint in several."""

    worst: _Event
    n_frames: int
    others: str


def _together(events: list[_Event]) -> list[_Together]:
    """Joins events (joint, frame, value) of one joint, and those whose worst frame is the same."""
    by_frame: dict[int, list[list[_Event]]] = {}
    for joint in dict.fromkeys(event[0] for event in events):
        own = [event for event in events if event[0] == joint]
        worst = max(own, key=lambda event: event[2])
        by_frame.setdefault(worst[1], []).append(own)
    found = []
    for joints in by_frame.values():
        together = [event for own in joints for event in own]
        # Metres sort behind radians: the root's path is named where nothing else is off.
        worst = max(together, key=lambda event: (event[0] != "root position", event[2]))
        frames = {event[1] for event in together}
        more = len(joints) - 1
        others = [f"{more} more {'joint' if more == 1 else 'joints'} with it"] if more else []
        others += [f"{len(frames)} such frames"] if len(frames) > 1 else []
        found.append(_Together(worst, len(frames), "".join(f"; {text}" for text in others)))
    return found


def _speeds(motion: _Motion) -> list[Finding]:
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
                    f"{frame + 1}, people reach {most:.0f}; {_times(bad)}",
                    "the motors will not follow; check the rate, and the marker or axis that flips",
                )
            )
    return findings


def _limits(motion: _Motion, joint_range: Array) -> list[Finding]:
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


def _seam(motion: _Motion) -> list[Finding]:
    """What does not meet where a loop goes round."""
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
                _graded(angles[worst], SEAM_ANGLE),
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
                _graded(abs(height), SEAM_HEIGHT),
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


def _frozen(motion: _Motion) -> list[Finding]:
    """Poses that are repeated although the body moves."""
    angle = np.max([np.linalg.norm(turns, axis=1) for turns in motion.turns.values()], axis=0)
    step = np.maximum(angle, np.linalg.norm(motion.steps, axis=1))
    still = step < SAME_POSE
    runs = []
    for start, stop in stretches(still):
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


def _coarse(motion: _Motion) -> list[Finding]:
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
            f"({motion.fps:.0f} Hz), so what it did between them is a guess; {_times(bad)}",
            "a recording at a higher rate would tell",
        )
    ]


def _skate(motion: _Motion) -> list[Finding]:
    """Feet that slide over the ground while they bear weight.

    A sole that rolls or pivots rests on one corner, so its slowest corner on the ground counts.
    """
    clip = motion.clip
    poses = body_poses(clip)
    findings = []
    for side in ("right", "left"):
        position, orientation = poses[f"{side}_ankle"]
        corners = position[:, None] + np.stack(
            [orientation.apply(corner) for corner in SOLE_CORNERS], axis=1
        )
        lowest = corners[..., 2] < motion.lowest[:, None] + SUPPORT_BAND
        bears = lowest & (motion.above_ground < SUPPORT_HEIGHT)[:, None]
        speed = np.linalg.norm(np.diff(corners[..., :2], axis=0), axis=-1) * clip.fps
        slowest = np.where(bears[:-1] & bears[1:], speed, np.inf).min(axis=1)
        on_ground = np.isfinite(slowest)
        if not on_ground.any():
            continue
        mean = float(slowest[on_ground].mean())
        if mean <= SKATE[0]:
            continue
        frame = int(np.where(on_ground, slowest, -1.0).argmax())
        sliding = int((slowest[on_ground] > SKATE[0]).sum())
        findings.append(
            motion.finding(
                "skate",
                "warning" if mean > SKATE[1] else "info",
                frame,
                f"{side}_ankle",
                mean,
                "m/s",
                sliding,
                f"the {side} foot slides over the ground at {mean:.2f} m/s on average while it "
                f"bears weight, at most {slowest[frame]:.2f} m/s, in {sliding} of "
                f"{on_ground.sum()} steps",
                "expect drift: the simulated foot will stick; a clip with feet locked to the "
                "ground is better",
            )
        )
    return findings


def _graded(value: float, bounds: tuple[float, ...]) -> Severity:
    """Severity by bounds of info, warning and, where there is a third, error."""
    grades: tuple[Severity, ...] = ("info", "warning", "error")
    return grades[sum(value > bound for bound in bounds[1:])]


def _times(bad: BoolArray) -> str:
    """How often something happens."""
    n = int(bad.sum())
    return "this happens once" if n == 1 else f"{n} steps do so"


def stretches(mask: BoolArray) -> list[tuple[int, int]]:
    """Stretches [start, stop) in which a mask (T,) holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _turns(start: Array, end: Array) -> Array:
    """Rotation vectors (n, 3) [rad] from one orientation to another, in the first's frame."""
    relative: Any = rotation(start).inv() * rotation(end)
    turns: Array = relative.as_rotvec()
    return turns
