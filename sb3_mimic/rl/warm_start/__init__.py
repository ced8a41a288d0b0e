"""The warm start of reinforcement learning from a clone, which does not collapse on the way.

The handover from cloning to reinforcement learning, as the command's ``--handover`` and
``docs/handover.md`` call it, is done by a warm start: :func:`warm_start` gives callbacks of SB3's
kind for any on-policy algorithm without memory. The page tells the purpose of each part and its
measured effect. Settings that a callback changes for an update are restored whatever ends it: a
model that is saved before or after holds the settings of ordinary training.
"""

from collections.abc import Callable, Sequence

from imitation.data.types import Trajectory
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.rl.callbacks import AdaptiveRateCallback, NormalizerCallback
from sb3_mimic.rl.warm_start.cloning import CloningCallback
from sb3_mimic.rl.warm_start.collapse import CollapseCallback
from sb3_mimic.rl.warm_start.critic import CriticCallback, CriticWarmupCallback
from sb3_mimic.rl.warm_start.noise import ExplorationRecoveryCallback, NoiseGateCallback
from sb3_mimic.rl.warm_start.ramp import RampCallback
from sb3_mimic.tasks import CloningSettings, WarmStartSettings

__all__ = [
    "CloningCallback",
    "CollapseCallback",
    "CriticCallback",
    "CriticWarmupCallback",
    "ExplorationRecoveryCallback",
    "NoiseGateCallback",
    "RampCallback",
    "warm_start",
]


def warm_start(
    settings: WarmStartSettings | None = None,
    *,
    demonstrations: Sequence[Trajectory] = (),
    eval_env: VecEnv | None = None,
    cloning: CloningSettings | None = None,
    seed: int = 0,
    log: Callable[[str], None] = lambda _: None,
) -> list[BaseCallback]:
    """The callbacks that carry a cloned policy into reinforcement learning.

    Args:
        settings: Parts of the warm start and their sizes.
        demonstrations: The demonstrations that were cloned, for further cloning between updates;
            without them there is none.
        eval_env: Environments to measure the clone in, apart from the training ones; without them
            there is no gate.
        cloning: The settings of cloning, whose batch and step size the further cloning goes by.
        seed: Seed of the order of demonstrations.
        log: Called with a message for each change of the clone.

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
        callbacks.append(NoiseGateCallback(eval_env, settings.gate, settings.gate_episodes, log))
        if settings.noise_step > 0:
            usual = cloning.log_std_bounds[0]
            callbacks.append(ExplorationRecoveryCallback(usual, settings.noise_step, warmup))
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
            CollapseCallback(settings.collapse, settings.collapse_patience, eval_env, log)
        )
    return callbacks
