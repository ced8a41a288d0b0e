"""Rows of results in a JSON file, so that a benchmark can be continued, and their pages."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.io import atomic_path
from sb3_mimic.training.run import RunFolder
from sb3_mimic.versions import versions

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"

# Control steps of an episode of a looping clip of the humanoid, 20 s at 30 Hz: at most 1 a step.
LOOP_STEPS = 600

Row = dict[str, Any]


class Rows:
    """A file of rows, each with its conditions and its figures.

    Args:
        path: The JSON file; it need not be there yet.
        identity: Names of the conditions: a row replaces the one that agrees in all of them.
    """

    def __init__(self, path: Path, identity: Sequence[str]) -> None:
        self.path = path
        self.identity = tuple(identity)

    def read(self) -> list[Row]:
        """The rows, in the order in which they were first written."""
        if not self.path.is_file():
            return []
        rows: list[Row] = json.loads(self.path.read_text(encoding="utf-8"))
        return rows

    def has(self, asked: Mapping[str, Any]) -> bool:
        """Whether there is a row under all of these conditions."""
        return any(asked.items() <= row.items() for row in self.read())

    def put(self, row: Row) -> list[Row]:
        """Writes a row, and returns all."""
        rows = self.read()
        known = [self.key(old) for old in rows]
        if self.key(row) in known:
            rows[known.index(self.key(row))] = row
        else:
            rows.append(row)
        write_text(self.path, json.dumps(rows, indent=1) + "\n")
        return rows

    def key(self, row: Row) -> tuple[Any, ...]:
        """The conditions that identify a row."""
        return tuple(row.get(name) for name in self.identity)


def write_text(path: Path, text: str) -> None:
    """Writes a file as a whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def save_figure(figure: Any, path: Path) -> None:
    """Writes a Matplotlib figure as a PNG, as a whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(str(temporary), dpi=110)


def fill_table(page: Path, name: str, text: str) -> None:
    """Puts a table between a page's markers of that name."""
    before, start, rest = page.read_text(encoding="utf-8").partition(f"<!-- results: {name} -->")
    _, end, after = rest.partition("<!-- end of results -->")
    if not (start and end):
        raise SystemExit(f"{page}: no markers for the table of {name}")
    write_text(page, f"{before}{start}\n{text}{end}{after}")


def format_spread(values: Sequence[float], digits: int = 3) -> str:
    """Mean ± standard deviation; a single value by itself."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ± {stdev(values):.{digits}f}"


def train_run(run: RunFolder, flags: Sequence[str], timesteps: int) -> float:
    """Trains a run by ``sb3-mimic train``, or continues it where it was stopped.

    Args:
        run: Its folder.
        flags: Flags of a new run but those of its folder, length and videos; it makes no videos.
        timesteps: Environment steps of reinforcement learning.

    Returns:
        The wall time in all [s].
    """
    command = [sys.executable, "-m", "sb3_mimic", "train", "--visualize-freq", "0"]
    command += ["--total-rl-timesteps", str(timesteps)]
    if run.config.is_file():
        command += ["--resume", str(run.path)]
    else:
        folder = ["--output-dir", str(run.path.parent), "--experiment-name", run.path.name]
        command += [*flags, *folder]
    # Ended from outside, it keeps the time it took.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    timing = run.path / "wall_seconds.json"
    spent: float = json.loads(timing.read_text(encoding="utf-8")) if timing.is_file() else 0.0
    began = time.perf_counter()
    try:
        subprocess.run(command, check=True)
    finally:
        if run.path.is_dir():
            spent += time.perf_counter() - began
            write_text(timing, json.dumps(spent))
    return spent


def evaluate_run(run: RunFolder) -> dict[str, Any]:
    """The protocol's figures and the push test's, each moment's among them."""
    command = [sys.executable, "-m", "sb3_mimic", "evaluate", str(run.path), "--push", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def curve(run: RunFolder) -> dict[str, list[float]]:
    """Environment steps and mean returns of the evaluations on the way."""
    if not run.evaluations.is_file():
        return {}
    with np.load(run.evaluations) as saved:
        return {
            "timesteps": saved["timesteps"].tolist(),
            "mean_return": saved["results"].mean(axis=1).tolist(),
        }


def learning_curve(row: Row, possible: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A row's curve as pictures have it, begun with the clone where there is one.

    Args:
        row: With its ``curve``, and a ``clone`` if it was trained from one.
        possible: The return that is 1 in the picture.

    Returns:
        Environment steps in millions, and mean returns.
    """
    steps, returns = row["curve"]["timesteps"], row["curve"]["mean_return"]
    if row.get("clone") is not None:
        steps, returns = [0.0, *steps], [row["clone"]["mean_reward"], *returns]
    return np.array(steps) / 1e6, np.array(returns) / possible


def software_versions(run: RunFolder | None = None) -> dict[str, str]:
    """Versions of the software of a run; those installed now without one."""
    found = versions() if run is None else json.loads(run.versions.read_text(encoding="utf-8"))
    return {name: version for name, version in found.items() if name != "platform"}
