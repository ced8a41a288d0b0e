"""DeepMimic's skills: trained, evaluated by the protocol, beside the published figures.

    python bench/skills.py CLIPS_FOLDER [--skills walk run …] [--algo ppo] [--starts bc scratch]
                           [--part 0.1] [--seeds 0]

A row trains one clip with ``sb3-mimic train`` in a process of its own, for a part of DeepMimic's
samples, and evaluates it with ``sb3-mimic evaluate --push``. A run that is there goes on from its
last checkpoint, so the benchmark can be interrupted; a row that is not finished says so. The rows
lie in ``docs/results/skills.json``, the tables in ``docs/results/skills.md`` and the README are
written from them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rows import (
    LOOP_STEPS,
    RESULTS,
    ROOT,
    Row,
    Rows,
    curve,
    evaluate_run,
    fill_table,
    format_spread,
    learning_curve,
    save_figure,
    software_versions,
    train_run,
    write_text,
)

from sb3_mimic.report.published import SKILLS
from sb3_mimic.training.run import RunFolder

ROWS = Rows(RESULTS / "skills.json", ("skill", "algo", "start", "seed"))

PAGE = """# DeepMimic's skills

Trained by `bench/skills.py` for a part of DeepMimic's samples, evaluated by [the
protocol](../dimensions.md#evaluation-protocol). Commands, seeds, versions and curves:
[skills.json](skills.json).

## From scratch, cloned, and trained from the clone

Normalized return, mean ± standard deviation of the seeds. From scratch: the same settings and
samples, without the clone and its handover (`--skip-bc`).

{summary}
## To DeepMimic's return

When the evaluations on the way, 16 episodes after every 0.1 M samples, first come to it, for each
seed. Of clips that loop alone: those of the others begin anywhere in the clip, and are no share of
anything. The minutes are that part of what the whole took, refinement and cloning included.

{reached}
![Returns of the clips that loop over the training](skills.png)

Dashed from scratch, solid from the clone, dotted what DeepMimic came to.

## Every run

DeepMimic's figures are in parentheses. Pushes are forward and to the weaker side, those survived at
each of eight moments of the motion and those survived at half of them; DeepMimic pushed at one
moment, in the middle of a cycle. Training went without pushes; [with them](pushes.md) walk and run
survive pushes 1.5 to 2 times as strong.

{table}{notes}"""


def main() -> None:
    """Trains what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path, help="folder with humanoid3d_<skill>.txt")
    parser.add_argument("--skills", nargs="+", choices=SKILLS, default=list(SKILLS))
    parser.add_argument("--algo", default="ppo")
    parser.add_argument("--starts", nargs="+", choices=["bc", "scratch"], default=["bc"])
    parser.add_argument("--part", type=float, default=0.1, help="of DeepMimic's samples")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "skills")
    arguments = parser.parse_args()
    clips = {skill: arguments.clips / f"humanoid3d_{skill}.txt" for skill in arguments.skills}
    missing = [skill for skill, clip in clips.items() if not clip.is_file()]
    if missing:
        print(f"no clips of {', '.join(missing)} in {arguments.clips}", file=sys.stderr)
    for seed in arguments.seeds:
        for skill in (name for name in clips if name not in missing):
            for start in arguments.starts:
                row = {"skill": skill, "algo": arguments.algo, "start": start, "seed": seed}
                timesteps = round(1e6 * SKILLS[skill].samples * arguments.part)
                make(row, clips[skill], timesteps, arguments.outputs)
    print(run_table(ROWS.read()))


