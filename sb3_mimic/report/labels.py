"""Names of a robot's parts in plots."""

from collections.abc import Sequence


def short_names(names: Sequence[str]) -> list[str]:
    """Short names: the words before the first underscore, if these differ.

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
