"""Where the time goes: physics, environments, updates, cloning, memory; all in one run.

    python bench/throughput.py [--json] [--repeats 7] [--parts physics environments learner ...]

Ratios are taken within a repeat and are what counts; seconds depend on the machine and on what else
it does. Tables go to standard output (with ``--json`` the figures instead), to
``docs/results/throughput.md`` and ``docs/results/throughput.json``.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import learner_cost
import numpy as np
import simulation_cost
from numpy.typing import NDArray
from timing import RESULTS, interleaved, machine, markdown, median, peak_memory, ratio

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs import make_native_vec_env
from sb3_mimic.envs.tracking import TrackingBatch
from sb3_mimic.io import atomic_path

HUMANOID, PIDOG = "sb3_mimic/HumanoidMimic-v0", "sb3_mimic/PiDog-v0"
SIZES = [1, 8, 32, 128, 512]


def physics(repeats: int) -> dict[str, Any]:
    """Tuned and untuned models, Gymnasium's, and how true the tuned ones are."""
    result: dict[str, Any] = {"tuning": [], "fidelity": []}
    for env_id, mjcf in ((HUMANOID, "humanoid.xml"), (PIDOG, "pidog.xml")):
        env = make_native_vec_env(env_id, 64)
        states, ctrl = simulation_cost.visited_states(env, 16)
        robot = env.batched.robot
        env.close()
        result["tuning"].append(simulation_cost.tuning(robot, mjcf, states, ctrl, repeats))
        result["fidelity"].append(simulation_cost.fidelity(robot, mjcf, *_walk(env_id)))
        if env_id == HUMANOID:
            result["per_simulated_second"] = simulation_cost.compare_with_gymnasium(
                robot, states, repeats
            )
    return result


def _walk(env_id: str) -> tuple[FloatArray, FloatArray]:
    """First state and the controls of a second of walking: refined actions, or the gait."""
    env = make_native_vec_env(env_id, 1, n_threads=1)
    batch = env.batched
    actions: NDArray[Any]
    if isinstance(batch, TrackingBatch):
        from sb3_mimic.refinement.cache import refine_cached

        actions = refine_cached(batch.reference, "mpc").actions[:30]
        batch.reset(np.arange(1), [np.random.default_rng(0)], [{"phase": 0.0}])
    else:
        from sb3_mimic.envs.pidog.gaits import make_gait

        actions = make_gait("sine").actions(np.arange(50) / batch.robot.control_rate)
        env.reset()
    start, ctrl = batch.states[0].copy(), []
    for action in actions:
        ctrl.append(batch.controls(action[None].astype(np.float64))[0])
        batch.step(action[None])
    env.close()
    return start, np.array(ctrl)


def environments(repeats: int) -> dict[str, Any]:
    """The vector environment against raw rollouts, and against SB3's vector environments."""
    return {
        "native": [
            simulation_cost.environments(env_id, n, repeats)
            for env_id in (HUMANOID, PIDOG)
            for n in SIZES
        ],
        "interfaces": [simulation_cost.interfaces(HUMANOID, 8, repeats)],
    }