def make(row: Row, clip: Path, timesteps: int, outputs: Path) -> None:
    """Trains and evaluates one row, which is written down as unfinished until then."""
    name = "-".join(str(row[part]) for part in ("skill", "algo", "start", "seed"))
    run = RunFolder(outputs / name)
    for old in ROWS.read():
        same = ROWS.key(old) == ROWS.key(row)
        if same and old["finished"] and old["timesteps"] >= timesteps:
            return
    asked = ["--motion", str(clip), "--algo", row["algo"], "--seed", str(row["seed"])]
    asked += ["--skip-bc"] if row["start"] == "scratch" else []
    shown = " ".join(["sb3-mimic train", *asked, "--total-rl-timesteps", str(timesteps)])
    begun = {**row, "timesteps": timesteps, "command": shown.replace(str(clip), clip.name)}
    show(ROWS.put({**begun, "finished": False}))
    spent = train_run(run, asked, timesteps)
    measured = evaluate_run(run)
    figures = json.loads(run.evaluation.read_text(encoding="utf-8"))
    found = {
        **begun,
        "finished": True,
        "num_timesteps": figures["num_timesteps"],
        "wall_s": spent,
        "clone": figures.get("clone"),
        "model": measured,
        "curve": curve(run),
        "versions": software_versions(run),
    }
    show(ROWS.put(found))


def show(rows: list[Row]) -> None:
    """Writes the page, and the short table of the README."""
    notes = [
        f"\n{row['skill']}, from {row['start']}, seed {row['seed']}: {row['note']}\n"
        for row in sorted(rows, key=ROWS.key)
        if "note" in row
    ]
    page = PAGE.format(
        summary=summary_table(rows),
        reached=goal_table(rows),
        table=run_table(rows),
        notes="".join(notes),
    )
    write_text(RESULTS / "skills.md", page)
    plot(rows, RESULTS / "skills.png")
    fill_table(ROOT / "README.md", "skills", summary_table(rows))


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws the evaluations during training of the clips that loop; DeepMimic's return is dotted.

    Evaluations of a clip that ends begin anywhere in it, so their largest possible return differs.
    Runs from scratch are dashed.
    """
    from matplotlib.figure import Figure

    looping = [row for row in rows if row["finished"] and episode_steps(row) == LOOP_STEPS]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    for index, skill in enumerate(sorted({row["skill"] for row in looping})):
        known, color = SKILLS[skill], f"C{index}"
        same = [row for row in sorted(looping, key=ROWS.key) if row["skill"] == skill]
        cloned = sum(row["start"] == "bc" for row in same)
        several = f", {cloned} seeds" if cloned > 1 else ""
        label: str | None = f"{skill} ({known.samples} M){several}"
        for row in same:
            millions, shares = learning_curve(row, LOOP_STEPS)
            style = "-" if row["start"] == "bc" else "--"
            axes.plot(millions, shares, style, color=color, label=label, linewidth=1.2)
            label = None
        axes.axhline(known.normalized_return, color=color, linestyle=":", linewidth=0.8)
    axes.set_xlabel("environment steps [millions]")
    axes.set_ylabel("normalized return")
    figure.legend(title="clip (DeepMimic's samples)", frameon=False, loc="outside right upper")
    save_figure(figure, path)


def episode_steps(row: Row) -> int:
    """Control steps of a full episode of the protocol."""
    figures = row["model"]
    return round(float(figures["mean_reward"]) / float(figures["normalized_return"]))


def summary_table(rows: Sequence[Row]) -> str:
    """Each skill beside DeepMimic's: a line for the finished runs of an algorithm."""
    lines = [
        "| clip | samples [M] | RL from scratch | BC only | BC → RL | DeepMimic | samples [M] |",
        "|---|---|---|---|---|---|---|",
    ]
    for (skill, algo), (scratch, cloned) in group_by_start(rows).items():
        known = SKILLS[skill]
        lines.append(
            f"| {skill} | {max(row['num_timesteps'] for row in cloned) / 1e6:.1f} "
            f"| {format_returns(scratch, 'model')} | {format_returns(cloned, 'clone')} "
            f"| {algo.upper()} {format_returns(cloned, 'model')} "
            f"| {known.normalized_return} | {known.samples} |"
        )
    return "\n".join(lines) + "\n"


