"""A callback that leaves the cores to physics in rollouts, and to PyTorch in updates."""

import torch as th
from stable_baselines3.common.callbacks import BaseCallback

from sb3_mimic.policies.threads import count_useful_threads


class ThreadsCallback(BaseCallback):
    """Leaves the cores to physics in rollouts, and to PyTorch in updates.

    PyTorch has one thread while environments step. While it learns, it has as many of its former
    threads as the network can use; see :mod:`sb3_mimic.policies.threads`.

    Args:
        verbose: As SB3's.
    """

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._n_threads = th.get_num_threads()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        th.set_num_threads(1)

    def _on_rollout_end(self) -> None:
        th.set_num_threads(count_useful_threads(self.model.policy, self._n_threads))

    def _on_training_end(self) -> None:
        th.set_num_threads(self._n_threads)
