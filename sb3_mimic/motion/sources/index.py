"""Index of the motion files of a folder, without reading them whole.

Of a BVH file the header is read, of an AMC file its first and last frame number, DeepMimic's files
are small. The entries are kept in the user's cache folder by path, time of change and size, so
that a folder of thousands of files is listed at once the second time.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sb3_mimic.cache import cache_folder
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.formats.headers import Header, read_deepmimic_header
from sb3_mimic.motion.formats.registry import FORMATS, SKELETAL_FORMATS

#: Changes with the format of an entry.
_VERSION: Final = 1

_JSON_SUFFIXES: Final = (".txt", ".json")


@dataclass(frozen=True)
class MotionFile:
    """A motion file as its header has it.

    Attributes:
        path: Path below the folder, with forward slashes.
        format: "DeepMimic", "BVH", "AMC", or the suffix of a registered format.
        n_bytes: Size of the file.
        n_frames: Number of frames; None if the header does not say.
        fps: Frames per second; None if the file does not say, as AMC never does.
        loop: Whether the motion goes round; None if the format does not say.
        problem: What is wrong with the file, as far as its header shows; None if nothing is.
    """

    path: str
    format: str
    n_bytes: int
    n_frames: int | None = None
    fps: float | None = None
    loop: bool | None = None
    problem: str | None = None

    @property
    def duration(self) -> float | None:
        """Time from the first frame to the last [s]; None if not known."""
        if self.n_frames is None or self.fps is None:
            return None
        return (self.n_frames - 1) / self.fps


def index_folder(
    folder: str | Path, progress: Callable[[int, int], None] | None = None
) -> list[MotionFile]:
    """The motion files of a folder and the folders in it, by path.

    Text and JSON files that are no motions are left out. Links to folders are not followed.

    Args:
        folder: The folder.
        progress: Called with how many new files have been looked into, and how many there are.

    Returns:
        The files; one that cannot be a motion says so in ``problem``.

    Raises:
        InputError: If it is no folder, or cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    try:
        states = {path: (s.st_mtime_ns, s.st_size) for path, s in _walk(folder)}
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from error
    store = cache_folder() / "index" / f"{_key(folder)}.json"
    kept = _read(store)
    new = [path for path, state in states.items() if kept.get(path, [None])[0] != list(state)]
    for number, path in enumerate(new, 1):
        found = _inspect(folder / path, path, states[path][1])
        kept[path] = [list(states[path]), None if found is None else asdict(found)]
        if progress is not None:
            progress(number, len(new))
    if new or len(kept) > len(states):
        kept = {path: kept[path] for path in states}
        _write(store, kept)
    return [MotionFile(**kept[path][1]) for path in sorted(states) if kept[path][1] is not None]


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Files with the suffix of a motion, by their path below the folder."""
    suffixes = {*_JSON_SUFFIXES, *SKELETAL_FORMATS, *FORMATS}
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        pending.append(f"{path}/")
                elif Path(entry.name).suffix.lower() in suffixes:
                    try:
                        if entry.is_file():
                            yield path, entry.stat()
                    except OSError:  # a link in a circle: named where it is opened
                        yield path, entry.stat(follow_symlinks=False)


def _inspect(file: Path, path: str, n_bytes: int) -> MotionFile | None:
    """The entry of a file; None if it is no motion."""
    suffix = file.suffix.lower()
    name = suffix
    header: Header | None = Header()
    try:
        if suffix in SKELETAL_FORMATS:
            name = SKELETAL_FORMATS[suffix].name
            header = SKELETAL_FORMATS[suffix].read_header(file, n_bytes)
        elif suffix not in FORMATS:
            name = "DeepMimic"
            header = read_deepmimic_header(file, n_bytes)
    except OSError as error:
        header = Header(problem=f"cannot be read ({error.strerror or error})")
    return None if header is None else MotionFile(path, name, n_bytes, **asdict(header))


def _key(folder: Path) -> str:
    """Name of what is kept of a folder: registered formats decide what is looked for."""
    text = "\n".join([str(_VERSION), str(folder.resolve()), *sorted({*FORMATS, *SKELETAL_FORMATS})])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(store: Path) -> dict[str, Any]:
    """The stored entries; empty if there are none, or the store is damaged."""
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        kept: dict[str, Any] = json.loads(store.read_bytes())
        for state, found in kept.values():
            len(state)
            if found is not None:
                MotionFile(**found)
        return kept
    return {}


def _write(store: Path, kept: dict[str, Any]) -> None:
    """Stores the entries where that is possible."""
    with suppress(OSError, UnicodeError), atomic_path(store) as temporary:
        temporary.write_text(json.dumps(kept), encoding="utf-8")
