"""The learning rate that follows the divergence of updates."""

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.rl.algorithms import AdaptiveRate


class AdaptiveRateCallback(BaseCallback):
    """Tells a model's :class:`AdaptiveRate` how far each update went; others have nothing to learn.

    An update of the critic alone makes no divergence, and tells nothing.
    """

    model: OnPolicyAlgorithm

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        adapt_rate(self.model)


def adapt_rate(model: OnPolicyAlgorithm) -> None:
    """Tells a model's :class:`AdaptiveRate` how far its last update went, if it has not been told.

    Args:
        model: Whose update has just been logged; a dump comes only after the next rollout.
    """
    rate = model.learning_rate
    if not isinstance(rate, AdaptiveRate):
        return
    # imitation's logger puts the generator's name before the key.
    for name, value in model.logger.name_to_value.items():
        if name.endswith("train/approx_kl") and value:
            rate.adapt(float(value), model._n_updates)
