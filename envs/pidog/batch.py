"""n PiDogs: one implementation of all tasks, observations and sensors on batched arrays."""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.core.batched import (
    BatchedEnv,
    ObservationPart,
)
from sb3_mimic.envs.core.rendering import Renderer, RenderOptions
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.envs.pidog import sensors as sensing
from sb3_mimic.envs.pidog.actuation import PiDogServos
from sb3_mimic.envs.pidog.gaits import GAITS
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE
from sb3_mimic.envs.pidog.legs import (
    FOOT_RADIUS,
    JOINT_NAMES,
    LEFT_SIGN,
    LEGS,
    STAND,
)
from sb3_mimic.envs.pidog.measurements import draw_measurements
from sb3_mimic.envs.pidog.randomization import ModelBank, draw_episodes, ordinary_episodes
from sb3_mimic.envs.pidog.servo import Servo
from sb3_mimic.envs.pidog.tasks import (
    Motion,
    PiDogOptions,
    draw_commands,
    fallen_states,
    reward_terms,
)
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import heading, rotate, to_heading_frame

CAMERA_SIZE: Final = 84
"""Width and height of the camera's picture [pixels]."""

_IMAGE_SHAPE = (CAMERA_SIZE + 1, CAMERA_SIZE, 3)

# An episode ends when the torso's up axis has tilted by more than 60 degrees.
_MIN_UPRIGHT = 0.5

# How far each joint is off the standing pose at the start of an episode, at most [rad]: 3 degrees,
# as much as the zero offsets of servos that are calibrated by eye.
_START_NOISE = 0.05

# Time constant of the averaged velocities [s]: longer than a cycle of any gait worth having.
_AVERAGING_TIME = 0.5

# Someone touches the board, or makes a sound, in one second of five.
_EVENT_SHARE = 0.2

_PASSIVE = Servo(rate_limit=0.0, tick=0.0, backlash=0.0, latency=0.0)

# What is about 1 for each measurement in a brisk walk; the camera's observation carries multiples.
_JOINT_ANGLE_SCALE = 0.3  # [rad]
_JOINT_VELOCITY_SCALE = 4.0  # [rad/s]
_ANGULAR_VELOCITY_SCALE = 1.0  # [rad/s]
_UP_SCALE = 0.1
_ACTION_SCALE = 0.3
_ACCELERATION_SCALE = 0.3  # [g]
_COMMAND_SCALE = 0.3  # [m/s, rad/s]


