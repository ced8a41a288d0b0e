"""What a robot touches the ground with, from its collision shapes."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import mujoco
import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.tracking.retargeting.kinematics import Pose
from sb3_mimic.errors import InputError

#: How far above the lowest of a foot's shapes others still count as its sole [m].
_LEVEL: Final = 0.005

_SIGNS: Final = np.array(list(product((-1.0, 1.0), repeat=3)))


@dataclass(frozen=True, eq=False)
class Spheres:
    """Spheres of which the lowest touches the ground first; points have radius 0.

    Attributes:
        bodies: The body of each (g,).
        centres: Centres in the bodies' frames (g, 3) [m].
        radii: Radii (g,) [m].
    """

    bodies: IndexArray
    centres: FloatArray
    radii: FloatArray


def collision_spheres(model: mujoco.MjModel) -> Spheres:
    """The robot's collision shapes as spheres.

    Spheres, capsules and boxes exactly. A cylinder is its two rims' 8 points each, an ellipsoid or
    mesh the box around it.
    """
    pairs = np.concatenate([model.pair_geom1, model.pair_geom2])
    bodies: list[int] = []
    centres: list[FloatArray] = []
    radii: list[float] = []
    for geom in range(model.ngeom):
        collides = model.geom_contype[geom] or model.geom_conaffinity[geom] or geom in pairs
        # What is welded to the world is ground itself, or furniture.
        if not collides or model.body_weldid[model.geom_bodyid[geom]] == 0:
            continue
        points, radius = _support(model, geom)
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        for point in points @ turn.reshape(3, 3).T + model.geom_pos[geom]:
            bodies.append(int(model.geom_bodyid[geom]))
            centres.append(point)
            radii.append(radius)
    return Spheres(
        np.array(bodies, dtype=np.intp), np.array(centres).reshape(-1, 3), np.array(radii)
    )


def _support(model: mujoco.MjModel, geom: int) -> tuple[FloatArray, float]:
    """Centres (n, 3) in the shape's own frame and radius of the spheres that it is made of [m]."""
    kind, size = model.geom_type[geom], model.geom_size[geom]
    kinds = mujoco.mjtGeom
    if kind == kinds.mjGEOM_SPHERE:
        return np.zeros((1, 3)), float(size[0])
    if kind == kinds.mjGEOM_CAPSULE:
        return np.array([[0.0, 0.0, -size[1]], [0.0, 0.0, size[1]]]), float(size[0])
    if kind == kinds.mjGEOM_CYLINDER:
        angles = np.arange(8) * np.pi / 4
        rim = np.stack([size[0] * np.cos(angles), size[0] * np.sin(angles), 0 * angles], axis=1)
        end = np.array([0.0, 0.0, size[1]])
        return np.concatenate([rim + end, rim - end]), 0.0
    centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    return centre + _SIGNS * half, 0.0


def sole_corners(pose: Pose, spheres: Spheres, body: int, ankle: FloatArray) -> FloatArray:
    """Corners of a foot's sole: the box around what of it touches level ground.

    Args:
        pose: The robot at rest, one frame: on level feet, looking along +x.
        spheres: Its collision shapes.
        body: The foot; bodies welded to it belong to it.
        ankle: Where the ankle is (3,) [m].

    Returns:
        Corners seen from the ankle (4, 3) [m], heel first.

    Raises:
        InputError: If the foot has no collision shapes.
    """
    model = pose.skeleton.model
    own = model.body_weldid[spheres.bodies] == model.body_weldid[body]
    if not own.any():
        raise InputError(
            f"body {model.body(body).name!r} is to be a foot and has no collision shape; give the "
            "corners of its sole in the map"
        )
    centres = pose.points(spheres.bodies[own], spheres.centres[own])[0] - ankle
    lowest = centres[:, 2] - spheres.radii[own]
    touching = centres[lowest < lowest.min() + _LEVEL]
    (back, right, _), (front, left, _) = touching.min(axis=0), touching.max(axis=0)
    down = lowest.min()
    return np.array([(x, y, down) for x in (back, front) for y in (right, left)])
