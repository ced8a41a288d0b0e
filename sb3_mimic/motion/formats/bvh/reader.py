"""BVH: joints with offsets and channels, then a row of numbers per frame. y-up as a rule.

A joint's rotation is the product of its channels' rotations in their order: "Zrotation Yrotation
Xrotation" is Rz·Ry·Rx. Channels may come in any number on any joint. The format states no unit and
no axes; both are guessed from the figure, and the guess is in ``SkeletalMotion.units``.

Why no library: pybvh 0.9.0, the best kept, refuses joints but the root with 6 channels or 1 and
takes NaN in; guarding it would take the parser below all the same, and it brings matplotlib.
"""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.formats.axes import quaternions_to_z_up, to_z_up
from sb3_mimic.motion.formats.bvh.hierarchy import BvhJoint, read_hierarchy
from sb3_mimic.motion.formats.options import ReadOptions
from sb3_mimic.motion.formats.rate import check_rate, nearest_rate
from sb3_mimic.motion.formats.text import (
    MAX_NUMBER,
    format_error,
    numbered_lines,
    parse_number,
    quote,
)
from sb3_mimic.motion.formats.units import find_unit, guess_unit
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree, forward_kinematics
from sb3_mimic.names import unknown_name
from sb3_mimic.spatial import continuous_signs, wxyz

#: Frames that are looked at to tell the up axis and the unit.
_SAMPLED: Final = 64

#: How much longer than along y the figure is along z where z is up.
_TALLER: Final = 1.3

# Upright figures are this many times less alike along the vertical than front and back are: 0.11 to
# 0.2 of their size against 0.03 to 0.04 in CMU's and a game engine's files.
_LESS_ALIKE: Final = 2.0

# Width over the largest extent from which a figure at rest has two sides.
_BROAD: Final = 0.1

_AXES: Final[tuple[Literal["x", "y", "z"], ...]] = ("x", "y", "z")

#: Shortest time between frames [s].
_SHORTEST: Final = 1e-6

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
    file_fps, rows = _read_motion(path, lines, joints)
    raw = _raw_motion(joints, rows)
    if up is None:
        found = _up_axis(raw)
        if found == "x":
            raise InputError(
                f"{path}: the figure stands along x, and up is y or z; turn it in the program that "
                "it comes from, or, if it does not, say what is up by --up"
            )
        up = found
    elif up not in {"y", "z"}:
        raise unknown_name("up axis", up, ("y", "z"))
    height = _height(raw, up)
    unit = guess_unit(height) if units is None else find_unit(units)

    vectors, turns = (to_z_up, quaternions_to_z_up) if up == "y" else (_same, _same)
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


@dataclass(frozen=True)
class _Raw:
    """Content of a file, in its own axes and unit."""

    names: tuple[str, ...]
    joints: list[BvhJoint]
    offsets: FloatArray
    root_position: FloatArray
    rotations: FloatArray
    stretch: FloatArray  # largest movement of each joint in its parent (J,)


def _read_motion(
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

    values = array("d")
    row_lines = array("q")
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


def _raw_motion(joints: list[BvhJoint], rows: FloatArray) -> _Raw:
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
    return _Raw(_unique_names(joints), joints, offsets, root_position, rotations, stretch)


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


def _sampled_positions(raw: _Raw) -> FloatArray:
    """Joint positions in some frames, in the file's axes and unit."""
    tree = JointTree(
        raw.names,
        np.array([joint.parent for joint in raw.joints]),
        raw.offsets,
        np.array([joint.end_site for joint in raw.joints]),
    )
    count = min(_SAMPLED, len(raw.root_position))
    frames = np.unique(np.linspace(0, len(raw.root_position) - 1, count).astype(int))
    return forward_kinematics(tree, raw.root_position[frames], raw.rotations[frames])[0]


def _rest_positions(raw: _Raw) -> FloatArray:
    """Joint positions of the unturned figure, the root at the origin (J, 3)."""
    rest = np.zeros_like(raw.offsets)
    for index, joint in enumerate(raw.joints[1:], start=1):
        rest[index] = rest[joint.parent] + raw.offsets[index]
    return rest


def _rest_extent(raw: _Raw) -> FloatArray:
    """Size of the box around the unturned figure along x, y, z."""
    extent: FloatArray = np.ptp(_rest_positions(raw), axis=0)
    return extent


def _up_axis(raw: _Raw) -> Literal["x", "y", "z"]:
    """The axis along which the figure at rest is least its own mirror image.

    Bodies are alike on both sides, and front and back differ by little, but heads are no feet.
    Where the rest pose shows no two sides, as where all bones lie along one line, z is up if the
    figure is taller along z than along y and its lowest point stays level: a four-legged figure is
    longer along z in a y-up file, too, but then its lowest point along z goes where it walks.
    """
    errors, extent = _mirror_errors(raw), _rest_extent(raw)
    side = int(errors.argmin())
    second, first = np.sort(errors)[1:]
    if first > _LESS_ALIKE * second and extent[side] > _BROAD * extent.max():
        return _AXES[int(errors.argmax())]
    positions = _sampled_positions(raw)
    low, high = np.percentile(positions.min(axis=1), [5, 95], axis=0)
    level = high - low
    return "z" if extent[2] > _TALLER * extent[1] and level[2] < level[1] else "y"


def _mirror_errors(raw: _Raw) -> FloatArray:
    """Difference of the figure at rest from its mirror images along x, y and z (3,).

    Mean distance of a joint's image from the nearest joint, in parts of the figure's size.
    """
    rest = _rest_positions(raw)
    size = max(float(np.linalg.norm(np.ptp(rest, axis=0))), 1e-9)
    images = rest * (1 - 2 * np.eye(3))[:, None]
    distances = np.linalg.norm(images[:, :, None] - rest, axis=-1)
    errors: FloatArray = distances.min(axis=2).mean(axis=1) / size
    return errors


def _height(raw: _Raw, up: Literal["y", "z"]) -> float:
    """Height of the figure, at rest or moving: some files' rest pose is a star or a heap."""
    axis = "xyz".index(up)
    moving = np.median(np.ptp(_sampled_positions(raw)[..., axis], axis=1))
    return float(max(_rest_extent(raw)[axis], moving))


def _findings(raw: _Raw, metres: float, doubtful: bool, evidence: str) -> Iterator[Finding]:
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


def _same(array_: FloatArray) -> FloatArray:
    """The array as it is."""
    return array_
