"""Unitree G1."""

from sb3_mimic.envs.g1.robot import G1, G1MimicEnv

__all__ = ["G1", "G1MimicEnv"]
