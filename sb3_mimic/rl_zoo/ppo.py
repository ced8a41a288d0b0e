"""Settings of PPO for RL Zoo's ``--conf-file``."""

from sb3_mimic.rl_zoo import settings

hyperparams = settings("ppo")
