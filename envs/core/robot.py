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


@dataclass(frozen=True, eq=False)
class Robot:
    """A loaded robot. Joints and actuators are in the order of the model, one actuator a joint.

    Attributes:
        name: Name in the registry.
        model: The compiled model.
        digest: SHA-256 (hex) of the MJCF's text.
        control_rate: Control steps per second [Hz].
        substeps: Physics steps per control step.
        joint_names: Names of the ``nu`` actuated hinges.
        joint_range: Lower and upper limit of each, ``(nu, 2)`` [rad].
        kp: Stiffness of each servo, ``(nu,)`` [N·m/rad].
        kd: Damping of each servo, ``(nu,)`` [N·m·s/rad].
        torque_limit: Largest torque of each servo, ``(nu,)`` [N·m].
        feet: Names of the bodies that are meant to touch the ground.
        end_effectors: Names of the bodies compared as end effectors.
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
) -> Robot:
    """Compiles a robot from an MJCF file.

    Args:
        name: Name of the robot.
        mjcf: A path, or the name of a file in ``sb3_mimic.assets``. The file stands alone: it
            includes no other and has no meshes.
        control_rate: Control steps per second [Hz]; a whole number of the model's time steps must
            make one control step.
        feet: Bodies that are meant to touch the ground.
        end_effectors: Bodies compared as end effectors.
        edit: Changes the model before it is compiled.

    Raises:
        ValueError: If the control step is not a whole number of physics steps.
    """
    file = mjcf if isinstance(mjcf, Path) else resources.files("sb3_mimic.assets").joinpath(mjcf)
    text = file.read_text(encoding="utf-8")
    spec = mujoco.MjSpec.from_string(text)
    if edit is not None:
        edit(spec)
    model = spec.compile()
    steps = 1 / (control_rate * model.opt.timestep)
    substeps = round(steps)
    if abs(steps - substeps) > 1e-6:
        raise ValueError(
            f"{mjcf}: a control step at {control_rate} Hz is {steps:.3f} physics steps of "
            f"{model.opt.timestep} s; it must be a whole number"
        )
    joints = model.actuator_trnid[:, 0]
    return Robot(
        name=name,
        model=model,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        control_rate=control_rate,
        substeps=substeps,
        joint_names=tuple(model.joint(j).name for j in joints),
        joint_range=_frozen(model.jnt_range[joints]),
        kp=_frozen(model.actuator_gainprm[:, 0]),
        kd=_frozen(-model.actuator_biasprm[:, 2]),
        torque_limit=_frozen(model.actuator_forcerange[:, 1]),
        feet=feet,
        end_effectors=end_effectors,
    )


def _frozen(array: NDArray[Any]) -> FloatArray:
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy
