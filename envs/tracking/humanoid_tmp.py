"""The DeepMimic-style humanoid that imitates a clip, or any of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import mujoco
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.envs.core.batched import (
    BatchedEnv,
    ObservationPart,
)
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.rendering import RenderOptions
from sb3_mimic.envs.core.robot import Robot, load_robot
from sb3_mimic.envs.tracking.joints import JointSpace
from sb3_mimic.envs.tracking.observations import (
    ROOT_SIZE,
    TARGET_ROOT_SIZE,
    observation,
    phase_angle,
)
from sb3_mimic.envs.tracking.pushes import Pushes
from sb3_mimic.envs.tracking.reference import Reference, ReferenceSet, ground_points
from sb3_mimic.envs.tracking.rewards import REWARDS, JointWeights, Pose
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, close_loop, load_motion
from sb3_mimic.names import unknown_name
from sb3_mimic.spatial import angle_between, heading, rotate, to_heading_frame

Observation = Literal["reference", "phase", "joints"]
Control = Literal["residual", "pd", "torque"]
RewardName = Literal["deepmimic", "paper"]
EarlyTermination = Literal["fall", "tracking", "none"]
Anchor = Literal["root", "world"]
MotionOrder = Literal["random", "in_turn"]
Motion = str | Path | MotionClip

_FEET = ("right_ankle", "left_ankle")
_END_EFFECTORS = ("right_ankle", "right_wrist", "left_ankle", "left_wrist")

# Weights of the pose error, DeepMimic's `DiffWeight`; the wrists' is 0.
_WEIGHTS = {
    "root": 1.0,
    "chest": 0.5,
    "neck": 0.3,
    "hip": 0.5,
    "knee": 0.3,
    "ankle": 0.2,
    "shoulder": 0.3,
    "elbow": 0.2,
}

# A body that comes this near to the ground in the clip may touch it [m].
_NEAR_GROUND = 0.03

# `early_termination="tracking"`: what no longer imitates is not worth continuing.
_MAX_ROOT_DISTANCE = 1.0  # [m]
_MAX_ROOT_ANGLE = 1.0  # [rad]

# Reference poses in the observation.
_LOOKAHEAD = 3


@dataclass(frozen=True)
class HumanoidOptions:
    """What can be chosen about the task.

    Attributes:
        observation: What is observed; this and the others as `HumanoidMimicEnv` describes them.
        control: What an action asks for.
        reward: Which reward.
        early_termination: What ends an episode before its time.
        anchor: Where the reference stands after a cycle.
        episode_seconds: Length of an episode [s].
        motion_order: Which of several motions an episode performs.
        push_force: Largest force of the pushes [N]; 0 for none.

    Raises:
        InputError: If there is no such choice, the length is not positive, or the force negative.
    """

    observation: Observation = "reference"
    control: Control = "residual"
    reward: RewardName = "deepmimic"
    early_termination: EarlyTermination = "fall"
    anchor: Anchor = "root"
    episode_seconds: float = 20.0
    motion_order: MotionOrder = "random"
    push_force: float = 0.0

    def __post_init__(self) -> None:
        for name, choices in (
            ("observation", get_args(Observation)),
            ("control", get_args(Control)),
            ("reward", get_args(RewardName)),
            ("early_termination", get_args(EarlyTermination)),
            ("anchor", get_args(Anchor)),
            ("motion_order", get_args(MotionOrder)),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise InputError(f"{name}={value!r} must be one of {', '.join(choices)}")
        if not 0 < self.episode_seconds < np.inf:
            raise InputError(f"episode_seconds={self.episode_seconds} must be positive and finite")
        if not 0 <= self.push_force < np.inf:
            raise InputError(f"push_force={self.push_force} must be a force [N], or 0 for none")


class HumanoidMimicEnv(MimicEnv):
    """The humanoid imitates one or several motion clips: ``sb3_mimic/HumanoidMimic-v0``.

    13 bodies, 45 kg, nq 35, nv 34, 28 actions; 30 control steps a second, 20 s an episode, or one
    pass over a clip that does not loop.

    An episode starts exactly on the reference, at a random phase or at ``reset(options={"phase":
    p})``, p in [0, 1). ``info["reward_terms"]`` holds the weighted terms of the reward. With
    several clips an episode performs one of them; ``reset(options={"motion": m})`` asks for one by
    its name or index.

    Args:
        motion: Name of a built-in clip, path of a clip file, or a `MotionClip`; or several of them.
        observation: ``reference`` (182 numbers): body state without ground position and heading,
            phase, and the reference poses one to three steps ahead; ``phase`` (71): without the
            poses; ``joints`` (56): hinge angles and rates alone, the classic choice, which does
            not tell the phase and is there for comparison.
        control: What an action a in [-1, 1] asks of a joint. ``residual``: the PD target is the
            next reference pose plus kd/kp times its velocity plus a times torque limit / kp, so
            that 0 follows the reference and ±1 can ask for the full torque either way; ``pd``: the
            PD target anywhere in the joint's range; ``torque``: a times the torque limit.
        reward: ``deepmimic``, the released code's; ``paper``, as the paper prints it.
        early_termination: ``fall``: a body that has no business there touches the ground;
            ``tracking``: also when the root is more than 1 m or 1 rad off the reference; ``none``.
        anchor: ``root``: at each new cycle the reference's ground position is moved onto the body,
            as DeepMimic does, so that drift does not add up; ``world``: it stays.
        episode_seconds: Length of an episode of a looping clip [s].
        motion_order: Which of several clips the next episode performs: ``random``, by
            the ``motion_probabilities`` of `HumanoidBatch`; ``in_turn``, one after another.
        push_force: Largest force of the pushes [N], one of .2 s every 2 s, horizontal and at random
            (`sb3_mimic.envs.tracking.pushes`); 0 for none. They are for training: evaluations
            go without, and have pushes of their own.
        render_mode: ``human``, ``rgb_array``, ``rgb_array_list`` or None.
        width: Width of pictures [pixels].
        height: Height of pictures [pixels].
        camera: ``track`` (from the side) or ``front``.

    Raises:
        InputError: If an option or the motion cannot be used.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/HumanoidMimic-v0", motion="walk")
        >>> observation, info = env.reset(seed=0, options={"phase": 0.0})
        >>> observation.shape, env.action_space.shape
        ((182,), (28,))
        >>> env.close()
    """

    state_attributes: ClassVar[Mapping[str, str]] = {
        **MimicEnv.state_attributes,
        "phase": "phase",
        "reference": "imitated",
        "reference_qpos": "reference_qpos",
        "reference_qvel": "reference_qvel",
    }
    batched: "HumanoidBatch"

    def __init__(
        self,
        motion: Motion | Sequence[Motion] = "walk",
        *,
        observation: Observation = "reference",
        control: Control = "residual",
        reward: RewardName = "deepmimic",
        early_termination: EarlyTermination = "fall",
        anchor: Anchor = "root",
        episode_seconds: float = 20.0,
        motion_order: MotionOrder = "random",
        push_force: float = 0.0,
        render_mode: str | None = None,
        width: int = 640,
        height: int = 480,
        camera: str = "track",
    ) -> None:
        options = HumanoidOptions(
            observation,
            control,
            reward,
            early_termination,
            anchor,
            episode_seconds,
            motion_order,
            push_force,
        )
        robot = load_humanoid(options.control)
        references = ReferenceSet([reference_for(each, robot) for each in motions_of(motion)])
        super().__init__(
            partial(_make_batch, references, options),
            render_mode,
            RenderOptions(width, height, camera),
        )

    @property
    def reference(self) -> Reference:
        """The reference that is imitated in this episode."""
        return self.batched.imitated[0]

    @property
    def motion_names(self) -> tuple[str, ...]:
        """Names of the clips."""
        return self.batched.motion_names

    @property
    def reference_qpos(self) -> FloatArray:
        """The reference's positions ``(35,)`` at the current step, anchored, read-only."""
        return _row(self.batched.reference_qpos)

    @property
    def reference_qvel(self) -> FloatArray:
        """The reference's velocities ``(34,)`` at the current step, read-only."""
        return _row(self.batched.reference_qvel)

    @property
    def phase(self) -> float:
        """Position within the clip, in [0, 1)."""
        return float(self.batched.phase[0])

    def make_batch(self, n_envs: int, n_threads: int | None = None) -> "HumanoidBatch":
        """A batch of environments like this one; see `MimicEnv.make_batch`."""
        return HumanoidBatch(self.batched.references, self.batched.options, n_envs, n_threads)


