"""Whole-body inverse kinematics of any MuJoCo robot, over all frames of a motion at once.

The wishes of a frame (points, orientations, a posture, nothing under the ground or inside another
part) and accelerations over time are squares to be minimized within the joint limits. Each frame is
first solved for itself, from its neighbor (Levenberg–Marquardt), then many of them together:
Gauss–Newton, whose normal matrix is banded because accelerations join three neighboring frames
alone. Hinges that a limit stops are held there for the step (projected Newton, Bertsekas 1982,
doi:10.1137/0320018).

World frame z-up; metres, radians.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.tracking.retargeting.kinematics import Pose, Skeleton
from sb3_mimic.spatial import rotation

#: Steps of a frame from the start, and from its neighbor.
_FIRST_STEPS: Final = 60
_NEXT_STEPS: Final = 4

#: Steps of all frames together at most, and the gain (share of the cost) at which they end.
_ROUNDS: Final = 12
_DONE: Final = 1e-4

#: Damping of a step, in squares of weights per radian, and the most that a hinge moves in it [rad].
_DAMPING: Final = 1e-2
_LARGEST_STEP: Final = 0.4

#: What a change of course costs, in accelerations of its size: what follows has to be smoothed.
_CHANGE: Final = 10.0

#: Depth of one part in another from which on it costs less than its square [m].
_DEEP: Final = 0.02

#: Frames whose Jacobians are in memory at a time.
_CHUNK: Final = 512

#: Frames that are solved together, and their neighbors on either side that are solved with them and
#: not kept: 50 KB a frame are in memory. What a frame does to another fades within some 20.
_WINDOW: Final = 2000
_MARGIN: Final = 100


@dataclass(frozen=True, eq=False)
class Wishes:
    """What a robot is to do in T frames. Weights are per metre or radian.

    Attributes:
        bodies: Body of each point (p,).
        offsets: Place of each point in its body's frame (p, 3) [m].
        combine: The k placements as sums of points (k, p): 1 is a point in the world, 1 and −1 one
            as seen from another.
        places: Where they are to be (T, k, 3) [m].
        place_weights: Weights (T, k).
        turned: Bodies with an orientation (b,).
        frames: Their orientations (T, b, 3, 3).
        turn_weights: Weights (b,).
        grounded: Body of each sphere that is to stay above the ground (g,).
        centres: Their centres in the body's frame (g, 3) [m].
        radii: Their radii (g,) [m].
        ground_weight: Weight of a depth under the ground.
        overlap_weight: Weight of a depth of one part in another.
        posture: Angles towards which hinges are drawn (nj,) [rad].
        posture_weight: Weight of that.
        acceleration_weight: Weight of an acceleration per m/s² or rad/s².
        fps: Frames per second.
    """

    bodies: IndexArray
    offsets: FloatArray
    combine: FloatArray
    places: FloatArray
    place_weights: FloatArray
    turned: IndexArray
    frames: FloatArray
    turn_weights: FloatArray
    grounded: IndexArray
    centres: FloatArray
    radii: FloatArray
    ground_weight: float
    overlap_weight: float
    posture: FloatArray
    posture_weight: float
    acceleration_weight: float
    fps: float


def heights(pose: Pose, wishes: Wishes) -> FloatArray:
    """Heights (T, g) of the lowest points of the spheres that are to stay above the ground [m]."""
    lowest: FloatArray = pose.points(wishes.grounded, wishes.centres)[..., 2] - wishes.radii
    return lowest


def follow(skeleton: Skeleton, wishes: Wishes, start: FloatArray) -> FloatArray:
    """Poses (T, nq) that come nearest to the wishes.

    Args:
        skeleton: The robot.
        wishes: What it is to do in T frames.
        start: Poses (T, nq) to begin with.
    """
    alone = _one_by_one(skeleton, wishes, start)
    qpos = alone.copy()
    for first in range(0, len(qpos), _WINDOW):
        begin, end = max(first - _MARGIN, 0), first + _WINDOW + _MARGIN
        window = _together(skeleton, wishes, alone[begin:end], begin)
        qpos[first : first + _WINDOW] = window[first - begin : first - begin + _WINDOW]
    return qpos


def _one_by_one(skeleton: Skeleton, wishes: Wishes, start: FloatArray) -> FloatArray:
    """Each frame for itself, on the best of three courses.

    They go from frame to frame forward, backward, and to each frame from the start. Steps downhill
    may end in a pose that is no good, as with an elbow turned out, and the frames after it in the
    same. Those parts of the courses are taken that cost least, what leads from the one to the other
    counted as the acceleration that it is (Viterbi).

    Parts may be inside each other here: one that comes to another from the wrong side would stay
    there, while the motion goes on.
    """
    wishes = replace(wishes, overlap_weight=0.0)
    n_frames = len(start)
    forward = _chained(skeleton, wishes, start, range(n_frames))
    backward = _chained(skeleton, wishes, start, range(n_frames)[::-1])
    each = _settled(skeleton, wishes, start, 0, _FIRST_STEPS // 2)
    courses = np.stack([forward, backward, each])
    costs = np.stack([_normal_equations(skeleton, wishes, course, 0)[2] for course in courses])
    weight = _CHANGE * (wishes.acceleration_weight * wishes.fps**2) ** 2
    hinges = courses[..., 7:]
    came_from = np.zeros(costs.shape, dtype=np.intp)
    total = costs[:, 0]
    for frame in range(1, n_frames):
        turns = hinges[:, None, frame] - hinges[None, :, frame - 1]
        arriving = total + weight * np.sum(turns**2, axis=-1)
        came_from[:, frame] = arriving.argmin(axis=1)
        total = arriving.min(axis=1) + costs[:, frame]
    chosen = np.empty(n_frames, dtype=np.intp)
    chosen[-1] = total.argmin()
    for frame in range(n_frames - 1, 0, -1):
        chosen[frame - 1] = came_from[chosen[frame], frame]
    best: FloatArray = courses[chosen, np.arange(n_frames)]
    return best


def _chained(skeleton: Skeleton, wishes: Wishes, start: FloatArray, order: range) -> FloatArray:
    """Each frame from the hinges of the one before it in the order, and its own root."""
    qpos = start.copy()
    hinges, steps = start[order[0], 7:], _FIRST_STEPS
    for frame in order:
        now = np.concatenate([qpos[frame, :7], hinges])[None]
        qpos[frame] = _settled(skeleton, wishes, now, frame, steps)[0]
        hinges, steps = qpos[frame, 7:], _NEXT_STEPS
    return qpos


def _settled(
    skeleton: Skeleton, wishes: Wishes, qpos: FloatArray, first: int, steps: int
) -> FloatArray:
    """Poses (T, nq) of frames from ``first`` on after some steps, each for itself."""
    diagonal = np.arange(skeleton.model.nv)
    for _ in range(steps):
        normal, pull, _ = _normal_equations(skeleton, wishes, qpos, first)
        free = _free(skeleton, qpos, pull)
        normal *= free[:, :, None] & free[:, None, :]
        normal[:, diagonal, diagonal] += _DAMPING + ~free
        step = np.linalg.solve(normal, (pull * free)[..., None])[..., 0]
        qpos = skeleton.moved(qpos, np.clip(step, -_LARGEST_STEP, _LARGEST_STEP))
    return qpos


def _together(skeleton: Skeleton, wishes: Wishes, qpos: FloatArray, first: int) -> FloatArray:
    """Frames from ``first`` on at once, with accelerations."""
    damping = _DAMPING
    normal, pull, cost = _smoothed(skeleton, wishes, qpos, first)
    for _ in range(_ROUNDS):
        step = _banded_step(normal, pull, _free(skeleton, qpos, pull), wishes, damping)
        moved = skeleton.moved(qpos, np.clip(step, -_LARGEST_STEP, _LARGEST_STEP))
        trial = _smoothed(skeleton, wishes, moved, first)
        if trial[2] > cost:
            damping *= 10
            continue
        gain = (cost - trial[2]) / max(cost, 1e-12)
        qpos, (normal, pull, cost) = moved, trial
        damping = max(damping / 10, 1e-6)
        if gain < _DONE:
            break
    return qpos


def _free(skeleton: Skeleton, qpos: FloatArray, pull: FloatArray) -> BoolArray:
    """Degrees of freedom (T, nv) that no limit stops in the direction in which they are drawn."""
    low, high = skeleton.limits.T
    free = np.ones(pull.shape, dtype=bool)
    hinges, drawn = qpos[:, 7:], pull[:, 6:]
    free[:, 6:] = ~(((hinges <= low) & (drawn < 0)) | ((hinges >= high) & (drawn > 0)))
    return free


def _normal_equations(
    skeleton: Skeleton, wishes: Wishes, qpos: FloatArray, first: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of frames from ``first`` on: JᵀJ (T, nv, nv), −Jᵀr (T, nv) and the sums of r² (T,)."""
    n_dof = skeleton.model.nv
    normal = np.empty((len(qpos), n_dof, n_dof))
    pull = np.empty((len(qpos), n_dof))
    cost = np.empty(len(qpos))
    for start in range(0, len(qpos), _CHUNK):
        own = slice(start, min(start + _CHUNK, len(qpos)))
        frames = slice(first + own.start, first + own.stop)
        pose = skeleton.pose(qpos[own], overlaps=wishes.overlap_weight > 0)
        misses, slopes = _residuals(pose, wishes, frames)
        normal[own] = slopes.swapaxes(1, 2) @ slopes
        pull[own] = np.einsum("tmi,tm->ti", slopes, misses)
        cost[own] = np.sum(misses**2, axis=1)
    weight = wishes.posture_weight**2
    away = wishes.posture - qpos[:, 7:]
    diagonal = np.arange(6, n_dof)
    normal[:, diagonal, diagonal] += weight
    pull[:, 6:] += weight * away
    return normal, pull, cost + weight * np.sum(away**2, axis=1)


