"""Clips of the character on a robot: a map of bodies, a plan, inverse kinematics."""