def load_humanoid(control: Control = "residual") -> Robot:
    """Loads the humanoid; for ``control="torque"`` its servos are plain motors."""
    robot = load_robot("humanoid", "humanoid.xml", 30.0, _FEET, _END_EFFECTORS)
    if control == "torque":
        model = robot.model
        model.actuator_gainprm[:, 0] = 1.0
        model.actuator_biastype[:] = mujoco.mjtBias.mjBIAS_NONE
        model.actuator_biasprm[:] = 0.0
    return robot


def motions_of(motion: Motion | Sequence[Motion]) -> tuple[Motion, ...]:
    """One or several motions, as ``motion=`` takes them, as several.

    Raises:
        InputError: If there is none.
    """
    if isinstance(motion, (str, Path, MotionClip)):
        return (motion,)
    if not motion:
        raise InputError("motion=[] names no clip; one at least is needed")
    return tuple(motion)


def reference_for(motion: Motion, robot: Robot) -> Reference:
    """The reference for a motion; a loop is closed.

    Raises:
        InputError: If it cannot be used.
    """
    clip = motion if isinstance(motion, MotionClip) else load_motion(motion)
    return Reference(close_loop(clip)[0] if clip.loop else clip, robot)


def _make_batch(
    references: ReferenceSet, options: HumanoidOptions, n_envs: int, n_threads: int | None
) -> "HumanoidBatch":
    return HumanoidBatch(references, options, n_envs, n_threads)


