"""The user's cache folder: what can be made or fetched again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$SB3_MIMIC_CACHE``, else ``sb3-mimic`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("SB3_MIMIC_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sb3-mimic"
