"""Callbacks that users name on the command line."""

import os
import sys
from importlib import import_module

from stable_baselines3.common.callbacks import BaseCallback

from sb3_mimic.errors import InputError


def load_callback(spec: str) -> BaseCallback:
    """Makes a user's callback.

    Args:
        spec: ``module:factory``; the factory is called without arguments. Modules are also looked
            for in the working directory.

    Raises:
        InputError: If there is no such factory, or it gives no SB3 callback.
    """
    module_name, colon, factory_name = spec.partition(":")
    if not (module_name and colon and factory_name):
        raise InputError(f"--callback {spec!r} must be module:factory")
    here = os.getcwd()  # noqa: PTH109 - an entry of sys.path is a string
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        factory = getattr(import_module(module_name), factory_name)
    except ModuleNotFoundError as error:
        raise InputError(f"--callback {spec!r}: there is no module {error.name!r}") from error
    except AttributeError as error:
        raise InputError(
            f"--callback {spec!r}: module {module_name!r} has no {factory_name!r}"
        ) from error
    callback = factory()
    if not isinstance(callback, BaseCallback):
        raise InputError(
            f"--callback {spec!r} gave a {type(callback).__name__}, not a callback of SB3's kind"
        )
    return callback
