"""Whole-body inverse kinematics of any MuJoCo robot, over all frames of a motion at once.

The wishes of a frame (points, orientations, nothing under the ground, a posture) and accelerations
over time are squares to be minimized within the joint limits. Each frame is first solved for itself
from the one before (Levenberg–Marquardt), then all of them together: Gauss–Newton, whose normal
matrix is banded because accelerations join three neighboring frames alone. Hinges that a limit
stops are held there for the step (projected Newton, Bertsekas 1982, doi:10.1137/0320018).

Jacobians are those of MuJoCo's ``mj_jac``: a hinge with axis a through p moves a point x at
a × (x − p). They are built here for all frames at once from the axes that ``mj_kinematics`` leaves.
World frame z-up; metres, radians. A free joint's rotation is differentiated in its body's frame.
"""

from dataclasses import dataclass
from typing import Final

import mujoco
import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import rotation, wxyz

#: Steps of the first frame, from the posture, and of each further one, from its predecessor.
_FIRST_STEPS: Final = 60
_NEXT_STEPS: Final = 4

#: Steps of all frames together at most, and the gain (share of the cost) at which they end.
_ROUNDS: Final = 12
_DONE: Final = 1e-4

#: Damping of a step, in squares of weights per radian, and the most that a hinge moves in it [rad].
_DAMPING: Final = 1e-2
_LARGEST_STEP: Final = 0.4

#: Frames whose Jacobians are in memory at a time.
_CHUNK: Final = 512


class Skeleton:
    """What a model's tree of hinges looks like to inverse kinematics.

    Args:
        model: A robot: one free joint, the first, and hinges.

    Raises:
        InputError: If it has other joints.

    Attributes:
        model: The model.
        hinge_names: Names of the hinges in the model's order.
        limits: Lower and upper limit of each hinge (nj, 2) [rad], infinite where it has none.
        ancestors: Whether a hinge moves a body (nbody, nj).
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        kinds = model.jnt_type
        free, hinge = mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_HINGE
        if model.njnt < 2 or kinds[0] != free or (kinds[1:] != hinge).any():
            others = [
                model.joint(index).name
                for index, kind in enumerate(kinds)
                if kind != (hinge if index else free)
            ]
            raise InputError(
                "a robot to retarget to needs one free joint, the first, and hinges; "
                f"other joints: {', '.join(others) or 'no hinge at all'}"
            )
        self.model = model
        self.hinge_names = tuple(model.joint(index).name for index in range(1, model.njnt))
        limited = model.jnt_limited[1:].astype(bool)[:, None]
        self.limits: FloatArray = np.where(limited, model.jnt_range[1:], (-np.inf, np.inf))
        self.ancestors = np.zeros((model.nbody, model.njnt - 1), dtype=bool)
        for body in range(1, model.nbody):
            self.ancestors[body] = self.ancestors[model.body_parentid[body]]
            self.ancestors[body, np.flatnonzero(model.jnt_bodyid[1:] == body)] = True
        self._data = mujoco.MjData(model)

    def pose(self, qpos: FloatArray) -> "Pose":
        """Where everything is in poses (T, nq)."""
        model, data = self.model, self._data
        n_frames = len(qpos)
        bodies = np.empty((n_frames, model.nbody, 3))
        frames = np.empty((n_frames, model.nbody, 9))
        anchors = np.empty((n_frames, model.njnt, 3))
        axes = np.empty((n_frames, model.njnt, 3))
        for frame in range(n_frames):
            data.qpos[:] = qpos[frame]
            mujoco.mj_kinematics(model, data)
            bodies[frame], frames[frame] = data.xpos, data.xmat
            anchors[frame], axes[frame] = data.xanchor, data.xaxis
        free = int(model.jnt_bodyid[0])
        turned = frames.reshape(n_frames, -1, 3, 3)
        return Pose(
            self, bodies, turned, bodies[:, free], turned[:, free], anchors[:, 1:], axes[:, 1:]
        )

    def moved(self, qpos: FloatArray, step: FloatArray) -> FloatArray:
        """Poses (T, nq) after a step in the tangent space (T, nv), within the limits."""
        turned = rotation(qpos[:, 3:7]) * Rotation.from_rotvec(step[:, 3:6])
        hinges = np.clip(qpos[:, 7:] + step[:, 6:], *self.limits.T)
        return np.concatenate([qpos[:, :3] + step[:, :3], wxyz(turned), hinges], axis=1)


@dataclass(frozen=True, eq=False)
class Pose:
    """A robot in T frames, in the world.

    Attributes:
        skeleton: Its skeleton.
        positions: Origins of the bodies (T, nbody, 3) [m].
        frames: Their orientations (T, nbody, 3, 3).
        root: Origin of the free body (T, 3) [m].
        root_frame: Its orientation (T, 3, 3).
        anchors: A point of each hinge's axis (T, nj, 3) [m].
        axes: Its direction (T, nj, 3).
    """

    skeleton: Skeleton
    positions: FloatArray
    frames: FloatArray
    root: FloatArray
    root_frame: FloatArray
    anchors: FloatArray
    axes: FloatArray

    def points(self, bodies: IndexArray, offsets: FloatArray) -> FloatArray:
        """Points (T, p, 3) given by their bodies (p,) and places in their frames (p, 3) [m]."""
        placed: FloatArray = self.positions[:, bodies] + np.einsum(
            "tpij,pj->tpi", self.frames[:, bodies], offsets
        )
        return placed

    def point_slopes(self, bodies: IndexArray, points: FloatArray) -> FloatArray:
        """How points (T, p, 3) of bodies (p,) move, (T, p, 3, nv)."""
        arms = points[:, :, None] - self.anchors[:, None]
        turning = np.cross(self.axes[:, None], arms) * self.skeleton.ancestors[bodies][..., None]
        own = self.root_frame.transpose(0, 2, 1)[:, None]
        rolling = np.cross(own, (points - self.root[:, None])[:, :, None])
        moving = np.broadcast_to(np.eye(3), (*points.shape[:2], 3, 3))
        slopes: FloatArray = np.concatenate([moving, rolling, turning], axis=2).swapaxes(2, 3)
        return slopes

    def turn_slopes(self, bodies: IndexArray) -> FloatArray:
        """How bodies (b,) turn, in the world's frame (T, b, 3, nv)."""
        shape = (len(self.axes), len(bodies), 3, 3)
        turning = self.axes[:, None] * self.skeleton.ancestors[bodies][..., None]
        rolling = np.broadcast_to(self.root_frame.transpose(0, 2, 1)[:, None], shape)
        slopes: FloatArray = np.concatenate([np.zeros(shape), rolling, turning], axis=2).swapaxes(
            2, 3
        )
        return slopes


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
        start: Poses (T, nq); of the hinges only the first frame's count.
    """
    return _together(skeleton, wishes, _one_by_one(skeleton, wishes, start))


def _one_by_one(skeleton: Skeleton, wishes: Wishes, start: FloatArray) -> FloatArray:
    """Each frame from its predecessor's hinges and its own root."""
    qpos = start.copy()
    hinges = start[0, 7:]
    for frame in range(len(qpos)):
        now = np.concatenate([qpos[frame, :7], hinges])[None]
        for _ in range(_NEXT_STEPS if frame else _FIRST_STEPS):
            normal, pull, _ = _normal_equations(skeleton, wishes, now, frame)
            free = _free(skeleton, now, pull)[0]
            normal = normal[0] * np.outer(free, free) + np.diag(_DAMPING + (~free).astype(float))
            step = np.linalg.solve(normal, pull[0] * free)
            now = skeleton.moved(now, np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)[None])
        qpos[frame] = now[0]
        hinges = now[0, 7:]
    return qpos


