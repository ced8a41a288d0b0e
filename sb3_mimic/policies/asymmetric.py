"""A policy whose critic sees more than its actor: privileged training (asymmetric actor-critic).

The observation is one array whose first ``n_actor`` numbers the robot will have too; the rest, its
privileged part, only a simulation knows. The actor reads the first alone, the critic reads all
(Pinto et al. 2018, https://arxiv.org/abs/1710.06542). One array and not a
dictionary, so that demonstrations, cloning and SB3's algorithms take it as any other.
"""

from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor

from sb3_mimic.errors import InputError
from sb3_mimic.policies.normalizer import NormalizeObservations, normalizers


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
            :class:`~sb3_mimic.policies.normalizer.NormalizeObservations` does.

    Raises:
        InputError: If the observation has fewer numbers, or a shape.

    Example:
        >>> from stable_baselines3 import PPO
        >>> kwargs = {"n_actor": 2}
        >>> model = PPO(AsymmetricPolicy, "Pendulum-v1", n_steps=64, policy_kwargs=kwargs)
        >>> model.policy.n_actor, model.observation_space.shape
        (2, (3,))
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


def extract_actor(policy: AsymmetricPolicy) -> ActorCriticPolicy:
    """The actor as an ordinary policy on the numbers that it reads, for the robot to run.

    Args:
        policy: With :class:`~sb3_mimic.policies.normalizer.NormalizeObservations`.

    Returns:
        The policy, for observations of ``n_actor`` numbers; its critic knows nothing.

    Raises:
        InputError: If the policy normalizes in another way.
    """
    normalizer, space = policy.features_extractor, policy.observation_space
    if not isinstance(normalizer, NormalizeObservations) or not isinstance(space, spaces.Box):
        raise InputError(
            "the actor alone needs NormalizeObservations as the policy's features extractor, not "
            f"{type(normalizer).__name__}"
        )
    n = policy.n_actor
    net_arch = policy.net_arch if isinstance(policy.net_arch, dict) else {"pi": policy.net_arch}
    alone = ActorCriticPolicy(
        spaces.Box(space.low[:n], space.high[:n], (n,), np.float32),
        policy.action_space,
        lambda _: 0.0,
        net_arch={"pi": net_arch["pi"], "vf": []},
        activation_fn=policy.activation_fn,
        features_extractor_class=NormalizeObservations,
        features_extractor_kwargs={"clip": normalizer.clip, "epsilon": normalizer.epsilon},
    )
    for own in normalizers(alone):
        own.mean.copy_(normalizer.mean[:n])
        own.var.copy_(normalizer.var[:n])
        own.count.copy_(normalizer.count)
    alone.mlp_extractor.policy_net.load_state_dict(policy.mlp_extractor.policy_net.state_dict())
    alone.action_net.load_state_dict(policy.action_net.state_dict())
    with th.no_grad():
        alone.log_std.copy_(policy.log_std)
    alone.set_training_mode(False)
    return alone
