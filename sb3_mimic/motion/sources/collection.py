"""Whole databases of clips on disk: Parquet, one row and one row group a clip.

The layout is that of datasets on the Hugging Face Hub (``data/train-00000-of-00003.parquet``), so
that ``datasets.load_dataset(folder)``, pandas or DuckDB read it, too. A row group a clip makes any
clip as quick to reach as any other: a shuffled pass reads each once and holds one at a time. Files
of a hundred clips are written whole or not at all, and one that is there is not made again.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.sources.library import load_motion
from sb3_mimic.motion.sources.splits import MotionSource, find_sources, split_sources

#: Clips in a file.
CLIPS_PER_FILE: Final = 100

_VERSION: Final = 1
_PLAN: Final = "collection.json"
_SKIPPED: Final = b"sb3_mimic.skipped"
_ARRAYS: Final = ("root_position", "root_quaternion", "joint_angles")
_FACTS: Final = ("name", "source", "subject", "activity", "fps", "loop", "n_frames", "digest")
_OPEN_FILES: Final = 32


@dataclass(frozen=True)
class ClipFacts:
    """Facts about a clip of a collection, without its numbers.

    Attributes:
        name: Name of the clip.
        source: Path of its file below the folder that was collected.
        subject: Who moves.
        activity: What they do.
        fps: Frames per second.
        loop: Whether the motion goes round.
        n_frames: Number of frames.
        digest: SHA-256 of its numbers (`MotionClip.digest`).
    """

    name: str
    source: str
    subject: str
    activity: str
    fps: float
    loop: bool
    n_frames: int
    digest: str


class MotionCollection:
    """Clips on disk, in parts that share no subject; read one at a time.

    Args:
        folder: Folder written by `write_collection`.

    Attributes:
        parts: Names of the parts, as "train".
        skipped: Files that could not be read when the collection was made, and why.

    Raises:
        InputError: If there is no collection, or it is not complete.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._open = lru_cache(maxsize=_OPEN_FILES)(_open_file)
        plan = _read_plan(self.folder)
        if plan is None:
            raise InputError(f"{self.folder}: no collection of motions ({_PLAN} is not there)")
        self.parts: tuple[str, ...] = tuple(plan["parts"])
        self._rows: dict[str, list[tuple[Path, int]]] = {}
        self.skipped: dict[str, str] = {}
        for part, sources in plan["parts"].items():
            rows = self._rows[part] = []
            for path in _paths(self.folder, part, len(sources)):
                if not path.is_file():
                    raise InputError(
                        f"{self.folder}: not complete, {path.name} is missing; the command that "
                        "made it goes on where it was stopped"
                    )
                file = self._open(path)
                rows += [(path, group) for group in range(file.num_row_groups)]
                self.skipped |= json.loads(file.metadata.metadata[_SKIPPED])

    def __len__(self) -> int:
        """Number of clips in all parts."""
        return sum(map(len, self._rows.values()))

    def facts(self, part: str) -> list[ClipFacts]:
        """Facts about the clips of a part, in order, without reading their numbers.

        Raises:
            InputError: If there is no such part.
        """
        paths = dict.fromkeys(path for path, _ in self._part(part))
        tables = (self._open(path).read(columns=list(_FACTS)) for path in paths)
        return [ClipFacts(**row) for table in tables for row in table.to_pylist()]

    def clip(self, part: str, number: int) -> MotionClip:
        """A clip of a part.

        Raises:
            InputError: If there is no such part or clip.
        """
        rows = self._part(part)
        if not 0 <= number < len(rows):
            raise InputError(f"{self.folder}: {part} has clips 0 to {len(rows) - 1}, not {number}")
        return self._read(*rows[number])

    def clips(self, part: str, *, shuffle: int | None = None) -> Iterator[MotionClip]:
        """All clips of a part, one at a time.

        Args:
            part: The part.
            shuffle: Seed of the order; None: the order in which they were written.

        Raises:
            InputError: If there is no such part.
        """
        rows = self._part(part)
        order = range(len(rows))
        numbers = order if shuffle is None else np.random.default_rng(shuffle).permutation(order)
        return (self._read(*rows[number]) for number in numbers)

    def _read(self, path: Path, group: int) -> MotionClip:
        return _clip(self._open(path).read_row_group(group))

    def _part(self, part: str) -> list[tuple[Path, int]]:
        if part not in self._rows:
            raise InputError(f"{self.folder}: no part {part!r}; parts: {', '.join(self.parts)}")
        return self._rows[part]


