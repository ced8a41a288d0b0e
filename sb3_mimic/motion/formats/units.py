"""A file's unit of length: named by the user, or guessed from the figure's height."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sb3_mimic.names import unknown_name

#: Metres of the units that a file may be in. "cmu" is the CMU database's: inches / 0.45.
UNITS: Final[dict[str, float]] = {
    "m": 1.0,
    "cm": 0.01,
    "mm": 0.001,
    "in": 0.0254,
    "ft": 0.3048,
    "cmu": 0.0254 / 0.45,
}

#: Those that are guessed. Feet are not: 1 m and 3 ft figures look alike, and no file has been seen.
_GUESSED: Final = ("m", "cm", "mm", "in", "cmu")

#: Height of a standing adult from the tips of the toes to the tip of the head's bone [m]: what a
#: guess should come near. CMU's figures have 1.4 to 1.6 m.
_ADULT: Final = 1.55

#: Heights that a guess is trusted with [m]. The next unit is a factor of 2.2 away.
_TRUSTED: Final = (1.05, 2.3)


@dataclass(frozen=True)
class Unit:
    """A unit of length and where it is known from.

    Attributes:
        metres: Its length [m].
        evidence: What it is and why, for people.
        doubtful: Whether it was guessed and the guess is a weak one.
    """

    metres: float
    evidence: str
    doubtful: bool = False


def find_unit(name: str) -> Unit:
    """The unit that the user names.

    Raises:
        InputError: If there is no such unit.
    """
    if name not in UNITS:
        raise unknown_name("unit", name, UNITS)
    return Unit(UNITS[name], f"1 unit = {UNITS[name]:g} m ({name}), as told")


def guess_unit(height: float) -> Unit:
    """The unit that makes a figure as tall as an adult.

    Args:
        height: Height of the figure in the file's unit.
    """
    if not height > 0:
        return Unit(1.0, "1 unit = 1 m (m), for want of evidence: the figure has no height", True)
    by_fit = sorted(_GUESSED, key=lambda name: abs(np.log(height * UNITS[name] / _ADULT)))
    best, *others = by_fit
    tall = height * UNITS[best]
    alternatives = ", ".join(f"{name} {height * UNITS[name]:.2f} m" for name in others[:2])
    return Unit(
        UNITS[best],
        f"1 unit = {UNITS[best]:.6g} m ({best}), guessed: the figure is {height:.4g} units tall, "
        f"so {tall:.2f} m ({alternatives})",
        doubtful=not is_adult_height(tall),
    )


def is_adult_height(height: float) -> bool:
    """Whether a figure of this height [m] may be an adult."""
    return _TRUSTED[0] <= height <= _TRUSTED[1]
