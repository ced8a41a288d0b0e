"""n PiDogs: one implementation of all tasks, observations and sensors on batched arrays."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.core.batched import BatchedEnv, ObservationPart
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog import sensors as sensing
from sb3_mimic.envs.pidog.commands import CommandSchedule
from sb3_mimic.envs.pidog.gaits import GAITS
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE, RATE_LIMIT
from sb3_mimic.envs.pidog.legs import JOINT_NAMES, LEFT_SIGN, STAND
from sb3_mimic.envs.pidog.model import leg_joints
from sb3_mimic.envs.pidog.motion import Motion, MotionMeter, up_direction
from sb3_mimic.envs.pidog.observations import HeadCamera, observation_blocks
from sb3_mimic.envs.pidog.options import PiDogOptions
from sb3_mimic.envs.pidog.randomization import ModelBank, draw_episodes, ordinary_episodes
from sb3_mimic.envs.pidog.servo import PiDogServos, Servo
from sb3_mimic.envs.pidog.tasks import START_NOISE, TASKS
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import rotate

# An episode ends when the torso's up axis has tilted by more than 60 degrees.
_MIN_UPRIGHT = 0.5

_PASSIVE = Servo(rate_limit=0.0, tick=0.0, backlash=0.0, latency=0.0)


class PiDogBatch(BatchedEnv):
    """n PiDogs and one task.

    Args:
        robot: PiDog.
        options: The task's options.
        n_envs: Number of environments.
        n_threads: Physics threads.
        bank: Models to draw from, where ``options`` has a randomization.

    Attributes:
        task: The task.
        gait: The gait that some tasks follow.
        meter: Velocities, torques and changes of the action.
        memory: The memory of each robot's own computer; kept for hardware observations.
        episodes: The random numbers of each episode.
    """

    uses_substep_sensors = True

    def __init__(
        self,
        robot: Robot,
        options: PiDogOptions,
        n_envs: int,
        n_threads: int | None = None,
        bank: ModelBank | None = None,
    ) -> None:
        # Randomized robots have a servo in any case: one that only delays.
        servo = options.servo or (None if options.randomization is None else _PASSIVE)
        latency = 0.0 if servo is None else servo.latency
        longest = max(latency, options.randomization.latency[1] if options.randomization else 0.0)
        super().__init__(
            robot,
            partial(PiDogServos, servo=servo, max_latency=longest),
            n_envs,
            round(options.episode_seconds * CONTROL_RATE),
            n_threads,
            bank.models if bank else (),
        )
        self.actuation: PiDogServos
        self.options = options
        self.bank = bank
        self.task = TASKS[options.task]
        self.gait = GAITS[options.gait]
        self.meter = MotionMeter(n_envs, robot.model.nu, self.dt)
        self.memory = sensing.OnboardMemory(n_envs, options.history)
        self.episodes = ordinary_episodes(n_envs, latency)
        self._observes_hardware = options.observation == "hardware"
        self._draws_episodes = bool(
            options.randomization is not None or self._observes_hardware or options.sensors
        )
        self._schedule = CommandSchedule(
            n_envs, self.episode_steps, options.commands, options.command
        )
        self._start_pose = self.task.start(robot, self.simulation)
        self._find_parts(robot)
        self._blocks = observation_blocks(options, robot.model.nu)
        scales = np.concatenate([block.number_scales for block in self._blocks])
        self._camera = HeadCamera(robot.model, scales) if options.use_camera else None
        self.observation_space = (
            spaces.Box(-np.inf, np.inf, (len(scales),), np.float32)
            if self._camera is None
            else spaces.Box(0, 255, self._camera.shape, np.uint8)
        )

    def _find_parts(self, robot: Robot) -> None:
        """Finds the parts in states and sensors, and the numbers of each model."""
        self._legs_qpos, self._legs_qvel = leg_joints(robot.model)
        torques = [robot.sensor(f"{JOINT_NAMES[i]}_torque") for i in (0, -1)]
        self._torques = slice(torques[0].start, torques[1].stop)
        torso = robot.model.geom("torso_collision")
        self._torso_center, self._torso_size = torso.pos.copy(), torso.size.copy()
        models = self.bank.models if self.bank else (robot.model,)
        self._torque_limits = np.array([model.actuator_forcerange[0, 1] for model in models])
        self._gravities = np.array([model.opt.gravity for model in models])
        # Height of the highest bump of each model's ground over the floor [m].
        self._bump_heights = np.array([_bump_height(model) for model in models])

    def close(self) -> None:
        """Ends the physics threads and frees the camera."""
        super().close()
        if self._camera is not None:
            self._camera.close()

    def set_state(self, index: int, qpos: FloatArray, qvel: FloatArray) -> None:
        """Puts one robot into a state, ``qpos (nq,)`` and ``qvel (nv,)``, in mid-episode."""
        super().set_state(index, qpos, qvel)
        self.meter.jump(index, qpos[:2])

    # --- the state, for tasks, observations and other programs ----------------------------------

    @property
    def velocity(self) -> FloatArray:
        """Over the last control step in the heading frame, ``(n, 2)`` [m/s]; see `MotionMeter`."""
        return self.meter.velocity

    @property
    def mean_velocity(self) -> FloatArray:
        """Averaged over half a second, ``(n, 2)`` [m/s]."""
        return self.meter.mean_velocity

    @property
    def yaw_rate(self) -> FloatArray:
        """Averaged over half a second, ``(n,)`` [rad/s]."""
        return self.meter.yaw_rate

    @property
    def clock_frequency(self) -> float | None:
        """Frequency of the observed clock [Hz], the gait's where the task follows one; or None."""
        if self.task.follows_gait:
            return 1 / self.gait.period
        return self.options.clock_frequency if self._observes_hardware else None

    @property
    def command(self) -> FloatArray:
        """Commanded forward velocity [m/s] and yaw rate [rad/s] at this step, ``(n, 2)``."""
        return self._schedule.at(self.steps)

    @property
    def strength(self) -> FloatArray:
        """Share of the randomization that new episodes use, ``(n,)`` from 0 to 1."""
        if not self.options.curriculum_steps:
            return np.ones(self.n_envs)
        return np.minimum(self.total_steps / self.options.curriculum_steps, 1.0)

    def open_loop_actions(self, motion: str, n_steps: int) -> FloatArray | None:
        """See `BatchedEnv.open_loop_actions`: the gaits; head and tail stay where they are."""
        if motion not in GAITS:
            return None
        actions = np.zeros((n_steps, self.robot.model.nu))
        actions[:, :8] = GAITS[motion].actions(np.arange(n_steps) * self.dt)
        return actions

    def leg_angles(self, qpos: FloatArray) -> FloatArray:
        """Left-sign angles of the legs ``(k, 8)`` [rad] in positions ``(k, nq)``."""
        return LEFT_SIGN * qpos[:, self._legs_qpos]

    def leg_rates(self, qvel: FloatArray) -> FloatArray:
        """Left-sign rates of the legs ``(k, 8)`` [rad/s] in velocities ``(k, nv)``."""
        return LEFT_SIGN * qvel[:, self._legs_qvel]

    def fallen(self) -> BoolArray:
        """Robots whose torso has tilted by more than 60 degrees or touches the floor, ``(n,)``."""
        up = up_direction(self.qpos[:, 3:7])
        center = self.qpos[:, 2] + (up * self._torso_center).sum(axis=1)
        # The lowest corner of the torso's box.
        lowest = center - (np.abs(up) * self._torso_size).sum(axis=1)
        fallen: BoolArray = (up[:, 2] < _MIN_UPRIGHT) | (lowest <= 0.0)
        return fallen

    def step_numbers(self, indices: IndexArray) -> FloatArray:
        """Uniform random numbers ``(k, 8)`` of this control step."""
        return self._table_rows(indices, -1 - self.steps[indices])

    def second_numbers(self, indices: IndexArray) -> FloatArray:
        """Uniform random numbers ``(k, 8)`` of this second."""
        return self._table_rows(indices, 1 + self.steps[indices] // round(CONTROL_RATE))

    def _table_rows(self, indices: IndexArray, moments: NDArray[np.int64]) -> FloatArray:
        row = (self.episodes.row[indices] + moments) % sensing.TABLE_ROWS
        return np.asarray(sensing.uniform_table()[row])

    # --- an episode's start ---------------------------------------------------------------------

    def _start(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> FloatArray:
        # Every episode draws noise, commands, model, and then what its start needs.
        noise = np.array([rng.uniform(-START_NOISE, START_NOISE, 8) for rng in generators])
        self._check_reset_options(options)
        if self.task.has_commands:
            self._schedule.plan(indices, generators, options)
        if self._draws_episodes:
            self._draw_episodes(indices, generators)
        ground = self._bump_heights[self.episodes.model[indices]]
        return self._start_pose.states(generators, noise, ground)

    def _check_reset_options(self, options: Sequence[Mapping[str, Any]]) -> None:
        known = ("command",) if self.task.has_commands else ()
        for option in options:
            if unknown := [name for name in option if name not in known]:
                raise InputError(
                    f"PiDog's reset takes {'only command' if known else 'no options'}, not "
                    f"{', '.join(map(repr, unknown))}"
                )

    def _draw_episodes(
        self, indices: IndexArray, generators: Sequence[np.random.Generator]
    ) -> None:
        drawn = draw_episodes(
            generators,
            self.options.randomization,
            self.strength[indices],
            (self.actuation.servo or _PASSIVE).latency,
            CONTROL_RATE,
        )
        self.episodes.put(indices, drawn)
        self.actuation.latency[indices] = drawn.latency
        self.actuation.zero_offset[indices] = drawn.zero_offset

    def _started(self, indices: IndexArray) -> None:
        self.meter.start(indices, self.qpos[indices, :2])
        if self._observes_hardware:
            # At rest the sensor feels the floor's push against gravity alone.
            inverse = self.qpos[indices, 3:7] * (1, -1, -1, -1)
            force = rotate(inverse, -self._gravities[self.episodes.model[indices]])
            still = np.zeros((len(indices), 1, 3))
            self.memory.start(indices, self._inertial_samples(indices, force[:, None], still))

    # --- a control step -------------------------------------------------------------------------

    def _simulate(self, ctrl: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.bank is None:
            return super()._simulate(ctrl)
        self._push_robots()
        return self.simulation.step(
            self.states, ctrl, self._external_forces(), self.episodes.model.tolist()
        )

    def _push_robots(self) -> None:
        """Changes the velocity of robots whose push is due."""
        interval = self.episodes.push_interval
        pushed = np.flatnonzero(
            (interval > 0) & (self.steps > 0) & (self.steps % np.maximum(interval, 1) == 0)
        )
        if len(pushed):
            unit = self.step_numbers(pushed)
            speed, angle = self.episodes.push[pushed] * unit[:, 4], 2 * np.pi * unit[:, 5]
            start = self.layout.qvel.start
            self.states[pushed, start] += speed * np.cos(angle)
            self.states[pushed, start + 1] += speed * np.sin(angle)

    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        limit = self._torque_limits[self.episodes.model][:, None, None]
        torques = substep_sensors[:, :, self._torques] / limit
        self.meter.update(self.qpos, self.qvel, actions, torques)
        if self._observes_hardware:
            sample = self._inertial_samples(
                self._everyone,
                substep_sensors[:, :, self.robot.sensor("accelerometer")],
                substep_sensors[:, :, self.robot.sensor("gyro")],
            )
            sampled = sensing.is_sampled(self.steps, self.options.imu.rate, CONTROL_RATE)
            self.memory.update(actions[:, :8], sample, sampled)

    def _inertial_samples(
        self, indices: IndexArray, force: FloatArray, rates: FloatArray
    ) -> FloatArray:
        """Inertial samples ``(k, 6)`` of specific force and turning rate, ``(k, substeps, 3)``."""
        rows = (self.episodes.row[indices] + self.steps[indices]) % sensing.TABLE_ROWS
        noise = self.episodes.imu_noise[indices, None] * sensing.normal_table()[rows]
        bias = self.episodes.imu_bias[indices]
        return sensing.imu_sample(force, rates, bias, noise, self.options.imu)

    def _reward_terms(self, actions: FloatArray) -> dict[str, FloatArray]:
        motion = Motion(
            velocity=self.meter.velocity,
            mean_velocity=self.meter.mean_velocity,
            yaw_rate=self.meter.yaw_rate,
            up=up_direction(self.qpos[:, 3:7]),
            rates=self.qvel[:, 3:6],
            height=self.qpos[:, 2],
            joints=self.leg_angles(self.qpos),
            torque=self.meter.torque,
            action_rate=self.meter.action_rate,
            fallen=self.fallen(),
            # The command that this step was to obey, not the one that follows it.
            command=self._schedule.at(self.steps - 1),
            wanted_joints=self.gait.left_sign_angles(self.steps * self.dt)
            if self.task.follows_gait
            else np.broadcast_to(STAND, (self.n_envs, 8)),
        )
        return self.task.reward_terms(self.options.reward, motion)

    def _terminated(self) -> BoolArray:
        return self.fallen() if self.task.ends_at_fall else np.zeros(self.n_envs, np.bool_)

    # --- observations ---------------------------------------------------------------------------

    @property
    def observation_layout(self) -> tuple[ObservationPart, ...]:
        """See `BatchedEnv.observation_layout`."""
        if self._camera is not None:
            return ()
        return tuple(part for block in self._blocks for part in block.parts)

    @property
    def observed_frequency(self) -> float:
        """Frequency of the clock in observations that have one [Hz]."""
        return self.clock_frequency or self.options.clock_frequency

    @property
    def onboard(self) -> dict[str, Any]:
        """See `BatchedEnv.onboard`: history, clock and rate limit, for hardware observations."""
        options = self.options
        more = options.sensors or options.privileged or options.use_camera
        if not self._observes_hardware or more or self.robot.model.nu != 8:
            return {}
        return {
            "history": options.history,
            "clock_frequency": self.observed_frequency,
            "rate_limit": (self.actuation.servo or _PASSIVE).rate_limit or RATE_LIMIT,
        }

    def _observe(self, indices: IndexArray) -> NDArray[Any]:
        numbers = np.concatenate([block.values(self, indices) for block in self._blocks], axis=1)
        if self._camera is None:
            return numbers.astype(np.float32)
        return self._camera.draw(self.qpos[indices], numbers)


def _bump_height(model: mujoco.MjModel) -> float:
    return float(model.hfield_size[0, 2]) / 2 if model.nhfield else 0.0
