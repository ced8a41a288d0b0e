"""The reference: a clip as a robot would perform it, sampled at any time; and several at once.

The clip's spline is sampled once on a fine grid and differenced on the manifold; the environments
interpolate linearly between neighbors of the grid, which stays within some 1e-4 rad of the spline
(1e-2 rad where it is fastest) and costs the same for a second of motion as for ten minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.actuation.base import Target
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.core.simulation import Simulation
from sb3_mimic.envs.tracking.options import Motion
from sb3_mimic.envs.tracking.retargeting.cache import fit_clip
from sb3_mimic.envs.tracking.spec import TrackingRobot
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, close_loop, load_motion

# Grid points per second: four per control step of 30 Hz, at least the rate of common mocap.
_GRID_RATE = 120.0
# Half the span of the difference that gives velocities [s].
_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class ReferenceRows:
    """Reference states of a batch, the last axis split into its parts by slices.

    Attributes:
        qpos: Where the ``nq`` positions lie.
        qvel: Where the ``nv`` velocities lie.
        sensors: Where the sensors' values lie.
        width: Length of the axis.
    """

    qpos: slice
    qvel: slice
    sensors: slice
    width: int


class Reference:
    """A clip for a robot.

    Args:
        clip: The clip; a looping one must be closed (`sb3_mimic.motion.close_loop`).
        robot: The robot; its hinges are found in the clip by name.
        original: The character's clip that was put on the robot; None where none was.

    Raises:
        InputError: If a hinge of the robot is not in the clip.

    Attributes:
        duration: Length of the clip, of one cycle if it loops [s].
        loop: Whether the clip goes round.
        limited: Largest amount by which a hinge of the clip exceeds its limit [rad]; the reference
            is clipped to the limits.
        cycle_offset: How far a cycle carries the root over the ground, ``(2,)`` [m].
    """

    def __init__(
        self, clip: MotionClip, robot: TrackingRobot, original: MotionClip | None = None
    ) -> None:
        missing = [name for name in robot.joint_names if name not in clip.joint_names]
        if missing:
            raise InputError(
                f"motion {clip.name!r} has no joint {missing[0]!r}, which the {robot.name} needs; "
                f"its joints are {', '.join(clip.joint_names)}"
            )
        self.clip = clip
        self.robot = robot
        self.original = original
        self.duration = clip.duration
        self.loop = clip.loop
        model = robot.model
        self.rows = ReferenceRows(
            qpos=slice(0, model.nq),
            qvel=slice(model.nq, model.nq + model.nv),
            sensors=slice(model.nq + model.nv, model.nq + model.nv + model.nsensordata),
            width=model.nq + model.nv + model.nsensordata,
        )
        self._columns = np.concatenate(
            (
                np.arange(7),
                7 + np.array([clip.joint_names.index(name) for name in robot.joint_names]),
            )
        )
        intervals = max(1, int(np.ceil(self.duration * _GRID_RATE)))
        times = np.linspace(0.0, self.duration, intervals + 1)
        qpos, excess = self._limited(clip.sample(times))
        self.limited = excess
        qvel = self._velocities(times)
        self._table = np.empty((intervals + 1, self.rows.width))
        self._table[:, self.rows.qpos] = qpos
        self._table[:, self.rows.qvel] = qvel
        simulation = Simulation(model, robot.substeps)
        self._table[:, self.rows.sensors] = simulation.sense(simulation.states(qpos, qvel))
        simulation.close()
        self._table.setflags(write=False)
        self.cycle_offset = qpos[-1, :2] - qpos[0, :2] if self.loop else np.zeros(2)
        self._alone = ReferenceSet((self,))

    @property
    def table(self) -> FloatArray:
        """The grid, ``(m, width)``, read-only; its parts are ``rows``."""
        return self._table

    def cycle(self, times: FloatArray) -> FloatArray:
        """How many whole cycles lie before each time ``(n,)`` [s]; 0 for a clip without loop."""
        return self._alone.cycle(_first(times), times)

    def phase(self, times: FloatArray) -> FloatArray:
        """Position within the clip at each time ``(n,)`` [s], in [0, 1]."""
        return self._alone.phase(_first(times), times)

    def at(self, times: FloatArray) -> FloatArray:
        """Reference rows ``(n, width)`` at times ``(n,)`` [s] since the clip's first frame.

        A looping clip goes round, each cycle carrying the root on by ``cycle_offset``; another
        stays at its last frame, without velocity.
        """
        return self._alone.at(_first(times), times)

    def lowest_points(self) -> dict[str, float]:
        """Height of the lowest point of each body over the clip [m]; see `ground_points`."""
        sensors = self._table[:, self.rows.sensors]
        return {
            body: float((sensors[:, heights] - radii).min())
            for body, (heights, radii) in ground_points(self.robot).items()
        }

    def _limited(self, qpos: FloatArray) -> tuple[FloatArray, float]:
        qpos = qpos[:, self._columns]
        low, high = self.robot.joint_range.T
        hinges = np.clip(qpos[:, 7:], low, high)
        excess = float(np.abs(hinges - qpos[:, 7:]).max())
        qpos[:, 7:] = hinges
        return qpos, excess

    def _velocities(self, times: FloatArray) -> FloatArray:
        before, after = times - _DIFFERENCE, times + _DIFFERENCE
        if not self.loop:
            before, after = np.maximum(before, 0.0), np.minimum(after, self.duration)
        start, _ = self._limited(self.clip.sample(before))
        end, _ = self._limited(self.clip.sample(after))
        model = self.robot.model
        qvel = np.empty((len(times), model.nv))
        for row, span, a, b in zip(qvel, after - before, start, end, strict=True):
            mujoco.mj_differentiatePos(model, row, span, a, b)
        return qvel


class ReferenceSet:
    """Several references of one robot as one table: any of them at any time, in one lookup.

    Args:
        references: At least one, all of the same robot.

    Attributes:
        references: The references.
        robot: Their robot.
        rows: Parts of a row.
        durations: Length of each clip, ``(k,)`` [s].
        loops: Which go round, ``(k,)``.
    """

    def __init__(self, references: Sequence[Reference]) -> None:
        self.references = tuple(references)
        first = self.references[0]
        self.robot, self.rows = first.robot, first.rows
        self.durations = np.array([reference.duration for reference in references])
        self.loops = np.array([reference.loop for reference in references])
        tables = [reference.table for reference in references]
        # One table is not copied: it may be ten minutes long.
        self._table = tables[0] if len(tables) == 1 else np.concatenate(tables)
        lengths = np.array([len(table) for table in tables])
        self._starts = np.cumsum(lengths) - lengths
        self._last = lengths - 2
        self._intervals = self.durations / (lengths - 1)
        self._offsets = np.array([reference.cycle_offset for reference in references])
        self._ground = _ground_columns(self.robot, self.rows.sensors.start)

    def __len__(self) -> int:
        return len(self.references)

    def cycle(self, clips: IndexArray, times: FloatArray) -> FloatArray:
        """See `Reference.cycle`; of the clips ``(n,)``, by their index."""
        # A time that is a whole number of cycles but for rounding belongs to the new cycle.
        cycles: FloatArray = np.floor(times / self.durations[clips] + 1e-9) * self.loops[clips]
        return cycles

    def phase(self, clips: IndexArray, times: FloatArray) -> FloatArray:
        """See `Reference.phase`; of the clips ``(n,)``, by their index."""
        phase = times / self.durations[clips] - self.cycle(clips, times)
        limited: FloatArray = np.minimum(np.maximum(phase, 0.0), 1.0)
        return limited

    def at(self, clips: IndexArray, times: FloatArray) -> FloatArray:
        """See `Reference.at`; of the clips ``(n,)``, by their index."""
        durations = self.durations[clips]
        cycles = self.cycle(clips, times)
        position = np.clip((times - cycles * durations) / self._intervals[clips], 0.0, None)
        index = np.minimum(position.astype(np.intp), self._last[clips])
        fraction = np.minimum(position - index, 1.0)[:, None]
        # Rounding must not make a grid point a mixture of neighbors: resets are exact there.
        fraction[fraction < 1e-9] = 0.0
        index += self._starts[clips]
        rows: FloatArray = self._table.take(index, axis=0)
        following = self._table.take(index + 1, axis=0)
        rows *= 1 - fraction
        following *= fraction
        rows += following
        quaternion = rows[:, 3:7]
        quaternion /= np.sqrt((quaternion * quaternion).sum(axis=1, keepdims=True))
        rows[:, self._ground] += (cycles[:, None] * self._offsets[clips])[:, None]
        ended = (times > durations + 1e-9) & ~self.loops[clips]
        rows[ended, self.rows.qvel] = 0.0
        return rows


def reference_for(motion: Motion, robot: TrackingRobot) -> Reference:
    """The reference for a motion, retargeted where the robot needs it; a loop is closed.

    Raises:
        InputError: If it cannot be used.
    """
    clip = motion if isinstance(motion, MotionClip) else load_motion(motion)
    if clip.loop:
        clip = close_loop(clip)[0]
    if robot.spec.skeleton is not None and not set(robot.joint_names) <= set(clip.joint_names):
        return Reference(fit_clip(clip, robot).clip, robot, original=clip)
    return Reference(clip, robot)


def pose_at(reference: Reference, times: FloatArray) -> Target:
    """The joints of a reference at times ``(n,)`` [s] since the clip's first frame."""
    rows, reached = reference.rows, reference.at(times)
    return Target(reached[:, rows.qpos][:, 7:], reached[:, rows.qvel][:, 6:])


