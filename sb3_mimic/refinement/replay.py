"""Open-loop replay of actions in the environment, and its metrics.

The first state is the reference's; from there on the actions alone drive the body. The states are
those of the environment to the last bit, on any number of cores.
"""

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray
from sb3_mimic.envs.actuation import ResidualPD
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.options import TrackingOptions
from sb3_mimic.envs.tracking.reference import Reference, ReferenceSet, pose_at
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.ground import GroundPoints
from sb3_mimic.refinement.problem import TrackingProblem
from sb3_mimic.spatial import angle_between

Actions = NDArray[np.float32] | FloatArray

#: Steps over which the early metrics are taken, as the 50-step error.
EARLY_STEPS: Final = 50

#: A sole's corner below this height is on the ground [m].
ON_GROUND: Final = 0.01


#: Columns of a table of methods: title, metric of `ReplayMetrics`, format.
TABLE_COLUMNS = (
    ("joint error [rad]", "joint_error", ".4f"),
    ("50 steps [rad]", "error_50", ".4f"),
    ("drift 50 [m]", "drift_50", ".3f"),
    ("drift end [m]", "drift_end", ".3f"),
    ("drift max [m]", "drift_max", ".3f"),
    ("survived", "survived_fraction", ".3f"),
    ("reward", "mean_reward", ".3f"),
)


@dataclass(frozen=True, eq=False)
class Replay:
    """T control steps of an open-loop replay; row t of a measurement belongs to state t + 1.

    Attributes:
        qpos: Positions ``(T + 1, nq)``.
        qvel: Velocities ``(T + 1, nv)``.
        reference_qpos: The reference's positions, not anchored, ``(T + 1, nq)``.
        joint_names: Names of the joints of ``joint_error``.
        joint_error: Angle between each joint's rotation and the reference's, ``(T, joints)`` [rad].
        hinge_error: Each hinge minus the reference's, ``(T, nu)`` [rad].
        root_drift: Distance of the root from the reference over the ground, ``(T,)`` [m].
        root_angle: Angle between the root and the reference's, ``(T,)`` [rad].
        reward: The environment's reward, ``(T,)``.
        fallen: Whether something touches the ground that stays off it in the clip, ``(T,)``.
        saturated: Whether a servo is at its torque limit when the step begins, ``(T, nu)``.
        contact: Which feet are on the ground, ``(T + 1, feet)``.
        reference_contact: The same of the reference.
        foot_skate: Mean horizontal speed of the soles' corners on the ground [m/s].
        reference_foot_skate: The same of the reference.
    """

    qpos: FloatArray
    qvel: FloatArray
    reference_qpos: FloatArray
    joint_names: tuple[str, ...]
    joint_error: FloatArray
    hinge_error: FloatArray
    root_drift: FloatArray
    root_angle: FloatArray
    reward: FloatArray
    fallen: BoolArray
    saturated: BoolArray
    contact: BoolArray
    reference_contact: BoolArray
    foot_skate: float
    reference_foot_skate: float

    @property
    def n_steps(self) -> int:
        """Control steps."""
        return len(self.reward)

    @property
    def n_survived(self) -> int:
        """Steps before the first fall."""
        return int(self.fallen.argmax()) if self.fallen.any() else self.n_steps


@dataclass(frozen=True)
class ReplayMetrics:
    """Metrics of a replay.

    Attributes:
        single_step_error: Joint error after one step from each of the reference's states [rad].
        error_50: Mean joint error over the first 50 steps [rad].
        joint_error: Mean joint error over all steps [rad].
        drift_50: Root drift after 50 steps [m].
        drift_end: Root drift at the end [m].
        drift_max: Largest root drift [m].
        survived_fraction: Steps before the first fall, in parts of all.
        mean_reward: Mean reward of all steps, 0 from a fall on.
        saturation: Part of all servos and steps at the torque limit.
        foot_skate: Mean horizontal speed of the soles' corners on the ground [m/s].
        reference_foot_skate: The same of the reference [m/s].
        worst_error: Largest error of a joint [rad].
        worst_joint: The joint that has it.
        worst_frame: Frame of the clip where it has it.
    """

    single_step_error: float
    error_50: float
    joint_error: float
    drift_50: float
    drift_end: float
    drift_max: float
    survived_fraction: float
    mean_reward: float
    saturation: float
    foot_skate: float
    reference_foot_skate: float
    worst_error: float
    worst_joint: str
    worst_frame: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def control_steps(reference: Reference, cycles: int = 1) -> int:
    """Control steps from the first to the last frame of a clip.

    Args:
        reference: The clip.
        cycles: How often it goes round; 1 for a clip that does not loop.
    """
    with closing(TrackingProblem(reference, cycles, n_threads=1)) as problem:
        return problem.n_steps


