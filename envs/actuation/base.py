"""The protocol of an actuation: what an action asks of a robot's actuators."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import mujoco

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.core.robot import Robot


@dataclass(frozen=True, eq=False)
class Target:
    """The pose that a task wants at the end of a control step.

    Attributes:
        angles: Hinge angles ``(n, joints)`` [rad].
        rates: Hinge rates ``(n, joints)`` [rad/s].
    """

    angles: FloatArray
    rates: FloatArray


class Actuation(ABC):
    """What an action in [-1, 1] asks of the actuators of n robots.

    A batch has one of its own, so that an actuation may keep state of each environment. `controls`
    is called once a control step. An actuation with ``feedback`` is asked again at every physics
    step, by `substep_controls`, with the state there.

    Args:
        robot: The robot, as `edit` has changed it.
        n_envs: Number of environments.

    Attributes:
        feedback: Whether the controls depend on the state within a control step.
        follows_target: Whether the controls depend on the `Target` that the task wants.
    """

    feedback: ClassVar[bool] = False
    follows_target: ClassVar[bool] = False

    def __init__(self, robot: Robot, n_envs: int) -> None:
        self.robot = robot
        self.n_envs = n_envs

    @classmethod  # noqa: B027 (position servos fit as they are)
    def edit(cls, spec: mujoco.MjSpec) -> None:
        """Makes the actuators of a model those that this actuation drives.

        It is called before the model is compiled. The robot's joints, gains and limits were read
        before.

        Args:
            spec: The model, with one position servo a joint.
        """

    @property
    @abstractmethod
    def action_names(self) -> tuple[str, ...]:
        """What each number of an action is of; their count is the size of the action."""

    @property
    def action_scaling(self) -> dict[str, Any]:
        """What an action asks of the robot, as plain data for files that leave Python."""
        return {}

    def start(self, indices: IndexArray) -> None:  # noqa: B027 (most keep no state)
        """Called when episodes of some environments ``(k,)`` begin."""

    @abstractmethod
    def controls(self, actions: FloatArray, target: Target | None) -> FloatArray:
        """Controls of the model's actuators for a control step.

        Args:
            actions: Shape ``(n, size)`` in [-1, 1].
            target: What the task wants; None where the task has none.

        Returns:
            Controls ``(n, nu)`` that are held, or ``(n, substeps, nu)``, one for each physics step.
            With ``feedback``, what `substep_controls` is to be given.
        """

    def substep_controls(self, controls: FloatArray, states: FloatArray) -> FloatArray:
        """Controls ``(n, nu)`` of the next physics step; asked for with ``feedback`` alone.

        Args:
            controls: What `controls` has given for this control step.
            states: Where the robots are before the physics step, ``(n, nstate)``.

        Raises:
            NotImplementedError: Of an actuation without feedback.
        """
        raise NotImplementedError(f"{type(self).__name__} has no feedback")


class JointActuation(Actuation):
    """An action with one number a joint: a neutral control plus ``scale`` times the action.

    Attributes:
        scale: What an action of 1 adds to the control of each joint, ``(joints,)``.
        unit: Unit of the controls.
    """

    unit: ClassVar[str] = "rad"
    scale: FloatArray

    @property
    def action_names(self) -> tuple[str, ...]:
        """The joints' names."""
        return self.robot.joint_names

    @abstractmethod
    def neutral(self, target: Target | None) -> FloatArray:
        """The control that an action of zeros asks for, ``(n, joints)`` or ``(1, joints)``."""

    def controls(self, actions: FloatArray, target: Target | None) -> FloatArray:
        """See `Actuation.controls`: ``neutral + scale · action``."""
        ctrl: FloatArray = self.neutral(target) + self.scale * actions
        return ctrl

    def actions_for(self, controls: FloatArray, target: Target | None) -> FloatArray:
        """Actions ``(n, joints)`` that ask for these controls; not clipped."""
        actions: FloatArray = (controls - self.neutral(target)) / self.scale
        return actions

    @abstractmethod
    def controls_for_torque(
        self, torque: FloatArray, angles: FloatArray, rates: FloatArray
    ) -> FloatArray:
        """Controls ``(n, joints)`` that give torques at the start of the control step.

        Args:
            torque: Wanted torques ``(n, joints)`` [N·m].
            angles: Hinge angles then ``(n, joints)`` [rad].
            rates: Hinge rates then ``(n, joints)`` [rad/s].
        """
