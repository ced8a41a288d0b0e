"""Behavior cloning, and the forward model that its loss can use."""
