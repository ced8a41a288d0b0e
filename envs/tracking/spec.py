"""What tracking must know of a robot, and a registry of the robots that track."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import mujoco

from sb3_mimic.envs.actuation import get_actuation
from sb3_mimic.envs.core.motors import Motor, add_motors
from sb3_mimic.envs.core.robot import Robot, load_robot
from sb3_mimic.envs.tracking.joints import JointSpace
from sb3_mimic.envs.tracking.model import add_tracking_parts
from sb3_mimic.envs.tracking.retargeting.skeleton_map import SkeletonMap
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletons import Joint


@dataclass(frozen=True, eq=False)
class TrackingRobot(Robot):
    """A robot that imitates clips.

    Attributes:
        spec: What it was made of.
    """

    spec: "TrackingSpec"

    @cached_property
    def joint_space(self) -> JointSpace:
        """Its ball joints and single hinges."""
        return JointSpace(self.joint_names, self.spec.joints)


@dataclass(frozen=True, eq=False)
class TrackingSpec:
    """A robot that can imitate clips.

    Attributes:
        name: Name in the registry.
        mjcf: Its MJCF: a path, the name of a file in ``sb3_mimic.assets``, or what gives a path.
        feet: Names of the bodies that are meant to touch the ground.
        end_effectors: Names of the bodies compared as end effectors.
        joint_weights: Weight of the errors of ``root`` and of the joints in the reward. A key is a
            regular expression of names; the first one that matches a name whole counts.
        default_weight: Weight of joints that none matches.
        joints: Ball joints that are made of three hinges; other hinges stand alone.
        control_rate: Control steps per second [Hz].
        motors: Regular expressions of hinge names, and the motor of each; None where the MJCF has
            a position servo for each joint.
        timestep: Physics step [s]; None leaves the MJCF's.
        near_ground: A body that comes this near to the ground in the clip may touch it [m].
        max_root_distance: With ``early_termination="tracking"``, how far the root may be off [m].
        max_root_angle: With ``early_termination="tracking"``, how far it may be turned off [rad].
        edit: Changes the model before motors and what tracking needs are added.
        skeleton: Which of its bodies follow which of the character's, whose clips the library
            reads; None where the character's skeleton is its own.
    """

    name: str
    mjcf: str | Path | Callable[[], Path]
    feet: tuple[str, ...]
    end_effectors: tuple[str, ...]
    joint_weights: Mapping[str, float] = field(default_factory=dict)
    default_weight: float = 0.3
    joints: tuple[Joint, ...] = ()
    control_rate: float = 30.0
    motors: Mapping[str, Motor] | None = None
    timestep: float | None = None
    near_ground: float = 0.03
    max_root_distance: float = 1.0
    max_root_angle: float = 1.0
    edit: Callable[[mujoco.MjSpec], None] | None = None
    skeleton: SkeletonMap | None = None

    def load(self, control: str = "residual", file: str | Path | None = None) -> TrackingRobot:
        """Loads the robot.

        Args:
            control: Name of the actuation that drives it.
            file: MJCF file in place of ``mjcf``.

        Raises:
            InputError: If there is no such actuation, or the file cannot be used.
        """
        mjcf = Path(file) if file is not None else self.mjcf
        robot = load_robot(
            self.name,
            mjcf() if callable(mjcf) else mjcf,
            self.control_rate,
            self.feet,
            self.end_effectors,
            edit=self._prepare if self._is_foreign else None,
            actuate=get_actuation(control).edit,
        )
        _check_motors(robot)
        return TrackingRobot(**vars(robot), spec=self)

    def weight(self, joint: str) -> float:
        """Weight of a joint's error in the reward, or of ``root``."""
        matching = (w for name, w in self.joint_weights.items() if re.fullmatch(name, joint))
        return next(matching, self.default_weight)

    @property
    def _is_foreign(self) -> bool:
        """Whether the MJCF lacks what tracking needs; the package's own files have it."""
        return not isinstance(self.mjcf, str)

    def _prepare(self, spec: mujoco.MjSpec) -> None:
        if self.edit is not None:
            self.edit(spec)
        if self.timestep is not None:
            spec.option.timestep = self.timestep
        if self.motors is not None:
            add_motors(spec, self.motors)
        add_tracking_parts(spec, self.end_effectors)


def _check_motors(robot: Robot) -> None:
    """Raises InputError unless every hinge has a motor, in the model's order, after a free root."""
    model = robot.model
    hinges = tuple(model.joint(index).name for index in range(1, model.njnt))
    if model.nq != 7 + len(hinges) or robot.joint_names != hinges:
        without = [name for name in hinges if name not in robot.joint_names]
        raise InputError(
            f"{robot.name}: tracking needs a motor for every hinge, in the order of the joints; "
            + (f"{', '.join(without)} have none" if without else f"they are {robot.joint_names}")
        )
