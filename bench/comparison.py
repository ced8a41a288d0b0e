"""RL from scratch, cloning alone, and RL from the clone: samples, wall time and return.

    python bench/comparison.py [--env pidog] [--algo ppo] [--timesteps N] [--seeds 0 1 2]

Each row is a run of ``sb3-mimic train`` in a process of its own. A run that is there is not made
again and one that was stopped goes on, so the benchmark can be interrupted. The evaluations lie in
``docs/results/comparison.json``, and the table in ``docs/results/comparison.md`` and the README is
written from them alone, as are the pictures of the evaluations on the way, every seed a line.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rows import (
    LOOP_STEPS,
    RESULTS,
    ROOT,
    Row,
    Rows,
    curve,
    fill_table,
    format_spread,
    learning_curve,
    save_figure,
    software_versions,
    train_run,
)

from sb3_mimic.training.run import RunFolder

MEASURES = {"humanoid": "normalized_return", "pidog": "mean_reward"}
STARTS = {"scratch": ["--skip-bc"], "bc": []}
# Largest possible return of an episode; `GOAL` is a share of it. PiDog's return has no bound.
POSSIBLE = {"humanoid": float(LOOP_STEPS)}
GOAL = 0.9

ROWS = Rows(RESULTS / "comparison.json", ("env", "motion", "algo", "timesteps", "start", "seed"))


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
            row = {
                "env": arguments.env,
                "motion": Path(arguments.motion or "default").stem,
                "algo": arguments.algo,
                "timesteps": arguments.timesteps,
                "start": start,
                "seed": seed,
            }
            if not ROWS.has(row):
                show(ROWS.put(train(arguments, row)))
    print(table(ROWS.read()))


def train(arguments: argparse.Namespace, row: Row) -> Row:
    """Trains one run and returns its row."""
    run = RunFolder(arguments.outputs / "-".join(str(row[name]) for name in ROWS.identity))
    asked = ["--env", row["env"], "--algo", row["algo"], "--seed", str(row["seed"])]
    asked += ["--motion", arguments.motion] if arguments.motion else []
    asked += STARTS[row["start"]]
    spent = train_run(run, asked, row["timesteps"])
    command = ["sb3-mimic train", *asked, "--total-rl-timesteps", str(row["timesteps"])]
    return {
        **row,
        "wall_s": spent,
        "versions": software_versions(run),
        "command": " ".join(command),
        "curve": curve(run),
        **json.loads(run.evaluation.read_text(encoding="utf-8")),
    }


def show(rows: list[Row]) -> None:
    """Writes table and pictures."""
    for page in (RESULTS / "comparison.md", ROOT / "README.md"):
        fill_table(page, "comparison", table(rows))
    drawn = [row for row in rows if row.get("curve")]
    for env, motion in {(row["env"], row["motion"]) for row in drawn}:
        plot(
            [row for row in drawn if (row["env"], row["motion"]) == (env, motion)],
            RESULTS / f"comparison-{env}-{motion}.png",
        )


def samples_to_goal(row: Row) -> float | None:
    """Environment steps at the first evaluation that reaches `GOAL`; None where none does.

    The clone's evaluation is the first, at 0 steps.
    """
    possible = POSSIBLE.get(row["env"])
    if possible is None or not row.get("curve"):
        return None
    evaluations = list(zip(row["curve"]["timesteps"], row["curve"]["mean_return"], strict=True))
    if "clone" in row:
        evaluations.insert(0, (0, row["clone"]["mean_reward"]))
    for steps, found in evaluations:
        if found >= GOAL * possible:
            return float(steps)
    return None


def table(rows: list[Row]) -> str:
    """A row for each way to train, mean and standard deviation over seeds."""
    heads = ["robot", "motion", "algo", "way", "seeds", "RL samples", "wall [s]", "return"]
    heads += ["survival [s]", f"samples to {GOAL} [M]"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(rows, key=ROWS.key):
        groups.setdefault(ROWS.key(row)[:5], []).append(row)
    for (env, motion, algo, _, start), runs in groups.items():
        # Whole rollouts; fewer where the handover's guard stopped a run.
        made = ", ".join(map(str, sorted({run["num_timesteps"] for run in runs})))
        ways = [("BC → RL" if start == "bc" else "RL from scratch", "model", made)]
        if start == "bc":
            ways.insert(0, ("BC only", "clone", "0"))
        for way, which, samples in ways:
            figures = [run[which] for run in runs]
            cloned = which == "clone"
            wall = "–" if cloned else format_spread([run["wall_s"] for run in runs], 0)
            lines.append(
                f"| {env} | {motion} | {algo} | {way} | {len(runs)} | {samples} | {wall} "
                f"| {format_spread([f[MEASURES[str(env)]] for f in figures])} "
                f"| {format_spread([f['survival_s'] for f in figures], 1)} "
                f"| {'–' if cloned or env not in POSSIBLE else format_goals(runs)} |"
            )
    return "\n".join(lines) + "\n"


def format_goals(runs: list[Row]) -> str:
    """Samples to the goal of each seed, in millions."""
    found = [samples_to_goal(run) for run in runs]
    return ", ".join("not reached" if steps is None else f"{steps / 1e6:.1f}" for steps in found)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws the returns of the evaluations on the way, and the clones'."""
    from matplotlib.figure import Figure

    possible = POSSIBLE.get(rows[0]["env"], 1.0)
    algos = sorted({row["algo"] for row in rows})
    figure = Figure(figsize=(1.5 + 4.5 * len(algos), 3.5), layout="constrained")
    columns = figure.subplots(1, len(algos), squeeze=False, sharex=True, sharey=True)[0]
    for axes, algo in zip(columns, algos, strict=True):
        for start, color, label in (
            ("bc", "C0", "from a clone"),
            ("scratch", "C1", "from scratch"),
        ):
            runs = [row for row in rows if (row["algo"], row["start"]) == (algo, start)]
            for row in runs:
                millions, returns = learning_curve(row, possible)
                if start == "bc":
                    axes.plot(0, returns[0], "o", color=color, markersize=4)
                axes.plot(millions, returns, color=color, label=label if row is runs[0] else None)
        axes.set_title(algo.upper())
        axes.set_xlabel("environment steps [millions]")
    columns[0].set_ylabel("return" if possible == 1.0 else "normalized return")
    columns[0].legend(frameon=False)
    save_figure(figure, path)


if __name__ == "__main__":
    main()
