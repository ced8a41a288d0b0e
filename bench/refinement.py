"""How well each method of refinement reproduces each clip: errors, drift, falls, time and memory.

    python bench/refinement.py [--clips walk humanoid3d_walk …] [--methods mpc …] [--seeds 0 …]

Every humanoid clip of DeepMimic's in ``$SB3_MIMIC_MOTIONS`` (or ``../shared/motions``) and every
built-in one, by every method with its default settings; DeepMimic's walk, run and jog over five
cycles too. Each row is measured in a process of its own, so that no row has another's memory. A row
that is there is not measured again, so the benchmark can be interrupted; one of an earlier clip,
robot or setting is replaced. The rows lie in ``docs/results/refinement.json``, and the tables in
``refinement.md`` beside it are written from them alone.
"""

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from sb3_mimic.envs.core.simulation import available_cores
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.refinement.methods import METHODS, get_method
from sb3_mimic.refinement.replay import TABLE_COLUMNS
from sb3_mimic.refinement.run import load_reference, refine_reference, require_refinable

ROOT = Path(__file__).resolve().parents[1]
BUILT_IN = ("walk", "run", "squat", "wave")
CYCLED = ("humanoid3d_walk", "humanoid3d_run", "humanoid3d_jog")
CYCLES = 5

# Title, figure, format.
COLUMNS = (
    *TABLE_COLUMNS,
    ("s per s of motion", "seconds_per_second", ".2f"),
    ("memory [MiB]", "peak_mib", ".0f"),
)

INTRODUCTION = """\
# Methods of refinement on every clip

Actions of each method with its default settings, replayed open loop in the environment from the clip's first state on;
what the figures mean is said in [Refinement](../refinement.md#what-verify-tells). The time is that of the method alone,
the memory the peak of a process that does nothing else (resident set; loading and replay included). Names with
`humanoid3d_` are DeepMimic's clips, the others the built-in ones. Written by `bench/refinement.py`; the rows with
digests and settings are in `refinement.json`.
"""  # noqa: E501


@dataclass(frozen=True)
class Task:
    """The task of a row."""

    clip: str
    method: str
    seed: int
    cycles: int


def main() -> None:
    """Measures what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", nargs="+", help="names, all by default")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results", help="folder")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    clips = find_clips()
    if arguments.row:
        task = Task(**json.loads(arguments.row))
        print(json.dumps(measure(clips[task.clip], task)))
        return
    unknown = sorted(set(arguments.clips or ()) - set(clips))
    if unknown:
        parser.error(f"there is no clip {unknown[0]!r}; there are {', '.join(clips)}")
    tasks = list(plan(arguments.clips or list(clips), arguments.methods, arguments.seeds))
    path: Path = arguments.output / "refinement.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    for number, task in enumerate(tasks, 1):
        wanted = {**asdict(task), **identity(clips[task.clip], task)}
        title = f"[{number}/{len(tasks)}] {clip_title(wanted)}, {task.method}, seed {task.seed}"
        if any(all(row.get(name) == value for name, value in wanted.items()) for row in rows):
            print(f"{title}: there already", flush=True)
            continue
        print(f"{title} …", end=" ", flush=True)
        began = time.perf_counter()
        found = {**wanted, **measure_in_process(task), "command": command()}
        rows = [row for row in rows if row_key(row) != row_key(found)] + [found]
        rows.sort(key=lambda row: row_order(row, clips))
        for suffix, text in ((".json", json.dumps(rows, indent=1) + "\n"), (".md", page(rows))):
            with atomic_path(path.with_suffix(suffix)) as temporary:
                temporary.write_text(text, encoding="utf-8")
        print(f"{summary(found)} ({time.perf_counter() - began:.0f} s)", flush=True)
    print(page(rows))


def find_clips() -> dict[str, str]:
    """The clips by name: what `load_motion` takes."""
    folder = Path(os.environ.get("SB3_MIMIC_MOTIONS", ROOT.parent / "shared" / "motions"))
    files = sorted((folder / "deepmimic").glob("humanoid3d_*.txt"))
    return {name: name for name in BUILT_IN} | {path.stem: str(path) for path in files}


def plan(clips: list[str], methods: list[str], seeds: list[int]) -> Iterator[Task]:
    """The tasks to measure, clip by clip."""
    for clip in clips:
        for method in methods:
            for seed in seeds:
                yield Task(clip, method, seed, 1)
    for clip in clips:
        for seed in seeds:
            if clip in CYCLED and "mpc" in methods:
                yield Task(clip, "mpc", seed, CYCLES)


def identity(motion: str, task: Task) -> dict[str, Any]:
    """The digests and settings that identify a row beside its task."""
    reference = load_reference(motion)
    return {
        "clip_digest": reference.clip.digest,
        "robot_digest": reference.robot.digest,
        "settings": asdict(get_method(task.method).settings()),
    }


def measure_in_process(task: Task) -> dict[str, Any]:
    """`measure` in a process of its own."""
    row = json.dumps(asdict(task))
    done = subprocess.run(
        [sys.executable, __file__, "--row", row], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(motion: str, task: Task) -> dict[str, Any]:
    """The figures of one row, or why there are none."""
    reference = load_reference(motion)
    about = {"machine": machine()}
    try:
        require_refinable(reference)
    except InputError as error:
        return {**about, "refused": str(error)}
    made = refine_reference(reference, task.method, cycles=task.cycles, seed=task.seed).provenance
    if made is None:
        raise TypeError("refined actions have no provenance")
    motion_seconds = reference.duration * task.cycles
    return {
        **about,
        "versions": {name: v for name, v in made.versions.items() if name != "platform"},
        "motion_seconds": motion_seconds,
        "seconds": made.seconds,
        "seconds_per_second": made.seconds / motion_seconds,
        "peak_mib": peak_memory(),
        **made.metrics,
    }


def peak_memory() -> float:
    """Peak of this process's resident set [MiB]."""
    status = Path("/proc/self/status")
    if status.is_file():
        # On Linux getrusage's figure is never below that of the process that started this one.
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    # macOS counts in bytes, others in KiB.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def machine() -> str:
    """The processor and how much of it there is."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                model = value.strip()
                break
    return f"{model}, {available_cores()} cores"


def command() -> str:
    """The command line, without the output folder."""
    arguments = sys.argv[1:]
    if "--output" in arguments:
        at = arguments.index("--output")
        del arguments[at : at + 2]
    return shlex.join(["python", "bench/refinement.py", *arguments])


def row_key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What identifies a row."""
    return (row["clip"], row["cycles"], row["method"], row["seed"])


