"""Headers of motion files: number of frames, rate and loop, without reading the files whole."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

#: The most that is read of a file: a header, its last lines, a JSON document [bytes].
_HEAD: Final = 1 << 20
_TAIL: Final = 1 << 16
_DOCUMENT: Final = 1 << 26

_FRAME_NUMBER: Final = re.compile(rb"^[ \t]*(\d+)[ \t]*\r?$", re.MULTILINE)
_BVH_FRAMES: Final = re.compile(rb"^[ \t]*Frames:[ \t]*(\d+)", re.MULTILINE)
_BVH_TIME: Final = re.compile(rb"^[ \t]*Frame Time:[ \t]*([-+.\deE]+)", re.MULTILINE)


@dataclass(frozen=True)
class Header:
    """Facts from a file's header.

    Attributes:
        n_frames: Number of frames; None if the header does not say.
        fps: Frames per second; None if the file does not say, as AMC never does.
        loop: Whether the motion goes round; None if the format does not say.
        problem: What is wrong with the file, as far as its header shows; None if nothing is.
    """

    n_frames: int | None = None
    fps: float | None = None
    loop: bool | None = None
    problem: str | None = None


def read_deepmimic_header(path: Path, n_bytes: int) -> Header | None:
    """Reads the facts of DeepMimic's JSON; None for other text and JSON files."""
    if n_bytes > _DOCUMENT:
        return Header(problem=f"{n_bytes:,} bytes, too large to look into")
    content = path.read_bytes()
    if b'"Frames"' not in content:
        return None
    try:
        document = json.loads(content)
        durations = np.array([row[0] for row in document["Frames"]], dtype=np.float64)
        loop = {"wrap": True, "none": False}[document["Loop"]]
        seconds = float(durations[:-1].sum())
        if len(durations) < 2 or not 0 < seconds < np.inf:
            return Header(problem="needs at least 2 frames of positive duration")
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return Header(problem="not a DeepMimic motion, or truncated")
    return Header(len(durations), (len(durations) - 1) / seconds, loop)


def read_bvh_header(path: Path, _: int) -> Header:
    """Reads the lines ``Frames`` and ``Frame Time`` of a BVH file."""
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    count, time = _BVH_FRAMES.search(head), _BVH_TIME.search(head)
    if count is None or time is None:
        return Header(problem="no Frames and Frame Time in its header")
    try:
        seconds = float(time[1])
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < np.inf or int(count[1]) < 1:
        return Header(problem="no frames, or a Frame Time that is not positive")
    return Header(int(count[1]), 1 / seconds)


def read_amc_header(path: Path, n_bytes: int) -> Header:
    """Reads the first and the last frame number of an AMC file."""
    with path.open("rb") as opened:
        first = _FRAME_NUMBER.search(opened.read(_TAIL))
        opened.seek(max(0, n_bytes - _TAIL))
        last = _FRAME_NUMBER.findall(opened.read(_TAIL))
    if first is None or not last:
        return Header(problem="no frame numbers")
    return Header(int(last[-1]) - int(first[1]) + 1)
