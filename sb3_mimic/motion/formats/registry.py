"""Registries of the readers of motion files, by suffix.

A format is registered once: with a reader of clips (`register_format`), or with a reader of motions
that have a skeleton of their own (`register_skeletal_format`). DeepMimic's JSON has no suffix of
its own: a file without a registered suffix is read as that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sb3_mimic.errors import InputError
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.formats.headers import Header
from sb3_mimic.motion.formats.options import ReadOptions
from sb3_mimic.names import load_object

if TYPE_CHECKING:
    from sb3_mimic.motion.skeletal import SkeletalMotion

#: Reads a clip of the character from the path of a file. It converts to z-up, meters and radians,
#: and raises `InputError` for what is no motion.
ClipReader = Callable[[Path], MotionClip]

#: Reads the motion of a file's own skeleton, as `ClipReader` does; options that it has no use for
#: it refuses or ignores.
SkeletalReader = Callable[[Path, ReadOptions], "SkeletalMotion"]

#: Reads what the beginning and the end of a file tell, for lists; its size is the second argument.
#: None for a file that is no motion.
HeaderReader = Callable[[Path, int], Header | None]


@dataclass(frozen=True)
class SkeletalFormat:
    """A format of motions that have a skeleton of their own.

    Attributes:
        name: What lists call it, as "BVH".
        reader: Reads a file; or ``module:function``, imported when first used.
        header_reader: Tells a list of files about one without reading it whole; or
            ``module:function``; None where lists name the file and no more.
    """

    name: str
    reader: SkeletalReader | str
    header_reader: HeaderReader | str | None = None

    def read(self, path: Path, options: ReadOptions) -> "SkeletalMotion":
        """Reads a file.

        Raises:
            InputError: If the reader refuses it, or an option.
        """
        reader: SkeletalReader = _resolve(self.reader)
        return reader(path, options)

    def read_header(self, path: Path, n_bytes: int) -> Header | None:
        """Facts from a file's header; an empty header where nothing reads it."""
        if self.header_reader is None:
            return Header()
        reader: HeaderReader = _resolve(self.header_reader)
        return reader(path, n_bytes)


#: Suffix in lower case, with its dot -> reader of clips, or ``module:function``.
FORMATS: dict[str, ClipReader | str] = {}

#: Suffix in lower case, with its dot -> format with a skeleton of its own.
SKELETAL_FORMATS: dict[str, SkeletalFormat] = {
    ".amc": SkeletalFormat(
        "AMC",
        "sb3_mimic.motion.formats.asf_amc:read_amc_file",
        "sb3_mimic.motion.formats.headers:read_amc_header",
    ),
    ".bvh": SkeletalFormat(
        "BVH",
        "sb3_mimic.motion.formats.bvh:read_bvh_file",
        "sb3_mimic.motion.formats.headers:read_bvh_header",
    ),
}


def register_format(suffix: str, reader: ClipReader | str) -> None:
    """Makes files of a suffix clips, or replaces their reader.

    From then on `load_motion`, and so every function and command that takes a motion, takes them.

    Args:
        suffix: With its dot, as ``".csv"``; upper and lower case are the same.
        reader: Gives a clip of the character for the path of a file; or ``module:function``.

    Raises:
        InputError: If the suffix is none.

    Example:
        >>> from sb3_mimic.motion import load_motion
        >>> register_format(".link", lambda path: load_motion(path.read_text().strip()))
        >>> sorted(FORMATS)[-1]
        '.link'
        >>> del FORMATS[".link"]
    """
    key = _normalize_suffix(suffix)
    SKELETAL_FORMATS.pop(key, None)
    FORMATS[key] = reader


def register_skeletal_format(
    suffix: str,
    reader: SkeletalReader | str,
    *,
    name: str | None = None,
    header_reader: HeaderReader | str | None = None,
) -> None:
    """Makes files of a suffix motions with a skeleton of their own, or replaces their reader.

    From then on they are read, cleaned and retargeted by `load_motion`, and listed, described,
    linted, drawn and converted as BVH files are.

    Args:
        suffix: With its dot, as ``".trc"``; upper and lower case are the same.
        reader: Gives a `SkeletalMotion` for the path of a file and `ReadOptions`; or
            ``module:function``.
        name: What lists call the format; the suffix without it.
        header_reader: Tells lists about a file without reading it whole (`SkeletalFormat`).

    Raises:
        InputError: If the suffix is none.

    Example:
        >>> from sb3_mimic.motion import load_skeletal
        >>> register_skeletal_format(".copy", lambda path, _: load_skeletal(path.with_suffix("")))
        >>> SKELETAL_FORMATS.pop(".copy").name
        '.copy'
    """
    key = _normalize_suffix(suffix)
    FORMATS.pop(key, None)
    SKELETAL_FORMATS[key] = SkeletalFormat(name or key, reader, header_reader)


def find_reader(path: Path) -> ClipReader | None:
    """The reader of clips for a file's suffix; None where none is registered.

    Motions with a skeleton of their own are retargeted.
    """
    suffix = path.suffix.lower()
    if suffix in SKELETAL_FORMATS:
        from sb3_mimic.motion.retarget.load import read_and_retarget

        return read_and_retarget
    reader = FORMATS.get(suffix)
    if reader is None:
        return None
    found: ClipReader = _resolve(reader)
    return found


def is_skeletal(path: str | Path) -> bool:
    """Whether a file's suffix is that of motions with a skeleton of their own."""
    return Path(path).suffix.lower() in SKELETAL_FORMATS


def load_skeletal(
    path: str | Path,
    *,
    fps: float | None = None,
    units: str | None = None,
    up: Literal["y", "z"] | None = None,
    asf: str | Path | None = None,
) -> "SkeletalMotion":
    """Reads a motion file that has a skeleton of its own, by its suffix.

    Args:
        path: The file: BVH, AMC, or one of a format given to `register_skeletal_format`.
        fps: Rate [1/s] in place of the file's, or of the one that is assumed.
        units: Unit of length: "m", "cm", "mm", "in", "ft" or "cmu"; guessed without it.
        up: The axis that points up; told from the figure without it.
        asf: Of an AMC file, its skeleton; looked for beside it without it.

    Raises:
        InputError: For another suffix, an option that the format does not have, or what the readers
            refuse (``read_bvh``, ``read_asf_amc``).
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".asf":
        raise InputError(f"{path}: is a skeleton (ASF) without motion; give one of its AMC files")
    if suffix not in SKELETAL_FORMATS:
        raise InputError(
            f"{path}: not a motion with a skeleton of its own; those are "
            f"{', '.join(sorted(SKELETAL_FORMATS))} files"
        )
    options = ReadOptions(fps, units, up, None if asf is None else Path(asf))
    return SKELETAL_FORMATS[suffix].read(path, options)


def _normalize_suffix(suffix: str) -> str:
    if len(suffix) < 2 or Path(f"clip{suffix}").suffix != suffix:
        raise InputError(f"suffix {suffix!r} of a motion format must be like '.bvh'")
    return suffix.lower()


def _resolve(reference: Any) -> Any:
    """A registered entry, imported if it is a reference."""
    return load_object(reference) if isinstance(reference, str) else reference