def _residuals(pose: Pose, wishes: Wishes, frames: slice) -> tuple[FloatArray, FloatArray]:
    """Weighted misses (T, m), target less value, and slopes of the values (T, m, nv)."""
    n_frames, n_dof = len(pose.root), pose.skeleton.model.nv
    points = pose.points(wishes.bodies, wishes.offsets)
    slopes = pose.point_slopes(wishes.bodies, points)
    weights = wishes.place_weights[frames, :, None]
    where = np.einsum("kp,tpi->tki", wishes.combine, points)
    place_misses = weights * (wishes.places[frames] - where)
    combined = wishes.combine @ slopes.reshape(n_frames, len(wishes.bodies), -1)
    place_slopes = weights[..., None] * combined.reshape(n_frames, -1, 3, n_dof)

    is_turned = pose.frames[:, wishes.turned]
    missing = wishes.frames[frames] @ is_turned.swapaxes(2, 3)
    turns = Rotation.from_matrix(missing.reshape(-1, 3, 3)).as_rotvec().reshape(n_frames, -1, 3)
    turn_misses = wishes.turn_weights[:, None] * turns
    turn_slopes = wishes.turn_weights[:, None, None] * pose.turn_slopes(wishes.turned)

    # Only what is under the ground anywhere has slopes worth computing.
    depths = -np.minimum(heights(pose, wishes), 0.0)
    under = np.flatnonzero(depths.any(axis=0))
    bodies = wishes.grounded[under]
    low_points = pose.points(bodies, wishes.centres[under])
    ground_slopes = pose.point_slopes(bodies, low_points)[:, :, 2] * (depths[:, under, None] > 0)

    # Beyond some depth the cost grows linearly, as Huber's: what a motion holds in each other is
    # not torn apart, and where the way out changes sides there is no jump.
    overlap_depths, overlap_slopes = pose.overlap_rows()
    overlap_weights = wishes.overlap_weight * np.sqrt(_DEEP / np.maximum(overlap_depths, _DEEP))
    misses = [
        place_misses.reshape(n_frames, -1),
        turn_misses.reshape(n_frames, -1),
        wishes.ground_weight * depths[:, under],
        overlap_weights * overlap_depths,
    ]
    rows = [
        place_slopes.reshape(n_frames, -1, n_dof),
        turn_slopes.reshape(n_frames, -1, n_dof),
        wishes.ground_weight * ground_slopes,
        overlap_weights[..., None] * overlap_slopes,
    ]
    return np.concatenate(misses, axis=1), np.concatenate(rows, axis=1)


