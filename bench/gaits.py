"""Speeds and falls of PiDog's gaits in the model.

    python bench/gaits.py [--seeds 4] [--seconds 20]

Every gait is played open loop from the environment's own starts, on floors of three frictions and
at three masses. The vendor's gaits and two sine gaits are also played with weaker and stronger
servos over the same conditions, with ever stronger servos at the ordinary mass and friction, which
shows the torque that a gait would need, and with other strides and turns. The tables go to standard
output and ``docs/results/gaits.md``, the figures to ``docs/results/gaits.json``, condition by
condition; a condition that is in the file is not measured again.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from tqdm import tqdm

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.gaits import SINE_FREQUENCY, Gait, make_gait
from sb3_mimic.envs.pidog.legs import FOOT_RADIUS, JOINT_NAMES, LEGS
from sb3_mimic.envs.pidog.model import load_pidog
from sb3_mimic.envs.pidog.options import PiDogOptions
from sb3_mimic.io import atomic_path

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"

INTRODUCTION = """# PiDog's gaits, measured

Episodes of 20 s; conclusions are in [PiDog](../pidog.md#the-gaits-measured). Written
by `python bench/gaits.py`; the figures of every condition are in [gaits.json](gaits.json).
"""
FRICTIONS = (0.4, 0.6, 0.8)
MASSES = (0.65, 0.78, 0.95)
TORQUES = (0.12, 0.141, 0.169)
STRONG_TORQUES = (0.169, 0.2, 0.235, 0.28, 0.35)
STRIDES = (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
TURNS = (-1.0, 1.0)
SINE_FREQUENCIES = (1.0, 1.5, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0)

# A foot whose lowest point is nearer to the floor than this stands on it [m].
_CONTACT = 5e-4


class Recorder(PiDogBatch):
    """PiDogs that keep the sensors of each physics step."""

    substep_sensors: FloatArray

    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        super()._advance(actions, substep_sensors)
        self.substep_sensors = substep_sensors


@dataclass(frozen=True)
class Condition:
    """A condition that a gait is played in."""

    gait: str
    frequency_hz: float
    friction: float = 0.6
    mass_kg: float = 0.78
    torque_nm: float = 0.141
    stride: float = 1.0
    turn: float = 0.0


def measure(asked: Condition, gait: Gait, seeds: int, seconds: float) -> dict[str, Any]:
    """Plays a gait in one condition.

    Returns:
        Per seed: net speed along the first heading [m/s], mean yaw rate [rad/s] and whether it
        fell; over all steps before a fall: root mean square of pitch and roll [degrees], share of
        servos at their torque limit, and mean speed at which standing feet slide [m/s].
    """
    options = PiDogOptions(
        episode_seconds=seconds,
        floor_friction=asked.friction,
        mass=asked.mass_kg,
        servo_torque=asked.torque_nm,
    )
    with closing(Recorder(load_pidog(options), options, seeds)) as batch:
        robot = batch.robot
        torques = slice(
            robot.sensor(f"{JOINT_NAMES[0]}_torque").start,
            robot.sensor(f"{JOINT_NAMES[-1]}_torque").stop,
        )
        heights = [robot.sensor(f"{leg}_foot_position").stop - 1 for leg in LEGS]
        slides = [robot.sensor(f"{leg}_foot_velocity").start for leg in LEGS]
        batch.reset(
            np.arange(seeds),
            [gym.utils.seeding.np_random(seed)[0] for seed in range(seeds)],
            [{}] * seeds,
        )
        running = np.ones(seeds, np.bool_)
        lengths, distance, turned = np.zeros(seeds), np.zeros(seeds), np.zeros(seeds)
        rotations, saturated, slip = [], [], []
        for index in range(batch.episode_steps):
            action = gait.actions(index * batch.dt, asked.stride, asked.turn)
            step = batch.step(np.tile(action, (seeds, 1)))
            sensors = batch.substep_sensors[running]
            rotations.append(batch.qpos[running, 3:7])
            saturated.append((np.abs(sensors[..., torques]) > 0.99 * robot.torque_limit).ravel())
            standing = sensors[..., heights] - FOOT_RADIUS < _CONTACT
            speed = np.hypot(sensors[..., slides], sensors[..., [column + 1 for column in slides]])
            slip.append(speed[standing])
            lengths += running
            turned += running * batch.qvel[:, 5] * batch.dt
            distance = np.where(running, batch.qpos[:, 0], distance)
            running &= ~step.terminated
            if not running.any():
                break
    w, x, y, z = np.concatenate(rotations).T
    pitch, roll = (
        np.arcsin(2 * (w * y - z * x)),
        np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)),
    )
    return {
        **asdict(asked),
        "seeds": seeds,
        "seconds": seconds,
        "speed_mps": (distance / (lengths / robot.control_rate)).tolist(),
        "yaw_radps": (turned / (lengths / robot.control_rate)).tolist(),
        "fallen": (~running).tolist(),
        "pitch_rms_deg": float(np.rad2deg(np.sqrt(np.mean(pitch**2)))),
        "roll_rms_deg": float(np.rad2deg(np.sqrt(np.mean(roll**2)))),
        "saturated": float(np.concatenate(saturated).mean()),
        "slip_mps": float(np.concatenate(slip).mean()),
    }


def conditions() -> list[tuple[Condition, Gait]]:
    """Everything that is measured, each once."""
    gaits = [make_gait("trot"), make_gait("walk")]
    gaits += [make_gait("sine", frequency) for frequency in SINE_FREQUENCIES]
    asked: dict[Condition, Gait] = {}
    for gait in gaits:
        own = partial(Condition, gait.name, round(1 / gait.period, 4))
        chosen = list(itertools.starmap(own, itertools.product(FRICTIONS, MASSES)))
        if has_extra_conditions(asdict(own())):
            chosen += itertools.starmap(own, itertools.product(FRICTIONS, MASSES, TORQUES))
            chosen += [own(torque_nm=torque) for torque in STRONG_TORQUES]
            chosen += [own(stride=stride) for stride in STRIDES]
            chosen += [own(turn=turn) for turn in TURNS]
        asked |= dict.fromkeys(chosen, gait)
    return list(asked.items())


def has_extra_conditions(row: dict[str, Any]) -> bool:
    """Whether other servos, strides and turns of a gait are measured too."""
    return row["gait"] != "sine" or row["frequency_hz"] in {2.0, SINE_FREQUENCY}


def is_in_grid(row: dict[str, Any], torques: tuple[float, ...] = (Condition.torque_nm,)) -> bool:
    """Whether a row belongs to the grid of frictions, masses and these torques."""
    return row["stride"] == 1.0 and row["turn"] == 0.0 and row["torque_nm"] in torques


def gait_title(row: dict[str, Any]) -> str:
    """A gait as the tables call it."""
    if row["gait"] == "sine":
        return f"sine {row['frequency_hz']:g} Hz"
    return f"vendor's {row['gait']}"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def group_rows(
    rows: list[dict[str, Any]], keep: Callable[[dict[str, Any]], bool], *names: str
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The rows of each gait and of each value of some columns."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in filter(keep, rows):
        groups.setdefault((gait_title(row), *(row[name] for name in names)), []).append(row)
    return groups


def format_speeds_and_falls(rows: list[dict[str, Any]]) -> tuple[str, str]:
    """Median and range of the speeds, and the falls."""
    speeds = np.concatenate([row["speed_mps"] for row in rows])
    fallen = np.concatenate([row["fallen"] for row in rows])
    return (
        f"{np.median(speeds):.3f} ({speeds.min():.2f} … {speeds.max():.2f})",
        f"{fallen.sum()}/{len(fallen)}",
    )


def mean_figure(rows: list[dict[str, Any]], name: str) -> float:
    """Mean of a figure over rows."""
    return float(np.mean([row[name] for row in rows]))


def conditions_table(rows: list[dict[str, Any]]) -> str:
    """One line a gait, over frictions and masses, at the ordinary torque."""
    head = ("gait", "cycle [s]", "median speed (range) [m/s]", "falls", "pitch, roll rms [°]")
    groups = group_rows(rows, is_in_grid)
    body = [
        (
            name,
            f"{1 / found[0]['frequency_hz']:.2f}",
            *format_speeds_and_falls(found),
            f"{mean_figure(found, 'pitch_rms_deg'):.0f}, {mean_figure(found, 'roll_rms_deg'):.0f}",
            f"{mean_figure(found, 'slip_mps'):.2f}",
            f"{mean_figure(found, 'saturated'):.0%}",
        )
        for (name,), found in groups.items()
    ]
    return markdown_table((*head, "slip of standing feet [m/s]", "torque saturated"), body)


def value_table(rows: list[dict[str, Any]], column: str, heading: str) -> str:
    """One line a gait, one column a value of friction, mass or torque."""

    def keep(row: dict[str, Any]) -> bool:
        return (
            has_extra_conditions(row) and is_in_grid(row, TORQUES)
            if column == "torque_nm"
            else is_in_grid(row)
        )

    groups = group_rows(rows, keep, column)
    values = sorted({value for _, value in groups})
    body = [
        (name, *(", ".join(format_speeds_and_falls(groups[name, value])) for value in values))
        for name in dict.fromkeys(name for name, _ in groups)
    ]
    return markdown_table(("gait", *(f"{heading} {value:g}" for value in values)), body)


def torque_table(rows: list[dict[str, Any]]) -> str:
    """A row for each stronger servo, at the ordinary mass and friction."""

    def keep(row: dict[str, Any]) -> bool:
        ordinary = (row["friction"], row["mass_kg"]) == (Condition.friction, Condition.mass_kg)
        straight = row["stride"] == 1.0 and row["turn"] == 0.0
        return ordinary and straight and has_extra_conditions(row)

    groups = group_rows(rows, keep, "torque_nm")
    body = [
        (
            name,
            f"{torque:g}",
            *format_speeds_and_falls(found),
            f"{mean_figure(found, 'saturated'):.0%}",
        )
        for (name, torque), found in sorted(groups.items())
    ]
    return markdown_table(
        ("gait", "torque [N·m]", "speed [m/s]", "falls", "torque saturated"), body
    )


def stride_table(rows: list[dict[str, Any]]) -> str:
    """A row for each stride and turn, at the ordinary mass, friction and torque."""

    def keep(row: dict[str, Any]) -> bool:
        same = ("friction", "mass_kg", "torque_nm")
        return has_extra_conditions(row) and all(
            row[name] == getattr(Condition, name) for name in same
        )

    body = []
    for (name, turn, stride), found in sorted(group_rows(rows, keep, "turn", "stride").items()):
        yaw = np.mean(np.concatenate([row["yaw_radps"] for row in found]))
        body.append(
            (name, f"{stride:g}", f"{turn:g}", *format_speeds_and_falls(found), f"{yaw:+.3f}")
        )
    return markdown_table(
        ("gait", "stride", "turn", "speed [m/s]", "falls", "yaw rate [rad/s]"), body
    )


def main() -> None:
    """Measures every gait in every condition."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4, help="starts per condition")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of an episode")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    path = arguments.results / "gaits.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    rows: list[dict[str, Any]] = []
    for asked, gait in tqdm(conditions()):
        same = {**asdict(asked), "seeds": arguments.seeds, "seconds": arguments.seconds}
        found = [row for row in known if same.items() <= row.items()] if known else []
        if not found:
            found = [measure(asked, gait, arguments.seeds, arguments.seconds)]
            known += found
            write(path, json.dumps(known, indent=1) + "\n")
        rows += found
    write(path, json.dumps(rows, indent=1) + "\n")
    tables = "\n".join(
        (
            INTRODUCTION,
            "## Over frictions and masses\n",
            conditions_table(rows),
            "## By friction, mass and torque\n",
            value_table(rows, "friction", "friction"),
            value_table(rows, "mass_kg", "mass [kg]"),
            value_table(rows, "torque_nm", "torque [N·m]"),
            "## By torque, at the ordinary friction and mass\n",
            torque_table(rows),
            "## By stride and turn\n",
            stride_table(rows),
        )
    )
    write(arguments.results / "gaits.md", tables)
    print(tables)


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
