"""Ball joints made of three hinges: their rotation and their angular velocity, batched."""

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.rotations import angle_between
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
        # All outermost hinges, then all middle ones, then all innermost: each a contiguous block.
        self._by_order = self._ball_columns.T.ravel()
        # From blocks (w, about i, about j, about k) to wxyz of each joint.
        blocks = np.concatenate((np.zeros((len(balls), 1), np.intp), 1 + np.argsort(axes)), axis=1)
        self._to_wxyz = (blocks * len(balls) + np.arange(len(balls))[:, None]).ravel()

    def rotations(self, angles: FloatArray) -> FloatArray:
        """Rotation of each ball joint, ``(n, balls, 4)`` wxyz, from hinge angles ``(n, hinges)``.

        The product of the three hinges' quaternions, written out for axes i, j, k in order.
        """
        return self._rotations(*self._half_angles(angles))

    def motion(self, angles: FloatArray, rates: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rotation of each ball joint, and its angular velocity in its parent's frame.

        The velocity is ``omega = e_i a' + R_i e_j b' + R_i R_j e_k c'`` for angles a, b, c about
        axes i, j, k, in components along the joint's own i, j, k, which is all that a norm of
        differences needs.

        Args:
            angles: Hinge angles ``(n, hinges)`` [rad].
            rates: Their rates ``(n, hinges)`` [rad/s].

        Returns:
            Rotations ``(n, balls, 4)`` wxyz, and angular velocities ``(n, balls, 3)`` [rad/s].
        """
        cosine, sine = self._half_angles(angles)
        # Sine and cosine of the whole angles a and b without asking for them again.
        outer = slice(0, 2 * len(self.balls))
        whole_cosine = 1 - 2 * np.square(sine[:, outer])
        whole_sine = 2 * sine[:, outer] * cosine[:, outer]
        (cos_a, cos_b), (sin_a, sin_b) = np.split(whole_cosine, 2, 1), np.split(whole_sine, 2, 1)
        da, db, dc = self._blocks(rates.take(self._by_order, axis=1))
        signed = self._parity * sin_a
        velocities = np.empty((len(angles), len(self.balls), 3))
        velocities[..., 0] = da + self._parity * sin_b * dc
        velocities[..., 1] = cos_a * db - signed * cos_b * dc
        velocities[..., 2] = signed * db + cos_b * cos_a * dc
        return self._rotations(cosine, sine), velocities

    def _half_angles(self, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Cosine and sine of half of each ball joint's hinge angles, in blocks."""
        half = angles.take(self._by_order, axis=1)
        half *= 0.5
        return np.cos(half), np.sin(half)

    def _rotations(self, cosine: FloatArray, sine: FloatArray) -> FloatArray:
        (ci, cj, ck), (si, sj, sk) = self._blocks(cosine), self._blocks(sine)
        cc, cs, sc, ss = cj * ck, cj * sk, sj * ck, self._parity * (sj * sk)
        signed = self._parity * si
        parts = np.concatenate(
            (ci * cc - si * ss, si * cc + ci * ss, ci * sc - signed * cs, ci * cs + signed * sc),
            axis=1,
        )
        return parts.take(self._to_wxyz, axis=1).reshape(len(cosine), -1, 4)

    def _blocks(self, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        balls = len(self.balls)
        return values[:, :balls], values[:, balls : 2 * balls], values[:, 2 * balls :]

    def single(self, values: FloatArray) -> FloatArray:
        """The single hinges' columns, ``(n, singles)``, of an array ``(n, hinges)``."""
        return values[:, self._hinge_columns]

    def distance(self, angles: FloatArray, others: FloatArray) -> FloatArray:
        """How far each joint is from where it is in another pose, ``(n, balls + hinges)`` [rad].

        The geodesic angle for ball joints, the difference for single hinges.

        Args:
            angles: Hinge angles, shape ``(n, hinges)``.
            others: The same of the other poses.
        """
        balls = angle_between(self.rotations(angles), self.rotations(others))
        hinges = np.abs(self.single(angles) - self.single(others))
        return np.concatenate((balls, hinges), axis=1)
