"""Callbacks that train the critic: alone at first, and later by a few steps of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch as th
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.utils import explained_variance

from sb3_mimic.errors import InputError
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.rl.algorithms import check_on_policy
from sb3_mimic.rl.callbacks import adapt_rate
from sb3_mimic.rl.sb3_hooks import (
    count_updates,
    get_progress_remaining,
    has_trust_region,
    train_critic_only,
    unwrap_next_update,
    wrap_next_update,
)

# Updates of the critic before its explained variance is believed.
_LEAST_WARMUP = 2
# Adam's step size of a critic that learns by itself.
_CRITIC_RATE = 1e-3


class CriticWarmupCallback(BaseCallback):
    """Lets only the critic learn in the first updates, with PPO and TRPO alike.

    The actor stays bit for bit as it was; see `sb3_mimic.rl.sb3_hooks.train_critic_only`.

    Args:
        n_rollouts: Number of updates with the critic alone, at most; 0 does nothing.
        explained_variance: The actor is freed sooner, after two updates at the earliest, when the
            critic explains this part of the variance of a rollout's returns; None: never sooner.
        learning_rate: Learning rate of algorithms of PPO's kind in these updates. A rate that suits
            an actor that must not move far, a hundredth of this, leaves the critic where it was.
            TRPO's learning rate is the critic's anyway.
        verbose: As SB3's.

    Attributes:
        critic_only: Whether the critic still learns alone.

    Raises:
        InputError: If ``n_rollouts`` is negative; when training starts, if the algorithm is not
            on-policy.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self,
        n_rollouts: int,
        explained_variance: float | None = None,
        learning_rate: float = _CRITIC_RATE,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        if n_rollouts < 0:
            raise InputError(f"the number of critic warm-ups must not be negative: {n_rollouts}")
        self.n_rollouts = n_rollouts
        self.explained_variance = explained_variance
        self.learning_rate = learning_rate
        self.critic_only = n_rollouts > 0
        self._n_done = 0

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        check_on_policy(self.model, "a warm start")
        unwrap_next_update(self.model)
        self._n_done = count_updates(self.model)
        self.critic_only = self._n_done < self.n_rollouts

    def _on_rollout_end(self) -> None:
        self.critic_only = (
            self.critic_only and self._n_done < self.n_rollouts and not self._explains()
        )
        self.logger.record("train/critic_only", float(self.critic_only))
        self._n_done += 1
        if self.critic_only:
            wrap_next_update(self.model, self._train_critic_only)

    def _explains(self) -> bool:
        """Whether the critic, as it is, explains enough of the rollout just made."""
        if self.explained_variance is None or self._n_done < _LEAST_WARMUP:
            return False
        buffer = self.model.rollout_buffer
        explained = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        return bool(explained >= self.explained_variance)

    def _on_training_end(self) -> None:
        unwrap_next_update(self.model)

    @contextmanager
    def _train_critic_only(self) -> Iterator[None]:
        with train_critic_only(self.model, self.learning_rate):
            yield
            adapt_rate(self.model)


class CriticCallback(BaseCallback):
    """Lets the critic see each rollout a few times more, with an optimizer of its own.

    Algorithms of PPO's kind have one learning rate for both. A learning rate small enough for the
    actor of a sharp clone is too small for the critic, and advantages by a critic that lags behind
    are noise. TRPO's kind has a learning rate for the critic alone, and is left as it is.

    Args:
        n_epochs: Passes over the rollout before each update.
        warmup: While it trains the critic alone, that is enough.
        learning_rate: Adam's step size at first; it falls as the algorithm's does.
        seed: Decides the order of the samples.
        verbose: As SB3's.

    Raises:
        InputError: When training starts, if observations are dictionaries or the policy has memory.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self,
        n_epochs: int,
        warmup: CriticWarmupCallback,
        learning_rate: float = _CRITIC_RATE,
        seed: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.n_epochs = n_epochs
        self.warmup = warmup
        self.learning_rate = learning_rate
        self._generator = th.Generator().manual_seed(seed)
        self._optimizer: th.optim.Optimizer | None = None

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        buffer = self.model.rollout_buffer
        if isinstance(buffer, DictRolloutBuffer) or hasattr(buffer, "hidden_states_pi"):
            raise InputError(
                "the critic's own steps need observations that are one array, and a policy without "
                "memory; leave them out with WarmStartSettings(critic_epochs=0)"
            )
        if not has_trust_region(self.model):
            named = self.model.policy.named_parameters()
            critic = [parameter for name, parameter in named if is_critic_parameter(name)]
            self._optimizer = th.optim.Adam(critic, lr=self.learning_rate, fused=True)

    def _on_rollout_end(self) -> None:
        if self._optimizer is None or self.warmup.critic_only:
            return
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate * self._share()
        policy, buffer = self.model.policy, self.model.rollout_buffer
        device = policy.device
        space = buffer.observations.shape[2:]
        observations = th.as_tensor(buffer.observations.reshape(-1, *space), device=device)
        returns = th.as_tensor(buffer.returns.reshape(-1), device=device)
        size = getattr(self.model, "batch_size", len(returns))
        policy.set_training_mode(True)
        for _ in range(self.n_epochs):
            order = th.randperm(len(returns), generator=self._generator).to(device)
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                values = policy.predict_values(observations[batch]).flatten()
                loss = th.nn.functional.mse_loss(values, returns[batch])
                self._optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
        # Gradients that reached what the actor shares are not to be seen by the update.
        policy.zero_grad()
        policy.set_training_mode(False)

    def _share(self) -> float:
        """Part of the step size that is left, by the algorithm's schedule."""
        schedule = self.model.lr_schedule
        first = schedule(1.0)
        return schedule(get_progress_remaining(self.model)) / first if first > 0 else 1.0
