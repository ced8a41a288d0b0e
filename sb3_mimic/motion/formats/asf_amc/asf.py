"""ASF: the skeleton of an Acclaim motion, bones with a direction, a length and axes of their own.

A bone turns about its beginning, which is its parent's end; directions are along the world's axes
at rest. Format: M. Lander, "Working with Motion Capture File Formats", Game Developer (1998).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.formats.text import format_error, numbered_lines, parse_number, quote

#: Degrees of freedom that bones may have.
_ROTATIONS: Final = ("rx", "ry", "rz")

#: Those that the root has, too.
_TRANSLATIONS: Final = ("tx", "ty", "tz")


@dataclass
class AsfBone:
    """A bone as the file has it.

    Attributes:
        line: Line where it begins.
        name: Its name.
        direction: Unit vector from its beginning to its end, in the world at rest (3,).
        length: Its length in the file's unit.
        axis: Angles [rad] of the frame that its degrees of freedom are in (3,).
        axis_order: Order of these angles, first turn first: "xyz".
        dof: Its degrees of freedom in the order in which an AMC file has them: "rx", "ry", "rz".
        parent: Name of its parent, "root" or a bone.
    """

    line: int
    name: str = ""
    direction: FloatArray = field(default_factory=lambda: np.zeros(3))
    length: float = float("nan")
    axis: FloatArray | None = None
    axis_order: str = "xyz"
    dof: tuple[str, ...] = ()
    parent: str = ""

    @property
    def vector(self) -> FloatArray:
        """From its beginning to its end at rest (3,), in the file's unit."""
        vector: FloatArray = self.direction * self.length
        return vector


@dataclass
class AsfSkeleton:
    """A skeleton as the file has it.

    Attributes:
        path: The file.
        length: The number after "length" in ``:units``: its unit is inches divided by it.
        degrees: Whether angles are in degrees.
        root_order: The root's numbers in an AMC file, in order: "tx", "ry", …
        root_axis: Angles [rad] of the root's frame (3,).
        root_axis_order: Order of these angles, first turn first.
        bones: The bones by name, parents before their children.
    """

    path: Path
    length: float = 1.0
    degrees: bool = True
    root_order: tuple[str, ...] = ("tx", "ty", "tz", "rx", "ry", "rz")
    root_axis: FloatArray = field(default_factory=lambda: np.zeros(3))
    root_axis_order: str = "xyz"
    bones: dict[str, AsfBone] = field(default_factory=dict)


def read_asf(path: Path) -> AsfSkeleton:
    """Reads an ASF file; documentation, masses, limits and skins are passed over.

    Raises:
        InputError: With file, line and bone, for what is no skeleton.
    """
    skeleton = AsfSkeleton(path)
    section = ""
    bone: AsfBone | None = None
    parents: dict[str, tuple[str, int]] = {}
    line = 0
    lines = ((line, text) for line, text in numbered_lines(path, "ASF") if not text.startswith("#"))
    for line, text in lines:
        words = text.split()
        if text.startswith(":"):
            section = words[0].lower()
        elif not section:
            raise format_error(path, line, f"an ASF file begins with :version, found {quote(text)}")
        elif section == ":units":
            _unit(skeleton, line, words)
        elif section == ":root":
            _root(skeleton, line, words)
        elif section == ":bonedata":
            bone = _bone_data(skeleton, line, words, bone)
        elif section == ":hierarchy" and words[0].lower() not in {"begin", "end"}:
            for child in words[1:]:
                _relate(skeleton, line, words[0], child, parents)
    if not skeleton.bones or bone is not None:
        raise format_error(
            path, line, "the file ends before its bones do; it is truncated or no ASF"
        )
    _sort(skeleton, parents, line)
    return skeleton


def _bone_data(
    skeleton: AsfSkeleton, line: int, words: list[str], bone: AsfBone | None
) -> AsfBone | None:
    """A line of ``:bonedata``: the bone that is open after it, given the one before it."""
    key = words[0].lower()
    if key == "begin":
        return AsfBone(line)
    if bone is None:
        raise format_error(
            skeleton.path, line, f"expected begin in :bonedata, found {quote(' '.join(words))}"
        )
    if key == "end":
        _add(skeleton, line, bone)
        return None
    _bone(skeleton, line, words, bone)
    return bone


def _unit(skeleton: AsfSkeleton, line: int, words: list[str]) -> None:
    """A line of ``:units``."""
    key, value = words[0].lower(), words[1] if len(words) > 1 else ""
    if key == "length":
        length = parse_number(value)
        if length is None or length <= 0:
            raise format_error(
                skeleton.path, line, f"length must be positive, found {quote(value)}"
            )
        skeleton.length = length
    elif key == "angle":
        if value.lower() not in {"deg", "rad"}:
            raise format_error(
                skeleton.path, line, f"angle must be deg or rad, found {quote(value)}"
            )
        skeleton.degrees = value.lower() == "deg"


