"""Unitree G1: clips retargeted to it, refined, and trained on.

    python bench/g1.py [--parts retarget refine] [--robot-file PATH] [--runs NAME=RUN …]

The clips lie in ``$SB3_MIMIC_MOTIONS`` (or ``../shared/motions``), the model in ``$MENAGERIE_ROOT``
or where ``--robot-file`` says. Retargeting is measured over all clips below. Refinement with the
default method and seed 0 takes a minute or so a clip; a clip that is measured already is not
measured again. ``--runs`` adds what run folders of ``sb3-mimic train --env g1`` found. The rows lie
in ``docs/results/g1.json``, the page ``g1.md`` beside it.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rows import RESULTS, Row, Rows, write_text

from sb3_mimic.envs.g1 import G1
from sb3_mimic.envs.tracking import TrackingRobot, fit_clip, reference_for
from sb3_mimic.motion import load_motion
from sb3_mimic.refinement.run import refine_reference
from sb3_mimic.training.run import RunFolder

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("SB3_MIMIC_MOTIONS", ROOT.parent / "shared" / "motions"))

#: Clips that the retargeter was tuned on.
TUNED = ("deepmimic/humanoid3d_walk.txt", "deepmimic/humanoid3d_run.txt", "cmu-asfamc/02_01.amc")
#: Clips that it was not tuned on; names without a folder are built in.
OTHERS = (
    *(
        f"deepmimic/humanoid3d_{name}.txt"
        for name in ("jog", "jump", "kick", "spin", "backflip", "getup_facedown", "dance_a")
    ),
    "walk",
    "run",
    "squat",
    "wave",
    *(f"cmu-asfamc/{name}.amc" for name in ("02_02", "02_03", "02_04", "16_17", "16_35", "49_02")),
    "cmu-bvh/12_01.bvh",
    "cmu-bvh/131_01.bvh",
)
REFINED = (*TUNED, "walk", "run", "deepmimic/humanoid3d_jog.txt")

PAGE = """\
# Unitree G1

The library's clips on Unitree G1 (29 joints, 33 kg), written by `bench/g1.py`; everything measured is in `g1.json`. How a
clip gets onto the robot is described in [Your own robot](../your-robot.md#how-a-clip-gets-onto-the-robot).

## Clips on the robot

Errors are distances of ankles and wrists from their places relative to the hips, scaled to the robot's limbs. No clip
exceeds a joint's limit. The retargeter was tuned on the clips marked with *. DeepMimic's other clips, 131_01, and CMU's of the
subjects 02, 16 and 49 were looked at while it was written. The built-in clips and 12_01 were not.

{retarget}

Wrists miss their places by more than 6 cm in `dance_a`, where waist and shoulders are at their limits, and in the backflip.

## Refined actions

The default method, seed 0, open loop, one pass of the clip.

{refine}

## Training

`sb3-mimic train --env g1 --motion CLIP` with the default settings of tracking; 32 episodes from start phases spread evenly
over the clip. The clone is what behavior cloning gives before any reinforcement learning.

{train}

PPO's policy survives 20 s from each of the 32 start phases. TRPO was stopped after 0.6 M of 1.5 M samples, for time; it is well
behind PPO there, whose evaluations were whole from 0.5 M samples on. Each is one seed.

![G1 walks](../images/g1.gif)
"""  # noqa: E501


def main() -> None:
    """Measures what is missing and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="*", choices=("retarget", "refine"), default=())
    parser.add_argument("--robot-file", type=Path)
    parser.add_argument("--runs", nargs="*", default=(), metavar="NAME=RUN")
    arguments = parser.parse_args()
    rows = Rows(RESULTS / "g1.json", ("part", "name"))
    if arguments.parts:
        robot = G1.load(file=arguments.robot_file)
        if "retarget" in arguments.parts:
            for name in (*TUNED, *OTHERS):
                rows.put(retarget_row(name, robot))
        if "refine" in arguments.parts:
            for name in REFINED:
                if not rows.has({"part": "refine", "name": name}):
                    rows.put(refine_row(name, robot))
    for entry in arguments.runs:
        name, _, path = entry.partition("=")
        for row in run_rows(name, RunFolder.open(Path(path))):
            rows.put(row)
    write_text(RESULTS / "g1.md", page(rows.read()))


def clip_path(name: str) -> str:
    """The motion of a name: a built-in clip, or a file in the folder of real clips."""
    return str(FOLDER / name) if "/" in name else name


