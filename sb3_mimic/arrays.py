"""Names of the array types that the package passes around, and runs of a mask."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


def contiguous_runs(mask: BoolArray) -> list[tuple[int, int]]:
    """Runs of neighbors for which a mask (T,) holds, each as ``(start, stop)``, stop excluded."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
