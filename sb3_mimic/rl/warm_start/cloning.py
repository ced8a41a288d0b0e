"""Further cloning between the updates of reinforcement learning."""

from collections.abc import Sequence

import torch as th
from imitation.data.types import Trajectory
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.cloning.samples import demonstration_tensors
from sb3_mimic.policies.parameters import is_critic_parameter, log_std_parameter
from sb3_mimic.rl.sb3_hooks import count_updates
from sb3_mimic.rl.warm_start.critic import CriticWarmupCallback


class CloningCallback(BaseCallback):
    """Clones a little between updates, less and less, so that the clone's skill is not forgotten.

    An optimizer of its own moves the actor, not its noise. Its step size decays, since the weight
    of a loss alone would not change Adam's steps.

    Args:
        demonstrations: The demonstrations that were cloned.
        learning_rate: Adam's step size before the first update.
        decay: Factor of the step size after each update.
        n_batches: Batches between two updates.
        batch_size: Samples of each.
        warmup: While it trains the critic alone, nothing is cloned.
        seed: Decides which samples.
        verbose: As SB3's.

    Raises:
        InputError: When training starts, if the demonstrations do not fit the model.
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
        self._n_done = max(0, count_updates(self.model) - self.warmup.n_rollouts - 1)

    def _on_rollout_start(self) -> None:
        if self.warmup.critic_only or self._samples is None or self._optimizer is None:
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
            batch = th.randint(len(actions), (self.batch_size,), generator=self._generator)
            batch = batch.to(actions.device)
            predicted = policy.get_distribution(observations[batch]).mode()
            loss = th.nn.functional.mse_loss(predicted, actions[batch])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            total += float(loss.detach())
        policy.set_training_mode(False)
        self.logger.record("handover/cloning_error", total / self.n_batches)
