"""The JSON of DeepMimic's files, of any of its figures: ``Loop`` and ``Frames``.

Errors name file, frame and column.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError

#: What the file calls a motion that goes round, and one that does not.
LOOP: Final = {"wrap": True, "none": False}

#: Relative difference of durations that is rounding ("0.033332"), not another rate.
UNIFORM_TOLERANCE: Final = 0.01

#: Numbers in a row, by DeepMimic's name of the figure.
ROW_LENGTHS: Final = {"humanoid3d": 44, "dog3d": 84}

#: No number of a motion is larger [s, m, rad]: root 1000 km away.
_LARGEST: Final = 1e6

#: Shortest duration of a frame [s].
_SHORTEST: Final = 1e-6

#: Norm below which a quaternion is zero. Real files have 0.58 to 1.12.
_SMALLEST_NORM: Final = 1e-6


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        InputError: If the file cannot be read, is not JSON, or lacks a key.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file, so not a DeepMimic motion") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: not valid JSON at line {error.lineno}, column {error.colno} ({error.msg}); "
            "the file may be truncated or not a DeepMimic motion"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: JSON nested too deeply for a DeepMimic motion") from error
    except ValueError as error:  # an integer of thousands of digits
        raise InputError(f"{path}: not a DeepMimic motion ({error})") from error
    if not isinstance(document, dict):
        raise InputError(f'{path}: a DeepMimic motion is a JSON object with "Loop" and "Frames"')
    for key in ("Loop", "Frames"):
        if key not in document:
            found = ", ".join(list(document)[:6]) or "none"
            raise InputError(f'{path}: the key "{key}" is missing (keys found: {found})')
    return document


def is_loop(path: Path, document: dict[str, Any]) -> bool:
    """Whether the motion goes round.

    Raises:
        InputError: If "Loop" is neither "wrap" nor "none".
    """
    value = document["Loop"]
    if not isinstance(value, str) or value not in LOOP:
        raise InputError(f'{path}: "Loop" must be "wrap" or "none", found {value!r}')
    return LOOP[value]


def read_rows(
    path: Path, document: dict[str, Any], figure: str, columns: tuple[str, ...]
) -> FloatArray:
    """The frames as numbers (T, columns), all finite.

    Args:
        path: The file, for messages.
        document: Its content.
        figure: Whose motion it must be, a key of ``ROW_LENGTHS``.
        columns: Names of the columns, for messages.

    Raises:
        InputError: If there are fewer than two frames, a row is another figure's or of a wrong
            length, or something is no number or none that a motion contains.
    """
    frames = document["Frames"]
    if not isinstance(frames, list) or len(frames) < 2:
        found = f"{len(frames)}" if isinstance(frames, list) else type(frames).__name__
        raise InputError(f'{path}: "Frames" must list at least 2 frames, found {found}')
    for index, row in enumerate(frames):
        if not isinstance(row, list):
            raise InputError(f"{path}: frame {index} is not a list of numbers")
        if len(row) == len(columns):
            continue
        for other, length in ROW_LENGTHS.items():
            if len(row) == length:
                raise InputError(
                    f"{path}: frame {index} has {length} numbers, which is a clip of DeepMimic's "
                    f"{other}, not of {figure} ({len(columns)} numbers a frame)"
                )
        raise InputError(
            f"{path}: frame {index} has {len(row)} numbers, a frame of {figure} has {len(columns)}"
        )
    # bool is an int to Python; text is turned into numbers by numpy.
    kinds = {kind for row in frames for kind in map(type, row)}
    if not kinds <= {float, int}:
        frame, column = next(
            (frame, column)
            for frame, row in enumerate(frames)
            for column, value in enumerate(row)
            if type(value) not in {float, int}
        )
        raise InputError(
            f"{path}: frame {frame}, column {column} ({columns[column]}) is not a number: "
            f"{frames[frame][column]!r}"
        )
    try:
        rows = np.array(frames, dtype=np.float64)
    except OverflowError as error:
        raise InputError(f"{path}: a number is too large") from error
    absurd = ~(np.abs(rows) <= _LARGEST)  # NaN included
    if absurd.any():
        frame, column = map(int, np.argwhere(absurd)[0])
        raise InputError(
            f"{path}: frame {frame}, column {column} ({columns[column]}) is "
            f"{rows[frame, column]:g}, which no motion contains"
        )
    return rows


def frame_durations(path: Path, rows: FloatArray) -> FloatArray:
    """Durations (T − 1,) [s] of all frames but the last, whose own does not count.

    Raises:
        InputError: If one is not positive.
    """
    durations: FloatArray = rows[:, 0]
    bad = durations < _SHORTEST
    bad[-1] = durations[-1] < 0
    if bad.any():
        frame = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{path}: frame {frame}, column 0 (duration) must be positive (at least "
            f"{_SHORTEST:g} s), found {durations[frame]:g}"
        )
    return durations[:-1]


def unit_quaternions(path: Path, rows: FloatArray, columns: slice, name: str) -> FloatArray:
    """Unit quaternions wxyz (T, 4) of a joint, in the file's frame.

    Raises:
        InputError: If one is zero.
    """
    quaternions: FloatArray = rows[:, columns]
    norms = np.linalg.norm(quaternions, axis=1, keepdims=True)
    if norms.min() < _SMALLEST_NORM:
        frame = int(norms.argmin())
        raise InputError(
            f"{path}: frame {frame}, columns {columns.start} to {columns.stop - 1}: "
            f"the quaternion of {name} is zero"
        )
    unit: FloatArray = quaternions / norms
    return unit
