"""One policy for several of DeepMimic's clips, beside the policies of each alone.

    python bench/several.py CLIPS_FOLDER [--skills walk run jog dance_a] [--algo ppo]
                            [--timesteps N] [--seeds 0]

A row is one run of ``sb3-mimic train --motion A B …`` in a process of its own; one that is there
goes on from its last checkpoint, for as long as it is asked to. The figures lie in
``docs/results/several.json``; the page ``docs/results/several.md`` sets those of each clip beside
what `bench/skills.py` trained for it alone.
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
    learning_curve,
    save_figure,
    software_versions,
    train_run,
    write_text,
)
from skills import ROWS as ALONE

from sb3_mimic.report.published import SKILLS
from sb3_mimic.training.run import RunFolder

ROWS = Rows(RESULTS / "several.json", ("skills", "algo", "seed"))


def main() -> None:
    """Trains what is missing and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path, help="folder with humanoid3d_<skill>.txt")
    parser.add_argument(
        "--skills", nargs="+", choices=SKILLS, default=["walk", "run", "jog", "dance_a"]
    )
    parser.add_argument("--algo", default="ppo")
    parser.add_argument("--timesteps", type=int, default=30_000_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "several")
    arguments = parser.parse_args()
    clips = [arguments.clips / f"humanoid3d_{skill}.txt" for skill in arguments.skills]
    missing = [clip.name for clip in clips if not clip.is_file()]
    if missing:
        parser.error(f"no {', '.join(missing)} in {arguments.clips}")
    for seed in arguments.seeds:
        row = {"skills": arguments.skills, "algo": arguments.algo, "seed": seed}
        make(row, clips, arguments.timesteps, arguments.outputs)
    print(table(ROWS.read()))


def make(row: Row, clips: Sequence[Path], timesteps: int, outputs: Path) -> None:
    """Trains one policy and writes its row."""
    run = RunFolder(outputs / "-".join((*row["skills"], row["algo"], str(row["seed"]))))
    asked = ["--motion", *map(str, clips), "--algo", row["algo"], "--seed", str(row["seed"])]
    spent = train_run(run, asked, timesteps)
    shown = " ".join(["sb3-mimic train", *asked, "--total-rl-timesteps", str(timesteps)])
    figures = json.loads(run.evaluation.read_text(encoding="utf-8"))
    rows = ROWS.put(
        {
            **row,
            "command": shown.replace(f"{clips[0].parent}/", ""),
            "num_timesteps": figures["num_timesteps"],
            "wall_s": spent,
            "clone": figures["clone"],
            "model": figures["model"],
            "curve": curve(run),
            "versions": software_versions(run),
        }
    )
    show(rows)


def show(rows: list[Row]) -> None:
    """Writes the page and its picture."""
    text = (
        "# One policy for several clips\n\n"
        "Trained by `bench/several.py`, evaluated by [the protocol](../dimensions.md#evaluation-"
        "protocol), every clip by itself;\nbeside it the policy of each clip alone, of "
        "[skills](skills.md). Commands, seeds, versions and curves:\n"
        "[several.json](several.json).\n\n"
    )
    notes = [f"\n{row['note']}\n" for row in rows if "note" in row]
    picture = "\n![Mean return over the training](several.png)\n"
    write_text(RESULTS / "several.md", text + table(rows) + picture + "".join(notes))
    plot(rows, RESULTS / "several.png")


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws the normalized returns of the evaluations during training, the mean over the clips."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        label = f"{', '.join(row['skills'])}, {row['algo'].upper()}, seed {row['seed']}"
        axes.plot(*learning_curve(row, LOOP_STEPS), label=label)
    axes.set_xlabel("environment steps [millions]")
    axes.set_ylabel("normalized return")
    axes.legend(frameon=False, loc="lower right")
    save_figure(figure, path)


def table(rows: list[Row]) -> str:
    """A line for each clip of each policy."""
    heads = ("clip", "algo", "seed", "the clone", "together", "samples [M]", "alone", "samples [M]")
    lines = [f"| {' | '.join((*heads, 'less by'))} |", "|---" * 9 + "|"]
    singles = {ALONE.key(row): row for row in ALONE.read() if row["finished"]}
    for row in rows:
        for skill in row["skills"]:
            figure = f"humanoid3d_{skill}/normalized_return"
            together = row["model"][figure]
            single = singles.get((skill, row["algo"], "bc", row["seed"]))
            beside = "| – | – | – |"
            if single is not None:
                alone = single["model"]["normalized_return"]
                beside = f"| {alone:.3f} | {single['num_timesteps'] / 1e6:.1f} "
                beside += f"| {alone - together:.3f} |"
            lines.append(
                f"| {skill} | {row['algo']} | {row['seed']} | {row['clone'][figure]:.3f} "
                f"| {together:.3f} | {row['num_timesteps'] / 1e6:.1f} {beside}"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
