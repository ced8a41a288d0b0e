"""The learning rate that follows the divergence of updates."""

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.rl.algorithms import AdaptiveRate
from sb3_mimic.rl.sb3_hooks import count_train_calls, get_approx_kl


class AdaptiveRateCallback(BaseCallback):
    """Adapts a model's :class:`AdaptiveRate` to the divergence of each update.

    Models with another schedule are left alone. An update of the critic alone makes no divergence,
    and changes nothing.
    """

    model: OnPolicyAlgorithm

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        adapt_rate(self.model)


def adapt_rate(model: OnPolicyAlgorithm) -> None:
    """Adapts a model's :class:`AdaptiveRate` to the divergence of its last update, once for each.

    Args:
        model: Whose update has just been logged; a dump comes only after the next rollout.
    """
    rate = model.learning_rate
    if not isinstance(rate, AdaptiveRate):
        return
    kl = get_approx_kl(model)
    if kl is not None:
        rate.adapt(kl, count_train_calls(model))
