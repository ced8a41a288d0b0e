"""Updates of an algorithm, and what is changed about a model for one of them."""

from collections.abc import Callable

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.rl.callbacks import adapt_rate


def updates_done(model: OnPolicyAlgorithm) -> int:
    """Updates behind a model: rollouts that its environment steps make up."""
    return int(model.num_timesteps // (model.n_steps * model.n_envs))


def has_trust_region(model: OnPolicyAlgorithm) -> bool:
    """Whether the algorithm is one of TRPO's kind."""
    return hasattr(model, "line_search_max_iter")


class PendingUpdate:
    """An algorithm's next update, for which something is changed about the model, and for it alone.

    Callbacks are told of rollouts, not of updates: neither when one begins, after all that is done
    at the end of a rollout, nor when it fails. So this stands in for the model's ``train``, once.
    Whatever is saved before or after it holds the settings of ordinary training.

    Args:
        model: Whose update it is.
        change: Changes the model.
        restore: Takes that back, whatever has ended the update, or the change.
    """

    def __init__(
        self, model: OnPolicyAlgorithm, change: Callable[[], None], restore: Callable[[], None]
    ) -> None:
        self.model = model
        self.change = change
        self.restore = restore
        vars(model).update({"train": self, "_excluded_save_params": self._excluded})

    def __call__(self) -> None:
        """Updates."""
        self.withdraw(self.model)
        try:
            self.change()
            self.model.train()
            adapt_rate(self.model)  # by the divergence that was asked of this update
        finally:
            self.restore()

    @classmethod
    def withdraw(cls, model: OnPolicyAlgorithm) -> None:
        """Makes a model's update its own again, if one that was to come did not."""
        if isinstance(vars(model).get("train"), cls):
            del vars(model)["train"], vars(model)["_excluded_save_params"]

    def _excluded(self) -> list[str]:
        """What SB3 leaves out of a zip: this too."""
        usual = type(self.model)._excluded_save_params(self.model)
        return [*usual, "train", "_excluded_save_params"]
