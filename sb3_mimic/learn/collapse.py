"""An early warning: training that loses what it had is stopped, and the best policy restored."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

# Training episodes over which the return is averaged.
_EPISODES = 32


def recent_return(model: OnPolicyAlgorithm) -> float | None:
    """Mean return of the last 32 training episodes; None before there are as many.

    As SB3's ``Monitor`` or ``VecMonitor`` reports them: without one it is None for good.
    """
    buffer = model.ep_info_buffer
    if buffer is None or len(buffer) < _EPISODES:
        return None
    return float(np.mean([episode["r"] for episode in list(buffer)[-_EPISODES:]]))


class CollapseCallback(BaseCallback):
    """Stops training when its return collapses, and restores the best policy so far.

    Looks at the training episodes themselves, so that it costs nothing: their returns as SB3's
    ``Monitor`` or ``VecMonitor`` reports them; without one it does nothing. The policy that is kept
    is that of the rollout in which the mean of the last 32 was best, its optimizer with it.

    Args:
        part: Part of the best mean return that may be lost.
        patience: Rollouts in a row in which more is lost, before it counts.
        say: Told when it happens.
        verbose: As SB3's.

    Attributes:
        collapsed: Whether it happened.
    """

    model: OnPolicyAlgorithm

    def __init__(
        self,
        part: float = 0.5,
        patience: int = 5,
        say: Callable[[str], None] = lambda _: None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.part = part
        self.patience = patience
        self.say = say
        self.collapsed = False
        self._best = -np.inf
        self._kept: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._n_low = 0

    def _on_step(self) -> bool:
        return not self.collapsed

    def _on_rollout_end(self) -> None:
        mean = recent_return(self.model)
        if mean is None:
            return
        policy = self.model.policy
        if mean > self._best:
            self._best = mean
            self._kept = copy.deepcopy((policy.state_dict(), policy.optimizer.state_dict()))
        self._n_low = self._n_low + 1 if mean < self._best - self.part * abs(self._best) else 0
        if self._n_low < self.patience or self._kept is None:
            return
        # The update that follows is made and then undone, when training ends at the next step.
        self.collapsed = True
        self.say(
            f"the mean return fell from {self._best:.4g} to {mean:.4g}: training stops, the best "
            "policy is restored"
        )

    def _on_training_end(self) -> None:
        if self.collapsed and self._kept is not None:
            weights, optimizer = self._kept
            self.model.policy.load_state_dict(weights)
            self.model.policy.optimizer.load_state_dict(optimizer)
