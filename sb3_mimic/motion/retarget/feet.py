"""Contacts of the feet, height of the ground, and footholds.

A foot is looked at as the character's own: a rigid sole under the ankle, which rests on its heel,
its toes or both. While a point of it is on the ground it does not move; in between, what that took
is handed over smoothly from foothold to foothold.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import BoolArray, FloatArray, contiguous_runs
from sb3_mimic.motion.retarget.anatomy import Anatomy
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.sides import SIDES

_CORNERS: Final = np.array(CHARACTER.sole_corners)
_CORNERS.setflags(write=False)
#: Middle of the sole's hind and front edge in the ankle's frame (2, 3) [m].
SOLE_EDGES: Final = _CORNERS.reshape(2, 2, 3).mean(axis=1)
SOLE_HEIGHT: Final = -float(_CORNERS[0, 2])

#: A point of a sole is in contact when it is slower than this [m/s] ...
CONTACT_SPEED: Final = 0.40
#: ... and lower above the ground than this [m].
CONTACT_HEIGHT: Final = 0.04

#: A sole rests flat while its edges' heights differ by less than this [m], else on the lower one.
FLAT: Final = 0.02

#: Contacts shorter than this are chance, gaps shorter than this are noise [s].
SHORTEST_CONTACT: Final = 0.06

#: Speed of ankle and toes up to which a foot stands [m/s], and height above the clip's lowest
#: in which it can stand: captured floors are uneven by centimetres.
STILL_SPEED: Final = 0.20
FLOOR_RANGE: Final = 0.08

#: How far a foothold may be from where the point was [m], and how far a foot on the ground may turn
#: about the vertical [rad]. One that slides or turns farther is let go for this time to either side
#: of its fastest moment [s].
FOOTHOLD: Final = 0.05
PIVOT: Final = np.deg2rad(20)
RELEASE_TIME: Final = 0.05

#: How high a foot that is not on the ground is above it at least [m]: one that skims it stumbles.
CLEARANCE: Final = 0.01

#: Time in which a foot comes flat, and in which a change of its turn fades [s].
ROLL_TIME: Final = 0.08
FADE_TIME: Final = 0.20

#: Time over which speeds are measured, and over which the height of the ground is evened out [s].
_SPEED_TIME: Final = 1 / 30
_GROUND_TIME: Final = 0.3


@dataclass(frozen=True, eq=False)
class Foot:
    """Target of a foot, T frames.

    Attributes:
        ankle: Ankle position (T, 3) [m].
        frame: Orientation (T, 3, 3), columns forward, left and up of the sole.
        contact: Whether heel and toes are on the ground (T, 2).
        corners: Corners of the sole in the ankle's frame (4, 3) [m], heel first; the character's.
    """

    ankle: FloatArray
    frame: FloatArray
    contact: BoolArray
    corners: FloatArray = field(default_factory=lambda: _CORNERS)

    @property
    def sole_edges(self) -> FloatArray:
        """Middle of the sole's hind and front edge in the ankle's frame (2, 3) [m]."""
        edges: FloatArray = self.corners.reshape(2, 2, 3).mean(axis=1)
        return edges

    @property
    def edges(self) -> FloatArray:
        """Middle of the sole's hind and front edge in the world (T, 2, 3) [m]."""
        return place(self.ankle, self.frame, self.sole_edges)


def place(origin: FloatArray, frame: FloatArray, points: FloatArray) -> FloatArray:
    """Points (n, 3) of a body in the world (T, n, 3), given its origin (T, 3) and frame."""
    placed: FloatArray = origin[:, None] + np.einsum("tij,nj->tni", frame, points)
    return placed


