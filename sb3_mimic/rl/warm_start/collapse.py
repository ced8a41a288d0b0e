"""An early warning: training that loses what it had is stopped, and the best policy restored."""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, sync_envs_normalization

# Training episodes over which the return is averaged.
EPISODES = 32
# Episodes in which the present policy and the kept one are compared.
_TRIALS = 16


def episode_returns(infos: Iterable[Mapping[str, Any]]) -> list[float]:
    """Returns of the episodes that ended in a step, as SB3's monitors put them into ``infos``."""
    return [float(info["episode"]["r"]) for info in infos if "episode" in info]


def mean_return(
    model: OnPolicyAlgorithm, eval_env: VecEnv, n_episodes: int, *, deterministic: bool = True
) -> float:
    """Mean return in environments apart from the training ones.

    Args:
        model: With its training environments: as SB3's ``EvalCallback`` does, the statistics of a
            ``VecNormalize`` around them are taken over.
        eval_env: The environments.
        n_episodes: Number of episodes.
        deterministic: Whether actions are.
    """
    if model.get_vec_normalize_env() is not None:
        sync_envs_normalization(cast("VecEnv", model.get_env()), eval_env)
    mean, _ = evaluate_policy(
        model, eval_env, n_eval_episodes=n_episodes, deterministic=deterministic, warn=False
    )
    return float(np.mean(mean))


class CollapseCallback(BaseCallback):
    """Stops training when its return collapses, and restores the best policy so far.

    It goes by the returns of the training episodes, which cost nothing: SB3's ``Monitor`` or
    ``VecMonitor`` reports them. Without one the callback does nothing. It keeps the policy of the
    rollout in which the mean of the last 32 returns was best, and its optimizer.

    Args:
        max_drop: Part of the best mean return that may be lost.
        patience: Rollouts in a row in which more is lost, before it counts.
        eval_env: Environments in which the best policy and the present one are compared without
            noise, over 16 episodes each: training returns also fall where only exploration grew.
            None lets the training returns alone decide.
        log: Called with a message when it happens.
        verbose: As SB3's.

    Attributes:
        collapsed: Whether it happened.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self,
        max_drop: float = 0.5,
        patience: int = 5,
        eval_env: VecEnv | None = None,
        log: Callable[[str], None] = lambda _: None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.max_drop = max_drop
        self.patience = patience
        self.eval_env = eval_env
        self.log = log
        self._forget()

    def _forget(self) -> None:
        self.collapsed = False
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self._best = -np.inf
        self._best_weights: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._n_low = 0

    def _on_training_start(self) -> None:
        self._forget()  # the last training's, which may have been another model's

    def _on_step(self) -> bool:
        self._returns.extend(episode_returns(self.locals["infos"]))
        return not self.collapsed

    def _on_rollout_end(self) -> None:
        if len(self._returns) < EPISODES:
            return
        mean = float(np.mean(self._returns))
        policy = self.model.policy
        if mean > self._best:
            self._best = mean
            self._best_weights = copy.deepcopy((policy.state_dict(), policy.optimizer.state_dict()))
        self._n_low = self._n_low + 1 if mean < self._best - self.max_drop * abs(self._best) else 0
        if self._n_low < self.patience or self._best_weights is None:
            return
        if self.eval_env is not None and not self._is_worse(self.eval_env):
            self._best, self._best_weights, self._n_low = mean, None, 0
            return
        # The update that follows is made and then undone, when training ends at the next step.
        self.collapsed = True
        self.log(
            f"the mean return fell from {self._best:.4g} to {mean:.4g}: training stops, the best "
            "policy is restored"
        )

    def _is_worse(self, eval_env: VecEnv) -> bool:
        """Whether the present policy returns less than the kept one by the part, without noise."""
        policy = self.model.policy
        present = copy.deepcopy(policy.state_dict())
        now = self._mean_return(eval_env)
        policy.load_state_dict(self._best_weights[0] if self._best_weights is not None else present)
        kept = self._mean_return(eval_env)
        policy.load_state_dict(present)
        return now < kept - self.max_drop * abs(kept)

    def _mean_return(self, eval_env: VecEnv) -> float:
        return mean_return(self.model, eval_env, _TRIALS)

    def _on_training_end(self) -> None:
        if self.collapsed and self._best_weights is not None:
            weights, optimizer = self._best_weights
            self.model.policy.load_state_dict(weights)
            self.model.policy.optimizer.load_state_dict(optimizer)