def row_order(row: dict[str, Any], clips: dict[str, str]) -> tuple[Any, ...]:
    """Rows of single cycles first, clips and methods as they are listed."""
    names = list(clips)
    at = names.index(row["clip"]) if row["clip"] in clips else len(names)
    return (row["cycles"], at, row["clip"], list(METHODS).index(row["method"]), row["seed"])


def clip_title(row: dict[str, Any]) -> str:
    """The clip, and how often it goes round."""
    clip = str(row["clip"])
    return clip if row["cycles"] == 1 else f"{clip}, {row['cycles']} cycles"


def summary(row: dict[str, Any]) -> str:
    """The most important figures of a row in a line."""
    if "refused" in row:
        return f"refused: {row['refused']}"
    return (
        f"joint error {row['joint_error']:.4f} rad, drift {row['drift_end']:.3f} m at the end and "
        f"{row['drift_max']:.3f} m at most, survived {row['survived_fraction']:.3f}, "
        f"{row['seconds_per_second']:.2f} s per s"
    )


def page(rows: list[dict[str, Any]]) -> str:
    """The tables, and what they were measured with."""
    done = [row for row in rows if "refused" not in row]
    lines = [
        INTRODUCTION,
        "## Over all clips",
        "",
        *by_method(done),
        "",
        "## Each clip",
        "",
        *by_clip(rows),
        "",
        "## Measured with",
        "",
    ]
    for what, values in (
        ("machine", [row["machine"] for row in rows]),
        ("command", [f"`{row['command']}`" for row in rows]),
        ("versions", [format_versions(row["versions"]) for row in done]),
    ):
        lines += [f"- {what}: {value}" for value in dict.fromkeys(values)]
    return "\n".join(lines) + "\n"


def format_versions(found: dict[str, str]) -> str:
    """Versions in a line."""
    return ", ".join(f"{name} {version}" for name, version in found.items())


def by_method(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line a method and number of cycles: means, and the worst where that is what counts."""
    titles = (
        "method",
        "cycles",
        "rows",
        "replayed whole",
        "joint error [rad], mean",
        "worst",
        "drift end [m], worst",
        "drift max [m], worst",
        "s per s of motion, mean",
        "worst",
    )
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for method, cycles in dict.fromkeys((row["method"], row["cycles"]) for row in rows):
        own = [row for row in rows if (row["method"], row["cycles"]) == (method, cycles)]
        whole = sum(row["survived_fraction"] == 1 for row in own)
        errors = [row["joint_error"] for row in own]
        times = [row["seconds_per_second"] for row in own]
        cells = (
            f"`{method}`",
            str(cycles),
            str(len(own)),
            f"{whole}/{len(own)}",
            f"{mean(errors):.4f}",
            f"{max(errors):.4f}",
            f"{max(row['drift_end'] for row in own):.3f}",
            f"{max(row['drift_max'] for row in own):.3f}",
            f"{mean(times):.2f}",
            f"{max(times):.2f}",
        )
        yield f"| {' | '.join(cells)} |"


def by_clip(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line a row."""
    titles = ("clip", "method", "seed", *(title for title, _, _ in COLUMNS))
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        figures = [
            "refused" if "refused" in row else format(row[name], form) for _, name, form in COLUMNS
        ]
        cells = (clip_title(row), f"`{row['method']}`", str(row["seed"]), *figures)
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
