"""Callbacks that users name on the command line."""

from stable_baselines3.common.callbacks import BaseCallback

from sb3_mimic.errors import InputError
from sb3_mimic.names import import_user_module


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
    module = import_user_module(module_name, f"--callback {spec!r}")
    try:
        factory = getattr(module, factory_name)
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