def write_collection(
    folder: str | Path,
    output: str | Path,
    *,
    table: str | Path | None = None,
    fractions: Mapping[str, float] | None = None,
    seed: int = 0,
    load: Callable[[Path], MotionClip] = load_motion,
    progress: Callable[[int, int], None] | None = None,
) -> MotionCollection:
    """Collects the motion files of a folder.

    One clip is in memory at a time. What was written before an interrupt is kept, and the same call
    goes on from there.

    Args:
        folder: Folder of motion files.
        output: Folder to write, which must not exist, or be an unfinished collection of the same.
        table: CSV file that says who does what in which file (`find_sources`).
        fractions: How much each part should have (`split_sources`).
        seed: Of the split.
        load: Reads a file.
        progress: Called with the number of files done, and of all.

    Returns:
        The collection; files that could not be read are in its ``skipped``.

    Raises:
        InputError: If there is nothing to collect, nothing of it can be read, or the output is
            something else.
    """
    _require_pyarrow()
    folder, output = Path(folder), Path(output)
    parts = split_sources(find_sources(folder, table), fractions, seed=seed)
    _start(output, _plan(folder, parts))
    done, total = 0, sum(map(len, parts.values()))
    for part, sources in parts.items():
        for number, path in enumerate(_paths(output, part, len(sources))):
            chunk = sources[number * CLIPS_PER_FILE : (number + 1) * CLIPS_PER_FILE]
            if not path.is_file():
                for clips_done in _write_file(path, folder, chunk, load):
                    if progress is not None:
                        progress(done + clips_done, total)
            done += len(chunk)
    collection = MotionCollection(output)
    if len(collection) == 0:
        first, reason = next(iter(collection.skipped.items()))
        raise InputError(f"{folder}: none of its {total} files can be read; {first}: {reason}")
    return collection


def _plan(folder: Path, parts: Mapping[str, Sequence[MotionSource]]) -> dict[str, Any]:
    """The content to write; equal plans are equal collections."""
    described = {
        part: [
            [source.path, source.subject, source.activity, (folder / source.path).stat().st_size]
            for source in sources
        ]
        for part, sources in parts.items()
    }
    return {"version": _VERSION, "clips_per_file": CLIPS_PER_FILE, "parts": described}


def _start(output: Path, plan: dict[str, Any]) -> None:
    """Makes the folder, or finds in it the beginning of the same collection."""
    before = _read_plan(output)
    if before is None:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise InputError(f"{output}: exists already; choose another folder")
        with atomic_path(output / _PLAN) as temporary:
            temporary.write_text(json.dumps(plan, indent=1), encoding="utf-8")
    elif before != plan:
        raise InputError(
            f"{output}: holds a collection of other files, or of another split; choose another "
            "folder"
        )


def _read_plan(folder: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        plan: Any = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
        if isinstance(plan, dict) and plan.get("version") == _VERSION:
            return plan
    return None


def _paths(folder: Path, part: str, n_clips: int) -> list[Path]:
    """The files of a part."""
    n_files = -(-n_clips // CLIPS_PER_FILE)
    return [
        folder / "data" / f"{part}-{number:05d}-of-{n_files:05d}.parquet"
        for number in range(n_files)
    ]


def _write_file(
    path: Path, folder: Path, sources: Sequence[MotionSource], load: Callable[[Path], MotionClip]
) -> Iterator[int]:
    """Writes a file of clips, and tells after each how many there are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.list_(pa.list_(pa.float64()))
    text = pa.string()
    schema = pa.schema(
        [("name", text), ("source", text), ("subject", text), ("activity", text)]
        + [("fps", pa.float64()), ("loop", pa.bool_()), ("n_frames", pa.int64())]
        + [("digest", text), ("joint_names", pa.list_(text))]
        + [(name, rows) for name in _ARRAYS]
    )
    skipped = {}
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for number, source in enumerate(sources, 1):
            try:
                clip = load(folder / source.path)
            except InputError as error:
                skipped[source.path] = str(error)
            else:
                values = _row(clip, source)
                columns = [_column(values[field.name], field.type) for field in schema]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield number
        writer.add_key_value_metadata({_SKIPPED.decode(): json.dumps(skipped)})


def _row(clip: MotionClip, source: MotionSource) -> dict[str, Any]:
    return {
        "name": clip.name,
        "source": source.path,
        "subject": source.subject,
        "activity": source.activity,
        "fps": clip.fps,
        "loop": clip.loop,
        "n_frames": clip.n_frames,
        "digest": clip.digest,
        "joint_names": list(clip.joint_names),
        **{name: getattr(clip, name) for name in _ARRAYS},
    }


def _column(value: Any, kind: Any) -> Any:
    """A column with one value."""
    import pyarrow as pa

    if not isinstance(value, np.ndarray):
        return pa.array([value], type=kind)
    n_rows, n_columns = value.shape
    offsets = np.arange(n_rows + 1, dtype=np.int32) * n_columns
    inner = pa.ListArray.from_arrays(offsets, pa.array(value.ravel()))
    return pa.ListArray.from_arrays(np.array([0, n_rows], dtype=np.int32), inner)


def _clip(table: Any) -> MotionClip:
    """The clip in a table of one row."""

    def array(name: str) -> NDArray[np.float64]:
        frames = table.column(name).chunk(0)[0].values
        values: NDArray[np.float64] = frames.flatten().to_numpy()
        return values.reshape(len(frames), -1)

    facts = table.select([*_FACTS, "joint_names"]).to_pylist()[0]
    return MotionClip(
        fps=facts["fps"],
        joint_names=tuple(facts["joint_names"]),
        loop=facts["loop"],
        name=facts["name"],
        source=facts["source"],
        **{name: array(name) for name in _ARRAYS},
    )


def _open_file(path: Path) -> Any:
    """A Parquet file, its footer read."""
    _require_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise InputError(
            "collections need pyarrow; pip install 'sb3-mimic[collections]'"
        ) from error
