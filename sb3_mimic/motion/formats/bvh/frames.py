"""The frames of a BVH file, as offsets and rotations in the file's own axes and unit."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.bvh.hierarchy import BvhJoint
from sb3_mimic.motion.formats.rate import nearest_rate
from sb3_mimic.motion.formats.text import MAX_NUMBER, format_error, parse_number, quote
from sb3_mimic.spatial import wxyz

#: Shortest time between frames [s].
_SHORTEST: Final = 1e-6


@dataclass(frozen=True)
class RawMotion:
    """Content of a file, in its own axes and unit."""

    names: tuple[str, ...]
    joints: list[BvhJoint]
    offsets: FloatArray
    root_position: FloatArray
    rotations: FloatArray
    stretch: FloatArray  # largest movement of each joint in its parent (J,)


def read_frames(
    path: Path, lines: Iterator[tuple[int, str]], joints: list[BvhJoint]
) -> tuple[float, FloatArray]:
    """The rate [1/s] and the rows (T, number of channels)."""
    columns = [(joint.name, channel) for joint in joints for channel in joint.channels or ()]
    if not columns:
        raise format_error(path, joints[0].line, "no joint has CHANNELS, so nothing can move")
    frames_line, text = _next(path, lines, "Frames:")
    match = re.fullmatch(r"frames\s*:\s*(\d{1,12})", text, re.IGNORECASE)
    if match is None:
        raise format_error(path, frames_line, f"expected 'Frames: <number>', found {quote(text)}")
    n_frames = int(match[1])
    line, text = _next(path, lines, "Frame Time:")
    match = re.fullmatch(r"frame\s*time\s*:\s*(\S+)", text, re.IGNORECASE)
    frame_time = parse_number(match[1]) if match else None
    if match is None or frame_time is None or frame_time < _SHORTEST:
        raise format_error(
            path, line, f"expected 'Frame Time: <seconds above 0>', found {quote(text)}"
        )

    values, row_lines = _read_rows(path, lines, columns, n_frames, frames_line)
    if n_frames < 2:
        raise format_error(
            path, frames_line, f"a motion needs at least 2 frames, the file has {n_frames}"
        )
    rows = np.frombuffer(values, dtype=np.float64).reshape(n_frames, len(columns))
    absurd = ~(np.abs(rows) <= MAX_NUMBER)  # NaN included
    if absurd.any():
        frame = int(np.argwhere(absurd)[0, 0])
        words = [str(value) for value in rows[frame].tolist()]
        raise _bad_number(path, row_lines[frame], frame, words, columns)
    return nearest_rate(match[1]), rows


def _read_rows(
    path: Path,
    lines: Iterator[tuple[int, str]],
    columns: list[tuple[str, str]],
    n_frames: int,
    frames_line: int,
) -> "tuple[array[float], array[int]]":
    """The numbers of all rows, one after the other, and the line of each row."""
    values, row_lines = array("d"), array("q")
    for line, text in lines:
        words = text.split()
        if len(row_lines) == n_frames:
            raise format_error(
                path,
                line,
                f"there are more rows than the {n_frames} that line {frames_line} (Frames) says",
            )
        if len(words) != len(columns):
            raise _bad_count(path, line, len(row_lines), len(words), columns)
        try:
            values.extend(map(float, words))
        except ValueError:
            raise _bad_number(path, line, len(row_lines), words, columns) from None
        row_lines.append(line)
    if len(row_lines) != n_frames:
        raise InputError(
            f"{path}: line {frames_line} says {n_frames} frames, but there are {len(row_lines)} "
            "rows; the file is truncated"
        )
    return values, row_lines


def _next(path: Path, lines: Iterator[tuple[int, str]], what: str) -> tuple[int, str]:
    """The next line, which should hold something."""
    for line, text in lines:
        return line, text
    raise InputError(f"{path}: the file ends before {what!r}; it is truncated")


def _bad_count(
    path: Path, line: int, frame: int, found: int, columns: list[tuple[str, str]]
) -> InputError:
    """The error for a row with too few or too many numbers."""
    missing = ""
    if found < len(columns):
        joint, channel = columns[found]
        missing = f"; the first that lacks is {channel.capitalize()} of {joint}"
    return format_error(
        path,
        line,
        f"frame {frame} has {found} numbers, the hierarchy has {len(columns)} channels{missing}",
    )


def _bad_number(
    path: Path, line: int, frame: int, words: list[str], columns: list[tuple[str, str]]
) -> InputError:
    """The error for the first word of a row that is no number."""
    word, (joint, channel) = next(
        (word, column)
        for word, column in zip(words, columns, strict=True)
        if parse_number(word) is None
    )
    return format_error(
        path,
        line,
        f"frame {frame}, {channel.capitalize()} of {joint}: {quote(word)} is no number that a "
        "motion can have",
    )


def convert_channels(joints: list[BvhJoint], rows: FloatArray) -> RawMotion:
    """Channels turned into offsets, the root's path and rotations."""
    n_joints, n_frames = len(joints), len(rows)
    offsets = np.array([joint.offset for joint in joints], dtype=np.float64)
    root_position = np.tile(offsets[0], (n_frames, 1))
    rotations = np.zeros((n_frames, n_joints, 4))
    rotations[..., 0] = 1.0
    stretch = np.zeros(n_joints)
    column = 0
    for index, joint in enumerate(joints):
        channels = joint.channels or ()
        own = rows[:, column : column + len(channels)]
        column += len(channels)
        moved = [number for number, name in enumerate(channels) if name.endswith("position")]
        turned = [number for number, name in enumerate(channels) if name.endswith("rotation")]
        if turned:
            sequence = "".join(channels[number][0].upper() for number in turned)
            turns = Rotation.from_euler(sequence, own[:, turned], degrees=True)
            rotations[:, index] = wxyz(turns)
        if moved:
            axes = ["xyz".index(channels[number][0]) for number in moved]
            path = own[:, moved]
            if index == 0:
                root_position[:, axes] = path
            else:
                usual = np.median(path, axis=0)
                # In some files positions are added to the OFFSET; then they stay near zero.
                added = np.linalg.norm(usual - offsets[index, axes]) > np.linalg.norm(usual)
                offsets[index, axes] = usual + added * offsets[index, axes]
                stretch[index] = np.linalg.norm(path - usual, axis=1).max()
    offsets[0] = 0.0
    return RawMotion(_unique_names(joints), joints, offsets, root_position, rotations, stretch)


def _unique_names(joints: list[BvhJoint]) -> tuple[str, ...]:
    """The joints' names, numbered from the second of a kind on."""
    names: list[str] = []
    taken: set[str] = set()
    for joint in joints:
        name, count = joint.name, 1
        while name in taken:
            count += 1
            name = f"{joint.name}_{count}"
        taken.add(name)
        names.append(name)
    return tuple(names)
