"""Demonstrations on disk: imitation's own serialization plus a JSON of where they come from."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import datasets  # type: ignore[import-untyped]
import numpy as np
from gymnasium import spaces
from imitation.data import serialize
from imitation.data.types import Trajectory, TrajectoryWithRew

from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path

PROVENANCE = "provenance.json"

_AnyTrajectory = TypeVar("_AnyTrajectory", bound=Trajectory)


def save_demonstrations(
    path: Path, trajectories: Sequence[Trajectory], provenance: Mapping[str, Any]
) -> None:
    """Saves trajectories so that ``imitation.data.serialize.load(path)`` reads them.

    Infos are left out: imitation stores them as pickled JSON, a string per step.

    Args:
        path: The folder to make.
        trajectories: The demonstrations.
        provenance: Source, method, seed, hashes: whatever JSON holds, written beside the data.

    Raises:
        InputError: If the folder exists already.
    """
    if path.exists():
        raise InputError(f"{path}: exists already; demonstrations are not overwritten")
    bare = [replace(t, infos=None) for t in trajectories]
    with atomic_path(path) as temporary, hide_datasets_output():
        serialize.save(temporary, bare)
        returns = [t.rews.sum() for t in bare if isinstance(t, TrajectoryWithRew)]
        summary = {
            "n_trajectories": len(bare),
            "n_transitions": sum(len(t) for t in bare),
            "mean_return": float(np.mean(returns)) if returns else None,
        }
        text = json.dumps({**provenance, **summary}, indent=2)
        (temporary / PROVENANCE).write_text(text + "\n", encoding="utf-8")


def load_demonstrations(
    path: Path,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    *,
    allow_pickle: bool = False,
) -> list[Trajectory]:
    """Loads trajectories, casts them to the spaces' number types and checks them.

    Args:
        path: A folder written by :func:`save_demonstrations` or by
            ``imitation.data.serialize.save``; or, with ``allow_pickle``, a ``.pkl`` or ``.npz`` of
            trajectories.
        observation_space: The environment's observation space.
        action_space: The environment's action space.
        allow_pickle: Whether a single file may be read. Such files are pickles, and a pickle runs
            whatever code its maker put into it: only for files whose origin is known.

    Returns:
        The trajectories, with rewards where they were saved with them.

    Raises:
        InputError: If nothing is there, it cannot be read, or it does not fit the environment.
    """
    if not path.exists():
        raise InputError(f"{path}: does not exist; a folder of saved demonstrations is needed")
    if path.is_file() and not allow_pickle:
        raise InputError(
            f"{path}: is a pickle, which can run any code when it is loaded; if you trust where it "
            "comes from, say --allow-pickle"
        )
    try:
        with hide_datasets_output():
            loaded: list[Any] = list(serialize.load(path))
    except Exception as error:  # whatever a foreign file makes a reader raise
        raise InputError(
            f"{path}: holds no demonstrations that imitation can load ({error})"
        ) from error
    if not all(isinstance(t, Trajectory) for t in loaded):
        kind = next(type(t).__name__ for t in loaded if not isinstance(t, Trajectory))
        raise InputError(f"{path}: holds {kind} where imitation's Trajectory is needed")
    cast = [cast_trajectory(t, observation_space, action_space) for t in loaded]
    check_trajectories(cast, observation_space, action_space, str(path))
    return cast


def read_provenance(path: Path) -> dict[str, Any]:
    """Provenance of saved demonstrations; empty for those of other makers."""
    file = path / PROVENANCE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def cast_trajectory(
    trajectory: _AnyTrajectory,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
) -> _AnyTrajectory:
    """The trajectory in the number types of the spaces, without infos.

    imitation loads observations as float64 although float32 was saved.
    """
    changes: dict[str, Any] = {
        "obs": np.asarray(trajectory.obs, dtype=observation_space.dtype),
        "acts": np.asarray(trajectory.acts, dtype=action_space.dtype),
        "infos": None,
    }
    if (rewards := getattr(trajectory, "rews", None)) is not None:
        changes["rews"] = np.asarray(rewards, dtype=np.float32)
    return replace(trajectory, **changes)


@contextmanager
def hide_datasets_output() -> Iterator[None]:
    """Hides a progress bar for every save, and a warning for every step's (empty) info."""
    enabled = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "keys will default to True", DeprecationWarning)
            yield
    finally:
        if enabled:
            datasets.enable_progress_bars()
