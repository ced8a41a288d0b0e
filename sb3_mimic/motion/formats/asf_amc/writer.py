"""Writing ASF/AMC: the skeleton and the motion, y-up, in CMU's unit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.formats.axes import quaternions_to_y_up, to_y_up
from sb3_mimic.motion.formats.units import UNITS
from sb3_mimic.motion.hinges import rotation_to_hinges
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import rotation

#: Decimals of degrees and lengths, and of directions.
_DECIMALS: Final = 6
_DIRECTION_DECIMALS: Final = 9


@dataclass(frozen=True)
class _Bone:
    """A bone of the file: where it hangs, where it goes, and the joint that turns it, if any."""

    name: str
    parent: str
    vector: FloatArray
    joint: int | None


def write_asf_amc(motion: SkeletalMotion, amc: str | Path, asf: str | Path | None = None) -> None:
    """Writes an AMC file and the ASF file of its skeleton.

    Lengths are in CMU's unit (inches / 0.45), numbers have 6 decimals. Every joint that turns has
    all three rotations and no axis of its own. A joint becomes the bone that begins at it; where
    its children begin in several places, bones without degrees of freedom lead there. Letters that
    the format cannot have in names become "_". The rate is in ``:SAMPLES-PER-SECOND``, which CMU's
    files lack.

    Args:
        motion: Any motion.
        amc: The file of the motion. Both files are replaced as a whole or not at all.
        asf: The file of the skeleton; without it, beside the motion, with the same name.
    """
    amc = Path(amc)
    asf = amc.with_suffix(".asf") if asf is None else Path(asf)
    names = _names(motion.tree)
    bones = list(_bones(motion.tree, names, to_y_up(motion.tree.offsets) / UNITS["cmu"]))
    turning = (motion.rotations != motion.rotations[:1]).any(axis=(0, 2))
    turning |= (motion.rotations[0] != (1, 0, 0, 0)).any(axis=1)
    moved = [bone for bone in bones if bone.joint is not None and turning[bone.joint]]
    skeleton = "\n".join(_skeleton_lines(motion.name, bones, {bone.name for bone in moved}))
    with atomic_path(asf) as skeleton_file, atomic_path(amc) as motion_file:
        skeleton_file.write_text(skeleton + "\n", encoding="utf-8")
        with motion_file.open("w", encoding="utf-8") as file:
            file.write(f":FULLY-SPECIFIED\n:SAMPLES-PER-SECOND {motion.fps:.9g}\n:DEGREES\n")
            file.writelines(_frames(motion, moved))


def _names(tree: JointTree) -> list[str]:
    """Names that the format can have, all different; the first is "root"."""
    names = ["root"]
    for name in tree.names[1:]:
        unique, count = _plain(name), 1
        while unique in names:
            count += 1
            unique = f"{_plain(name)}_{count}"
        names.append(unique)
    return names


def _plain(name: str) -> str:
    """A name without what the format cannot have: spaces, signs, nothing but digits."""
    plain = re.sub(r"[^\w.-]", "_", name)
    return f"_{plain}" if plain.isdecimal() or not plain else plain


def _bones(tree: JointTree, names: list[str], offsets: FloatArray) -> Iterator[_Bone]:
    """The bones, parents before their children; offsets (J, 3) are the file's."""
    holder = {0: "root"}  # the bone at whose end each joint is
    for joint in range(tree.n_joints):
        children = tree.children(joint)
        ends = offsets[children]
        # The root has no length; neither has a joint whose children begin in several places.
        common = joint > 0 and len(children) > 0 and not np.ptp(ends, axis=0).any()
        if joint and not tree.end_site[joint]:
            vector = ends[0] if common else np.zeros(3)
            yield _Bone(names[joint], holder[joint], vector, joint)
        for child in children:
            holder[child] = names[joint]
            if tree.end_site[child] and not common:
                yield _Bone(names[child], names[joint], offsets[child], None)
            elif not common and offsets[child].any():
                holder[child] = f"{names[joint]}_to_{names[child]}"
                yield _Bone(holder[child], names[joint], offsets[child], None)


def _skeleton_lines(name: str, bones: list[_Bone], moved: set[str]) -> Iterator[str]:
    """The ASF file."""
    yield from (":version 1.10", f":name {_plain(name)}", ":units")
    yield from ("  mass 1.0", "  length 0.45", "  angle deg", ":documentation")
    yield from ("  written by sb3-mimic", ":root", "  order TX TY TZ RX RY RZ", "  axis XYZ")
    yield from ("  position 0 0 0", "  orientation 0 0 0", ":bonedata")
    for number, bone in enumerate(bones, start=1):
        length = float(np.linalg.norm(bone.vector))
        direction = bone.vector / length if length else np.array([0.0, 1.0, 0.0])
        yield from ("  begin", f"     id {number}", f"     name {bone.name}")
        yield f"     direction {_numbers(direction, _DIRECTION_DECIMALS)}"
        yield f"     length {length:.{_DIRECTION_DECIMALS}f}"
        yield "     axis 0 0 0 XYZ"
        if bone.name in moved:
            yield from ("    dof rx ry rz", "    limits (-180.0 180.0)")
            yield from ("           (-180.0 180.0)", "           (-180.0 180.0)")
        yield "  end"
    yield from (":hierarchy", "  begin")
    parents = dict.fromkeys(bone.parent for bone in bones)
    for parent in parents:
        yield f"    {parent} {' '.join(bone.name for bone in bones if bone.parent == parent)}"
    yield "  end"


def _frames(motion: SkeletalMotion, moved: list[_Bone]) -> Iterator[str]:
    """The AMC file's frames."""
    quaternions = quaternions_to_y_up(motion.rotations)
    columns = [to_y_up(motion.root_position) / UNITS["cmu"]]
    # Rz·Ry·Rx: x turns first, and the outermost hinge is z.
    columns += [
        np.degrees(rotation_to_hinges(rotation(quaternions[:, joint]), "zyx", closed=False))[
            :, ::-1
        ]
        for joint in (0, *(bone.joint for bone in moved))
    ]
    rows = np.concatenate(columns, axis=1).round(_DECIMALS) + 0.0  # + 0.0 turns −0.0 into 0.0
    places = " ".join([f"%.{_DECIMALS}f"] * 3)
    frame = f"%d\nroot {places} {places}\n"
    frame += "".join(f"{bone.name.replace('%', '%%')} {places}\n" for bone in moved)
    for number, row in enumerate(rows, start=1):
        yield frame % (number, *row)


def _numbers(values: FloatArray, decimals: int) -> str:
    """Numbers with spaces between them."""
    return " ".join(f"{value:.{decimals}f}" for value in values.round(decimals) + 0.0)
