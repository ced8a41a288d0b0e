"""Evaluation: one protocol, used everywhere.

Humanoid: DeepMimic's released reward, summed over an episode and divided by the control steps of a
full one; 20 s, start phases spread evenly over the clip, exact reference states; a clip that does
not loop is performed once, from its start. Episodes end by falls only; after one every remaining
step counts 0. The reference's ground position is moved onto the root at each cycle, but drift is
measured against the reference that is not.

Of several clips each is evaluated by itself, as if it were the only one.

PiDog: episodes of 20 s from the environment's own starts.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecNormalize

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.make import as_shown, make_env, make_envs
from sb3_mimic.envs.core.vec_env import foreign_wrapper
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.joints import JointSpace
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.episodes import PROTOCOL, Episodes, even_starts, run_episodes
from sb3_mimic.report.video import Policy
from sb3_mimic.rl.callbacks.motion_sampling import motions_apart
from sb3_mimic.tasks.motions import merged

N_EPISODES = 32


def evaluate(
    policy: Policy,
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    n_episodes: int = N_EPISODES,
    seed: int = 0,
) -> dict[str, float]:
    """Evaluates a policy by the protocol.

    Args:
        policy: An SB3 model or policy, or anything with its ``predict``. Statistics of a
            ``VecNormalize`` around a model's training environments are applied.
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of the environment: the motion, and the observation and
            control that the policy was trained with.
        n_episodes: Number of episodes.
        seed: Seed of starts and of stochastic actions.

    Returns:
        ``mean_reward``, ``std_reward`` and ``mean_ep_length`` as SB3's ``evaluate_policy`` has
        them, deterministic, of the environment's own return. Of this package's environments also
        ``survival_s``; of an imitation ``normalized_return``, its standard deviation over the
        episodes ``normalized_return_std``, ``normalized_return_stochastic``, ``joint_error_rad``
        (mean over joints and steps of the geodesic angle), ``mpjpe_mm`` and ``mpjpe_global_mm``
        (mean distance of the joints from the reference's, relative to the root and in the world)
        and ``root_drift_m`` (at the end of an episode); of a walk ``forward_speed_mps`` (net, along
        the first heading). Of several clips each figure is the mean over them, and those of each
        follow as ``<clip>/<figure>``; ``n_episodes`` are of each clip.

    Raises:
        InputError: If the policy was trained in other spaces than the environment's, or that
            cannot be made.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> from stable_baselines3 import PPO
        >>> model = PPO("MlpPolicy", gym.make("sb3_mimic/PiDog-v0"), n_steps=64)
        >>> sorted(evaluate(model, "sb3_mimic/PiDog-v0", n_episodes=2))[:2]
        ['forward_speed_mps', 'mean_ep_length']
    """
    if n_episodes < 1:
        raise InputError(f"the number of episodes must be at least 1, got {n_episodes}")
    kwargs = dict(env_kwargs or {})
    with closing(make_env(env_id, kwargs)) as env:
        _check_spaces(policy, env)
        normalize = getattr(policy, "get_vec_normalize_env", lambda: None)()
        if normalize is not None:
            policy = _Normalizing(policy, normalize)
        base = env.unwrapped
        if not isinstance(base, MimicEnv) or foreign_wrapper(env) is not None:
            return _evaluate_any(policy, env_id, kwargs, n_episodes, seed)
        if isinstance(base.batched, TrackingBatch):
            return merged(
                {
                    name: _evaluate_imitation(policy, env_id, alone, n_episodes, seed)
                    for name, alone in motions_apart(env_id, kwargs).items()
                }
            )
        return _evaluate_walk(policy, base, n_episodes, seed)


class _Normalizing:
    """A policy that sees observations as the ``VecNormalize`` has them that it was trained in."""

    def __init__(self, policy: Policy, normalize: VecNormalize) -> None:
        self.policy = policy
        self.normalize = normalize

    def predict(self, observation: Any, *arguments: Any, **options: Any) -> tuple[Any, Any]:
        shown = np.asarray(self.normalize.normalize_obs(observation))
        return self.policy.predict(shown, *arguments, **options)


def _evaluate_imitation(
    policy: Policy, env_id: str, kwargs: dict[str, Any], n_episodes: int, seed: int
) -> dict[str, float]:
    protocol = {**kwargs, **PROTOCOL}
    deterministic = _imitate(policy, env_id, protocol, n_episodes, seed, deterministic=True)
    stochastic = _imitate(policy, env_id, protocol, n_episodes, seed, deterministic=False)
    own = deterministic
    if {**PROTOCOL, **kwargs} != protocol:
        own = _imitate(policy, env_id, kwargs, n_episodes, seed, deterministic=True)
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
class _Imitation:
    """Episodes, the steps of a full one, and the length of a step [s]."""

    episodes: Episodes
    full_steps: int
    dt: float


def _imitate(
    policy: Policy,
    env_id: str,
    kwargs: dict[str, Any],
    n_episodes: int,
    seed: int,
    *,
    deterministic: bool,
) -> _Imitation:
    env = gym.make(env_id, **kwargs).unwrapped
    if not isinstance(env, MimicEnv):
        raise TypeError(f"{env_id} is no MimicEnv")
    batch = env.make_batch(n_episodes)
    if not isinstance(batch, TrackingBatch):
        raise TypeError(f"{env_id} is no TrackingEnv")
    reference = batch.reference
    joints = JointSpace(batch.robot.joint_names)
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

    try:
        episodes = run_episodes(
            batch,
            policy,
            even_starts(batch),
            seed=seed,
            deterministic=deterministic,
            measure=measure,
        )
        full = reference.duration * batch.robot.control_rate
        return _Imitation(
            episodes,
            batch.episode_steps if reference.loop else int(np.ceil(full - 1e-6)),
            batch.dt,
        )
    finally:
        batch.close()
        env.close()


def joint_positions(model: mujoco.MjModel, data: mujoco.MjData, qpos: FloatArray) -> FloatArray:
    """Where the joints are: the frames of all bodies, ``(n, nbody - 1, 3)`` [m], the root first.

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


def _evaluate_walk(policy: Policy, env: MimicEnv, n_episodes: int, seed: int) -> dict[str, float]:
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


def _evaluate_any(
    policy: Policy, env_id: str, kwargs: dict[str, Any], n_episodes: int, seed: int
) -> dict[str, float]:
    """SB3's own evaluation, for environments of other packages."""
    envs = as_shown(make_envs(env_id, min(n_episodes, 8), seed=seed, env_kwargs=kwargs))
    try:
        returns, lengths = evaluate_policy(
            policy,  # type: ignore[arg-type]
            envs,
            n_eval_episodes=n_episodes,
            return_episode_rewards=True,
        )
    finally:
        envs.close()
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


def _check_spaces(policy: Policy, env: gym.Env[Any, Any]) -> None:
    for what, space in (
        ("observations", env.observation_space),
        ("actions", env.action_space),
    ):
        trained = getattr(policy, what.removesuffix("s") + "_space", None)
        if trained is None or trained.shape == space.shape:
            continue
        if space.shape is not None and len(space.shape) == 3 == len(trained.shape):
            height, width, channels = space.shape
            if trained.shape == (channels, height, width):
                continue
        raise InputError(
            f"the policy was trained on {what} of shape {trained.shape}, the environment's have "
            f"{space.shape}"
        )
