"""Subjects of motion files, and splits of collections in which no subject is in two parts."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sb3_mimic.errors import InputError
from sb3_mimic.motion.sources.index import index_folder

#: The parts of a collection, and how much of it each has.
FRACTIONS: Final = {"train": 0.8, "validation": 0.1, "test": 0.1}

UNKNOWN: Final = "unknown"

#: Names that say who moves, or how: CMU's "02_01", LaFAN1's "walk1_subject2", "humanoid3d_walk".
_TRIAL: Final = re.compile(r"(?P<subject>\d{2,3})_\d{2,3}(?!\d)")
_SUBJECT: Final = re.compile(
    r"(?P<activity>.*?)[\d_-]*_(?P<subject>subject[_-]?\w+)", re.IGNORECASE
)
_CHARACTER: Final = re.compile(r"[a-z]+3d_", re.IGNORECASE)


@dataclass(frozen=True)
class MotionSource:
    """A motion file with what it shows.

    Attributes:
        path: Path below the folder of the collection, with forward slashes.
        subject: Who moves; "unknown" where nothing tells.
        activity: What they do; "unknown" where nothing tells.
    """

    path: str
    subject: str
    activity: str


def find_sources(folder: str | Path, table: str | Path | None = None) -> list[MotionSource]:
    """The motion files of a folder, and who does what in them.

    That is taken from the table where it has the file; else from the name ("02_01" is CMU's subject
    02, "walk1_subject2" is LaFAN1's); else the subject is the folder that the file is in, and the
    activity the name without digits at its end.

    Args:
        folder: The folder.
        table: CSV file with the columns file (its path, name, or name without suffix), subject and
            activity.

    Raises:
        InputError: If the folder has no motion files, or the table cannot be read, or is of none
            of them.
    """
    labels = {} if table is None else _read_table(Path(table))
    files = [file.path for file in index_folder(folder) if file.problem is None]
    if labels and not any(name in labels for path in files for name in _names(path)):
        raise InputError(f"{table}: none of its {len(labels)} files is in {folder}")
    found = [_source(path, labels) for path in files]
    if not found:
        raise InputError(
            f"{folder}: holds no motion files (.txt and .json of DeepMimic, .bvh, .amc)"
        )
    return found


def split_sources(
    sources: Iterable[MotionSource], fractions: Mapping[str, float] | None = None, *, seed: int = 0
) -> dict[str, list[MotionSource]]:
    """Divides files so that every subject is in one part only, and activities are in all parts.

    Subjects with most files are placed first, each where the numbers of files of its activities and
    of all files come closest to the fractions (least squares, each activity weighed by its size).
    Where there are as many subjects as parts, no part is empty. The order of the sources makes no
    difference.

    Args:
        sources: The files.
        fractions: How much of the files each part should have; `FRACTIONS` without it.
        seed: Decides between subjects with equally many files.

    Returns:
        The files of each part, by path.

    Raises:
        InputError: Unless the fractions are not negative and sum to 1.
    """
    wanted = dict(FRACTIONS if fractions is None else fractions)
    if min(wanted.values(), default=-1.0) < 0 or not np.isclose(sum(wanted.values()), 1.0):
        raise InputError(f"fractions of the parts must be 0 or more and sum to 1, got {wanted}")
    files = sorted(sources, key=lambda source: source.path)
    activities = sorted({source.activity for source in files})
    column = {activity: number for number, activity in enumerate(activities)}
    # Files of each subject: of each activity, and all of them in the last column.
    counts: dict[str, np.ndarray] = {}
    for source in files:
        row = counts.setdefault(source.subject, np.zeros(len(activities) + 1))
        row[[column[source.activity], -1]] += 1
    total = sum(counts.values(), np.zeros(len(activities) + 1))
    rng = np.random.default_rng(seed)
    order = [sorted(counts)[i] for i in rng.permutation(len(counts))]
    order.sort(key=lambda subject: -counts[subject][-1])

    missing = {part: fraction * total for part, fraction in wanted.items() if fraction > 0}
    part_of: dict[str, str] = {}
    for subject in order:
        row = counts[subject]
        cost = {p: float(((row**2 - 2 * row * m) / total).sum()) for p, m in missing.items()}
        part_of[subject] = best = min(cost, key=lambda part: cost[part])
        missing[best] = missing[best] - row
    _fill(part_of, list(missing), order)
    parts: dict[str, list[MotionSource]] = {part: [] for part in wanted}
    for source in files:
        parts[part_of[source.subject]].append(source)
    return parts


def _fill(part_of: dict[str, str], parts: list[str], order: list[str]) -> None:
    """Moves the smallest subjects of the parts with most of them into those with none."""
    for part in parts:
        sizes = Counter(part_of.values())
        largest, n_subjects = sizes.most_common(1)[0] if sizes else ("", 0)
        if not sizes[part] and n_subjects > 1:
            smallest = next(s for s in reversed(order) if part_of[s] == largest)
            part_of[smallest] = part


def _names(path: str) -> tuple[str, str, str]:
    """Names that a table may use for a file."""
    return path, Path(path).name, Path(path).stem


def _source(path: str, labels: Mapping[str, tuple[str, str]]) -> MotionSource:
    stem = Path(path).stem
    for key in _names(path):
        if key in labels:
            return MotionSource(path, *labels[key])
    folders = path.split("/")[:-1]
    above = folders[0] if folders else UNKNOWN
    if trial := _TRIAL.match(stem):
        return MotionSource(path, trial["subject"], UNKNOWN)
    if named := _SUBJECT.fullmatch(stem):
        return MotionSource(path, named["subject"].lower(), named["activity"].lower() or UNKNOWN)
    activity = re.sub(r"[\d_. -]+$", "", _CHARACTER.sub("", stem)).lower()
    return MotionSource(path, above, activity or UNKNOWN)


def _read_table(path: Path) -> dict[str, tuple[str, str]]:
    """Subject and activity by file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"file", "subject"} - set(reader.fieldnames or ())
            rows = list(reader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file ({error})") from error
    if missing:
        raise InputError(f"{path}: its first line must name the columns file, subject and activity")
    labels = {}
    for number, row in enumerate(rows, 2):
        values = [(row.get(key) or "").strip() for key in ("file", "subject", "activity")]
        if not values[0] or not values[1]:
            raise InputError(f"{path}: line {number} needs the columns file, subject and activity")
        labels[values[0].replace("\\", "/")] = (values[1], values[2] or UNKNOWN)
    return labels
