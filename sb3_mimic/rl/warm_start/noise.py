"""Callbacks that lower a clone's noise until its samples are nearly as good, and raise it again."""

from collections.abc import Callable

import numpy as np
import torch as th
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.policies.parameters import log_std_parameter
from sb3_mimic.policies.randomness import fork_randomness
from sb3_mimic.rl.sb3_hooks import count_train_calls
from sb3_mimic.rl.warm_start.collapse import EPISODES, episode_returns, mean_return
from sb3_mimic.rl.warm_start.critic import CriticWarmupCallback

# The log standard deviation falls by the first at a time, and not below the second.
_LOG_STD_STEP, _LEAST_LOG_STD = 0.5, -5.0
# Parts of the best mean return with which the noise rises again, and below which it falls.
_SHARE_TO_RISE, _SHARE_TO_STAY = 0.7, 0.6


class NoiseGateCallback(BaseCallback):
    """Lowers a fresh clone's noise until it does nearly as well with it as without.

    Exploration then stays near the clone's behavior. The log standard deviation falls by 0.5 at a
    time, down to −5. A model that has been trained already is left alone.

    Args:
        eval_env: Environments to measure in, apart from the training ones.
        ratio: Part of the deterministic return that is to be kept. Of a negative return as much
            may be lost.
        n_episodes: Episodes over which either is measured.
        log: Called with a message about the result.
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
        log: Callable[[str], None] = lambda _: None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.eval_env = eval_env
        self.ratio = ratio
        self.n_episodes = n_episodes
        self.log = log
        self.passed: bool | None = None
        self.deterministic = float("nan")
        self.stochastic: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        log_std = log_std_parameter(self.model.policy)
        if log_std is None or count_train_calls(self.model) > 0:
            return
        with fork_randomness(), th.no_grad():
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
        self.log(
            f"noise: mean return {self.stochastic[-1]:.4g} with it, {self.deterministic:.4g} "
            f"without; log-std {noise:.2f} after {len(self.stochastic) - 1} reductions"
            + ("" if self.passed else ", which is the least")
        )

    def _mean_return(self, *, deterministic: bool) -> float:
        return mean_return(self.model, self.eval_env, self.n_episodes, deterministic=deterministic)


class ExplorationRecoveryCallback(BaseCallback):
    """Raises the noise again that the gate lowered, as far as the policy withstands it.

    The gate leaves a noise that is safe and explores little: PPO's steps shrink with the noise,
    since their divergence grows as it falls. Whenever another 32 training episodes have ended, the
    noise rises a step if they keep 0.7 of the best mean return, and falls a step if they keep less
    than 0.6.

    Args:
        log_std: Log standard deviation of each action up to which the noise rises; noise above it
            does not rise.
        step: Change of the log standard deviation in a step.
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
        self._forget()

    def _forget(self) -> None:
        self._best = -np.inf
        self._returns: list[float] = []

    def _on_training_start(self) -> None:
        self._forget()  # the last training's, which may have been another model's

    def _on_step(self) -> bool:
        self._returns += episode_returns(self.locals["infos"])
        return True

    def _on_rollout_start(self) -> None:
        log_std = log_std_parameter(self.model.policy)
        if self.warmup.critic_only or log_std is None or len(self._returns) < EPISODES:
            return
        mean = float(np.mean(self._returns))
        self._returns = []
        self._best = max(self._best, mean)
        lost = (self._best - mean) / abs(self._best) if self._best else 0.0
        with th.no_grad():
            if lost <= 1 - _SHARE_TO_RISE:
                log_std.add_((self.log_std - log_std).clamp(0, self.step))
            elif lost > 1 - _SHARE_TO_STAY:
                log_std.sub_(self.step).clamp_(min=_LEAST_LOG_STD)
        self.logger.record("handover/log_std", float(log_std.detach().mean()))
