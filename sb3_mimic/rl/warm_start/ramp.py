"""A callback that begins with small steps of the actor."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.rl.algorithms import AdaptiveRate
from sb3_mimic.rl.callbacks import adapt_rate
from sb3_mimic.rl.sb3_hooks import (
    count_updates,
    has_trust_region,
    override_attributes,
    unwrap_next_update,
    wrap_next_update,
)
from sb3_mimic.rl.warm_start.critic import CriticWarmupCallback


class RampCallback(BaseCallback):
    """Begins with small steps of the actor and lets them grow to their ordinary size.

    At first the critic has seen the clone's rollouts only. In algorithms of PPO's kind learning
    rate, clip range and target KL are scaled; in place of an
    :class:`~sb3_mimic.rl.algorithms.AdaptiveRate` the divergence that it aims at. In algorithms of
    TRPO's kind only the target KL is, since their learning rate is the critic's.

    Args:
        n_updates: Updates of the actor until its steps have their full size.
        start: Part of the full size that the first step has.
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

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        unwrap_next_update(self.model)
        self._n_done = max(0, count_updates(self.model) - self.warmup.n_rollouts)

    def _on_rollout_end(self) -> None:
        if self.warmup.critic_only or self._n_done >= self.n_updates:
            return
        factor = self.start + (1 - self.start) * self._n_done / self.n_updates
        self._n_done += 1
        self.logger.record("handover/step_size", factor)
        wrap_next_update(self.model, partial(self._small_step, factor))

    @contextmanager
    def _small_step(self, factor: float) -> Iterator[None]:
        with ExitStack() as stack:
            for owner, names in self._settings():
                stack.enter_context(override_attributes(owner, _scaled(owner, names, factor)))
            yield
            adapt_rate(self.model)  # by the divergence that was asked of this update

    def _settings(self) -> list[tuple[Any, tuple[str, ...]]]:
        """The objects whose settings decide the size of a step, and the settings' names."""
        rate = self.model.learning_rate
        if has_trust_region(self.model):
            return [(self.model, ("target_kl",))]
        if isinstance(rate, AdaptiveRate):
            return [(self.model, ("target_kl", "clip_range")), (rate, ("desired_kl",))]
        return [(self.model, ("target_kl", "clip_range", "lr_schedule"))]

    def _on_training_end(self) -> None:
        unwrap_next_update(self.model)


def _scaled(owner: Any, names: tuple[str, ...], factor: float) -> dict[str, Any]:
    """Those of the settings that an object has, times a factor."""
    values = {name: vars(owner).get(name) for name in names}
    return {
        name: _ScaledSchedule(value, factor) if callable(value) else factor * value
        for name, value in values.items()
        if value is not None
    }


class _ScaledSchedule:
    """A schedule of SB3's kind times a factor."""

    def __init__(self, schedule: Callable[[float], float], factor: float) -> None:
        self.schedule = schedule
        self.factor = factor

    def __call__(self, progress_remaining: float) -> float:
        return self.factor * self.schedule(progress_remaining)