def _first(times: FloatArray) -> IndexArray:
    """The index of the only clip of a set, for each time."""
    return np.zeros(len(times), np.intp)


def _ground_columns(robot: Robot, sensors: int) -> NDArray[np.intp]:
    """Columns ``(k, 2)`` of a row that hold a position on the ground: the root's, and sensors'."""
    model = robot.model
    positions = (mujoco.mjtSensor.mjSENS_FRAMEPOS, mujoco.mjtSensor.mjSENS_SUBTREECOM)
    starts = [0, *(sensors + model.sensor_adr[np.isin(model.sensor_type, positions)])]
    return np.array([[start, start + 1] for start in starts], dtype=np.intp)


def ground_points(robot: Robot) -> dict[str, tuple[NDArray[np.intp], FloatArray]]:
    """Where the sensors hold the heights of each body's lowest points.

    A body of spheres and capsules touches the ground with one of the spheres it is made of; the
    MJCF has a site ``<body>_<k>`` of their radius at each centre and a sensor ``point_<site>``.

    Returns:
        For each body, the columns of the sensor array with the centres' heights, ``(k,)``, and
        their radii, ``(k,)`` [m].
    """
    columns: dict[str, list[int]] = {}
    radii: dict[str, list[float]] = {}
    model = robot.model
    for index in range(model.nsensor):
        sensor = model.sensor(index)
        if not sensor.name.startswith("point_"):
            continue
        site = sensor.name.removeprefix("point_")
        body = site.rpartition("_")[0]
        columns.setdefault(body, []).append(int(sensor.adr[0]) + 2)
        radii.setdefault(body, []).append(float(model.site(site).size[0]))
    return {
        body: (np.array(columns[body], dtype=np.intp), np.array(radii[body])) for body in columns
    }
