"""Mappings from a skeleton's joints to the character's parts: files, known families, checks."""

import difflib
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from sb3_mimic.errors import InputError
from sb3_mimic.motion.retarget.guess import guess_by_names, guess_by_shape
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.motion.skeletons.tree import JointTree

#: Each of the character's parts and the part that it must lie below in the joint tree.
ABOVE: Final[AbstractMapping[str, str | None]] = MappingProxyType(
    {"root": None, "chest": "root", "neck": "chest"}
    | {
        f"{side}_{part}": above.format(side=side)
        for side in SIDES
        for part, above in (
            ("hip", "root"),
            ("knee", "{side}_hip"),
            ("ankle", "{side}_knee"),
            ("toe", "{side}_ankle"),
            ("shoulder", "chest"),
            ("elbow", "{side}_shoulder"),
            ("wrist", "{side}_elbow"),
        )
    }
)

#: Parts that a skeleton may lack: without toes the rest pose tells where the feet point.
OPTIONAL: Final = frozenset({"right_toe", "left_toe"})


@dataclass(frozen=True)
class JointMapping:
    """The joint of a file for each part of the character.

    Attributes:
        joints: Joint name by part: "root" (the pelvis), "chest" (the joint that turns the shoulder
            girdle), "neck" (the joint that turns the head), and on either side "hip", "knee",
            "ankle", "shoulder", "elbow", "wrist" and, where there is one, "toe" (the ball of the
            foot), as ``left_hip``.
        origin: Where it came from: the name of a family, "guessed from names", "guessed from the
            tree", or a path.

    Raises:
        InputError: At construction, for parts that are unknown or missing, or joints used twice.
    """

    joints: AbstractMapping[str, str]
    origin: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", MappingProxyType(dict(self.joints)))
        for part in self.joints:
            if part not in ABOVE:
                near = difflib.get_close_matches(part, ABOVE, n=2)
                hint = (
                    f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(ABOVE)}"
                )
                raise InputError(
                    f"mapping {self.origin}: the character has no part {part!r}; {hint}"
                )
        missing = [part for part in ABOVE if part not in self.joints and part not in OPTIONAL]
        if missing:
            raise InputError(f"mapping {self.origin}: no joint is given for {', '.join(missing)}")
        used: dict[str, str] = {}
        for part, joint in self.joints.items():
            if joint in used:
                raise InputError(
                    f"mapping {self.origin}: joint {joint!r} is given twice, for {used[joint]} "
                    f"and {part}"
                )
            used[joint] = part

    def indices(self, tree: JointTree) -> dict[str, int]:
        """Number of each part's joint in a joint tree.

        Raises:
            InputError: If a joint is not there, or not below the one it has to be below.
        """
        found = {}
        for part, joint in self.joints.items():
            if joint not in tree.names:
                near = difflib.get_close_matches(joint, tree.names, n=3)
                hint = f"did you mean {' or '.join(near)}?" if near else _list_joints(tree)
                raise InputError(
                    f"mapping {self.origin}: there is no joint {joint!r} for {part}; {hint}"
                )
            found[part] = tree.names.index(joint)
        for part, index in found.items():
            above = ABOVE[part]
            if above is not None and found[above] not in tree.ancestors(index):
                raise InputError(
                    f"mapping {self.origin}: {part} is {self.joints[part]!r}, which does not lie "
                    f"below {self.joints[above]!r}, the {above}, in the joint tree"
                )
        return found

    def to_yaml(self) -> str:
        """The mapping as a file that can be edited and given back."""
        head = f"# The character's part: joint of the file ({self.origin}).\n"
        ordered = {part: self.joints[part] for part in ABOVE if part in self.joints}
        return head + str(yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True))


def read_mapping(path: str | Path) -> JointMapping:
    """Reads a mapping file: YAML, a joint's name by part of the character.

    Raises:
        InputError: If the file cannot be read or is no such mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"mapping {path}: cannot be read ({reason})") from error
    return _parse(text, str(path))


def find_mapping(tree: JointTree) -> JointMapping:
    """The mapping of a skeleton: of a known family, or guessed from names, then from the tree.

    Names match whatever their case and their namespace ("mixamorig:Hips" is "Hips").

    Raises:
        InputError: If parts cannot be found, naming them and the joints that there are.
    """
    names = {plain_name(name): name for name in reversed(tree.names)}
    for family in families():
        joints = {part: names.get(plain_name(joint)) for part, joint in family.joints.items()}
        found = {part: joint for part, joint in joints.items() if joint is not None}
        if all(part in found or part in OPTIONAL for part in joints):
            mapping = JointMapping(found, family.origin)
            if _fits(mapping, tree):
                return mapping
    named = guess_by_names(tree)
    candidates = [(named, "guessed from names")]
    if not _complete(named):
        candidates.append((guess_by_shape(tree), "guessed from the tree"))
    for joints_found, origin in candidates:
        if _complete(joints_found):
            mapping = JointMapping(joints_found, origin)
            if _fits(mapping, tree):
                return mapping
    missing = [part for part in ABOVE if part not in named and part not in OPTIONAL]
    raise InputError(
        f"no joint was found for {', '.join(missing) or 'a body with two legs and two arms'}; give "
        "a mapping file (--mapping FILE.yaml, a line 'left_hip: JOINT' a part); "
        f"{_list_joints(tree)}"
    )


@cache
def families() -> tuple[JointMapping, ...]:
    """The mappings that come with the package, by name."""
    folder = files("sb3_mimic.assets").joinpath("mappings")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return tuple(
        _parse(entry.read_text(encoding="utf-8"), entry.name.removesuffix(".yaml"))
        for entry in entries
        if entry.name.endswith(".yaml")
    )


def plain_name(name: str) -> str:
    """A joint's name without namespace, in lower case."""
    return name.rsplit(":", 1)[-1].rsplit("|", 1)[-1].lower()


def _parse(text: str, origin: str) -> JointMapping:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"mapping {origin}: is no YAML{where}") from error
    if not isinstance(document, dict) or not document:
        raise InputError(f"mapping {origin}: must have a line 'part: joint' for each part")
    for part, joint in document.items():
        if not isinstance(part, str) or not isinstance(joint, str):
            raise InputError(f"mapping {origin}: {part!r}: {joint!r} must be two names")
    return JointMapping(document, origin)


def _complete(joints: AbstractMapping[str, str]) -> bool:
    return all(part in joints or part in OPTIONAL for part in ABOVE)


def _fits(mapping: JointMapping, tree: JointTree) -> bool:
    try:
        mapping.indices(tree)
    except InputError:
        return False
    return True


def _list_joints(tree: JointTree) -> str:
    names = [name for name, end in zip(tree.names, tree.end_site, strict=True) if not end]
    return f"there are {', '.join(names)}"
