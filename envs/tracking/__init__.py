"""Tracking: robots that imitate motion clips."""
