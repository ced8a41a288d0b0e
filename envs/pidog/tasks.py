"""What PiDog is asked to do: options, commands, reward terms and starts, as pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray
from sb3_mimic.envs.core.simulation import Simulation
from sb3_mimic.envs.pidog.gaits import GAITS
from sb3_mimic.envs.pidog.hardware import CLOCK_FREQUENCY, CONTROL_RATE, HISTORY
from sb3_mimic.envs.pidog.randomization import Randomization
from sb3_mimic.envs.pidog.sensors import SENSORS, Imu
from sb3_mimic.envs.pidog.servo import Servo
from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name

TASKS: Final = ("walk", "velocity", "recover", "imitate")
"""What ``task=`` can be."""

OBSERVATIONS: Final = ("full", "hardware")
"""What ``observation=`` can be."""

STAND_HEIGHT: Final = 0.0944
"""Height of the torso's origin in the settled standing pose [m]."""

# Recovery starts from so many ways of lying, in which so many seconds of limpness ended.
_N_FALLS = 24
_FALL_SECONDS = 2.0

# Mean squared deviation of the joints [rad²] at which a pose term has fallen to 1 / e.
_POSE_SCALE = 0.2**2


@dataclass(frozen=True)
class PiDogReward:
    """Weights of the reward's terms.

    The reward of a step is the sum of the terms of its task. Speeds are means over the control
    step, in the heading frame of the torso; torques are means over the physics steps.

    Attributes:
        speed_limit: Speed beyond which the first term grows no further [m/s]. A dive forward is
            faster than any gait for a moment; with the limit it earns in that moment no more than
            walking does.
        forward_velocity: Times forward speed over ``speed_limit``, clipped to [-1, 1] (walk,
            imitate).
        tracking: Times ``exp(-(error / tracking_scale)²)`` of the forward velocity, averaged over
            half a second (velocity).
        tracking_scale: [m/s].
        turn_tracking: Times ``exp(-(error / turn_scale)²)`` of the averaged yaw rate (velocity).
        turn_scale: [rad/s].
        pose: Times ``exp(-mse / .2²)`` of the joints' deviation from the gait (imitate) or, times
            uprightness, from the standing pose (recover).
        upright: Times (1 + cosine of the tilt) / 2 (recover).
        height: Times the torso's height over that of standing, up to 1 (recover).
        drift: Times minus the squared sideways speed [m/s] (all but recover).
        turning: Times minus the squared yaw rate [rad/s], averaged over half a second: a gait may
            wag, but one that earns its speed on a circle gets nowhere (walk, imitate).
        tilt: Times minus the squared sine of the torso's tilt (all but recover).
        shaking: Times minus the squared roll and pitch rates [rad/s].
        torque: Times minus the mean squared torque over its limit.
        action_rate: Times minus the mean squared change of the action.
        fall: Taken off when the episode ends by a fall.
    """

    speed_limit: float = 0.5
    forward_velocity: float = 1.0
    tracking: float = 1.0
    tracking_scale: float = 0.1
    turn_tracking: float = 0.5
    turn_scale: float = 0.3
    pose: float = 1.0
    upright: float = 0.5
    height: float = 1.0
    drift: float = 1.0
    turning: float = 5.0
    tilt: float = 1.0
    shaking: float = 0.02
    torque: float = 0.1
    action_rate: float = 1.0
    fall: float = 10.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not np.isfinite(value):
                raise InputError(f"the reward's {name}={value} must be finite")
        for name in ("speed_limit", "tracking_scale", "turn_scale"):
            if not getattr(self, name) > 0:
                raise InputError(f"the reward's {name}={getattr(self, name)} must be positive")


@dataclass(frozen=True)
class Commands:
    """Where the velocity task's commands come from; uniform in the ranges.

    Attributes:
        forward: Forward velocity [m/s].
        yaw: Yaw rate [rad/s], left +.
        seconds: Time until the next command [s].
        still: Share of commands to stand.
    """

    forward: tuple[float, float] = (0.05, 0.25)
    yaw: tuple[float, float] = (-0.2, 0.2)
    seconds: float = 5.0
    still: float = 0.1

    def __post_init__(self) -> None:
        for name in ("forward", "yaw"):
            low, high = getattr(self, name)
            if not -np.inf < low <= high < np.inf:
                raise InputError(f"the commands' {name}=({low}, {high}) must be (low, high)")
        if not 1 / CONTROL_RATE <= self.seconds < np.inf:
            raise InputError(
                f"the commands' seconds={self.seconds} must be finite, and at least a control "
                f"step's {1 / CONTROL_RATE:g}"
            )
        if not 0 <= self.still <= 1:
            raise InputError(f"the commands' still={self.still} must lie in [0, 1]")


@dataclass(frozen=True)
class PiDogOptions:
    """What can be chosen about the task; `PiDogEnv` describes each."""

    use_camera: bool = False
    reward: PiDogReward = PiDogReward()
    episode_seconds: float = 20.0
    task: str = "walk"
    gait: str = "trot"
    commands: Commands = Commands()
    command: tuple[float, float] | None = None
    observation: str = "full"
    history: int = HISTORY
    clock_frequency: float = CLOCK_FREQUENCY
    privileged: bool = False
    sensors: tuple[str, ...] = ()
    imu: Imu = field(default_factory=Imu)
    servo: Servo | None = None
    randomization: Randomization | None = None
    curriculum_steps: int = 0
    wall: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.episode_seconds < np.inf:
            raise InputError(f"episode_seconds={self.episode_seconds} must be positive and finite")
        for kind, name, known in (
            ("task", self.task, TASKS),
            ("gait", self.gait, GAITS),
            ("observation", self.observation, OBSERVATIONS),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)
        for name in self.sensors:
            if name not in SENSORS:
                raise unknown_name("sensor", name, SENSORS)
        if self.history < 1:
            raise InputError(f"history={self.history} must be at least 1")
        if not 0 < self.clock_frequency < CONTROL_RATE / 2:
            raise InputError(
                f"clock_frequency={self.clock_frequency} must lie between 0 and "
                f"{CONTROL_RATE / 2:g} Hz"
            )
        if not 0 <= self.curriculum_steps < np.inf:
            raise InputError(
                f"curriculum_steps={self.curriculum_steps} must be finite and not negative"
            )
        if self.curriculum_steps and self.randomization is None:
            raise InputError("curriculum_steps needs a randomization to raise")


