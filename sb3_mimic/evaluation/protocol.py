"""Evaluation: one protocol, used everywhere.

Tracking a clip: DeepMimic's released reward, summed over an episode and divided by the control
steps of a full one; 20 s, start phases spread evenly over the clip, exact reference states; a clip
that does not loop is performed once, from its start. Episodes end by falls only; after one every
remaining step counts 0. The reference's ground position is moved onto the root at each cycle, but
drift is measured against the reference that is not.

Of several clips each is evaluated by itself, as if it were the only one.

Other environments of this package's kind: their own episodes from their own starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.make import make_envs, transpose_images
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.envs.tracking.options import TrackingOptions
from sb3_mimic.envs.tracking.reference import ReferenceSet
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.environments import (
    Environment,
    apply_protocol,
    check_spaces,
    find_mimic_env,
    freeze_normalization,
    normalize_observations,
    open_environment,
)
from sb3_mimic.evaluation.episodes import Episodes, run_episodes, uniform_start_phases
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.tasks.motions import merge_figures
from sb3_mimic.tasks.settings import N_EVAL_EPISODES


def evaluate(
    policy: Policy,
    env: Environment,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    n_episodes: int = N_EVAL_EPISODES,
    seed: int = 0,
) -> dict[str, float]:
    """Evaluates a policy, by the protocol where the environment is of this package's kind.

    Args:
        policy: An SB3 model or policy, or anything with its ``predict``. Statistics of a
            ``VecNormalize`` are applied: of the environment's, else of the one around a model's
            training environments.
        env: Gymnasium id, an environment, or a ``VecEnv``, as SB3's ``evaluate_policy`` takes it.
            An environment that is passed is never closed. One that the protocol applies to is not
            even stepped: a batch like it is made. Any other, one within a wrapper that changes what
            it does among them, is evaluated by ``evaluate_policy`` and reset in the end.
        env_kwargs: Keyword arguments of the environment where it is given by its id: the motion,
            and the observation and control that the policy was trained with.
        n_episodes: Number of episodes.
        seed: Seed of starts and of stochastic actions. An environment that ``evaluate_policy``
            steps is seeded only where it is given by its id.

    Returns:
        ``mean_reward``, ``std_reward`` and ``mean_ep_length`` as SB3's ``evaluate_policy`` has
        them, deterministic, of the environment's own return. Of this package's environments also
        ``survival_s``; of tracking a clip ``normalized_return``, its standard deviation over the
        episodes ``normalized_return_std``, ``normalized_return_stochastic``, ``joint_error_rad``
        (mean over joints and steps of the geodesic angle), ``mpjpe_mm`` and ``mpjpe_global_mm``
        (mean distance of the joints from the reference's, relative to the root and in the world)
        and ``root_drift_m`` (at the end of an episode); of other tasks ``forward_speed_mps`` (net,
        along the first heading). Of several clips each figure is the mean over them, and those of
        each follow as ``<clip>/<figure>``; ``n_episodes`` are of each clip.

    Raises:
        InputError: If the policy was trained in other spaces than the environment's, or that
            cannot be made.

    Example:
        >>> import gymnasium as gym
        >>> from stable_baselines3 import PPO
        >>> env = gym.make("Pendulum-v1")
        >>> model = PPO("MlpPolicy", env, n_steps=64, batch_size=64)
        >>> sorted(evaluate(model, env, n_episodes=2))
        ['mean_ep_length', 'mean_reward', 'std_reward']
    """
    if n_episodes < 1:
        raise InputError(f"the number of episodes must be at least 1, got {n_episodes}")
    with open_environment(env, env_kwargs) as opened:
        check_spaces(policy, opened)
        base = find_mimic_env(opened)
        if base is not None:
            policy = normalize_observations(policy, opened)
            batch = find_tracking_batch(base)
            if batch is None:
                return _evaluate_locomotion(policy, base, n_episodes, seed)
            return merge_figures(
                {
                    reference.clip.name: _evaluate_tracking(
                        policy, batch, ReferenceSet([reference]), n_episodes, seed
                    )
                    for reference in batch.references.references
                }
            )
        if not isinstance(env, str):
            return _evaluate_in_place(policy, opened, n_episodes)
    return _evaluate_by_id(policy, env, dict(env_kwargs or {}), n_episodes, seed)


def _evaluate_tracking(
    policy: Policy, batch: TrackingBatch, references: ReferenceSet, n_episodes: int, seed: int
) -> dict[str, float]:
    def track(options: TrackingOptions, *, deterministic: bool = True) -> _Tracking:
        own = type(batch)(references, options, n_episodes)
        try:
            return _track(policy, own, seed, deterministic=deterministic)
        finally:
            own.close()

    protocol = apply_protocol(batch.options)
    deterministic = track(protocol)
    stochastic = track(protocol, deterministic=False)
    own = deterministic if batch.options == protocol else track(batch.options)
    returns = deterministic.episodes.rewards.sum(axis=0) / deterministic.full_steps
    noisy_returns = stochastic.episodes.rewards.sum(axis=0) / stochastic.full_steps
    return {
        "normalized_return": float(returns.mean()),
        "normalized_return_std": float(returns.std()),
        "normalized_return_stochastic": float(noisy_returns.mean()),
        **_returns(own.episodes),
        "survival_s": float(deterministic.episodes.lengths.mean() * deterministic.dt),
        "joint_error_rad": float(deterministic.episodes.measures["joint_error"].mean()),
        "mpjpe_mm": float(1000 * deterministic.episodes.measures["mpjpe"].mean()),
        "mpjpe_global_mm": float(1000 * deterministic.episodes.measures["mpjpe_global"].mean()),
        "root_drift_m": float(deterministic.episodes.last["root_drift"].mean()),
    }


@dataclass(frozen=True)
class _Tracking:
    """Episodes, the steps of a full one, and the length of a step [s]."""

    episodes: Episodes
    full_steps: int
    dt: float


def _track(policy: Policy, batch: TrackingBatch, seed: int, *, deterministic: bool) -> _Tracking:
    """Runs an episode in each environment of a batch that has one reference."""
    joints = batch.robot.joint_space
    model = batch.robot.model
    data = mujoco.MjData(model)

    def measure() -> dict[str, FloatArray]:
        target = batch.reference_qpos
        target[:, :2] -= batch.root_offset
        offset = joint_positions(model, data, batch.qpos) - joint_positions(model, data, target)
        relative = offset - offset[:, :1]
        return {
            "joint_error": joints.distance(batch.qpos[:, 7:], target[:, 7:]).mean(axis=1),
            "mpjpe": np.linalg.norm(relative, axis=-1).mean(axis=1),
            "mpjpe_global": np.linalg.norm(offset, axis=-1).mean(axis=1),
            "root_drift": np.hypot(*offset[:, 0, :2].T),
        }

    episodes = run_episodes(
        batch,
        policy,
        uniform_start_phases(batch),
        seed=seed,
        deterministic=deterministic,
        measure=measure,
    )
    reference = batch.reference
    full = reference.duration * batch.robot.control_rate
    return _Tracking(
        episodes, batch.episode_steps if reference.loop else int(np.ceil(full - 1e-6)), batch.dt
    )


def joint_positions(model: mujoco.MjModel, data: mujoco.MjData, qpos: FloatArray) -> FloatArray:
    """Positions of the joints: the frames of all bodies, ``(n, nbody - 1, 3)`` [m], the root first.

    Args:
        model: The robot.
        data: Overwritten.
        qpos: Positions ``(n, nq)``.
    """
    found = np.empty((len(qpos), model.nbody - 1, 3))
    for row, positions in zip(qpos, found, strict=True):
        data.qpos[:] = row
        mujoco.mj_kinematics(model, data)
        positions[:] = data.xpos[1:]
    return found


def _evaluate_locomotion(
    policy: Policy, env: MimicEnv, n_episodes: int, seed: int
) -> dict[str, float]:
    batch = env.make_batch(n_episodes)

    def measure() -> dict[str, FloatArray]:
        return {"x": batch.qpos[:, 0].copy()}

    try:
        episodes = run_episodes(batch, policy, [{}] * n_episodes, seed=seed, measure=measure)
        seconds = episodes.lengths * batch.dt
    finally:
        batch.close()
    return {
        **_returns(episodes),
        "forward_speed_mps": float((episodes.last["x"] / seconds).mean()),
        "survival_s": float(seconds.mean()),
    }


def _evaluate_by_id(
    policy: Policy, env_id: str, kwargs: dict[str, Any], n_episodes: int, seed: int
) -> dict[str, float]:
    """SB3's own evaluation, in environments made for it."""
    envs = transpose_images(make_envs(env_id, min(n_episodes, 8), seed=seed, env_kwargs=kwargs))
    try:
        return _evaluate_by_sb3(normalize_observations(policy, envs), envs, n_episodes)
    finally:
        envs.close()


def _evaluate_in_place(
    policy: Policy, env: gym.Env[Any, Any] | VecEnv, n_episodes: int
) -> dict[str, float]:
    """SB3's own evaluation, in an environment of the user's."""
    if not (isinstance(env, VecEnv) and unwrap_vec_normalize(env)):  # else it normalizes by itself
        policy = normalize_observations(policy, env)
    with freeze_normalization(env):
        found = _evaluate_by_sb3(policy, env, n_episodes)
        env.reset()
    return found


def _evaluate_by_sb3(
    policy: Policy, env: gym.Env[Any, Any] | VecEnv, n_episodes: int
) -> dict[str, float]:
    returns, lengths = evaluate_policy(
        policy,  # type: ignore[arg-type]
        env,
        n_eval_episodes=n_episodes,
        return_episode_rewards=True,
        warn=False,
    )
    return {
        "mean_reward": float(np.mean(returns)),
        "std_reward": float(np.std(returns)),
        "mean_ep_length": float(np.mean(lengths)),
    }


def _returns(episodes: Episodes) -> dict[str, float]:
    totals = episodes.rewards.sum(axis=0)
    return {
        "mean_reward": float(totals.mean()),
        "std_reward": float(totals.std()),
        "mean_ep_length": float(episodes.lengths.mean()),
    }
