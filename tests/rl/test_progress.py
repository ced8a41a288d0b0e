"""The line that says how training is getting on, and the histograms."""

import re
from pathlib import Path
from typing import Any

import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.env_util import make_vec_env
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.rl.callbacks import progress
from sb3_mimic.rl.callbacks.progress import ProgressCallback
from sb3_mimic.rl.finetune import FineTuneSettings, fine_tune
from sb3_mimic.rl.warm_start import CriticWarmupCallback


def make(tensorboard: Path | None = None, own: bool = True) -> Any:
    env: Any = (
        make_envs("sb3_mimic/PiDog-v0", 4, seed=0, env_kwargs={"episode_seconds": 0.5})
        if own
        else make_vec_env("Pendulum-v1", 4)
    )
    log = None if tensorboard is None else str(tensorboard)
    return PPO("MlpPolicy", env, n_steps=32, batch_size=64, n_epochs=1, tensorboard_log=log)


@pytest.mark.parametrize("own", [True, False])
def test_lines_tell_what_matters(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    monkeypatch.setattr(progress, "_FIRST", 0.0)
    said: list[str] = []
    model = make(own=own)
    n_steps = 512 if own else 1024  # an episode of Pendulum takes 200 steps
    warmup = CriticWarmupCallback(1)
    fine_tune(model, n_steps, [warmup], progress_bar=False, log=said.append)
    assert len(said) == n_steps / 4
    unit = "s" if own else "steps"
    pattern = (
        rf"PPO: {n_steps:,} of {n_steps:,} steps \(100%\), return \S+, survival \S+ {unit}, 0 s"
    )
    assert re.match(pattern, said[-1]), said[-1]
    if own:
        assert "survival 0.5 s" in said[-1]
    assert "critic alone" in said[32]
    assert "critic alone" not in said[64 + 32]


def test_lines_are_few() -> None:
    said: list[str] = []
    fine_tune(make(), 512, progress_bar=False, log=said.append)
    assert len(said) <= 1


def test_a_resumed_training_counts_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    monkeypatch.setattr(progress, "_FIRST", 0.0)
    model = make()
    fine_tune(model, 256, progress_bar=False)
    said: list[str] = []
    fine_tune(model, 128, progress_bar=False, log=said.append, resume=True)
    assert said[0].startswith("PPO: 4 of 128 steps (3%)")
    assert said[-1].startswith("PPO: 128 of 128 steps (100%)")


def test_the_bar_is_closed_whatever_happens(capfd: pytest.CaptureFixture[str]) -> None:
    model = make()
    bar = ProgressCallback()
    model.learn(256, callback=CallbackList([bar]))
    assert bar._bar is None
    err = capfd.readouterr().err
    assert "PPO" in err
    assert "return" in err


def test_histograms_are_where_scalars_are(tmp_path: Path) -> None:
    model = make(tmp_path)
    fine_tune(model, 512, settings=FineTuneSettings(eval_freq=256), progress_bar=False)
    events = EventAccumulator(str(tmp_path / "ppo_1"), {"histograms": 0}).Reload()
    tags = events.Tags()
    assert {"rollout/actions", "rollout/returns"} <= set(tags["histograms"])
    assert [h.step for h in events.Histograms("rollout/actions")] == [128, 384]
    assert "rollout/ep_rew_mean" in tags["scalars"]
