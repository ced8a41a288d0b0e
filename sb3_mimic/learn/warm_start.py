"""From the clone to reinforcement learning without the collapse in between.

:func:`warm_start` gives callbacks of SB3's kind for any on-policy algorithm without memory; what
each part is for, and what it was measured to do, is in ``docs/handover.md``. What they change about
a model they change at the end of a rollout, for the update, and take back after it, whatever ends
it: a checkpoint, saved during a rollout, holds the settings of ordinary training.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch as th
from imitation.data.types import Trajectory
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.errors import InputError
from sb3_mimic.learn.algorithms import AdaptiveRate, LinearDecay
from sb3_mimic.learn.callbacks import AdaptiveRateCallback, NormalizerCallback
from sb3_mimic.learn.collapse import EPISODES, CollapseCallback, ended_returns
from sb3_mimic.learn.policies import is_critic_parameter, log_std_parameter
from sb3_mimic.learn.pretrain import demonstration_tensors
from sb3_mimic.learn.randomness import forked_randomness
from sb3_mimic.learn.tasks import CloningSettings, WarmStartSettings

# Updates of the critic before its explained variance is believed.
_LEAST_WARMUP = 2
# Adam's step size of a critic that learns by itself.
_CRITIC_RATE = 1e-3
# How the noise is lowered, and how far.
_LOG_STD_STEP, _LEAST_LOG_STD = 0.5, -5.0
# Parts of the best mean return with which the noise rises again, and below which it falls.
_KEPT_TO_RISE, _KEPT_TO_STAY = 0.7, 0.6


def warm_start(
    settings: WarmStartSettings | None = None,
    *,
    demonstrations: Sequence[Trajectory] = (),
    eval_env: VecEnv | None = None,
    cloning: CloningSettings | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> list[BaseCallback]:
    """The callbacks that carry a cloned policy into reinforcement learning.

    Args:
        settings: What they do.
        demonstrations: What was cloned, for further cloning between updates; without them there is
            none.
        eval_env: Environments to measure the clone in, apart from the training ones; without them
            there is no gate.
        cloning: The settings of cloning, whose batch and step size the further cloning goes by.
        seed: Seed of the order of demonstrations.
        say: Told, in a sentence, what was changed about the clone.

    Example:
        >>> from stable_baselines3 import PPO
        >>> model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64)
        >>> model.learn(128, callback=warm_start()).num_timesteps
        128
    """
    settings = settings or WarmStartSettings()
    cloning = cloning or CloningSettings()
    warmup = CriticWarmupCallback(settings.critic_rollouts, settings.explained_variance)
    # `fine_tune` has one as well, which does no harm; a plain `learn` has not.
    callbacks: list[BaseCallback] = [AdaptiveRateCallback(), warmup]
    if settings.gate > 0 and eval_env is not None:
        callbacks.append(NoiseGateCallback(eval_env, settings.gate, settings.gate_episodes, say))
        if settings.noise_step > 0:
            usual = cloning.log_std_bounds[0]
            callbacks.append(NoiseReturnCallback(usual, settings.noise_step, warmup))
    if settings.critic_epochs > 0:
        callbacks.append(CriticCallback(settings.critic_epochs, warmup, seed=seed))
    if settings.ramp_updates > 0:
        callbacks.append(RampCallback(settings.ramp_updates, settings.ramp_start, warmup))
    if settings.bc_weight > 0 and demonstrations:
        callbacks.append(
            CloningCallback(
                demonstrations,
                settings.bc_weight * cloning.learning_rate,
                settings.bc_decay,
                settings.bc_batches,
                cloning.batch_size,
                warmup,
                seed,
            )
        )
    if settings.update_normalizer:
        callbacks.append(NormalizerCallback())
    if settings.collapse > 0:
        callbacks.append(
            CollapseCallback(settings.collapse, settings.collapse_patience, eval_env, say)
        )
    return callbacks


def updates_done(model: OnPolicyAlgorithm) -> int:
    """Updates behind a model: rollouts that its environment steps make up."""
    return int(model.num_timesteps // (model.n_steps * model.n_envs))


def has_trust_region(model: OnPolicyAlgorithm) -> bool:
    """Whether the algorithm is one of TRPO's kind."""
    return hasattr(model, "line_search_max_iter")


