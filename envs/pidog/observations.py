"""PiDog's observations: their parts, the numbers of each, and the camera's picture.

An observation is made of blocks: neighboring parts that are computed together, from the batch.
"""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.core.batched import ObservationPart
from sb3_mimic.envs.core.measurements import draw_measurements
from sb3_mimic.envs.core.rendering import Renderer, RenderOptions
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.envs.pidog import sensors as sensing
from sb3_mimic.envs.pidog.legs import STAND
from sb3_mimic.envs.pidog.motion import up_direction
from sb3_mimic.envs.pidog.options import PiDogOptions
from sb3_mimic.envs.pidog.tasks import TASKS
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import heading

if TYPE_CHECKING:
    from sb3_mimic.envs.pidog.batch import PiDogBatch

CAMERA_SIZE: Final = 84
"""Width and height of the camera's picture [pixels]."""

# Someone touches the board, or makes a sound, in one second of five.
_EVENT_SHARE = 0.2

# Size of each measurement in a brisk walk; the camera's observation carries multiples of it.
_JOINT_ANGLE_SCALE = 0.3  # [rad]
_JOINT_VELOCITY_SCALE = 4.0  # [rad/s]
_ANGULAR_VELOCITY_SCALE = 1.0  # [rad/s]
_UP_SCALE = 0.1
_ACTION_SCALE = 0.3
_ACCELERATION_SCALE = 0.3  # [g]
_COMMAND_SCALE = 0.3  # [m/s, rad/s]