class Motion(NamedTuple):
    """What rewards are made of; every array has the batch as its first axis.

    Attributes:
        velocity: Over the last control step in the heading frame, ``(n, 2)`` [m/s].
        mean_velocity: The same, averaged over half a second.
        yaw_rate: Averaged over half a second, ``(n,)`` [rad/s].
        up: The world's up in the torso's frame, ``(n, 3)``.
        rates: Angular velocity in the torso's frame, ``(n, 3)`` [rad/s].
        height: Of the torso's origin, ``(n,)`` [m].
        joints: Left-sign angles of the legs, ``(n, 8)`` [rad].
        torque: Mean squared torque over its limit, ``(n,)``.
        action_rate: Mean squared change of the action, ``(n,)``.
        fallen: ``(n,)``.
    """

    velocity: FloatArray
    mean_velocity: FloatArray
    yaw_rate: FloatArray
    up: FloatArray
    rates: FloatArray
    height: FloatArray
    joints: FloatArray
    torque: FloatArray
    action_rate: FloatArray
    fallen: BoolArray


def reward_terms(
    task: str,
    weights: PiDogReward,
    motion: Motion,
    command: FloatArray,
    reference: FloatArray,
) -> dict[str, FloatArray]:
    """The weighted terms of a task, ``(n,)`` each.

    Args:
        task: One of :data:`TASKS`.
        weights: Their weights.
        motion: What happened.
        command: Forward velocity and yaw rate that were asked for, ``(n, 2)``.
        reference: Left-sign angles to be near to, ``(n, 8)`` [rad].
    """
    forward, sideways = motion.velocity.T
    closeness = np.exp(-np.square(motion.joints - reference).mean(axis=1) / _POSE_SCALE)
    drift = -weights.drift * np.square(sideways)
    turning = -weights.turning * np.square(motion.yaw_rate)
    tilt = -weights.tilt * np.square(motion.up[:, :2]).sum(axis=1)
    progress = weights.forward_velocity * np.clip(forward / weights.speed_limit, -1.0, 1.0)
    effort = {
        "shaking": -weights.shaking * np.square(motion.rates[:, :2]).sum(axis=1),
        "torque": -weights.torque * motion.torque,
        "action_rate": -weights.action_rate * motion.action_rate,
    }
    steady = {"drift": drift, "turning": turning, "tilt": tilt}
    fall = {"fall": -weights.fall * motion.fallen}
    if task == "recover":
        upright = (1 + motion.up[:, 2]) / 2
        return {
            "upright": weights.upright * upright,
            "height": weights.height * np.clip(motion.height / STAND_HEIGHT, 0.0, 1.0),
            "pose": weights.pose * upright * closeness,
            **effort,
        }
    if task == "velocity":
        error = (motion.mean_velocity[:, 0] - command[:, 0]) / weights.tracking_scale
        turn_error = (motion.yaw_rate - command[:, 1]) / weights.turn_scale
        return {
            "tracking": weights.tracking * np.exp(-np.square(error)),
            "turn_tracking": weights.turn_tracking * np.exp(-np.square(turn_error)),
            "drift": drift,
            "tilt": tilt,
            **effort,
            **fall,
        }
    if task == "imitate":
        pose = {"pose": weights.pose * closeness}
        return {**pose, "forward_velocity": progress, **steady, **effort, **fall}
    return {"forward_velocity": progress, **steady, **effort, **fall}


def draw_commands(
    generators: Sequence[np.random.Generator], commands: Commands, count: int
) -> FloatArray:
    """Draws ``count`` commands for each of k episodes, ``(k, count, 2)``."""
    unit = np.array([generator.random((count, 3)) for generator in generators])
    low, high = np.array((commands.forward, commands.yaw)).T
    drawn: FloatArray = low + unit[:, :, :2] * (high - low)
    drawn[unit[:, :, 2] < commands.still] = 0.0
    return drawn


def fallen_states(simulation: Simulation, height: float = 0.2) -> FloatArray:
    """States of robots that have fallen in all ways and lie still, ``(n, nstate)``.

    Dropped from a height in random orientations with their servos at random angles; the same
    every time.

    Args:
        simulation: Of PiDog.
        height: Of the torso at the beginning [m].
    """
    rng = np.random.default_rng(0)
    model = simulation.model
    quaternions = rng.normal(size=(_N_FALLS, 4))
    qpos = np.tile(model.key("stand").qpos, (_N_FALLS, 1))
    qpos[:, 2] = height
    qpos[:, 3:7] = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    limits = model.actuator_ctrlrange
    targets = rng.uniform(0.7 * limits[:, 0], 0.7 * limits[:, 1], (_N_FALLS, model.nu))
    steps = round(_FALL_SECONDS * CONTROL_RATE)
    fallen = simulation.rollout(
        simulation.states(qpos, np.zeros((_N_FALLS, model.nv))),
        np.repeat(targets[:, None], steps, axis=1),
    )[:, -1]
    fallen[:, 0] = 0.0
    fallen[:, simulation.layout.qpos.start : simulation.layout.qpos.start + 2] = 0.0
    return fallen
