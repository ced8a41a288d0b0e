"""What plots call the parts of a robot."""

from collections.abc import Sequence


def short_names(names: Sequence[str]) -> list[str]:
    """What tells names apart: the words before their first underscore where those do.

    Example:
        >>> short_names(["right_ankle", "left_ankle"])
        ['right', 'left']
        >>> short_names(["foot_right", "foot_left"])
        ['foot right', 'foot left']
    """
    first = [name.partition("_")[0] for name in names]
    if len(set(first)) == len(names):
        return first
    return [name.replace("_", " ") for name in names]
