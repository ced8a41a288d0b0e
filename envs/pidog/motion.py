"""The motion of PiDogs, measured from step to step: the input of rewards."""

from typing import Final, NamedTuple

import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.spatial import heading, to_heading_frame

AVERAGING_TIME: Final = 0.5
"""Time constant of averaged velocities [s]: longer than a cycle of any gait worth having."""


class Motion(NamedTuple):
    """The input of rewards; every array has the batch as its first axis.

    Attributes:
        velocity: Over the last control step in the heading frame, ``(n, 2)`` [m/s].
        mean_velocity: The same, averaged over half a second.
        yaw_rate: Averaged over half a second, ``(n,)`` [rad/s].
        up: The world's up in the torso's frame, ``(n, 3)``.
        rates: Angular velocity in the torso's frame, ``(n, 3)`` [rad/s].
        height: Of the torso's origin, ``(n,)`` [m].
        joints: Left-sign angles of the legs, ``(n, 8)`` [rad].
        torque: Mean squared torque over its limit, ``(n,)``.
        action_rate: Mean squared change of the action, ``(n,)``.
        fallen: ``(n,)``.
        command: Forward velocity [m/s] and yaw rate [rad/s] that the step was to have, ``(n, 2)``.
        wanted_joints: Left-sign angles that the legs are to have, ``(n, 8)`` [rad]: those of the
            gait where the task follows one, else those of standing.
    """

    velocity: FloatArray
    mean_velocity: FloatArray
    yaw_rate: FloatArray
    up: FloatArray
    rates: FloatArray
    height: FloatArray
    joints: FloatArray
    torque: FloatArray
    action_rate: FloatArray
    fallen: BoolArray
    command: FloatArray
    wanted_joints: FloatArray


class MotionMeter:
    """Measures velocities, torques and changes of the action, one control step after another.

    Args:
        n_envs: Number of environments n.
        n_actions: Numbers in an action.
        dt: Length of a control step [s].

    Attributes:
        velocity: Mean velocity of each torso over the last control step in its heading frame,
            ``(n, 2)`` [m/s], forward and left. It survives the reset of an ended episode until the
            next step.
        mean_velocity: The same, averaged over half a second; 0 when an episode begins.
        yaw_rate: Averaged over half a second, ``(n,)`` [rad/s]; 0 when an episode begins.
        last_actions: ``(n, n_actions)``; zeros when an episode begins.
        action_rate: Mean squared change of the action, ``(n,)``.
        torque: Mean squared torque over its limit in the last control step, ``(n,)``.
    """

    def __init__(self, n_envs: int, n_actions: int, dt: float) -> None:
        self.velocity, self.mean_velocity = np.zeros((n_envs, 2)), np.zeros((n_envs, 2))
        self.yaw_rate = np.zeros(n_envs)
        self.last_actions = np.zeros((n_envs, n_actions))
        self.action_rate, self.torque = np.zeros(n_envs), np.zeros(n_envs)
        self._positions = np.zeros((n_envs, 2))
        self._dt = dt

    def start(self, indices: IndexArray, positions: FloatArray) -> None:
        """Begins episodes at positions ``(k, 2)`` on the ground [m]."""
        self.yaw_rate[indices] = 0.0
        self.mean_velocity[indices] = 0.0
        self.last_actions[indices] = 0.0
        self._positions[indices] = positions

    def jump(self, index: int, position: FloatArray) -> None:
        """Puts one torso elsewhere, ``(2,)`` [m], which is no movement."""
        self._positions[index] = position

    def update(
        self, qpos: FloatArray, qvel: FloatArray, actions: FloatArray, torques: FloatArray
    ) -> None:
        """Takes a control step in.

        Args:
            qpos: Positions after it, ``(n, nq)``.
            qvel: Velocities after it, ``(n, nv)``.
            actions: The actions taken, ``(n, n_actions)``.
            torques: Of the legs over their limit at each physics step, ``(n, substeps, 8)``.
        """
        self.action_rate = np.square(actions - self.last_actions).mean(axis=1)
        self.last_actions = actions.copy()
        self.torque = np.square(torques).mean(axis=(1, 2))
        positions = qpos[:, :2].copy()
        moved = np.zeros((len(qpos), 3))
        moved[:, :2] = (positions - self._positions) / self._dt
        self.velocity = to_heading_frame(heading(qpos[:, 3:7]), moved)[:, :2]
        self._positions = positions
        share = self._dt / AVERAGING_TIME
        self.mean_velocity += share * (self.velocity - self.mean_velocity)
        self.yaw_rate += share * (qvel[:, 5] - self.yaw_rate)


def up_direction(q: FloatArray) -> FloatArray:
    """The world's up direction in the frame of ``(n, 4)`` rotations, ``(n, 3)``."""
    w, x, y, z = q.T
    up = np.empty((3, len(q)))
    up[0] = 2 * (x * z - w * y)
    up[1] = 2 * (y * z + w * x)
    up[2] = 1 - 2 * (x * x + y * y)
    return up.T
