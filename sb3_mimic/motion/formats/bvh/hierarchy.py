"""The HIERARCHY of a BVH file: joints, offsets and channels."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sb3_mimic.motion.formats.text import format_error, parse_number, quote

#: Channels by their names in lower case.
CHANNELS: Final = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "xyz")

#: More joints than any figure has, so that a broken file does not fill the memory.
_MOST_JOINTS: Final = 500


@dataclass
class BvhJoint:
    """A joint as the file has it.

    Attributes:
        name: Its name; of an ``End Site`` its parent's with ``_end``.
        parent: Index of its parent, −1 for the root.
        line: Line where it begins.
        end_site: Whether it is an ``End Site``.
        offset: Its OFFSET, in the file's unit and axes; None until there is one.
        channels: Its CHANNELS in lower case, such as "xrotation"; None until there are any.
    """

    name: str
    parent: int
    line: int
    end_site: bool
    offset: tuple[float, float, float] | None = None
    channels: tuple[str, ...] | None = field(default=None)


def read_hierarchy(path: Path, lines: Iterator[tuple[int, str]]) -> list[BvhJoint]:
    """Reads from the file's first line to the one that says MOTION.

    Args:
        path: The file, for the messages.
        lines: Its lines with their numbers, which are used up to MOTION.

    Returns:
        The joints, parents before their children.

    Raises:
        InputError: With line and joint, for anything that is no hierarchy.
    """
    reader = _HierarchyReader(path)
    line = 0
    for line, text in lines:
        for piece in re.split(r"([{}])", text):
            if piece.split() and reader.take(line, piece):
                return reader.joints
    where = f" in joint {reader.joints[-1].name}" if reader.joints else ""
    raise format_error(
        path, line, f"the file ends{where}, before MOTION; it is truncated or no BVH file"
    )


class _HierarchyReader:
    """What was read of a hierarchy so far, a piece of a line at a time.

    Args:
        path: The file, for the messages.

    Attributes:
        joints: The joints so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.joints: list[BvhJoint] = []
        self._open: list[int] = []  # joints whose braces are open
        self._awaited: int | None = None  # a joint whose "{" is still to come
        self._begun = False

    def take(self, line: int, piece: str) -> bool:
        """Takes a piece, a brace or the words between braces; gives whether it is MOTION."""
        words = piece.split()
        key = words[0].upper()
        if not self._begun:
            if key != "HIERARCHY":
                raise format_error(
                    self.path, line, f"a BVH file begins with HIERARCHY, found {quote(piece)}"
                )
            self._begun = True
        elif self._awaited is not None:
            self._open_braces(line, piece)
        elif key == "MOTION":
            self._end(line)
            return True
        elif key in {"ROOT", "JOINT", "END"}:
            self._awaited = _begin(self.path, line, words, self.joints, self._open)
        else:
            self._take_within(line, piece, words)
        return False

    def _open_braces(self, line: int, piece: str) -> None:
        if piece.split(maxsplit=1)[0] != "{":
            name = self.joints[self._awaited or 0].name
            raise format_error(
                self.path, line, f"expected {{ after joint {name}, found {quote(piece)}"
            )
        self._open.append(self._awaited or 0)
        self._awaited = None

    def _end(self, line: int) -> None:
        """At MOTION everything has to be closed."""
        if self._open:
            name = self.joints[self._open[-1]].name
            raise format_error(
                self.path, line, f"MOTION begins before joint {name} is closed by }}"
            )
        if not self.joints:
            raise format_error(self.path, line, "MOTION begins before there is a ROOT")

    def _take_within(self, line: int, piece: str, words: list[str]) -> None:
        """A line of a joint, or the brace that closes it."""
        path, key = self.path, words[0].upper()
        if not self._open:
            raise format_error(path, line, f"expected ROOT or MOTION, found {quote(piece)}")
        joint = self.joints[self._open[-1]]
        if key == "}":
            self._open.pop()
            _finish(path, line, joint)
        elif key == "OFFSET":
            _set_offset(path, line, words[1:], joint)
        elif key == "CHANNELS":
            _set_channels(path, line, words[1:], joint)
        else:
            raise format_error(
                path,
                line,
                f"expected OFFSET, CHANNELS, JOINT, End Site or }} in joint {joint.name}, found "
                f"{quote(piece)}",
            )


def _begin(
    path: Path, line: int, words: list[str], joints: list[BvhJoint], open_joints: list[int]
) -> int:
    """Adds a joint; gives its index."""
    key, name = words[0].upper(), " ".join(words[1:])
    if key == "ROOT" and joints:
        raise format_error(
            path,
            line,
            f"a second ROOT {quote(name)} after {joints[0].name}; a file with several figures is "
            "not supported, split it",
        )
    if key != "ROOT" and not open_joints:
        raise format_error(
            path, line, f"{words[0]} {quote(name)} stands outside of the ROOT's braces"
        )
    parent = open_joints[-1] if open_joints else -1
    if not name:
        raise format_error(path, line, f"{words[0]} has no name")
    if parent >= 0 and joints[parent].end_site:
        raise format_error(
            path, line, f"joint {quote(name)} stands in the end site {joints[parent].name}"
        )
    if len(joints) == _MOST_JOINTS:
        raise format_error(path, line, f"more than {_MOST_JOINTS} joints; no figure has as many")
    end_site = key == "END"
    joints.append(
        BvhJoint(f"{joints[parent].name}_end" if end_site else name, parent, line, end_site)
    )
    return len(joints) - 1


def _finish(path: Path, line: int, joint: BvhJoint) -> None:
    """Checks a joint at its closing brace."""
    if joint.offset is None:
        raise format_error(path, line, f"joint {joint.name} has no OFFSET")


def _set_offset(path: Path, line: int, words: list[str], joint: BvhJoint) -> None:
    """Takes in an OFFSET."""
    if joint.offset is not None:
        raise format_error(path, line, f"joint {joint.name} has a second OFFSET")
    if len(words) != 3:
        raise format_error(
            path, line, f"the OFFSET of joint {joint.name} needs 3 numbers, found {len(words)}"
        )
    values = [parse_number(word) for word in words]
    if None in values:
        bad = words[values.index(None)]
        raise format_error(
            path, line, f"the OFFSET of joint {joint.name} has {quote(bad)} for a number"
        )
    x, y, z = (float(word) for word in words)
    joint.offset = (x, y, z)


def _set_channels(path: Path, line: int, words: list[str], joint: BvhJoint) -> None:
    """Takes in CHANNELS."""
    if joint.end_site:
        raise format_error(path, line, f"the end site {joint.name} has CHANNELS")
    if joint.channels is not None:
        raise format_error(path, line, f"joint {joint.name} has CHANNELS twice")
    count, names = words[:1], tuple(word.lower() for word in words[1:])
    if count != [str(len(names))]:
        raise format_error(
            path,
            line,
            f"the CHANNELS of joint {joint.name} should be {' '.join(count) or '?'}, "
            f"but {len(names)} are named",
        )
    for word, name in zip(words[1:], names, strict=True):
        if name not in CHANNELS:
            raise format_error(
                path,
                line,
                f"joint {joint.name} has an unknown channel {quote(word)}; channels are "
                "Xposition, Yposition, Zposition, Xrotation, Yrotation, Zrotation",
            )
    if len(set(names)) != len(names):
        twice = next(word for word in words[1:] if names.count(word.lower()) > 1)
        raise format_error(path, line, f"joint {joint.name} has the channel {twice} twice")
    joint.channels = names
