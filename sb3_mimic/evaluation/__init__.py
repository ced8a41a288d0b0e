"""Evaluation: episodes side by side, the protocol, pushes and disturbed starts."""
