"""Demonstrations go to Minari and come back; Minari itself reads them."""

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from imitation.data.types import Trajectory, TrajectoryWithRew
from stable_baselines3 import PPO

from sb3_mimic import collect_demonstrations, make_native_vec_env
from sb3_mimic.cli import main
from sb3_mimic.demos.expert import collect_expert
from sb3_mimic.demos.minari import load_minari, save_minari
from sb3_mimic.errors import InputError
from sb3_mimic.training.sources import load_demonstrations_for

minari = pytest.importorskip("minari")

PIDOG = "sb3_mimic/PiDog-v0"
SHORT = {"episode_seconds": 1.0}


@pytest.fixture(autouse=True)
def datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    return tmp_path / "datasets"


def spaces_of(env_id: str, **kwargs: Any) -> tuple[Any, Any]:
    env = gym.make(env_id, **kwargs)
    return env.observation_space, env.action_space


def test_demonstrations_come_back_as_they_were() -> None:
    # Slippery and heavy: with this noise some episodes fall.
    kwargs = {"episode_seconds": 4.0, "floor_friction": 0.2, "mass": 1.1}
    before = collect_demonstrations(PIDOG, "walk", 6, seed=3, env_kwargs=kwargs)
    before.append(before[0].__class__(*fallen(before[0])))
    save_minari("pidog/walk-v0", before, PIDOG, kwargs, {"seed": 3})
    after = load_minari("pidog/walk-v0", *spaces_of(PIDOG))
    assert len(after) == len(before)
    for a, b in zip(after, before, strict=True):
        np.testing.assert_array_equal(a.obs, b.obs)
        np.testing.assert_array_equal(a.acts, b.acts)
        np.testing.assert_allclose(a.rews, b.rews)
        assert a.terminal == b.terminal
        assert a.obs.dtype == a.acts.dtype == np.float32


def fallen(t: TrajectoryWithRew) -> tuple[Any, ...]:
    return t.obs[:11], t.acts[:10], None, True, t.rews[:10]


def test_minari_says_which_episodes_passed() -> None:
    good = collect_demonstrations(PIDOG, "sine", 2, env_kwargs=SHORT)
    bad = TrajectoryWithRew(*fallen(good[0]))
    save_minari("pidog/mixed-v0", [*good, bad], PIDOG, SHORT, {"method": "gait"})
    dataset = minari.load_dataset("pidog/mixed-v0")
    assert dataset.total_steps == 50 + 50 + 10
    told = list(dataset.storage.get_episode_metadata(range(3)))
    assert [episode["passed"] for episode in told] == [True, True, False]
    assert told[0]["return"] == pytest.approx(float(good[0].rews.sum()), rel=1e-5)
    passed = dataset.filter_episodes(lambda episode: not episode.terminations[-1])
    assert len(passed) == 2
    env = dataset.recover_environment()
    assert env.unwrapped.batched.episode_steps == 50  # made with the same arguments
    env.close()


def test_pictures_keep_every_bit() -> None:
    demonstrations = collect_demonstrations(
        PIDOG, "sine", 1, env_kwargs={"episode_seconds": 0.2, "use_camera": True}
    )
    save_minari("pidog/camera-v0", demonstrations, PIDOG, {"use_camera": True}, {})
    (back,) = load_minari("pidog/camera-v0", *spaces_of(PIDOG, use_camera=True))
    np.testing.assert_array_equal(back.obs, demonstrations[0].obs)


def test_an_experts_full_episode_is_no_failure() -> None:
    envs = make_native_vec_env(PIDOG, n_envs=2, seed=0, episode_seconds=0.4)
    expert = PPO("MlpPolicy", envs, n_steps=8, batch_size=16, seed=0, device="cpu")
    for episode in collect_expert(expert, envs, 2):
        assert len(episode) == 20
        assert not episode.terminal
    envs.close()


@pytest.mark.parametrize("dataset_id", ["noversion", "../up-v0", "a b-v0"])
def test_malformed_ids_are_refused(dataset_id: str, datasets: Path) -> None:
    demonstrations = collect_demonstrations(PIDOG, "sine", 1, env_kwargs=SHORT)
    with pytest.raises(InputError, match="name-v0"):
        save_minari(dataset_id, demonstrations, PIDOG, SHORT, {})
    with pytest.raises(InputError, match="name-v0"):
        load_minari(dataset_id, *spaces_of(PIDOG))
    assert not datasets.exists()


def test_what_cannot_be_used_is_refused(datasets: Path) -> None:
    demonstrations = collect_demonstrations(PIDOG, "sine", 1, env_kwargs=SHORT)
    save_minari("pidog/sine-v0", demonstrations, PIDOG, SHORT, {})
    with pytest.raises(InputError, match="exists already"):
        save_minari("pidog/sine-v0", demonstrations, PIDOG, SHORT, {})
    with pytest.raises(InputError, match="minari download pidog/other-v0"):
        load_minari("pidog/other-v0", *spaces_of(PIDOG))
    with pytest.raises(InputError, match=r"shape \(30,\)"):
        load_minari("pidog/sine-v0", *spaces_of("sb3_mimic/HumanoidMimic-v0"))
    t = demonstrations[0]
    with pytest.raises(InputError, match="needs rewards"):
        save_minari("pidog/bare-v0", [Trajectory(t.obs, t.acts, None, False)], PIDOG, SHORT, {})


def test_a_failed_save_leaves_nothing(datasets: Path) -> None:
    demonstrations = collect_demonstrations(PIDOG, "sine", 1, env_kwargs=SHORT)
    with pytest.raises(AssertionError):  # Minari's own: observations of another shape
        save_minari("pidog/wrong-v0", demonstrations, "sb3_mimic/HumanoidMimic-v0", {}, {})
    assert not (datasets / "pidog" / "wrong-v0").exists()


def test_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["demos", "saved", "--env", "pidog", "--n-demo-episodes", "1"]
    assert main([*command, "--minari", "pidog/sine-v0"]) == 0
    assert "Minari dataset: pidog/sine-v0" in capsys.readouterr().out
    (found,) = load_demonstrations_for(PIDOG, {}, Path("minari:pidog/sine-v0"))
    (saved,) = load_demonstrations_for(PIDOG, {}, Path("saved"))
    np.testing.assert_array_equal(found.acts, saved.acts)
    again = ["demos", "more", "--env", "pidog", "--n-demo-episodes", "1", "--minari"]
    assert main([*again, "pidog/sine-v0"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert not Path("more").exists()


def test_without_minari_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(InputError, match=r"pip install 'sb3-mimic\[hub\]'"):
        load_minari("pidog/sine-v0", *spaces_of(PIDOG))
