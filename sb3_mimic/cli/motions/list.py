"""``sb3-mimic motions list``: which motions there are."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from sb3_mimic.cli.progress import progress_bar
from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from sb3_mimic.motion.sources.index import MotionFile


@dataclass(frozen=True)
class MotionsList:
    """List motions: the built-in clips and those fetched, a folder's files, or a set's clips."""

    where: Annotated[tyro.conf.Positional[str | None], optional("[WHERE]")] = None
    """Folder to list, with the folders in it, or a set's name; without it what can be used by
    name."""
    json: bool = False
    """As JSON."""

    def run(self) -> int:
        """Prints a line a motion."""
        rows = list(self._rows())
        if self.json:
            print(json.dumps(rows, indent=2))
            return 0
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            print(f"{row['name']:<{width}}  {_described(row)}".rstrip())
        return 0

    def _rows(self) -> "Iterator[dict[str, Any]]":
        """What is known of each motion, the same keys for all."""
        from sb3_mimic.motion.sources.sets import known_sets

        if self.where is None:
            yield from _builtin()
            for name in known_sets():
                yield from _fetched(name)
        elif Path(self.where).is_dir():
            yield from _folder(Path(self.where))
        elif self.where in known_sets():
            yield from _fetched(self.where)
            yield from _not_fetched(self.where)
        else:
            sets = ", ".join(known_sets())
            raise InputError(f"{self.where}: neither a folder nor a set; sets: {sets}")


def _builtin() -> "Iterator[dict[str, Any]]":
    from sb3_mimic.motion import list_motions

    for info in list_motions():
        said = asdict(info)
        keys = ("n_frames", "fps", "duration", "loop", "distance", "speed")
        yield _row(info.name, None, format="built-in", **{key: said[key] for key in keys})


def _fetched(name: str) -> "Iterator[dict[str, Any]]":
    """The clips of a set that are on this machine."""
    from sb3_mimic.motion.sources.index import index_folder
    from sb3_mimic.motion.sources.sets import find_set

    motions = find_set(name)
    clips = {path: clip for clip, path in motions.fetched().items()}
    if not clips:
        return
    for file in index_folder(motions.folder):
        path = motions.folder / file.path
        if path in clips:
            yield _file_row(f"{name}:{clips[path]}", path, file, motions.about.get(clips[path]))


def _not_fetched(name: str) -> "Iterator[dict[str, Any]]":
    """The listed clips of a set that are not."""
    from sb3_mimic.motion.sources.sets import find_set

    motions = find_set(name)
    here = motions.fetched()
    for clip in motions.clips:
        if clip not in here:
            yield _row(f"{name}:{clip}", None, about=motions.about.get(clip))


def _folder(folder: Path) -> "Iterator[dict[str, Any]]":
    from sb3_mimic.motion.sources.index import index_folder

    with progress_bar("file", "looking") as report:
        found = index_folder(folder, report)
    if not found:
        raise InputError(
            f"{folder}: holds no motion files (.txt and .json of DeepMimic, .bvh, .amc)"
        )
    for file in found:
        yield _file_row(file.path, folder / file.path, file)


def _file_row(
    name: str, path: Path, file: "MotionFile", about: str | None = None
) -> "dict[str, Any]":
    said = {"duration": file.duration, **asdict(file)}
    return _row(name, **said | {"path": str(path)}, about=about)


def _row(name: str, path: str | None, **said: Any) -> "dict[str, Any]":
    keys = ("format", "n_bytes", "n_frames", "fps", "duration", "loop", "distance", "speed")
    values = {key: said.get(key) for key in (*keys, "about", "problem")}
    return {"name": name, "path": path, **values}


def _described(row: "dict[str, Any]") -> str:
    """What is known of a motion, in columns."""
    if row["format"] is None:
        return "not fetched" + (f"  {row['about']}" if row["about"] else "")
    if row["problem"]:
        return f"{row['format']}: {row['problem']}"
    cells = [
        f"{row['duration']:6.2f} s" if row["duration"] is not None else " " * 8,
        f"{row['n_frames']:5d} frames" if row["n_frames"] is not None else " " * 12,
        f"{row['fps']:5.1f} Hz" if row["fps"] is not None else " " * 8,
        {True: "loop", False: "once", None: "    "}[row["loop"]],
        f"{row['format']:<9}",
        f"{row['speed']:5.2f} m/s" if row["speed"] is not None else row["about"] or "",
    ]
    return "  ".join(cells)
