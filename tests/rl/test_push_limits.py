"""Pushes of training grow where bodies withstand them, and shrink where they fall."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from sb3_mimic.envs import make_native_vec_env
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.errors import InputError
from sb3_mimic.rl.callbacks.push_limits import PushLimitsCallback

ID = "sb3_mimic/HumanoidMimic-v0"
FORCE = 400.0


def trained(envs: VecEnv, n_steps: int = 512) -> PPO:
    model = PPO("MlpPolicy", envs, n_steps=64, batch_size=128, n_epochs=1, seed=0, device="cpu")
    model.learn(n_steps * envs.num_envs, callback=PushLimitsCallback())
    return model


def limits(envs: VecEnv) -> np.ndarray:
    batch = getattr(envs.unwrapped, "batched", None)
    assert isinstance(batch, TrackingBatch)
    assert batch.pushes is not None
    return batch.pushes.limits


@pytest.fixture(params=["none", "fall"])
def envs(request: pytest.FixtureRequest) -> Any:
    """Bodies of which none is ever down, and bodies that all fall soon after they are pushed."""
    made = make_native_vec_env(
        ID, 32, motion="walk", early_termination=request.param, push_force=FORCE
    )
    made.seed(0)
    yield request.param, VecMonitor(made)
    made.close()


def test_limits_follow_what_is_withstood_and_go_on_with_the_model(
    envs: tuple[str, VecEnv], tmp_path: Path
) -> None:
    termination, vec_env = envs
    model = trained(vec_env)
    found = limits(vec_env).copy()
    grown = termination == "none"
    assert (found >= FORCE / 2).all() if grown else (found <= FORCE / 2).all()
    assert (found != FORCE / 2).sum() > 4
    assert found.max() <= FORCE
    # One look moves a limit by a tenth at most.
    assert np.abs(np.log(found / (FORCE / 2))).max() <= 8 * np.log(1 / 0.9) + 1e-9

    model.save(tmp_path / "model.zip")
    again = PPO.load(tmp_path / "model.zip", env=vec_env, device="cpu")
    limits(vec_env)[:] = 1.0
    callback = PushLimitsCallback()
    callback.init_callback(again)
    callback.on_training_start({}, {})
    np.testing.assert_allclose(limits(vec_env), found)


def test_environments_that_nothing_pushes_are_refused() -> None:
    quiet = make_native_vec_env(ID, 2, motion="walk")
    with pytest.raises(InputError, match="push_force="):
        trained(quiet, 64)
    quiet.close()


def test_a_push_too_near_the_end_of_an_episode_does_not_count() -> None:
    # 1.4 s: no push of the episode has the 1.5 s in which it could be withstood.
    envs = make_native_vec_env(ID, 32, motion="walk", push_force=FORCE, episode_seconds=1.4)
    envs.seed(0)
    trained(VecMonitor(envs))
    np.testing.assert_array_equal(limits(envs), FORCE / 2)
    envs.close()
