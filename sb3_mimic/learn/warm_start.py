"""From the clone to reinforcement learning without the collapse in between.

A cloned actor comes with a critic that knows nothing: its first advantages are noise, and an update
along them undoes the cloning. So the critic learns alone first, on the clone's own rollouts.
"""

from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from sb3_mimic.errors import InputError
from sb3_mimic.learn.policies import is_critic_parameter


class CriticWarmupCallback(BaseCallback):
    """Lets only the critic learn in the first updates, with PPO and TRPO alike.

    The actor stays bit for bit as it was. It works by what the algorithms offer, from a callback:

    - where gradients of one loss reach both (PPO, A2C), the actor's parameters ask for no gradient;
    - TRPO asks for the actor's gradients by name, so its trust region is closed instead
      (``target_kl = 0``): the line search fails, the actor is reverted, the critic is trained.

    Both are set at the end of a rollout and taken back at the start of the next, so that a
    checkpoint, saved during a rollout, holds the settings of ordinary training.

    Args:
        n_rollouts: Number of updates with the critic alone; 0 does nothing.
        verbose: As SB3's.

    Raises:
        InputError: If ``n_rollouts`` is negative.
    """

    def __init__(self, n_rollouts: int, verbose: int = 0) -> None:
        super().__init__(verbose)
        if n_rollouts < 0:
            raise InputError(f"the number of critic warm-ups must not be negative: {n_rollouts}")
        self.n_rollouts = n_rollouts
        self._n_done = 0
        self._target_kl: Any = None
        self._frozen: list[Any] | None = None

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self.restore()

    def _on_rollout_end(self) -> None:
        warming = self._n_done < self.n_rollouts
        self.logger.record("train/critic_only", float(warming))
        if warming:
            self._n_done += 1
            self._freeze_actor()

    def _on_training_end(self) -> None:
        self.restore()

    def restore(self) -> None:
        """Gives the actor back to the algorithm; does nothing where it has it already."""
        if self._frozen is None:
            return
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        if self._closes_trust_region():
            vars(self.model)["target_kl"] = self._target_kl
        self._frozen = None

    def _freeze_actor(self) -> None:
        self._frozen = []
        if self._closes_trust_region():
            self._target_kl = vars(self.model)["target_kl"]
            vars(self.model)["target_kl"] = 0.0
            return
        for name, parameter in self.model.policy.named_parameters():
            if parameter.requires_grad and not is_critic_parameter(name):
                parameter.requires_grad_(False)
                self._frozen.append(parameter)

    def _closes_trust_region(self) -> bool:
        return hasattr(self.model, "line_search_max_iter")