class PiDogBatch(BatchedEnv):
    """n PiDogs and one task.

    Args:
        robot: PiDog.
        options: The task's options.
        n_envs: Number of environments.
        n_threads: Physics threads.
        bank: Models to draw from, where ``options`` has a randomization.

    Attributes:
        velocity: Mean velocity of each torso over the last control step in its heading frame,
            ``(n, 2)`` [m/s], forward and left. It survives the reset of an ended episode until the
            next step.
        mean_velocity: The same, averaged over half a second.
        yaw_rate: Averaged over half a second, ``(n,)`` [rad/s].
        episodes: What each episode drew.
        lived: Control steps that each has behind it, ``(n,)``, over all its episodes; it may be set
            where training goes on. The curriculum goes by it.
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
        steps = round(options.episode_seconds * CONTROL_RATE)
        # Randomized robots have a servo in any case: one that only delays.
        servo = options.servo or (None if options.randomization is None else _PASSIVE)
        latency = 0.0 if servo is None else servo.latency
        longest = max(latency, options.randomization.latency[1] if options.randomization else 0.0)
        super().__init__(
            robot,
            partial(PiDogServos, servo=servo, max_latency=longest),
            n_envs,
            steps,
            n_threads,
            bank.models if bank else (),
        )
        self.actuation: PiDogServos
        self.options = options
        self.bank = bank
        model = robot.model
        self._gait = GAITS[options.gait]
        self._find_parts(model)
        self._keep_motion(n_envs, model.nu)
        self.episodes = ordinary_episodes(n_envs, latency)
        self._keep_sensors(n_envs)
        self._falls = fallen_states(self.simulation) if options.task == "recover" else None
        self._camera = _head_camera(model) if options.use_camera else None
        parts = self._parts()
        self._scales = np.repeat([scale for _, scale in parts], [part.size for part, _ in parts])
        if self._camera is None:
            self.observation_space = spaces.Box(-np.inf, np.inf, (len(self._scales),), np.float32)
        else:
            if len(self._scales) > CAMERA_SIZE:
                raise InputError(
                    f"the camera's picture carries {CAMERA_SIZE} measurements, not "
                    f"{len(self._scales)}: shorten the history or leave sensors out"
                )
            self.observation_space = spaces.Box(0, 255, _IMAGE_SHAPE, np.uint8)

    def _find_parts(self, model: mujoco.MjModel) -> None:
        """Where in states and sensors the parts lie."""
        robot = self.robot
        first = model.joint(JOINT_NAMES[0])
        self._legs_qpos = slice(int(first.qposadr[0]), int(first.qposadr[0]) + 8)
        self._legs_qvel = slice(int(first.dofadr[0]), int(first.dofadr[0]) + 8)
        self._foot_heights = [robot.sensor(f"{leg}_foot_position").stop - 1 for leg in LEGS]
        torques = [robot.sensor(f"{JOINT_NAMES[i]}_torque") for i in (0, -1)]
        self._torques = slice(torques[0].start, torques[1].stop)
        self._stand = model.key("stand").qpos.copy()
        torso = model.geom("torso_collision")
        self._torso_center, self._torso_size = torso.pos.copy(), torso.size.copy()
        models = self.bank.models if self.bank else (model,)
        self._torque_limits = np.array([m.actuator_forcerange[0, 1] for m in models])
        self._gravities = np.array([m.opt.gravity for m in models])

    def _keep_motion(self, n: int, nu: int) -> None:
        """What rewards remember."""
        self.velocity, self.mean_velocity = np.zeros((n, 2)), np.zeros((n, 2))
        self.yaw_rate = np.zeros(n)
        self._last_actions = np.zeros((n, nu))
        self._action_rate, self._torque = np.zeros(n), np.zeros(n)
        self._positions = np.zeros((n, 2))
        self._command_steps = round(self.options.commands.seconds * CONTROL_RATE)
        count = -(-self.episode_steps // self._command_steps) + 1
        self._commands = np.zeros((n, count, 2))

    def _keep_sensors(self, n: int) -> None:
        """What the robot's computer remembers."""
        options = self.options
        self._clock_frequency = self.clock_frequency or options.clock_frequency
        self._draws = bool(
            options.randomization is not None
            or options.observation == "hardware"
            or options.sensors
        )
        self.lived = np.zeros(n, np.int64)
        self._actions = np.zeros((n, options.history, 8))
        self._samples = np.zeros((n, options.history, 6))
        self._sample = np.zeros((n, 6))

    def close(self) -> None:
        """Ends the physics threads and frees the camera."""
        super().close()
        if self._camera is not None:
            self._camera.close()

    def set_state(self, index: int, qpos: FloatArray, qvel: FloatArray) -> None:
        """Puts one robot into a state, ``qpos (nq,)`` and ``qvel (nv,)``, in mid-episode."""
        super().set_state(index, qpos, qvel)
        # The jump is no movement.
        self._positions[index] = qpos[:2]

    @property
    def clock_frequency(self) -> float | None:
        """Of the phase that is observed [Hz]: the gait's where one is imitated; None for none."""
        if self.options.task == "imitate":
            return 1 / self._gait.period
        return self.options.clock_frequency if self.options.observation == "hardware" else None

    @property
    def command(self) -> FloatArray:
        """Forward velocity [m/s] and yaw rate [rad/s] asked for now, ``(n, 2)``."""
        return self._command_at(self.steps)

    @property
    def strength(self) -> FloatArray:
        """How much of the randomization new episodes use, ``(n,)`` from 0 to 1."""
        if not self.options.curriculum_steps:
            return np.ones(self.n_envs)
        return np.minimum(self.lived / self.options.curriculum_steps, 1.0)

    def fallen(self) -> BoolArray:
        """Which torsos have tilted by more than 60 degrees or touch the floor, ``(n,)``."""
        up = _up(self.qpos[:, 3:7])
        center = self.qpos[:, 2] + (up * self._torso_center).sum(axis=1)
        # The lowest corner of the torso's box.
        lowest = center - (np.abs(up) * self._torso_size).sum(axis=1)
        fallen: BoolArray = (up[:, 2] < _MIN_UPRIGHT) | (lowest <= 0.0)
        return fallen

    def _start(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> FloatArray:
        noise = [generator.uniform(-_START_NOISE, _START_NOISE, 8) for generator in generators]
        self._plan(indices, generators, options)
        if self._draws:
            drawn = draw_episodes(
                generators,
                self.options.randomization,
                self.strength[indices],
                (self.actuation.servo or _PASSIVE).latency,
                CONTROL_RATE,
            )
            self.episodes.put(indices, drawn)
            self.actuation.latency[indices] = self.episodes.latency[indices]
            self.actuation.zero_offset[indices] = self.episodes.zero_offset[indices]
        if self._falls is not None:
            states = self._falls[[generator.integers(len(self._falls)) for generator in generators]]
            states[:, self.layout.qpos.start + 2] += self._bumps(indices)
            return states
        qpos = np.tile(self._stand, (len(indices), 1))
        qpos[:, self._legs_qpos] += noise
        states = self.simulation.states(qpos, np.zeros((len(indices), self.robot.model.nv)))
        # The lowest foot touches the floor, or the highest bump.
        lowest = self.simulation.sense(states)[:, self._foot_heights].min(axis=1)
        states[:, self.layout.qpos.start + 2] += FOOT_RADIUS + self._bumps(indices) - lowest
        return states

    def _plan(
        self,
        indices: IndexArray,
        generators: Sequence[np.random.Generator],
        options: Sequence[Mapping[str, Any]],
    ) -> None:
        """The commands of new episodes."""
        velocity = self.options.task == "velocity"
        for option in options:
            if unknown := [name for name in option if not (velocity and name == "command")]:
                raise InputError(
                    f"PiDog's reset takes {'only command' if velocity else 'no options'}, not "
                    f"{', '.join(map(repr, unknown))}"
                )
        if not velocity:
            return
        fixed = self.options.command
        if fixed is None:
            count = self._commands.shape[1]
            self._commands[indices] = draw_commands(generators, self.options.commands, count)
        else:
            self._commands[indices] = fixed
        for index, option in zip(indices, options, strict=True):
            if "command" in option:
                self._commands[index] = check_command(option["command"])

    def _started(self, indices: IndexArray) -> None:
        self.yaw_rate[indices] = 0.0
        self.mean_velocity[indices] = 0.0
        self._last_actions[indices] = 0.0
        self._positions[indices] = self.qpos[indices, :2]
        if self.options.observation == "hardware":
            # At rest it feels the floor's push against gravity alone.
            inverse = self.qpos[indices, 3:7] * (1, -1, -1, -1)
            felt = rotate(inverse, -self._gravities[self.episodes.model[indices]])
            sample = self._measure(indices, felt[:, None], np.zeros((len(indices), 1, 3)))
            self._sample[indices] = sample
            self._actions[indices], self._samples[indices] = hardware.start(
                sample, self.options.history
            )

    def _simulate(self, ctrl: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.bank is None:
            return super()._simulate(ctrl)
        self._shove()
        return self.simulation.step(
            self.states, ctrl, self._external_forces(), self.episodes.model.tolist()
        )

    def _shove(self) -> None:
        """Pushes those whose time has come."""
        interval = self.episodes.push_interval
        pushed = np.flatnonzero(
            (interval > 0) & (self.steps > 0) & (self.steps % np.maximum(interval, 1) == 0)
        )
        if len(pushed):
            unit = self._uniform(pushed)
            speed, angle = self.episodes.push[pushed] * unit[:, 4], 2 * np.pi * unit[:, 5]
            start = self.layout.qvel.start
            self.states[pushed, start] += speed * np.cos(angle)
            self.states[pushed, start + 1] += speed * np.sin(angle)

    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        self.lived += 1
        self._action_rate = np.square(actions - self._last_actions).mean(axis=1)
        self._last_actions = actions.copy()
        limit = self._torque_limits[self.episodes.model][:, None, None]
        torque = substep_sensors[:, :, self._torques] / limit
        self._torque = np.square(torque).mean(axis=(1, 2))
        positions = self.qpos[:, :2].copy()
        moved = np.zeros((self.n_envs, 3))
        moved[:, :2] = (positions - self._positions) / self.dt
        self.velocity = to_heading_frame(heading(self.qpos[:, 3:7]), moved)[:, :2]
        self._positions = positions
        share = self.dt / _AVERAGING_TIME
        self.mean_velocity += share * (self.velocity - self.mean_velocity)
        self.yaw_rate += share * (self.qvel[:, 5] - self.yaw_rate)
        if self.options.observation == "hardware":
            self._remember(actions, substep_sensors)

    def _remember(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        """What the robot's computer learns in a step."""
        sample = self._measure(
            self._everyone,
            substep_sensors[:, :, self.robot.sensor("accelerometer")],
            substep_sensors[:, :, self.robot.sensor("gyro")],
        )
        new = sensing.is_sampled(self.steps, self.options.imu.rate, CONTROL_RATE)
        self._sample = np.where(new[:, None], sample, self._sample)
        self._samples = hardware.push(self._samples, self._sample)
        self._actions = hardware.push(self._actions, actions[:, :8])

    def _measure(self, indices: IndexArray, felt: FloatArray, rates: FloatArray) -> FloatArray:
        """Inertial samples ``(k, 6)``."""
        rows = (self.episodes.row[indices] + self.steps[indices]) % sensing.TABLE_ROWS
        noise = self.episodes.imu_noise[indices, None] * sensing.normal_table()[rows]
        bias = self.episodes.imu_bias[indices]
        return sensing.imu_sample(felt, rates, bias, noise, self.options.imu)

    @property
    def observation_layout(self) -> tuple[ObservationPart, ...]:
        """See `BatchedEnv.observation_layout`."""
        if self._camera is not None:
            return ()
        return tuple(part for part, _ in self._parts())

    @property
    def onboard(self) -> dict[str, Any]:
        """See `BatchedEnv.onboard`: history, clock and rate limit, for hardware observations."""
        options = self.options
        more = options.sensors or options.privileged or options.use_camera
        if options.observation != "hardware" or more or self.robot.model.nu != 8:
            return {}
        return {
            "history": options.history,
            "clock_frequency": self._clock_frequency,
            "rate_limit": (self.actuation.servo or _PASSIVE).rate_limit or hardware.RATE_LIMIT,
        }

    def _parts(self) -> list[tuple[ObservationPart, float]]:
        """The parts of `_features`, and what each is about in a brisk walk."""
        options, nu = self.options, self.robot.model.nu
        part = ObservationPart
        command = (part("command", 2, "m/s forward, rad/s left"), _COMMAND_SCALE)
        clock = (part("clock", 2, "sine, cosine"), 1.0)
        if options.observation == "full":
            parts = [
                (part("joint_angles", 8, "rad, left sign, from standing"), _JOINT_ANGLE_SCALE),
                (part("joint_rates", 8, "rad/s, left sign"), _JOINT_VELOCITY_SCALE),
                (part("angular_velocity", 3, "rad/s, body frame"), _ANGULAR_VELOCITY_SCALE),
                (part("up", 3, "body frame"), _UP_SCALE),
                (part("last_action", nu), _ACTION_SCALE),
            ]
            parts += [command] * (options.task == "velocity")
            parts += [clock] * (options.task == "imitate")
        else:
            past = range(1 - options.history, 1)
            parts = [(part(f"action_{i}", 8), _ACTION_SCALE) for i in past]
            for i in past:
                felt = part(f"acceleration_{i}", 3, "g, body frame")
                parts.append((felt, _ACCELERATION_SCALE))
                turned = part(f"angular_velocity_{i}", 3, "rad/s, body frame")
                parts.append((turned, _ANGULAR_VELOCITY_SCALE))
            parts += [clock, command]
        parts += [(part(name, sensing.SENSORS[name]), 1.0) for name in options.sensors]
        parts += [(part("privileged", _PRIVILEGED), 1.0)] * options.privileged
        return parts

    def _features(self, indices: IndexArray) -> FloatArray:
        """Observations ``(k, m)``; see `PiDogEnv`."""
        options = self.options
        full = options.observation == "full"
        parts = [self._body(indices) if full else self._hardware(indices)]
        parts += [self._sense(name, indices) for name in options.sensors]
        if options.privileged:
            parts.append(self._secrets(indices))
        return np.concatenate(parts, axis=1)

    def _body(self, indices: IndexArray) -> FloatArray:
        qpos, qvel = self.qpos[indices], self.qvel[indices]
        parts = [
            LEFT_SIGN * qpos[:, self._legs_qpos] - STAND,
            LEFT_SIGN * qvel[:, self._legs_qvel],
            # The sensor is mounted parallel to the torso, in whose frame MuJoCo has this.
            qvel[:, 3:6],
            _up(qpos[:, 3:7]),
            self._last_actions[indices],
        ]
        if self.options.task == "velocity":
            parts.append(self.command[indices])
        if self.options.task == "imitate":
            parts.append(hardware.clock(self.steps[indices], self._clock_frequency))
        return np.concatenate(parts, axis=1)

    def _hardware(self, indices: IndexArray) -> FloatArray:
        observation: FloatArray = hardware.observe(
            self._actions[indices],
            self._samples[indices],
            self.steps[indices],
            self.command[indices],
            self._clock_frequency,
        )
        return observation

    def _sense(self, name: str, indices: IndexArray) -> FloatArray:
        """The numbers of an optional sensor."""
        if name == "ultrasonic":
            place = self.robot.sensor("ultrasonic_position")
            axis = self.robot.sensor("ultrasonic_axis")
            dropped = self._uniform(indices)[:, 6] < self.episodes.dropout[indices]
            sensors = self.sensors[indices]
            return sensing.ultrasonic(
                sensors[:, place], sensors[:, axis], self.options.wall, dropped
            )
        unit = self._uniform(indices, seconds=True)
        first = 0 if name == "touch" else 2
        event = np.where(unit[:, first] < _EVENT_SHARE, unit[:, first + 1], np.nan)
        if name == "touch":
            return sensing.touch(event)
        facing = heading(self.qpos[indices, 3:7])
        return sensing.sound(2 * np.pi * event, np.arctan2(facing[:, 1], facing[:, 0]))

    def _uniform(self, indices: IndexArray, *, seconds: bool = False) -> FloatArray:
        """Uniform numbers ``(k, 8)`` of this step, or of this second."""
        steps = self.steps[indices]
        moment = 1 + steps // round(CONTROL_RATE) if seconds else -1 - steps
        row = (self.episodes.row[indices] + moment) % sensing.TABLE_ROWS
        return np.asarray(sensing.uniform_table()[row])

    def _secrets(self, indices: IndexArray) -> FloatArray:
        """What only a simulation knows, ``(k, 34)``: body, joints and the episode's model."""
        qpos, qvel = self.qpos[indices], self.qvel[indices]
        model = (
            np.zeros((len(indices), 7))
            if self.bank is None
            else self.bank.scaled[self.episodes.model[indices]]
        )
        return np.concatenate(
            (
                LEFT_SIGN * qpos[:, self._legs_qpos] - STAND,
                LEFT_SIGN * qvel[:, self._legs_qvel],
                qvel[:, 3:6],
                _up(qpos[:, 3:7]),
                qpos[:, 2:3],
                self.mean_velocity[indices],
                self.yaw_rate[indices, None],
                model,
                self.episodes.latency[indices, None],
            ),
            axis=1,
        )

    def _observe(self, indices: IndexArray) -> NDArray[Any]:
        features = self._features(indices)
        if self._camera is None:
            return features.astype(np.float32)
        images = np.empty((len(indices), *_IMAGE_SHAPE), np.uint8)
        for image, pose in zip(images, self.qpos[indices], strict=True):
            image[:CAMERA_SIZE] = self._camera.draw(pose)
        images[:, CAMERA_SIZE] = draw_measurements(features / self._scales, CAMERA_SIZE)
        return images

    def _reward_terms(self, actions: FloatArray) -> dict[str, FloatArray]:
        options = self.options
        motion = Motion(
            velocity=self.velocity,
            mean_velocity=self.mean_velocity,
            yaw_rate=self.yaw_rate,
            up=_up(self.qpos[:, 3:7]),
            rates=self.qvel[:, 3:6],
            height=self.qpos[:, 2],
            joints=LEFT_SIGN * self.qpos[:, self._legs_qpos],
            torque=self._torque,
            action_rate=self._action_rate,
            fallen=self.fallen(),
        )
        # The command that this step was to obey, not the one that follows it.
        command = self._command_at(self.steps - 1)
        reference = (
            self._gait.left_sign_angles(self.steps * self.dt)
            if options.task == "imitate"
            else np.broadcast_to(STAND, (self.n_envs, 8))
        )
        return reward_terms(options.task, options.reward, motion, command, reference)

    def _terminated(self) -> BoolArray:
        if self._falls is not None:
            return np.zeros(self.n_envs, np.bool_)
        return self.fallen()

    def _command_at(self, steps: NDArray[np.int64]) -> FloatArray:
        last = self._commands.shape[1] - 1
        index = np.minimum(steps // self._command_steps, last)
        return np.asarray(self._commands[self._everyone, index])

    def _bumps(self, indices: IndexArray) -> FloatArray:
        """How far the highest bump of each ground lies over the floor, ``(k,)`` [m]."""
        if self.bank is None or not self.robot.model.nhfield:
            return np.zeros(len(indices))
        heights = np.array([model.hfield_size[0, 2] for model in self.bank.models])
        return np.asarray(heights[self.episodes.model[indices]] / 2)


# Numbers in `PiDogBatch._secrets`.
_PRIVILEGED = 34


def check_command(command: Any) -> FloatArray:
    """A command as two finite numbers.

    Raises:
        InputError: If it is none.
    """
    array = np.asarray(command, np.float64)
    if array.shape != (2,) or not np.isfinite(array).all():
        raise InputError(
            f"command={command!r} must be a forward velocity [m/s] and a yaw rate [rad/s]"
        )
    return array


def _head_camera(model: mujoco.MjModel) -> Renderer:
    """Draws what the head's camera sees, at a third of the cost of an ordinary picture."""
    model = copy.copy(model)
    # Software OpenGL pays for every sample and every hidden triangle. The camera sits at the tip of
    # the muzzle and sees nothing of its own body.
    model.vis.global_.offwidth = model.vis.global_.offheight = CAMERA_SIZE
    model.vis.quality.offsamples = 0
    model.vis.quality.shadowsize = 0
    model.geom_group[model.geom_bodyid > 0] = mujoco.mjNGROUP - 1
    return Renderer(model, RenderOptions(CAMERA_SIZE, CAMERA_SIZE, "head_camera", shadows=False))


def _up(q: FloatArray) -> FloatArray:
    """The world's up direction in the frame of ``(n, 4)`` rotations, ``(n, 3)``."""
    w, x, y, z = q.T
    up = np.empty((3, len(q)))
    up[0] = 2 * (x * z - w * y)
    up[1] = 2 * (y * z + w * x)
    up[2] = 1 - 2 * (x * x + y * y)
    return up.T