def _smoothed(
    skeleton: Skeleton, wishes: Wishes, qpos: FloatArray, first: int
) -> tuple[FloatArray, FloatArray, float]:
    """The normal equations of frames, and pull and cost of their accelerations too."""
    normal, pull, cost = _normal_equations(skeleton, wishes, qpos, first)
    weight = (wishes.acceleration_weight * wishes.fps**2) ** 2
    bend = np.diff(_steps(qpos), axis=0)
    for offset, factor in enumerate((1.0, -2.0, 1.0)):
        pull[offset : offset + len(bend)] -= weight * factor * bend
    return normal, pull, float(cost.sum()) + weight * float(np.sum(bend**2))


def _steps(qpos: FloatArray) -> FloatArray:
    """What leads from each frame to the next, in the tangent space (T − 1, nv)."""
    turns = rotation(qpos[:, 3:7])
    turned = (turns[:-1].inv() * turns[1:]).as_rotvec()
    moved = np.diff(qpos, axis=0)
    return np.concatenate([moved[:, :3], turned, moved[:, 7:]], axis=1)


def _banded_step(
    normal: FloatArray, pull: FloatArray, free: BoolArray, wishes: Wishes, damping: float
) -> FloatArray:
    """The step (T, nv) of all frames together."""
    n_frames, n_dof = pull.shape
    weight = (wishes.acceleration_weight * wishes.fps**2) ** 2
    band = np.zeros((2 * n_dof + 1, n_frames, n_dof))
    both = free.astype(float)
    blocks = normal * both[:, :, None] * both[:, None, :]
    for below in range(n_dof):
        band[below, :, : n_dof - below] = np.diagonal(blocks, -below, axis1=1, axis2=2)
    # DᵀD of second differences D: 6, −4, 1 but for the ends.
    second = np.zeros((3, n_frames))
    for row, factor in enumerate((1.0, -2.0, 1.0)):
        for column, other in enumerate((1.0, -2.0, 1.0)):
            if column >= row:
                second[column - row, row : n_frames - 2 + row] += factor * other
    for apart in range(3):
        coupled = both[: n_frames - apart] * both[apart:]
        band[apart * n_dof, : n_frames - apart] += (
            weight * second[apart, : n_frames - apart, None] * coupled
        )
    band[0] += damping + ~free
    step: FloatArray = solveh_banded(
        band.reshape(2 * n_dof + 1, -1), (pull * both).ravel(), lower=True, check_finite=False
    )
    return step.reshape(n_frames, n_dof)
