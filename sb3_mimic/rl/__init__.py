"""Reinforcement learning: algorithms, fine-tuning, callbacks, warm start, DAgger, GAIL and AIRL."""
