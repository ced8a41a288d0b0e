"""The DeepMimic-style humanoid."""

from sb3_mimic.envs.humanoid.robot import HUMANOID, HumanoidMimicEnv, load_humanoid

__all__ = ["HUMANOID", "HumanoidMimicEnv", "load_humanoid"]
