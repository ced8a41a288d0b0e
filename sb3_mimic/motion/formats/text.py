"""Text files of motion: line by line, with what is no such file format_error in one sentence."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sb3_mimic.errors import InputError

#: Largest file that is read [bytes]. An hour of CMU's AMC at 120 Hz has 350 MB.
MAX_BYTES: Final = 512 * 2**20

#: Largest magnitude of a number in a motion file, in whatever unit it is.
MAX_NUMBER: Final = 1e7

#: Characters of a file that are quote in a message.
_QUOTED: Final = 40


def numbered_lines(path: Path, kind: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, stripped, with their numbers from 1.

    Args:
        path: The file; with any line ends, and a byte order mark or none.
        kind: What it should be, for the messages: "BVH".

    Raises:
        InputError: If it is a folder, no regular file, empty, binary, larger than ``MAX_BYTES``, or
            cannot be read.
    """
    check_text_file(path, kind)
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                stripped = line.strip()
                if stripped:
                    yield number, stripped
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def check_text_file(path: Path, kind: str) -> None:
    """Raises InputError for what cannot be a text file of motion (see ``numbered_lines``)."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: is a folder, not a {kind} file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is not a regular file, so not a {kind} file")
        if status.st_size > MAX_BYTES:
            raise InputError(
                f"{path}: is {status.st_size / 1e6:.0f} MB large; {kind} files above "
                f"{MAX_BYTES / 1e6:.0f} MB are not read, cut it into shorter motions"
            )
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not start.strip():
        raise InputError(f"{path}: is empty, no {kind} file")
    if b"\0" in start:
        raise InputError(f"{path}: is binary (or UTF-16) and no {kind} file, which is plain text")


def format_error(path: Path, line: int, message: str) -> InputError:
    """The error to raise for something at a line of a file."""
    return InputError(f"{path}, line {line}: {message}")


def quote(text: str) -> str:
    """A piece of a file for a message, short and printable."""
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")


def parse_number(word: str) -> float | None:
    """A finite number of believable size; None for anything else."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if abs(value) <= MAX_NUMBER else None
