"""Small steps of the actor first."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.rl.algorithms import AdaptiveRate
from sb3_mimic.rl.warm_start.critic import CriticWarmupCallback
from sb3_mimic.rl.warm_start.update import (
    PendingUpdate,
    has_trust_region,
    updates_done,
)


class RampCallback(BaseCallback):
    """Begins with small steps of the actor and lets them grow to their ordinary size.

    The critic has seen the clone's rollouts only. For PPO's kind learning rate, clip range and
    target KL are scaled, of an :class:`~sb3_mimic.rl.algorithms.AdaptiveRate` the divergence
    that it asks for; for TRPO's kind the target KL, since its learning rate is the critic's.

    Args:
        n_updates: Updates of the actor until its steps have their full size.
        start: Part of it that the first has.
        warmup: Updates that this makes with the critic alone are not counted, and not scaled.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self, n_updates: int, start: float, warmup: CriticWarmupCallback, verbose: int = 0
    ) -> None:
        super().__init__(verbose)
        self.n_updates = n_updates
        self.start = start
        self.warmup = warmup
        self._n_done = 0
        self._usual: list[tuple[Any, str, Any]] = []

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        PendingUpdate.withdraw(self.model)
        self._n_done = max(0, updates_done(self.model) - self.warmup.n_rollouts)

    def _on_rollout_end(self) -> None:
        if self.warmup.warming or self._n_done >= self.n_updates:
            return
        factor = self.start + (1 - self.start) * self._n_done / self.n_updates
        self._n_done += 1
        self.logger.record("handover/step_size", factor)
        PendingUpdate(self.model, partial(self._scale, factor), self._restore)

    def _scale(self, factor: float) -> None:
        """Makes settings smaller until :meth:`_restore`."""
        rate = self.model.learning_rate
        if has_trust_region(self.model):
            self._exchange(self.model, ("target_kl",), factor)
        elif isinstance(rate, AdaptiveRate):
            self._exchange(self.model, ("target_kl", "clip_range"), factor)
            self._exchange(rate, ("desired_kl",), factor)
        else:
            self._exchange(self.model, ("target_kl", "clip_range", "lr_schedule"), factor)

    def _exchange(self, owner: Any, names: Sequence[str], factor: float) -> None:
        for name in names:
            value = vars(owner).get(name)
            if value is not None:
                self._usual.append((owner, name, value))
                scaled = _Scaled(value, factor) if callable(value) else factor * value
                vars(owner)[name] = scaled

    def _restore(self) -> None:
        """Gives the algorithm its own settings back."""
        for owner, name, value in self._usual:
            vars(owner)[name] = value
        self._usual = []

    def _on_training_end(self) -> None:
        PendingUpdate.withdraw(self.model)


class _Scaled:
    """A schedule of SB3's kind times a factor."""

    def __init__(self, schedule: Callable[[float], float], factor: float) -> None:
        self.schedule = schedule
        self.factor = factor

    def __call__(self, progress_remaining: float) -> float:
        return self.factor * self.schedule(progress_remaining)
