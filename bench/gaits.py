"""How fast PiDog's gaits really walk in the model, and how often they fall.

    python bench/gaits.py [--seeds 4] [--seconds 20]

Every gait is played open loop from the environment's own starts, on floors of three frictions and
at three masses. The table goes to standard output and ``docs/results/gaits.md``, the figures to
``docs/results/gaits.json``.
"""

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.demos.gait import Gait, make_gait
from sb3_mimic.envs.pidog import PiDogBatch, PiDogOptions, load_pidog
from sb3_mimic.envs.pidog_legs import FOOT_RADIUS, JOINT_NAMES, LEGS
from sb3_mimic.io import atomic_path

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"

INTRODUCTION = """# PiDog's gaits, measured

Episodes of 20 s, every combination of floor friction, mass and start; what follows from them is
said in [PiDog](../pidog.md#the-gaits-measured). Written by `python bench/gaits.py`; the figures of
every combination are in [gaits.json](gaits.json).
"""
FRICTIONS = (0.4, 0.6, 0.8)
MASSES = (0.65, 0.78, 0.95)
SINE_FREQUENCIES = (1.0, 1.5, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0)

# A foot whose lowest point is nearer to the floor than this stands on it [m].
_CONTACT = 5e-4

FloatArray = NDArray[np.float64]


class Recorder(PiDogBatch):
    """PiDogs whose physics steps are looked at."""

    substep_sensors: FloatArray

    def _advance(self, actions: FloatArray, substep_sensors: FloatArray) -> None:
        super()._advance(actions, substep_sensors)
        self.substep_sensors = substep_sensors


def measure(gait: Gait, friction: float, mass: float, seeds: int, seconds: float) -> dict[str, Any]:
    """Plays a gait in one condition.

    Returns:
        Per seed: net speed along the first heading [m/s] and whether it fell; over all steps
        before a fall: root mean square of pitch and roll [degrees], share of servos at their torque
        limit, and mean speed at which standing feet slide [m/s].
    """
    options = PiDogOptions(episode_seconds=seconds)
    with closing(Recorder(load_pidog(friction, mass), options, seeds)) as batch:
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
        lengths, distance = np.zeros(seeds), np.zeros(seeds)
        rotations, saturated, slip = [], [], []
        for index in range(batch.episode_steps):
            step = batch.step(np.tile(gait.actions(index * batch.dt), (seeds, 1)))
            sensors = batch.substep_sensors[running]
            rotations.append(batch.qpos[running, 3:7])
            saturated.append((np.abs(sensors[..., torques]) > 0.99 * robot.torque_limit).ravel())
            standing = sensors[..., heights] - FOOT_RADIUS < _CONTACT
            speed = np.hypot(sensors[..., slides], sensors[..., [column + 1 for column in slides]])
            slip.append(speed[standing])
            lengths += running
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
        "gait": gait.name,
        "frequency_hz": 1 / gait.period,
        "friction": friction,
        "mass_kg": mass,
        "speed_mps": (distance / (lengths / robot.control_rate)).tolist(),
        "fallen": (~running).tolist(),
        "pitch_rms_deg": float(np.rad2deg(np.sqrt(np.mean(pitch**2)))),
        "roll_rms_deg": float(np.rad2deg(np.sqrt(np.mean(roll**2)))),
        "saturated": float(np.concatenate(saturated).mean()),
        "slip_mps": float(np.concatenate(slip).mean()),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """One line a gait, over all conditions."""
    columns = (
        "gait",
        "cycle [s]",
        "median speed (range) [m/s]",
        "falls",
        "pitch, roll rms [°]",
        "slip of standing feet [m/s]",
        "torque saturated",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, frequency in dict.fromkeys((row["gait"], row["frequency_hz"]) for row in rows):
        chosen = [r for r in rows if (r["gait"], r["frequency_hz"]) == (name, frequency)]
        speeds = np.concatenate([row["speed_mps"] for row in chosen])
        fallen = np.concatenate([row["fallen"] for row in chosen])
        pitch, roll, slip, saturated = (
            np.mean([row[key] for row in chosen])
            for key in ("pitch_rms_deg", "roll_rms_deg", "slip_mps", "saturated")
        )
        title = f"sine {frequency:g} Hz" if name == "sine" else f"vendor's {name}"
        lines.append(
            f"| {title} | {1 / frequency:.2f} | {np.median(speeds):.3f} ({speeds.min():.2f} … "
            f"{speeds.max():.2f}) | {fallen.sum()}/{len(fallen)} | {pitch:.0f}, {roll:.0f} "
            f"| {slip:.2f} | {saturated:.0%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures every gait in every condition."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4, help="starts per condition")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of an episode")
    arguments = parser.parse_args()
    gaits = [make_gait("trot"), make_gait("walk")]
    gaits += [make_gait("sine", frequency) for frequency in SINE_FREQUENCIES]
    rows = [
        measure(gait, friction, mass, arguments.seeds, arguments.seconds)
        for gait in gaits
        for friction in FRICTIONS
        for mass in MASSES
    ]
    page = f"{INTRODUCTION}\n{table(rows)}"
    for suffix, text in ((".json", json.dumps(rows, indent=1) + "\n"), (".md", page)):
        with atomic_path(RESULTS / f"gaits{suffix}") as path:
            path.write_text(text, encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
