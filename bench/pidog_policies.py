"""Results of PiDog's trainings: from a gait, from scratch, and for the real robot.

    python bench/pidog_policies.py gait [--algo ppo] [--seeds 0 1 2] [--ways bc scratch]
    python bench/pidog_policies.py hardware [--algo ppo] [--seeds 0] [--timesteps 2000000]
    python bench/pidog_policies.py table

``gait``: full observations, the 2 Hz sine gait cloned and improved by reinforcement learning, and
the same from scratch; beside them the gait itself. ``hardware``: ``sb3-mimic train --env
pidog-hardware``, that is hardware observations and randomized robots; evaluated at 0.2 m/s straight
ahead over randomized models that can carry themselves, over those that cannot, and on the held-back
variant.

A row that is in ``docs/results/pidog.json`` is not made again, and a training that was stopped goes
on from its last checkpoint, so that the benchmark can be interrupted. ``table`` writes
``docs/results/pidog.md`` from the rows; the other commands do so at their end.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from imitation.data.types import Trajectory
from numpy.typing import NDArray
from pidog_tables import hardware_table, plot_curves, walk_table
from rows import RESULTS, ROOT, Row, Rows, curve, software_versions, train_run, write_text
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic import fine_tune, make_model, pretrain
from sb3_mimic.demos.pidog.gait import collect_gait
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.env import is_pidog
from sb3_mimic.envs.pidog.gaits import Gait, make_gait
from sb3_mimic.envs.pidog.hardware import CLOCK_FREQUENCY
from sb3_mimic.envs.pidog.servo import Servo
from sb3_mimic.policies.saved import save_model
from sb3_mimic.rl.algorithms import get_algorithm
from sb3_mimic.rl.finetune import FineTuneSettings
from sb3_mimic.rl.warm_start import warm_start
from sb3_mimic.tasks import get_task
from sb3_mimic.training.run import RunFolder

ROWS = Rows(
    RESULTS / "pidog.json",
    ("what", "algo", "way", "timesteps", "seed"),
)
WALK = "sb3_mimic/PiDog-v0"
HARDWARE = "sb3_mimic/PiDogHardware-v0"
FREQUENCY = 2.0
COMMAND = (0.2, 0.0)
# Stride of the gait at the clock's frequency, over its own, that makes for the command.
STRIDE = 0.4

_INTRODUCTION = """# PiDog's policies

Made by `bench/pidog_policies.py`. Every episode, the seeds and the versions are in
[pidog.json](pidog.json).

## Full observations, from the 2 Hz sine gait

64 episodes of 20 s for each policy, without noise. Net speed is the distance along the first
heading over the time until the end or the fall; mean ± standard deviation over seeds.

"""
_HARDWARE = """## What the robot itself knows, randomized

At the command 0.2 m/s straight ahead. Models that are too weak or heavy to carry themselves are
counted apart; the held-back model has another integrator, step, contact, mass and servos.

"""

Act = Callable[[NDArray[Any], int], NDArray[Any]]


def main() -> None:
    """Makes the rows that are missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("gait", "hardware", "table"))
    parser.add_argument("--algo", default="ppo")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=("bc", "scratch"), default=("bc", "scratch"))
    parser.add_argument("--timesteps", type=int, help="500 000, and 2 000 000 on hardware")
    parser.add_argument("--demos", type=int, default=50, help="gait: episodes of demonstrations")
    parser.add_argument("--epochs", type=int, default=100, help="gait: of cloning")
    parser.add_argument("--episodes", type=int, help="of each evaluation: 64, and 256 on hardware")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of an episode")
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "pidog")
    arguments = parser.parse_args()
    on_hardware = arguments.what == "hardware"
    if arguments.timesteps is None:
        arguments.timesteps = 2_000_000 if on_hardware else 500_000
    if arguments.episodes is None:
        # Falls are rare there, and half of the robots are counted apart.
        arguments.episodes = 256 if on_hardware else 64
    if arguments.what == "gait":
        walks(arguments)
    if on_hardware:
        hardware(arguments)
    rows = ROWS.read()
    text = f"{_INTRODUCTION}{walk_table(rows)}"
    if plot_curves(rows, RESULTS / "pidog-curves.png"):
        text += "\n![Returns over samples](pidog-curves.png)\n"
    hardware_rows = hardware_table(rows)
    if hardware_rows:
        text += f"\n{_HARDWARE}{hardware_rows}"
    write_text(RESULTS / "pidog.md", text)
    print(text)


