"""Names: what they refer to, and errors for those that do not exist."""

import difflib
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from sb3_mimic.errors import InputError


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not registered.

    Args:
        kind: What the name should be, as "algorithm".
        name: The name given.
        known: The names there are.

    Returns:
        The error to raise, naming the nearest names and all of them.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return InputError(f"unknown {kind} {name!r}; {hint}there are {', '.join(names)}")


def load_object(reference: str) -> Any:
    """Imports what a ``module:name`` refers to."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