class _Update:
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
        self.withdraw(self.model)
        try:
            self.model.train()
        finally:
            self.restore()

    @classmethod
    def withdraw(cls, model: OnPolicyAlgorithm) -> "_Update | None":
        """Makes a model's update its own again; gives what it was until now."""
        present = vars(model).get("train")
        if not isinstance(present, cls):
            return None
        del vars(model)["train"]
        return present


def _give_back(model: OnPolicyAlgorithm) -> None:
    """Gives back what was changed for an update that never came."""
    left = _Update.withdraw(model)
    if left is not None:
        left.restore()


class CriticWarmupCallback(BaseCallback):
    """Lets only the critic learn in the first updates, with PPO and TRPO alike.

    The actor stays bit for bit as it was. It works by what the algorithms offer, from a callback:

    - where gradients of one loss reach both (PPO, A2C), the actor's parameters ask for no gradient,
      and the learning rate is the critic's own;
    - TRPO asks for the actor's gradients by name, so its trust region is closed instead
      (``target_kl = 0``): the line search fails, the actor is reverted, the critic is trained.

    Both are set at the end of a rollout and taken back after the update, whatever ends it, so that
    a checkpoint, saved during a rollout, holds the settings of ordinary training.

    Args:
        n_rollouts: Number of updates with the critic alone, at most; 0 does nothing.
        explained_variance: The actor is freed sooner, after two updates at the earliest, when the
            critic explains this part of the variance of a rollout's returns; None: never sooner.
        learning_rate: Of PPO's kind in these updates: what suits an actor that must not move far,
            a hundredth of this, leaves the critic where it was. TRPO's learning rate is the
            critic's anyway.
        verbose: As SB3's.

    Attributes:
        warming: Whether the critic still learns alone.

    Raises:
        InputError: If ``n_rollouts`` is negative.
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
        self.warming = n_rollouts > 0
        self._n_done = 0
        self._usual: dict[str, Any] = {}
        self._frozen: list[Any] | None = None

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        _give_back(self.model)
        self._n_done = updates_done(self.model)
        self.warming = self._n_done < self.n_rollouts

    def _on_rollout_end(self) -> None:
        self.warming = self.warming and self._n_done < self.n_rollouts and not self._explains()
        self.logger.record("train/critic_only", float(self.warming))
        self._n_done += 1
        if self.warming:
            self._freeze_actor()
            _Update(self.model, self.restore)

    def _explains(self) -> bool:
        """Whether the critic, as it is, explains enough of the rollout just made."""
        if self.explained_variance is None or self._n_done < _LEAST_WARMUP:
            return False
        buffer = self.model.rollout_buffer
        explained = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
        return bool(explained >= self.explained_variance)

    def _on_training_end(self) -> None:
        self.restore()

    def restore(self) -> None:
        """Gives the actor back to the algorithm; does nothing where it has it already."""
        if self._frozen is None:
            return
        _Update.withdraw(self.model)
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        vars(self.model).update(self._usual)
        self._frozen = None

    def _freeze_actor(self) -> None:
        self._frozen = []
        if has_trust_region(self.model):
            self._exchange("target_kl", 0.0)
            return
        self._exchange("lr_schedule", lambda _: self.learning_rate)
        for name, parameter in self.model.policy.named_parameters():
            if parameter.requires_grad and not is_critic_parameter(name):
                parameter.requires_grad_(False)
                self._frozen.append(parameter)

    def _exchange(self, name: str, value: Any) -> None:
        """Gives the algorithm another setting until :meth:`restore`."""
        self._usual = {name: vars(self.model)[name]}
        vars(self.model)[name] = value


class CriticCallback(BaseCallback):
    """Lets the critic see each rollout a few times more, with an optimizer of its own.

    PPO's kind has one learning rate for both. What the actor of a sharp clone stands, moves the
    critic by next to nothing, and advantages by a critic that lags behind are noise. TRPO's kind
    has a learning rate for the critic alone, and is left as it is.

    Args:
        n_epochs: Passes over the rollout before each update.
        warmup: While it trains the critic alone, that is enough.
        learning_rate: Adam's step size; it falls to zero where the algorithm's does.
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
        if self._optimizer is None or self.warmup.warming:
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
                chosen = order[start : start + size]
                values = policy.predict_values(observations[chosen]).flatten()
                loss = th.nn.functional.mse_loss(values, returns[chosen])
                self._optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
        # Gradients that reached what the actor shares are not to be seen by the update.
        policy.zero_grad()
        policy.set_training_mode(False)

    def _share(self) -> float:
        """Part of the step size that is left."""
        remaining = float(self.model._current_progress_remaining)
        rate = self.model.learning_rate
        falls = isinstance(rate, LinearDecay) or getattr(rate, "linear_decay", False)
        return remaining if falls else 1.0


