"""PiDog's model: the MJCF, its options, and the held-back variant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.core.robot import Robot, load_robot
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE
from sb3_mimic.envs.pidog.legs import JOINT_NAMES, LEGS, SERVO_LIMIT
from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name

ROBOT_NAME: Final = "pidog"
"""Name of the robot (``Robot.name``)."""

MASS: Final = 0.78
"""Mass of the model as it is written [kg]; see the sources in ``assets/pidog.xml``."""

FRICTION: Final = 0.6
"""Friction coefficient between foot and floor as the model is written."""

SERVO_TORQUE: Final = 0.141
"""Stall torque of a servo as the model is written [N·m]."""

SERVO_SPEED: Final = 0.141 / 0.0184
"""No-load speed of a servo as the model is written [rad/s]."""

HEAD_AND_TAIL: Final = ("yaw", "roll", "pitch", "tail")
"""Joints, and actuators after the legs', of head and tail: the vendor's order."""

_DEGREE = np.pi / 180

# Body, axis and range of each joint of head and tail, from the vendor's software: yaw + is left,
# roll + right side down, pitch + nose up.
_HEAD_JOINTS: Final = {
    "pitch": ("neck_pitch", (0, -1, 0), (-45 * _DEGREE, 30 * _DEGREE)),
    "roll": ("neck_roll", (1, 0, 0), (-70 * _DEGREE, 70 * _DEGREE)),
    "yaw": ("head", (0, 0, 1), (-SERVO_LIMIT, SERVO_LIMIT)),
    "tail": ("tail", (0, 0, 1), (-SERVO_LIMIT, SERVO_LIMIT)),
}

# Uneven ground: a square field around the start, 16 m wide, of one height each 10 cm.
_GROUND_HALF_WIDTH = 8.0
_GROUND_POINTS = 161


@dataclass(frozen=True)
class Variant:
    """Numbers that a variant of the model has in place of those in the MJCF.

    Attributes:
        timestep: Physics step [s].
        integrator: MuJoCo's.
        cone: MuJoCo's friction cone.
        contact_time: Time constant of contacts (``solref``) [s].
        friction: Between foot and floor.
        mass: Of the robot [kg].
        servo_torque: Stall torque [N·m].
        servo_speed: No-load speed [rad/s].
        kp: Stiffness of the servos [N·m/rad].
        armature: Reflected inertia of the servos [kg·m²].
    """

    timestep: float = 0.002
    integrator: mujoco.mjtIntegrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    cone: mujoco.mjtCone = mujoco.mjtCone.mjCONE_ELLIPTIC
    contact_time: float = 0.005
    friction: float = FRICTION
    mass: float = MASS
    servo_torque: float = SERVO_TORQUE
    servo_speed: float = SERVO_SPEED
    kp: float = 2.0
    armature: float = 7e-4


VARIANTS: Final = {
    "standard": Variant(),
    # A stand-in for the robot, to judge policies on and never to train on: numerics of another
    # kind, softer contacts, the bottom-up mass of 690 g, and the servo sheet's column for 6 V,
    # 0.157 N·m and 60 degrees in 0.12 s. Stiffness and inertia are the other ends of the estimates.
    "heldback": Variant(
        timestep=0.001,
        integrator=mujoco.mjtIntegrator.mjINT_EULER,
        cone=mujoco.mjtCone.mjCONE_PYRAMIDAL,
        contact_time=0.01,
        friction=0.5,
        mass=0.69,
        servo_torque=0.157,
        servo_speed=60 * _DEGREE / 0.12,
        kp=4.0,
        armature=1e-3,
    ),
}
"""Variants of the model by name."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Options of the model.

    Attributes:
        floor_friction: Friction coefficient between the robot and the floor; the variant's own
            without it, 0.6 for the standard one, as for mass and torque.
        mass: Mass of the robot [kg], of the standard variant 0.78; masses and inertias of all
            bodies are scaled alike.
        servo_torque: Stall torque of all servos [N·m], of the standard variant 0.141; their no-load
            speed stays.
        variant: ``standard``, or ``heldback``: another model of the same robot, to evaluate on. A
            name in :data:`VARIANTS`.
        head_and_tail: Whether head and tail have their servos; else they are welded.
        wall: Distance of a wall ahead of the start [m]; None for none.

    Raises:
        InputError: If a number is not positive, or there is no such variant.
    """

    floor_friction: float | None = None
    mass: float | None = None
    servo_torque: float | None = None
    variant: str = "standard"
    head_and_tail: bool = False
    wall: float | None = None

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise unknown_name("variant", self.variant, VARIANTS)
        for name in ("floor_friction", "mass", "servo_torque", "wall"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name}={value} must be positive")

    @property
    def numbers(self) -> Variant:
        """The variant's numbers, and in place of some of them those that were asked for."""
        numbers = VARIANTS[self.variant]
        return replace(
            numbers,
            friction=numbers.friction if self.floor_friction is None else self.floor_friction,
            mass=numbers.mass if self.mass is None else self.mass,
            servo_torque=numbers.servo_torque if self.servo_torque is None else self.servo_torque,
        )


