"""Public names of packages that are imported when they are first asked for (PEP 562)."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The module-level ``__getattr__`` of a package that imports its public names on first use.

    Args:
        package: The package's ``__name__``.
        modules: Public name, and the module that defines it.

    Example:
        >>> get = lazy_exports("sb3_mimic", {"load_motion": "sb3_mimic.motion"})
        >>> get("load_motion")("walk").name
        'walk'
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
