"""Names: what they refer to, and errors for those that do not exist."""

import difflib
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
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


def without_module(name: str) -> str:
    """A name without the ``module:`` in front of it."""
    return name.rpartition(":")[2]


def import_user_module(name: str, origin: str) -> ModuleType:
    """Imports a module that a user names; it is also looked for in the working directory.

    Args:
        name: Name of the module.
        origin: Where it was named, for the error, as ``--callback mine:make``.

    Raises:
        InputError: If there is no such module.
    """
    here = os.getcwd()  # noqa: PTH109 - an entry of sys.path is a string
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(f"{origin}: there is no module {error.name!r}") from error
