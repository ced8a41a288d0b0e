"""A callback that lowers exploration noise in the later part of a training."""

import torch as th
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.policies.parameters import log_std_parameter
from sb3_mimic.rl.sb3_hooks import get_total_timesteps


class NoiseCeilingCallback(BaseCallback):
    """Lowers exploration noise in the later part of a training, by a ceiling that falls evenly.

    PPO and TRPO hardly move the noise themselves. Under constant noise a policy that could perform
    the whole motion learns from the falls that the noise causes. Early in training it needs the
    noise.

    Args:
        first: The ceiling of the log standard deviation where it begins to fall.
        last: At the end.
        begin: Part of the training without a ceiling.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(self, first: float, last: float, begin: float = 0.4, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.first = first
        self.last = last
        self.begin = begin

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        log_std = log_std_parameter(self.model.policy)
        done = self.model.num_timesteps / get_total_timesteps(self.model)
        if log_std is None or done < self.begin:
            return
        fallen = (done - self.begin) / (1 - self.begin)
        with th.no_grad():
            log_std.clamp_(max=self.first + (self.last - self.first) * fallen)
