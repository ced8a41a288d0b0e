"""Robustness to pushes: trained without, trained on with pushes, pushed from the clone on.

    python bench/pushes.py CLIPS_FOLDER [--skills walk run] [--part 0.1] [--seeds 0]
                           [--policies plain then-pushed pushed]

Push forces follow a curriculum up to ``--force``: they grow as the policy withstands them.
``pushed`` trains with pushes for a part of DeepMimic's samples; ``plain`` trains without for half
as many, and ``then-pushed`` continues it with pushes for the other half. All are evaluated by
``sb3-mimic evaluate --push``. A run that was stopped continues from its last checkpoint. The rows
lie in ``docs/results/pushes.json``; the page ``docs/results/pushes.md`` and its pictures are
written from them.
"""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as imageio
import numpy as np
from rows import (
    RESULTS,
    ROOT,
    Row,
    Rows,
    curve,
    evaluate_run,
    fill_table,
    save_figure,
    software_versions,
    train_run,
)

from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.tracking.pushes import PUSH_SECONDS
from sb3_mimic.evaluation.robustness import PUSH_AFTER
from sb3_mimic.io import atomic_path
from sb3_mimic.motion import load_motion
from sb3_mimic.report.published import SKILLS
from sb3_mimic.spatial import from_heading_frame, heading
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.trained import open_trained

ROWS = Rows(RESULTS / "pushes.json", ("skill", "seed", "policy"))
PUSHED = [skill for skill, known in SKILLS.items() if known.push is not None]
# Name of a policy -> how the picture calls it, and its color.
POLICIES = {
    "plain": ("as always", "C7"),
    "then-pushed": ("then as long with pushes", "C1"),
    "pushed": ("with pushes from the clone on", "C0"),
}


def main() -> None:
    """Trains what is missing and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path, help="folder with humanoid3d_<skill>.txt")
    parser.add_argument("--skills", nargs="+", choices=PUSHED, default=["walk", "run"])
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    parser.add_argument("--part", type=float, default=0.1, help="of DeepMimic's samples")
    parser.add_argument("--force", type=float, default=1000.0, help="largest push [N]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "pushes")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for skill in arguments.skills:
            clip = arguments.clips / f"humanoid3d_{skill}.txt"
            samples = 1e6 * SKILLS[skill].samples * arguments.part
            for policy in (name for name in POLICIES if name in arguments.policies):
                asked = {"skill": skill, "seed": seed, "policy": policy}
                timesteps = round(samples if policy == "pushed" else samples / 2)
                if not ROWS.has({**asked, "timesteps": timesteps}):
                    force = 0.0 if policy == "plain" else arguments.force
                    row = {**asked, "timesteps": timesteps, "force": force}
                    show(ROWS.put(measure(row, clip, arguments.outputs)))
    show(ROWS.read())
    print(table(ROWS.read()))


def measure(asked: Row, clip: Path, outputs: Path) -> Row:
    """One row: a training and its evaluation."""
    run, plain = (
        RunFolder(outputs / f"{asked['skill']}-{policy}-{asked['seed']}")
        for policy in (asked["policy"], "plain")
    )
    flags = ["--motion", str(clip), "--seed", str(asked["seed"])]
    if asked["policy"] == "then-pushed":
        flags += ["--pretrained-model", str(plain.path), "--skip-bc"]
    if asked["force"]:
        flags += ["--push-force", f"{asked['force']:g}"]
    spent = train_run(run, flags, asked["timesteps"])
    command = " ".join(["sb3-mimic train", *flags, "--total-rl-timesteps", str(asked["timesteps"])])
    figures = evaluate_run(run)
    if asked["policy"] == "then-pushed":
        draw_strip(run, figures["push"]["sideways"][0], RESULTS / f"pushes-{asked['skill']}.png")
    return {
        **asked,
        "command": command.replace(str(clip), clip.name).replace(str(plain.path), plain.path.name),
        "wall_s": spent,
        # Phases at which bodies were pushed, in the order of the test's figures.
        "moments": ((np.arange(8) / 8 + PUSH_AFTER / load_motion(clip).duration) % 1).tolist(),
        "model": figures,
        "curve": curve(run),
        "limits": read_limits(run) if asked["force"] else {},
        "versions": software_versions(run),
    }


def draw_strip(run: RunFolder, force: float, path: Path) -> None:
    """Pictures of a push to the left and of the 1.2 s after it, from the front.

    Args:
        run: The run of the policy; it begins at phase 0 and is pushed as in the test, 1 s later.
        force: The push [N].
        path: The PNG.
    """
    trained_policy = open_trained(run.path)
    options: dict[str, Any] = {
        **trained_policy.env_kwargs,
        "width": 220,
        "height": 300,
        "camera": "front",
        "render_mode": "rgb_array",
    }
    with closing(gym.make(trained_policy.env_id, **options)) as made:
        env = made.unwrapped
        if not isinstance(env, HumanoidMimicEnv):
            raise SystemExit(f"{run.path} is of no humanoid")
        observation, _ = env.reset(seed=0, options={"phase": 0.0})
        rate = env.batched.robot.control_rate
        begin, length, every = (round(s * rate) for s in (PUSH_AFTER, PUSH_SECONDS, 0.2))
        pictures, push = [], np.zeros((1, 3))
        for step in range(begin + 7 * every + 1):
            if step == begin:
                left = np.array([[0.0, force, 0.0]])
                push = from_heading_frame(heading(env.batched.qpos[:, 3:7]), left)
            env.batched.push = push if begin <= step < begin + length else None
            action, _ = trained_policy.policy.predict(observation, deterministic=True)
            observation = env.step(action)[0]
            if step >= begin and (step - begin) % every == 0:
                pictures.append(np.asarray(env.render()))
    with atomic_path(path) as temporary:
        imageio.imwrite(temporary, np.concatenate(pictures, axis=1), extension=".png")


def read_limits(run: RunFolder) -> dict[str, list[tuple[int, float]]]:
    """How the pushes grew, as TensorBoard has it: steps and newtons."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[str, list[tuple[int, float]]] = {}
    for folder in sorted(run.tensorboard.glob("ppo_*")):
        events = EventAccumulator(str(folder))
        events.Reload()
        for name in ("forward", "sideways", "mean"):
            for scalar in events.Scalars(f"pushes/{name}_limit_N")[::8]:
                found.setdefault(name, []).append((scalar.step, round(scalar.value, 1)))
    return found


def show(rows: list[Row]) -> None:
    """Writes the tables into the page, and the picture beside it."""
    fill_table(RESULTS / "pushes.md", "pushes", table(rows))
    plot(rows, RESULTS / "pushes.png")


def table(rows: list[Row]) -> str:
    """A line for each policy, and DeepMimic's."""
    lines = [
        (
            "| clip, seed | trained | samples [M] | return | stochastic | always [N] | half [N] "
            "| middle of the cycle [N] |"
        ),
        "|---" * 8 + "|",
    ]
    for skill, seed, each in group_rows(rows):
        known = SKILLS[skill]
        for row in each:
            samples, figures = row["timesteps"] / 1e6, row["model"]
            lines.append(
                f"| {skill}, {seed} | {POLICIES[row['policy']][0]} "
                f"| {samples * (2 if row['policy'] == 'then-pushed' else 1):.1f} "
                f"| {figures['normalized_return']:.3f} "
                f"| {figures['normalized_return_stochastic']:.3f} "
                f"| {format_pair(figures, 'push_forward_N', 'push_sideways_N')} "
                f"| {format_pair(figures, 'push_forward_median_N', 'push_sideways_median_N')} "
                f"| {format_middle(row)} |"
            )
        push = "–" if known.push is None else "{}, {}".format(*known.push)
        lines.append(
            f"| {skill} | DeepMimic | {known.samples} | {known.normalized_return} | – "
            f"| – | – | {push} |"
        )
    return "\n".join(lines) + "\n"


def group_rows(rows: Sequence[Row]) -> list[tuple[str, int, list[Row]]]:
    """The policies of each clip and seed, in their order."""
    found = sorted({(row["skill"], row["seed"]) for row in rows})
    order = list(POLICIES)
    return [
        (
            skill,
            seed,
            sorted(
                (row for row in rows if (row["skill"], row["seed"]) == (skill, seed)),
                key=lambda row: order.index(row["policy"]),
            ),
        )
        for skill, seed in found
    ]


def format_pair(figures: Mapping[str, float], forward: str, sideways: str) -> str:
    """Two forces as a cell of a table."""
    return f"{figures[forward]:.0f}, {figures[sideways]:.0f}"


def format_middle(row: Row) -> str:
    """Pushes survived at the moment nearest to the middle of a cycle, where DeepMimic pushed."""
    index = int(np.abs(np.array(row["moments"]) - 0.5).argmin())
    push = row["model"]["push"]
    return f"{push['forward'][index]:.0f}, {push['sideways'][index]:.0f}"


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws the pushes survived at each moment, and DeepMimic's figure."""
    from matplotlib.figure import Figure

    groups = group_rows(rows)
    figure = Figure(figsize=(8, 0.6 + 3 * len(groups)), layout="constrained")
    grid = figure.subplots(len(groups), 2, squeeze=False, sharex=True)
    for line, (skill, seed, each) in zip(grid, groups, strict=True):
        known = SKILLS[skill].push or ()
        for index, (axes, side) in enumerate(zip(line, ("forward", "sideways"), strict=True)):
            for row in each:
                order = np.argsort(row["moments"])
                phases = np.array(row["moments"])[order]
                forces = np.array(row["model"]["push"][side])[order]
                label, color = POLICIES[row["policy"]]
                axes.plot(phases, forces, "o-", color=color, label=f"trained {label}")
            if known:
                axes.plot(0.5, known[index], "k*", markersize=11, label="DeepMimic")
            axes.set_title(f"{skill}, seed {seed}, {side}", fontsize=10)
            axes.set_ylim(bottom=0)
            axes.set_ylabel("push survived [N]")
    for axes in grid[-1]:
        axes.set_xlabel("phase at the push")
    # Not every clip has every policy.
    known_lines = {
        label: handle
        for axes in grid.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        known_lines.values(), known_lines, loc="outside lower center", ncol=2, frameon=False
    )
    save_figure(figure, path)


if __name__ == "__main__":
    main()
