"""Left and right in joint names."""

import re
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from sb3_mimic.arrays import IndexArray

Side = Literal["left", "right", "middle"]

#: The sides of the character's joint names.
SIDES: Final = ("right", "left")

_OTHER: Final = {"left": "right", "right": "left", "l": "r", "r": "l"}

#: Where a name may say its side: the word anywhere, its letter at either end or after a separator.
#: That "lowerback" is no side shows in that there is no "rowerback".
_SIDE: Final = re.compile(r"left|right|^[lr]|(?<=[ _.:-])[lr]|[lr]$", re.IGNORECASE)


def mirror_pairs(names: Sequence[str]) -> IndexArray:
    """For each joint the one on the other side of the body, itself where there is none.

    Two joints are a pair where exchanging one left for right ("LeftArm", "lfemur", "LHipJoint",
    "thigh.L", "Bip01 L Thigh", "left_hip") turns one name into the other.

    Args:
        names: Joint names (J,).

    Returns:
        Indices (J,), their own inverse.
    """
    index = {name: number for number, name in enumerate(names)}
    partner = np.arange(len(names))
    for name, number in index.items():
        for match in _SIDE.finditer(name):
            other = name[: match.start()] + _swap_side(match.group()) + name[match.end() :]
            if other in index:
                partner[number] = index[other]
                break
    # Of a one-sided claim nothing is left.
    mutual = partner[partner] == np.arange(len(names))
    pairs: IndexArray = np.where(mutual, partner, np.arange(len(names)))
    return pairs


def joint_sides(names: Sequence[str]) -> list[Side]:
    """The side of the body that each joint is on; "middle" where it has no counterpart."""
    partners = mirror_pairs(names)
    return [
        "middle" if partner == joint else _side_against(names[joint], names[partner])
        for joint, partner in enumerate(partners)
    ]


def _side_against(name: str, partner: str) -> Side:
    """The side of a joint whose name differs from its partner's by that."""
    own = next(a for a, b in zip(name.lower(), partner.lower(), strict=False) if a != b)
    return "left" if own == "l" else "right"


def _swap_side(side: str) -> str:
    """The other side, in the same case."""
    other = _OTHER[side.lower()]
    if side.isupper():
        return other.upper()
    return other.capitalize() if side[0].isupper() else other
