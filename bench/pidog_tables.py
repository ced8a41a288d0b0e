"""Tables and curves of PiDog's trainings, made from the rows of ``bench/pidog_policies.py``."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from rows import Row, format_spread, save_figure


def plot_curves(rows: Sequence[Row], path: Path) -> bool:
    """Draws the returns on the way, a line a seed; False where there are none."""
    from matplotlib.figure import Figure

    drawn = [row for row in rows if row["what"] == "gait" and row.get("curve")]
    if not drawn:
        return False
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    colors = {("ppo", "bc"): "C0", ("ppo", "scratch"): "C1", ("trpo", "bc"): "C2"}
    for row in drawn:
        kind = row["algo"], row["way"]
        name = f"{row['algo'].upper()} {'from a clone' if row['way'] == 'bc' else 'from scratch'}"
        label = None if name in axes.get_legend_handles_labels()[1] else name
        thousands = np.array(row["curve"]["timesteps"]) / 1000
        axes.plot(thousands, row["curve"]["mean_return"], color=colors.get(kind, "C3"), label=label)
    clones = [mean(row["clone"]["return"]) for row in drawn if "clone" in row]
    if clones:
        axes.axhline(mean(clones), color="gray", linestyle="--", label="clones")
    axes.set_xlabel("environment steps [thousands]")
    axes.set_ylabel("return of 16 episodes of 20 s")
    axes.legend(frameon=False)
    save_figure(figure, path)
    return True


def walk_table(rows: Sequence[Row]) -> str:
    """A row for each way to walk on full observations, over seeds."""
    lines = [
        "| algo | way | RL samples | seeds | net speed [m/s] | over the gait's | falls | return |",
        "|---|---|---|---|---|---|---|---|",
    ]
    chosen = [row for row in rows if row["what"] == "gait"]
    gait = next((row for row in chosen if row["way"] == "gait"), None)
    if gait is None:
        return ""
    own = mean(gait["net_speed"])
    groups: dict[tuple[str, str, int], list[Row]] = {("–", "the gait", 0): [gait]}
    for row in chosen:
        if row["way"] == "gait":
            continue
        if "clone" in row:
            groups.setdefault((row["algo"], "BC only", 0), []).append(row["clone"])
        way = "BC → RL" if row["way"] == "bc" else "RL from scratch"
        groups.setdefault((row["algo"], way, row["timesteps"]), []).append(row["model"])
    for (algo, way, samples), runs in groups.items():
        speeds = [mean(run["net_speed"]) for run in runs]
        lines.append(
            f"| {algo} | {way} | {samples} | {len(runs)} | {format_spread(speeds)} "
            f"| {format_spread([speed / own for speed in speeds], 2)} | {format_falls(runs)} "
            f"| {format_spread([mean(run['return']) for run in runs], 0)} |"
        )
    return "\n".join(lines) + "\n"


def hardware_table(rows: Sequence[Row]) -> str:
    """A row for each kind of robots and training, over seeds."""
    lines = [
        "| algo | RL samples | seeds | robots | speed at 0.2 m/s | falls |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if row["what"] == "hardware" and row.get("way") == "gait":
            for kind, carries in (("can carry themselves", True), ("too weak or heavy", False)):
                episodes = select_episodes(row, carries=carries)
                speed = format_spread([mean(episodes["speed"])])
                lines.append(
                    f"| – | 0 | 1 | the gait, {kind} | {speed} | {format_falls([episodes])} |"
                )
        elif row["what"] == "hardware":
            groups.setdefault((row["algo"], row["timesteps"]), []).append(row)
    for (algo, _), runs in groups.items():
        samples = ", ".join(str(run["num_timesteps"]) for run in runs)
        kinds = {
            "clone, can carry themselves": [
                select_episodes(run["clone"], carries=True) for run in runs
            ],
            "randomized, can carry themselves": [
                select_episodes(run["randomized"], carries=True) for run in runs
            ],
            "randomized, too weak or heavy": [
                select_episodes(run["randomized"], carries=False) for run in runs
            ],
            "nominal": [run["nominal"] for run in runs],
            "held back": [run["heldback"] for run in runs],
            "held back, 30 ms late": [run["heldback_randomized_servo"] for run in runs],
        }
        for kind, found in kinds.items():
            speeds = [mean(run["speed"]) for run in found if run["speed"]]
            if speeds:
                lines.append(
                    f"| {algo} | {samples} | {len(found)} | {kind} | {format_spread(speeds)} "
                    f"| {format_falls(found)} |"
                )
    return "\n".join(lines) + "\n" if groups else ""


def select_episodes(run: dict[str, Any], *, carries: bool) -> dict[str, Any]:
    """The episodes on models that can carry themselves, or on the others."""
    kept = [index for index, can in enumerate(run["carries"]) if can == carries]
    lists = {name: values for name, values in run.items() if isinstance(values, list)}
    return {name: [values[index] for index in kept] for name, values in lists.items()}


def format_falls(runs: Sequence[Row]) -> str:
    """Falls over episodes."""
    return f"{sum(sum(run['fallen']) for run in runs)}/{sum(len(run['fallen']) for run in runs)}"
