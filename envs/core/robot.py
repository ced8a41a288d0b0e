"""A robot: one MJCF, and what the rest of the package needs to know about it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError


@dataclass(frozen=True, eq=False)
class Robot:
    """A loaded robot. Joints are in the order of the model's actuators.

    Attributes:
        name: Name in the registry.
        model: The compiled model.
        digest: SHA-256 (hex) of the MJCF's text.
        control_rate: Control steps per second [Hz].
        substeps: Physics steps per control step.
        joint_names: Names of the actuated hinges.
        joint_range: Lower and upper limit of each, ``(joints, 2)`` [rad].
        kp: Stiffness of each hinge's PD law, ``(joints,)`` [N·m/rad].
        kd: Damping of each, ``(joints,)`` [N·m·s/rad].
        torque_limit: Largest torque of each, ``(joints,)`` [N·m].
        feet: Names of the bodies that are meant to touch the ground.
        end_effectors: Names of the bodies compared as end effectors.
        ground_margin: A foot nearer to the ground than this counts as standing on it [m].
    """

    name: str
    model: mujoco.MjModel
    digest: str
    control_rate: float
    substeps: int
    joint_names: tuple[str, ...]
    joint_range: FloatArray
    kp: FloatArray
    kd: FloatArray
    torque_limit: FloatArray
    feet: tuple[str, ...]
    end_effectors: tuple[str, ...]
    ground_margin: float

    def sensor(self, name: str) -> slice:
        """Where a sensor's numbers lie in the sensor array."""
        sensor = self.model.sensor(name)
        start = int(sensor.adr[0])
        return slice(start, start + int(sensor.dim[0]))


def load_robot(
    name: str,
    mjcf: str | Path,
    control_rate: float,
    feet: tuple[str, ...],
    end_effectors: tuple[str, ...] = (),
    edit: Callable[[mujoco.MjSpec], None] | None = None,
    actuate: Callable[[mujoco.MjSpec], None] | None = None,
    ground_margin: float = 0.01,
) -> Robot:
    """Compiles a robot from an MJCF file.

    Args:
        name: Name of the robot.
        mjcf: A path, or the name of a file in ``sb3_mimic.assets``.
        control_rate: Control steps per second [Hz]; a whole number of the model's time steps must
            make one control step.
        feet: Bodies that are meant to touch the ground.
        end_effectors: Bodies compared as end effectors.
        edit: Changes the model before it is compiled, to one with a position servo for each
            actuated hinge: joints, gains and limits are read from these.
        actuate: Changes the model's actuators after that; see `Actuation.edit`.
        ground_margin: A foot nearer to the ground than this counts as standing on it [m].

    Raises:
        InputError: If the file cannot be read, or an actuator is no hinge's position servo.
        ValueError: If the control step is not a whole number of physics steps.
    """
    spec, digest = _read(mjcf)
    if edit is not None:
        edit(spec)
        digest = hashlib.sha256(digest.encode() + spec.to_xml().encode()).hexdigest()
    servos = model = spec.compile()
    _check_servos(servos, name)
    if actuate is not None:
        actuate(spec)
        model = spec.compile()
    steps = 1 / (control_rate * model.opt.timestep)
    substeps = round(steps)
    if abs(steps - substeps) > 1e-6:
        raise ValueError(
            f"{mjcf}: a control step at {control_rate} Hz is {steps:.3f} physics steps of "
            f"{model.opt.timestep} s; it must be a whole number"
        )
    joints = servos.actuator_trnid[:, 0]
    return Robot(
        name=name,
        model=model,
        digest=digest,
        control_rate=control_rate,
        substeps=substeps,
        joint_names=tuple(servos.joint(j).name for j in joints),
        joint_range=_frozen(servos.jnt_range[joints]),
        kp=_frozen(servos.actuator_gainprm[:, 0]),
        kd=_frozen(-servos.actuator_biasprm[:, 2]),
        torque_limit=_frozen(servos.actuator_forcerange[:, 1]),
        feet=feet,
        end_effectors=end_effectors,
        ground_margin=ground_margin,
    )


def _read(mjcf: str | Path) -> tuple[mujoco.MjSpec, str]:
    """The model of a file, not compiled, and the SHA-256 (hex) of its text."""
    if isinstance(mjcf, Path):
        try:
            text = mjcf.read_text(encoding="utf-8")
            # By its path, for what lies beside it: meshes and files that it includes.
            spec = mujoco.MjSpec.from_file(str(mjcf))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise InputError(f"{mjcf}: is no MJCF file that can be read ({error})") from error
    else:
        file = resources.files("sb3_mimic.assets").joinpath(mjcf)
        text = file.read_text(encoding="utf-8")
        spec = mujoco.MjSpec.from_string(text)
    return spec, hashlib.sha256(text.encode()).hexdigest()


def _check_servos(model: mujoco.MjModel, name: str) -> None:
    """Raises InputError where an actuator is not a position servo of one hinge."""
    for index in range(model.nu):
        actuator = model.actuator(index)
        on_hinge = (
            actuator.trntype[0] == mujoco.mjtTrn.mjTRN_JOINT
            and model.jnt_type[actuator.trnid[0]] == mujoco.mjtJoint.mjJNT_HINGE
        )
        if not (on_hinge and actuator.biastype[0] == mujoco.mjtBias.mjBIAS_AFFINE):
            raise InputError(
                f"{name}: actuator {actuator.name!r} is no position servo of a hinge; give its "
                "joints motors (TrackingSpec.motors)"
            )


def _frozen(array: NDArray[Any]) -> FloatArray:
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy
