"""Actuations of one motor a joint: PD servos around a pose, PD servos, and torques."""

from typing import Any

import mujoco
import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.actuation.base import JointActuation, Target
from sb3_mimic.envs.core.robot import Robot


class PD(JointActuation):
    """PD servos: an action asks for a target angle anywhere in the joint's range.

    The servo gives ``kp (target - angle) - kd rate``, limited to the torque limit.
    """

    def __init__(self, robot: Robot, n_envs: int) -> None:
        super().__init__(robot, n_envs)
        self.scale: FloatArray = np.ptp(robot.joint_range, axis=1) / 2

    @property
    def action_scaling(self) -> dict[str, Any]:
        """See `Actuation.action_scaling`."""
        return {"control": "pd", "unit": self.unit, "scale": self.scale.tolist()}

    def neutral(self, target: Target | None) -> FloatArray:
        """The middle of each joint's range, ``(1, joints)`` [rad]."""
        return np.asarray(self.robot.joint_range.mean(axis=1)[None])

    def controls_for_torque(
        self, torque: FloatArray, angles: FloatArray, rates: FloatArray
    ) -> FloatArray:
        """Servo targets [rad] that give the torques."""
        return servo_target(self.robot, angles, rates, torque)


class ResidualPD(PD):
    """PD servos whose target is the pose that the task wants, plus what the action adds.

    An action of 0 follows the pose; ±1 can ask for the full torque either way.
    """

    follows_target = True

    def __init__(self, robot: Robot, n_envs: int) -> None:
        super().__init__(robot, n_envs)
        self.scale = robot.torque_limit / robot.kp

    @property
    def action_scaling(self) -> dict[str, Any]:
        """See `Actuation.action_scaling`: 1 in an action adds ``scale`` to the target."""
        return {**super().action_scaling, "control": "residual"}

    def neutral(self, target: Target | None) -> FloatArray:
        """The wanted pose, led by its velocity, ``(n, joints)`` [rad]."""
        if target is None:
            raise TypeError("residual control needs a task that wants a pose")
        # The servo damps against the whole joint velocity: at 6 rad/s and kd/kp = .1 s its target
        # must lead the pose by .6 rad for the damping not to hold the joint back.
        leading: FloatArray = target.angles + self.robot.kd / self.robot.kp * target.rates
        return leading


class Torque(JointActuation):
    """Plain motors: an action of 1 is the torque limit."""

    unit = "N m"

    def __init__(self, robot: Robot, n_envs: int) -> None:
        super().__init__(robot, n_envs)
        self.scale = robot.torque_limit

    @classmethod
    def edit(cls, spec: mujoco.MjSpec) -> None:
        """Turns the position servos into motors with the same limits."""
        make_motors(spec)

    @property
    def action_scaling(self) -> dict[str, Any]:
        """See `Actuation.action_scaling`."""
        return {"control": "torque", "unit": self.unit, "scale": self.scale.tolist()}

    def neutral(self, target: Target | None) -> FloatArray:
        """No torque, ``(1, joints)``."""
        return np.zeros((1, len(self.robot.joint_names)))

    def controls_for_torque(
        self, torque: FloatArray, angles: FloatArray, rates: FloatArray
    ) -> FloatArray:
        """The torques themselves [N·m]."""
        return torque


def servo_target(
    robot: Robot, angles: FloatArray, rates: FloatArray, torque: FloatArray
) -> FloatArray:
    """Targets ``(n, joints)`` [rad] with which PD servos give a torque in a state.

    Args:
        robot: The robot.
        angles: Hinge angles ``(n, joints)`` [rad].
        rates: Hinge rates ``(n, joints)`` [rad/s].
        torque: Wanted torques ``(n, joints)`` [N·m].
    """
    target: FloatArray = angles + (torque + robot.kd * rates) / robot.kp
    return target


def make_motors(spec: mujoco.MjSpec) -> None:
    """Turns a model's position servos into motors whose control is their torque [N·m]."""
    for actuator in spec.actuators:
        actuator.gainprm[0] = 1.0
        actuator.biastype = mujoco.mjtBias.mjBIAS_NONE
        actuator.biasprm[:] = 0.0
