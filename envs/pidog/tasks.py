"""PiDog's tasks: the reward of each, the start of its episodes and their end.

A task is an entry of :data:`TASKS`; a program can add its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.core.simulation import Simulation
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE
from sb3_mimic.envs.pidog.legs import FOOT_RADIUS, LEGS
from sb3_mimic.envs.pidog.model import leg_joints
from sb3_mimic.envs.pidog.motion import Motion
from sb3_mimic.errors import InputError

STAND_HEIGHT: Final = 0.0944
"""Height of the torso's origin in the settled standing pose [m]."""

START_NOISE: Final = 0.05
"""Largest offset of each joint from the standing pose at the start of an episode [rad]: 3 degrees,
as much as the zero offsets of servos that are calibrated by eye."""

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
        pose: Times ``exp(-mse / 0.2²)`` of the joints' deviation from the gait (imitate) or, times
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
        fall: Penalty when the episode ends by a fall.

    Raises:
        InputError: If a weight is not finite, or a speed or scale not positive.
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


class Start(ABC):
    """The start of episodes.

    Args:
        robot: PiDog.
        simulation: Of the robot.
    """

    def __init__(self, robot: Robot, simulation: Simulation) -> None:
        self._robot = robot
        self._simulation = simulation
        self._height = simulation.layout.qpos.start + 2

    @abstractmethod
    def states(
        self,
        generators: Sequence[np.random.Generator],
        noise: FloatArray,
        ground: FloatArray,
    ) -> FloatArray:
        """First states of k episodes, ``(k, nstate)``.

        Args:
            generators: One for each of them.
            noise: Of the legs' joints, ``(k, 8)`` [rad], up to `START_NOISE`.
            ground: Height of the ground's highest bump over the floor, ``(k,)`` [m].
        """


class StandingStart(Start):
    """Near the settled standing pose; the lowest foot touches the floor, or the highest bump."""

    def __init__(self, robot: Robot, simulation: Simulation) -> None:
        super().__init__(robot, simulation)
        self._stand = robot.model.key("stand").qpos.copy()
        self._legs, _ = leg_joints(robot.model)
        self._foot_heights = [robot.sensor(f"{leg}_foot_position").stop - 1 for leg in LEGS]

    def states(
        self,
        generators: Sequence[np.random.Generator],
        noise: FloatArray,
        ground: FloatArray,
    ) -> FloatArray:
        """See `Start.states`."""
        qpos = np.tile(self._stand, (len(noise), 1))
        qpos[:, self._legs] += noise
        states = self._simulation.states(qpos, np.zeros((len(noise), self._robot.model.nv)))
        lowest = self._simulation.sense(states)[:, self._foot_heights].min(axis=1)
        states[:, self._height] += FOOT_RADIUS + ground - lowest
        return states


class LyingStart(Start):
    """Lying still after a fall, in one of many ways."""

    def __init__(self, robot: Robot, simulation: Simulation) -> None:
        super().__init__(robot, simulation)
        self._fallen = fallen_states(simulation)

    def states(
        self,
        generators: Sequence[np.random.Generator],
        noise: FloatArray,
        ground: FloatArray,
    ) -> FloatArray:
        """See `Start.states`; the noise is not used."""
        n = len(self._fallen)
        states = self._fallen[[generator.integers(n) for generator in generators]]
        states[:, self._height] += ground
        return states


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


RewardFunction = Callable[[PiDogReward, Motion], dict[str, FloatArray]]
"""Gives the weighted terms of the reward, ``(n,)`` each, in the order in which they are summed."""


@dataclass(frozen=True)
class PiDogTask:
    """A task.

    Attributes:
        name: Its name in ``task=``.
        reward_terms: The terms of its reward.
        start: The start of its episodes.
        has_commands: Whether each episode has velocity commands, which are then observed;
            ``reset(options={"command": (forward, yaw_rate)})`` fixes them.
        follows_gait: Whether the legs are to follow the gait, whose phase is then observed.
        ends_at_fall: Whether an episode ends when the robot has fallen.
    """

    name: str
    reward_terms: RewardFunction
    start: Callable[[Robot, Simulation], Start] = StandingStart
    has_commands: bool = False
    follows_gait: bool = False
    ends_at_fall: bool = True


