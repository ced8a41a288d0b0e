"""The program that runs an exported policy on PiDog's own computer.

It needs NumPy, onnxruntime, Python 3.9 or newer and, of this package,
:mod:`sb3_mimic.envs.pidog.hardware`: ``sb3-mimic export --servo`` packs both into one file.
"""
