"""Cost of a step with more environments, longer clips and more threads, and time of a start.

    python bench/scaling.py [--json] [--repeats 5]

The clips are the built-in walk, repeated: 1 s to 10 minutes. Written to ``docs/results/scaling.md``
and ``docs/results/scaling.json``.
"""

import argparse
import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
from timing import RESULTS, Case, interleaved, machine, markdown, median, ratio

from sb3_mimic.envs import NativeVecEnv, make_native_vec_env
from sb3_mimic.envs.core.simulation import available_cores
from sb3_mimic.io import atomic_path
from sb3_mimic.motion import MotionClip, load_motion

ENV = "sb3_mimic/HumanoidMimic-v0"
SIZES = [1, 8, 32, 128, 512]
SECONDS = [1, 10, 60, 600]


def repeat_walk(seconds: float) -> MotionClip:
    """The built-in walk over and over as one clip that does not loop."""
    walk = load_motion("walk")
    n = max(2, round(seconds * walk.fps))
    qpos = walk.sample(np.arange(n) / walk.fps)
    return replace(
        walk,
        root_position=qpos[:, :3],
        root_quaternion=qpos[:, 3:7],
        joint_angles=qpos[:, 7:],
        loop=False,
        name=f"{seconds} s",
    )


def _steps(env: NativeVecEnv, n_steps: int) -> Case:
    actions = np.zeros((env.num_envs, *env.batched.action_space.shape), np.float32)

    def run() -> None:
        env.seed(0)
        env.reset()
        for _ in range(n_steps):
            env.step(actions)

    return run


def _compare(envs: dict[str, NativeVecEnv], repeats: int, base: str) -> list[dict[str, Any]]:
    steps = {name: max(4, 1024 // env.num_envs) for name, env in envs.items()}
    cases = {name: _steps(env, steps[name]) for name, env in envs.items()}
    seconds = interleaved(cases, repeats)
    per = {
        name: [value / (steps[name] * envs[name].num_envs) for value in values]
        for name, values in seconds.items()
    }
    for env in envs.values():
        env.close()
    return [
        {"case": name, "us_per_step": median(values) * 1e6, "ratio": ratio(values, per[base])}
        for name, values in per.items()
    ]


def scaling(repeats: int) -> dict[str, Any]:
    """Every sweep."""
    start, clips = {}, {}
    for seconds in SECONDS:
        clip = repeat_walk(seconds)
        started = time.perf_counter()
        clips[f"{seconds} s"] = make_native_vec_env(ENV, 64, seed=0, motion=clip)
        clips[f"{seconds} s"].reset()
        start[f"{seconds} s"] = time.perf_counter() - started
    many = {str(n): make_native_vec_env(ENV, n, seed=0) for n in SIZES}
    threads = {
        str(n): make_native_vec_env(ENV, 128, seed=0, n_threads=n)
        for n in range(1, available_cores() + 1)
    }
    return {
        "clip length": _compare(clips, repeats, f"{SECONDS[0]} s"),
        "start_seconds": start,
        "environments": _compare(many, repeats, "128"),
        "threads": _compare(threads, repeats, "1"),
    }


def tables(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    parts = []
    for sweep in ("clip length", "environments", "threads"):
        rows = [
            row | {"start": result["start_seconds"].get(row["case"], "")} for row in result[sweep]
        ]
        columns = {"case": sweep, "us_per_step": "step [µs]", "ratio": "ratio"}
        if sweep == "clip length":
            columns["start"] = "start [s]"
        parts.append(markdown(columns, rows))
    return "\n".join(parts)


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the figures, not the tables")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    result = scaling(options.repeats) | {"made_with": machine()}
    with atomic_path(RESULTS / "scaling.json") as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    text = (
        "# Scaling\n\nMade by `python bench/scaling.py`; one environment step of the humanoid, "
        "medians, ratios taken within a repeat. Versions and machine: "
        "[scaling.json](scaling.json).\n\n" + tables(result)
    )
    with atomic_path(RESULTS / "scaling.md") as path:
        path.write_text(text)
    print(json.dumps(result, indent=1) if options.json else text)


if __name__ == "__main__":
    main()
