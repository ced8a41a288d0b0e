"""What motion files a folder holds, without reading them whole.

Of a BVH file the header is read, of an AMC file its first and last frame number, DeepMimic's files
are small. What was found is kept in the user's cache folder by path, time of change and size, so
that a folder of thousands of files is listed at once the second time.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sb3_mimic.cache import cache_folder
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.formats import FORMATS

#: Changes when what is kept of a file does.
_VERSION: Final = 1

#: The most that is read of a file: a header, its last lines, a JSON document [bytes].
_HEAD: Final = 1 << 20
_TAIL: Final = 1 << 16
_DOCUMENT: Final = 1 << 26

_JSON_SUFFIXES: Final = (".txt", ".json")
_FRAME_NUMBER: Final = re.compile(rb"^[ \t]*(\d+)[ \t]*\r?$", re.MULTILINE)
_BVH_FRAMES: Final = re.compile(rb"^[ \t]*Frames:[ \t]*(\d+)", re.MULTILINE)
_BVH_TIME: Final = re.compile(rb"^[ \t]*Frame Time:[ \t]*([-+.\deE]+)", re.MULTILINE)


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
        found = _look(folder / path, path, states[path][1])
        kept[path] = [list(states[path]), None if found is None else asdict(found)]
        if progress is not None:
            progress(number, len(new))
    if new or len(kept) > len(states):
        kept = {path: kept[path] for path in states}
        _write(store, kept)
    return [MotionFile(**kept[path][1]) for path in sorted(states) if kept[path][1] is not None]


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Files with the suffix of a motion, by their path below the folder."""
    suffixes = {*_JSON_SUFFIXES, ".bvh", ".amc", *FORMATS}
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


def _look(file: Path, path: str, n_bytes: int) -> MotionFile | None:
    """What a file says about itself; None if it is no motion."""
    suffix = file.suffix.lower()
    look: Callable[[Path, int], dict[str, Any] | None]
    if suffix in _JSON_SUFFIXES:
        name, look = "DeepMimic", _look_deepmimic
    elif suffix in (".bvh", ".amc"):
        name, look = suffix[1:].upper(), _look_bvh if suffix == ".bvh" else _look_amc
    else:
        return MotionFile(path, suffix, n_bytes)
    try:
        said = look(file, n_bytes)
    except OSError as error:
        said = {"problem": f"cannot be read ({error.strerror or error})"}
    return None if said is None else MotionFile(path, name, n_bytes, **said)


def _look_deepmimic(file: Path, n_bytes: int) -> dict[str, Any] | None:
    if n_bytes > _DOCUMENT:
        return {"problem": f"{n_bytes:,} bytes, too large to look into"}
    content = file.read_bytes()
    if b'"Frames"' not in content:
        return None
    try:
        document = json.loads(content)
        durations = np.array([row[0] for row in document["Frames"]], dtype=np.float64)
        loop = {"wrap": True, "none": False}[document["Loop"]]
        seconds = float(durations[:-1].sum())
        if len(durations) < 2 or not 0 < seconds < np.inf:
            return {"problem": "needs at least 2 frames of positive duration"}
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return {"problem": "not a DeepMimic motion, or truncated"}
    return {"n_frames": len(durations), "fps": (len(durations) - 1) / seconds, "loop": loop}


def _look_bvh(file: Path, _: int) -> dict[str, Any]:
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    count, time = _BVH_FRAMES.search(head), _BVH_TIME.search(head)
    if count is None or time is None:
        return {"problem": "no Frames and Frame Time in its header"}
    try:
        seconds = float(time[1])
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < np.inf or int(count[1]) < 1:
        return {"problem": "no frames, or a Frame Time that is not positive"}
    return {"n_frames": int(count[1]), "fps": 1 / seconds}


def _look_amc(file: Path, n_bytes: int) -> dict[str, Any]:
    with file.open("rb") as opened:
        first = _FRAME_NUMBER.search(opened.read(_TAIL))
        opened.seek(max(0, n_bytes - _TAIL))
        last = _FRAME_NUMBER.findall(opened.read(_TAIL))
    if first is None or not last:
        return {"problem": "no frame numbers"}
    return {"n_frames": int(last[-1]) - int(first[1]) + 1}


def _key(folder: Path) -> str:
    """Name of what is kept of a folder: registered formats decide what is looked for."""
    text = "\n".join([str(_VERSION), str(folder.resolve()), *sorted(FORMATS)])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(store: Path) -> dict[str, Any]:
    """What is kept; nothing if there is nothing, or it is damaged."""
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        kept: dict[str, Any] = json.loads(store.read_bytes())
        for state, found in kept.values():
            len(state)
            if found is not None:
                MotionFile(**found)
        return kept
    return {}


def _write(store: Path, kept: dict[str, Any]) -> None:
    """Keeps it where that is possible."""
    with suppress(OSError, UnicodeError), atomic_path(store) as temporary:
        temporary.write_text(json.dumps(kept), encoding="utf-8")