def _root(skeleton: AsfSkeleton, line: int, words: list[str]) -> None:
    """A line of ``:root``; its position is that of the drawing, AMC files have their own."""
    key = words[0].lower()
    if key == "order":
        order = tuple(word.lower() for word in words[1:])
        if not set(order) <= {*_ROTATIONS, *_TRANSLATIONS} or len(set(order)) != len(order):
            raise format_error(
                skeleton.path,
                line,
                f"the root's order is made of TX TY TZ RX RY RZ, found {quote(' '.join(words))}",
            )
        skeleton.root_order = order
    elif key == "axis":
        skeleton.root_axis_order = _axis_order(skeleton, line, words[-1])
    elif key == "orientation":
        skeleton.root_axis = _angles(skeleton, _numbers(skeleton, line, words[1:], "root", 3))


def _bone(skeleton: AsfSkeleton, line: int, words: list[str], bone: AsfBone) -> None:
    """A line of a bone; what is not needed is passed over."""
    key = words[0].lower()
    if key == "name":
        bone.name = " ".join(words[1:])
    elif key == "direction":
        direction = _numbers(skeleton, line, words[1:], bone.name, 3)
        norm = np.linalg.norm(direction)
        bone.direction = direction / norm if norm > 0 else direction
    elif key == "length":
        bone.length = float(_numbers(skeleton, line, words[1:], bone.name, 1)[0])
    elif key == "axis":
        axis = _numbers(skeleton, line, words[1:4], bone.name, 3)
        bone.axis = _angles(skeleton, axis)
        bone.axis_order = _axis_order(skeleton, line, words[4] if len(words) > 4 else "XYZ")
    elif key == "dof":
        bone.dof = tuple(word.lower() for word in words[1:])
        unknown = [word for word in bone.dof if word not in _ROTATIONS]
        if unknown or len(set(bone.dof)) != len(bone.dof):
            raise format_error(
                skeleton.path,
                line,
                f"bone {bone.name} has the dof {quote(' '.join(words[1:]))}; only rx, ry and rz, "
                "each once, are supported: bones do not move in or change their length",
            )


def _add(skeleton: AsfSkeleton, line: int, bone: AsfBone) -> None:
    """Takes in a bone at its end."""
    if not bone.name:
        raise format_error(
            skeleton.path, line, f"the bone that begins in line {bone.line} has no name"
        )
    if bone.name in skeleton.bones or bone.name == "root":
        raise format_error(skeleton.path, line, f"there is a second bone {bone.name}")
    if np.isnan(bone.length) or bone.axis is None or (bone.length and not bone.direction.any()):
        raise format_error(
            skeleton.path, line, f"bone {bone.name} lacks its direction, its length or its axis"
        )
    skeleton.bones[bone.name] = bone


def _relate(
    skeleton: AsfSkeleton, line: int, parent: str, child: str, parents: dict[str, tuple[str, int]]
) -> None:
    """A parent and a child of ``:hierarchy``."""
    for name in (parent, child):
        if name not in skeleton.bones and name != "root":
            raise format_error(
                skeleton.path, line, f"the hierarchy has an unknown bone {quote(name)}"
            )
    if child == "root":
        raise format_error(skeleton.path, line, f"the root cannot be a child of {parent}")
    if child in parents:
        raise format_error(
            skeleton.path,
            line,
            f"bone {child} has two parents, {parents[child][0]} and {parent}",
        )
    parents[child] = (parent, line)


def _sort(skeleton: AsfSkeleton, parents: dict[str, tuple[str, int]], line: int) -> None:
    """Puts parents before their children, depth first."""
    children: dict[str, list[str]] = {}
    for child, (parent, _) in parents.items():
        children.setdefault(parent, []).append(child)
        skeleton.bones[child].parent = parent
    order: list[str] = []
    stack = children.get("root", [])[::-1]
    while stack:
        order.append(stack.pop())
        stack += children.get(order[-1], [])[::-1]
    left = [name for name in skeleton.bones if name not in set(order)]
    if left:
        raise format_error(
            skeleton.path,
            line,
            f"the hierarchy does not connect bone {left[0]} to the root; it is truncated or wrong",
        )
    skeleton.bones = {name: skeleton.bones[name] for name in order}


def _numbers(
    skeleton: AsfSkeleton, line: int, words: list[str], bone: str, count: int
) -> FloatArray:
    """Parses a fixed number of numbers."""
    values = [parse_number(word) for word in words]
    if len(words) != count or None in values:
        raise format_error(
            skeleton.path,
            line,
            f"{bone or 'a bone'} needs {count} number{'s' * (count > 1)} here, "
            f"found {quote(' '.join(words))}",
        )
    return np.array(values, dtype=np.float64)


def _angles(skeleton: AsfSkeleton, values: FloatArray) -> FloatArray:
    """Angles [rad]."""
    return np.radians(values) if skeleton.degrees else values


def _axis_order(skeleton: AsfSkeleton, line: int, word: str) -> str:
    """An order of axes in lower case."""
    if sorted(word.lower()) != ["x", "y", "z"]:
        raise format_error(
            skeleton.path, line, f"an order of axes must be like XYZ, found {quote(word)}"
        )
    return word.lower()
