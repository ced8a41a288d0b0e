"""The built-in clips, fitted to published gait analysis; see ``tools/make_motions.py``."""
