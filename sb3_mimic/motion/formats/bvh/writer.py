"""Writing BVH files: y-up, rotations Z Y X, one row of numbers per frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.formats.axes import quaternions_to_y_up, to_y_up
from sb3_mimic.motion.formats.units import find_unit
from sb3_mimic.motion.hinges import rotation_to_hinges
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import rotation

#: Order of the rotations, as in most BVH files of CMU's data.
_ORDER: Final = "zyx"

#: Decimals, of degrees and of the unit of length.
_DECIMALS: Final = 6


def write_bvh(motion: SkeletalMotion, path: str | Path, units: str = "cm") -> None:
    """Writes a BVH file, y-up, numbers with 6 decimals.

    Every joint has the channels Zrotation Yrotation Xrotation, on one continuous branch of angles;
    the root has position channels before them. A joint without children gets an End Site of no
    length, which other programs insist on.

    Args:
        motion: Any motion.
        path: The file; it is replaced as a whole or not at all.
        units: Unit of length that is written, one of ``UNITS``.

    Raises:
        InputError: If there is no such unit.
    """
    scale = 1 / find_unit(units).metres
    tree = motion.tree
    order = _depth_first(tree)
    hierarchy = "\n".join(_hierarchy_lines(tree, to_y_up(tree.offsets) * scale))
    quaternions = quaternions_to_y_up(motion.rotations)
    columns = [to_y_up(motion.root_position) * scale]
    columns += [
        np.degrees(rotation_to_hinges(rotation(quaternions[:, joint]), _ORDER, closed=False))
        for joint in order
        if not tree.end_site[joint]
    ]
    rows = np.concatenate(columns, axis=1).round(_DECIMALS) + 0.0  # + 0.0 turns −0.0 into 0.0
    row = " ".join([f"%.{_DECIMALS}f"] * rows.shape[1]) + "\n"
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"HIERARCHY\n{hierarchy}\nMOTION\nFrames: {motion.n_frames}\n")
        file.write(f"Frame Time: {1 / motion.fps:.10f}\n")
        file.writelines(row % tuple(values) for values in rows)


def _depth_first(tree: JointTree) -> list[int]:
    """The joints in the order in which they are written."""
    order: list[int] = []
    stack = [0]
    while stack:
        joint = stack.pop()
        order.append(joint)
        stack += reversed(tree.children(joint))
    return order


def _hierarchy_lines(tree: JointTree, offsets: FloatArray) -> Iterator[str]:
    """The joints, indented, with offsets (J, 3) in the file's axes and unit."""
    rotations = " ".join(f"{axis.upper()}rotation" for axis in _ORDER)
    depth = 0
    open_joints: list[int] = []
    for joint in _depth_first(tree):
        while open_joints and open_joints[-1] != tree.parents[joint]:
            open_joints.pop()
            depth -= 1
            yield "  " * depth + "}"
        open_joints.append(joint)
        offset = " ".join(
            f"{value:.{_DECIMALS}f}" for value in offsets[joint].round(_DECIMALS) + 0.0
        )
        indent = "  " * depth
        if tree.end_site[joint]:
            yield from (f"{indent}End Site", f"{indent}{{", f"{indent}  OFFSET {offset}")
        else:
            kind = "JOINT" if joint else "ROOT"
            channels = rotations if joint else f"Xposition Yposition Zposition {rotations}"
            yield from (
                f"{indent}{kind} {tree.names[joint]}",
                f"{indent}{{",
                f"{indent}  OFFSET {offset}",
                f"{indent}  CHANNELS {len(channels.split())} {channels}",
            )
            if not tree.children(joint):
                yield from (
                    f"{indent}  End Site",
                    f"{indent}  {{",
                    f"{indent}    OFFSET 0 0 0",
                    f"{indent}  }}",
                )
        depth += 1
    while depth:
        depth -= 1
        yield "  " * depth + "}"
