"""The curves of a run, from the logs that SB3 and imitation keep: nothing is logged twice.

Scalars come from TensorBoard's event files, and from SB3's ``progress.csv`` where that was
configured; evaluations on the way from ``evaluations.npz``; episodes from the monitor's files. A
run that is still going, or was killed, has what it has: a file that is cut off is read up to there.
"""

import csv
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.training.run import RunFolder

# Where SB3's CSV logger keeps the number of environment steps.
_CSV_STEPS = "time/total_timesteps"
# imitation logs the first half of its numbers under names of its own, of no use beside the others.
_BC = "bc/"


@dataclass(frozen=True, eq=False)
class Series:
    """One curve.

    Attributes:
        steps: Environment steps (epochs where cloning is concerned), strictly increasing, (n,).
        values: Shape (n,), finite.
        spread: Standard deviation of each value, shape (n,); None where it is a single number.
    """

    steps: FloatArray
    values: FloatArray
    spread: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Curves:
    """The logs of a run.

    Attributes:
        scalars: By SB3's names: ``rollout/ep_rew_mean``, ``train/approx_kl``, ``reward/pose``, …
        cloning: By imitation's names, over epochs: ``bc/validation_mse``, …
        evaluation: ``mean_reward`` and ``mean_ep_length`` of the evaluations on the way.
        n_episodes: Training episodes that ended.
        wall_time: Seconds of reinforcement learning; 0 where nothing tells.
    """

    scalars: Mapping[str, Series]
    cloning: Mapping[str, Series]
    evaluation: Mapping[str, Series]
    n_episodes: int
    wall_time: float


def read_curves(run: RunFolder) -> Curves:
    """Reads every log of a run; empty where there is none."""
    scalars: dict[str, list[_Point]] = {}
    cloning: dict[str, list[_Point]] = {}
    for folder in _event_folders(run.tensorboard):
        target = cloning if folder.name == "bc" else scalars
        for tag, points in _read_events(folder).items():
            target.setdefault(tag, []).extend(points)
    wall_time = sum(_span(points) for points in _sessions(scalars))
    for path in sorted(run.path.rglob("progress.csv")):
        for tag, points in _read_csv(path).items():
            if tag not in scalars:
                scalars[tag] = points
    return Curves(
        scalars={tag: _series(points) for tag, points in sorted(scalars.items())},
        cloning={
            tag: _series(points) for tag, points in sorted(cloning.items()) if tag.startswith(_BC)
        },
        evaluation=_read_evaluations(run.evaluations),
        n_episodes=sum(_count_episodes(path) for path in run.path.glob("*monitor.csv")),
        wall_time=wall_time,
    )


@dataclass(frozen=True)
class _Point:
    """A logged number: when it was written [s since the epoch], and where on the curve it lies."""

    time: float
    step: int
    value: float


def _event_folders(folder: Path) -> list[Path]:
    """Folders with event files, in the order of their making."""
    events = sorted(folder.rglob("events.out.tfevents.*"), key=lambda path: path.name)
    return list(dict.fromkeys(path.parent for path in events))


def _read_events(folder: Path) -> dict[str, list[_Point]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # All scalars (0), and as few of the large things as can be asked for.
    sizes = {"scalars": 0, "histograms": 1, "compressedHistograms": 1, "images": 1}
    accumulator = EventAccumulator(str(folder), size_guidance=sizes)
    accumulator.Reload()
    return {
        tag: [
            _Point(event.wall_time, event.step, event.value) for event in accumulator.Scalars(tag)
        ]
        for tag in accumulator.Tags()["scalars"]
    }


def _read_csv(path: Path) -> dict[str, list[_Point]]:
    """SB3's CSV logger: a row each time, empty where nothing was logged."""
    found: dict[str, list[_Point]] = {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            step = _number(row.get(_CSV_STEPS))
            if step is None:
                continue
            for tag, text in row.items():
                value = _number(text)
                if value is not None and tag is not None and tag != _CSV_STEPS:
                    found.setdefault(tag, []).append(_Point(number, int(step), value))
    return found


def _number(text: str | list[str] | None) -> float | None:
    try:
        return float(text) if isinstance(text, str) and text else None
    except ValueError:
        return None


def _series(points: Iterable[_Point]) -> Series:
    """Points as a curve. What a resumed run did over again replaces what it had done before."""
    kept: list[_Point] = []
    for point in sorted(points, key=lambda point: point.time):
        while kept and kept[-1].step >= point.step:
            kept.pop()
        kept.append(point)
    finite = [point for point in kept if np.isfinite(point.value)]
    return Series(
        np.array([point.step for point in finite], np.float64),
        np.array([point.value for point in finite], np.float64),
    )


def _sessions(scalars: Mapping[str, list[_Point]]) -> list[list[_Point]]:
    """Times of the logs, cut where a run was stopped and resumed."""
    points = scalars.get("time/fps") or next(iter(scalars.values()), [])
    ordered = sorted(points, key=lambda point: point.time)
    if len(ordered) < 2:
        return []
    times = np.array([point.time for point in ordered])
    # An update takes about as long as the next; a pause of ten of them is none.
    pauses = np.flatnonzero(np.diff(times) > max(60.0, 10 * float(np.median(np.diff(times)))))
    return [list(part) for part in _split_at(ordered, pauses + 1)]


def _split_at(points: list[_Point], cuts: NDArray[np.intp]) -> list[list[_Point]]:
    edges = [0, *cuts.tolist(), len(points)]
    return [points[start:stop] for start, stop in pairwise(edges)]


def _span(points: list[_Point]) -> float:
    """Seconds from the first to the last of some points, and one interval for the first."""
    if len(points) < 2:
        return 0.0
    length = points[-1].time - points[0].time
    return length * len(points) / (len(points) - 1)


def _read_evaluations(path: Path) -> dict[str, Series]:
    """SB3's ``evaluations.npz``."""
    try:
        with np.load(path) as saved:
            steps = saved["timesteps"].astype(np.float64)
            parts = {
                "mean_reward": saved["results"].astype(np.float64),
                "mean_ep_length": saved["ep_lengths"].astype(np.float64),
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return {
        name: Series(steps, values.mean(axis=1), values.std(axis=1))
        for name, values in parts.items()
    }


def _count_episodes(path: Path) -> int:
    """Lines of a monitor's file but for its two of heading."""
    with path.open("rb") as file:
        return max(0, sum(1 for _ in file) - 2)
