"""The parameters of SB3's actor-critic policies: whose they are, by their names."""

from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from torch import nn


def is_critic_parameter(name: str) -> bool:
    """Whether a parameter of an SB3 actor-critic policy belongs to the critic alone.

    By its name, as sb3-contrib's TRPO decides it (``"value" in name``); and a features extractor
    that the critic does not share.

    Args:
        name: As ``named_parameters`` has it, which names what is shared once.
    """
    return "value" in name or name.startswith("vf_features_extractor.")


def log_std_parameter(policy: ActorCriticPolicy) -> nn.Parameter | None:
    """The log standard deviations of a diagonal Gaussian policy, shape (nu,), else None."""
    log_std = getattr(policy, "log_std", None)
    return log_std if isinstance(log_std, nn.Parameter) and log_std.ndim == 1 else None


def has_memory(policy: BasePolicy) -> bool:
    """Whether a policy is recurrent, as those of sb3-contrib's ``RecurrentPPO`` are."""
    return hasattr(policy, "lstm_actor")
