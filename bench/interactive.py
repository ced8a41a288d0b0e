"""DAgger, GAIL and AIRL, each from a clone, on the built-in walk and on PiDog's gait.

    python bench/interactive.py [--envs humanoid pidog] [--methods dagger gail airl]
                                [--algo ppo] [--seeds 0] [--total-timesteps 200000]

A row is one ``sb3-mimic dagger`` or ``sb3-mimic adversarial`` in a process of its own. Rows that
are in ``docs/results/interactive.json`` are not made again; the table in
``docs/results/interactive.md`` is written from them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time

from rows import RESULTS, Row, Rows, software_versions, write_text

ROWS = Rows(RESULTS / "interactive.json", ("env", "method", "algo", "timesteps", "seed"))
METHODS = {
    "dagger": ["dagger"],
    "gail": ["adversarial", "--adversary", "gail"],
    "airl": ["adversarial", "--adversary", "airl"],
}
# Figures of the evaluation in the table, with their names there.
COLUMNS = {
    "mean_reward": "return",
    "normalized_return": "normalized",
    "survival_s": "survival [s]",
    "forward_speed_mps": "speed [m/s]",
}


def main() -> None:
    """Makes the rows that are missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--envs", nargs="+", default=["humanoid", "pidog"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--algo", default="ppo")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--total-timesteps", type=int, default=200_000)
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for env in arguments.envs:
            for method in arguments.methods:
                row = {
                    "env": env,
                    "method": method,
                    "algo": arguments.algo,
                    "timesteps": arguments.total_timesteps,
                    "seed": seed,
                }
                if not ROWS.has(row):
                    show(ROWS.put({**row, **measure(row)}))
    print(table(ROWS.read()))


def measure(row: Row) -> Row:
    """Runs one command and takes its figures."""
    asked = [*METHODS[row["method"]], "--env", row["env"], "--algo", row["algo"]]
    asked += ["--total-timesteps", str(row["timesteps"]), "--seed", str(row["seed"])]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sb3_mimic", *asked, "--json"]
        command += ["--save-path", f"{folder}/policy.zip"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {
        "command": " ".join(["sb3-mimic", *asked]),
        "wall_s": time.perf_counter() - began,
        **json.loads(done.stdout),
        "versions": software_versions(),
    }


def show(rows: list[Row]) -> None:
    """Writes the page."""
    text = (
        "# DAgger, GAIL and AIRL\n\n"
        "What each makes of a clone, by [the protocol](../dimensions.md#evaluation-protocol):\n"
        "`bench/interactive.py`, the built-in walk and PiDog's sine gait. What they are asked:\n"
        "[training](../training.md#dagger-gail-and-airl). Commands, seeds and versions:\n"
        "[interactive.json](interactive.json). What is not in the table was not run.\n\n"
    )
    write_text(RESULTS / "interactive.md", text + table(rows))


def table(rows: list[Row]) -> str:
    """A line for each row: the clone's figures, and those afterwards."""
    heads = ("robot", "method", "algo", "samples", "seed", "wall [min]", *COLUMNS.values())
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = [row["env"], row["method"], row["algo"], row["timesteps"], row["seed"]]
        cells.append(f"{row['wall_s'] / 60:.0f}")
        for name in COLUMNS:
            before, after = row["clone"].get(name), row["model"].get(name)
            cells.append("–" if after is None else f"{before:.3g} → {after:.3g}")
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
