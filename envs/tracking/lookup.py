"""Ask an environment whether it tracks clips, and which."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.options import motions_of


def find_tracking_batch(env: VecEnv | gym.Env[Any, Any] | None) -> TrackingBatch | None:
    """The batch of robots that imitate clips behind an environment; None where there is none.

    Args:
        env: A `NativeVecEnv` or a `TrackingEnv`, also within wrappers. The environments of SB3's
            ``DummyVecEnv`` are each by themselves, so it has no batch.
    """
    batch = None if env is None else getattr(env.unwrapped, "batched", None)
    return batch if isinstance(batch, TrackingBatch) else None


def split_env_kwargs_by_motion(
    env_id: str, env_kwargs: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Keyword arguments of an environment for each of its motions alone, by the clips' names.

    An environment without motions to choose from has one entry, and no name.

    Args:
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of the environment.
    """
    kwargs = dict(env_kwargs)
    with closing(gym.make(env_id, **kwargs)) as env:
        batch = find_tracking_batch(env)
    if batch is None or "motion" not in kwargs:
        return {"": kwargs}
    motions = motions_of(kwargs["motion"])
    names = batch.motion_names
    return {name: {**kwargs, "motion": m} for name, m in zip(names, motions, strict=True)}
