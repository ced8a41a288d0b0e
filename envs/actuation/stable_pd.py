"""Stable PD control: PD torques computed from where the joints will be a physics step later.

Tan, Liu & Turk 2011, "Stable proportional-derivative controllers",
https://doi.org/10.1109/MCG.2011.30, equations 10 to 12. DeepMimic drives its character by it.
"""

from typing import Any

import mujoco
import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.actuation.servos import ResidualPD, make_motors
from sb3_mimic.envs.core.robot import Robot


class StablePD(ResidualPD):
    """Residual control whose torques are computed anew at every physics step.

    An action means what it means with `ResidualPD`. The torque of a step of length h is
    ``-kp (q + h q̇ - target) - kd (q̇ + h q̈)`` with the acceleration that follows from it,
    ``(M + h kd) q̈ = -c - kp (q + h q̇ - target) - kd q̇``; forces of contacts are left out.
    """

    feedback = True

    def __init__(self, robot: Robot, n_envs: int) -> None:
        super().__init__(robot, n_envs)
        model = robot.model
        self._data = mujoco.MjData(model)
        joints = [model.joint(name).id for name in robot.joint_names]
        self._dofs, self._addresses = model.jnt_dofadr[joints], model.jnt_qposadr[joints]
        self._kp, self._kd = np.zeros(model.nv), np.zeros(model.nv)
        self._kp[self._dofs], self._kd[self._dofs] = robot.kp, robot.kd

    @property
    def action_scaling(self) -> dict[str, Any]:
        """See `Actuation.action_scaling`."""
        return {**super().action_scaling, "control": "stable_pd"}

    @classmethod
    def edit(cls, spec: mujoco.MjSpec) -> None:
        """Turns the position servos into motors, which get the torques."""
        make_motors(spec)

    def substep_controls(self, controls: FloatArray, states: FloatArray) -> FloatArray:
        """Torques ``(n, joints)`` [N·m] of the next physics step; see `Actuation`."""
        model, data, step = self.robot.model, self._data, self.robot.model.opt.timestep
        inertia = np.empty((model.nv, model.nv))
        torques = np.empty_like(controls)
        for torque, target, state in zip(torques, controls, states, strict=True):
            data.qpos[:] = state[1 : 1 + model.nq]
            data.qvel[:] = state[1 + model.nq : 1 + model.nq + model.nv]
            mujoco.mj_fwdPosition(model, data)
            mujoco.mj_fwdVelocity(model, data)
            mujoco.mj_fullM(model, data, inertia)
            error = np.zeros(model.nv)
            error[self._dofs] = data.qpos[self._addresses] - target
            pull = -self._kp * (error + step * data.qvel) - self._kd * data.qvel
            given = pull - data.qfrc_bias + data.qfrc_passive
            acceleration = np.linalg.solve(inertia + step * np.diag(self._kd), given)
            torque[:] = (pull - step * self._kd * acceleration)[self._dofs]
        return np.clip(torques, -self.robot.torque_limit, self.robot.torque_limit)
