"""Motion files that have a skeleton of their own, by their suffix."""

from pathlib import Path
from typing import Literal

from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.asfamc import read_asf_amc
from sb3_mimic.motion.formats.bvh import read_bvh
from sb3_mimic.motion.skeletal import SkeletalMotion


def load_skeletal(
    path: str | Path,
    *,
    fps: float | None = None,
    units: str | None = None,
    up: Literal["y", "z"] | None = None,
    asf: str | Path | None = None,
) -> SkeletalMotion:
    """Reads a motion file that has a skeleton of its own, by its suffix: BVH or AMC.

    Args:
        path: The file.
        fps: Rate [1/s] in place of the file's, or of the one that is assumed.
        units: Unit of length: "m", "cm", "mm", "in", "ft" or "cmu"; guessed without it.
        up: Of a BVH file, the axis that points up; told from the figure without it.
        asf: Of an AMC file, its skeleton; looked for beside it without it.

    Raises:
        InputError: For another suffix, an option that the format does not have, or what the readers
            refuse (``read_bvh``, ``read_asf_amc``).
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        if asf is not None:
            raise InputError(f"{path}: a BVH file has its skeleton in it and takes no ASF file")
        return read_bvh(path, units, fps=fps, up=up)
    if suffix in {".amc", ".asf"}:
        if up == "z":
            raise InputError(f"{path}: AMC files are y-up")
        return read_asf_amc(path, asf, fps, units=units)
    raise InputError(f"{path}: a motion with a skeleton of its own is a .bvh or an .amc file")