class NoiseGateCallback(BaseCallback):
    """Lowers a fresh clone's noise until it does nearly as well with it as without.

    What is explored is then about what the clone can do. Half a unit of the log standard deviation
    at a time, down to −5; a model that has been trained already is left alone.

    Args:
        eval_env: Environments to measure in, apart from the training ones.
        ratio: Part of the deterministic return that is to be kept. Of a negative return as much
            may be lost.
        n_episodes: Episodes over which either is measured.
        say: Told what was found.
        verbose: As SB3's.

    Attributes:
        passed: Whether the ratio was reached; None before it was tried.
        deterministic: Mean return without noise.
        stochastic: Mean returns with noise, one for each noise tried.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self,
        eval_env: VecEnv,
        ratio: float,
        n_episodes: int = 16,
        say: Callable[[str], None] = lambda _: None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.eval_env = eval_env
        self.ratio = ratio
        self.n_episodes = n_episodes
        self.say = say
        self.passed: bool | None = None
        self.deterministic = float("nan")
        self.stochastic: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        log_std = log_std_parameter(self.model.policy)
        if log_std is None or self.model.num_timesteps > 0:
            return
        with forked_randomness(), th.no_grad():
            self.deterministic = self._mean_return(deterministic=True)
            least = self.deterministic - (1 - self.ratio) * abs(self.deterministic)
            while True:
                self.stochastic.append(self._mean_return(deterministic=False))
                self.passed = self.stochastic[-1] >= least
                if self.passed or float(log_std.detach().max()) <= _LEAST_LOG_STD:
                    break
                log_std.copy_((log_std - _LOG_STD_STEP).clamp(min=_LEAST_LOG_STD))
        noise = float(log_std.detach().mean())
        self.logger.record("handover/deterministic_return", self.deterministic)
        self.logger.record("handover/stochastic_return", self.stochastic[-1])
        self.logger.record("handover/log_std", noise)
        self.say(
            f"noise: mean return {self.stochastic[-1]:.4g} with it, {self.deterministic:.4g} "
            f"without; log-std {noise:.2f} after {len(self.stochastic) - 1} reductions"
            + ("" if self.passed else ", which is the least")
        )

    def _mean_return(self, *, deterministic: bool) -> float:
        mean, _ = evaluate_policy(
            self.model,
            self.eval_env,
            n_eval_episodes=self.n_episodes,
            deterministic=deterministic,
            warn=False,
        )
        return float(np.mean(mean))


class NoiseReturnCallback(BaseCallback):
    """Gives exploration back what the gate took from it, as far as the policy stands it.

    What the gate leaves is safe and explores little: PPO's steps shrink with the noise, since their
    divergence grows as it falls. Whenever another 32 training episodes have ended, the noise rises
    a step if they keep .7 of the best mean return, and falls a step if they keep less than .6.

    Args:
        log_std: Log standard deviation of each action that is returned to; what is above it does
            not rise.
        step: What the log standard deviation changes by.
        warmup: While it trains the critic alone, the noise stays.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self, log_std: float, step: float, warmup: CriticWarmupCallback, verbose: int = 0
    ) -> None:
        super().__init__(verbose)
        self.log_std = log_std
        self.step = step
        self.warmup = warmup
        self._best = -np.inf
        self._returns: list[float] = []

    def _on_step(self) -> bool:
        self._returns += ended_returns(self.locals["infos"])
        return True

    def _on_rollout_start(self) -> None:
        log_std = log_std_parameter(self.model.policy)
        if self.warmup.warming or log_std is None or len(self._returns) < EPISODES:
            return
        mean = float(np.mean(self._returns))
        self._returns = []
        self._best = max(self._best, mean)
        lost = (self._best - mean) / abs(self._best) if self._best else 0.0
        with th.no_grad():
            if lost <= 1 - _KEPT_TO_RISE:
                log_std.add_((self.log_std - log_std).clamp(0, self.step))
            elif lost > 1 - _KEPT_TO_STAY:
                log_std.sub_(self.step).clamp_(min=_LEAST_LOG_STD)
        self.logger.record("handover/log_std", float(log_std.detach().mean()))


