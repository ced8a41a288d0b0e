"""Motions by name or path."""

import difflib
import re
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.formats import find_reader
from sb3_mimic.motion.formats.deepmimic.character import read_deepmimic
from sb3_mimic.motion.info import MotionInfo, motion_info
from sb3_mimic.motion.sources.sets import find_set, known_sets

#: ``set:name``; a drive letter is no set.
_SET_AND_NAME: Final = re.compile(r"(?P<set>[A-Za-z][\w-]+):(?P<name>[^/\\:]+)")

#: Suffixes of motion files of other formats, named in the message that refuses them.
_OTHER_FORMATS: Final = {".asf": "ASF", ".fbx": "FBX", ".c3d": "C3D"}


def builtin_names() -> tuple[str, ...]:
    """Names of the clips that come with the package, in alphabetical order."""
    entries = files("sb3_mimic.assets").joinpath("motions").iterdir()
    return tuple(
        sorted(entry.name.removesuffix(".txt") for entry in entries if entry.name.endswith(".txt"))
    )


def load_motion(name_or_path: str | Path) -> MotionClip:
    """Loads a built-in clip, one of a fetched set, or a motion file.

    A name without folder and suffix is a built-in clip ("walk"); "./walk" is the file. A name with
    its set is one that `sb3-mimic motions fetch` brought ("deepmimic:walk", "cmu:02_01").

    Args:
        name_or_path: Name of a built-in clip, ``set:name``, or path of a file: DeepMimic's
            character, a BVH or AMC file, which is put on the character (``retarget``), or one of a
            format given to `register_format`.

    Returns:
        The clip as in the file (see ``close_loop`` for loops whose ends do not meet).

    Raises:
        InputError: For a name that is not known (with the nearest that are), a clip that was not
            fetched yet, a path where there is no file, a file format that is not supported, or a
            file that is not as it should be.

    Example:
        >>> from sb3_mimic.motion import load_motion
        >>> load_motion("walk").name
        'walk'
    """
    text = str(name_or_path)
    if text in builtin_names():
        with as_file(files("sb3_mimic.assets").joinpath("motions", f"{text}.txt")) as builtin:
            return replace(read_deepmimic(builtin), source="built-in")
    path = motion_path(text)
    if reader := find_reader(path):
        return reader(path)
    suffix = path.suffix.lower()
    if suffix in _OTHER_FORMATS:
        raise InputError(
            f"{text}: {_OTHER_FORMATS[suffix]} files are no motions that can be read; give a BVH "
            "or AMC file, or a DeepMimic motion (JSON, usually humanoid3d_*.txt)"
        )
    return read_deepmimic(path)


def motion_path(name_or_path: str | Path) -> Path:
    """The file of a motion that is not built in.

    Args:
        name_or_path: Path of a file, or ``set:name``.

    Raises:
        InputError: If it is neither (with the nearest names), or the clip was not fetched yet.
    """
    text = str(name_or_path)
    path = Path(name_or_path)
    known = builtin_names()
    if path.is_file():
        return path
    if path.is_dir():
        raise InputError(f"{text}: is a folder; give a motion file or one of: {', '.join(known)}")
    if named := _SET_AND_NAME.fullmatch(text):
        motions = find_set(named["set"])
        path = motions.path_of(named["name"])
        if not path.is_file():
            raise InputError(
                f"{text} is not on this machine; "
                f"`sb3-mimic motions fetch {motions.name} {named['name']}` brings it"
            )
        return path
    if path.suffix or path.parent != Path() or text.startswith("."):
        raise InputError(f"{text}: there is no such motion file")
    fetched = [f"{name}:{clip}" for name, s in known_sets().items() for clip in s.clips]
    named_like = {key.rpartition(":")[2].lower(): key for key in (*fetched, *known)}
    close = difflib.get_close_matches(text.lower(), named_like, n=3, cutoff=0.5)
    near = [named_like[key] for key in close]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise InputError(
        f"unknown motion {text!r}.{hint} Built-in motions: {', '.join(known)}; "
        "or give the path of a motion file, or set:name of a fetched one (sb3-mimic motions list)"
    )


def list_motions() -> list[MotionInfo]:
    """Summaries of the built-in clips, by name."""
    return [motion_info(load_motion(name)) for name in builtin_names()]