def load_pidog(options: ModelOptions | None = None, *, uneven: bool = False) -> Robot:
    """Loads PiDog.

    Args:
        options: Changes to the MJCF.
        uneven: Whether the floor is a field of heights, flat as long as nobody raises it with
            `raise_ground`.
    """
    options = options or ModelOptions()
    numbers = options.numbers

    def edit(spec: mujoco.MjSpec) -> None:
        spec.option.timestep = numbers.timestep
        spec.option.integrator = numbers.integrator
        spec.option.cone = numbers.cone
        if uneven:
            _add_ground(spec)
        if options.head_and_tail:
            _add_head_and_tail(spec)
        if options.wall is not None:
            _add_wall(spec, options.wall)

    feet = tuple(f"{leg}_shank" for leg in LEGS)
    robot = load_robot(
        ROBOT_NAME, "pidog.xml", CONTROL_RATE, feet=feet, edit=edit, ground_margin=0.003
    )
    model = robot.model
    set_friction(model, numbers.friction)
    model.pair_solref[_on_the_ground(model), 0] = numbers.contact_time
    model.actuator_gainprm[:, 0] = numbers.kp
    model.actuator_biasprm[:, 1] = -numbers.kp
    model.dof_armature[6:] = numbers.armature
    if options.servo_torque is not None or options.variant != "standard":
        set_servos(model, numbers.servo_torque, numbers.servo_speed)
    set_mass(model, numbers.mass / MASS)
    return replace(
        robot,
        kp=model.actuator_gainprm[:, 0].copy(),
        torque_limit=model.actuator_forcerange[:, 1].copy(),
    )


def leg_joints(model: mujoco.MjModel) -> tuple[slice, slice]:
    """Slices of the legs' eight joints in positions and in velocities."""
    first = model.joint(JOINT_NAMES[0])
    qpos, qvel = int(first.qposadr[0]), int(first.dofadr[0])
    return slice(qpos, qpos + 8), slice(qvel, qvel + 8)


def set_mass(model: mujoco.MjModel, scale: float) -> None:
    """Multiplies masses and inertias of all bodies."""
    model.body_mass[:] *= scale
    model.body_inertia[:] *= scale
    # The compiler derives more numbers from the masses, such as inertias that the solver scales by.
    mujoco.mj_setConst(model, mujoco.MjData(model))


def set_servos(model: mujoco.MjModel, torque: float, speed: float) -> None:
    """Gives all servos a torque-speed line.

    Args:
        model: PiDog.
        torque: Stall torque [N·m].
        speed: No-load speed [rad/s].
    """
    model.actuator_forcerange[:] = (-torque, torque)
    model.dof_damping[6:] = torque / speed


def set_friction(model: mujoco.MjModel, friction: float) -> None:
    """Gives the floor, even or not, a coefficient of friction."""
    model.pair_friction[_on_the_ground(model), :2] = friction