def walks(arguments: argparse.Namespace) -> None:
    """Full observations: the gait, clones of it, and both ways of reinforcement learning."""
    kwargs = {"episode_seconds": arguments.seconds}
    gait = make_gait("sine", FREQUENCY)
    base = {"what": "gait", "timesteps": arguments.timesteps, "algo": arguments.algo}
    if not ROWS.has(asked := {"what": "gait", "way": "gait", "seed": 0}):
        ROWS.put({**asked, **walk(WALK, kwargs, gait_policy(gait), arguments)})
    for seed in arguments.seeds:
        for way in arguments.ways:
            asked = {**base, "way": way, "seed": seed}
            if ROWS.has(asked):
                continue
            name = f"gait-{arguments.algo}-{way}-{arguments.timesteps}-{seed}"
            model, found = train(arguments, name, kwargs, gait, seed, clone=way == "bc")
            found["model"] = walk(WALK, kwargs, model_policy(model), arguments)
            ROWS.put({**asked, **found})


def hardware(arguments: argparse.Namespace) -> None:
    """Hardware observations: one training a seed, judged on four kinds of robots."""
    kwargs = {**get_task(HARDWARE).env_options, "episode_seconds": arguments.seconds}
    gait = make_gait("sine", CLOCK_FREQUENCY)
    if not ROWS.has(asked := {"what": "hardware", "way": "gait", "seed": 0}):
        judged = evaluation_kwargs({"episode_seconds": arguments.seconds})["randomized"]
        ROWS.put({**asked, **walk(HARDWARE, judged, gait_policy(gait, STRIDE), arguments)})
    for seed in arguments.seeds:
        row: Row = {
            "what": "hardware",
            "algo": arguments.algo,
            "timesteps": arguments.timesteps,
            "seed": seed,
        }
        if ROWS.has(row):
            continue
        run = RunFolder(arguments.outputs / "-".join(str(value) for value in row.values()))
        flags = ["--env", "pidog-hardware", "--algo", arguments.algo, "--seed", str(seed)]
        row["wall_s"] = train_run(run, flags, arguments.timesteps)
        cls = get_algorithm(arguments.algo).load_class()
        clone, model = (cls.load(path, device="cpu") for path in (run.clone, run.model))
        for which, judged in evaluation_kwargs(kwargs).items():
            row[which] = walk(HARDWARE, judged, model_policy(model), arguments)
        row["clone"] = walk(
            HARDWARE, evaluation_kwargs(kwargs)["randomized"], model_policy(clone), arguments
        )
        command = ["sb3-mimic train", *flags, "--total-rl-timesteps", str(arguments.timesteps)]
        found = {"num_timesteps": model.num_timesteps, "versions": software_versions(run)}
        ROWS.put({**row, **found, "command": " ".join(command), "curve": curve(run)})


