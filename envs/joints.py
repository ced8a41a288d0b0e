"""Ball joints made of three hinges: their rotation and their angular velocity, batched."""

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.motion.skeleton import ACTUATED, Joint

FloatArray = NDArray[np.float64]

_AXIS = {"x": 0, "y": 1, "z": 2}


class JointSpace:
    """Turns hinge angles and rates into the rotation and angular velocity of each joint.

    Args:
        joint_names: Names of the hinges, in the order of the arrays to come.
        joints: The joints; by default the humanoid's.

    Attributes:
        balls: Names of the ball joints, in the order of the results.
        hinges: Names of the single hinges, in the order of the results.
    """

    def __init__(self, joint_names: tuple[str, ...], joints: tuple[Joint, ...] = ACTUATED) -> None:
        balls = [joint for joint in joints if joint.is_ball]
        hinges = [joint for joint in joints if not joint.is_ball]
        self.balls = tuple(joint.name for joint in balls)
        self.hinges = tuple(joint.name for joint in hinges)
        self._ball_columns = np.array(
            [[joint_names.index(name) for name in joint.hinges] for joint in balls], dtype=np.intp
        )
        self._hinge_columns = np.array([joint_names.index(name) for name in self.hinges], np.intp)
        axes = np.array([[_AXIS[axis] for axis in joint.axes] for joint in balls], dtype=np.intp)
        # +1 where the three axes are a right-handed triple in the order of the hinges.
        self._parity = np.linalg.det(np.eye(3)[axes]).round()
        # Column of each hinge's axis in a quaternion wxyz.
        self._components = axes + 1
        self._rows = np.arange(len(balls))[:, None]

    def rotations(self, angles: FloatArray) -> FloatArray:
        """Rotation of each ball joint, ``(n, balls, 4)`` wxyz, from hinge angles ``(n, hinges)``.

        The product of the three hinges' quaternions, written out for axes i, j, k in order.
        """
        half = angles[:, self._ball_columns] / 2
        (ci, cj, ck), (si, sj, sk) = (
            np.moveaxis(np.cos(half), -1, 0),
            np.moveaxis(np.sin(half), -1, 0),
        )
        sign = self._parity
        quaternion = np.empty((*half.shape[:2], 4))
        quaternion[..., 0] = ci * cj * ck - sign * si * sj * sk
        imaginary = np.stack(
            (
                si * cj * ck + sign * ci * sj * sk,
                ci * sj * ck - sign * si * cj * sk,
                ci * cj * sk + sign * si * sj * ck,
            ),
            axis=-1,
        )
        quaternion[:, self._rows, self._components] = imaginary
        return quaternion

    def angular_velocities(self, angles: FloatArray, rates: FloatArray) -> FloatArray:
        """Angular velocity of each ball joint in its parent's frame, ``(n, balls, 3)`` [rad/s].

        From ``omega = e_i a' + R_i e_j b' + R_i R_j e_k c'`` for angles a, b, c about axes i, j, k;
        components along the joint's own i, j, k, which is all that a norm of differences needs.
        """
        a, b, _ = np.moveaxis(angles[:, self._ball_columns], -1, 0)
        da, db, dc = np.moveaxis(rates[:, self._ball_columns], -1, 0)
        sign = self._parity
        cos_a, sin_a, cos_b = np.cos(a), np.sin(a), np.cos(b)
        return np.stack(
            (
                da + sign * np.sin(b) * dc,
                cos_a * db - sign * cos_b * sin_a * dc,
                sign * sin_a * db + cos_b * cos_a * dc,
            ),
            axis=-1,
        )

    def single(self, values: FloatArray) -> FloatArray:
        """The single hinges' columns, ``(n, singles)``, of an array ``(n, hinges)``."""
        return values[:, self._hinge_columns]
