"""Batched physics: everything in the package that steps MuJoCo goes through `Simulation`.

`mujoco.rollout` runs the substeps of many environments in its native thread pool. Nothing is
carried from one call to the next (the models have warm start disabled), so a state and an action
give the same next state to the last bit, whatever the batch size, the number of threads, or how a
rollout is cut into calls. Auto-reset is disabled too: a state that diverges shows as what it is,
instead of a body that stands as if nothing had happened.
"""

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import mujoco.rollout
import numpy as np

from sb3_mimic.arrays import FloatArray

_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
_CTRL = int(mujoco.mjtState.mjSTATE_CTRL)
_CTRL_AND_FORCES = _CTRL | int(mujoco.mjtState.mjSTATE_XFRC_APPLIED)
_FLAG = mujoco.mjtDisableBit
# What the sensors of positions and velocities do not need.
_NO_DYNAMICS = int(
    _FLAG.mjDSBL_CONSTRAINT
    | _FLAG.mjDSBL_CONTACT
    | _FLAG.mjDSBL_ACTUATION
    | _FLAG.mjDSBL_GRAVITY
    | _FLAG.mjDSBL_SPRING
    | _FLAG.mjDSBL_DAMPER
    | _FLAG.mjDSBL_EULERDAMP
)


@dataclass(frozen=True)
class StateLayout:
    """Where positions and velocities lie in a state, after the time.

    Attributes:
        size: Numbers in a state.
        qpos: Where the ``nq`` positions lie.
        qvel: Where the ``nv`` velocities lie.
    """

    size: int
    qpos: slice
    qvel: slice


def state_layout(model: mujoco.MjModel) -> StateLayout:
    """Layout of a model's full physics state: time, qpos, qvel, activations."""
    return StateLayout(
        size=mujoco.mj_stateSize(model, _STATE),
        qpos=slice(1, 1 + model.nq),
        qvel=slice(1 + model.nq, 1 + model.nq + model.nv),
    )


