"""A policy whose critic sees more than its actor: privileged training (asymmetric actor-critic).

The observation is one array whose first ``n_actor`` numbers are what the robot will have; the rest,
as PiDog's ``privileged=True`` appends, only a simulation knows. The actor reads the first alone,
the critic reads all (Pinto et al. 2018, https://arxiv.org/abs/1710.06542). One array and not a
dictionary, so that demonstrations, cloning and SB3's algorithms take it as any other.
"""

from typing import Any

import torch as th
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from torch import nn

from sb3_mimic.errors import InputError
from sb3_mimic.learn.policies import NormalizeObservations


class AsymmetricExtractor(MlpExtractor):
    """SB3's hidden layers, those of the actor on the first features only.

    Args:
        feature_dim: Number of features.
        n_actor: How many of them the actor reads.
        **kwargs: As for SB3's ``MlpExtractor``.
    """

    def __init__(self, feature_dim: int, n_actor: int, **kwargs: Any) -> None:
        super().__init__(feature_dim, **kwargs)
        self.n_actor = n_actor
        self.policy_net = MlpExtractor(n_actor, **kwargs).policy_net

    def forward_actor(self, features: th.Tensor) -> th.Tensor:
        """The actor's last hidden layer."""
        hidden: th.Tensor = self.policy_net(features[..., : self.n_actor])
        return hidden


class AsymmetricPolicy(ActorCriticPolicy):
    """SB3's actor-critic policy with :class:`AsymmetricExtractor`.

    Args:
        observation_space: A flat ``Box``.
        action_space: As for SB3's.
        lr_schedule: As for SB3's.
        n_actor: How many of the observation's first numbers the actor reads.
        **kwargs: As for SB3's; the features extractor must keep the numbers apart, as
            :class:`~sb3_mimic.learn.policies.NormalizeObservations` does.

    Raises:
        InputError: If the observation has fewer numbers, or a shape.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> from stable_baselines3 import PPO
        >>> env = gym.make("sb3_mimic/PiDogHardware-v0", privileged=True)
        >>> kwargs = {"n_actor": env.unwrapped.n_actor}
        >>> model = PPO(AsymmetricPolicy, env, n_steps=64, policy_kwargs=kwargs, device="cpu")
        >>> model.policy.n_actor, model.observation_space.shape
        (74, (108,))
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Any,
        *,
        n_actor: int,
        **kwargs: Any,
    ) -> None:
        shape = observation_space.shape
        if shape is None or len(shape) != 1 or not 1 <= n_actor <= shape[0]:
            raise InputError(
                f"n_actor={n_actor} must be at least 1 and at most the size of a flat observation, "
                f"whose shape here is {shape}"
            )
        self.n_actor = n_actor
        kwargs.setdefault("features_extractor_class", NormalizeObservations)
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = AsymmetricExtractor(
            self.features_dim,
            self.n_actor,
            net_arch=self.net_arch,
            activation_fn=self.activation_fn,
            device=self.device,
        )

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "n_actor": self.n_actor}


class Actor(nn.Module):
    """The deterministic actor of a policy, on the numbers it reads: what a robot runs.

    Args:
        policy: On the processor.
    """

    mean: th.Tensor
    scale: th.Tensor

    def __init__(self, policy: AsymmetricPolicy) -> None:
        super().__init__()
        normalizer = policy.features_extractor
        if not isinstance(normalizer, NormalizeObservations):
            raise InputError(
                "the actor alone needs NormalizeObservations as the policy's features extractor, "
                f"not {type(normalizer).__name__}"
            )
        n = policy.n_actor
        self.clip = normalizer.clip
        self.register_buffer("mean", normalizer.mean[:n].clone())
        self.register_buffer("scale", th.sqrt(normalizer.var[:n] + normalizer.epsilon))
        self.hidden = policy.mlp_extractor.policy_net
        self.out = policy.action_net

    def forward(self, observation: th.Tensor) -> th.Tensor:
        """Mean actions ``(n, nu)``, not clipped, for observations ``(n, n_actor)``."""
        scaled = ((observation - self.mean) / self.scale).clamp(-self.clip, self.clip)
        action: th.Tensor = self.out(self.hidden(scaled))
        return action
