"""n robots that imitate clips: one implementation for every robot."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.actuation import JointActuation, Target, get_actuation
from sb3_mimic.envs.core.batched import BatchedEnv, ObservationPart
from sb3_mimic.envs.tracking.falls import fall_points
from sb3_mimic.envs.tracking.observations import (
    ROOT_SIZE,
    TARGET_ROOT_SIZE,
    observation,
    phase_angle,
)
from sb3_mimic.envs.tracking.options import TrackingOptions
from sb3_mimic.envs.tracking.pushes import Pushes
from sb3_mimic.envs.tracking.reference import Reference, ReferenceSet
from sb3_mimic.envs.tracking.rewards import JointWeights, Pose, get_reward
from sb3_mimic.envs.tracking.spec import TrackingRobot
from sb3_mimic.envs.tracking.starts import draw_index, motion_index, start_phase
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import angle_between, heading, rotate, to_heading_frame

# Reference poses in the observation.
_LOOKAHEAD = 3


class TrackingBatch(BatchedEnv):
    """n robots, each of which imitates one of the references.

    Args:
        references: The references, whose clips must have different names.
        options: The task's options.
        n_envs: Number of environments.
        n_threads: Physics threads.

    Attributes:
        motions: Which of the references each environment imitates in this episode, ``(n,)``.
        motion_probabilities: How likely a new episode performs each of them where
            ``motion_order="random"``, ``(k,)``; they add up to 1, and may be set at any time.
        phase_probabilities: How likely an episode of each begins in each of m equal parts of its
            clip, ``(k, m)``; each row adds up to 1. It may be set at any time, with any m; at first
            m is 1, so that all phases are equally likely.
        pushes: What pushes the bodies; None where nothing does.

    Raises:
        InputError: If two clips have the same name.
    """

    def __init__(
        self,
        references: ReferenceSet,
        options: TrackingOptions,
        n_envs: int,
        n_threads: int | None = None,
    ) -> None:
        robot = references.robot
        self.robot: TrackingRobot
        steps = round(options.episode_seconds * robot.control_rate)
        super().__init__(robot, get_actuation(options.control), n_envs, steps, n_threads)
        self.references = references
        self.motion_names = tuple(each.clip.name for each in references.references)
        for name in self.motion_names:
            if self.motion_names.count(name) > 1:
                raise InputError(f"motion: two clips are called {name!r}; rename one of them")
        self.options = options
        self.motions = np.zeros(n_envs, np.intp)
        self.motion_probabilities = np.full(len(references), 1 / len(references))
        self.phase_probabilities = np.ones((len(references), 1))
        self._turn = 0
        self.pushes = (
            Pushes(n_envs, steps, robot.control_rate, options.push_force)
            if options.push_force > 0
            else None
        )
        self._start_times = np.zeros(n_envs)
        # The reference now and at the next steps; a column of it is made per step and reused.
        self._window = np.zeros((n_envs, 1 + _LOOKAHEAD, references.rows.width))
        self._anchor = np.zeros((n_envs, 2))
        self._joints = robot.joint_space
        weight = robot.spec.weight
        self._weights = JointWeights(
            weight("root"),
            np.array([weight(name) for name in self._joints.balls]),
            np.array([weight(name) for name in self._joints.hinges]),
        )
        self._reward = get_reward(options.reward)
        compared = (*robot.end_effectors, "com", "com_velocity")
        columns = np.arange(robot.model.nsensordata)
        self._compared = np.concatenate([columns[robot.sensor(name)] for name in compared])
        self._fall_columns, self._fall_radii = fall_points(references)
        joints = len(robot.joint_names)
        size = {
            "joints": 2 * joints,
            "phase": ROOT_SIZE + 2 * joints + 2,
            "reference": ROOT_SIZE + 2 * joints + 2 + _LOOKAHEAD * (TARGET_ROOT_SIZE + joints),
        }[options.observation]
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)

    @property
    def reference(self) -> Reference:
        """The only reference.

        Raises:
            ValueError: If there are several.
        """
        if len(self.references) > 1:
            raise ValueError(f"{len(self.references)} references: see `references` and `motions`")
        return self.references.references[0]

    @property
    def imitated(self) -> list[Reference]:
        """The reference that each environment imitates in this episode, n of them."""
        return [self.references.references[motion] for motion in self.motions]

    @property
    def observation_layout(self) -> tuple[ObservationPart, ...]:
        """See `BatchedEnv.observation_layout`; docs/dimensions.md tells more of each part."""
        n = len(self.robot.joint_names)
        joints = (
            ObservationPart("joint_angles", n, "rad"),
            ObservationPart("joint_rates", n, "rad/s"),
        )
        if self.options.observation == "joints":
            return joints
        parts = (
            ObservationPart("root_height", 1, "m"),
            ObservationPart("root_rotation", 6, "two columns, heading frame"),
            ObservationPart("root_velocity", 3, "m/s, heading frame"),
            ObservationPart("root_angular_velocity", 3, "rad/s, heading frame"),
            *joints,
            ObservationPart("phase", 2, "cosine, sine"),
        )
        if self.options.observation == "phase":
            return parts
        size = TARGET_ROOT_SIZE + n
        ahead = range(1, _LOOKAHEAD + 1)
        return (*parts, *(ObservationPart(f"reference_{i}_ahead", size, "m, rad") for i in ahead))

    @property
    def times(self) -> FloatArray:
        """Time within the reference of each environment, ``(n,)`` [s]; cycles add up."""
        return self._start_times + self.steps * self.dt

    @property
    def start_phases(self) -> FloatArray:
        """Phase at which each environment's episode began, ``(n,)`` in [0, 1)."""
        phases: FloatArray = self._start_times / self.references.durations[self.motions]
        return phases

    @property
    def full_steps(self) -> NDArray[np.int64]:
        """Control steps of each environment's present episode if nothing ends it, ``(n,)``."""
        left = self.references.durations[self.motions] - self._start_times
        ends = np.ceil(left * self.robot.control_rate - 1e-6).astype(np.int64)
        return np.where(self.references.loops[self.motions], self.time_limits, ends)

    @property
    def phase(self) -> FloatArray:
        """Phase of each environment, ``(n,)`` in [0, 1]."""
        return self.references.phase(self.motions, self.times)

    @property
    def reference_qpos(self) -> FloatArray:
        """Positions of each environment's reference now, anchored, ``(n, nq)``."""
        return self._anchored(self._everyone, slice(0, 1))[:, 0]

    @property
    def reference_qvel(self) -> FloatArray:
        """Velocities of each environment's reference now, ``(n, nv)``."""
        return self._window[:, 0, self.references.rows.qvel].copy()

    @property
    def root_offset(self) -> FloatArray:
        """How far anchoring has moved each reference over the ground, ``(n, 2)`` [m]."""
        return self._anchor.copy()

    def _start(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> FloatArray:
        for option in options:
            if unknown := option.keys() - {"motion", "phase"}:
                raise InputError(
                    f"the reset of a tracking task takes motion and phase, not "
                    f"{min(map(repr, unknown))}"
                )
        phases = np.empty(len(indices))
        for i, (index, option, generator) in enumerate(
            zip(indices, options, generators, strict=True)
        ):
            self.motions[index] = self._next_motion(option, generator)
            phases[i] = start_phase(
                option, generator, self.phase_probabilities[self.motions[index]]
            )
            if self.pushes is not None:
                self.pushes.draw(index, generator)
        motions = self.motions[indices]
        self._start_times[indices] = phases * self.references.durations[motions]
        self._anchor[indices] = 0.0
        for ahead in range(1 + _LOOKAHEAD):
            self._window[indices, ahead] = self.references.at(
                motions, self._start_times[indices] + ahead * self.dt
            )
        rows, now = self.references.rows, self._window[indices, 0]
        return self.simulation.states(now[:, rows.qpos], now[:, rows.qvel])

    def _next_motion(self, options: Mapping[str, Any], generator: np.random.Generator) -> int:
        """Index of the clip of a new episode; of one clip nothing is drawn."""
        if "motion" in options:
            return motion_index(options["motion"], self.motion_names)
        if len(self.references) == 1:
            return 0
        if self.options.motion_order == "in_turn":
            self._turn += 1
            return (self._turn - 1) % len(self.references)
        return draw_index(self.motion_probabilities, generator)

    def _simulate(self, ctrl: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.pushes is not None:
            self.push = self.pushes.at(self.steps, self.qpos[:, 3:7])
        return super()._simulate(ctrl)

    def _target(self) -> Target | None:
        """The reference's pose at the next step, where the actuation asks for one."""
        if not self.actuation.follows_target:
            return None
        following, rows = self._window[:, 1], self.references.rows
        return Target(following[:, rows.qpos][:, 7:], following[:, rows.qvel][:, 6:])

    def actions_for(self, controls: FloatArray) -> FloatArray:
        """Actions ``(n, size)`` that ask for these controls at the current step; not clipped.

        Args:
            controls: What the actuation is to give: PD targets [rad], or torques [N·m] with
                ``control="torque"``, shape ``(n, joints)``.

        Raises:
            InputError: If the actuation does not have one number a joint.
        """
        return self.joint_actuation.actions_for(controls, self._target())

    @property
    def joint_actuation(self) -> JointActuation:
        """The actuation, of one number a joint, for what makes actions out of controls.

        Raises:
            InputError: If it is another.
        """
        if not isinstance(self.actuation, JointActuation):
            raise InputError(
                f"control={self.options.control!r} has no action for given controls: it does not "
                "drive joint by joint"
            )
        return self.actuation

    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        self._window[:, :-1] = self._window[:, 1:]
        # Not times plus something: rounding would make the row another than the same step's, asked
        # for from elsewhere.
        self._window[:, -1] = self.references.at(
            self.motions, self._start_times + (self.steps + _LOOKAHEAD) * self.dt
        )
        if self.options.anchor == "root":
            cycle, times = self.references.cycle, self.times
            new_cycle = cycle(self.motions, times) > cycle(self.motions, times - self.dt)
            if new_cycle.any():
                self._anchor[new_cycle] = self.qpos[new_cycle, :2] - self._window[new_cycle, 0, :2]

    def _observe(self, indices: IndexArray) -> NDArray[np.float32]:
        qpos, qvel = self.qpos[indices], self.qvel[indices]
        if self.options.observation == "joints":
            return np.concatenate((qpos[:, 7:], qvel[:, 6:]), axis=1, dtype=np.float32)
        motions = self.motions[indices]
        phase = self.references.phase(motions, self.times[indices])
        angle = phase_angle(phase, self.references.loops[motions])
        ahead = slice(1, None) if self.options.observation == "reference" else slice(0)
        return observation(qpos, qvel, angle, self._anchored(indices, ahead))

    def _reward_terms(self, actions: FloatArray) -> dict[str, FloatArray]:
        n, rows = self.n_envs, self.references.rows
        now = self._window[:, 0]
        # One pass over bodies and references together. The anchor matters to what is not relative
        # to the root, which is moved below.
        ours, theirs = self.sensors[:, self._compared], now[:, rows.sensors.start + self._compared]
        both = self._pose(
            _below(self.qpos, now[:, rows.qpos]),
            _below(self.qvel, now[:, rows.qvel]),
            _below(ours, theirs),
        )
        both.root_position[n:, :2] += self._anchor
        both.com[n:, :2] += self._anchor
        return self._reward(_part(both, slice(0, n)), _part(both, slice(n, None)), self._weights)

    def _terminated(self) -> BoolArray:
        if self.options.early_termination == "none":
            return np.zeros(self.n_envs, dtype=np.bool_)
        fallen = self.fallen()
        if self.options.early_termination == "fall":
            return fallen
        target = self.reference_qpos
        distance = np.sqrt(np.square(self.qpos[:, :3] - target[:, :3]).sum(axis=1))
        angle = angle_between(self.qpos[:, 3:7], target[:, 3:7])
        spec = self.robot.spec
        lost: BoolArray = (distance > spec.max_root_distance) | (angle > spec.max_root_angle)
        return fallen | lost

    def fallen(self) -> BoolArray:
        """Which bodies touch the ground with something that stays off it in the clip, ``(n,)``."""
        lowest = self.sensors[:, self._fall_columns] - self._fall_radii[self.motions]
        touching: BoolArray = np.logical_or.reduce(lowest <= 0.0, axis=1)
        return touching

    def _truncated(self) -> BoolArray:
        over = self.times >= self.references.durations[self.motions] - 1e-9
        return np.where(self.references.loops[self.motions], super()._truncated(), over)

    def _anchored(self, indices: IndexArray, ahead: slice) -> FloatArray:
        poses: FloatArray = self._window[indices, ahead, self.references.rows.qpos]
        poses[:, :, :2] += self._anchor[indices, None]
        return poses

    def _pose(self, qpos: FloatArray, qvel: FloatArray, sensors: FloatArray) -> Pose:
        """What is compared of bodies, of the sensors `_compared`."""
        rotation = qpos[:, 3:7]
        # The array turned around has x, y and z of all in blocks; see `rotations`.
        end_effectors = sensors.T[:-6].reshape(-1, 3, len(qpos)).transpose(2, 0, 1).copy("K")
        end_effectors[..., :2] -= qpos[:, None, :2]
        hinges, rates = qpos[:, 7:], qvel[:, 6:]
        ball_rotations, ball_velocities = self._joints.motion(hinges, rates)
        return Pose(
            root_position=qpos[:, :3],
            root_rotation=rotation,
            root_velocity=qvel[:, :3],
            root_angular_velocity=rotate(rotation, qvel[:, 3:6]),
            ball_rotations=ball_rotations,
            ball_velocities=ball_velocities,
            hinge_angles=self._joints.single(hinges),
            hinge_velocities=self._joints.single(rates),
            end_effectors=to_heading_frame(heading(rotation)[:, None], end_effectors),
            com=sensors[:, -6:-3],
            com_velocity=sensors[:, -3:],
        )


def _below(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Rows above rows, with each column in one block."""
    return np.concatenate((ours.T, theirs.T), axis=1).T


def _part(pose: Pose, rows: slice) -> Pose:
    return Pose(**{name: value[rows] for name, value in vars(pose).items()})
