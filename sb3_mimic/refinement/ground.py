"""Forces that the ground can give to a body, within friction cones of points near it."""

from typing import Final

import mujoco
import numpy as np
from scipy.optimize import nnls

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.geometry import collision_spheres

#: Height up to which a point may be thought to touch the ground [m]: captured soles hover by
#: some centimetres while they bear weight.
CONTACT_HEIGHT: Final = 0.06

#: Length that turns moments into forces [m]: half the distance from the ground to the root.
_LEVER: Final = 0.4

#: Weight of a joint's torque, in parts of its limit, against the root's wrench, in body weights:
#: it decides between forces that are as good for the root.
_TORQUE_WEIGHT: Final = 1e-2


class GroundPoints:
    """The points of a model's bodies that may touch the ground, and forces at them.

    Spheres touch with their lowest point, capsules with that of either end, boxes with corners.

    Args:
        model: The model.

    Attributes:
        bodies: Number of the body that each point belongs to, ``(p,)``.
        friction: Coefficient of sliding friction between the robot and the floor.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        spheres = collision_spheres(model)
        self.model = model
        self.bodies, self.centres, self.radii = spheres.bodies, spheres.centres, spheres.radii
        self.friction = slope = floor_friction(model)
        # Edges of the pyramid inside the friction cone.
        self.cone = np.array([(slope, 0, 1), (-slope, 0, 1), (0, slope, 1), (0, -slope, 1)]).T

    def lowest(self, data: mujoco.MjData) -> FloatArray:
        """Positions of the points that would touch the ground first, ``(p, 3)`` [m].

        Args:
            data: With the bodies' places computed.
        """
        turns = data.xmat[self.bodies].reshape(-1, 3, 3)
        places = data.xpos[self.bodies] + np.einsum("pij,pj->pi", turns, self.centres)
        places[:, 2] -= self.radii
        return np.asarray(places)

    def edges(self, data: mujoco.MjData) -> tuple[FloatArray, float]:
        """Generalized forces of a unit push along each edge of each cone, (nv, 4 · points).

        Only points near the ground count; an empty array where there is none. And the height of
        the lowest point [m].
        """
        lowest = self.lowest(data)
        heights = lowest[:, 2]
        near = np.flatnonzero(heights < CONTACT_HEIGHT)
        pushes = np.empty((self.model.nv, 4 * len(near)))
        jacobian = np.empty((3, self.model.nv))
        for k, point in enumerate(near):
            mujoco.mj_jac(self.model, data, jacobian, None, lowest[point], int(self.bodies[point]))
            pushes[:, 4 * k : 4 * k + 4] = jacobian.T @ self.cone
        return pushes, float(heights.min())


def floor_friction(model: mujoco.MjModel) -> float:
    """Coefficient of sliding friction of the robot's most slippery shape on the floor.

    Of explicit contact pairs it is the pair's, else MuJoCo takes the larger one of both shapes'.
    """
    if model.npair:
        return float(model.pair_friction[:, 0].min())
    sliding = model.geom_friction[:, 0]
    in_world = model.body_weldid[model.geom_bodyid] == 0
    floor = in_world & (model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)
    robot = ~in_world & ((model.geom_contype | model.geom_conaffinity) != 0)
    return max(float(sliding[floor].max(initial=0.0)), float(sliding[robot].min()))


def ground_force(
    edges: FloatArray, needed: FloatArray, torque_limit: FloatArray, weight: float
) -> FloatArray:
    """Generalized force (nv,) of the ground that comes nearest to the force needed at the root.

    Among equally good forces it takes those that spare the joints.

    Args:
        edges: Generalized forces of unit pushes, see `GroundPoints.edges`, (nv, k).
        needed: Generalized force of the motion (nv,).
        torque_limit: Torque limit of each hinge (nu,) [N·m].
        weight: Weight of the robot [N].
    """
    if not edges.shape[1]:
        return np.zeros(len(needed))
    scale = np.concatenate(
        [np.full(3, 1 / weight), np.full(3, 1 / (weight * _LEVER)), _TORQUE_WEIGHT / torque_limit]
    )
    # In units of the weight: the solver's tolerance is absolute.
    pushes, _ = nnls(edges * (scale * weight)[:, None], needed * scale)
    force: FloatArray = edges @ (pushes * weight)
    return force
