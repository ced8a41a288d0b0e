"""How well captured motion sits on the humanoid, how refinement takes it, and how long it takes.

    python bench/retarget.py [--clips 02_01.amc …] [--no-refine]

Walks, runs and jumps of CMU's in ``$SB3_MIMIC_MOTIONS`` (or ``../shared/motions``), 5 s of each
chosen by contact alone (`contact_window`), put on the humanoid with default settings and refined
with the default method, seed 0; and ten minutes of an AMC file read, resampled and retargeted. A
row whose clip and method are measured already is not measured again. The rows lie in
``docs/results/retarget.json``, the tables in ``retarget.md`` beside it.
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sb3_mimic.envs.core.simulation import available_cores
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.formats.asf_amc.reader import find_asf
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.processing.cleaning import clean
from sb3_mimic.motion.processing.contacts import contact_window
from sb3_mimic.motion.retarget import RetargetSettings, retarget
from sb3_mimic.motion.retarget.load import BEFORE_RETARGETING
from sb3_mimic.refinement.methods import DEFAULT_METHOD
from sb3_mimic.refinement.run import load_reference, refine_reference

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("SB3_MIMIC_MOTIONS", ROOT.parent / "shared" / "motions"))
CLIPS = {
    "01_01.amc": "jumps forward, turns",
    "02_01.amc": "walk",
    "02_03.amc": "run",
    "02_04.amc": "jump, balance",
    "16_35.amc": "run",
    "12_01.bvh": "walk",
}
SECONDS = 5.0
MINUTES = 10

INTRODUCTION = """\
# Captured motion on the humanoid

CMU trials, 5 s of each or all of it, chosen by contact alone, put on the humanoid with default settings and refined with
the default method, seed 0, open loop; what is measured is said in [Retargeting](../retargeting.md) and
[Refinement](../refinement.md#what-verify-tells). Written by `bench/retarget.py`; everything measured is in
`retarget.json`.
"""  # noqa: E501


def main() -> None:
    """Measures what is missing and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", nargs="+", choices=list(CLIPS), default=list(CLIPS))
    parser.add_argument("--no-refine", action="store_true", help="kinematics alone")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results", help="folder")
    arguments = parser.parse_args()
    path: Path = arguments.output / "retarget.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": {}}
    known["time"] = measure_time()
    write(path, known)
    for name in arguments.clips:
        known["rows"][name] = measure(name, known["rows"].get(name, {}), not arguments.no_refine)
        print(f"{name}: {known['rows'][name]}", flush=True)
        write(path, known)
    print(path.with_suffix(".md").read_text(encoding="utf-8"))


def measure(name: str, before: dict[str, Any], refined: bool) -> dict[str, Any]:
    """The figures of a trial; those of its refinement stay where clip and method are the same."""
    (path,) = FOLDER.glob(f"cmu-*/{name}")
    motion, _ = clean(load_skeletal(path), BEFORE_RETARGETING)
    start, stop = contact_window(motion, SECONDS)
    found = retarget(motion.slice(start, stop))
    row = {"from_s": start / motion.fps, "to_s": (stop - 1) / motion.fps, **asdict(found.report)}
    same = {"digest": found.clip.digest, "method": DEFAULT_METHOD}
    if before.get("refined", {}).items() >= same.items():
        return {**row, "refined": before["refined"]}
    if refined:
        reference = load_reference(found.clip)
        began = time.perf_counter()
        made = refine_reference(reference, seed=0).provenance
        seconds = time.perf_counter() - began
        if made is None:
            raise TypeError("refined actions have no provenance")
        row["refined"] = {
            **same,
            "robot_digest": reference.robot.digest,
            "seconds_per_second": seconds / reference.duration,
            "cores": available_cores(),
            "pd_survived_fraction": made.pd_metrics["survived_fraction"],
            **made.metrics,
        }
    return row


