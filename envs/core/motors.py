"""Motors of a robot whose MJCF has none, or has others than are wanted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from sb3_mimic.errors import InputError


@dataclass(frozen=True)
class Motor:
    """A joint's motor with a PD law: ``kp (target - angle) - kd rate``, limited.

    Attributes:
        kp: Stiffness [N·m/rad].
        kd: Damping [N·m·s/rad].
        torque_limit: Largest torque [N·m].
        armature: Reflected inertia of the rotor [kg·m²]; None leaves the model's.

    Raises:
        InputError: If a number is not positive (``kd`` may be 0).
    """

    kp: float
    kd: float
    torque_limit: float
    armature: float | None = None

    def __post_init__(self) -> None:
        for name in ("kp", "torque_limit"):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f"a motor's {name}={getattr(self, name)} must be positive")
        for name in ("kd", "armature"):
            if not 0 <= (getattr(self, name) or 0.0) < np.inf:
                raise InputError(f"a motor's {name}={getattr(self, name)} must not be negative")


def add_motors(spec: mujoco.MjSpec, motors: Mapping[str, Motor]) -> None:
    """Gives the hinges of a model position servos, in the order of the model.

    Actuators that the model has are removed.

    Args:
        spec: The model.
        motors: Regular expression of joint names, and the motor of each that matches it whole; the
            first one that matches counts. Hinges that none matches stay without a motor.

    Raises:
        InputError: If an expression matches no hinge; the message names the hinges.
    """
    for actuator in list(spec.actuators):
        spec.delete(actuator)
    hinges = [joint for joint in spec.joints if joint.type == mujoco.mjtJoint.mjJNT_HINGE]
    for pattern in motors:
        if not any(re.fullmatch(pattern, joint.name) for joint in hinges):
            raise InputError(
                f"motors: no hinge is called {pattern!r}; the model's are "
                f"{', '.join(joint.name for joint in hinges)}"
            )
    for joint in hinges:
        motor = next((m for p, m in motors.items() if re.fullmatch(p, joint.name)), None)
        if motor is None:
            continue
        if motor.armature is not None:
            joint.armature = motor.armature
        actuator = spec.add_actuator(
            name=joint.name,
            target=joint.name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            forcelimited=mujoco.mjtLimited.mjLIMITED_TRUE,
            forcerange=[-motor.torque_limit, motor.torque_limit],
        )
        actuator.gainprm[0] = motor.kp
        actuator.biasprm[:3] = (0.0, -motor.kp, -motor.kd)
