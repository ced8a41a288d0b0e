"""DeepMimic's dog clips (``dog3d_*.txt``): JSON as the character's, with 84 numbers a row.

A row is: duration [s], root position 3 [m], root quaternion wxyz 4, then joint by joint a
quaternion or, for knees and elbows, an angle about the file's z axis. The skeleton is that of
DeepMimic's ``characters/dog3d.txt`` (github.com/xbpeng/DeepMimic, MIT).
"""

from pathlib import Path
from typing import Final

import numpy as np

from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.axes import quaternions_to_z_up, to_z_up
from sb3_mimic.motion.formats.deepmimic.document import (
    UNIFORM_TOLERANCE,
    frame_durations,
    read_document,
    read_rows,
    unit_quaternions,
)
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import continuous_signs

_HINGES: Final = frozenset({"left_forearm", "right_forearm", "left_leg", "right_leg"})


def _legs(side: str, lateral: float) -> tuple[tuple[str, str, tuple[float, float, float]], ...]:
    """A side's fore and hind leg; ``lateral`` is +1 on the right, the file's z."""
    return (
        (f"{side}_shoulder", "spine1", (0.304074, -0.109983, 0.106071 * lateral)),
        (f"{side}_forearm", f"{side}_shoulder", (0.0, -0.19, 0.0)),
        (f"{side}_hand", f"{side}_forearm", (0.0, -0.2225, 0.0)),
        (f"{side}_finger", f"{side}_hand", (0.0, -0.09, 0.0)),
        (f"{side}_upper_leg", "root", (-0.074803, -0.095825, 0.05986 * lateral)),
        (f"{side}_leg", f"{side}_upper_leg", (0.0, -0.2, 0.0)),
        (f"{side}_foot", f"{side}_leg", (0.0, -0.225, 0.0)),
        (f"{side}_toe", f"{side}_foot", (0.0, -0.135, 0.0)),
    )


#: Joint, parent, place in the parent (x forward, y up, z right) [m], in the order of the columns.
_JOINTS: Final = (
    ("root", "", (0.0, 0.0, 0.0)),
    ("spine0", "root", (0.0, 0.0, 0.0)),
    ("spine1", "spine0", (0.2375, 0.0, 0.0)),
    ("neck", "spine1", (0.28135, 0.0, 0.0)),
    ("head", "neck", (0.175, 0.0, 0.0)),
    *_legs("left", -1.0)[:4],
    *_legs("right", 1.0)[:4],
    *_legs("left", -1.0)[4:],
    *_legs("right", 1.0)[4:],
    ("tail0", "root", (-0.086, 0.0, 0.0)),
    ("tail1", "tail0", (-0.2, 0.0, 0.0)),
)


def _columns() -> tuple[dict[str, slice], tuple[str, ...]]:
    """Columns of each joint's rotation, and a name for each column."""
    names = ["duration", *(f"root_position {axis}" for axis in "xyz")]
    columns = {}
    for joint, _, _ in _JOINTS:
        width = [""] if joint in _HINGES else [" w", " x", " y", " z"]
        columns[joint] = slice(len(names), len(names) + len(width))
        names += [joint + suffix for suffix in width]
    return columns, tuple(names)


_COLUMNS, _NAMES = _columns()


def read_dog3d(path: str | Path) -> SkeletalMotion:
    """Reads a dog clip.

    Args:
        path: The file.

    Returns:
        The motion, z-up, facing +x. A looping clip's last pose is in it, as in the file.

    Raises:
        InputError: If the file cannot be read, is no dog's, has a zero quaternion, or frames of
            unequal duration.
    """
    path = Path(path)
    rows = read_rows(path, read_document(path), "dog3d", _NAMES)
    durations = frame_durations(path, rows)
    usual = float(np.median(durations))
    if np.abs(durations / usual - 1).max() > UNIFORM_TOLERANCE:
        frame = int(np.abs(durations / usual - 1).argmax())
        raise InputError(
            f"{path}: frame {frame} lasts {durations[frame]:g} s and others {usual:g} s; a dog's "
            "clip must have frames of equal duration"
        )
    names = tuple(joint for joint, _, _ in _JOINTS)
    rotations = np.empty((len(rows), len(names), 4))
    for index, joint in enumerate(names):
        columns = _COLUMNS[joint]
        if joint in _HINGES:
            half = rows[:, columns.start] / 2
            turned = np.zeros((len(rows), 4))
            turned[:, 0], turned[:, 3] = np.cos(half), np.sin(half)
        else:
            turned = unit_quaternions(path, rows, columns, joint)
        rotations[:, index] = continuous_signs(quaternions_to_z_up(turned))
    tree = JointTree(
        names=names,
        parents=np.array([names.index(parent) if parent else -1 for _, parent, _ in _JOINTS]),
        offsets=to_z_up(np.array([offset for _, _, offset in _JOINTS])),
        end_site=np.zeros(len(names), dtype=np.bool_),
    )
    return SkeletalMotion(
        tree=tree,
        fps=1 / float(durations.mean()),
        root_position=to_z_up(rows[:, 1:4]),
        rotations=rotations,
        name=path.stem,
        source=str(path),
        units="metres, as DeepMimic's files are",
    )