def level_soles(anatomy: Anatomy, fps: float) -> Anatomy:
    """Levels the soles of standing feet, where the rest pose does not tell them.

    Args:
        anatomy: A body of the character's size.
        fps: Frames per second.
    """
    if anatomy.flat_feet:
        return anatomy
    frames = dict(anatomy.frames)
    for side in SIDES:
        part = f"{side}_ankle"
        ankle = anatomy.positions[part]
        toe = anatomy.positions.get(f"{side}_toe", ankle)
        pace = np.maximum(_speed(ankle, fps), _speed(toe, fps))
        low = ankle[:, 2] < np.quantile(ankle[:, 2], 0.02) + FLOOR_RANGE
        still = low & (pace <= max(STILL_SPEED, float(np.quantile(pace[low], 0.1))))
        up = frames[part][still].transpose(0, 2, 1)[..., 2].mean(axis=0)
        up /= np.linalg.norm(up)
        forward = np.array([1.0, 0.0, 0.0]) - up[0] * up
        forward /= np.linalg.norm(forward)
        frames[part] = frames[part] @ np.stack([forward, np.cross(up, forward), up], axis=-1)
    return replace(anatomy, frames=frames)


def ground_height(feet: dict[str, Foot], fps: float) -> FloatArray:
    """Height of the ground under each frame (T,) [m], from where soles come to rest.

    A captured floor is not flat to the centimetre. Between footholds the height goes over evenly.
    """
    n_frames = len(next(iter(feet.values())).ankle)
    times: list[int] = []
    heights: list[float] = []
    for foot in feet.values():
        edges = foot.edges
        for point in range(2):
            height = edges[:, point, 2]
            slow = _speed(edges[:, point], fps) < CONTACT_SPEED
            slow &= height < np.quantile(edges[..., 2].min(axis=1), 0.02) + FLOOR_RANGE
            for start, stop in contiguous_runs(slow):
                if (stop - start) / fps >= SHORTEST_CONTACT:
                    times += range(start, stop)
                    heights += [float(np.quantile(height[start:stop], 0.25))] * (stop - start)
    if not times:
        return np.full(n_frames, min(float(foot.edges[..., 2].min()) for foot in feet.values()))
    # The lowest of what rests on the ground at a time is what rests on it.
    lowest = np.full(n_frames, np.inf)
    np.minimum.at(lowest, times, heights)
    known = np.flatnonzero(np.isfinite(lowest))
    ground = np.interp(np.arange(n_frames), known, lowest[known])
    reach = max(1, round(_GROUND_TIME * fps))
    kernel = np.hanning(2 * reach + 3)[1:-1]
    smooth: FloatArray = np.convolve(
        np.pad(ground, reach, mode="edge"), kernel / kernel.sum(), "valid"
    )
    return smooth


def find_contacts(foot: Foot, fps: float) -> Foot:
    """The foot with its contacts found: where heel or toes are low and slow."""
    edges = foot.edges
    contact = np.zeros((len(edges), 2), dtype=bool)
    least = max(3, round(SHORTEST_CONTACT * fps))
    for point in range(2):
        touching = _speed(edges[:, point], fps) < CONTACT_SPEED
        height, other = edges[:, point, 2], edges[:, 1 - point, 2]
        touching &= (height < CONTACT_HEIGHT) & (height < other + FLAT)
        for start, stop in contiguous_runs(~touching):
            if stop - start < least and start > 0 and stop < len(touching):
                touching[start:stop] = True
        for start, stop in contiguous_runs(touching):
            if stop - start < least:
                touching[start:stop] = False
        contact[:, point] = touching
    return replace(foot, contact=contact)


