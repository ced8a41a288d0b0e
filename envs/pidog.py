"""PiDog walking forward: SunFounder's small quadruped with its eight leg servos."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sb3_mimic.envs.batched import BatchedEnv, BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.env import MimicEnv
from sb3_mimic.envs.measurements import draw_measurements
from sb3_mimic.envs.pidog_legs import (
    FOOT_RADIUS,
    JOINT_NAMES,
    LEFT_SIGN,
    LEGS,
    SERVO_LIMIT,
    STAND,
    to_servo,
)
from sb3_mimic.envs.rendering import Renderer, RenderOptions
from sb3_mimic.envs.robot import Robot, load_robot
from sb3_mimic.envs.rotations import heading, to_heading_frame
from sb3_mimic.errors import InputError

CONTROL_RATE: Final = 50.0
"""Control steps per second [Hz]: the servos' PWM runs at 50 Hz."""

ACTION_SCALE: Final = float(np.pi / 4)
"""Servo angle that an action of 1 adds to the standing pose [rad]; it covers all built-in gaits."""

MASS: Final = 0.78
"""Mass of the model as it is written [kg]; see the sources in ``assets/pidog.xml``."""

FRICTION: Final = 0.6
"""Friction coefficient between foot and floor as the model is written."""

CAMERA_SIZE: Final = 84
"""Width and height of the camera's picture [pixels]."""

_IMAGE_SHAPE = (CAMERA_SIZE + 1, CAMERA_SIZE, 3)

# An episode ends when the torso's up axis has tilted by more than 60 degrees.
_MIN_UPRIGHT = 0.5

# How far each joint is off the standing pose at the start of an episode, at most [rad]: 3 degrees,
# as much as the zero offsets of servos that are calibrated by eye.
_START_NOISE = 0.05

# Time constant of the averaged yaw rate [s]: longer than a cycle of any gait worth having.
_TURNING_TIME = 0.5

# What is about 1 for each measurement in a brisk walk; the camera's observation carries multiples.
_JOINT_ANGLE_SCALE = 0.3  # [rad]
_JOINT_VELOCITY_SCALE = 4.0  # [rad/s]
_ANGULAR_VELOCITY_SCALE = 1.0  # [rad/s]
_UP_SCALE = 0.1
_ACTION_SCALE = 0.3
_SCALES: Final[FloatArray] = np.repeat(
    (_JOINT_ANGLE_SCALE, _JOINT_VELOCITY_SCALE, _ANGULAR_VELOCITY_SCALE, _UP_SCALE, _ACTION_SCALE),
    (8, 8, 3, 3, 8),
)


@dataclass(frozen=True)
class PiDogReward:
    """Weights of the reward's terms.

    The reward of a step is the sum of the terms. Speeds are means over the control step, in the
    heading frame of the torso; torques are means over the physics steps.

    Attributes:
        speed_limit: Speed beyond which the first term grows no further [m/s]. A dive forward is
            faster than any gait for a moment; with the limit it earns in that moment no more than
            walking does.
        forward_velocity: Times forward speed over ``speed_limit``, clipped to [-1, 1].
        drift: Times minus the squared sideways speed [m/s].
        turning: Times minus the squared yaw rate [rad/s], averaged over half a second: a gait may
            wag, but one that earns its speed on a circle gets nowhere.
        tilt: Times minus the squared sine of the torso's tilt.
        shaking: Times minus the squared roll and pitch rates [rad/s].
        torque: Times minus the mean squared torque over its limit.
        action_rate: Times minus the mean squared change of the action.
        fall: Taken off when the episode ends by a fall.
    """

    speed_limit: float = 0.5
    forward_velocity: float = 1.0
    drift: float = 1.0
    turning: float = 5.0
    tilt: float = 1.0
    shaking: float = 0.02
    torque: float = 0.1
    action_rate: float = 1.0
    fall: float = 10.0

    def __post_init__(self) -> None:
        if not self.speed_limit > 0:
            raise InputError(f"the reward's speed_limit={self.speed_limit} must be positive")


@dataclass(frozen=True)
class PiDogOptions:
    """What can be chosen about the task; `PiDogEnv` describes each."""

    use_camera: bool = False
    reward: PiDogReward = PiDogReward()
    episode_seconds: float = 20.0

    def __post_init__(self) -> None:
        if not self.episode_seconds > 0:
            raise InputError(f"episode_seconds={self.episode_seconds} must be positive")