def cycles_of(reference: Reference, n_steps: int) -> int:
    """How often a clip goes round in so many control steps.

    Raises:
        InputError: If no number of cycles has so many.
    """
    one = control_steps(reference)
    cycles = max(1, round(n_steps / reference.robot.control_rate / reference.duration))
    if n_steps != (control_steps(reference, cycles) if reference.loop else one):
        per = "each cycle" if reference.loop else "the clip"
        raise InputError(
            f"there are {n_steps} actions, and {per} of {reference.clip.name!r} takes "
            f"{reference.duration * reference.robot.control_rate:.1f} control steps ({one})"
        )
    return cycles if reference.loop else 1


def replay(reference: Reference, actions: Actions, cycles: int = 1) -> Replay:
    """Performs actions in the environment from the reference's first state.

    Args:
        reference: The clip that they are to reproduce.
        actions: Shape ``(T, nu)``, in [-1, 1].
        cycles: How often a looping clip goes round.

    Raises:
        InputError: If that takes another number of steps.
    """
    n_steps = control_steps(reference, cycles)
    if len(actions) != n_steps:
        raise InputError(
            f"there are {len(actions)} actions, and {cycles} cycle(s) of "
            f"{reference.clip.name!r} take {n_steps} control steps"
        )
    options = TrackingOptions(early_termination="none", anchor="root")
    batch = TrackingBatch(ReferenceSet((reference,)), options, 1)
    rows: list[tuple[FloatArray, FloatArray]] = []
    rewards, fallen = np.zeros(n_steps), np.zeros(n_steps, np.bool_)
    with closing(batch):
        batch.reset(np.zeros(1, np.intp), [np.random.default_rng()], [{"phase": 0.0}])
        rows.append((batch.qpos[0].copy(), batch.qvel[0].copy()))
        for step in range(n_steps):
            rewards[step] = batch.step(actions[step : step + 1]).rewards[0]
            fallen[step] = batch.fallen()[0]
            rows.append((batch.qpos[0].copy(), batch.qvel[0].copy()))
    qpos, qvel = (np.stack(part) for part in zip(*rows, strict=True))
    times = np.arange(n_steps + 1) / reference.robot.control_rate
    target = reference.at(times)[:, reference.rows.qpos]
    joints = reference.robot.joint_space
    soles = _Soles(reference.robot)
    contact, skate = soles.contacts_and_skate(qpos)
    reference_contact, reference_skate = soles.contacts_and_skate(target)
    return Replay(
        qpos=qpos,
        qvel=qvel,
        reference_qpos=target,
        joint_names=(*joints.balls, *joints.hinges),
        joint_error=joints.distance(qpos[1:, 7:], target[1:, 7:]),
        hinge_error=qpos[1:, 7:] - target[1:, 7:],
        root_drift=np.hypot(*(qpos[1:, :2] - target[1:, :2]).T),
        root_angle=angle_between(qpos[1:, 3:7], target[1:, 3:7]),
        reward=rewards,
        fallen=fallen,
        saturated=_saturated(reference, actions, qpos[:-1], qvel[:-1]),
        contact=contact,
        reference_contact=reference_contact,
        foot_skate=skate,
        reference_foot_skate=reference_skate,
    )


def single_step_errors(
    reference: Reference, actions: Actions, cycles: int = 1, n_threads: int | None = None
) -> FloatArray:
    """Joint errors ``(T, joints)`` [rad] after one step from each of the reference's states.

    Args:
        reference: The clip for the robot.
        actions: Shape ``(T, nu)``, in [-1, 1].
        cycles: How often a looping clip goes round.
        n_threads: Physics threads, which do not change the result.
    """
    with closing(TrackingProblem(reference, cycles, n_threads=n_threads)) as problem:
        steps = np.arange(problem.n_steps)
        states = problem.rollout(
            problem.target(steps), np.asarray(actions, np.float64)[:, None], steps
        )[:, 0]
        target = problem.target(steps + 1)
    nq = reference.rows.qpos.stop
    joints = reference.robot.joint_space
    return joints.distance(states[:, 7:nq], target[:, 7:nq])


