"""Behavior cloning, the handover to PPO or TRPO, fine-tuning and evaluation."""