def plant(foot: Foot, fps: float) -> Foot:
    """The foot with what touches the ground at rest on it, and nothing under it."""
    contact = foot.contact.copy()
    for start, stop in contiguous_runs(_any_contact(contact)):
        _release_contacts(foot, contact, start, stop, fps)
    foot = replace(foot, contact=contact)
    episodes = contiguous_runs(_any_contact(contact))
    shift = np.zeros_like(foot.ankle)
    turn = np.zeros_like(foot.ankle)
    for start, stop in episodes:
        own = slice(start, stop)
        frame = _resting_frames(foot, start, stop, fps)
        turn[own] = Rotation.from_matrix(frame @ foot.frame[own].transpose(0, 2, 1)).as_rotvec()
        shift[own] = _resting_ankle(foot, own, frame) - foot.ankle[own]
    _bridge(shift, episodes, FADE_TIME * fps, keep=True)
    _bridge(turn, episodes, FADE_TIME * fps, keep=False)
    frame = Rotation.from_rotvec(turn).as_matrix() @ foot.frame
    ankle = foot.ankle + shift
    lowest = place(ankle, frame, foot.corners)[..., 2].min(axis=1)
    ankle[:, 2] += np.maximum(_clearance(_any_contact(contact), fps) - lowest, 0.0)
    return replace(foot, ankle=ankle, frame=frame)


def _release_contacts(foot: Foot, contact: BoolArray, start: int, stop: int, fps: float) -> None:
    """Takes contact away where a foot slides or turns too far to have one foothold.

    It is let go around its fastest moment, until what is left on either side stands still.
    """
    if stop - start < max(3, SHORTEST_CONTACT * fps):
        contact[start:stop] = False
        return
    point = 1 if contact[start:stop, 1].any() else 0
    path = foot.edges[start:stop, point, :2]
    held = path[contact[start:stop, point]]
    course = _yaw(foot.frame[start:stop])
    slid = np.linalg.norm(held - held.mean(axis=0), axis=1).max()
    if slid <= FOOTHOLD and np.ptp(course) <= PIVOT:
        return
    turning = np.abs(np.diff(course)) / PIVOT
    pace = turning + np.linalg.norm(np.diff(path, axis=0), axis=1) / FOOTHOLD
    middle = start + 1 + int(pace.argmax())
    reach = max(1, round(RELEASE_TIME * fps))
    contact[max(start, middle - reach) : min(stop, middle + reach)] = False
    _release_contacts(foot, contact, start, max(start, middle - reach), fps)
    _release_contacts(foot, contact, min(stop, middle + reach), stop, fps)


def _yaw(frame: FloatArray) -> FloatArray:
    """Angle of a foot about the vertical (T,) [rad], without jumps of full turns."""
    course: FloatArray = np.unwrap(np.arctan2(frame[:, 1, 0], frame[:, 0, 0]))
    return course


def _resting_frames(foot: Foot, start: int, stop: int, fps: float) -> FloatArray:
    """Orientations on the ground: one course, the edges level, flat where both rest."""
    course = _yaw(foot.frame[start:stop])
    heel, toes = foot.contact[start:stop].T
    flat: BoolArray = np.logical_and(heel, toes)
    course = np.full(len(course), course[flat].mean() if flat.any() else course.mean())
    # Rotation about +y is toes down.
    down = -np.arcsin(np.clip(foot.frame[start:stop, 2, 0], -1, 1))
    down = np.where(
        toes & ~heel, np.maximum(down, 0), np.where(heel & ~toes, np.minimum(down, 0), 0)
    )
    if flat.any():
        away = np.abs(np.arange(len(flat))[:, None] - np.flatnonzero(flat)).min(axis=1)
        down *= _ease(away / (ROLL_TIME * fps))
    frames: FloatArray = Rotation.from_euler("ZY", np.stack([course, down], axis=1)).as_matrix()
    return frames


def _resting_ankle(foot: Foot, own: slice, frame: FloatArray) -> FloatArray:
    """Ankle positions that keep heel or toes where they stand."""
    edges, contact = foot.edges[own], foot.contact[own]
    point = 1 if contact[:, 1].any() else 0
    sole = foot.sole_edges
    hold = edges[contact[:, point], point].mean(axis=0) * (1.0, 1.0, 0.0)
    held: FloatArray = hold - frame @ sole[point]
    if point == 1 and (contact[:, 0] & ~contact[:, 1]).any():
        # On the heel alone: where the heel stands when the foot is flat around its toes.
        level = frame.copy()
        level[:, :, 0] *= (1.0, 1.0, 0.0)
        level[:, :, 0] /= np.linalg.norm(level[:, :, 0], axis=1, keepdims=True)
        heel = hold + level[:, :, 0] * (sole[0, 0] - sole[1, 0])
        on_heel = (contact[:, 0] & ~contact[:, 1])[:, None]
        held = np.where(on_heel, heel - frame @ sole[0], held)
    return held


