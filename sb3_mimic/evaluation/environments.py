"""The environments that a policy is evaluated in, and the options that the protocol fixes.

An environment is passed by its id, or as an object: then the protocol's episodes run in a batch
made like it, and the environment itself is neither stepped nor closed.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Final

import gymnasium as gym
import numpy as np
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecCheckNan,
    VecEnv,
    VecEnvWrapper,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
    unwrap_vec_normalize,
)

from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.make import make_env
from sb3_mimic.envs.core.vec_env import NativeVecEnv, find_unsupported_wrapper
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.envs.tracking.options import TrackingOptions
from sb3_mimic.errors import InputError
from sb3_mimic.policies.protocol import Policy

#: An environment as evaluations take it: its Gymnasium id, one environment, or several.
Environment = str | gym.Env[Any, Any] | VecEnv

PROTOCOL: Final[Mapping[str, Any]] = {
    "reward": "deepmimic",
    "early_termination": "fall",
    "anchor": "root",
    "episode_seconds": 20.0,
    "push_force": 0.0,
}
"""Options of tracking that the protocol fixes; observation and control are the policy's."""

# Wrappers of SB3's that leave the task as it is. VecNormalize is applied around the policy.
_TRANSPARENT = (VecMonitor, VecCheckNan, VecNormalize, VecTransposeImage)


@contextmanager
def open_environment(
    env: Environment, env_kwargs: Mapping[str, Any] | None
) -> Iterator[gym.Env[Any, Any] | VecEnv]:
    """The environment, made and closed where it is given by its id.

    Args:
        env: Gymnasium id, or an environment, which is not closed.
        env_kwargs: Keyword arguments of ``gym.make``.

    Raises:
        InputError: If it cannot be made, or there are keyword arguments for one that exists.
    """
    if isinstance(env, str):
        with closing(make_env(env, env_kwargs)) as made:
            yield made
        return
    if env_kwargs:
        raise InputError(
            f"env_kwargs are for an environment that is given by its id, not for a "
            f"{type(env).__name__}"
        )
    yield env


def find_mimic_env(env: gym.Env[Any, Any] | VecEnv) -> MimicEnv | None:
    """The environment of this package's kind whose batches stand for a whole environment.

    None where there is none, a wrapper changes what it does, or the environments of a
    ``DummyVecEnv`` are not alike.

    Args:
        env: One environment, or several.
    """
    if isinstance(env, VecEnv):
        while isinstance(env, VecEnvWrapper):
            if not isinstance(env, _TRANSPARENT):
                return None
            env = env.venv
        if isinstance(env, NativeVecEnv):
            return env.env
        singles = [_find_single(each) for each in env.envs] if isinstance(env, DummyVecEnv) else []
        first = next(iter(singles), None)
        alike = first is not None and all(each and _are_alike(first, each) for each in singles)
        return first if alike else None
    return _find_single(env)


def make_protocol_batch(env: MimicEnv, n_envs: int) -> BatchedEnv:
    """A batch of environments like one, with what the protocol fixes about tracking.

    Args:
        env: The environment; of one that tracks no clips nothing is fixed.
        n_envs: Number of environments.
    """
    batch = find_tracking_batch(env)
    if batch is None:
        return env.make_batch(n_envs)
    return type(batch)(batch.references, apply_protocol(batch.options), n_envs)


def apply_protocol(options: TrackingOptions) -> TrackingOptions:
    """A tracking task's options with those that the protocol fixes."""
    return replace(options, **PROTOCOL)


def normalize_observations(policy: Policy, env: gym.Env[Any, Any] | VecEnv) -> Policy:
    """A policy on raw observations that sees them as its ``VecNormalize`` shows them.

    Args:
        policy: Unchanged where neither it nor the environment has a ``VecNormalize``.
        env: Whose ``VecNormalize`` counts before that of the policy's training environments.
    """
    own = unwrap_vec_normalize(env) if isinstance(env, VecEnv) else None
    normalize = own or getattr(policy, "get_vec_normalize_env", lambda: None)()
    return policy if normalize is None else _NormalizingPolicy(policy, normalize)


@contextmanager
def freeze_normalization(env: gym.Env[Any, Any] | VecEnv) -> Iterator[None]:
    """Keeps an evaluation from moving a ``VecNormalize``'s statistics, and its rewards raw."""
    normalize = unwrap_vec_normalize(env) if isinstance(env, VecEnv) else None
    if normalize is None:
        yield
        return
    training, norm_reward = normalize.training, normalize.norm_reward
    normalize.training = normalize.norm_reward = False
    try:
        yield
    finally:
        normalize.training, normalize.norm_reward = training, norm_reward


def check_spaces(policy: Policy, env: gym.Env[Any, Any] | VecEnv) -> None:
    """Checks that a policy was trained in the spaces of an environment.

    Raises:
        InputError: If the shape of observations or actions is another.
    """
    for name in ("observation", "action"):
        trained = getattr(policy, f"{name}_space", None)
        space = getattr(env, f"{name}_space")
        if trained is None or trained.shape == space.shape:
            continue
        if space.shape is not None and len(space.shape) == 3 == len(trained.shape):
            height, width, channels = space.shape
            if trained.shape == (channels, height, width):
                continue
        raise InputError(
            f"the policy was trained on {name}s of shape {trained.shape}, the environment's have "
            f"{space.shape}"
        )


class _NormalizingPolicy:
    """A policy that sees observations as a ``VecNormalize`` has them."""

    def __init__(self, policy: Policy, normalize: VecNormalize) -> None:
        self.policy = policy
        self.normalize = normalize

    def predict(self, observation: Any, *arguments: Any, **options: Any) -> tuple[Any, Any]:
        normalized = np.asarray(self.normalize.normalize_obs(observation))
        return self.policy.predict(normalized, *arguments, **options)


def _find_single(env: gym.Env[Any, Any]) -> MimicEnv | None:
    while isinstance(env, Monitor):
        env = env.env
    base = env.unwrapped
    return base if isinstance(base, MimicEnv) and find_unsupported_wrapper(env) is None else None


def _are_alike(env: MimicEnv, other: MimicEnv) -> bool:
    ours, theirs = find_tracking_batch(env), find_tracking_batch(other)
    if ours is not None and theirs is not None:
        return (ours.robot.name, ours.motion_names, ours.options) == (
            theirs.robot.name,
            theirs.motion_names,
            theirs.options,
        )
    return env.spec is not None and env.spec == other.spec