def measure(
    reference: Reference,
    actions: Actions,
    cycles: int = 1,
    *,
    early_steps: int = EARLY_STEPS,
    n_threads: int | None = None,
) -> ReplayMetrics:
    """Replays actions and measures them.

    Args:
        reference: The clip that they are to reproduce.
        actions: Shape ``(T, nu)``, in [-1, 1].
        cycles: How often a looping clip goes round.
        early_steps: Steps that ``error_50`` and ``drift_50`` are taken over.
        n_threads: Physics threads.

    Raises:
        InputError: If there are not as many actions as control steps.
    """
    result = replay(reference, actions, cycles)
    single = single_step_errors(reference, actions, cycles, n_threads)
    return figures(reference, result, float(single.mean()), early_steps)


def figures(
    reference: Reference,
    result: Replay,
    single_step_error: float,
    early_steps: int = EARLY_STEPS,
) -> ReplayMetrics:
    """Computes the metrics of a replay.

    Args:
        reference: The clip.
        result: Its replay.
        single_step_error: Mean of `single_step_errors` [rad].
        early_steps: Steps that ``error_50`` and ``drift_50`` are taken over.
    """
    early = min(early_steps, result.n_steps)
    step, joint = np.unravel_index(int(result.joint_error.argmax()), result.joint_error.shape)
    time = np.array([(step + 1) / reference.robot.control_rate])
    # The last frame of a loop is its first.
    within = min(float(reference.phase(time)[0]), 1.0) * reference.duration
    upright = np.arange(result.n_steps) < result.n_survived
    return ReplayMetrics(
        single_step_error=single_step_error,
        error_50=float(result.joint_error[:early].mean()),
        joint_error=float(result.joint_error.mean()),
        drift_50=float(result.root_drift[early - 1]),
        drift_end=float(result.root_drift[-1]),
        drift_max=float(result.root_drift.max()),
        survived_fraction=result.n_survived / result.n_steps,
        mean_reward=float((result.reward * upright).mean()),
        saturation=float(result.saturated.mean()),
        foot_skate=result.foot_skate,
        reference_foot_skate=result.reference_foot_skate,
        worst_error=float(result.joint_error[step, joint]),
        worst_joint=result.joint_names[joint],
        worst_frame=round(within * reference.clip.fps),
    )


def _saturated(
    reference: Reference, actions: Actions, qpos: FloatArray, qvel: FloatArray
) -> BoolArray:
    """Which servos are at their limit in states ``(T, …)`` at the start of each step, (T, nu)."""
    robot = reference.robot
    times = np.arange(1, len(actions) + 1) / robot.control_rate
    ctrl = ResidualPD(robot, 1).controls(np.asarray(actions), pose_at(reference, times))
    torque = robot.kp * (ctrl - qpos[:, 7:]) - robot.kd * qvel[:, 6:]
    return np.asarray(np.abs(torque) >= robot.torque_limit)


class _Soles:
    """The corners of a robot's feet.

    Args:
        robot: The robot.
    """

    def __init__(self, robot: Robot) -> None:
        self._model = robot.model
        self._points = GroundPoints(robot.model)
        self._rate = robot.control_rate
        bodies = np.array([robot.model.body(foot).id for foot in robot.feet])
        self._of_foot = self._points.bodies == bodies[:, None]

    def contacts_and_skate(self, qpos: FloatArray) -> tuple[BoolArray, float]:
        """Which feet are on the ground in poses ``(T, nq)``, (T, feet), and their skate [m/s].

        The skate is that of corners that are on the ground in two poses in succession.
        """
        data = mujoco.MjData(self._model)
        corners = np.empty((len(qpos), len(self._points.bodies), 3))
        for row, pose in zip(corners, qpos, strict=True):
            data.qpos[:] = pose
            mujoco.mj_kinematics(self._model, data)
            row[:] = self._points.lowest(data)
        down = corners[..., 2] < ON_GROUND
        contact = (down[:, None] & self._of_foot).any(axis=2)
        stays = down[1:] & down[:-1] & self._of_foot.any(axis=0)
        speed = np.hypot(*np.moveaxis(np.diff(corners[..., :2], axis=0), -1, 0)) * self._rate
        return contact, float(speed[stays].mean()) if stays.any() else 0.0
