"""Times compared side by side.

Every repeat runs every case, so that what else the machine does falls on all of them alike, and
ratios are taken within a repeat.
"""

import gc
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sb3_mimic.versions import versions

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"

Case = Callable[[], object]

PATIENCE = 30.0
"""Seconds after which a comparison makes no more repeats, but three in any case."""


def interleaved(
    cases: Mapping[str, Case],
    repeats: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Runs every case once per repeat, after one round that does not count; see `PATIENCE`.

    Args:
        cases: The functions to time, by name.
        repeats: Number of repeats.
        clock: What is read before and after; `time.thread_time` for what runs in one thread is
            all but blind to what else the machine does.

    Returns:
        Seconds of each run, by case.
    """
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    began = time.perf_counter()
    for repeat in range(repeats + 1):
        if repeat > 3 and time.perf_counter() - began > PATIENCE:
            break
        for name, case in cases.items():
            gc.collect()
            started = clock()
            case()
            if repeat:
                seconds[name].append(clock() - started)
    return seconds


def median(values: list[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def ratio(numerator: list[float], denominator: list[float]) -> float:
    """Median of the ratios within each repeat."""
    return median([a / b for a, b in zip(numerator, denominator, strict=True)])


def difference(first: list[float], second: list[float]) -> float:
    """Median of the differences within each repeat."""
    return median([a - b for a, b in zip(first, second, strict=True)])


def machine() -> dict[str, Any]:
    """The machine, its load and the versions."""
    return {
        "machine": f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1),
        "versions": versions(),
    }


def peak_memory() -> float:
    """Largest resident memory of this process so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def markdown(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A table.

    Args:
        columns: Heading of each key of the rows.
        rows: Values; a missing one is an empty cell.
    """
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(key, "")) for key in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
