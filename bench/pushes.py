"""Policies that stand pushes: trained as always, then trained on with pushes that grow.

    python bench/pushes.py CLIPS_FOLDER [--skills walk run] [--part 0.05] [--seeds 0]

Each of the two trainings of a row has a part of DeepMimic's samples, so that both together have
twice as many; pushes go up to ``--force``, and grow there as the policy stands them. Both policies
are evaluated by ``sb3-mimic evaluate --push``. A run that is there goes on from its last
checkpoint; rows lie in ``docs/results/pushes.json``, and the page ``docs/results/pushes.md`` and
its picture are written from them.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as imageio
import numpy as np
from rows import RESULTS, ROOT, Row, Rows, curve, fill, save_figure, software, trained
from skills import SKILLS

from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.pushes import PUSH_SECONDS
from sb3_mimic.envs.rotations import heading
from sb3_mimic.io import atomic_path
from sb3_mimic.learn.robustness import PUSH_AFTER
from sb3_mimic.learn.run import RunFolder
from sb3_mimic.learn.trained import open_trained
from sb3_mimic.motion import load_motion

ROWS = Rows(RESULTS / "pushes.json", ("skill", "seed"))
PUSHED = [skill for skill, known in SKILLS.items() if known.push is not None]


def main() -> None:
    """Trains what is missing and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path, help="folder with humanoid3d_<skill>.txt")
    parser.add_argument("--skills", nargs="+", choices=PUSHED, default=["walk", "run"])
    parser.add_argument("--part", type=float, default=0.05, help="of DeepMimic's samples, twice")
    parser.add_argument("--force", type=float, default=1000.0, help="largest push [N]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "pushes")
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for skill in arguments.skills:
            clip = arguments.clips / f"humanoid3d_{skill}.txt"
            timesteps = round(1e6 * SKILLS[skill].samples * arguments.part)
            asked = {"skill": skill, "seed": seed, "timesteps": timesteps, "force": arguments.force}
            if not ROWS.has(asked):
                show(ROWS.put(measure(asked, clip, arguments.outputs)))
    show(ROWS.read())
    print(table(ROWS.read()))


def measure(asked: Row, clip: Path, outputs: Path) -> Row:
    """One row: both trainings, both evaluations."""
    plain, pushed = (
        RunFolder(outputs / f"{asked['skill']}-{kind}-{asked['seed']}")
        for kind in ("plain", "pushed")
    )
    first = ["--motion", str(clip), "--seed", str(asked["seed"])]
    second = [*first, "--pretrained-model", str(plain.path), "--skip-bc"]
    second += ["--push-force", f"{asked['force']:g}"]
    spent = [trained(plain, first, asked["timesteps"]), trained(pushed, second, asked["timesteps"])]
    commands = [
        " ".join(["sb3-mimic train", *flags, "--total-rl-timesteps", str(asked["timesteps"])])
        for flags in (first, second)
    ]
    duration = load_motion(clip).duration
    stands = evaluated(pushed)
    strip(pushed, stands["push"]["sideways"][0], RESULTS / f"pushes-{asked['skill']}.png")
    return {
        **asked,
        "commands": [
            text.replace(str(clip), clip.name).replace(str(plain.path), plain.path.name)
            for text in commands
        ],
        "wall_s": spent,
        # Phases at which bodies were pushed, in the order of the test's figures.
        "moments": ((np.arange(8) / 8 + PUSH_AFTER / duration) % 1).tolist(),
        "plain": evaluated(plain),
        "pushed": stands,
        "curves": {"plain": curve(plain), "pushed": curve(pushed)},
        "limits": limits(pushed),
        "versions": software(pushed),
    }


def evaluated(run: RunFolder) -> dict[str, Any]:
    """The protocol's figures and the push test's, each moment's among them."""
    command = [sys.executable, "-m", "sb3_mimic", "evaluate", str(run.path), "--push", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def strip(run: RunFolder, force: float, path: Path) -> None:
    """Pictures of a push to the left and of the 1.2 s after it, from the front.

    Args:
        run: What acts; it begins at phase 0 and is pushed as in the test, 1 s later.
        force: The push [N].
        path: The PNG.
    """
    trained_policy = open_trained(run.path)
    sizes = {"width": 220, "height": 300, "camera": "front", "render_mode": "rgb_array"}
    with closing(gym.make(trained_policy.env_id, **trained_policy.env_kwargs, **sizes)) as made:
        env = made.unwrapped
        if not isinstance(env, HumanoidMimicEnv):
            raise SystemExit(f"{run.path} is of no humanoid")
        observation, _ = env.reset(seed=0, options={"phase": 0.0})
        rate = env.batched.robot.control_rate
        begin, length, every = (round(s * rate) for s in (PUSH_AFTER, PUSH_SECONDS, 0.2))
        pictures, push = [], np.zeros((1, 3))
        for step in range(begin + 7 * every + 1):
            if step == begin:
                c, s = heading(env.batched.qpos[:, 3:7])[0]
                push = force * np.array([[-s, c, 0.0]])
            env.batched.push = push if begin <= step < begin + length else None
            action, _ = trained_policy.policy.predict(observation, deterministic=True)
            observation = env.step(action)[0]
            if step >= begin and (step - begin) % every == 0:
                pictures.append(np.asarray(env.render()))
    with atomic_path(path) as temporary:
        imageio.imwrite(temporary, np.concatenate(pictures, axis=1), extension=".png")


def limits(run: RunFolder) -> dict[str, list[tuple[int, float]]]:
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
    fill(RESULTS / "pushes.md", "pushes", table(rows))
    plot(rows, RESULTS / "pushes.png")


def table(rows: list[Row]) -> str:
    """A line for each policy of each row, and DeepMimic's."""
    lines = [
        (
            "| clip, seed | policy | samples [M] | return | stochastic | always [N] | half [N] "
            "| middle of the cycle [N] |"
        ),
        "|---" * 8 + "|",
    ]
    for row in sorted(rows, key=ROWS.key):
        known = SKILLS[row["skill"]]
        for name, samples in (("plain", 1), ("pushed", 2)):
            figures = row[name]
            lines.append(
                f"| {row['skill']}, {row['seed']} | {name} "
                f"| {samples * row['timesteps'] / 1e6:.1f} "
                f"| {figures['normalized_return']:.3f} "
                f"| {figures['normalized_return_stochastic']:.3f} "
                f"| {pair(figures, 'push_forward_N', 'push_sideways_N')} "
                f"| {pair(figures, 'push_forward_median_N', 'push_sideways_median_N')} "
                f"| {middle(row, name)} |"
            )
        push = "–" if known.push is None else "{}, {}".format(*known.push)
        lines.append(
            f"| {row['skill']} | DeepMimic | {known.samples} | {known.normalized_return} | – "
            f"| – | – | {push} |"
        )
    return "\n".join(lines) + "\n"


def pair(figures: Mapping[str, float], forward: str, sideways: str) -> str:
    """Two forces, as the tables have them."""
    return f"{figures[forward]:.0f}, {figures[sideways]:.0f}"


def middle(row: Row, name: str) -> str:
    """What is survived at the moment nearest to the middle of a cycle, where DeepMimic pushed."""
    index = int(np.abs(np.array(row["moments"]) - 0.5).argmin())
    push = row[name]["push"]
    return f"{push['forward'][index]:.0f}, {push['sideways'][index]:.0f}"


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws what is survived at each moment, before and after, and DeepMimic's figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), 2, squeeze=False, sharex=True)
    for line, row in zip(grid, sorted(rows, key=ROWS.key), strict=True):
        order = np.argsort(row["moments"])
        phases = np.array(row["moments"])[order]
        known = SKILLS[row["skill"]].push or ()
        for index, (axes, side) in enumerate(zip(line, ("forward", "sideways"), strict=True)):
            for name, color in (("plain", "C7"), ("pushed", "C0")):
                forces = np.array(row[name]["push"][side])[order]
                label = {"plain": "trained as always", "pushed": "trained on with pushes"}[name]
                axes.plot(phases, forces, "o-", color=color, label=label)
            if known:
                axes.plot(0.5, known[index], "k*", markersize=11, label="DeepMimic")
            axes.set_title(f"{row['skill']}, seed {row['seed']}, {side}", fontsize=10)
            axes.set_ylim(bottom=0)
            axes.set_ylabel("push survived [N]")
    for axes in grid[-1]:
        axes.set_xlabel("phase at the push")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncol=3, frameon=False)
    save_figure(figure, path)


if __name__ == "__main__":
    main()
