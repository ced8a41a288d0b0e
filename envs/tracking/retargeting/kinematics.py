"""Where any MuJoCo robot's parts are in many frames, and how its joints move them.

Jacobians are those of MuJoCo's ``mj_jac``: a hinge with axis a through p moves a point x at
a × (x − p). They are built here for all frames at once from the axes that ``mj_kinematics`` leaves.
World frame z-up; metres, radians. A free joint's rotation is differentiated in its body's frame.
"""

from dataclasses import dataclass
from typing import Final

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import rotation, wxyz

#: Shapes and types of the fields of ``Overlaps`` where there is none.
_NO_OVERLAP: Final[tuple[tuple[tuple[int, ...], type], ...]] = (
    ((0,), np.intp),
    ((0, 2), np.intp),
    ((0, 2), np.intp),
    ((0, 3), np.float64),
    ((0, 3), np.float64),
    ((0,), np.float64),
)


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
        self._beside = frozenset[tuple[int, int]]()
        at_rest = self.pose(model.qpos0[None]).overlaps
        # What overlaps at rest was drawn so: links that meet in a joint.
        self._beside = frozenset(map(tuple, np.sort(at_rest.geoms, axis=1).tolist()))

    def pose(self, qpos: FloatArray, *, overlaps: bool = True) -> "Pose":
        """Where everything is in poses (T, nq), with overlaps looked for or taken for none."""
        model, data = self.model, self._data
        n_frames = len(qpos)
        bodies = np.empty((n_frames, model.nbody, 3))
        frames = np.empty((n_frames, model.nbody, 9))
        anchors = np.empty((n_frames, model.njnt, 3))
        axes = np.empty((n_frames, model.njnt, 3))
        found: list[tuple[FloatArray, ...]] = [
            tuple(np.empty(shape, dtype) for shape, dtype in _NO_OVERLAP)
        ]
        for frame in range(n_frames):
            data.qpos[:] = qpos[frame]
            mujoco.mj_kinematics(model, data)
            bodies[frame], frames[frame] = data.xpos, data.xmat
            anchors[frame], axes[frame] = data.xanchor, data.xaxis
            if overlaps:
                found.append(self._overlaps(frame))
        free = int(model.jnt_bodyid[0])
        turned = frames.reshape(n_frames, -1, 3, 3)
        return Pose(
            skeleton=self,
            positions=bodies,
            frames=turned,
            root=bodies[:, free],
            root_frame=turned[:, free],
            anchors=anchors[:, 1:],
            axes=axes[:, 1:],
            overlaps=Overlaps(*(np.concatenate(parts) for parts in zip(*found, strict=True))),
        )

    def _overlaps(self, frame: int) -> tuple[FloatArray, ...]:
        """The fields of ``Overlaps`` in the pose that is in ``_data``."""
        model, data = self.model, self._data
        mujoco.mj_collision(model, data)
        contact = data.contact
        geoms = contact.geom.reshape(-1, 2)
        bodies = model.geom_bodyid[geoms]
        own = (contact.dist < 0) & (model.body_weldid[bodies] > 0).all(axis=1)
        for index in np.flatnonzero(own):
            own[index] = tuple(sorted(geoms[index].tolist())) not in self._beside
        places, normals = contact.pos.reshape(-1, 3), contact.frame.reshape(-1, 9)[:, :3]
        frames = np.full(int(own.sum()), frame)
        return frames, geoms[own], bodies[own], places[own], normals[own], -contact.dist[own]

    def moved(self, qpos: FloatArray, step: FloatArray) -> FloatArray:
        """Poses (T, nq) after a step in the tangent space (T, nv), within the limits."""
        turned = rotation(qpos[:, 3:7]) * Rotation.from_rotvec(step[:, 3:6])
        hinges = np.clip(qpos[:, 7:] + step[:, 6:], *self.limits.T)
        return np.concatenate([qpos[:, :3] + step[:, :3], wxyz(turned), hinges], axis=1)


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Where a robot's parts are inside each other, m places in all frames, after MuJoCo.

    Attributes:
        frames: Frame of each (m,).
        geoms: The two shapes (m, 2).
        bodies: Their bodies (m, 2).
        places: Where they meet (m, 3) [m].
        normals: Direction from the first to the second (m, 3).
        depths: Depth of the one in the other (m,) [m].
    """

    frames: IndexArray
    geoms: IndexArray
    bodies: IndexArray
    places: FloatArray
    normals: FloatArray
    depths: FloatArray


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
        overlaps: Where parts are inside each other.
    """

    skeleton: Skeleton
    positions: FloatArray
    frames: FloatArray
    root: FloatArray
    root_frame: FloatArray
    anchors: FloatArray
    axes: FloatArray
    overlaps: Overlaps

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

    def overlap_rows(self) -> tuple[FloatArray, FloatArray]:
        """Depths of overlaps (T, c) [m] and slopes of the distances (T, c, nv), 0 where is none."""
        there = self.overlaps
        n_frames, n_hinges = len(self.root), self.axes.shape[1]
        counts = np.bincount(there.frames, minlength=n_frames)
        slots = np.arange(len(there.frames)) - np.repeat(np.cumsum(counts) - counts, counts)
        depths = np.zeros((n_frames, int(counts.max(initial=0))))
        slopes = np.zeros((*depths.shape, 6 + n_hinges))
        depths[there.frames, slots] = there.depths
        # The root moves both parts alike.
        arms = there.places[:, None] - self.anchors[there.frames]
        along = np.cross(self.axes[there.frames], arms) @ there.normals[..., None]
        first, second = self.skeleton.ancestors[there.bodies].astype(float).swapaxes(0, 1)
        slopes[there.frames, slots, 6:] = along[..., 0] * (second - first)
        return depths, slopes
