"""The tracking problem, which every method solves: find actions that make a robot follow a clip.

States are rows of positions and velocities, ``(..., nq + nv)``; actions are those of residual
control (`sb3_mimic.envs.actuation.ResidualPD`), PD targets as offsets from the reference in
[-1, 1]. Step ``t`` leads from state ``t`` to state ``t + 1`` of the reference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.actuation import ResidualPD, Target
from sb3_mimic.envs.core.manifold import difference
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.core.simulation import Simulation
from sb3_mimic.envs.tracking.reference import Reference, pose_at
from sb3_mimic.errors import InputError


@dataclass(frozen=True)
class TrackingWeights:
    """Half of the weighted squares of all deviations, summed over steps, is the cost.

    Attributes:
        root_ground: Root position over the ground [1/m²].
        root_height: Root height [1/m²].
        root_angle: Root rotation [1/rad²].
        joint: Each hinge angle [1/rad²].
        root_velocity: Root velocity [s²/m²].
        root_angular_velocity: Root angular velocity [s²/rad²].
        joint_velocity: Each hinge rate [s²/rad²].
        action: Each action; 1 is an offset that asks for the full torque.
    """

    root_ground: float = 30.0
    root_height: float = 15.0
    root_angle: float = 3.0
    joint: float = 1.0
    root_velocity: float = 0.02
    root_angular_velocity: float = 0.002
    joint_velocity: float = 0.0002
    action: float = 0.005


class TrackingProblem:
    """A clip to be followed by a robot under physics.

    Args:
        reference: The reference.
        cycles: How often a looping clip goes round; 1 for a clip that does not loop.
        weights: The weights of the cost.
        n_threads: Physics threads; by default one per core.

    Raises:
        InputError: If the robot was loaded for an actuation without servos.

    Attributes:
        n_steps: Control steps from the first to the last frame.
        start: The reference's first state, ``(nq + nv,)``.
        actuation: The meaning of an action for the joints.
    """

    def __init__(
        self,
        reference: Reference,
        cycles: int = 1,
        weights: TrackingWeights | None = None,
        n_threads: int | None = None,
    ) -> None:
        robot = reference.robot
        if not has_servos(robot):
            raise InputError(
                f"{robot.name}: refinement needs a position servo at every joint, and it was "
                "loaded for another actuation; load it with control='residual'"
            )
        self.reference = reference
        self.weights = weights or TrackingWeights()
        self.dt = 1 / robot.control_rate
        # The rounding of a file's durations makes no further step.
        self.n_steps = max(1, int(np.ceil(reference.duration * cycles / self.dt - 1e-3)))
        self.nx = reference.rows.qvel.stop
        self.nv = robot.model.nv
        self.nu = len(robot.joint_names)
        self.actuation = ResidualPD(robot, 1)
        self._diagonal = _diagonal(self.weights, self.nv)
        self._simulation = Simulation(robot.model, robot.substeps, n_threads)
        self.start = self.target(np.zeros(1, dtype=np.intp))[0]
        self.evaluations = 0

    def close(self) -> None:
        """Ends the physics threads."""
        self._simulation.close()

    def target(self, steps: NDArray[np.intp]) -> FloatArray:
        """The reference's states at control steps ``(n,)``, ``(n, nq + nv)``."""
        return self.reference.at(steps.astype(np.float64) * self.dt)[:, : self.nx]

    def pose(self, times: FloatArray) -> Target:
        """The reference's joints at times ``(n,)`` [s], as the actuation wants them."""
        return pose_at(self.reference, times)

    def error_weights(self, steps: NDArray[np.intp]) -> FloatArray:
        """Weights ``(n, 2 nv)`` of the deviations at control steps ``(n,)``.

        Steps after the end of a clip that does not loop have none.
        """
        weights = np.repeat(self._diagonal[None], len(steps), axis=0)
        if not self.reference.loop:
            weights[steps > self.n_steps] = 0.0
        return weights

    def rollout(
        self, states: FloatArray, actions: FloatArray, start: int | NDArray[np.intp]
    ) -> FloatArray:
        """The states after each of some actions.

        Args:
            states: First states, ``(n, nq + nv)``.
            actions: ``(n, horizon, nu)``.
            start: Control step of the first action, one for all or ``(n,)``.

        Returns:
            Shape ``(n, horizon, nq + nv)``.
        """
        n, horizon = actions.shape[:2]
        self.evaluations += n * horizon
        steps = np.broadcast_to(np.asarray(start)[..., None] + np.arange(horizon), (n, horizon))
        first = int(steps.min())
        neutral = self.actuation.neutral(
            self.pose(np.arange(first + 1, int(steps.max()) + 2, dtype=np.float64) * self.dt)
        )
        ctrl = neutral[steps - first] + self.actuation.scale * actions
        nq = self.nx - self.nv
        rows = self._simulation.rollout(
            self._simulation.states(states[:, :nq], states[:, nq:]), ctrl
        )
        layout = self._simulation.layout
        return rows[..., layout.qpos.start : layout.qvel.stop]

    def errors(self, states: FloatArray, start: int) -> FloatArray:
        """Deviations of states that follow control step ``start`` from the reference.

        Args:
            states: Shape ``(n, horizon, nq + nv)``.
            start: Control step before the first of them.

        Returns:
            Shape ``(n, horizon, 2 nv)`` [m, rad, m/s, rad/s], in MuJoCo's coordinates of velocity.
        """
        steps = start + 1 + np.arange(states.shape[1])
        return difference(states, self.target(steps))

    def costs(self, states: FloatArray, actions: FloatArray, start: int) -> FloatArray:
        """Cost ``(n, horizon)`` of each step; infinite where a state is lost.

        Args:
            states: States after the actions, ``(n, horizon, nq + nv)``.
            actions: Shape ``(n, horizon, nu)``.
            start: Control step of the first action.
        """
        steps = start + 1 + np.arange(states.shape[1])
        deviation = np.square(self.errors(states, start)) * self.error_weights(steps)
        effort = self.weights.action * np.square(actions).sum(axis=-1)
        cost = (deviation.sum(axis=-1) + effort) / 2
        return np.where(np.isfinite(cost), cost, np.inf)


def has_servos(robot: Robot) -> bool:
    """Whether the actuators of a robot's model are position servos with its own gains."""
    model = robot.model
    return model.nu == len(robot.joint_names) and np.array_equal(
        model.actuator_gainprm[:, 0], robot.kp
    )


def quantize(actions: FloatArray) -> FloatArray:
    """Actions clipped to [-1, 1] and rounded to float32, in which they are stored and executed."""
    return np.clip(actions, -1.0, 1.0).astype(np.float32).astype(np.float64)


def _diagonal(weights: TrackingWeights, nv: int) -> FloatArray:
    joints = nv - 6
    return np.concatenate(
        (
            np.repeat((weights.root_ground, weights.root_height, weights.root_angle), (2, 1, 3)),
            np.full(joints, weights.joint),
            np.repeat((weights.root_velocity, weights.root_angular_velocity), (3, 3)),
            np.full(joints, weights.joint_velocity),
        )
    )
