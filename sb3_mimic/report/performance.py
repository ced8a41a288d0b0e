"""Episodes of a policy, measured side by side, and one of them beside its model.

Where the task is to track a clip, the model is the clip's reference. Otherwise it is the motion
that was cloned, played open loop from the same start, where the robot has such a motion of its own.
"""

import copy
import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.rendering import Renderer, RenderOptions
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.report.video import LARGEST_RATE, write_video

# Episodes that errors are averaged over, from phases spread evenly.
_N_EPISODES = 8
_SECONDS = 5.0
_SIDE = 320  # of each half of the video [pixels]
_GAP = 4


@dataclass(frozen=True, eq=False)
class Performance:
    """Episodes of a policy, T control steps; the first of them in full.

    Attributes:
        robot: The robot.
        model_name: What it is compared with: ``reference``, or the name of the motion that was
            cloned, as ``gait sine``; empty where there is no model.
        qpos: Positions of the first episode, ``(T + 1, nq)``.
        model_qpos: Positions of its model; None without one.
        n_survived: Steps of the first episode before it fell.
        contact: Which feet are on the ground, ``(T + 1, feet)``.
        model_contact: The same of the model; None without one.
        joint_names: Joints of ``joint_error``; empty where poses are not to be compared.
        joint_error: Angle between each joint and the reference's, of the first episode,
            ``(T, joints)`` [rad]; not a number from its fall on.
        episode_errors: Mean over each episode up to its fall, ``(episodes, joints)`` [rad].
        root_drift: Distance of the root from the reference over the ground, ``(T,)`` [m]; empty
            without joint errors.
    """

    robot: Robot
    model_name: str
    qpos: FloatArray
    model_qpos: FloatArray | None
    n_survived: int
    contact: NDArray[np.bool_]
    model_contact: NDArray[np.bool_] | None
    joint_names: tuple[str, ...]
    joint_error: FloatArray
    episode_errors: FloatArray
    root_drift: FloatArray

    @property
    def times(self) -> FloatArray:
        """Times of the states of the first episode, ``(T + 1,)`` [s]."""
        return np.arange(len(self.qpos)) / self.robot.control_rate


def perform(
    policy: Policy,
    env_id: str,
    env_kwargs: dict[str, Any],
    *,
    motion: str | None = None,
    seconds: float = _SECONDS,
    seed: int = 0,
) -> Performance | None:
    """Runs a policy, deterministically.

    Args:
        policy: The policy.
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of the environment.
        motion: Motion that was cloned, by name, to compare with where the task is not to track one.
        seconds: Length; a clip that does not loop is performed once.
        seed: Seed of the starts.

    Returns:
        The performance; None in environments of other packages.
    """
    with closing(gym.make(env_id, **env_kwargs)) as made:
        env = made.unwrapped
        if not isinstance(env, MimicEnv):
            return None
        if isinstance(env.batched, TrackingBatch):
            kwargs = {**env_kwargs, "early_termination": "none", "anchor": "root"}
            with closing(gym.make(env_id, **kwargs)) as endless:
                return _track(policy, endless.unwrapped, seconds, seed)  # type: ignore[arg-type]
        return _roll_out(policy, env, motion, seconds, seed)


def film(performance: Performance, path: Path) -> Path:
    """A video of the first episode: the model on the left, the policy on the right.

    Args:
        performance: The performance.
        path: The mp4 to write.

    Raises:
        InputError: If pictures cannot be had on this machine.
    """
    robot = performance.robot
    every = math.ceil(robot.control_rate / LARGEST_RATE)
    # Without shadows, reflections and smooth edges: a fifth of the time where there is no GPU.
    model = robot.model
    model.vis.quality.offsamples = 0
    model.light_castshadow[:] = False
    model.mat_reflectance[:] = 0.0
    halves = [performance.qpos[::every]]
    if performance.model_qpos is not None:
        halves.insert(0, performance.model_qpos[::every])
    options = RenderOptions(width=_SIDE, height=_SIDE, shadows=False)
    with closing(Renderer(model, options)) as renderer:

        def picture(*states: FloatArray) -> NDArray[np.uint8]:
            parts = [renderer.draw(state) for state in states]
            gap = np.full((_SIDE, _GAP, 3), 255, np.uint8)
            return np.concatenate([parts[0], *(p for q in parts[1:] for p in (gap, q))], axis=1)

        write_video(
            path,
            (picture(*states) for states in zip(*halves, strict=True)),
            robot.control_rate / every,
        )
    return path


