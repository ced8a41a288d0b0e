"""The versions that decide what a computation gives, to be kept beside its results."""

import importlib.metadata
import platform

_PACKAGES = (
    "sb3-mimic",
    "stable-baselines3",
    "sb3-contrib",
    "imitation",
    "gymnasium",
    "mujoco",
    "torch",
    "numpy",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run gives."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
