"""Policies as files that run without Stable-Baselines3: ONNX and TorchScript.

The observation's normalizer and the clipping of actions are inside the graph, what an observation
and an action mean is written into the file, and no file is written whose actions are not those of
SB3's ``predict``.
"""
