"""A policy as one graph: raw observations in, clipped deterministic actions out."""

from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.preprocessing import is_image_space
from torch import nn

from sb3_mimic.errors import InputError


class PolicyGraph(nn.Module):
    """The computation of SB3's ``predict(observation, deterministic=True)``, and nothing else.

    Preprocessing, the normalizer and the actor of an actor-critic policy, then the clipping of the
    action to its space. Pictures go in as cameras give them, colors last.

    Args:
        policy: Of PPO, TRPO or another on-policy algorithm, with box spaces.

    Raises:
        InputError: If the policy is of another kind.
    """

    low: th.Tensor
    high: th.Tensor

    def __init__(self, policy: BasePolicy) -> None:
        super().__init__()
        self.actor, action_space = _require_exportable(policy)
        self.pictures = is_image_space(policy.observation_space)
        self.register_buffer("low", th.as_tensor(action_space.low))
        self.register_buffer("high", th.as_tensor(action_space.high))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one observation."""
        shape = self.actor.observation_space.shape or ()
        return (*shape[1:], shape[0]) if self.pictures else shape

    @property
    def input_dtype(self) -> np.dtype[Any]:
        """Number type of observations: bytes of pictures, else single precision."""
        return np.dtype(np.uint8 if self.pictures else np.float32)

    def forward(self, observation: th.Tensor) -> th.Tensor:
        """Actions ``(n, nu)`` for observations ``(n, *input_shape)``."""
        if self.pictures:
            observation = observation.permute(0, 3, 1, 2)
        actor = self.actor
        features = BasePolicy.extract_features(actor, observation, actor.pi_features_extractor)
        mean = actor.action_net(actor.mlp_extractor.forward_actor(features))
        # Not clamp: with tensors for bounds it has no counterpart in ONNX's Clip.
        return th.minimum(th.maximum(mean, self.low), self.high)

    def example(self, n: int) -> th.Tensor:
        """Observations ``(n, *input_shape)`` to trace the graph with."""
        return th.from_numpy(np.zeros((n, *self.input_shape), self.input_dtype))


def random_observations(policy: BasePolicy, n: int, seed: int = 0) -> NDArray[Any]:
    """Random observations ``(n, *input_shape)`` that cover a graph's whole range.

    Pictures are noise. Numbers lie one to a hundred standard deviations around the mean of the
    normalizer's statistics, so that its clipping and that of the actions take part.

    Args:
        policy: The policy.
        n: Their number.
        seed: Seed of the draw.
    """
    # Imported late: the normalizer is not needed to run a graph.
    from sb3_mimic.policies.normalizer import normalizers

    generator = np.random.default_rng(seed)
    shape = PolicyGraph(policy).input_shape
    if is_image_space(policy.observation_space):
        return generator.integers(0, 256, (n, *shape), np.uint8)
    spread = np.logspace(0, 2, n).reshape(n, *(1 for _ in shape))
    drawn = generator.standard_normal((n, *shape)) * spread
    known = normalizers(policy)
    if known:
        mean, var = (t.cpu().numpy().reshape(shape) for t in (known[0].mean, known[0].var))
        drawn = mean + np.sqrt(var) * drawn
    return drawn.astype(np.float32)


def _require_exportable(policy: BasePolicy) -> tuple[ActorCriticPolicy, spaces.Box]:
    """The policy and its action space.

    Raises:
        InputError: If the policy is of a kind that this graph does not cover.
    """
    if not isinstance(policy, ActorCriticPolicy):
        raise InputError(
            f"a {type(policy).__name__} cannot be exported; the actor-critic policy of an "
            "on-policy algorithm (PPO, TRPO, A2C) is needed"
        )
    for what, space in (
        ("observations", policy.observation_space),
        ("actions", policy.action_space),
    ):
        if not isinstance(space, spaces.Box):
            raise InputError(f"{what} must be a Box to be exported, not {type(space).__name__}")
    if policy.squash_output:
        raise InputError("a policy that squashes its actions (squash_output) cannot be exported")
    action_space = policy.action_space
    return policy, action_space  # type: ignore[return-value]
