"""Domain randomization of PiDog: ranges, and the numbers that an episode draws from them.

The numbers of the physics (masses, friction, servos, ground) are drawn once for a bank of models,
of which each episode takes one; MuJoCo steps a batch with as many models as it has environments.
The numbers of servos and sensors (delay, offsets, biases) and the pushes are drawn per episode.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog.model import (
    ground_shape,
    raise_ground,
    set_friction,
    set_mass,
    set_servos,
)
from sb3_mimic.envs.pidog.sensors import TABLE_ROWS
from sb3_mimic.errors import InputError

IntArray = NDArray[np.int64]
Range = tuple[float, float]

MODEL_NUMBERS: Final = ("mass", "inertia", "friction", "torque", "speed", "slope", "roughness")
"""The numbers that differ between models of the bank; the columns of ``ModelBank.numbers``."""

CARRYING_TORQUE: Final = 0.174
"""Torque that a front knee needs when two legs carry the body [N·m per kg of the robot]."""

N_UNIFORM: Final = 20
"""Uniform numbers that an episode is drawn from."""


@dataclass(frozen=True)
class Randomization:
    """Ranges, uniform, that models and episodes are drawn from; an empty range switches one off.

    The numbers are estimates around what is published about the robot (``docs/pidog.md``).

    Attributes:
        mass: Of the robot [kg].
        inertia: Factor on the inertia of each body, beyond its mass.
        friction: Between foot and floor.
        torque: Stall torque of the servos [N·m].
        speed: No-load speed of the servos [degrees/s].
        slope: Steepness of the floor, in any direction [degrees].
        roughness: Height of the bumps in the floor [m]. A field of heights costs a sixth of the
            physics' speed; with (0, 0) there is none.
        latency: From the action to the servo's reaction [s].
        zero_offset: Of each servo's zero [degrees].
        imu_tilt: Tilt at boot, which becomes the accelerometer's bias [degrees].
        gyro_bias: Bias of the gyroscope that calibration leaves [degrees/s].
        imu_noise: Factor on the inertial sensor's noise.
        ultrasonic_dropout: Share of ultrasonic readings that are lost.
        push: Sudden change of the body's horizontal velocity [m/s].
        push_interval: Time between two pushes [s].
        n_models: Models in the bank, of 2 MB each.
        seed: Seed of the bank.
    """

    mass: Range = (0.65, 0.95)
    inertia: Range = (0.8, 1.2)
    friction: Range = (0.3, 1.0)
    torque: Range = (0.113, 0.169)
    speed: Range = (330.0, 450.0)
    slope: Range = (0.0, 3.0)
    roughness: Range = (0.0, 0.005)
    latency: Range = (0.010, 0.050)
    zero_offset: Range = (-3.0, 3.0)
    imu_tilt: Range = (-3.0, 3.0)
    gyro_bias: Range = (-1.0, 1.0)
    imu_noise: Range = (0.0, 2.0)
    ultrasonic_dropout: Range = (0.0, 0.6)
    push: Range = (0.0, 0.2)
    push_interval: Range = (5.0, 10.0)
    n_models: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self)[:-2]:
            low, high = getattr(self, field.name)
            if not low <= high < np.inf:
                raise InputError(
                    f"the randomization's {field.name}=({low}, {high}) must be (low, high)"
                )
        positive = ("mass", "inertia", "friction", "torque", "speed", "push_interval")
        natural = ("slope", "roughness", "latency", "imu_noise", "ultrasonic_dropout", "push")
        for name in (*positive, *natural):
            low = getattr(self, name)[0]
            if low < 0 or (low == 0 and name in positive):
                raise InputError(
                    f"the randomization's {name} must be "
                    f"{'positive' if name in positive else 'at least 0'}, not {low}"
                )
        if self.n_models < 1:
            raise InputError(f"the randomization's n_models={self.n_models} must be at least 1")

    @property
    def uneven(self) -> bool:
        """Whether the ground has bumps."""
        return self.roughness[1] > 0


@dataclass(frozen=True, eq=False)
class ModelBank:
    """Models of one robot, from the most ordinary to the most extreme.

    Attributes:
        models: K models.
        numbers: The numbers of each, ``(K, 7)``; the columns are `MODEL_NUMBERS`.
        scaled: The same, -1 to 1 over each range, ``(K, 7)``.
    """

    models: tuple[mujoco.MjModel, ...]
    numbers: FloatArray
    scaled: FloatArray

    @property
    def can_carry_mass(self) -> BoolArray:
        """Models whose servos can carry their mass on two legs, ``(K,)``."""
        mass, torque = (self.numbers[:, MODEL_NUMBERS.index(name)] for name in ("mass", "torque"))
        can_carry_mass: BoolArray = torque >= CARRYING_TORQUE * mass
        return can_carry_mass


def make_bank(robot: Robot, ranges: Randomization) -> ModelBank:
    """Draws the models: each number takes every part of its range equally often.

    Args:
        robot: PiDog, loaded with ``uneven=True`` where the ranges have roughness.
        ranges: The ranges to draw from.
    """
    rng = np.random.default_rng(ranges.seed)
    n = ranges.n_models
    # A Latin hypercube: no number repeats another's order.
    strata = np.stack([rng.permutation(n) for _ in MODEL_NUMBERS], axis=1)
    unit = (strata + rng.random(strata.shape)) / n
    scaled = 2 * unit - 1
    unit = unit[order := np.argsort(np.abs(scaled).max(axis=1))]
    low, high = np.array([getattr(ranges, name) for name in MODEL_NUMBERS]).T
    numbers = low + unit * (high - low)
    models = tuple(
        _vary_model(robot.model, dict(zip(MODEL_NUMBERS, row, strict=True)), rng)
        for row in numbers.tolist()
    )
    return ModelBank(models, numbers, scaled[order])


def _vary_model(
    model: mujoco.MjModel, numbers: dict[str, float], rng: np.random.Generator
) -> mujoco.MjModel:
    """A copy of a model with other numbers."""
    model = copy.copy(model)
    set_friction(model, numbers["friction"])
    model.body_inertia[:] *= numbers["inertia"]
    set_servos(model, numbers["torque"], np.deg2rad(numbers["speed"]))
    set_mass(model, numbers["mass"] / float(model.body_subtreemass[1]))
    # A slope is gravity from another direction: the floor stays the plane z = 0.
    slope, direction = np.deg2rad(numbers["slope"]), rng.uniform(-np.pi, np.pi)
    horizontal = np.sin(slope) * np.array([np.cos(direction), np.sin(direction)])
    gravity = float(np.linalg.norm(model.opt.gravity))
    model.opt.gravity[:] = gravity * np.array([*horizontal, -np.cos(slope)])
    if model.nhfield:
        raise_ground(model, _draw_heights(rng), numbers["roughness"])
    return model


def _draw_heights(rng: np.random.Generator) -> FloatArray:
    """Random heights from 0 to 1, each averaged with its neighbors 10 cm away."""
    rows, columns = ground_shape()
    rough = rng.random((rows + 2, columns + 2))
    halfway = (rough[:-2] + 2 * rough[1:-1] + rough[2:]) / 4
    heights = (halfway[:, :-2] + 2 * halfway[:, 1:-1] + halfway[:, 2:]) / 4
    heights -= heights.min()
    return np.asarray(heights / heights.max())


@dataclass(frozen=True)
class Episodes:
    """The numbers of n episodes; every array has the episodes as its first axis.

    Attributes:
        model: Index in the bank, ``(n,)``.
        latency: [s], ``(n,)``.
        zero_offset: Of the servos [degrees], ``(n, 8)``.
        imu_bias: Of accelerometer [g] and gyroscope [rad/s], ``(n, 6)``.
        imu_noise: Factor on the noise, ``(n,)``.
        dropout: Share of ultrasonic readings that are lost, ``(n,)``.
        push: Largest change of velocity [m/s], ``(n,)``; each push takes a part of it.
        push_interval: Control steps between pushes, ``(n,)``; 0 for no pushes.
        row: Where the episode reads the tables of random numbers, ``(n,)``.
    """

    model: IntArray
    latency: FloatArray
    zero_offset: FloatArray
    imu_bias: FloatArray
    imu_noise: FloatArray
    dropout: FloatArray
    push: FloatArray
    push_interval: IntArray
    row: IntArray

    def put(self, indices: NDArray[np.intp], drawn: "Episodes") -> None:
        """Replaces some episodes by others, in place."""
        for field in fields(self):
            getattr(self, field.name)[indices] = getattr(drawn, field.name)


def ordinary_episodes(n: int, latency: float) -> Episodes:
    """Episodes without randomization."""
    return Episodes(
        model=np.zeros(n, np.int64),
        latency=np.full(n, latency),
        zero_offset=np.zeros((n, 8)),
        imu_bias=np.zeros((n, 6)),
        imu_noise=np.ones(n),
        dropout=np.zeros(n),
        push=np.zeros(n),
        push_interval=np.zeros(n, np.int64),
        row=np.zeros(n, np.int64),
    )


def draw_episodes(
    generators: Sequence[np.random.Generator],
    ranges: Randomization | None,
    strength: FloatArray,
    latency: float,
    control_rate: float,
) -> Episodes:
    """Draws episodes, each from its own generator.

    Args:
        generators: One for each of n episodes.
        ranges: The ranges to draw from; without them only the place in the tables of noise is
            drawn.
        strength: How much of each range is used, ``(n,)`` from 0, the ordinary robot, to 1.
        latency: The ordinary one [s].
        control_rate: Control steps per second [Hz].
    """
    n = len(generators)
    unit = np.array([generator.random(N_UNIFORM) for generator in generators])
    episodes = ordinary_episodes(n, latency)
    episodes.row[:] = unit[:, 0] * TABLE_ROWS
    if ranges is None:
        return episodes

    def between(name: str, columns: slice, ordinary: float) -> FloatArray:
        low, high = getattr(ranges, name)
        drawn = low + unit[:, columns] * (high - low)
        scaled: FloatArray = ordinary + strength[:, None] * (drawn - ordinary)
        return scaled

    # The bank is sorted: a weak randomization takes the ordinary models alone.
    reach = np.maximum(1.0, np.ceil(strength * ranges.n_models))
    episodes.model[:] = unit[:, 1] * reach
    episodes.latency[:] = between("latency", slice(2, 3), latency)[:, 0]
    episodes.zero_offset[:] = between("zero_offset", slice(3, 11), 0.0)
    tilt = np.deg2rad(between("imu_tilt", slice(11, 13), 0.0))
    # What the sensor calls level is tilted: the part of gravity along its x and y is taken off.
    episodes.imu_bias[:, :2] = np.sin(tilt)
    episodes.imu_bias[:, 3:] = np.deg2rad(between("gyro_bias", slice(13, 16), 0.0))
    episodes.imu_noise[:] = between("imu_noise", slice(16, 17), 1.0)[:, 0]
    episodes.dropout[:] = between("ultrasonic_dropout", slice(17, 18), 0.0)[:, 0]
    episodes.push[:] = strength * ranges.push[1]
    low, high = ranges.push_interval
    interval = low + unit[:, 18] * (high - low)
    episodes.push_interval[:] = np.where(episodes.push > 0, interval * control_rate, 0)
    return episodes
