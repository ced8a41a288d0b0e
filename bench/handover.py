"""The handover from a clone to RL: each of its parts switched off in turn.

    python bench/handover.py [--env pidog] [--algos ppo trpo] [--seeds 0 1 2] [--rows N]

A row clones a motion, hands the clone over to an algorithm and, after each of the first 20 updates,
measures the mean return of 32 episodes of 5 s, without and with exploration's noise. Its figure is
the lowest of them over the clone's own. Rows that are there are not made again, so the benchmark
can be interrupted; they lie in ``docs/results/handover.json``, and the table in
``docs/results/handover.md`` is written from them alone.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import gymnasium as gym
import numpy as np
from rows import RESULTS, ROOT, Row, Rows, fill_table, save_figure, software_versions
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.preprocessing import get_action_dim

import sb3_mimic  # noqa: F401 - registers the environments
from sb3_mimic.cloning import pretrain, set_log_std
from sb3_mimic.demos.storage import save_demonstrations
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.evaluation.environments import PROTOCOL
from sb3_mimic.evaluation.episodes import run_episodes, uniform_start_phases
from sb3_mimic.policies.saved import load_weights, read_pretrained, save_weights
from sb3_mimic.rl.callbacks import ThreadsCallback
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl.warm_start import NoiseGateCallback, warm_start
from sb3_mimic.tasks import Capability, Task, WarmStartSettings, get_task
from sb3_mimic.training.sources import Source, load_demonstrations_for, refinement_options

ROWS = Rows(RESULTS / "handover.json", ("env", "motion", "algo", "variant", "seed"))
UPDATES, EPISODES, SECONDS = 20, 32, 5.0
# Numbers of demonstrations and of cloning epochs. They suffice where the motion itself is stable;
# other robots use the task's own.
CLONING_SIZES = {"pidog": (20, 40)}

# Name in the table -> what is changed about the standard handover.
VARIANTS: dict[str, dict[str, Any] | None] = {
    "standard": {},
    "none": None,
    "without the critic's start": {"critic_rollouts": 0},
    "without noise from cloning": {"residual_noise": False},
    "without gate": {"gate": 0.0},
    "without noise from cloning and gate": {"residual_noise": False, "gate": 0.0},
    "without small first steps": {"ramp_updates": 0},
    "without further cloning": {"bc_weight": 0.0},
    "with moving normalizer": {"update_normalizer": True},
}


def main() -> None:
    """Makes the rows that are missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--env", default="pidog")
    parser.add_argument("--motion", help="the robot's default without it")
    parser.add_argument("--algos", nargs="+", default=["ppo", "trpo"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--rows", type=int, default=10**6, help="rows to make at most")
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "handover")
    arguments = parser.parse_args()
    made = 0
    for variant in arguments.variants:
        for algo in arguments.algos:
            for seed in arguments.seeds:
                wanted = (arguments.env, arguments.motion, algo, variant, seed)
                if made < arguments.rows and wanted not in map(ROWS.key, ROWS.read()):
                    row = measure(*wanted, arguments.outputs)
                    show(ROWS.put(row))
                    made += 1
                    print(f"{wanted}: {row['lowest']:.3f}, with noise {row['lowest_noisy']:.3f}")
    print(table(ROWS.read()))


def measure(env: str, motion: str | None, algo: str, variant: str, seed: int, outputs: Path) -> Row:
    """Clones, trains and evaluates: one row."""
    task = get_task(env)
    changes = VARIANTS[variant]
    settings = WarmStartSettings.none() if changes is None else replace(task.warm_start, **changes)
    n_demos, n_epochs = CLONING_SIZES.get(env, (task.n_demo_episodes, task.n_bc_epochs))
    source = Source(
        task,
        motion or task.motion,
        n_demos,
        seed,
        task.env_kwargs(motion or task.motion),
        options=refinement_options(task, "mpc", None, None),
    )
    kwargs = source.env_kwargs
    hyperparameters = task.hyperparameters_for(algo)
    began = time.perf_counter()
    envs = make_envs(
        task.env_id,
        hyperparameters.n_envs,
        seed=seed,
        env_kwargs={**kwargs, **task.training_env_kwargs},
    )
    eval_envs = make_envs(
        task.env_id, 16, seed=seed + 1000, env_kwargs={**kwargs, "episode_seconds": SECONDS}
    )
    model = make_model(algo, envs, hyperparameters, seed=seed)
    folder = outputs / f"{env}-{Path(motion or 'default').stem}-{seed}"
    demonstrations = clone(model, task, source, folder, n_epochs, seed)
    if not settings.residual_noise:
        set_log_std(model.policy, np.ones(get_action_dim(envs.action_space)), (0.0, 0.0))
    callbacks = warm_start(
        settings,
        demonstrations=demonstrations,
        eval_env=eval_envs,
        cloning=task.cloning,
        seed=seed,
    )
    recorder = ReturnRecorder(task, kwargs)
    model.learn(
        UPDATES * model.n_steps * model.n_envs, callback=[ThreadsCallback(), *callbacks, recorder]
    )
    recorder.record()
    envs.close()
    eval_envs.close()
    gates = [c for c in callbacks if isinstance(c, NoiseGateCallback)]
    quiet, noisy = np.array(recorder.returns).T
    return {
        "env": env,
        "motion": motion,
        "algo": algo,
        "variant": variant,
        "seed": seed,
        "lowest": float(quiet[1:].min() / quiet[0]),
        "lowest_noisy": float(noisy[1:].min() / quiet[0]),
        "last": float(quiet[-1] / quiet[0]),
        "returns": quiet.tolist(),
        "noisy_returns": noisy.tolist(),
        "survival_s": recorder.survival,
        "gate_passed": gates[0].passed if gates else None,
        "wall_s": time.perf_counter() - began,
        "versions": software_versions(),
    }


def clone(
    model: OnPolicyAlgorithm, task: Task, source: Source, folder: Path, n_epochs: int, seed: int
) -> Any:
    """Clones a motion, or loads the clone of an earlier row with the same seed."""
    weights = folder / "clone.pth"
    if weights.is_file():
        load_weights(model.policy, read_pretrained(weights))
        return load_demonstrations_for(task.env_id, source.env_kwargs, folder / "demos")
    demonstrations = source.collect()
    if not (folder / "demos").is_dir():
        save_demonstrations(folder / "demos", demonstrations, source.provenance())
    pretrain(model, demonstrations, n_epochs, settings=task.cloning, seed=seed, progress_bar=False)
    save_weights(model.policy, weights)
    return demonstrations


class ReturnRecorder(BaseCallback):
    """Measures the policy before the first update and after each."""

    model: OnPolicyAlgorithm

    def __init__(self, task: Task, kwargs: dict[str, Any]) -> None:
        super().__init__()
        protocol = PROTOCOL if task.can(Capability.TRACKING) else {}
        env = gym.make(task.env_id, **{**kwargs, **protocol, "episode_seconds": SECONDS})
        if not isinstance(env.unwrapped, MimicEnv):
            raise SystemExit(f"{task.name} has no batch that could be measured")
        self.env = env.unwrapped
        self.returns: list[tuple[float, float]] = []
        self.survival = float("nan")

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self.record()

    def record(self) -> None:
        """Adds the mean returns without and with noise."""
        found = []
        for deterministic in (True, False):
            batch = self.env.make_batch(EPISODES)
            starts = uniform_start_phases(batch)
            episodes = run_episodes(
                batch, self.model, starts, seed=10_000, deterministic=deterministic
            )
            batch.close()
            found.append(float(episodes.rewards.sum(axis=0).mean()))
            if not self.returns and deterministic:
                self.survival = float(episodes.lengths.mean() * batch.dt)
        self.returns.append((found[0], found[1]))


def show(rows: list[Row]) -> None:
    """Puts the table into the page, and draws the pictures."""
    fill_table(RESULTS / "handover.md", "handover", table(rows))
    for env in {row["env"] for row in rows}:
        plot([row for row in rows if row["env"] == env], RESULTS / f"handover-{env}.png")


def plot(rows: list[Row], path: Path) -> None:
    """Draws the returns over the updates with all of the handover and with none of it."""
    from matplotlib.figure import Figure

    algos = sorted({row["algo"] for row in rows})
    figure = Figure(figsize=(4 * len(algos), 3), layout="constrained")
    columns = figure.subplots(1, len(algos), squeeze=False, sharey=True)[0]
    for axes, algo in zip(columns, algos, strict=True):
        for variant, color in (("standard", "C0"), ("none", "C1")):
            runs = [r for r in rows if (r["algo"], r["variant"]) == (algo, variant)]
            for row in runs:
                own = row["returns"][0]
                label = f"handover: {variant}" if row is runs[0] else None
                axes.plot(np.array(row["returns"]) / own, color=color, label=label)
                axes.plot(np.array(row["noisy_returns"]) / own, color=color, linestyle=":")
        axes.axhline(1.0, color="gray", linewidth=0.8)
        axes.set_title(algo.upper())
        axes.set_xlabel("updates")
    columns[0].set_ylabel("return over the clone's")
    columns[0].legend(frameon=False)
    save_figure(figure, path)


def table(rows: list[Row]) -> str:
    """A line for each variant: the worst and the mean over the seeds."""
    return "\n".join(lines(rows)) + "\n"


def lines(rows: list[Row]) -> Iterator[str]:
    """The table's lines."""
    yield "| robot | algo | handover | seeds | lowest | mean | lowest, noisy | after 20 updates |"
    yield "|---|---|---|---|---|---|---|---|"
    for env in sorted({row["env"] for row in rows}):
        for algo in sorted({row["algo"] for row in rows}):
            for variant in VARIANTS:
                runs = [
                    r for r in rows if (r["env"], r["algo"], r["variant"]) == (env, algo, variant)
                ]
                if runs:
                    lowest = [r["lowest"] for r in runs]
                    yield (
                        f"| {env} | {algo} | {variant} | {len(runs)} | {min(lowest):.3f} "
                        f"| {mean(lowest):.3f} | {min(r['lowest_noisy'] for r in runs):.3f} "
                        f"| {mean(r['last'] for r in runs):.3f} |"
                    )


if __name__ == "__main__":
    main()
