"""The trained policies that come with the package, as run folders. Light: no torch."""

from importlib.resources import files
from pathlib import Path


def shipped_names() -> tuple[str, ...]:
    """Names of the policies that come with the package, in alphabetical order."""
    return tuple(sorted(config.parent.name for config in _folder().glob("*/config.yaml")))


def resolve_run_path(path: Path) -> Path:
    """The run folder of a policy that comes with the package, for its name; else the path itself.

    What lies here under that name comes first.
    """
    is_name = len(path.parts) == 1 and not path.exists() and str(path) in shipped_names()
    return _folder() / path if is_name else path


def _folder() -> Path:
    return Path(str(files("sb3_mimic.assets"))) / "policies"