def residual_target(reference: Reference, times: FloatArray) -> FloatArray:
    """PD targets ``(n, nu)`` that an action of zeros asks for with ``control="residual"``.

    Args:
        reference: The reference.
        times: Time within it of the pose to be reached, ``(n,)`` [s]: that of the next step.
    """
    return _leading_target(reference, reference.at(times))


def _leading_target(reference: Reference | ReferenceSet, following: FloatArray) -> FloatArray:
    rows, robot = reference.rows, reference.robot
    pose, velocity = following[:, rows.qpos][:, 7:], following[:, rows.qvel][:, 6:]
    # The servo damps against the whole joint velocity: at 6 rad/s and kd/kp = .1 s its target
    # must lead the pose by .6 rad for the damping not to hold the joint back.
    target: FloatArray = pose + robot.kd / robot.kp * velocity
    return target


class HumanoidBatch(BatchedEnv):
    """n humanoids, each of which imitates one of the references.

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
        options: HumanoidOptions,
        n_envs: int,
        n_threads: int | None = None,
    ) -> None:
        robot = references.robot
        steps = round(options.episode_seconds * robot.control_rate)
        super().__init__(robot, n_envs, steps, n_threads)
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
        self._joints = JointSpace(robot.joint_names)
        self._weights = JointWeights(
            _WEIGHTS["root"],
            np.array([_WEIGHTS[name.rpartition("_")[2]] for name in self._joints.balls]),
            np.array([_WEIGHTS[name.rpartition("_")[2]] for name in self._joints.hinges]),
        )
        self._reward = REWARDS[options.reward]
        compared = (*robot.end_effectors, "com", "com_velocity")
        columns = np.arange(robot.model.nsensordata)
        self._compared = np.concatenate([columns[robot.sensor(name)] for name in compared])
        self._fall_columns, self._fall_radii = _fall_points(references)
        self._control_scale: FloatArray = {
            "residual": robot.torque_limit / robot.kp,
            "pd": np.ptp(robot.joint_range, axis=1) / 2,
            "torque": robot.torque_limit,
        }[options.control]
        joints = robot.model.nu
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
        n = self.robot.model.nu
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
    def action_scaling(self) -> dict[str, Any]:
        """See `BatchedEnv.action_scaling`: 1 in an action adds ``scale`` to the joint's control."""
        return {
            "control": self.options.control,
            "unit": "N m" if self.options.control == "torque" else "rad",
            "scale": self._control_scale.tolist(),
        }

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
        """Positions of each environment's reference now, anchored, ``(n, 35)``."""
        return self._anchored(self._everyone, slice(0, 1))[:, 0]

    @property
    def reference_qvel(self) -> FloatArray:
        """Velocities of each environment's reference now, ``(n, 34)``."""
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
                    f"the humanoid's reset takes motion and phase, not {min(map(repr, unknown))}"
                )
        phases = np.empty(len(indices))
        for i, (index, option, generator) in enumerate(
            zip(indices, options, generators, strict=True)
        ):
            self.motions[index] = self._next_motion(option, generator)
            phases[i] = _phase(option, generator, self.phase_probabilities[self.motions[index]])
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
            return _motion_index(options["motion"], self.motion_names)
        if len(self.references) == 1:
            return 0
        if self.options.motion_order == "in_turn":
            self._turn += 1
            return (self._turn - 1) % len(self.references)
        return _drawn(self.motion_probabilities, generator)

    def _simulate(self, ctrl: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.pushes is not None:
            self.push = self.pushes.at(self.steps, self.qpos[:, 3:7])
        return super()._simulate(ctrl)

    def _control(self, actions: FloatArray) -> FloatArray:
        ctrl: FloatArray = self._neutral_control() + self._control_scale * actions
        return ctrl

    def actions_for(self, ctrl: FloatArray) -> FloatArray:
        """Actions ``(n, nu)`` that ask for these controls at the current step; not clipped.

        Args:
            ctrl: What the actuators are to get: PD targets [rad], or torques [N·m] with
                ``control="torque"``, shape ``(n, nu)``.
        """
        actions: FloatArray = (ctrl - self._neutral_control()) / self._control_scale
        return actions

    def _neutral_control(self) -> FloatArray:
        """The control ``(n, nu)`` that an action of zeros asks for."""
        if self.options.control == "torque":
            return np.zeros((1, self.robot.model.nu))
        if self.options.control == "pd":
            return np.asarray(self.robot.joint_range.mean(axis=1)[None])
        return _leading_target(self.references, self._window[:, 1])

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
        lost: BoolArray = (distance > _MAX_ROOT_DISTANCE) | (angle > _MAX_ROOT_ANGLE)
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


def _fall_points(references: ReferenceSet) -> tuple[IndexArray, FloatArray]:
    """Sensor columns ``(m,)`` and, by clip, radii ``(k, m)`` of what must not touch the ground.

    A body that may touch it in one clip and not in another has no radius in the first: what is
    infinitely small touches nothing. See `ground_points`.
    """
    robot = references.robot
    lowest = [reference.lowest_points() for reference in references.references]
    columns, radii = [], []
    for body, (heights, sizes) in ground_points(robot).items():
        allowed = np.array([low[body] < _NEAR_GROUND for low in lowest])
        if body not in robot.feet and not allowed.all():
            columns.append(heights)
            radii.append(np.where(allowed[:, None], -np.inf, sizes))
    if not columns:
        return np.zeros(0, np.intp), np.zeros((len(references), 0))
    return np.concatenate(columns), np.concatenate(radii, axis=1)


def _motion_index(motion: Any, names: tuple[str, ...]) -> int:
    """The index of the clip that a reset asks for by index or name."""
    if isinstance(motion, str):
        if motion not in names:
            raise unknown_name("motion", motion, names)
        return names.index(motion)
    if not isinstance(motion, (int, np.integer)) or not 0 <= motion < len(names):
        raise InputError(
            f"reset option motion={motion!r} must be one of {', '.join(names)}, or an index below "
            f"{len(names)}"
        )
    return int(motion)


def _drawn(probabilities: FloatArray, generator: np.random.Generator) -> int:
    """One of k, by their probabilities ``(k,)``."""
    drawn = np.searchsorted(probabilities.cumsum(), generator.random(), "right")
    return min(int(drawn), len(probabilities) - 1)


def _phase(
    options: Mapping[str, Any], generator: np.random.Generator, probabilities: FloatArray
) -> float:
    """The phase that a reset asks for; else one drawn by those of equal parts of the clip."""
    if "phase" not in options:
        parts = len(probabilities)
        part = _drawn(probabilities, generator) if parts > 1 else 0
        return float(part + generator.random()) / parts
    phase = options["phase"]
    if not isinstance(phase, (int, float, np.floating)) or not 0 <= phase < 1:
        raise InputError(f"reset option phase={phase!r} must be a number in [0, 1)")
    return float(phase)


def _row(array: FloatArray) -> FloatArray:
    row: FloatArray = array[0]
    row.setflags(write=False)
    return row
