"""BVH: joints with offsets and channels, then a row of numbers per frame. y-up as a rule.

A joint's rotation is the product of its channels' rotations in their order: "Zrotation Yrotation
Xrotation" is Rz·Ry·Rx. Channels may come in any number on any joint. The format states no unit and
no axes; both are guessed from the figure, and the guess is in ``SkeletalMotion.units``.

Why no library: pybvh 0.9.0, the best kept, refuses joints but the root with 6 channels or 1 and
takes NaN in; guarding it would take the parser below all the same, and it brings matplotlib.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.formats.axes import quaternions_to_z_up, to_z_up
from sb3_mimic.motion.formats.bvh.frames import RawMotion, convert_channels, read_frames
from sb3_mimic.motion.formats.bvh.hierarchy import read_hierarchy
from sb3_mimic.motion.formats.bvh.posture import figure_height, find_up_axis
from sb3_mimic.motion.formats.options import ReadOptions
from sb3_mimic.motion.formats.rate import check_rate
from sb3_mimic.motion.formats.text import numbered_lines
from sb3_mimic.motion.formats.units import find_unit, guess_unit
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.names import unknown_name
from sb3_mimic.spatial import continuous_signs

#: Movement of a bone's end in its parent [m] that is worth a warning.
_STRETCH: Final = 0.01


def read_bvh(
    path: str | Path,
    units: str | None = None,
    *,
    fps: float | None = None,
    up: Literal["y", "z"] | None = None,
) -> SkeletalMotion:
    """Reads a BVH file.

    A joint that has position channels is where they say, whatever its OFFSET. The skeleton's bones
    are rigid: of a joint other than the root with position channels the median is taken, with a
    warning where it moves.

    Args:
        path: The file.
        units: Its unit of length, one of ``UNITS``; guessed from the figure's height without it.
        fps: Rate [1/s] in place of the file's Frame Time.
        up: The axis that points up; told from the figure without it.

    Returns:
        The motion as in the file, T-pose and all (``sb3_mimic.motion.processing.cleaning``).

    Raises:
        InputError: With file, line and joint, if the file cannot be read, is truncated, has counts
            that do not fit each other, unknown channels, or numbers that are none.

    Example:
        >>> from sb3_mimic.motion.formats.bvh.reader import read_bvh
        >>> read_bvh("nothing.bvh")
        Traceback (most recent call last):
        ...
        sb3_mimic.errors.InputError: nothing.bvh: cannot be read (No such file or directory)
    """
    path = Path(path)
    lines = numbered_lines(path, "BVH")
    joints = read_hierarchy(path, lines)
    file_fps, rows = read_frames(path, lines, joints)
    raw = convert_channels(joints, rows)
    if up is None:
        found = find_up_axis(raw)
        if found == "x":
            raise InputError(
                f"{path}: the figure stands along x, and up is y or z; turn it in the program that "
                "it comes from, or, if it does not, say what is up by --up"
            )
        up = found
    elif up not in {"y", "z"}:
        raise unknown_name("up axis", up, ("y", "z"))
    height = figure_height(raw, up)
    unit = guess_unit(height) if units is None else find_unit(units)

    vectors, turns = (to_z_up, quaternions_to_z_up) if up == "y" else (_identity, _identity)
    tree = JointTree(
        raw.names,
        np.array([joint.parent for joint in joints]),
        vectors(raw.offsets) * unit.metres,
        np.array([joint.end_site for joint in joints]),
    )
    return SkeletalMotion(
        tree=tree,
        fps=file_fps if fps is None else check_rate(fps),
        root_position=vectors(raw.root_position) * unit.metres,
        rotations=continuous_signs(turns(raw.rotations)),
        name=path.stem,
        source=str(path),
        units=f"{unit.evidence}; {up} up",
        warnings=tuple(_findings(raw, unit.metres, unit.doubtful, unit.evidence)),
    )


def read_bvh_file(path: Path, options: ReadOptions) -> SkeletalMotion:
    """Reads a BVH file as ``read_bvh``, for the registry of formats.

    Raises:
        InputError: As ``read_bvh``, or if an ASF file is given.
    """
    if options.asf is not None:
        raise InputError(f"{path}: a BVH file has its skeleton in it and takes no ASF file")
    return read_bvh(path, options.units, fps=options.fps, up=options.up)


def _findings(raw: RawMotion, metres: float, doubtful: bool, evidence: str) -> Iterator[Finding]:
    """Decisions of the reader that the user may want to check."""
    if doubtful:
        yield Finding.of_file(
            "units_doubt",
            "warning",
            f"the figure's height fits no adult in any unit: {evidence}",
            "name the unit (--units)",
        )
    renamed = [new for new, joint in zip(raw.names, raw.joints, strict=True) if new != joint.name]
    if renamed:
        yield Finding.of_file(
            "joint_names",
            "info",
            f"names come twice in the file; the later ones are {', '.join(renamed[:6])}",
            "nothing, or rename them in the file",
            joint=renamed[0],
        )
    worst = int(raw.stretch.argmax())
    if raw.stretch[worst] > 0:
        largest = float(raw.stretch[worst] * metres)
        count = int((raw.stretch > 0).sum())
        yield Finding.of_file(
            "stretch",
            "warning" if largest > _STRETCH else "info",
            f"{count} bones change their length by position channels, {raw.names[worst]} moves "
            f"by {largest:.4f} m in its parent; their median is taken",
            "nothing below a centimetre; else check that the file's figure is the right one",
            joint=raw.names[worst],
            value=largest,
            unit="m",
        )
    offset = np.array(raw.joints[0].offset)
    if offset.any() and any("position" in name for name in raw.joints[0].channels or ()):
        yield Finding.of_file(
            "root_offset",
            "info",
            "the root has an OFFSET and position channels; the channels are its place",
            "nothing",
            joint=raw.names[0],
            value=float(np.linalg.norm(offset) * metres),
            unit="m",
        )


def _identity(array_: FloatArray) -> FloatArray:
    """The array as it is."""
    return array_
