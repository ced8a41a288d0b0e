"""Ball joints made of three hinges: their rotation and their angular velocity, batched."""

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.skeletons import Joint
from sb3_mimic.spatial import angle_between

_AXIS = {"x": 0, "y": 1, "z": 2}

# With c and s for cosine and sine of the outer, middle and inner half angles, and p for the parity:
# w = ccc - p sss, about the outer axis scc + p css, the middle csc - p scs, the inner ccs + p ssc.
# Three letters as binary digits, c for 0: the first products, and the second.
_FIRST, _SECOND = np.array([0b000, 0b100, 0b010, 0b001]), np.array([0b111, 0b011, 0b101, 0b110])


class JointSpace:
    """Turns hinge angles and rates into the rotation and angular velocity of each joint.

    Args:
        joint_names: Names of the hinges, in the order of the arrays to come.
        joints: The joints; hinges that belong to none of them stand alone.

    Attributes:
        balls: Names of the ball joints, in the order of the results.
        hinges: Names of the single hinges, in the order of the results.
    """

    def __init__(self, joint_names: tuple[str, ...], joints: tuple[Joint, ...] = ()) -> None:
        balls = [joint for joint in joints if joint.is_ball]
        in_balls = {name for joint in balls for name in joint.hinges}
        self.balls = tuple(joint.name for joint in balls)
        self.hinges = tuple(name for name in joint_names if name not in in_balls)
        self._ball_columns = np.array(
            [[joint_names.index(name) for name in joint.hinges] for joint in balls], dtype=np.intp
        ).reshape(-1, 3)
        self._hinge_columns = np.array([joint_names.index(name) for name in self.hinges], np.intp)
        axes = np.array(
            [[_AXIS[axis] for axis in joint.axes] for joint in balls], dtype=np.intp
        ).reshape(-1, 3)
        # +1 where the three axes are a right-handed triple in the order of the hinges.
        self._parity = np.linalg.det(np.eye(3)[axes]).round()
        # All outermost hinges, then all middle ones, then all innermost: each a contiguous block.
        self._by_order = self._ball_columns.T.ravel()
        # From blocks (w, about i, about j, about k) to wxyz of each joint.
        blocks = np.concatenate((np.zeros((len(balls), 1), np.intp), 1 + np.argsort(axes)), axis=1)
        self._to_wxyz = (blocks * len(balls) + np.arange(len(balls))[:, None]).T
        # Signs of the second products in `_rotations`, and the parity along with the joints.
        self._parity_column = self._parity[:, None]
        one = np.ones_like(self._parity)
        self._signs = np.array([-one, one, -self._parity, self._parity])[..., None]

    def rotations(self, angles: FloatArray) -> FloatArray:
        """Rotation of each ball joint, ``(n, balls, 4)`` wxyz, from hinge angles ``(n, hinges)``.

        The product of the three hinges' quaternions, written out for axes i, j, k in order.
        """
        return self._rotations(self._half_angles(angles))

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
        halves = self._half_angles(angles)
        cosine, sine = halves[:, :2]
        # Sine and cosine of the whole angles a and b without asking for them again.
        sine = sine * cosine
        sine *= 2
        cosine = np.square(cosine)
        cosine *= 2
        cosine -= 1
        (cos_a, cos_b), (sin_a, sin_b) = cosine, sine * self._parity_column
        da, db, dc = self._blocks(rates)
        across = cos_b * dc
        velocities = np.empty((3, *da.shape))
        velocities[0] = da
        velocities[0] += sin_b * dc
        velocities[1] = cos_a * db
        velocities[1] -= sin_a * across
        velocities[2] = sin_a * db
        velocities[2] += cos_a * across
        return self._rotations(halves), velocities.T

    def _blocks(self, values: FloatArray) -> FloatArray:
        """The ball joints' outermost, middle and innermost hinges, ``(3, balls, n)``."""
        blocks = values.T.take(self._by_order, axis=0)
        return blocks.reshape(3, len(self.balls), len(values))

    def _half_angles(self, angles: FloatArray) -> FloatArray:
        """Cosine and sine of half of each ball joint's hinge angles, ``(2, 3, balls, n)``."""
        half = self._blocks(angles)
        half *= 0.5
        halves = np.empty((2, *half.shape))
        np.cos(half, out=halves[0])
        np.sin(half, out=halves[1])
        return halves

    def _rotations(self, halves: FloatArray) -> FloatArray:
        outer, middle, inner = halves[:, 0], halves[:, 1], halves[:, 2]
        # Products of each one's cosine or sine: [outer, middle, inner, ball, n].
        pairs = middle[:, None] * inner
        pairs[1, 1] *= self._parity_column
        products = (outer[:, None, None] * pairs).reshape(8, *outer.shape[1:])
        parts = products.take(_FIRST, axis=0)
        second = products.take(_SECOND, axis=0)
        second *= self._signs
        parts += second
        wxyz = parts.reshape(4 * len(self.balls), parts.shape[-1]).take(self._to_wxyz, axis=0)
        return wxyz.T

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
