"""Demonstrations from a trained model, through imitation's own rollout."""

from dataclasses import replace

import numpy as np
from gymnasium import spaces
from imitation.data import rollout
from imitation.data.types import TrajectoryWithRew
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.demos.storage import cast_trajectory
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.errors import InputError


def collect_expert(
    expert: BaseAlgorithm | BasePolicy, env: VecEnv, n_episodes: int, *, seed: int = 0
) -> list[TrajectoryWithRew]:
    """Rolls out an expert, deterministically.

    Args:
        expert: An SB3 model, or its policy as :func:`sb3_mimic.policies.saved.load_policy` reads
            it.
        env: The environments, which this seeds.
        n_episodes: Number of episodes.
        seed: Seed of the environments and of the episodes' order.

    Returns:
        The episodes, in the number types of the environment's spaces.

    Raises:
        InputError: If the expert was trained in other spaces, or acts outside of them.
    """
    if n_episodes < 1:
        raise InputError(f"the number of demonstration episodes must be positive, got {n_episodes}")
    _check_spaces(expert, env)
    env.seed(seed)
    episodes = rollout.rollout(
        expert,
        env,
        rollout.make_sample_until(min_episodes=n_episodes),
        rng=np.random.default_rng(seed),
        unwrap=False,
        exclude_infos=False,
        verbose=False,
        deterministic_policy=True,
    )
    trajectories = [
        cast_trajectory(_mark_failure(t), env.observation_space, env.action_space)
        for t in episodes[:n_episodes]
    ]
    check_trajectories(trajectories, env.observation_space, env.action_space, "the expert")
    return trajectories


def _mark_failure(episode: TrajectoryWithRew) -> TrajectoryWithRew:
    """The episode, terminal only where it ended by failure: imitation says so of every end."""
    truncated = episode.infos is not None and episode.infos[-1].get("TimeLimit.truncated", False)
    return replace(episode, terminal=episode.terminal and not truncated)


def _check_spaces(expert: BaseAlgorithm | BasePolicy, env: VecEnv) -> None:
    for what, own, trained in (
        ("observations", env.observation_space, expert.observation_space),
        ("actions", env.action_space, expert.action_space),
    ):
        if own.shape != _channels_last(trained, own):
            raise InputError(
                f"the expert was trained on {what} of shape {trained.shape}, those of the "
                f"environment have {own.shape}"
            )


def _channels_last(
    space: spaces.Space[object], like: spaces.Space[object]
) -> tuple[int, ...] | None:
    """The shape of a space; that of an image as the environment has it, colors last."""
    if space.shape is not None and like.shape is not None and len(like.shape) == 3:
        c, *rest = space.shape
        if like.shape == (*rest, c):
            return like.shape
    return space.shape
