"""Options of reading a motion file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class ReadOptions:
    """Options for a file with a skeleton of its own; None leaves a choice to the reader.

    Attributes:
        fps: Rate [1/s] in place of the file's, or of the one that is assumed.
        units: Unit of length: "m", "cm", "mm", "in", "ft" or "cmu"; guessed without it.
        up: The axis that points up; told from the figure without it.
        asf: Of an AMC file, its skeleton; looked for beside it without it.
    """

    fps: float | None = None
    units: str | None = None
    up: Literal["y", "z"] | None = None
    asf: Path | None = None
