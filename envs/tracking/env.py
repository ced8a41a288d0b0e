"""The Gymnasium environment of a robot that imitates clips."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.rendering import RenderOptions
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.options import (
    Anchor,
    EarlyTermination,
    Motion,
    MotionOrder,
    Observation,
    TrackingOptions,
    motions_of,
)
from sb3_mimic.envs.tracking.reference import Reference, ReferenceSet, reference_for
from sb3_mimic.envs.tracking.spec import TrackingSpec
from sb3_mimic.tasks import DEFAULT_TASK, get_tracking_spec


class TrackingEnv(MimicEnv):
    """A robot imitates one or several motion clips.

    30 control steps a second unless the robot's `TrackingSpec` says otherwise, 20 s an episode, or
    one pass over a clip that does not loop.

    An episode starts exactly on the reference, at a random phase or at ``reset(options={"phase":
    p})``, p in [0, 1). ``info["reward_terms"]`` holds the weighted terms of the reward. With
    several clips an episode performs one of them; ``reset(options={"motion": m})`` asks for one by
    its name or index.

    Args:
        motion: Name of a built-in clip, path of a clip file, or a `MotionClip`; or several of them.
        robot: The robot: a `TrackingSpec`, or the name of a registered one. An environment of one
            robot has it by default, ``sb3_mimic/Tracking-v0`` the default task's.
        robot_file: MJCF file of the robot in place of the one that its spec names.
        observation: ``reference``: body state without ground position and heading, phase, and the
            reference poses one to three steps ahead; ``phase``: without the poses; ``joints``:
            hinge angles and rates alone, the classic choice, which does not tell the phase and is
            there for comparison.
        control: What an action a in [-1, 1] asks of a joint: a name in
            `sb3_mimic.envs.actuation.ACTUATIONS`. ``residual``: the PD target is the next
            reference pose plus kd/kp times its velocity plus a times torque limit / kp, so that 0
            follows the reference and ±1 can ask for the full torque either way; ``stable_pd``: the
            same with torques computed at every physics step; ``pd``: the PD target anywhere in the
            joint's range; ``torque``: a times the torque limit.
        reward: ``deepmimic``, the released code's; ``paper``, as the paper prints it; or another
            name in `sb3_mimic.envs.tracking.rewards.REWARDS`.
        early_termination: ``fall``: a body that has no business there touches the ground;
            ``tracking``: also when the root is more than 1 m or 1 rad off the reference; ``none``.
        anchor: ``root``: at each new cycle the reference's ground position is moved onto the body,
            as DeepMimic does, so that drift does not add up; ``world``: it stays.
        episode_seconds: Length of an episode of a looping clip [s].
        motion_order: Which of several clips the next episode performs: ``random``, by
            the ``motion_probabilities`` of `TrackingBatch`; ``in_turn``, one after another.
        push_force: Largest force of the pushes [N], one of 0.2 s every 2 s, horizontal and at
            random (`sb3_mimic.envs.tracking.pushes`); 0 for none. They are for training:
            evaluations go without, and have pushes of their own.
        render_mode: ``human``, ``rgb_array``, ``rgb_array_list`` or None.
        width: Width of pictures [pixels].
        height: Height of pictures [pixels].
        camera: ``track`` (from the side) or ``front``.

    Raises:
        InputError: If an option, the robot or the motion cannot be used.
    """

    #: The robot of a class that has one of its own.
    spec_of_class: ClassVar[TrackingSpec | None] = None

    state_attributes: ClassVar[Mapping[str, str]] = {
        **MimicEnv.state_attributes,
        "phase": "phase",
        "reference": "imitated",
        "reference_qpos": "reference_qpos",
        "reference_qvel": "reference_qvel",
    }
    batched: TrackingBatch

    def __init__(
        self,
        motion: Motion | Sequence[Motion] = "walk",
        *,
        robot: TrackingSpec | str | None = None,
        robot_file: str | Path | None = None,
        observation: Observation = "reference",
        control: str = "residual",
        reward: str = "deepmimic",
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
        options = TrackingOptions(
            observation,
            control,
            reward,
            early_termination,
            anchor,
            episode_seconds,
            motion_order,
            push_force,
        )
        loaded = self._spec(robot).load(control, robot_file)
        references = ReferenceSet([reference_for(each, loaded) for each in motions_of(motion)])
        super().__init__(
            partial(TrackingBatch, references, options),
            render_mode,
            RenderOptions(width, height, camera),
        )

    def _spec(self, robot: TrackingSpec | str | None) -> TrackingSpec:
        """The robot that was asked for, or the class's own."""
        if isinstance(robot, TrackingSpec):
            return robot
        if robot is not None:
            return get_tracking_spec(robot)
        return self.spec_of_class or get_tracking_spec(DEFAULT_TASK)

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
        """The reference's positions ``(nq,)`` at the current step, anchored, read-only."""
        return _row(self.batched.reference_qpos)

    @property
    def reference_qvel(self) -> FloatArray:
        """The reference's velocities ``(nv,)`` at the current step, read-only."""
        return _row(self.batched.reference_qvel)

    @property
    def phase(self) -> float:
        """Position within the clip, in [0, 1)."""
        return float(self.batched.phase[0])

    def make_batch(self, n_envs: int, n_threads: int | None = None) -> TrackingBatch:
        """A batch of environments like this one; see `MimicEnv.make_batch`."""
        return TrackingBatch(self.batched.references, self.batched.options, n_envs, n_threads)


def _row(array: FloatArray) -> FloatArray:
    row: FloatArray = array[0]
    row.setflags(write=False)
    return row