def retarget_row(name: str, robot: TrackingRobot) -> Row:
    """The errors of a clip retargeted to the robot."""
    start = time.perf_counter()
    fitted = fit_clip(load_motion(clip_path(name)), robot)
    report = fitted.report

    def largest(part: str, errors: Any) -> float:
        return float(max(value for body, value in errors.items() if body.endswith(part)))

    return {
        "part": "retarget",
        "name": name,
        "tuned": name in TUNED,
        "seconds": fitted.clip.duration,
        "wall_s": time.perf_counter() - start,
        "ankle_max": largest("ankle", report.error_max),
        "wrist_max": largest("wrist", report.error_max),
        "error_mean": sum(report.error_mean.values()) / len(report.error_mean),
        "penetration": report.penetration,
        "skate_mean": report.skate_mean,
        "limit_excess": report.limit_excess,
        "fastest_speed": report.fastest_speed,
    }


def refine_row(name: str, robot: TrackingRobot) -> Row:
    """The figures of a clip's refined actions."""
    refined = refine_reference(reference_for(clip_path(name), robot))
    provenance = refined.provenance
    if provenance is None:
        raise TypeError("refined actions have no provenance")
    return {
        "part": "refine",
        "name": name,
        "method": provenance.method,
        "wall_s": provenance.seconds,
        "metrics": dict(provenance.metrics),
        "pd_metrics": dict(provenance.pd_metrics),
    }


def run_rows(name: str, run: RunFolder) -> Iterable[Row]:
    """The evaluations of a training run: its clone, and its model."""
    settings = run.read_config()["train"]
    found = json.loads(run.evaluation.read_text(encoding="utf-8"))
    for stage in ("clone", "model"):
        if stage in found:
            yield {
                "part": "train",
                "name": f"{name}, {stage}",
                "algo": settings["algo"],
                "seed": settings["seed"],
                "samples": found["num_timesteps"] if stage == "model" else 0,
                "figures": found[stage],
            }


def page(rows: list[Row]) -> str:
    """The page of results."""
    parts: dict[str, list[Row]] = {"retarget": [], "refine": [], "train": []}
    for row in rows:
        parts[row["part"]].append(row)
    return PAGE.format(
        retarget=table(
            "clip | s | mean error [cm] | ankle max [cm] | wrist max [cm] | under ground [cm] "
            "| skate [cm/s] | fastest joint [rad/s]",
            (
                f"{clip_title(row['name'])}{'*' if row['tuned'] else ''} | {row['seconds']:.1f} "
                f"| {100 * row['error_mean']:.1f} | {100 * row['ankle_max']:.1f} "
                f"| {100 * row['wrist_max']:.1f} | {100 * row['penetration']:.2f} "
                f"| {100 * row['skate_mean']:.2f} | {row['fastest_speed']:.1f}"
                for row in parts["retarget"]
            ),
        ),
        refine=table(
            "clip | survived | joint error [rad] | plain PD [rad] | drift at the end [m] | reward "
            "| wall time [s]",
            (
                f"{clip_title(row['name'])} | {row['metrics']['survived_fraction']:.3f} "
                f"| {row['metrics']['joint_error']:.4f} | {row['pd_metrics']['joint_error']:.4f} "
                f"| {row['metrics']['drift_end']:.3f} | {row['metrics']['mean_reward']:.3f} "
                f"| {row['wall_s']:.0f}"
                for row in parts["refine"]
            ),
        ),
        train=table(
            "run | seed | RL samples [M] | return | with noise | survival [s] | joint error [rad]",
            (
                f"{row['name']} | {row['seed']} | {row['samples'] / 1e6:.1f} "
                f"| {row['figures']['normalized_return']:.3f} "
                f"| {row['figures']['normalized_return_stochastic']:.3f} "
                f"| {row['figures']['survival_s']:.1f} | {row['figures']['joint_error_rad']:.3f}"
                for row in parts["train"]
            ),
        ),
    )


def clip_title(name: str) -> str:
    """A clip's name and source."""
    source, _, file = name.rpartition("/")
    stem = Path(file).stem.removeprefix("humanoid3d_")
    return {"": f"{stem} (built in)", "deepmimic": f"DeepMimic's {stem}"}.get(source, f"CMU {stem}")


def table(header: str, lines: Iterable[str]) -> str:
    """A Markdown table."""
    rule = " | ".join("---" for _ in header.split("|"))
    return "\n".join(f"| {line} |" for line in (header, rule, *lines))


if __name__ == "__main__":
    main()
