"""Ball joints as three hinges: charts of rotations, followed on one continuous branch.

A rotation R = R₁(a)·R₂(b)·R₃(c) about three different axes has two triples of angles, (a, b, c) and
(a + π, π − b, c + π), and each angle may be shifted by 2π. Taking the principal triple frame by
frame makes a chart flip look like a joint speed of up to 90 rad/s. Here each frame's triple
continues the previous one.
"""

import itertools
import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray

#: A step between frames that leaves doubt about the branch [rad]: the other one may be as near.
_DOUBTFUL_STEP: Final = 1.0

#: |cos b| below which a pass by the singularity is a place where the branch may change.
_NEAR_SINGULAR: Final = 0.35

#: |cos b| below which only a + c or a − c is determined, and a is taken from a neighbor.
_SINGULAR: Final = 1e-6

#: Shifts of the two outer angles that are weighed against each other, in turns.
_TURNS: Final = np.array([(a, 0, c) for a in (-1, 0, 1) for c in (-1, 0, 1)], dtype=np.float64)

#: Weight of the squared angles against the squared steps: of two equally smooth branches, the one
#: nearer to zero.
_REST_WEIGHT: Final = 1e-3


def hinges_to_rotation(angles: FloatArray, axes: str) -> Any:
    """The rotation R₁·R₂·R₃ of hinge angles (T, 3), outermost axis first ("xzy")."""
    return Rotation.from_euler(axes.upper(), angles)


def rotation_to_hinges(rotations: Any, axes: str, *, closed: bool) -> FloatArray:
    """Hinge angles of a path of rotations, on one continuous branch.

    Between two frames the nearer of the two triples continues the path, angles unwrapped. Where
    that leaves doubt (a step above 1 rad, as a 16 Hz backflip has, or a pass by the singular middle
    angle) both triples and full turns are weighed by dynamic programming: squared steps, plus the
    squared amount by which angles leave their principal ranges (±π, middle ±π/2).

    Args:
        rotations: scipy ``Rotation`` of T frames.
        axes: The three hinge axes, outermost first, such as "xzy".
        closed: Whether the path is a cycle, so that the last frame should lie on the branch of the
            first.

    Returns:
        Angles (T, 3) [rad].
    """
    principal = _principal_angles(rotations, axes)
    mirrored = np.stack(
        [principal[:, 0] + np.pi, np.pi - principal[:, 1], principal[:, 2] + np.pi], axis=1
    )
    # The two triples trade places by the same steps, so a step that switches is nearer or not
    # whichever triple it starts from, and the whole path follows from a running parity.
    stay = np.sum(_wrap_angles(np.diff(principal, axis=0)) ** 2, axis=1)
    switch = np.sum(_wrap_angles(mirrored[1:] - principal[:-1]) ** 2, axis=1)
    on_mirrored = np.concatenate([[False], np.cumsum(switch < stay) % 2 == 1])
    path = np.unwrap(np.where(on_mirrored[:, None], mirrored, principal), axis=0)
    cuts = _doubtful_steps(path)
    return _choose_branches(np.split(path, cuts), closed=closed)


def _principal_angles(rotations: Any, axes: str) -> FloatArray:
    """Angles with the middle one in ±π/2; at a singular frame the first is its predecessor's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scipy's "Gimbal lock detected"
        angles: FloatArray = rotations.as_euler(axes.upper())
    singular = np.abs(np.cos(angles[:, 1])) < _SINGULAR
    if singular.any() and not singular.all():
        frames = np.arange(len(angles))
        known = np.maximum.accumulate(np.where(singular, -1, frames))
        known[known < 0] = np.flatnonzero(~singular)[0]
        angles[:, 0] = angles[known, 0]
        outer = Rotation.from_euler(axes.upper()[:2], angles[:, :2])
        rest = (outer.inv() * rotations).as_rotvec()[:, "xyz".index(axes[2])]
        angles[:, 2] = np.where(singular, rest, angles[:, 2])
    return angles


def _doubtful_steps(path: FloatArray) -> NDArray[np.intp]:
    """Frames before which the branch may change: large steps and passes by the singularity."""
    large = np.abs(np.diff(path, axis=0)).max(axis=1, initial=0.0) > _DOUBTFUL_STEP
    margin = np.abs(np.cos(path[:, 1]))
    nearest = np.zeros(len(path), dtype=bool)
    if len(path) > 2:
        nearest[1:-1] = (margin[1:-1] < _NEAR_SINGULAR) & (margin[1:-1] <= margin[:-2])
        nearest[1:-1] &= margin[1:-1] < margin[2:]
    # The step at a nearest pass is the larger of its two.
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    for frame in np.flatnonzero(nearest):
        large[frame - 1 if steps[frame - 1] > steps[frame] else frame] = True
    return np.flatnonzero(large) + 1


def _choose_branches(segments: list[FloatArray], *, closed: bool) -> FloatArray:
    """Joins segments, each on its own branch, by the cheapest choice of branches (Viterbi)."""
    turns = 2 * np.pi * (_TURNS if len(segments) > 1 else np.zeros((1, 3)))
    candidates = []
    for segment in segments:
        # Both triples near zero first, so that one turn to either side is enough.
        triples = [
            triple - 2 * np.pi * np.round(triple.mean(axis=0) / (2 * np.pi))
            for triple in (segment, segment * (1, -1, 1) + np.pi)
        ]
        candidates.append([triple + turn for triple, turn in itertools.product(triples, turns)])
    first = np.array([[path[0] for path in paths] for paths in candidates])
    last = np.array([[path[-1] for path in paths] for paths in candidates])
    rest = np.array([[_rest_cost(path) for path in paths] for paths in candidates])
    steps = np.sum((first[1:, None, :, :] - last[:-1, :, None, :]) ** 2, axis=-1)

    best_cost = np.inf
    best: list[int] = []
    # A cycle is tried from each branch of its first segment, any other path from all of them.
    every = np.arange(len(first[0]))
    for allowed in every[:, None] if closed else every[None]:
        cost = np.full(len(first[0]), np.inf)
        cost[allowed] = rest[0, allowed]
        came_from = []
        for step, resting in zip(steps, rest[1:], strict=True):
            total = cost[:, None] + step
            came_from.append(total.argmin(axis=0))
            cost = total.min(axis=0) + resting
        if closed:
            cost = cost + np.sum((first[0, allowed[0]] - last[-1]) ** 2, axis=-1)
        end = int(cost.argmin())
        if cost[end] < best_cost:
            best_cost = float(cost[end])
            best = [end]
            for choice in reversed(came_from):
                best.append(int(choice[best[-1]]))
            best.reverse()
    return np.concatenate([paths[index] for paths, index in zip(candidates, best, strict=True)])


def _rest_cost(path: FloatArray) -> float:
    """Cost of a segment outside the principal ranges, or far from zero."""
    excess = np.maximum(0.0, np.abs(path) - (np.pi, np.pi / 2, np.pi))
    return float(np.sum(excess**2) + _REST_WEIGHT * np.sum(path**2))


def _wrap_angles(angles: FloatArray) -> FloatArray:
    """Angles shifted into [−π, π)."""
    wrapped: FloatArray = (angles + np.pi) % (2 * np.pi) - np.pi
    return wrapped