def _together(skeleton: Skeleton, wishes: Wishes, qpos: FloatArray) -> FloatArray:
    """All frames at once, with accelerations."""
    damping = _DAMPING
    normal, pull, cost = _smoothed(skeleton, wishes, qpos)
    for _ in range(_ROUNDS):
        step = _banded_step(normal, pull, _free(skeleton, qpos, pull), wishes, damping)
        moved = skeleton.moved(qpos, np.clip(step, -_LARGEST_STEP, _LARGEST_STEP))
        trial = _smoothed(skeleton, wishes, moved)
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
    skeleton: Skeleton, wishes: Wishes, qpos: FloatArray, first: int = 0
) -> tuple[FloatArray, FloatArray, float]:
    """Of frames from ``first`` on: JᵀJ (T, nv, nv), −Jᵀr (T, nv) and the sum of r²."""
    n_dof = skeleton.model.nv
    normal = np.empty((len(qpos), n_dof, n_dof))
    pull = np.empty((len(qpos), n_dof))
    cost = 0.0
    for start in range(0, len(qpos), _CHUNK):
        own = slice(start, min(start + _CHUNK, len(qpos)))
        frames = slice(first + own.start, first + own.stop)
        pose = skeleton.pose(qpos[own])
        misses, slopes = _residuals(pose, wishes, frames)
        normal[own] = slopes.swapaxes(1, 2) @ slopes
        pull[own] = np.einsum("tmi,tm->ti", slopes, misses)
        cost += float(np.sum(misses**2))
    weight = wishes.posture_weight**2
    away = wishes.posture - qpos[:, 7:]
    diagonal = np.arange(6, n_dof)
    normal[:, diagonal, diagonal] += weight
    pull[:, 6:] += weight * away
    return normal, pull, cost + weight * float(np.sum(away**2))


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

    misses = [
        place_misses.reshape(n_frames, -1),
        turn_misses.reshape(n_frames, -1),
        wishes.ground_weight * depths[:, under],
    ]
    rows = [
        place_slopes.reshape(n_frames, -1, n_dof),
        turn_slopes.reshape(n_frames, -1, n_dof),
        wishes.ground_weight * ground_slopes,
    ]
    return np.concatenate(misses, axis=1), np.concatenate(rows, axis=1)


def _smoothed(
    skeleton: Skeleton, wishes: Wishes, qpos: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """The normal equations of all frames, and pull and cost of their accelerations too."""
    normal, pull, cost = _normal_equations(skeleton, wishes, qpos)
    weight = (wishes.acceleration_weight * wishes.fps**2) ** 2
    bend = np.diff(_steps(qpos), axis=0)
    for offset, factor in enumerate((1.0, -2.0, 1.0)):
        pull[offset : offset + len(bend)] -= weight * factor * bend
    return normal, pull, cost + weight * float(np.sum(bend**2))


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
