"""Where an episode starts: which clip it performs, and from which phase."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name


def motion_index(motion: Any, names: tuple[str, ...]) -> int:
    """The index of the clip that a reset asks for by index or name."""
    if isinstance(motion, str):
        if motion not in names:
            raise unknown_name("motion", motion, names)
        return names.index(motion)
    if not isinstance(motion, (int, np.integer)) or not 0 <= motion < len(names):
        raise InputError(
            f"reset option motion={motion!r} must be one of {', '.join(names)}, or an index below "
            f"{len(names)}"
        )
    return int(motion)


def draw_index(probabilities: FloatArray, generator: np.random.Generator) -> int:
    """One of k, by their probabilities ``(k,)``."""
    drawn = np.searchsorted(probabilities.cumsum(), generator.random(), "right")
    return min(int(drawn), len(probabilities) - 1)


def start_phase(
    options: Mapping[str, Any], generator: np.random.Generator, probabilities: FloatArray
) -> float:
    """The phase that a reset asks for; else one drawn by those of equal parts of the clip."""
    if "phase" not in options:
        parts = len(probabilities)
        part = draw_index(probabilities, generator) if parts > 1 else 0
        return float(part + generator.random()) / parts
    phase = options["phase"]
    if not isinstance(phase, (int, float, np.floating)) or not 0 <= phase < 1:
        raise InputError(f"reset option phase={phase!r} must be a number in [0, 1)")
    return float(phase)
