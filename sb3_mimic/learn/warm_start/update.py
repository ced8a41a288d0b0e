"""Updates of an algorithm, and what is changed about a model for one of them."""

from collections.abc import Callable

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.learn.callbacks import adapt_rate


def updates_done(model: OnPolicyAlgorithm) -> int:
    """Updates behind a model: rollouts that its environment steps make up."""
    return int(model.num_timesteps // (model.n_steps * model.n_envs))


def has_trust_region(model: OnPolicyAlgorithm) -> bool:
    """Whether the algorithm is one of TRPO's kind."""
    return hasattr(model, "line_search_max_iter")


class PendingUpdate:
    """An algorithm's next update, after which what was changed for it is given back.

    Whatever ends the update does: no callback is told of an exception, and what one has left behind
    the next training would take for the model's own.

    Args:
        model: Whose ``train`` this is from now on, until it was called.
        restore: Gives back.
    """

    def __init__(self, model: OnPolicyAlgorithm, restore: Callable[[], None]) -> None:
        self.model = model
        self.restore = restore
        vars(model)["train"] = self

    def __call__(self) -> None:
        """Updates, and gives back."""
        self.withdraw(self.model)
        try:
            self.model.train()
            adapt_rate(self.model)  # by the divergence that was asked of this update
        finally:
            self.restore()

    @classmethod
    def withdraw(cls, model: OnPolicyAlgorithm) -> "PendingUpdate | None":
        """Makes a model's update its own again; gives what it was until now."""
        present = vars(model).get("train")
        if not isinstance(present, cls):
            return None
        del vars(model)["train"]
        return present


def give_back(model: OnPolicyAlgorithm) -> None:
    """Gives back what was changed for an update that never came."""
    left = PendingUpdate.withdraw(model)
    if left is not None:
        left.restore()
