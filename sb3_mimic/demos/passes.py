"""Passes that ran side by side, as trajectories."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from imitation.data.types import TrajectoryWithRew
from numpy.typing import NDArray


def to_trajectories(
    observations: Sequence[NDArray[Any]],
    actions: Sequence[NDArray[np.float64]],
    rewards: Sequence[NDArray[np.float64]],
    lengths: NDArray[np.int64],
    terminal: NDArray[np.bool_],
) -> list[TrajectoryWithRew]:
    """Cuts n passes out of the T steps in which all of them ran; those without a step are left out.

    Args:
        observations: T + 1 arrays ``(n, ...)``.
        actions: T arrays ``(n, nu)``.
        rewards: T arrays ``(n,)``.
        lengths: Steps that count of each pass, ``(n,)``.
        terminal: Which passes ended by failure, ``(n,)``.
    """
    if not actions:
        return []
    obs, acts, rews = (np.stack(rows, axis=1) for rows in (observations, actions, rewards))
    return [
        TrajectoryWithRew(
            obs=obs[i, : length + 1],
            acts=acts[i, :length].astype(np.float32),
            infos=None,
            terminal=bool(terminal[i]),
            rews=rews[i, :length].astype(np.float32),
        )
        for i, length in enumerate(lengths)
        if length
    ]
