"""This package's settings as RL Zoo's: ``--conf-file sb3_mimic.rl_zoo.ppo``, or ``.trpo``.

Always those of the tasks' registry. What differs is what RL Zoo has its own way for: observations
are normalized by its ``VecNormalize`` and not within the policy, and a learning rate adapts to
nothing, so that where it would, the one that it begins with is named.
"""

from typing import Any

from sb3_mimic.policies.normalizer import ACTIVATIONS
from sb3_mimic.rl.algorithms import AdaptiveRate
from sb3_mimic.tasks import TASKS


def settings(algo: str) -> dict[str, dict[str, Any]]:
    """Hyperparameters of an algorithm for every registered environment, as RL Zoo reads them.

    Args:
        algo: A registered name, as ``ppo``.
    """
    found = {}
    for task in TASKS.values():
        chosen = task.hyperparameters_for(algo)
        sizes = list(chosen.hidden_sizes)
        start = 1.0 if chosen.desired_kl is None else AdaptiveRate.start
        rate = start * chosen.learning_rate
        found[task.env_id] = {
            "n_envs": chosen.n_envs,
            "n_timesteps": task.n_rl_timesteps,
            "policy": "MlpPolicy",
            "normalize": {"norm_obs": True, "norm_reward": False},
            "n_steps": chosen.n_steps,
            "batch_size": chosen.batch_size,
            "learning_rate": f"lin_{rate}" if chosen.linear_decay else rate,
            "gamma": chosen.gamma,
            "gae_lambda": chosen.gae_lambda,
            "policy_kwargs": {
                "net_arch": {"pi": sizes, "vf": sizes},
                "activation_fn": ACTIVATIONS[chosen.activation],
                "log_std_init": chosen.log_std_init,
            },
            **chosen.extra,
        }
    return found
