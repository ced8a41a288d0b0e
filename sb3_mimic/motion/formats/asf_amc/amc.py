"""AMC: the frames of an Acclaim motion, a line per bone.

Files of ten minutes have two million lines. Those that are regular, the same bones in the same
order in every frame, are split into words by the million and read column by column; all others,
and those where something is wrong, line by line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.text import (
    MAX_NUMBER,
    format_error,
    numbered_lines,
    parse_number,
    quote,
)

#: Characters that are split into words at once.
_CHUNK: Final = 2**22


@dataclass
class AmcFrames:
    """The frames as the file has them.

    Attributes:
        numbers: The frames' own numbers (T,).
        values: Each bone's numbers by its name, (T, its degrees of freedom).
        degrees: What the file says about its angles; None where it says nothing.
        rate: The rate that the file states [1/s]; None where it states none, as CMU's do not.
    """

    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    values: dict[str, FloatArray] = field(default_factory=dict)
    degrees: bool | None = None
    rate: float | None = None


def read_frames(path: Path, dof: Mapping[str, int], skeleton: str) -> AmcFrames:
    """Reads an AMC file.

    Args:
        path: The file.
        dof: How many numbers each bone has, the root's included; bones without any have no line.
        skeleton: Where that is from, for the messages: "01.asf".

    Raises:
        InputError: With line, frame and bone, for unknown bones, counts that do not fit, bones that
            are missing from a frame, and numbers that are none.
    """
    frames = AmcFrames()
    lines = numbered_lines(path, "AMC")
    header = 0
    for line, text in lines:
        if text.isdecimal():
            header = line
            break
        _header(frames, path, line, text)
    if not header:
        raise InputError(f"{path}: there is no frame in it; it is truncated or no AMC file")
    layout = _first_frame(lines, dof)
    if layout is None or not _read_regular(frames, path, header, layout):
        _read_line_by_line(frames, path, header, dof, skeleton)
    if len(frames.numbers) < 2:
        raise format_error(path, header, "a motion needs at least 2 frames, the file has 1")
    return frames


def _header(frames: AmcFrames, path: Path, line: int, text: str) -> None:
    """A line before the first frame."""
    words = text.lower().split()
    if words[0] == ":degrees":
        frames.degrees = True
    elif words[0] == ":radians":
        frames.degrees = False
    elif words[0] == ":samples-per-second":
        frames.rate = parse_number(words[1]) if len(words) > 1 else None
        if frames.rate is None or frames.rate <= 0:
            raise format_error(path, line, f"the rate must be positive, found {quote(text)}")
    elif not text.startswith(("#", ":")):
        raise format_error(
            path, line, f"expected a frame's number or a ':' line, found {quote(text)}"
        )


def _first_frame(
    lines: Iterator[tuple[int, str]], dof: Mapping[str, int]
) -> list[tuple[str, int]] | None:
    """The bones of the first frame in order with their counts; None if they are not as they should.

    Args:
        lines: Those after the frame's number.
        dof: How many numbers each bone should have.
    """
    layout: list[tuple[str, int]] = []
    for _, text in lines:
        words = text.split()
        if text.isdecimal():
            break
        layout.append((words[0], len(words) - 1))
    return layout if dict(layout) == dict(dof) and len(layout) == len(dof) else None


def _read_regular(
    frames: AmcFrames, path: Path, header: int, layout: list[tuple[str, int]]
) -> bool:
    """Reads a file whose frames are all laid out like the first; False if they are not."""
    names = {}  # position of each bone's name among a frame's words
    width = 1
    for name, count in layout:
        names[width] = name
        width += 1 + count
    places = [place for place in range(1, width) if place not in names]
    numbers: list[int] = []
    blocks: list[FloatArray] = []
    words: list[str] = []
    for chunk in _chunks(path, header):
        words += chunk.split()
        whole = len(words) // width
        end = whole * width
        if any(words[place:end:width].count(name) != whole for place, name in names.items()):
            return False
        try:
            numbers += map(int, words[0:end:width])
            blocks.append(np.array([list(map(float, words[p:end:width])) for p in places]))
        except ValueError:
            return False
        del words[:end]
    values = np.concatenate(blocks, axis=1)
    if words or not (np.abs(values) <= MAX_NUMBER).all():
        return False
    frames.numbers = np.array(numbers)
    first = 0
    for name, count in layout:
        frames.values[name] = values[first : first + count].T
        first += count
    return True


def _chunks(path: Path, header: int) -> Iterator[str]:
    """The text from a line on, in pieces that end between lines."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for _ in range(header - 1):
            file.readline()
        rest = ""
        while piece := file.read(_CHUNK):
            lines, newline, end = piece.rpartition("\n")
            if newline:
                yield rest + lines
                rest = end
            else:
                rest += piece
        yield rest


def _read_line_by_line(
    frames: AmcFrames, path: Path, header: int, dof: Mapping[str, int], skeleton: str
) -> None:
    """Reads any file, or raises the InputError for the first thing that is wrong."""
    numbers: list[int] = []
    rows: list[dict[str, list[float]]] = []
    line = header
    for line, text in numbered_lines(path, "AMC"):
        if line < header or text.startswith("#"):
            continue
        if text.isdecimal():
            if rows:
                _check_whole(path, line, numbers[-1], rows[-1], dof)
            numbers.append(int(text))
            rows.append({})
            continue
        name, *words = text.split()
        where = f"frame {numbers[-1]}, bone {name}"
        if name not in dof:
            known = ", ".join(list(dof)[:6])
            raise format_error(
                path,
                line,
                f"{where}: {skeleton} has no such bone with degrees of freedom ({known}, …)",
            )
        if name in rows[-1]:
            raise format_error(path, line, f"{where} comes a second time")
        if len(words) != dof[name]:
            raise format_error(
                path,
                line,
                f"{where}: {len(words)} numbers for {dof[name]} degrees of freedom in {skeleton}",
            )
        values = [parse_number(word) for word in words]
        if None in values:
            bad = quote(words[values.index(None)])
            raise format_error(path, line, f"{where}: {bad} is no number that a motion can have")
        rows[-1][name] = [float(word) for word in words]
    _check_whole(path, line, numbers[-1], rows[-1], dof, "; the file is truncated")
    frames.numbers = np.array(numbers)
    frames.values = {name: np.array([row[name] for row in rows]) for name in dof}


def _check_whole(
    path: Path,
    line: int,
    frame: int,
    row: Mapping[str, list[float]],
    dof: Mapping[str, int],
    why: str = "",
) -> None:
    """Raises InputError for a frame that lacks bones."""
    missing = [name for name in dof if name not in row]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise format_error(path, line, f"frame {frame} ends without bone {missing[0]}{others}{why}")
