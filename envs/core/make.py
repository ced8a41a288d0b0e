"""Environments for training and evaluation, native where they can be."""

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecTransposeImage

from sb3_mimic.envs import NativeVecEnv
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.vec_env import find_unsupported_wrapper
from sb3_mimic.errors import InputError


def transpose_images(envs: VecEnv) -> VecEnv:
    """Environments whose images have their colors first, as SB3's policies see them."""
    space: Any = envs.observation_space
    if is_image_space(space) and not is_image_space_channels_first(space):
        return VecTransposeImage(envs)
    return envs


def make_env(env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> gym.Env[Any, Any]:
    """``gym.make``.

    Args:
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of ``gym.make``.

    Raises:
        InputError: If there is no such environment, or it cannot be made as asked.
    """
    try:
        made: gym.Env[Any, Any] = gym.make(env_id, **(env_kwargs or {}))
    except gym.error.Error as error:
        raise InputError(f"environment {env_id!r} cannot be made: {error}") from error
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise InputError(f"environment {env_id!r} cannot be made: {error}") from error
    return made


def make_envs(
    env_id: str,
    n_envs: int,
    *,
    seed: int | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    monitor: Path | None = None,
) -> VecMonitor:
    """Makes n environments that record their episodes' returns.

    Args:
        env_id: Gymnasium id. Environments of this package step in one native batch, others, and
            those in a wrapper (``max_episode_steps``), in SB3's ``DummyVecEnv``.
        n_envs: Number of environments, at least 1.
        seed: Environment i is seeded with ``seed + i``.
        env_kwargs: Keyword arguments of ``gym.make``.
        monitor: CSV of the episodes, its name ending in ``monitor.csv``; None writes none.

    Raises:
        InputError: If there is no such environment, or it cannot be made as asked.
    """
    if n_envs < 1:
        raise InputError(f"the number of environments must be at least 1, got {n_envs}")
    made = make_env(env_id, env_kwargs)
    vec_env: VecEnv
    env = made.unwrapped
    if isinstance(env, MimicEnv) and find_unsupported_wrapper(made) is None:
        vec_env = NativeVecEnv(env, env.make_batch(n_envs))
    else:
        with closing(made):
            vec_env = DummyVecEnv([partial(gym.make, env_id, **(env_kwargs or {}))] * n_envs)
    if seed is not None:
        vec_env.seed(seed)
    if monitor is not None:
        monitor.parent.mkdir(parents=True, exist_ok=True)
    return VecMonitor(vec_env, None if monitor is None else str(monitor))
