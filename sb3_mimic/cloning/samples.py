"""The samples of cloning: demonstrations as tensors, split and in batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from imitation.data.types import Trajectory
from numpy.typing import NDArray
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecTransposeImage

from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.errors import InputError
from sb3_mimic.policies.parameters import has_memory

#: From the observations of an environment to those of a policy.
ObservationMap = Callable[[NDArray[Any]], NDArray[Any]]
#: Observations ``(n, ...)`` and actions ``(n, nu)`` on a policy's device.
Samples = tuple[th.Tensor, th.Tensor]


class ShuffledBatches:
    """Batches of a fixed set of samples in an order that changes with every pass.

    The tensors lie ready on the policy's device: 2 to 3.6 times faster per batch than the loader
    that BC makes of transitions. The last, incomplete batch of a pass is left out, as BC does; with
    another order in every pass no sample is lost.

    Args:
        observations: Shape ``(n, *observation shape)``.
        actions: Shape (n, nu).
        batch_size: At most n.
        seed: Seeds the order.
    """

    def __init__(
        self, observations: th.Tensor, actions: th.Tensor, batch_size: int, seed: int
    ) -> None:
        self.observations = observations
        self.actions = actions
        self.batch_size = batch_size
        self._generator = th.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[Mapping[str, th.Tensor]]:
        n = len(self.actions)
        order = th.randperm(n, generator=self._generator).to(self.actions.device)
        for start in range(0, n - self.batch_size + 1, self.batch_size):
            batch = order[start : start + self.batch_size]
            yield {"obs": self.observations[batch], "acts": self.actions[batch]}


def split_trajectories(
    trajectories: Sequence[Trajectory], fraction: float, seed: int
) -> tuple[list[Trajectory], list[Trajectory]]:
    """Splits into training and validation by whole trajectories.

    Neighboring steps are nearly the same sample; split by steps, the validation error would only
    repeat the training error.

    Args:
        trajectories: At least one.
        fraction: Part held out, rounded to trajectories; at least one is, where the fraction is
            positive and there are two.
        seed: Decides which.

    Returns:
        The training and the validation trajectories, each in the order given.
    """
    n = len(trajectories)
    n_held_out = 0 if fraction == 0 or n < 2 else min(n - 1, max(1, round(n * fraction)))
    held_out = set(np.random.default_rng(seed).permutation(n)[:n_held_out].tolist())
    return (
        [t for i, t in enumerate(trajectories) if i not in held_out],
        [t for i, t in enumerate(trajectories) if i in held_out],
    )


def demonstration_tensors(trajectories: Sequence[Trajectory], model: OnPolicyAlgorithm) -> Samples:
    """All samples as the model's policy takes them, on its device.

    Args:
        trajectories: In the spaces of the model's environment, one at least.
        model: With its environment.

    Returns:
        Observations ``(n, ...)`` and actions ``(n, nu)``.

    Raises:
        InputError: If they do not fit the model, or its policy is none that can be cloned into.
    """
    check_demonstrations(trajectories, model)
    return to_samples(trajectories, model.policy, observation_map(model))


def check_demonstrations(trajectories: Sequence[Trajectory], model: OnPolicyAlgorithm) -> None:
    """Checks that demonstrations can be cloned into a model.

    Raises:
        InputError: If they do not fit the model, or its policy is none that can be cloned into.
    """
    policy: Any = model.policy
    if not isinstance(policy, ActorCriticPolicy) or has_memory(policy):
        raise InputError(
            "cloning needs an actor-critic policy without memory, as of PPO, TRPO or A2C, not "
            f"{type(model).__name__}'s {type(policy).__name__}"
        )
    env = model.get_env()
    if env is None:
        raise InputError("the model has no environment; build it with one before cloning")
    own = env.venv if isinstance(env, VecTransposeImage) else env
    check_trajectories(trajectories, own.observation_space, env.action_space, "the demonstrations")


def observation_map(model: OnPolicyAlgorithm) -> ObservationMap:
    """The map from an environment's observations to those that SB3's wrappers show the policy.

    Demonstrations have an image's colors last, and are not normalized.
    """
    env, normalize = model.get_env(), model.get_vec_normalize_env()

    def observe(observations: NDArray[Any]) -> NDArray[Any]:
        if isinstance(env, VecTransposeImage):
            observations = np.asarray(env.transpose_observations(observations))
        if normalize is not None:
            observations = np.asarray(normalize.normalize_obs(observations))
        return observations

    return observe


def to_samples(
    trajectories: Sequence[Trajectory],
    policy: ActorCriticPolicy,
    observe: ObservationMap,
) -> Samples:
    """All samples as tensors on the policy's device, as the policy has observations and actions."""
    observations = observe(np.concatenate([np.asarray(t.obs[:-1]) for t in trajectories]))
    actions = np.concatenate([t.acts for t in trajectories])
    if policy.squash_output:
        actions = np.asarray(policy.scale_action(actions))
    space = policy.observation_space
    as_image = isinstance(space, spaces.Box) and is_image_space(space)
    return (
        th.as_tensor(observations, dtype=None if as_image else th.float32, device=policy.device),
        th.as_tensor(actions, dtype=th.float32, device=policy.device),
    )