def goal_table(rows: Sequence[Row]) -> str:
    """Samples and minutes until each skill reaches 0.95 and all of DeepMimic's return."""
    columns = [
        *("skill", "DeepMimic's return", "from"),
        *("samples [M] to 0.95 of it", "minutes", "samples [M] to all of it", "minutes"),
    ]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for (skill, algo), runs in group_by_start(rows).items():
        goal = SKILLS[skill].normalized_return
        for start, same in zip(("scratch", "BC"), runs, strict=True):
            looping = [row for row in same if episode_steps(row) == LOOP_STEPS]
            if not looping:
                continue
            cells = [
                cell
                for share in (0.95, 1.0)
                for cell in samples_and_minutes_to(looping, share * goal)
            ]
            lines.append(f"| {skill} | {goal} | {start}, {algo} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def samples_and_minutes_to(rows: Sequence[Row], goal: float) -> tuple[str, str]:
    """Samples [M] and minutes until the evaluations during training first reach a return.

    The minutes are that part of the whole wall time, refinement and cloning included.
    """
    millions: list[str] = []
    minutes: list[str] = []
    for row in rows:
        there = [
            step
            for step, value in zip(
                row["curve"]["timesteps"], row["curve"]["mean_return"], strict=True
            )
            if value / LOOP_STEPS >= goal
        ]
        if not there:
            millions.append(f"not in {row['num_timesteps'] / 1e6:.1f}")
            minutes.append("–")
            continue
        millions.append(f"{there[0] / 1e6:.1f}")
        spent = row["wall_s"]
        part = there[0] / row["num_timesteps"]
        minutes.append("–" if spent is None else f"{spent * part / 60:.0f}")
    return ", ".join(millions), ", ".join(minutes)


def group_by_start(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[list[Row], list[Row]]]:
    """Finished runs of each skill and algorithm that has a clone: from scratch, and from clones."""
    finished = sorted((row for row in rows if row["finished"]), key=ROWS.key)
    found: dict[tuple[str, str], tuple[list[Row], list[Row]]] = {}
    for row in finished:
        scratch, cloned = found.setdefault((row["skill"], row["algo"]), ([], []))
        (scratch if row["start"] == "scratch" else cloned).append(row)
    return {key: runs for key, runs in found.items() if runs[1]}


def format_returns(rows: Sequence[Row], which: str) -> str:
    """Normalized returns of the seeds, with their number where there are several."""
    if not rows:
        return "–"
    several = f" ({len(rows)} seeds)" if len(rows) > 1 else ""
    return format_spread([row[which]["normalized_return"] for row in rows]) + several


def run_table(rows: list[Row]) -> str:
    """A line for each run."""
    columns = [
        *("skill", "algo", "from", "seed", "samples [M]", "wall [min]", "BC only", "return"),
        *("stochastic", "survival [s]", "push, always [N]", "push, half [N]"),
    ]
    lines = [
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for row in sorted(rows, key=ROWS.key):
        skill, algo, start, seed = ROWS.key(row)
        known = SKILLS[skill]
        begin = f"| {skill} | {algo} | {start} | {seed} "
        if not row["finished"]:
            planned = f"{row['timesteps'] / 1e6:.1f} ({known.samples})"
            lines.append(f"{begin}| {planned} | not finished | | | | | | |")
            continue
        model, clone = row["model"], row["clone"]
        always = f"{model['push_forward_N']:.0f}, {model['push_sideways_N']:.0f}"
        half = f"{model['push_forward_median_N']:.0f}, {model['push_sideways_median_N']:.0f}"
        if known.push is not None:
            half += " ({}, {})".format(*known.push)
        lines.append(
            f"{begin}| {row['num_timesteps'] / 1e6:.1f} ({known.samples}) "
            f"| {'–' if row['wall_s'] is None else format(row['wall_s'] / 60, '.0f')} "
            f"| {'–' if clone is None else format(clone['normalized_return'], '.3f')} "
            f"| {model['normalized_return']:.3f} ({known.normalized_return}) "
            f"| {model['normalized_return_stochastic']:.3f} "
            f"| {model['survival_s']:.1f} | {always} | {half} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
