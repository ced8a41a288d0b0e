"""RL from scratch, cloning alone, and RL from the clone: samples, wall time and return.

    python bench/comparison.py [--env pidog] [--algo ppo] [--timesteps N] [--seeds 0 1 2]

Each row is a run of ``sb3-mimic train`` in a process of its own. A run that is there is not made
again and one that was stopped goes on, so the benchmark can be interrupted. The evaluations lie in
``docs/results/comparison.json``, and the table in ``docs/results/comparison.md`` and the README is
written from them alone.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from sb3_mimic.io import atomic_path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
MEASURES = {"humanoid": "normalized_return", "pidog": "mean_reward"}
STARTS = {"scratch": ["--skip-bc"], "bc": []}


def main() -> None:
    """Trains what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--env", choices=sorted(MEASURES), default="pidog")
    parser.add_argument("--algo", default="ppo")
    parser.add_argument("--motion", help="the robot's default without it")
    parser.add_argument("--timesteps", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "comparison")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for start in STARTS:
            record(train(arguments, start, seed))
    rows = json.loads((RESULTS / "comparison.json").read_text(encoding="utf-8"))
    for page in (RESULTS / "comparison.md", ROOT / "README.md"):
        fill(page, table(rows))
    print(table(rows))


def train(arguments: argparse.Namespace, start: str, seed: int) -> dict[str, Any]:
    """One run, and what the table needs of it."""
    motion = Path(arguments.motion or "default").stem
    name = f"{arguments.env}-{motion}-{arguments.algo}-{start}-{arguments.timesteps}-{seed}"
    folder: Path = arguments.outputs / name
    asked = ["--env", arguments.env, "--algo", arguments.algo, "--seed", str(seed)]
    asked += ["--total-rl-timesteps", str(arguments.timesteps), "--visualize-freq", "0"]
    asked += ["--motion", arguments.motion] if arguments.motion else []
    asked += STARTS[start]
    command = [sys.executable, "-m", "sb3_mimic", "train"]
    if folder.exists():
        command += ["--resume", str(folder)]
    else:
        command += [*asked, "--output-dir", str(arguments.outputs), "--experiment-name", name]
    timing = folder / "wall_seconds.json"
    if not (folder / "evaluation.json").is_file():
        spent = json.loads(timing.read_text(encoding="utf-8")) if timing.is_file() else 0.0
        began = time.perf_counter()
        subprocess.run(command, check=True)
        timing.write_text(json.dumps(spent + time.perf_counter() - began), encoding="utf-8")
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    versions = json.loads((folder / "versions.json").read_text(encoding="utf-8"))
    return {
        "env": arguments.env,
        "motion": motion,
        "algo": arguments.algo,
        "start": start,
        "seed": seed,
        "wall_s": json.loads(timing.read_text(encoding="utf-8")),
        "versions": {name: v for name, v in versions.items() if name != "platform"},
        "command": " ".join(["sb3-mimic train", *asked]),
        **evaluation,
    }


def record(row: dict[str, Any]) -> None:
    """Puts a row into the file of results, in place of an earlier one of the same run."""
    path = RESULTS / "comparison.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    rows = [old for old in rows if key(old) != key(row)] + [row]
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(sorted(rows, key=key), indent=1) + "\n", encoding="utf-8")


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What identifies a run."""
    return (
        row["env"], row["motion"], row["algo"], row["num_timesteps"], row["start"], row["seed"]
    )  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """A row for each way to train, mean and standard deviation over seeds."""
    lines = [
        "| robot | motion | algo | way | seeds | RL samples | wall [s] | return | survival [s] |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key(row)[:5], []).append(row)
    for (env, motion, algo, timesteps, start), runs in groups.items():
        ways = [("BC → RL" if start == "bc" else "RL from scratch", "model", timesteps)]
        if start == "bc":
            ways.insert(0, ("BC only", "clone", 0))
        for way, which, samples in ways:
            figures = [run[which] for run in runs]
            wall = "–" if which == "clone" else spread([run["wall_s"] for run in runs], 0)
            lines.append(
                f"| {env} | {motion} | {algo} | {way} | {len(runs)} | {samples} | {wall} "
                f"| {spread([f[MEASURES[env]] for f in figures], 3)} "
                f"| {spread([f['survival_s'] for f in figures], 1)} |"
            )
    return "\n".join(lines) + "\n"


def fill(page: Path, text: str) -> None:
    """Puts the table between the markers of a page."""
    before, start, rest = page.read_text(encoding="utf-8").partition("<!-- results: comparison -->")
    _, end, after = rest.partition("<!-- end of results -->")
    if not (start and end):
        raise SystemExit(f"{page}: no markers for the table")
    with atomic_path(page) as temporary:
        temporary.write_text(f"{before}{start}\n{text}{end}{after}", encoding="utf-8")


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard deviation."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{mean(values):.{digits}f} ± {stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
