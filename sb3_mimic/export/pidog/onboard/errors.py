"""Errors that end a run."""

from __future__ import annotations


class BadInputError(Exception):
    """A file or a number that cannot be used; status 2."""


class EmergencyStopError(Exception):
    """The robot must not go on; status 3."""
