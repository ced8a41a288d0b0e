"""Checks of a clip and its ground: penetration, floating, flight and sliding."""

import numpy as np

from sb3_mimic.arrays import contiguous_runs
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.lint.measures import ClipMeasures, ground_level, severity_of
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses, center_of_mass
from sb3_mimic.motion.tolerances import (
    AIRBORNE,
    FLOATING,
    GRAVITY,
    HOVERING,
    PENETRATION,
    RATE_FACTOR,
    RATE_FLIGHT,
    SHORTEST_FLIGHT,
    SKATE,
    SUPPORT_BAND,
    SUPPORT_HEIGHT,
)


def check_ground(motion: ClipMeasures) -> list[Finding]:
    """Points under the ground, or a clip that lies above it as a whole."""
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
                severity_of(-value, PENETRATION),
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
                severity_of(value, FLOATING),
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


def check_flights(motion: ClipMeasures) -> list[Finding]:
    """Flights that are no free fall, and the rate that they suggest."""
    clip = motion.clip
    height = motion.above_ground
    com = center_of_mass(clip)[:, 2]
    findings = []
    flights = []
    for start, stop in contiguous_runs(height > AIRBORNE):
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


def check_skate(motion: ClipMeasures) -> list[Finding]:
    """Feet that slide over the ground while they bear weight.

    A sole that rolls or pivots rests on one corner, so its slowest corner on the ground counts.
    """
    clip = motion.clip
    poses = body_poses(clip)
    findings = []
    for side in ("right", "left"):
        position, orientation = poses[f"{side}_ankle"]
        corners = position[:, None] + np.stack(
            [orientation.apply(corner) for corner in CHARACTER.sole_corners], axis=1
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