def measure_time() -> dict[str, float]:
    """Seconds for ten minutes of a 120 Hz AMC file, at 30 Hz on the humanoid."""
    source = FOLDER / "cmu-asfamc" / "01_01.amc"
    lines = source.read_text(encoding="utf-8").split("\n")
    first = next(i for i, line in enumerate(lines) if line.strip() == "1")
    body = [line.strip() for line in lines[first:] if line.strip()]
    per_frame = next(i for i, line in enumerate(body) if line == "2")
    frames = [body[i + 1 : i + per_frame] for i in range(0, len(body), per_frame)]
    n_frames = MINUTES * 60 * 120
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "01_99.amc"
        text = lines[:first]
        for number in range(n_frames):
            text += [str(number + 1), *frames[number % len(frames)]]
        long.write_text("\n".join(text) + "\n", encoding="utf-8")
        asf = find_asf(source)
        (Path(folder) / asf.name).write_bytes(asf.read_bytes())
        times, spent = [time.perf_counter()], time.process_time()
        motion = load_skeletal(long, fps=120.0)
        times.append(time.perf_counter())
        motion = motion.resample(30.0)
        times.append(time.perf_counter())
        found = retarget(motion, RetargetSettings(fps=30.0))
        times.append(time.perf_counter())
        spent = time.process_time() - spent
    read, resampled, put = (b - a for a, b in itertools.pairwise(times))
    return {
        "minutes": MINUTES,
        "frames": n_frames,
        "frames_out": found.clip.n_frames,
        "read_s": read,
        "resample_s": resampled,
        "retarget_s": put,
        "cpu_s": spent,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
    }


def write(path: Path, known: dict[str, Any]) -> None:
    """The rows, and the tables made of them."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    with atomic_path(path.with_suffix(".md")) as temporary:
        temporary.write_text(page(known), encoding="utf-8")


def page(known: dict[str, Any]) -> str:
    """The tables in Markdown."""
    rows = {name: row for name in CLIPS if (row := known["rows"].get(name))}
    lines = [
        INTRODUCTION,
        (
            "| trial | | from, to [s] | legs × | wrists, ankles off, mean / most [cm] |"
            " skate, mean / most [cm/s] | under the ground [mm] | beyond limits [rad] |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {CLIPS[name]} | {row['from_s']:.2f}, {row['to_s']:.2f} "
            f"| {row['scale']:.3f} | {100 * row['error_mean']:.1f} / {100 * row['error_max']:.1f} "
            f"| {100 * row['skate_mean']:.2f} / {100 * row['skate_max']:.2f} "
            f"| {1000 * row['penetration']:.1f} | {row['limit_excess']:.3f} |"
        )
    lines += [
        "",
        "Refined:",
        "",
        (
            "| trial | survived, plain PD | survived | joint error [rad] | drift at most [m] |"
            " reward | s per s of motion |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        if refined := row.get("refined"):
            lines.append(
                f"| {name} | {refined['pd_survived_fraction']:.2f} "
                f"| {refined['survived_fraction']:.2f} | {refined['joint_error']:.3f} "
                f"| {refined['drift_max']:.3f} | {refined['mean_reward']:.3f} "
                f"| {refined['seconds_per_second']:.0f} |"
            )
    if spent := known.get("time"):
        total = spent["read_s"] + spent["resample_s"] + spent["retarget_s"]
        clock = (
            f"read {spent['read_s']:.1f} s, resampled {spent['resample_s']:.1f} s, put on the "
            f"humanoid {spent['retarget_s']:.1f} s"
        )
        lines.append(
            f"\n{spent['minutes']} minutes of a 120 Hz AMC file ({spent['frames']} frames) take "
            f"{spent['cpu_s']:.0f} s of one core to {spent['frames_out']} frames of a clip at 30 "
            f"Hz; by the clock {total:.0f} s on {available_cores()} cores with a load of "
            f"{spent['load']:.0f}: {clock}."
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