class Simulation:
    """Steps batches of states of one model.

    Args:
        model: The model, as it is now: what is changed in it later need not take effect. Its warm
            start and auto-reset must be disabled.
        substeps: Physics steps per control step.
        n_threads: Native threads; by default one per available core.
        variants: Models of the same make with other numbers (masses, friction, …), any of which
            `step` can use for any state.

    Raises:
        ValueError: If the model's warm start or auto-reset is on.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        substeps: int,
        n_threads: int | None = None,
        variants: Sequence[mujoco.MjModel] = (),
    ) -> None:
        required = _FLAG.mjDSBL_WARMSTART | _FLAG.mjDSBL_AUTORESET
        if model.opt.disableflags & required != required:
            raise ValueError(
                "the model must disable warm start and auto-reset "
                '(<flag warmstart="disable" autoreset="disable"/>)'
            )
        self.model = model
        self.variants = tuple(variants)
        self.substeps = substeps
        self.layout = state_layout(model)
        self._quiet_model = copy.copy(model)
        self._quiet_model.opt.disableflags |= _FLAG.mjDSBL_SENSOR
        self._kinematic_model = copy.copy(model)
        self._kinematic_model.opt.disableflags |= _NO_DYNAMICS
        self._kinematic_model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
        self._n_threads = n_threads or available_cores()
        self._open()

    def _open(self) -> None:
        """Starts the threads, each with data of its own."""
        # One thread needs no pool: it runs in the caller's.
        self._pool = mujoco.rollout.Rollout(nthread=self._n_threads if self._n_threads > 1 else 0)
        self._data = [mujoco.MjData(self.model) for _ in range(self._n_threads)]
        self._kinematic_data = [mujoco.MjData(self.model) for _ in range(self._n_threads)]

    def __getstate__(self) -> dict[str, Any]:
        """Without the threads: a copy has its own. Between calls their data hold no state."""
        own = ("_pool", "_data", "_kinematic_data")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def close(self) -> None:
        """Ends the threads."""
        self._pool.close()

    def states(self, qpos: FloatArray, qvel: FloatArray) -> FloatArray:
        """States at time 0 from positions ``(n, nq)`` and velocities ``(n, nv)``."""
        states = np.zeros((len(qpos), self.layout.size))
        states[:, self.layout.qpos] = qpos
        states[:, self.layout.qvel] = qvel
        return states

    def step(
        self,
        states: FloatArray,
        ctrl: FloatArray,
        forces: FloatArray | None = None,
        chosen: Sequence[int] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """One control step: external forces are held over the substeps.

        Args:
            states: Shape ``(n, nstate)``.
            ctrl: In the units of the model's actuators, ``(n, nu)``, held over the substeps, or
                ``(n, substeps, nu)``.
            forces: External force [N] and torque [N·m] on every body, in the world frame at its
                center of mass, shape ``(n, nbody, 6)``; None for none.
            chosen: Which of ``variants`` each state is stepped by, n of them; the model itself
                without it.

        Returns:
            The next states ``(n, nstate)``, and the sensors ``(n, substeps, nsensordata)`` as
            MuJoCo has them during each substep, that is before the substep's integration.
        """
        if ctrl.ndim == 2:
            ctrl = self._held(ctrl[:, None])
        spec = _CTRL
        if forces is not None:
            held = self._held(forces.reshape(len(forces), 1, -1))
            ctrl = np.concatenate((ctrl, held), axis=2)
            spec = _CTRL_AND_FORCES
        models = None if chosen is None else [self.variants[index] for index in chosen]
        trajectory, sensors = self._rollout(self.model, self._data, states, ctrl, spec, models)
        return trajectory[:, -1].copy(), sensors

    def substep(
        self, states: FloatArray, ctrl: FloatArray, forces: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """One physics step, for controls that depend on the state within a control step.

        Args:
            states: Shape ``(n, nstate)``.
            ctrl: Shape ``(n, nu)``.
            forces: As of `step`.

        Returns:
            The next states ``(n, nstate)``, and the sensors before the step ``(n, nsensordata)``.
        """
        ctrl, spec = ctrl[:, None], _CTRL
        if forces is not None:
            ctrl = np.concatenate((ctrl, forces.reshape(len(forces), 1, -1)), axis=2)
            spec = _CTRL_AND_FORCES
        trajectory, sensors = self._rollout(self.model, self._data, states, ctrl, spec)
        return trajectory[:, 0].copy(), sensors[:, 0]

    def rollout(self, states: FloatArray, ctrl: FloatArray) -> FloatArray:
        """Many control steps in one call, the same to the last bit as calling `step` for each.

        Args:
            states: Shape ``(n, nstate)``.
            ctrl: Shape ``(n, horizon, nu)``.

        Returns:
            The states after each control step, ``(n, horizon, nstate)``. Sensors are not computed,
            which spares a twentieth of the time.
        """
        trajectory, _ = self._rollout(self._quiet_model, self._data, states, self._held(ctrl))
        return trajectory[:, self.substeps - 1 :: self.substeps].copy()

    def sense(self, states: FloatArray) -> FloatArray:
        """Sensors of positions and velocities exactly at the states, ``(n, nsensordata)``.

        The sensors of a physics step belong to the state before it. These are computed by a step
        of the model with forces, contacts and constraints switched off, at a tenth of the cost, so
        sensors that depend on forces or accelerations mean nothing here.
        """
        _, sensors = self._rollout(self._kinematic_model, self._kinematic_data, states, None)
        return sensors[:, 0]

    def _held(self, values: FloatArray) -> FloatArray:
        """Values ``(n, steps, m)`` of control steps at all their substeps."""
        n, steps, m = values.shape
        # numpy.repeat copies number by number.
        held = np.empty((n, steps, self.substeps, m))
        held[:] = values[:, :, None]
        return held.reshape(n, steps * self.substeps, m)

    def _rollout(
        self,
        model: mujoco.MjModel,
        data: list[mujoco.MjData],
        states: FloatArray,
        ctrl: FloatArray | None,
        spec: int = _CTRL,
        models: list[mujoco.MjModel] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        n = len(states)
        steps = 1 if ctrl is None else ctrl.shape[1]
        trajectory = np.empty((n, steps, self.layout.size))
        quiet = model is self._quiet_model
        sensors = np.empty((n, steps, 0 if quiet else model.nsensordata))
        if n:  # the thread pool does not survive an empty batch
            self._pool.rollout(
                [model] * n if models is None else models,
                data,
                states,
                ctrl,
                control_spec=spec,
                skip_checks=True,
                nstep=steps,
                state=trajectory,
                sensordata=None if quiet else sensors,
            )
        return trajectory, sensors


def available_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