def evaluation_kwargs(kwargs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Keyword arguments of the environment for each kind of robot that judges a policy."""
    fixed = {**kwargs, "command": COMMAND}
    return {
        "randomized": fixed,
        "nominal": {**fixed, "randomization": None},
        "heldback": {**fixed, "randomization": None, "variant": "heldback"},
        "heldback_randomized_servo": {
            **fixed,
            "randomization": None,
            "variant": "heldback",
            "servo": Servo(latency=0.03),
        },
    }


def train(
    arguments: argparse.Namespace,
    name: str,
    kwargs: dict[str, Any],
    gait: Gait,
    seed: int,
    *,
    clone: bool,
) -> tuple[OnPolicyAlgorithm, Row]:
    """One training of the walk, or the rest of it: by hand, since the gait is not the default."""
    run = RunFolder(arguments.outputs / name)
    run.path.mkdir(parents=True, exist_ok=True)
    task = get_task(WALK)
    settings = task.hyperparameters_for(arguments.algo)
    found: Row = {"versions": software_versions(), "wall_s": 0.0}
    notes = run.path / "notes.json"
    if notes.is_file():
        found = json.loads(notes.read_text(encoding="utf-8"))
    began = time.perf_counter()
    with (
        closing(make_envs(WALK, settings.n_envs, seed=seed, env_kwargs=kwargs)) as envs,
        closing(make_envs(WALK, 16, seed=10_000 + seed, env_kwargs=kwargs)) as eval_envs,
    ):
        demonstrations: Sequence[Trajectory] = ()
        if clone:  # the same every time, as the handover goes on cloning them
            demonstrations = collect_gait(WALK, gait, arguments.demos, seed=seed, env_kwargs=kwargs)
        latest = run.latest_checkpoint()
        cls = get_algorithm(arguments.algo).load_class()
        if latest is not None:
            model = cls.load(latest[0], env=envs, device="cpu")
            model.set_random_seed(seed + latest[1])
        elif run.clone.is_file():
            model = cls.load(run.clone, env=envs, device="cpu")
        else:
            model = make_model(arguments.algo, envs, settings, seed=seed, device="cpu")
            if clone:
                pretrain(model, demonstrations, arguments.epochs, settings=task.cloning, seed=seed)
                found["clone"] = walk(WALK, kwargs, model_policy(model), arguments)
                run.write_text(notes, json.dumps(found))
                save_model(model, run.clone)
        handover = warm_start(
            task.warm_start,
            demonstrations=demonstrations,
            eval_env=eval_envs,
            cloning=task.cloning,
            seed=seed,
        )
        fine_tune(
            model,
            max(0, arguments.timesteps - model.num_timesteps),
            handover if clone else None,
            settings=FineTuneSettings(n_eval_episodes=16),
            run=run,
            eval_env=eval_envs,
            resume=model.num_timesteps > 0,
        )
        save_model(model, run.model)
    found["wall_s"] += time.perf_counter() - began
    # Less than was asked for where the handover's guard stopped it.
    found["num_timesteps"] = model.num_timesteps
    found["curve"] = curve(run)
    run.write_text(notes, json.dumps(found))
    return model, found


def walk(
    env_id: str, kwargs: dict[str, Any], act: Act, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Episodes side by side: what happened in each until it ended or fell.

    Returns:
        Per episode: forward speed in the body's heading [m/s], net speed along the first heading
        [m/s], whether it fell, return, and whether the model's servos can carry its mass.
    """
    env = gym.make(env_id, **kwargs).unwrapped
    if not is_pidog(env):
        raise SystemExit(f"{env_id} is no PiDog")
    n = arguments.episodes
    with closing(env), closing(env.make_batch(n)) as batch:
        generators = [gym.utils.seeding.np_random(1_000_000 + i)[0] for i in range(n)]
        observations = batch.reset(np.arange(n), generators, [{}] * n)
        carries = (
            batch.bank.can_carry_mass[batch.episodes.model] if batch.bank else np.ones(n, np.bool_)
        )
        return {**_episodes(batch, observations, act), "carries": carries.tolist()}


def _episodes(batch: PiDogBatch, observations: NDArray[Any], act: Act) -> dict[str, Any]:
    n = batch.n_envs
    running = np.ones(n, np.bool_)
    steps, path, net, total = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for index in range(batch.episode_steps):
        step = batch.step(act(observations, index))
        observations = step.observations
        steps += running
        path += running * batch.velocity[:, 0] * batch.dt
        net = np.where(running, batch.qpos[:, 0], net)
        total += running * step.rewards
        running &= ~step.terminated
        if not running.any():
            break
    seconds = steps * batch.dt
    return {
        "speed": (path / seconds).tolist(),
        "net_speed": (net / seconds).tolist(),
        "fallen": (~running).tolist(),
        "return": total.tolist(),
    }


def gait_policy(gait: Gait, stride: float = 1.0) -> Act:
    """The gait itself, open loop."""
    return lambda observations, step: np.tile(
        gait.actions(step / 50, stride), (len(observations), 1)
    )


def model_policy(model: OnPolicyAlgorithm) -> Act:
    """A model's deterministic actions."""
    return lambda observations, _: model.predict(observations, deterministic=True)[0]


if __name__ == "__main__":
    main()
