"""rl_zoo3's train.py takes the environments as any other package's."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sb3_contrib import TRPO
from stable_baselines3 import PPO

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.registration import ENVIRONMENTS
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl_zoo import settings
from sb3_mimic.tasks import TASKS, get_task

CONFIG = """
{env_id}:
  n_envs: 2
  n_timesteps: 128
  policy: MlpPolicy
  n_steps: 32
  batch_size: 32
  n_epochs: 1
"""


def zoo(folder: Path, *arguments: str) -> None:
    """Runs the zoo's training in a folder."""
    command = [sys.executable, "-m", "rl_zoo3.train", "--gym-packages", "sb3_mimic", "--seed", "1"]
    command += ["--log-folder", "logs", "--eval-freq", "-1", "--device", "cpu", "--verbose", "0"]
    done = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("env_id", sorted(ENVIRONMENTS))
def test_trains(env_id: str, tmp_path: Path) -> None:
    pytest.importorskip("rl_zoo3")
    config = tmp_path / "ppo.yml"
    config.write_text(CONFIG.format(env_id=env_id))
    zoo(tmp_path, "--algo", "ppo", "--env", env_id, "--conf-file", str(config))
    assert list(tmp_path.glob("logs/ppo/**/*.zip")), "the zoo saved no model"


@pytest.mark.parametrize(("algo", "robot"), [("ppo", "humanoid"), ("trpo", "pidog")])
def test_trains_with_our_settings(algo: str, robot: str, tmp_path: Path) -> None:
    pytest.importorskip("rl_zoo3")
    task = get_task(robot)
    zoo(
        tmp_path,
        *("--algo", algo, "--env", task.env_id, "--conf-file", f"sb3_mimic.rl_zoo.{algo}"),
        # One update of two environments, in place of millions of steps.
        *("--n-timesteps", "64", "--hyperparams", "n_envs:2", "n_steps:32", "batch_size:32"),
    )
    (saved,) = tmp_path.glob(f"logs/{algo}/**/{task.env_id.replace('/', '-')}.zip")
    algorithm: Any = {"ppo": PPO, "trpo": TRPO}[algo]
    model = algorithm.load(saved, device="cpu")
    wanted = task.hyperparameters_for(algo)
    assert model.num_timesteps == 64
    assert model.gamma == wanted.gamma
    envs = make_envs(task.env_id, 1)
    ours = make_model(algo, envs, wanted)
    envs.close()
    assert model.lr_schedule(1.0) == pytest.approx(ours.lr_schedule(1.0))
    assert model.policy.net_arch == {key: list(wanted.hidden_sizes) for key in ("pi", "vf")}
    for name, value in wanted.extra.items():
        assert getattr(model, name) == value
    assert list(tmp_path.glob("logs/**/vecnormalize.pkl")), "observations were not normalized"


@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_settings_are_those_of_the_tasks(algo: str) -> None:
    found = settings(algo)
    assert set(found) == {task.env_id for task in TASKS.values()}
    for task in TASKS.values():
        wanted = task.hyperparameters_for(algo)
        told = found[task.env_id]
        assert told["n_envs"] * told["n_steps"] == wanted.n_envs * wanted.n_steps
        assert told["n_timesteps"] == task.n_rl_timesteps
        linear = str(told["learning_rate"]).startswith("lin_")
        assert linear == wanted.linear_decay
