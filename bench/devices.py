"""Training with the networks on the processor and on a GPU, side by side.

    python bench/devices.py [--repeats 3] [--cases humanoid-ppo pidog-camera …]

Physics is the processor's either way. A case takes turns between the devices, one rollout and its
update at a time, with the threads that ``sb3-mimic train`` gives; ratios are taken within a turn.
Tables go to standard output, to ``docs/results/devices.md`` and ``docs/results/devices.json``.
"""

import argparse
import json
from functools import partial
from typing import Any

import torch as th
from learner_cost import Shares
from timing import RESULTS, interleaved, machine, markdown, median, ratio

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.io import atomic_path
from sb3_mimic.rl.callbacks import ThreadsCallback
from sb3_mimic.rl.models import make_model
from sb3_mimic.tasks import get_task

# Name of a case -> robot, algorithm, whether it sees through its camera.
CASES = {
    "humanoid-ppo": ("humanoid", "ppo", False),
    "humanoid-trpo": ("humanoid", "trpo", False),
    "pidog-ppo": ("pidog", "ppo", False),
    "pidog-hardware-ppo": ("pidog-hardware", "ppo", False),
    "pidog-camera": ("pidog", "ppo", True),
}
DEVICES = ("cpu", "cuda")


def main() -> None:
    """Measures the cases and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    arguments = parser.parse_args()
    if not th.cuda.is_available():
        raise SystemExit("torch reaches no GPU")
    rows = []
    for name in arguments.cases:
        rows.append(measure(name, *CASES[name], arguments.repeats))
        print(name, rows[-1], flush=True)
    result = {**machine(), "gpu": th.cuda.get_device_name(0), "rows": rows}
    for suffix, text in (("json", json.dumps(result, indent=1) + "\n"), ("md", page(result))):
        with atomic_path(RESULTS / f"devices.{suffix}") as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(page(result))


def measure(name: str, env: str, algo: str, camera: bool, repeats: int) -> dict[str, Any]:
    """Samples a second, and what an update takes, on either device."""
    task = get_task(env)
    hyperparameters = task.hyperparameters_for(algo)
    kwargs = task.env_kwargs(task.motion, use_camera=camera)
    envs = {
        device: make_envs(
            task.env_id,
            hyperparameters.n_envs,
            seed=0,
            env_kwargs={**kwargs, **task.training_env_kwargs},
        )
        for device in DEVICES
    }
    models: dict[str, Any] = {
        device: make_model(algo, envs[device], hyperparameters, seed=0, device=device)
        for device in DEVICES
    }
    samples = hyperparameters.rollout_size
    shares = {device: Shares(models[device]) for device in DEVICES}
    updates: dict[str, list[float]] = {device: [] for device in DEVICES}

    def turn(device: str) -> None:
        before = shares[device].seconds["update"]
        models[device].learn(samples, callback=ThreadsCallback(), reset_num_timesteps=False)
        updates[device].append(shares[device].seconds["update"] - before)

    seconds = interleaved({device: partial(turn, device) for device in DEVICES}, repeats)
    for vec_env in envs.values():
        vec_env.close()
    parameters = sum(p.numel() for p in models["cpu"].policy.parameters())
    return {
        "case": name,
        "parameters": parameters,
        "samples_per_second": {d: samples / median(seconds[d]) for d in DEVICES},
        "update_s": {d: median(updates[d][1:]) for d in DEVICES},
        "update_times_faster": ratio(updates["cpu"][1:], updates["cuda"][1:]),
        "times_faster": ratio(seconds["cpu"], seconds["cuda"]),
    }


def page(result: dict[str, Any]) -> str:
    """The page of the documentation."""
    columns = {
        "case": "training",
        "parameters": "parameters",
        "cpu": "samples/s, cpu",
        "cuda": "samples/s, cuda",
        "update_times_faster": "update, times as fast",
        "times_faster": "training, times as fast",
    }
    rows = [
        {
            **row,
            **{device: round(row["samples_per_second"][device]) for device in DEVICES},
        }
        for row in result["rows"]
    ]
    return (
        "# Processor and GPU\n\n"
        "`--device cpu` beside `--device cuda`: samples a second of training, and how many times "
        "as fast the GPU makes\nan update of the networks and the whole of training. Physics is "
        "the processor's either way. Made by\n`python bench/devices.py`.\n\n"
        f"{result['machine']}; {result['gpu']}; torch {result['versions']['torch']}.\n\n"
        f"{markdown(columns, rows)}"
    )


if __name__ == "__main__":
    main()
