"""rl_zoo3's train.py takes the environments as any other package's."""

import subprocess
import sys
from pathlib import Path

import pytest

from sb3_mimic.registration import ENVIRONMENTS

CONFIG = """
{env_id}:
  n_envs: 2
  n_timesteps: 128
  policy: MlpPolicy
  n_steps: 32
  batch_size: 32
  n_epochs: 1
"""


@pytest.mark.parametrize("env_id", sorted(ENVIRONMENTS))
def test_trains(env_id: str, tmp_path: Path) -> None:
    pytest.importorskip("rl_zoo3")
    config = tmp_path / "ppo.yml"
    config.write_text(CONFIG.format(env_id=env_id))
    command = [sys.executable, "-m", "rl_zoo3.train", "--algo", "ppo", "--env", env_id]
    command += ["--gym-packages", "sb3_mimic", "--conf-file", str(config), "--seed", "1"]
    command += ["--log-folder", "logs", "--eval-freq", "-1", "--device", "cpu", "--verbose", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("logs/ppo/**/*.zip")), "the zoo saved no model"