def _track(policy: Policy, env: MimicEnv, seconds: float, seed: int) -> Performance:
    """Episodes beside the reference, which goes on after a fall."""
    batch = env.make_batch(_N_EPISODES)
    if not isinstance(batch, TrackingBatch):
        raise TypeError(f"tracking needs a TrackingBatch, got {type(batch).__name__}")
    with closing(batch):
        reference, robot = batch.reference, batch.robot
        joints = robot.joint_space
        phases = np.arange(_N_EPISODES) / _N_EPISODES if reference.loop else np.zeros(_N_EPISODES)
        length = seconds if reference.loop else min(seconds, reference.duration)
        n_steps = max(1, math.ceil(length * robot.control_rate - 1e-6))
        observations = batch.reset(
            np.arange(_N_EPISODES),
            [np.random.default_rng((seed, i)) for i in range(_N_EPISODES)],
            [{"phase": float(phase)} for phase in phases],
        )
        qpos, model_qpos = [batch.qpos[0].copy()], [batch.reference_qpos[0].copy()]
        errors = np.full((n_steps, _N_EPISODES, len(joints.balls) + len(joints.hinges)), np.nan)
        drift = np.empty(n_steps)
        upright = np.ones(_N_EPISODES, np.bool_)
        survived = 0
        for step in range(n_steps):
            actions, _ = policy.predict(observations, deterministic=True)
            observations = batch.step(actions).observations
            target = batch.reference_qpos
            upright &= ~batch.fallen()
            survived += int(upright[0])
            errors[step, upright] = joints.distance(batch.qpos[:, 7:], target[:, 7:])[upright]
            drift[step] = np.hypot(*(batch.qpos[0] - target[0])[:2] + batch.root_offset[0])
            qpos.append(batch.qpos[0].copy())
            model_qpos.append(target[0].copy())
            if not upright.any():
                break  # bodies on the ground are slow to step, and their errors mean nothing
    # Of a first episode that fell early, the second in which it lies down is enough to see.
    n_steps = min(len(qpos) - 1, survived + round(robot.control_rate))
    qpos, model_qpos = qpos[: n_steps + 1], model_qpos[: n_steps + 1]
    return Performance(
        robot=robot,
        model_name="reference",
        qpos=np.array(qpos),
        model_qpos=np.array(model_qpos),
        n_survived=survived,
        contact=feet_on_ground(robot, np.array(qpos)),
        model_contact=feet_on_ground(robot, np.array(model_qpos)),
        joint_names=(*joints.balls, *joints.hinges),
        joint_error=errors[:n_steps, 0],
        episode_errors=_mean_errors(errors),
        root_drift=drift[:n_steps],
    )


def _roll_out(
    policy: Policy, env: MimicEnv, motion: str | None, seconds: float, seed: int
) -> Performance:
    """An episode, and beside it the motion that the policy was cloned from."""
    n_steps = round(seconds * env.batched.robot.control_rate)
    batch = env.make_batch(1)
    with closing(batch):
        robot = batch.robot
        observations = batch.reset(np.zeros(1, np.intp), [np.random.default_rng(seed)], [{}])
        qpos = [batch.qpos[0].copy()]
        survived = n_steps
        for step in range(n_steps):
            actions, _ = policy.predict(observations, deterministic=True)
            done = batch.step(actions)
            observations = done.observations
            qpos.append(batch.qpos[0].copy())
            if done.terminated[0]:
                survived = step
                break
    steps = len(qpos)
    open_loop = None if motion is None else batch.open_loop_actions(motion, steps - 1)
    played = None if open_loop is None else _play(env, open_loop, seed)
    return Performance(
        robot=robot,
        model_name=f"gait {motion}" if played is not None else "",
        qpos=np.array(qpos),
        model_qpos=played,
        n_survived=min(survived, steps - 1),
        contact=feet_on_ground(robot, np.array(qpos)),
        model_contact=None if played is None else feet_on_ground(robot, played),
        joint_names=(),
        joint_error=np.empty((steps - 1, 0)),
        episode_errors=np.empty((0, 0)),
        root_drift=np.empty(0),
    )


def _play(env: MimicEnv, actions: FloatArray, seed: int) -> FloatArray:
    """Positions ``(T + 1, nq)`` of an episode in which actions ``(T, size)`` are played."""
    batch: BatchedEnv = env.make_batch(1)
    with closing(batch):
        batch.reset(np.zeros(1, np.intp), [np.random.default_rng(seed)], [{}])
        qpos = [batch.qpos[0].copy()]
        for action in actions:
            batch.step(action[None])
            qpos.append(batch.qpos[0].copy())
    return np.array(qpos)


def feet_on_ground(robot: Robot, qpos: FloatArray) -> NDArray[np.bool_]:
    """Contacts of the feet with the floor, within the robot's margin, in poses ``(T, nq)``.

    Returns:
        Shape ``(T, feet)``.
    """
    near = copy.copy(robot.model)
    near.geom_margin[:] = near.pair_margin[:] = robot.ground_margin
    data = mujoco.MjData(near)
    feet = np.array([near.body(foot).id for foot in robot.feet])
    touching = np.zeros((len(qpos), len(feet)), np.bool_)
    for row, pose in zip(touching, qpos, strict=True):
        data.qpos[:] = pose
        mujoco.mj_kinematics(near, data)
        mujoco.mj_collision(near, data)
        bodies = near.geom_bodyid[data.contact.geom]
        # The floor is the world's, body 0.
        row[:] = np.isin(feet, bodies[(bodies == 0).any(axis=1)])
    return touching


def _mean_errors(errors: FloatArray) -> FloatArray:
    """Mean over the steps before the fall, ``(episodes, joints)``; without those of no step."""
    seen = np.isfinite(errors).any(axis=(0, 2))
    means: FloatArray = np.nanmean(errors[:, seen], axis=0)
    return means
