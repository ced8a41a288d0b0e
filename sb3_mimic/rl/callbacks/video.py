"""A recorder that is called every so many environment steps."""

from collections.abc import Callable
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback


class VideoCallback(BaseCallback):
    """Calls a recorder every so many environment steps.

    Args:
        record: Called with the model and the number of steps done.
        every: Environment steps between two calls, at least 1.
        verbose: As SB3's.
    """

    def __init__(self, record: Callable[[Any, int], None], every: int, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.record = record
        self.every = every
        self._next = every

    def _on_training_start(self) -> None:
        self._next = (self.num_timesteps // self.every + 1) * self.every

    def _on_step(self) -> bool:
        if self.num_timesteps >= self._next:
            self._next = (self.num_timesteps // self.every + 1) * self.every
            self.record(self.model, self.num_timesteps)
        return True