def learner(repeats: int) -> dict[str, Any]:
    """Updates, whole trainings, cloning."""
    return {
        "end_to_end": [
            learner_cost.end_to_end("humanoid", algo, rollouts=3, threads=1)
            for algo in ("ppo", "trpo")
        ],
        "update": learner_cost.ppo_update("humanoid", max(3, repeats // 2)),
        "cloning": learner_cost.cloning("humanoid", max(3, repeats // 2)),
    }


def start_up(repeats: int) -> dict[str, Any]:
    """Time of importing the package and of ``--help`` against Gymnasium's and MuJoCo's import."""
    commands = {
        "import gymnasium, mujoco": [sys.executable, "-c", "import gymnasium, mujoco"],
        "import sb3_mimic": [sys.executable, "-c", "import sb3_mimic"],
        "sb3-mimic --help": [sys.executable, "-m", "sb3_mimic", "--help"],
    }

    def run(command: list[str]) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    seconds = interleaved({name: run(command) for name, command in commands.items()}, repeats)
    base = seconds["import gymnasium, mujoco"]
    return {
        "seconds": {name: median(values) for name, values in seconds.items()},
        "import_ratio": ratio(seconds["import sb3_mimic"], base),
        "help_ratio": ratio(seconds["sb3-mimic --help"], base),
    }


def memory(steps: int = 1_000_000) -> dict[str, Any]:
    """Growth of this process over a million environment steps."""
    env = make_native_vec_env(HUMANOID, 128, seed=0)
    env.reset()
    actions = np.zeros((128, *env.batched.action_space.shape), np.float32)
    started = time.perf_counter()
    for _ in range(50_000 // 128):
        env.step(actions)
    before = peak_memory()
    for _ in range((steps - 50_000) // 128):
        env.step(actions)
    growth = peak_memory() - before
    env.close()
    return {"steps": steps, "growth_MB": growth, "seconds": time.perf_counter() - started}


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "physics": physics,
    "environments": environments,
    "learner": learner,
    "camera": lambda repeats: simulation_cost.camera(PIDOG, repeats),
    "start_up": start_up,
    "memory": lambda _: memory(),
}


def tables(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    parts = []
    if "physics" in result:
        p = result["physics"]
        parts.append("## Physics\n\nOne physics step from states on the way, one thread.\n")
        parts.append(
            markdown(
                {"robot": "robot", "tuned": "tuned [µs]", "untuned": "untuned [µs]", "r": "ratio"},
                [
                    {
                        "robot": row["robot"],
                        "tuned": row["us_per_step"]["tuned"],
                        "untuned": row["us_per_step"]["untuned"],
                        "r": row["tuned_over_untuned"],
                    }
                    for row in p["tuning"]
                ],
            )
        )
        parts.append("Against the same model with a converged solver, a second of walking:\n")
        parts.append(
            markdown(
                {
                    "robot": "robot",
                    "root_mm": "root [mm]",
                    "joints_mrad": "joints [mrad]",
                    "ground_force_N": "force on the ground [N]",
                    "mean_ground_force_N": "its mean [N]",
                },
                p["fidelity"],
            )
        )
        parts.append("A simulated second:\n")
        parts.append(
            markdown(
                {
                    "name": "model",
                    "step": "step [s]",
                    "integrator": "integrator",
                    "ms_per_simulated_second": "cost [ms]",
                    "ours_over_it": "ours / it",
                },
                [{"name": name, **row} for name, row in p["per_simulated_second"].items()],
            )
        )
    if "environments" in result:
        parts.append("## Environments\n\nOne environment step, all cores.\n")
        parts.append(
            markdown(
                {
                    "env": "environment",
                    "n_envs": "n",
                    "raw_us": "raw rollout [µs]",
                    "native_us": "NativeVecEnv [µs]",
                    "added_us": "added [µs]",
                    "raw_over_native": "raw / native",
                },
                result["environments"]["native"],
            )
        )
        parts += [
            f"{row['n_envs']} environments of {row['env']}: {row['native_times_dummy']:.2f} times "
            f"DummyVecEnv, {row['native_times_subproc']:.2f} times SubprocVecEnv. A single "
            f"environment's step is {row['raw_over_single']:.2f} of a raw single step.\n"
            for row in result["environments"]["interfaces"]
        ]
    if "learner" in result:
        learn = result["learner"]
        parts.append("## Learning\n")
        shares = list(learn["end_to_end"][0]["share"])
        parts.append(
            markdown(
                {"algo": "algo", "fps": "samples/s", **{s: s for s in shares}},
                [
                    {"algo": row["algo"], "fps": round(row["samples_per_second"]), **row["share"]}
                    for row in learn["end_to_end"]
                ],
            )
        )
        collection = ", ".join(
            f"{row['algo']} {row['collection_over_parts']:.3f}" for row in learn["end_to_end"]
        )
        parts.append(
            f"Collection over environments and policy: {collection}. PPO's update over a bare "
            f"torch loop: {learn['update']['sb3_over_bare']:.3f}. Cloning with ready tensors: "
            f"{learn['cloning']['times_faster']:.2f} times as fast per batch as imitation's "
            "loader.\n"
        )
    if "camera" in result:
        c = result["camera"]
        parts.append(
            f"## Camera\n\n{c['env_fps']:.0f} pictures a second of the camera PiDog, "
            f"{c['env_over_renderer']:.2f} of `mujoco.Renderer` alone.\n"
        )
    if "start_up" in result:
        s = result["start_up"]
        parts.append(
            "## Start\n\nOver `import gymnasium, mujoco`: `import sb3_mimic` "
            f"{s['import_ratio']:.2f}, `sb3-mimic --help` {s['help_ratio']:.2f}.\n"
        )
    if "memory" in result:
        m = result["memory"]
        parts.append(
            f"## Memory\n\n{m['growth_MB']:.1f} MB more after {m['steps']:,} environment steps.\n"
        )
    return "\n".join(parts)


def main() -> None:
    """Measures the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the figures, not the tables")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    target = RESULTS / "throughput.json"
    result = json.loads(target.read_text()) if target.exists() else {}
    for part in options.parts:
        print(f"{part} …", file=sys.stderr, flush=True)
        result[part] = PARTS[part](options.repeats) | {"made_with": machine()}
        # Part by part: what has been measured stays when the rest is not waited for.
        with atomic_path(target) as path:
            path.write_text(json.dumps(result, indent=1) + "\n")
    text = (
        "# Throughput\n\nMade by `python bench/throughput.py`; medians, ratios taken within a "
        "repeat. The figures with versions and machine are in "
        "[throughput.json](throughput.json). Load of the machine as the parts ended: "
        + ", ".join(f"{part} {figures['made_with']['load']}" for part, figures in result.items())
        + ".\n\n"
        + tables(result)
    )
    with atomic_path(target.with_suffix(".md")) as path:
        path.write_text(text)
    print(json.dumps(result, indent=1) if options.json else text)


if __name__ == "__main__":
    main()