class PiDogEnv(MimicEnv):
    """PiDog walks forward: ``sb3_mimic/PiDog-v0``.

    0.78 kg, nq 15, nv 14, 8 actions; 50 control steps a second, 20 s an episode.

    An action a in [-1, 1]^8 asks for the servo angles stand + 45 degrees · a, clipped to the
    servos' ±90 degrees, in the order left front, right front, left hind, right hind, each hip and
    knee. Right legs are mirrored: the same numbers mean the same posture on either side, hip +
    swings the thigh backward, knee + extends the leg; a symmetric gait has symmetric actions.

    The observation has 30 numbers, the legs' in the same order and signs: joint angles relative to
    the standing pose (8) [rad], joint velocities (8) [rad/s], the inertial sensor's angular
    velocity (3) [rad/s] and its up direction, the measured gravity turned round (3), and the last
    action (8). Base velocity, height and heading are not observed, as no sensor of the robot
    measures them; a policy needs them for neither cloning nor fine-tuning (``docs/pidog.md``).

    An episode starts near the settled standing pose. It ends in failure when the torso tilts by
    more than 60 degrees or touches the floor. ``info["reward_terms"]`` holds the weighted terms of
    the reward.

    Args:
        use_camera: Whether the head camera's picture is observed as well. The observation is then
            one uint8 image of 85 rows, 84 columns and 3 channels: the picture, and under it a row
            that carries the 30 numbers (`sb3_mimic.envs.measurements`). An image and not a
            dictionary, since imitation 1.0.1 cannot save dictionary observations.
        floor_friction: Friction coefficient between the robot and the floor.
        mass: Mass of the robot [kg]; all bodies are scaled alike.
        reward: Weights of the reward's terms.
        episode_seconds: Length of an episode [s].
        render_mode: ``human``, ``rgb_array``, ``rgb_array_list`` or None.
        width: Width of pictures [pixels].
        height: Height of pictures [pixels].
        camera: ``track`` (from the side) or ``head_camera``.

    Raises:
        InputError: If an option cannot be used.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/PiDog-v0")
        >>> observation, info = env.reset(seed=0)
        >>> observation.shape, env.action_space.shape
        ((30,), (8,))
        >>> env.close()
    """

    batched: "PiDogBatch"

    def __init__(
        self,
        *,
        use_camera: bool = False,
        floor_friction: float = FRICTION,
        mass: float = MASS,
        reward: PiDogReward | None = None,
        episode_seconds: float = 20.0,
        render_mode: str | None = None,
        width: int = 640,
        height: int = 480,
        camera: str = "track",
    ) -> None:
        options = PiDogOptions(use_camera, reward or PiDogReward(), episode_seconds)
        super().__init__(
            partial(_make_batch, load_pidog(floor_friction, mass), options),
            render_mode,
            RenderOptions(width, height, camera),
        )

    def make_batch(self, n_envs: int, n_threads: int | None = None) -> "PiDogBatch":
        """The same task for ``n_envs`` environments; `NativeVecEnv` is made of it."""
        return PiDogBatch(self.batched.robot, self.batched.options, n_envs, n_threads)


def load_pidog(floor_friction: float = FRICTION, mass: float = MASS) -> Robot:
    """Loads PiDog.

    Args:
        floor_friction: Friction coefficient between the robot and the floor.
        mass: Mass of the robot [kg]; masses and inertias of all bodies are scaled alike.

    Raises:
        InputError: If a number is not positive.
    """
    for name, value in (("floor_friction", floor_friction), ("mass", mass)):
        if not value > 0:
            raise InputError(f"{name}={value} must be positive")
    robot = load_robot(
        "pidog", "pidog.xml", CONTROL_RATE, feet=tuple(f"{leg}_shank" for leg in LEGS)
    )
    model = robot.model
    model.geom("floor").friction[0] = floor_friction
    model.body_mass[:] *= mass / MASS
    model.body_inertia[:] *= mass / MASS
    # What the compiler derives from the masses, such as the inertias that the solver scales by.
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return robot


def _make_batch(
    robot: Robot, options: PiDogOptions, n_envs: int, n_threads: int | None
) -> "PiDogBatch":
    return PiDogBatch(robot, options, n_envs, n_threads)