class _Scaled:
    """A schedule of SB3's kind times a factor."""

    def __init__(self, schedule: Callable[[float], float], factor: float) -> None:
        self.schedule = schedule
        self.factor = factor

    def __call__(self, progress_remaining: float) -> float:
        return self.factor * self.schedule(progress_remaining)


class RampCallback(BaseCallback):
    """Begins with small steps of the actor and lets them grow to their ordinary size.

    The critic has seen the clone's rollouts only. For PPO's kind learning rate, clip range and
    target KL are scaled, of an :class:`~sb3_mimic.learn.algorithms.AdaptiveRate` the divergence
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
        _give_back(self.model)
        self._n_done = max(0, updates_done(self.model) - self.warmup.n_rollouts)

    def _on_rollout_end(self) -> None:
        if self.warmup.warming or self._n_done >= self.n_updates:
            return
        factor = self.start + (1 - self.start) * self._n_done / self.n_updates
        self._n_done += 1
        self.logger.record("handover/step_size", factor)
        rate = self.model.learning_rate
        if has_trust_region(self.model):
            self._scale(self.model, ("target_kl",), factor)
        elif isinstance(rate, AdaptiveRate):
            self._scale(self.model, ("target_kl", "clip_range"), factor)
            self._scale(rate, ("desired_kl",), factor)
        else:
            self._scale(self.model, ("target_kl", "clip_range", "lr_schedule"), factor)
        _Update(self.model, self.restore)

    def _scale(self, owner: Any, names: Sequence[str], factor: float) -> None:
        """Makes settings smaller until :meth:`restore`."""
        for name in names:
            value = vars(owner).get(name)
            if value is not None:
                self._usual.append((owner, name, value))
                scaled = _Scaled(value, factor) if callable(value) else factor * value
                vars(owner)[name] = scaled

    def _on_training_end(self) -> None:
        self.restore()

    def restore(self) -> None:
        """Gives the algorithm its own settings back."""
        if not self._usual:
            return
        _Update.withdraw(self.model)
        for owner, name, value in self._usual:
            vars(owner)[name] = value
        self._usual = []


class CloningCallback(BaseCallback):
    """Goes on cloning a little between updates, less and less: what was cloned is not forgotten.

    An optimizer of its own moves the actor, not its noise. Its step size decays, since the weight
    of a loss alone would not change Adam's steps.

    Args:
        demonstrations: What was cloned.
        learning_rate: Adam's step size before the first update.
        decay: What it is multiplied by after each.
        n_batches: Batches between two updates.
        batch_size: Samples of each.
        warmup: While it trains the critic alone, nothing is cloned.
        seed: Decides which samples.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self,
        demonstrations: Sequence[Trajectory],
        learning_rate: float,
        decay: float,
        n_batches: int,
        batch_size: int,
        warmup: CriticWarmupCallback,
        seed: int = 0,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.demonstrations = demonstrations
        self.learning_rate = learning_rate
        self.decay = decay
        self.n_batches = n_batches
        self.batch_size = batch_size
        self.warmup = warmup
        self._generator = th.Generator().manual_seed(seed)
        self._samples: tuple[th.Tensor, th.Tensor] | None = None
        self._optimizer: th.optim.Optimizer | None = None
        self._n_done = 0

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        policy = self.model.policy
        self._samples = demonstration_tensors(self.demonstrations, self.model)
        noise = log_std_parameter(policy)
        actor = [
            parameter
            for name, parameter in policy.named_parameters()
            if parameter is not noise and not is_critic_parameter(name)
        ]
        self._optimizer = th.optim.Adam(actor, lr=self.learning_rate, fused=True)
        self._n_done = max(0, updates_done(self.model) - self.warmup.n_rollouts - 1)

    def _on_rollout_start(self) -> None:
        if self.warmup.warming or self._samples is None or self._optimizer is None:
            return
        observations, actions = self._samples
        policy = self.model.policy
        rate = self.learning_rate * self.decay**self._n_done
        self._n_done += 1
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        policy.set_training_mode(True)
        total = 0.0
        for _ in range(self.n_batches):
            chosen = th.randint(len(actions), (self.batch_size,), generator=self._generator)
            chosen = chosen.to(actions.device)
            predicted = policy.get_distribution(observations[chosen]).mode()
            loss = th.nn.functional.mse_loss(predicted, actions[chosen])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            total += float(loss.detach())
        policy.set_training_mode(False)
        self.logger.record("handover/cloning_error", total / self.n_batches)
