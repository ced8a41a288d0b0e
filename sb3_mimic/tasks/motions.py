"""One or several motions, as commands and settings have them. Light: no torch, no simulator."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: One motion, or several for one policy.
Motions = str | tuple[str, ...]


def as_tuple(motion: Motions | Sequence[str] | None) -> tuple[str, ...]:
    """One or several motions as a tuple; None is empty."""
    if motion is None:
        return ()
    return (motion,) if isinstance(motion, str) else tuple(motion)


def to_kwarg(motions: Sequence[str]) -> str | list[str]:
    """Motions as ``motion=`` of an environment takes them: a name, or a list of several."""
    return motions[0] if len(motions) == 1 else list(motions)


def from_sequence(motions: Sequence[str]) -> Motions | None:
    """The opposite of `as_tuple`: one motion is itself."""
    return motions[0] if len(motions) == 1 else tuple(motions) or None


def resolve_motion(asked: str, own: Sequence[str]) -> str:
    """Resolves a motion that was asked for by the name of one of a run's own clips.

    Args:
        asked: Name or file of a motion.
        own: The run's own motions.

    Returns:
        The own motion of that name, else ``asked``.
    """
    return next((motion for motion in own if asked in (motion, Path(motion).stem)), asked)


def merge_figures(by_motion: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Figures of several motions as one mapping; those of one motion as they are.

    Args:
        by_motion: The same figures for each motion.

    Returns:
        The mean of each figure over the motions, then ``<motion>/<figure>`` of each.

    Example:
        >>> merge_figures({"walk": {"survival_s": 20.0}, "run": {"survival_s": 10.0}})
        {'survival_s': 15.0, 'walk/survival_s': 20.0, 'run/survival_s': 10.0}
    """
    first, *others = by_motion.values()
    if not others:
        return dict(first)
    means = {name: float(np.mean([each[name] for each in by_motion.values()])) for name in first}
    of_each = {
        f"{motion}/{name}": value
        for motion, figures in by_motion.items()
        for name, value in figures.items()
    }
    return means | of_each


def mean_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of `merge_figures` without those of single motions."""
    return {name: value for name, value in figures.items() if "/" not in name}