def walk_terms(weights: PiDogReward, motion: Motion) -> dict[str, FloatArray]:
    """Rewards speed forward; a `RewardFunction`, as the others."""
    return {
        "forward_velocity": _progress(weights, motion),
        "drift": _drift(weights, motion),
        "turning": -weights.turning * np.square(motion.yaw_rate),
        "tilt": _tilt(weights, motion),
        **_effort(weights, motion),
        "fall": _fall(weights, motion),
    }


def velocity_terms(weights: PiDogReward, motion: Motion) -> dict[str, FloatArray]:
    """Rewards the commanded forward velocity and yaw rate."""
    error = (motion.mean_velocity[:, 0] - motion.command[:, 0]) / weights.tracking_scale
    turn_error = (motion.yaw_rate - motion.command[:, 1]) / weights.turn_scale
    return {
        "tracking": weights.tracking * np.exp(-np.square(error)),
        "turn_tracking": weights.turn_tracking * np.exp(-np.square(turn_error)),
        "drift": _drift(weights, motion),
        "tilt": _tilt(weights, motion),
        **_effort(weights, motion),
        "fall": _fall(weights, motion),
    }


def recover_terms(weights: PiDogReward, motion: Motion) -> dict[str, FloatArray]:
    """Rewards getting up and standing."""
    upright = (1 + motion.up[:, 2]) / 2
    return {
        "upright": weights.upright * upright,
        "height": weights.height * np.clip(motion.height / STAND_HEIGHT, 0.0, 1.0),
        "pose": weights.pose * upright * _closeness(motion),
        **_effort(weights, motion),
    }


def imitate_terms(weights: PiDogReward, motion: Motion) -> dict[str, FloatArray]:
    """Rewards the gait's joint angles and speed forward."""
    pose = {"pose": weights.pose * _closeness(motion)}
    return {**pose, **walk_terms(weights, motion)}


def _progress(weights: PiDogReward, motion: Motion) -> FloatArray:
    forward = motion.velocity[:, 0]
    progress: FloatArray = weights.forward_velocity * np.clip(
        forward / weights.speed_limit, -1.0, 1.0
    )
    return progress


def _closeness(motion: Motion) -> FloatArray:
    """1 where the joints are at the wanted angles, towards 0 far from them, ``(n,)``."""
    closeness: FloatArray = np.exp(
        -np.square(motion.joints - motion.wanted_joints).mean(axis=1) / _POSE_SCALE
    )
    return closeness


def _drift(weights: PiDogReward, motion: Motion) -> FloatArray:
    drift: FloatArray = -weights.drift * np.square(motion.velocity[:, 1])
    return drift


def _tilt(weights: PiDogReward, motion: Motion) -> FloatArray:
    tilt: FloatArray = -weights.tilt * np.square(motion.up[:, :2]).sum(axis=1)
    return tilt


def _effort(weights: PiDogReward, motion: Motion) -> dict[str, FloatArray]:
    return {
        "shaking": -weights.shaking * np.square(motion.rates[:, :2]).sum(axis=1),
        "torque": -weights.torque * motion.torque,
        "action_rate": -weights.action_rate * motion.action_rate,
    }


def _fall(weights: PiDogReward, motion: Motion) -> FloatArray:
    return np.asarray(-weights.fall * motion.fallen)


TASKS: Final[dict[str, PiDogTask]] = {
    task.name: task
    for task in (
        PiDogTask("walk", walk_terms),
        PiDogTask("velocity", velocity_terms, has_commands=True),
        PiDogTask("recover", recover_terms, LyingStart, ends_at_fall=False),
        PiDogTask("imitate", imitate_terms, follows_gait=True),
    )
}
"""The choices of ``task=`` by name."""