class PiDogBatch(BatchedEnv):
    """n PiDogs that walk forward.

    Args:
        robot: PiDog.
        options: The task's options.
        n_envs: Number of environments.
        n_threads: Physics threads.

    Attributes:
        velocity: Mean velocity of each torso over the last control step in its heading frame,
            ``(n, 2)`` [m/s], forward and left. It survives the reset of an ended episode until the
            next step.
    """

    uses_substep_sensors = True

    def __init__(
        self, robot: Robot, options: PiDogOptions, n_envs: int, n_threads: int | None = None
    ) -> None:
        steps = round(options.episode_seconds * CONTROL_RATE)
        super().__init__(robot, n_envs, steps, n_threads)
        self.options = options
        self.velocity = np.zeros((n_envs, 2))
        self._last_actions = np.zeros((n_envs, 8))
        self._action_rate = np.zeros(n_envs)
        self._torque = np.zeros(n_envs)
        self._yaw_rate = np.zeros(n_envs)
        self._positions = np.zeros((n_envs, 2))
        model = robot.model
        self._foot_heights = [robot.sensor(f"{leg}_foot_position").stop - 1 for leg in LEGS]
        first, last = (robot.sensor(f"{JOINT_NAMES[i]}_torque") for i in (0, -1))
        self._torques = slice(first.start, last.stop)
        stand = model.key("stand").qpos
        self._stand_pose, self._stand_joints = stand[:7].copy(), stand[7:].copy()
        torso = model.geom("torso_collision")
        self._torso_center, self._torso_size = torso.pos.copy(), torso.size.copy()
        self._camera = _head_camera(model) if options.use_camera else None
        self.observation_space = (
            spaces.Box(-np.inf, np.inf, (len(_SCALES),), np.float32)
            if self._camera is None
            else spaces.Box(0, 255, _IMAGE_SHAPE, np.uint8)
        )

    def close(self) -> None:
        """Ends the physics threads and frees the camera."""
        super().close()
        if self._camera is not None:
            self._camera.close()

    def set_state(self, index: int, qpos: FloatArray, qvel: FloatArray) -> None:
        """Puts one robot into a state, ``qpos (15,)`` and ``qvel (14,)``, in mid-episode."""
        super().set_state(index, qpos, qvel)
        # The jump is no movement.
        self._positions[index] = qpos[:2]

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
        for option in options:
            if option:
                raise InputError(
                    f"PiDog's reset takes no options, not {', '.join(map(repr, option))}"
                )
        noise = [generator.uniform(-_START_NOISE, _START_NOISE, 8) for generator in generators]
        qpos = np.empty((len(indices), self.robot.model.nq))
        qpos[:, :7] = self._stand_pose
        qpos[:, 7:] = self._stand_joints + noise
        states = self.simulation.states(qpos, np.zeros((len(indices), self.robot.model.nv)))
        # The lowest foot touches the floor.
        lowest = self.simulation.sense(states)[:, self._foot_heights].min(axis=1)
        states[:, self.layout.qpos.start + 2] += FOOT_RADIUS - lowest
        return states

    def _started(self, indices: IndexArray) -> None:
        self._yaw_rate[indices] = 0.0
        self._last_actions[indices] = 0.0
        self._positions[indices] = self.qpos[indices, :2]

    def _control(self, actions: FloatArray) -> FloatArray:
        target = np.clip(STAND + ACTION_SCALE * actions, -SERVO_LIMIT, SERVO_LIMIT)
        return to_servo(target)

    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        self._action_rate = np.square(actions - self._last_actions).mean(axis=1)
        self._last_actions = actions.copy()
        torque = substep_sensors[:, :, self._torques] / self.robot.torque_limit
        self._torque = np.square(torque).mean(axis=(1, 2))
        positions = self.qpos[:, :2].copy()
        moved = np.zeros((self.n_envs, 3))
        moved[:, :2] = (positions - self._positions) / self.dt
        self.velocity = to_heading_frame(heading(self.qpos[:, 3:7]), moved)[:, :2]
        self._positions = positions
        self._yaw_rate += self.dt / _TURNING_TIME * (self.qvel[:, 5] - self._yaw_rate)

    def _observe(self, indices: IndexArray) -> NDArray[Any]:
        qpos, qvel = self.qpos[indices], self.qvel[indices]
        features = np.concatenate(
            (
                LEFT_SIGN * qpos[:, 7:] - STAND,
                LEFT_SIGN * qvel[:, 6:],
                # The sensor is mounted parallel to the torso, in whose frame MuJoCo has this.
                qvel[:, 3:6],
                _up(qpos[:, 3:7]),
                self._last_actions[indices],
            ),
            axis=1,
        )
        if self._camera is None:
            return features.astype(np.float32)
        images = np.empty((len(indices), *_IMAGE_SHAPE), np.uint8)
        for image, pose in zip(images, qpos, strict=True):
            image[:CAMERA_SIZE] = self._camera.draw(pose)
        images[:, CAMERA_SIZE] = draw_measurements(features / _SCALES, CAMERA_SIZE)
        return images

    def _reward_terms(self, actions: FloatArray) -> dict[str, FloatArray]:
        weights = self.options.reward
        forward, sideways = self.velocity[:, 0], self.velocity[:, 1]
        speed = np.clip(forward / weights.speed_limit, -1.0, 1.0)
        angular_velocity = self.qvel[:, 3:6]
        up = _up(self.qpos[:, 3:7])
        return {
            "forward_velocity": weights.forward_velocity * speed,
            "drift": -weights.drift * np.square(sideways),
            "turning": -weights.turning * np.square(self._yaw_rate),
            "tilt": -weights.tilt * np.square(up[:, :2]).sum(axis=1),
            "shaking": -weights.shaking * np.square(angular_velocity[:, :2]).sum(axis=1),
            "torque": -weights.torque * self._torque,
            "action_rate": -weights.action_rate * self._action_rate,
            "fall": -weights.fall * self.fallen(),
        }

    def _terminated(self) -> BoolArray:
        return self.fallen()


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
    w, x, y, z = np.moveaxis(q, -1, 0)
    return np.stack((2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)), axis=1)
