"""Packages that only some commands need: the extras of the installation."""

from importlib.util import find_spec

from sb3_mimic.errors import InputError


def require(extra: str, *packages: str) -> None:
    """Checks that the packages of an extra are there.

    Args:
        extra: Name of the extra, as ``export``.
        *packages: What is to be imported from it.

    Raises:
        InputError: If one is not; it says how to get it.
    """
    for package in packages:
        try:
            found = find_spec(package) is not None
        except ValueError:  # in sys.modules, but without a spec
            found = False
        if not found:
            raise InputError(
                f"{package} is not installed, which this needs: pip install 'sb3-mimic[{extra}]'"
            )