def _on_the_ground(model: mujoco.MjModel) -> NDArray[np.bool_]:
    """Contact pairs with the floor or the field of heights, ``(npair,)``."""
    grounds = (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_HFIELD)
    on_the_ground: NDArray[np.bool_] = np.isin(model.geom_type[model.pair_geom1], grounds)
    return on_the_ground


def raise_ground(model: mujoco.MjModel, heights: NDArray[np.float64], height: float) -> None:
    """Makes the ground uneven; the model must have been loaded with ``uneven=True``.

    Args:
        model: PiDog.
        heights: Heights relative to each other, in [0, 1], shape `ground_shape`.
        height: Difference between the highest and the lowest [m]; their middle lies at the floor.
    """
    model.hfield_data[:] = np.asarray(heights, np.float32).ravel()
    # MuJoCo wants a positive size; a micrometer is flat.
    model.hfield_size[0, 2] = max(height, 1e-6)
    ground = model.geom("ground")
    ground.pos[2] = -height / 2
    # The compiler notes that the field lies at its body's origin, as it then does.
    ground.sameframe[:] = mujoco.mjtSameFrame.mjSAMEFRAME_NONE


def ground_shape() -> tuple[int, int]:
    """Rows and columns of the field of heights."""
    return _GROUND_POINTS, _GROUND_POINTS


def _add_ground(spec: mujoco.MjSpec) -> None:
    floor = spec.geom("floor")
    half = _GROUND_HALF_WIDTH
    spec.add_hfield(
        name="ground",
        nrow=_GROUND_POINTS,
        ncol=_GROUND_POINTS,
        size=[half, half, 1e-6, 0.02],
        userdata=[0.0, 1.0] + [0.0] * (_GROUND_POINTS**2 - 2),
    )
    spec.worldbody.add_geom(
        name="ground",
        type=mujoco.mjtGeom.mjGEOM_HFIELD,
        hfieldname="ground",
        material=floor.material,
        contype=0,
        conaffinity=0,
    )
    for pair in _floor_pairs(spec):
        spec.add_pair(
            geomname1="ground",
            geomname2=pair.geomname2,
            condim=pair.condim,
            friction=pair.friction,
            solref=pair.solref,
        )
    # Out of the way of the feet, but still the horizon of pictures.
    floor.pos = [0.0, 0.0, -0.02]


def _add_wall(spec: mujoco.MjSpec, distance: float) -> None:
    spec.worldbody.add_geom(
        name="wall",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[distance + 0.01, 0.0, 0.25],
        size=[0.01, 2.0, 0.25],
        rgba=[0.55, 0.5, 0.45, 1.0],
        contype=0,
        conaffinity=0,
    )
    for pair in _floor_pairs(spec):
        spec.add_pair(
            geomname1="wall",
            geomname2=pair.geomname2,
            condim=pair.condim,
            friction=pair.friction,
        )


def _floor_pairs(spec: mujoco.MjSpec) -> list[mujoco.MjsPair]:
    """The contacts of the robot's shapes with the floor."""
    return [pair for pair in spec.pairs if pair.geomname1 == "floor"]


def _add_head_and_tail(spec: mujoco.MjSpec) -> None:
    servo = spec.actuator(JOINT_NAMES[0])
    hinge = spec.joint(JOINT_NAMES[0])
    for name in HEAD_AND_TAIL:
        body, axis, limits = _HEAD_JOINTS[name]
        spec.body(body).add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=axis,
            range=limits,
            damping=hinge.damping,
            armature=hinge.armature,
        )
        spec.add_actuator(
            name=name,
            target=name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gaintype=servo.gaintype,
            gainprm=servo.gainprm,
            biastype=servo.biastype,
            biasprm=servo.biasprm,
            ctrlrange=limits,
            forcerange=servo.forcerange,
        )
    for key in spec.keys:
        # The neck's and the tail's bodies come before the legs'.
        key.qpos = np.insert(np.array(key.qpos), 7, np.zeros(4))
        key.ctrl = np.append(np.array(key.ctrl), np.zeros(4))
