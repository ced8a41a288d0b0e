"""`BatchedEnv`: n copies of one task, stepped together.

The one implementation under both interfaces: `MimicEnv` (a `gymnasium.Env`) is the batch of one,
`NativeVecEnv` (an SB3 ``VecEnv``) the batch of n.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.actuation.base import Actuation, Target
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.core.simulation import Simulation, available_cores
from sb3_mimic.errors import InputError

# A state faster than this is numerically lost, not just fallen [m/s, rad/s].
_MAX_SPEED = 1e3

#: Name of the last `ObservationPart` where it is what only a simulation knows: critics read it.
PRIVILEGED = "privileged"


@dataclass(frozen=True)
class ObservationPart:
    """Neighboring numbers of an observation.

    Attributes:
        name: What they are.
        size: How many there are.
        unit: Their unit and frame; empty for plain numbers.
    """

    name: str
    size: int
    unit: str = ""


@dataclass(frozen=True)
class Step:
    """What one control step of n environments gives.

    Attributes:
        observations: ``(n, ...)`` in the observation space.
        rewards: ``(n,)``, the sum of the reward terms.
        reward_terms: Name of each term and its ``(n,)`` weighted values.
        terminated: ``(n,)``: the episode ended by failure.
        truncated: ``(n,)``: the episode ended by time.
    """

    observations: NDArray[Any]
    rewards: FloatArray
    reward_terms: dict[str, FloatArray]
    terminated: BoolArray
    truncated: BoolArray


class BatchedEnv(ABC):
    """n environments of one task on one robot.

    A subclass says where an episode starts, what an action asks of the actuators, what is
    observed, rewarded and when it ends; each as a function of the whole batch. Every array that
    belongs to an environment has the batch as its first axis.

    Args:
        robot: The robot.
        actuation: What an action asks of its motors.
        n_envs: Number of environments.
        episode_steps: Control steps after which an episode is truncated.
        n_threads: Physics threads; by default one per core, at most one per environment.
        variants: Models of the robot with other numbers, for tasks that randomize them.

    Attributes:
        uses_substep_sensors: Whether the task asks for the sensors of every physics step, which
            costs a twentieth of it.
        time_limits: Control steps after which the present episode of each environment is truncated,
            ``(n,)``; a reset makes it ``episode_steps``. See `stagger`.
        total_steps: Control steps that each environment has behind it over all its episodes,
            ``(n,)``, for tasks with a curriculum. It may be set where training goes on.
        push: Force on the center of mass of each root body, in the world frame, ``(n, 3)`` [N],
            from the next step until it is set to something else; None for none.
    """

    uses_substep_sensors: ClassVar[bool] = False
    observation_space: spaces.Space[NDArray[Any]]
    action_space: spaces.Box

    def __init__(
        self,
        robot: Robot,
        actuation: Callable[[Robot, int], Actuation],
        n_envs: int,
        episode_steps: int,
        n_threads: int | None = None,
        variants: Sequence[mujoco.MjModel] = (),
    ) -> None:
        self.robot = robot
        self.actuation = actuation(robot, n_envs)
        self.n_envs = n_envs
        self.episode_steps = episode_steps
        self.simulation = Simulation(
            robot.model, robot.substeps, min(n_threads or available_cores(), n_envs), variants
        )
        self.layout = self.simulation.layout
        self.states = np.zeros((n_envs, self.layout.size))
        self._sensors: FloatArray | None = None
        self.steps = np.zeros(n_envs, dtype=np.int64)
        self.time_limits = np.full(n_envs, episode_steps)
        self.total_steps = np.zeros(n_envs, dtype=np.int64)
        self.push: FloatArray | None = None
        size = len(self.actuation.action_names)
        self.action_space = spaces.Box(-1.0, 1.0, (size,), np.float32)
        self._everyone = np.arange(n_envs)

    @property
    def dt(self) -> float:
        """Length of a control step [s]."""
        return 1 / self.robot.control_rate

    @property
    def qpos(self) -> FloatArray:
        """Positions of all environments, ``(n, nq)``: a view of the state."""
        return self.states[:, self.layout.qpos]

    @property
    def qvel(self) -> FloatArray:
        """Velocities of all environments, ``(n, nv)``: a view of the state."""
        return self.states[:, self.layout.qvel]

    @property
    def sensors(self) -> FloatArray:
        """Sensors of positions and velocities at the states, ``(n, nsensordata)``.

        Computed when they are asked for: not every task does at every step.
        """
        if self._sensors is None:
            self._sensors = self.simulation.sense(self.states)
        return self._sensors

    @property
    def observation_layout(self) -> tuple[ObservationPart, ...]:
        """The parts of an observation in order; empty where it is a picture."""
        return ()

    @property
    def action_scaling(self) -> dict[str, Any]:
        """See `Actuation.action_scaling`."""
        return self.actuation.action_scaling

    @property
    def onboard(self) -> dict[str, Any]:
        """What the robot's own program must know of a policy; empty where it cannot run there."""
        return {}

    def open_loop_actions(self, motion: str, n_steps: int) -> FloatArray | None:
        """Actions that play a motion from an episode's start without looking at the state.

        Args:
            motion: Name of the motion.
            n_steps: Number of control steps.

        Returns:
            Shape ``(n_steps, size)``; None where the robot has no such motion of its own.
        """
        return None

    def close(self) -> None:
        """Ends the physics threads."""
        self.simulation.close()

    def reset(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> NDArray[Any]:
        """Starts new episodes in some environments.

        Args:
            indices: The k environments to reset.
            generators: The random generator of each of them.
            options: What was asked of each of them, as in `gymnasium.Env.reset`.

        Returns:
            Their first observations, ``(k, ...)``.
        """
        self.states[indices] = self._start(indices, generators, options)
        self.steps[indices] = 0
        self.time_limits[indices] = self.episode_steps
        self._sensors = None
        self.actuation.start(indices)
        self._started(indices)
        return self._observe(indices)

    def stagger(self) -> None:
        """Shortens the present episodes to evenly spread lengths.

        Environments that start together also reach the time limit together, and what then ends for
        a while are falls alone: the last episodes' mean return jumps up and down with the clock.
        """
        share = np.arange(1, self.n_envs + 1) / self.n_envs
        self.time_limits[:] = self.steps + np.ceil(share * (self.episode_steps - self.steps))

    def set_state(self, index: int, qpos: FloatArray, qvel: FloatArray) -> None:
        """Puts one environment into a state, ``qpos (nq,)`` and ``qvel (nv,)``, in mid-episode."""
        self.states[index, self.layout.qpos] = qpos
        self.states[index, self.layout.qvel] = qvel
        self._sensors = None

    def observe(self, indices: IndexArray) -> NDArray[Any]:
        """Observations ``(k, ...)`` of some environments as they are now."""
        return self._observe(indices)

    def step(self, actions: NDArray[Any]) -> Step:
        """One control step of every environment; ended episodes are not reset here.

        Args:
            actions: Shape ``(n, size)``; clipped to the action space's [-1, 1].

        Raises:
            InputError: If the shape is another, or one is no number.
        """
        actions = np.clip(np.asarray(actions, dtype=np.float64), -1.0, 1.0)
        if actions.shape != (self.n_envs, *self.action_space.shape):
            # Broadcasting would make one action everyone's, or one number every joint's.
            raise InputError(
                f"actions of {self.n_envs} environments have the shape "
                f"{(self.n_envs, *self.action_space.shape)}, not {actions.shape}"
            )
        if np.isnan(actions.sum()):  # as good as never, and faster than element by element
            where = np.argwhere(np.isnan(actions))[0]
            raise InputError(f"the action of environment {where[0]} is no number in {where[1]}")
        before = self.states
        self.states, substep_sensors = self._simulate(self.controls(actions))
        lost = self._lost()
        if lost.any():
            # The episode ends here, where the body was last, so that what is observed of it and
            # rewarded is of an ordinary size.
            self.states[lost] = before[lost]
            self.states[lost, self.layout.qvel] = 0.0
            substep_sensors[lost] = 0.0
        self._sensors = None
        self.steps += 1
        self.total_steps += 1
        self._advance(actions, substep_sensors)
        terms = self._reward_terms(actions)
        terminated = self._terminated() | lost
        truncated = self._truncated() & ~terminated
        return Step(
            observations=self._observe(self._everyone),
            rewards=sum_terms(terms),
            reward_terms=terms,
            terminated=terminated,
            truncated=truncated,
        )

    def controls(self, actions: FloatArray) -> FloatArray:
        """What the actuation makes of actions ``(n, size)`` at the current step; see `Actuation`.

        Of an actuation that keeps state this is a control step.
        """
        return self.actuation.controls(actions, self._target())

    def _simulate(self, ctrl: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The physics of a control step: the next states, and the sensors before each substep."""
        if self.actuation.feedback:
            return self._simulate_substeps(ctrl)
        if self.uses_substep_sensors or self.push is not None:
            return self.simulation.step(self.states, ctrl, self._external_forces())
        states = self.simulation.rollout(self.states, ctrl[:, None])[:, 0]
        return states, np.zeros((self.n_envs, self.robot.substeps, 0))

    def _simulate_substeps(self, controls: FloatArray) -> tuple[FloatArray, FloatArray]:
        """`_simulate` for an actuation that looks at the state before each substep."""
        states, sensors, forces = self.states, [], self._external_forces()
        for _ in range(self.robot.substeps):
            ctrl = self.actuation.substep_controls(controls, states)
            states, sensed = self.simulation.substep(states, ctrl, forces)
            sensors.append(sensed)
        return states, np.stack(sensors, axis=1)

    def _external_forces(self) -> FloatArray | None:
        if self.push is None:
            return None
        model = self.robot.model
        forces = np.zeros((self.n_envs, model.nbody, 6))
        forces[:, model.jnt_bodyid[0], :3] = self.push
        return forces

    def _lost(self) -> BoolArray:
        speed = np.abs(self.qvel)
        if speed.max() < _MAX_SPEED:  # as good as always, and much faster than row by row
            return np.zeros(self.n_envs, dtype=np.bool_)
        lost: BoolArray = ~(speed.max(axis=1) < _MAX_SPEED)
        return lost

    def _truncated(self) -> BoolArray:
        return self.steps >= self.time_limits

    @abstractmethod
    def _start(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> FloatArray:
        """First states ``(k, nstate)`` of new episodes; sets up what else belongs to them."""

    def _started(self, indices: IndexArray) -> None:  # noqa: B027 (most tasks need nothing here)
        """Called once the first states are in place."""

    def _target(self) -> Target | None:
        """The pose that the task wants at the end of this control step; None for none."""
        return None

    @abstractmethod
    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        """Called when the states are new and before rewards: what the task itself keeps moves on.

        Args:
            actions: The actions taken, ``(n, size)``.
            substep_sensors: Sensors before each substep, ``(n, substeps, nsensordata)``; none
                unless `uses_substep_sensors`.
        """

    @abstractmethod
    def _observe(self, indices: IndexArray) -> NDArray[Any]:
        """Observations ``(k, ...)`` of some environments."""

    @abstractmethod
    def _reward_terms(self, actions: FloatArray) -> dict[str, FloatArray]:
        """Weighted reward terms, ``(n,)`` each."""

    @abstractmethod
    def _terminated(self) -> BoolArray:
        """Which episodes end in failure, ``(n,)``."""


def sum_terms(terms: Mapping[str, FloatArray]) -> FloatArray:
    """The reward ``(n,)`` that the terms make up."""
    total = np.zeros_like(next(iter(terms.values())))
    for term in terms.values():
        total += term
    return total