def _bridge(
    change: FloatArray, episodes: list[tuple[int, int]], fade: float, *, keep: bool
) -> None:
    """Fills a change (T, 3) between episodes without a kink at their ends.

    Args:
        change: The change, known in the episodes.
        episodes: Their frames [start, stop).
        fade: Frames within which a change, or the course that it was on, fades.
        keep: Whether it goes over evenly from episode to episode instead of fading.
    """
    starts = [start for start, _ in episodes]
    stops = [stop for _, stop in episodes]
    for start, stop in zip([0, *stops], [*starts, len(change)], strict=True):
        n_gap = stop - start
        if not episodes or n_gap == 0:
            continue
        before = _end(change, start - 1, -1) if start > 0 else None
        after = _end(change, stop, 1) if stop < len(change) else None
        since = np.arange(1, n_gap + 1)[:, None]
        reach = min(fade, (n_gap + 1) / 2)
        gap = np.zeros((n_gap, 3))
        for end, away in ((before, since), (after, since[::-1])):
            if end is None:
                continue
            value, slope = end
            left = 1 - np.minimum(away / reach, 1.0)
            gap += slope * away * left**2
            if not keep:
                gap += (1 - _ease(away / reach)) * value
        if keep:
            first, last = (before or after), (after or before)
            share = _ease(since / (n_gap + 1))
            gap += (1 - share) * first[0] + share * last[0]  # type: ignore[index]
        change[start:stop] = gap


def _any_contact(contact: BoolArray) -> BoolArray:
    """Whether heel or toes are in contact (T,)."""
    either: BoolArray = np.logical_or(contact[:, 0], contact[:, 1])
    return either


def _clearance(contact: BoolArray, fps: float) -> FloatArray:
    """Least height of a foot above the ground (T,) [m]: 0 in contact, rising away from it."""
    if not contact.any():
        return np.zeros(len(contact))
    frames = np.arange(len(contact))
    touching = np.flatnonzero(contact)
    after = np.searchsorted(touching, frames).clip(max=len(touching) - 1)
    away = np.minimum(
        np.abs(frames - touching[after]), np.abs(frames - touching[np.maximum(after - 1, 0)])
    )
    height: FloatArray = CLEARANCE * _ease(away / (ROLL_TIME * fps))
    return height


def _end(change: FloatArray, frame: int, inward: int) -> tuple[FloatArray, FloatArray]:
    """Value at the end of an episode and its slope a frame, outward."""
    return change[frame].copy(), (change[frame] - change[frame + 2 * inward]) / 2


def _ease(share: FloatArray) -> FloatArray:
    """0 to 1 without a kink at either end."""
    clipped = np.clip(share, 0.0, 1.0)
    eased: FloatArray = clipped**2 * (3 - 2 * clipped)
    return eased


def _speed(path: FloatArray, fps: float) -> FloatArray:
    """Speed (T,) [m/s] of a path (T, 3), over ``_SPEED_TIME``."""
    reach = max(1, round(_SPEED_TIME * fps / 2))
    if len(path) <= 2 * reach:
        return np.full(len(path), np.linalg.norm(path[-1] - path[0]) * fps / (len(path) - 1))
    velocity = (path[2 * reach :] - path[: -2 * reach]) * fps / (2 * reach)
    speed: FloatArray = np.pad(np.linalg.norm(velocity, axis=1), reach, mode="edge")
    return speed