class Values(Protocol):
    """The numbers of a block in some environments."""

    def __call__(self, batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
        """Shape ``(k, m)``, of the k environments at ``indices``."""


@dataclass(frozen=True)
class Block:
    """Neighboring parts of an observation that are computed together.

    Attributes:
        values: Computes their numbers.
        parts: The parts in order.
        scales: Size of each part's numbers in a brisk walk.
    """

    values: Values
    parts: tuple[ObservationPart, ...]
    scales: tuple[float, ...]

    @property
    def number_scales(self) -> FloatArray:
        """Scale of each number, ``(m,)``."""
        return np.repeat(self.scales, [part.size for part in self.parts])


def observation_blocks(options: PiDogOptions, n_actions: int) -> list[Block]:
    """The blocks of an observation in order; see `PiDogEnv`."""
    task = TASKS[options.task]
    if options.observation == "full":
        blocks = [_body_block(n_actions)]
        blocks += [Block(command, _COMMAND, (_COMMAND_SCALE,))] * task.has_commands
        blocks += [Block(clock, _CLOCK, (1.0,))] * task.follows_gait
    else:
        blocks = [_hardware_block(options.history)]
    for name in options.sensors:
        part = ObservationPart(name, sensing.SENSORS[name])
        blocks.append(Block(_OPTIONAL_SENSORS[name], (part,), (1.0,)))
    if options.privileged:
        blocks.append(Block(privileged, (ObservationPart("privileged", 34),), (1.0,)))
    return blocks


_COMMAND = (ObservationPart("command", 2, "m/s forward, rad/s left"),)
_CLOCK = (ObservationPart("clock", 2, "sine, cosine"),)


def _body_block(n_actions: int) -> Block:
    part = ObservationPart
    parts = (
        part("joint_angles", 8, "rad, left sign, from standing"),
        part("joint_rates", 8, "rad/s, left sign"),
        part("angular_velocity", 3, "rad/s, body frame"),
        part("up", 3, "body frame"),
        part("last_action", n_actions),
    )
    scales = (
        _JOINT_ANGLE_SCALE,
        _JOINT_VELOCITY_SCALE,
        _ANGULAR_VELOCITY_SCALE,
        _UP_SCALE,
        _ACTION_SCALE,
    )
    return Block(body, parts, scales)


def _hardware_block(history: int) -> Block:
    part = ObservationPart
    past = range(1 - history, 1)
    parts, scales = [part(f"action_{i}", 8) for i in past], [_ACTION_SCALE] * history
    for i in past:
        parts.append(part(f"acceleration_{i}", 3, "g, body frame"))
        parts.append(part(f"angular_velocity_{i}", 3, "rad/s, body frame"))
        scales += [_ACCELERATION_SCALE, _ANGULAR_VELOCITY_SCALE]
    return Block(onboard, (*parts, *_CLOCK, *_COMMAND), (*scales, 1.0, _COMMAND_SCALE))


def _posture(batch: "PiDogBatch", indices: IndexArray) -> tuple[FloatArray, ...]:
    """Joint angles, joint rates, angular velocity and up direction, ``(k, 8 or 3)`` each."""
    qpos, qvel = batch.qpos[indices], batch.qvel[indices]
    return (
        batch.leg_angles(qpos) - STAND,
        batch.leg_rates(qvel),
        # The sensor is mounted parallel to the torso, in whose frame MuJoCo has this.
        qvel[:, 3:6],
        up_direction(qpos[:, 3:7]),
    )


def body(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """The body in a full observation, ``(k, 22 + n_actions)``."""
    return np.concatenate((*_posture(batch, indices), batch.meter.last_actions[indices]), axis=1)


def command(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """Forward velocity [m/s] and yaw rate [rad/s] commanded at this step, ``(k, 2)``."""
    return batch.command[indices]


def clock(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """Sine and cosine of the clock's phase, ``(k, 2)``."""
    return np.asarray(hardware.clock(batch.steps[indices], batch.observed_frequency))


def onboard(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """The hardware observation, ``(k, 14 history + 4)``."""
    observation: FloatArray = hardware.observe(
        batch.memory.actions[indices],
        batch.memory.samples[indices],
        batch.steps[indices],
        batch.command[indices],
        batch.observed_frequency,
    )
    return observation


def ultrasonic(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """Distance of the nearest of floor and wall [m], and whether it is valid, ``(k, 2)``."""
    place = batch.robot.sensor("ultrasonic_position")
    axis = batch.robot.sensor("ultrasonic_axis")
    dropped = batch.step_numbers(indices)[:, 6] < batch.episodes.dropout[indices]
    sensors = batch.sensors[indices]
    return sensing.ultrasonic(sensors[:, place], sensors[:, axis], batch.options.wall, dropped)


def touch(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """The touch board's state as one of five, ``(k, 5)``."""
    return sensing.touch(_event(batch, indices, column=0))


def sound(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """Whether a sound is heard, cosine and sine of its direction, ``(k, 3)``."""
    event = _event(batch, indices, column=2)
    facing = heading(batch.qpos[indices, 3:7])
    return sensing.sound(2 * np.pi * event, np.arctan2(facing[:, 1], facing[:, 0]))


def _event(batch: "PiDogBatch", indices: IndexArray, column: int) -> FloatArray:
    """Uniform numbers ``(k,)`` that tell this second's event apart; NaN where there is none."""
    unit = batch.second_numbers(indices)
    return np.where(unit[:, column] < _EVENT_SHARE, unit[:, column + 1], np.nan)


_OPTIONAL_SENSORS: Final[dict[str, Values]] = {
    "ultrasonic": ultrasonic,
    "touch": touch,
    "sound": sound,
}


def privileged(batch: "PiDogBatch", indices: IndexArray) -> FloatArray:
    """Numbers that only a simulation knows, ``(k, 34)``: body, joints, the episode's model."""
    model = (
        np.zeros((len(indices), 7))
        if batch.bank is None
        else batch.bank.scaled[batch.episodes.model[indices]]
    )
    return np.concatenate(
        (
            *_posture(batch, indices),
            batch.qpos[indices, 2:3],
            batch.mean_velocity[indices],
            batch.yaw_rate[indices, None],
            model,
            batch.episodes.latency[indices, None],
        ),
        axis=1,
    )


class HeadCamera:
    """Draws the picture of the head's camera, and the measurements in a row under it.

    Args:
        model: PiDog.
        scales: Divisor of each measurement before it is drawn, ``(m,)``.

    Raises:
        InputError: If there are more measurements than pixels in a row.
    """

    shape: Final = (CAMERA_SIZE + 1, CAMERA_SIZE, 3)

    def __init__(self, model: mujoco.MjModel, scales: FloatArray) -> None:
        if len(scales) > CAMERA_SIZE:
            raise InputError(
                f"the camera's picture carries {CAMERA_SIZE} measurements, not {len(scales)}: "
                "shorten the history or leave sensors out"
            )
        self._scales = scales
        # A third of the cost of an ordinary picture: software OpenGL pays for every sample and
        # every hidden triangle. The camera sits at the tip of the muzzle and sees nothing of its
        # own body.
        model = copy.copy(model)
        model.vis.global_.offwidth = model.vis.global_.offheight = CAMERA_SIZE
        model.vis.quality.offsamples = 0
        model.vis.quality.shadowsize = 0
        model.geom_group[model.geom_bodyid > 0] = mujoco.mjNGROUP - 1
        options = RenderOptions(CAMERA_SIZE, CAMERA_SIZE, "head_camera", shadows=False)
        self._renderer = Renderer(model, options)

    def draw(self, qpos: FloatArray, measurements: FloatArray) -> NDArray[np.uint8]:
        """Images ``(k, 85, 84, 3)`` of positions ``(k, nq)`` and measurements ``(k, m)``."""
        images = np.empty((len(qpos), *self.shape), np.uint8)
        for image, pose in zip(images, qpos, strict=True):
            image[:CAMERA_SIZE] = self._renderer.draw(pose)
        images[:, CAMERA_SIZE] = draw_measurements(measurements / self._scales, CAMERA_SIZE)
        return images

    def close(self) -> None:
        """Frees the renderer."""
        self._renderer.close()
