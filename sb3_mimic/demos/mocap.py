"""Demonstrations from a motion clip: the actions whose servos would carry a pose to the next.

PD extraction, as in supervised fine-tuning from mocap: for a state and the reference pose that
follows, the torque ``kp (q_next - q) - kd q̇``, written as an action of the environment's control
mode. In the PD modes the servo supplies the formula itself, so the action is the target that makes
it do so.

That formula damps against zero velocity: at 6 rad/s and kd/kp = 0.1 s the target would have to lead
by 0.6 rad, and the clip is not followed for a second. ``method="feedforward"``, the default, damps
against the reference's velocity instead: ``kp (q_next - q) + kd (q̇_next - q̇)``. With residual
control this is the action 0.

The first pass is teacher-forced: every state is the reference itself. Further passes start at
random phases from disturbed states and run under physics with disturbed actions. Each of their
states carries the clean action as its label (Laskey et al. 2017, DART,
https://arxiv.org/abs/1703.09327).
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from imitation.data.types import TrajectoryWithRew

from sb3_mimic.arrays import FloatArray
from sb3_mimic.demos.passes import to_trajectories
from sb3_mimic.demos.refined import (
    NO_METHOD,
    Refinement,
    check_takes_servo_targets,
    collect_refined,
    tracking_env,
)
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.envs.tracking.options import Motion, motions_of
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.methods.pd import pd_torque

Method = Literal["feedforward", "pd"]

# Passes that run at once; more only need more memory.
_BATCH = 64


@dataclass(frozen=True)
class MocapSettings:
    """Settings of demonstrations that are made from a clip.

    Attributes:
        method: ``feedforward`` or ``pd``, the plain formula.
        lookahead: Control steps to the pose to reach, at least 1.
        gains: (kp, kd) in parts of each joint's torque limit per rad and per rad/s, as the source
            guide's (1.0, 0.1); None: the robot's own servo gains.
        joint_noise: Standard deviation of the hinges' first angles [rad] in a disturbed pass.
        speed_noise: Standard deviation of all first velocities [m/s, rad/s].
        action_noise: Standard deviation of the noise on the executed action.

    Raises:
        InputError: If there is no such method, or a number is out of range.
    """

    method: Method = "feedforward"
    lookahead: int = 1
    gains: tuple[float, float] | None = None
    joint_noise: float = 0.05
    speed_noise: float = 0.1
    action_noise: float = 0.05

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InputError(f"method {self.method!r} must be one of {', '.join(get_args(Method))}")
        if self.lookahead < 1:
            raise InputError(f"lookahead must be at least 1, got {self.lookahead}")
        if self.gains is not None and not min(self.gains) >= 0:
            raise InputError(f"gains must not be negative, got {self.gains}")
        for name in ("joint_noise", "speed_noise", "action_noise"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}")


def collect_mocap(
    env_id: str,
    motion: Motion | Sequence[Motion],
    n_episodes: int,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    settings: MocapSettings | None = None,
    refinement: Refinement | None = None,
) -> list[TrajectoryWithRew]:
    """Makes demonstrations of a clip in a tracking environment's spaces.

    Args:
        env_id: Gymnasium id of a :class:`TrackingEnv`.
        motion: The environment's ``motion=``. Several clips are refined and performed one by one,
            and their demonstrations make one set.
        n_episodes: Passes over each clip, at least 1: the first teacher-forced, the others
            disturbed. A disturbed pass ends early where the body falls.
        seed: Seeds the disturbances; those of the second clip with the next seed, and so on.
        env_kwargs: Further keyword arguments of the environment.
        settings: See :class:`MocapSettings`.
        refinement: Source of refined actions, which replace the PD labels; see
            :func:`~sb3_mimic.demos.refined.collect_refined`.

    Returns:
        One trajectory per pass, clip by clip.

    Raises:
        InputError: If the environment does not track clips, its actuation cannot be demonstrated,
            a setting is out of range, or refined actions are loaded for several clips.

    Example:
        >>> passes = collect_mocap("sb3_mimic/Tracking-v0", "walk", 3)
        >>> len(passes), passes[0].acts.shape[1]
        (3, 28)
    """
    settings = settings or MocapSettings()
    if n_episodes < 1:
        raise InputError(f"the number of demonstration episodes must be positive, got {n_episodes}")
    motions = motions_of(motion)
    if len(motions) > 1 and refinement is not None and refinement.actions is not None:
        raise InputError(
            f"--load-refined-actions {refinement.actions} is of one clip, and there are "
            f"{len(motions)}; without it each is refined, or found in the cache"
        )
    return [
        trajectory
        for index, each in enumerate(motions)
        for trajectory in _collect(
            env_id, each, n_episodes, seed + index, env_kwargs, settings, refinement
        )
    ]


def _collect(
    env_id: str,
    motion: Motion,
    n_episodes: int,
    seed: int,
    env_kwargs: Mapping[str, Any] | None,
    settings: MocapSettings,
    refinement: Refinement | None,
) -> list[TrajectoryWithRew]:
    """The demonstrations of one clip."""
    with closing(gym.make(env_id, motion=motion, **(env_kwargs or {}))) as made:
        env = tracking_env(made)
        if refinement is not None and refinement.method != NO_METHOD:
            check_takes_servo_targets(env.batched)
            refined = refinement.find(env.reference, seed)
            return collect_refined(
                env_id, motion, n_episodes, refined, seed=seed, env_kwargs=env_kwargs
            )
        passes = [_teacher_forced(env, settings)]
        rng = np.random.default_rng(seed)
        while len(passes) < n_episodes:
            n = min(_BATCH, n_episodes - len(passes))
            passes += _disturbed(env, n, rng, settings)
        check_trajectories(passes, env.observation_space, env.action_space, f"motion {motion}")
    return passes


def pd_actions(batch: TrackingBatch, settings: MocapSettings) -> FloatArray:
    """The clean action of every environment in its present state.

    Args:
        batch: The environments.
        settings: Method, lookahead and gains.

    Returns:
        Shape (n, nu), in [−1, 1].
    """
    robot, rows = batch.robot, batch.reference.rows
    ahead = batch.reference.at(batch.times + settings.lookahead * batch.dt)
    q, q_rate = batch.qpos[:, 7:], batch.qvel[:, 6:]
    kp, kd = robot.kp, robot.kd
    if settings.gains is not None:
        kp, kd = (gain * robot.torque_limit for gain in settings.gains)
    next_rates = ahead[:, rows.qvel][:, 6:] if settings.method == "feedforward" else 0.0
    torque = pd_torque(kp, kd, q, q_rate, ahead[:, rows.qpos][:, 7:], next_rates)
    # With servos, those whose target gives the torque at the start of the control step.
    controls = batch.joint_actuation.controls_for_torque(torque, q, q_rate)
    return np.clip(batch.actions_for(controls), -1.0, 1.0)


def _teacher_forced(env: TrackingEnv, settings: MocapSettings) -> TrajectoryWithRew:
    """A pass in which every state is the reference's.

    The reward of being there is the reference's own, 1 in every step.
    """
    reference = env.reference
    n_steps = max(1, round(reference.duration * env.batched.robot.control_rate))
    batch = env.make_batch(n_steps + 1)
    try:
        # The last frame of a loop is its first; the end of another clip is as near as may be.
        phases = np.arange(n_steps + 1) * batch.dt / reference.duration
        phases = phases % 1.0 if reference.loop else np.minimum(phases, np.nextafter(1.0, 0.0))
        generators = [np.random.default_rng()] * len(phases)  # not drawn from: the phase is given
        observations = batch.reset(
            np.arange(len(phases)), generators, [{"phase": float(p)} for p in phases]
        )
        actions = pd_actions(batch, settings)[:-1]
    finally:
        batch.close()
    return TrajectoryWithRew(
        obs=observations,
        acts=actions.astype(np.float32),
        infos=None,
        terminal=False,  # the end of a clip is no failure
        rews=np.ones(n_steps, np.float32),
    )


def _disturbed(
    env: TrackingEnv, n: int, rng: np.random.Generator, settings: MocapSettings
) -> list[TrajectoryWithRew]:
    """Passes of at most the clip's length under physics, from random phases."""
    batch = env.make_batch(n)
    try:
        everyone = np.arange(n)
        phases = rng.random(n)
        batch.reset(everyone, [rng] * n, [{"phase": float(p)} for p in phases])
        qpos, qvel = batch.qpos.copy(), batch.qvel.copy()
        qpos[:, 7:] += rng.normal(0.0, settings.joint_noise, qpos[:, 7:].shape)
        qvel += rng.normal(0.0, settings.speed_noise, qvel.shape)
        for index in everyone:
            batch.set_state(int(index), qpos[index], qvel[index])
        observations, actions, rewards = [batch.observe(everyone)], [], []
        lengths = np.zeros(n, np.int64)
        terminal = np.zeros(n, np.bool_)
        running = np.ones(n, np.bool_)
        for _ in range(max(1, round(batch.reference.duration / batch.dt))):
            labels = pd_actions(batch, settings)
            noise = rng.normal(0.0, settings.action_noise, labels.shape)
            step = batch.step(labels + noise)
            actions.append(labels)
            rewards.append(step.rewards)
            observations.append(step.observations)
            lengths += running
            terminal |= running & step.terminated
            ended = np.flatnonzero(running & (step.terminated | step.truncated))
            running[ended] = False
            if not running.any():
                break
            if len(ended):  # not needed any more; left where they fell they would flail on
                batch.reset(ended, [rng] * len(ended), [{"phase": 0.0}] * len(ended))
    finally:
        batch.close()
    return to_trajectories(observations, actions, rewards, lengths, terminal)
