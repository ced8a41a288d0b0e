"""Inverse dynamics: the torques that the reference's accelerations need.

The root has no motor. The part of its wrench that the ground cannot give is missing in the replay
(`root_residual`). MuJoCo's contacts answer to a tenth of a millimetre, and no clip is that exact:
soles that hover by a centimetre get no force, and soles that sink are thrown into the air. Its own
inverse dynamics of a clip would therefore ask for torques against forces that will not be there.
Here the ground gives the forces within the friction cones that come nearest to the root's wrench
(`sb3_mimic.refinement.feasibility`). For a motion that was simulated MuJoCo's contacts are the
better choice: the residual is zero, and the actions are those of the simulation.
"""

import copy
from dataclasses import dataclass
from typing import Literal, get_args

import mujoco
import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.actuation import servo_target
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint
from sb3_mimic.refinement.feasibility import feasibility_at
from sb3_mimic.refinement.methods import ProgressCallback
from sb3_mimic.refinement.methods.pd import actions_for_target
from sb3_mimic.refinement.problem import TrackingProblem

Contacts = Literal["cone", "model"]


@dataclass(frozen=True)
class InverseDynamicsSettings:
    """Source of the ground's forces.

    Attributes:
        contacts: ``cone``: the best forces within the friction cones of points near the ground;
            ``model``: MuJoCo's contacts, for motions without a millimetre of error.

    Raises:
        InputError: If there is no such choice.
    """

    contacts: Contacts = "cone"

    def __post_init__(self) -> None:
        if self.contacts not in get_args(Contacts):
            raise InputError(
                f"contacts={self.contacts!r} must be one of {', '.join(get_args(Contacts))}"
            )


@dataclass(frozen=True, eq=False)
class InverseDynamics:
    """Torques and wrenches that T control steps of a motion need, averaged over each.

    Attributes:
        torque: Torque of each hinge (T, nu) [N·m], not limited.
        target: Servo targets (T, nu) [rad] that ask for it.
        root_force: Force that is missing at the root (T, 3), in the world's frame [N].
        root_torque: Torque that is missing there (T, 3), in the root's frame [N·m].
    """

    torque: FloatArray
    target: FloatArray
    root_force: FloatArray
    root_torque: FloatArray


def solve_invdyn(
    problem: TrackingProblem,
    settings: InverseDynamicsSettings,
    seed: int,
    progress: ProgressCallback,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FloatArray:
    """Actions ``(n_steps, nu)`` that ask for the torques of inverse dynamics.

    Args:
        problem: The tracking problem.
        settings: See :class:`InverseDynamicsSettings`.
        seed: Not used.
        progress: Called once.
        checkpoint: Not used.
    """
    del seed, checkpoint
    actions = inverse_dynamics_actions(problem, settings.contacts)
    progress(problem.n_steps, problem.n_steps, 0.0)
    return actions


def inverse_dynamics_actions(
    problem: TrackingProblem, contacts: Contacts = "cone", n_steps: int | None = None
) -> FloatArray:
    """Actions ``(n, nu)`` of the first ``n_steps`` control steps, by default of the whole clip.

    Args:
        problem: The tracking problem.
        contacts: See :class:`InverseDynamicsSettings`.
        n_steps: For a clip that loops it may be more than the clip has.
    """
    needed = reference_dynamics(problem, contacts, n_steps)
    return actions_for_target(problem, needed.target)


def root_residual(problem: TrackingProblem, settings: InverseDynamicsSettings) -> dict[str, float]:
    """The wrench that is missing at the reference's root, mean and largest.

    Args:
        problem: The tracking problem.
        settings: See :class:`InverseDynamicsSettings`.

    Returns:
        ``root_force_mean`` and ``_max`` [N], ``root_torque_mean`` and ``_max`` [N·m].
    """
    needed = reference_dynamics(problem, settings.contacts)
    force = np.linalg.norm(needed.root_force, axis=1)
    torque = np.linalg.norm(needed.root_torque, axis=1)
    return {
        "root_force_mean": float(force.mean()),
        "root_force_max": float(force.max()),
        "root_torque_mean": float(torque.mean()),
        "root_torque_max": float(torque.max()),
    }


def reference_dynamics(
    problem: TrackingProblem, contacts: Contacts = "cone", n_steps: int | None = None
) -> InverseDynamics:
    """Torques and missing wrenches of a reference in each control step.

    Args:
        problem: The tracking problem.
        contacts: See :class:`InverseDynamicsSettings`.
        n_steps: Control steps; by default those of the clip.
    """
    reference, dt = problem.reference, problem.dt
    n_steps = n_steps or problem.n_steps
    robot, rows = reference.robot, reference.rows
    if contacts == "model":
        n_substeps = n_steps * robot.substeps
        fine = np.arange(n_substeps + 1, dtype=np.float64) * (dt / robot.substeps)
        states = reference.at(fine)
        return inverse_dynamics(robot, states[:, rows.qpos], states[:, rows.qvel])
    before = np.arange(n_steps, dtype=np.float64) * dt
    after = before + dt
    if not reference.loop:
        after = np.minimum(after, reference.duration)
    times = (before + after) / 2
    middle = reference.at(times)
    change = reference.at(after)[:, rows.qvel] - reference.at(before)[:, rows.qvel]
    needs = feasibility_at(reference, middle, change / (after - before)[:, None], times)
    weight = float(robot.model.body_subtreemass[0]) * -robot.model.opt.gravity[2]
    return InverseDynamics(
        torque=needs.torques,
        target=servo_target(
            robot, middle[:, rows.qpos][:, 7:], middle[:, rows.qvel][:, 6:], needs.torques
        ),
        root_force=needs.missing_force * weight,
        root_torque=needs.missing_moment,
    )


def inverse_dynamics(robot: Robot, qpos: FloatArray, qvel: FloatArray) -> InverseDynamics:
    """Torques and missing wrenches of a motion sampled at every physics step.

    The ground's forces are those of MuJoCo's contacts.

    Args:
        robot: The robot.
        qpos: Positions ``(T · substeps + 1, nq)``.
        qvel: Velocities ``(T · substeps + 1, nv)``.
    """
    model = copy.copy(robot.model)
    # Accelerations are the differences that the integrator makes, not those of continuous time.
    model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_INVDISCRETE
    data = mujoco.MjData(model)
    n = len(qpos) - 1
    needed = np.empty((n, model.nv))
    for i in range(n):
        data.qpos[:], data.qvel[:] = qpos[i], qvel[i]
        data.qacc[:] = (qvel[i + 1] - qvel[i]) / model.opt.timestep
        mujoco.mj_inverse(model, data)
        needed[i] = data.qfrc_inverse
    torque = needed[:, 6:]
    target = servo_target(robot, qpos[:-1, 7:], qvel[:-1, 6:], torque)

    def per_step(values: FloatArray) -> FloatArray:
        mean: FloatArray = values.reshape(-1, robot.substeps, values.shape[1]).mean(axis=1)
        return mean

    return InverseDynamics(
        torque=per_step(torque),
        target=per_step(target),
        root_force=per_step(needed[:, :3]),
        root_torque=per_step(needed[:, 3:6]),
    )
