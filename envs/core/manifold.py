"""States as a manifold: what lies between two of them, and where a small step from one leads.

A state here is a row of positions and velocities of a robot with a free root. Its root's rotation
is a quaternion, so a difference has one number less: ``2 nv`` of them, in MuJoCo's own coordinates
(``mj_differentiatePos``, ``mj_integratePos``): the root's rotation in its own frame, everything
else subtracted.
"""

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.spatial import quat_exp, quat_log, quat_mul

_CONJUGATE = np.array([1.0, -1.0, -1.0, -1.0])
_CONJUGATE.setflags(write=False)


def difference(to: FloatArray, start: FloatArray) -> FloatArray:
    """Tangents ``(..., 2 nv)`` that lead from rows ``start`` to rows ``to``, ``(..., nq + nv)``."""
    rotation = quat_log(quat_mul(start[..., 3:7] * _CONJUGATE, to[..., 3:7]))
    return np.concatenate(
        (to[..., :3] - start[..., :3], rotation, to[..., 7:] - start[..., 7:]), axis=-1
    )


def displace(start: FloatArray, tangent: FloatArray) -> FloatArray:
    """Rows ``(..., nq + nv)`` where tangents ``(..., 2 nv)`` from rows ``start`` lead."""
    return np.concatenate(
        (
            start[..., :3] + tangent[..., :3],
            quat_mul(start[..., 3:7], quat_exp(tangent[..., 3:6])),
            start[..., 7:] + tangent[..., 6:],
        ),
        axis=-1,
    )


def random_tangents(n: int, nv: int, spread: float, rng: np.random.Generator) -> FloatArray:
    """Disturbances of states, ``(n, 2 nv)``, for `displace`.

    The root stays where it is over the ground.

    Args:
        n: Number of them.
        nv: Degrees of freedom of the robot, its free root among them.
        spread: Standard deviation of the root's rotation and of the hinges [rad]. The root's height
            has .2 times that [m], its velocity 5 times [m/s]; angular velocity and hinge rates have
            10 times that [rad/s].
        rng: Where the numbers come from.
    """
    scale = spread * np.concatenate(
        (
            np.repeat((0.0, 0.2, 1.0), (2, 1, 3)),
            np.ones(nv - 6),
            np.repeat((5.0, 10.0), 3),
            np.full(nv - 6, 10.0),
        )
    )
    return rng.normal(0.0, 1.0, (n, 2 * nv)) * scale
