"""One or several motions, as commands and settings have them. Light: no torch, no simulator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: One motion, or several for one policy.
Motions = str | tuple[str, ...]


def several(motion: Motions | Sequence[str] | None) -> tuple[str, ...]:
    """The motions one by one; none for None."""
    if motion is None:
        return ()
    return (motion,) if isinstance(motion, str) else tuple(motion)


def given(motions: Sequence[str]) -> str | list[str]:
    """As ``motion=`` of an environment, and YAML, have them: one by itself, several as a list."""
    return motions[0] if len(motions) == 1 else list(motions)


def as_given(motions: Sequence[str]) -> Motions | None:
    """The opposite of `several`: one motion is itself."""
    return motions[0] if len(motions) == 1 else tuple(motions) or None


def chosen(asked: str, own: Sequence[str]) -> str:
    """The motion that is meant: one of a run's own by the name of its clip, else what it says."""
    return next((motion for motion in own if asked in (motion, Path(motion).stem)), asked)


def merged(by_motion: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Figures of several motions as one mapping; those of one motion as they are.

    Args:
        by_motion: The same figures for each motion.

    Returns:
        The mean of each figure over the motions, then ``<motion>/<figure>`` of each.

    Example:
        >>> merged({"walk": {"survival_s": 20.0}, "run": {"survival_s": 10.0}})
        {'survival_s': 15.0, 'walk/survival_s': 20.0, 'run/survival_s': 10.0}
    """
    first, *others = by_motion.values()
    if not others:
        return dict(first)
    means = {name: float(np.mean([each[name] for each in by_motion.values()])) for name in first}
    apart = {
        f"{motion}/{name}": value
        for motion, each in by_motion.items()
        for name, value in each.items()
    }
    return means | apart


def means(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of `merged` without those of single motions."""
    return {name: value for name, value in figures.items() if "/" not in name}
