"""File formats of motion, and the registry of their readers by suffix.

DeepMimic's JSON has no suffix of its own: it is what a file without a registered one is read as.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip

#: What reads a file: its path in, a clip of the humanoid out. It converts to z-up, meters and
#: radians, and raises `InputError` for what is no motion.
Reader = Callable[[Path], MotionClip]

#: Suffix in lower case, with its dot -> reader, or ``module:function`` imported when first used.
FORMATS: dict[str, Reader | str] = {
    ".amc": "sb3_mimic.motion.retarget.load:read_retargeted",
    ".bvh": "sb3_mimic.motion.retarget.load:read_retargeted",
}


def register_format(suffix: str, reader: Reader | str) -> None:
    """Makes files of a suffix motions, or replaces what reads them.

    From then on `load_motion`, and so every function and command that takes a motion, takes them.

    Args:
        suffix: With its dot, as ``".bvh"``; upper and lower case are the same.
        reader: Gives a clip of the humanoid for the path of a file; or ``module:function``.

    Raises:
        InputError: If the suffix is none.

    Example:
        >>> from sb3_mimic.motion import load_motion
        >>> register_format(".link", lambda path: load_motion(path.read_text().strip()))
        >>> sorted(FORMATS)[-1]
        '.link'
        >>> del FORMATS[".link"]
    """
    if len(suffix) < 2 or Path(f"clip{suffix}").suffix != suffix:
        raise InputError(f"suffix {suffix!r} of a motion format must be like '.bvh'")
    FORMATS[suffix.lower()] = reader


def find_reader(path: Path) -> Reader | None:
    """The reader registered for a file's suffix; None where there is none."""
    reader = FORMATS.get(path.suffix.lower())
    if isinstance(reader, str):
        module, _, function = reader.partition(":")
        loaded: Reader = getattr(import_module(module), function)
        return loaded
    return reader
