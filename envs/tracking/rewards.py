"""DeepMimic's imitation rewards as pure functions of batched arrays.

Peng et al. 2018, https://arxiv.org/abs/1804.02717, and the code released with it
(github.com/xbpeng/DeepMimic), whose weights differ from the paper's. Each function returns the
weighted terms; the reward is their sum and is 1 on the reference.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.names import unknown_name
from sb3_mimic.spatial import angle_between


@dataclass(frozen=True)
class Pose:
    """What the rewards compare, of n bodies; frame: world, z up.

    Attributes:
        root_position: ``(n, 3)`` [m].
        root_rotation: ``(n, 4)`` wxyz.
        root_velocity: ``(n, 3)`` [m/s].
        root_angular_velocity: ``(n, 3)`` [rad/s].
        ball_rotations: ``(n, balls, 4)`` wxyz, child in parent.
        ball_velocities: ``(n, balls, 3)`` angular velocity in the parent [rad/s].
        hinge_angles: ``(n, hinges)`` [rad].
        hinge_velocities: ``(n, hinges)`` [rad/s].
        end_effectors: ``(n, 4, 3)``: relative to the root in the heading frame, but the height
            above the ground [m].
        com: Centre of mass, ``(n, 3)`` [m].
        com_velocity: ``(n, 3)`` [m/s].
    """

    root_position: FloatArray
    root_rotation: FloatArray
    root_velocity: FloatArray
    root_angular_velocity: FloatArray
    ball_rotations: FloatArray
    ball_velocities: FloatArray
    hinge_angles: FloatArray
    hinge_velocities: FloatArray
    end_effectors: FloatArray
    com: FloatArray
    com_velocity: FloatArray


@dataclass(frozen=True)
class JointWeights:
    """Weight of each joint's error; the released reward divides them by their sum.

    Attributes:
        root: Weight of the root.
        balls: ``(balls,)``.
        hinges: ``(hinges,)``.
    """

    root: float
    balls: FloatArray
    hinges: FloatArray

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return float(self.root + self.balls.sum() + self.hinges.sum())


def released_reward(body: Pose, reference: Pose, weights: JointWeights) -> dict[str, FloatArray]:
    """The reward of DeepMimic's released code, the measure used throughout this package.

    ``.5 exp(-2 e_pose) + .05 exp(-.1 e_velocity) + .15 exp(-10 e_end_effector) + .2 exp(-5 e_root)
    + .1 exp(-10 e_com)``, each error as in ``docs/dimensions.md``.

    Args:
        body: The simulated bodies.
        reference: The reference of each.
        weights: Weights of the joints.

    Returns:
        Weighted terms ``(n,)``: ``pose``, ``velocity``, ``end_effector``, ``root``, ``com``.
    """
    root_angle = angle_between(body.root_rotation, reference.root_rotation) ** 2
    root_spin = _squared(body.root_angular_velocity - reference.root_angular_velocity)
    pose = weights.root * root_angle + _joint_angles(body, reference, weights)
    velocity = weights.root * root_spin + _joint_velocities(body, reference, weights)
    root = (
        _squared(body.root_position - reference.root_position)
        + 0.1 * root_angle
        + 0.01 * _squared(body.root_velocity - reference.root_velocity)
        + 0.001 * root_spin
    )
    com = 0.1 * _squared(body.com_velocity - reference.com_velocity)
    return {
        "pose": 0.5 * np.exp(-2.0 * pose / weights.total),
        "velocity": 0.05 * np.exp(-0.1 * velocity / weights.total),
        "end_effector": 0.15 * np.exp(-10.0 * _end_effectors(body, reference)),
        "root": 0.2 * np.exp(-5.0 * root),
        "com": 0.1 * np.exp(-10.0 * com),
    }


def paper_reward(body: Pose, reference: Pose, weights: JointWeights) -> dict[str, FloatArray]:
    """The reward as the paper prints it: unweighted sums over the joints and no root term.

    ``.65 exp(-2 Σ θ²) + .1 exp(-.1 Σ |Δω|²) + .15 exp(-40 Σ |Δp|²) + .1 exp(-10 |Δcom|²)``
    (equations 6 to 9). Much harder than the released one.

    Args:
        body: The simulated bodies.
        reference: The reference of each.
        weights: Not used but for the joints they name: every joint counts 1.

    Returns:
        Weighted terms ``(n,)``: ``pose``, ``velocity``, ``end_effector``, ``com``.
    """
    equal = JointWeights(0.0, np.ones_like(weights.balls), np.ones_like(weights.hinges))
    return {
        "pose": 0.65 * np.exp(-2.0 * _joint_angles(body, reference, equal)),
        "velocity": 0.1 * np.exp(-0.1 * _joint_velocities(body, reference, equal)),
        "end_effector": 0.15 * np.exp(-40.0 * _end_effectors(body, reference)),
        "com": 0.1 * np.exp(-10.0 * _squared(body.com - reference.com)),
    }


#: Bodies, their references and the joints' weights in; weighted terms ``(n,)`` out.
Reward = Callable[[Pose, Pose, JointWeights], dict[str, FloatArray]]

#: What ``reward=`` of a tracking environment can be.
REWARDS: dict[str, Reward] = {}


def register_reward(name: str, reward: Reward) -> None:
    """Adds a reward of tracking, or replaces the one of the same name.

    Args:
        name: What ``reward=`` calls it.
        reward: Gives the weighted terms ``(n,)`` for bodies, references and the joints' weights.
    """
    REWARDS[name] = reward


def get_reward(name: str) -> Reward:
    """Finds a reward by its name.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name not in REWARDS:
        raise unknown_name("reward", name, REWARDS)
    return REWARDS[name]


register_reward("deepmimic", released_reward)
register_reward("paper", paper_reward)


def _squared(difference: FloatArray) -> FloatArray:
    squared: FloatArray = np.square(difference).sum(axis=-1)
    return squared


def _joint_angles(body: Pose, reference: Pose, weights: JointWeights) -> FloatArray:
    balls = angle_between(body.ball_rotations, reference.ball_rotations) ** 2
    hinges = np.square(body.hinge_angles - reference.hinge_angles)
    return _weighted(weights, balls, hinges)


def _joint_velocities(body: Pose, reference: Pose, weights: JointWeights) -> FloatArray:
    balls = _squared(body.ball_velocities - reference.ball_velocities)
    hinges = np.square(body.hinge_velocities - reference.hinge_velocities)
    return _weighted(weights, balls, hinges)


def _end_effectors(body: Pose, reference: Pose) -> FloatArray:
    total: FloatArray = _squared(body.end_effectors - reference.end_effectors).sum(axis=1)
    return total


def _weighted(weights: JointWeights, balls: FloatArray, hinges: FloatArray) -> FloatArray:
    # Rows of numbers side by side are added up in the same order whatever the batch.
    balls = np.multiply(weights.balls, balls, order="C")
    hinges = np.multiply(weights.hinges, hinges, order="C")
    total: FloatArray = balls.sum(axis=1) + hinges.sum(axis=1)
    return total
