"""The run's folder, and the settings that make and resume a run."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3 import PPO

from sb3_mimic.errors import InputError
from sb3_mimic.policies.saved import save_model
from sb3_mimic.tasks import TASKS, get_task
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.run import RunFolder, default_name
from sb3_mimic.training.trained import open_trained
from sb3_mimic.versions import versions


def test_a_new_run_says_what_was_asked_for_and_with_what(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "a" / "run", {"train": {"seed": 1}})
    assert run.read_config() == {"train": {"seed": 1}}
    assert set(versions()) >= {"python", "torch", "stable-baselines3", "imitation", "mujoco"}
    assert run.versions.is_file()
    assert RunFolder.open(run.path) == run


def test_an_existing_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match=r"exists already; .* --resume"):
        RunFolder.create(tmp_path, {})
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]
    file = tmp_path / "note.txt"
    with pytest.raises(InputError, match="exists already"):
        RunFolder.create(file, {})


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    assert RunFolder.create(tmp_path, {}).config.is_file()


def test_a_folder_within_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: .* is no folder"):
        RunFolder.create(tmp_path / "file" / "run", {})


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no run: there is no config\.yaml"):
        RunFolder.open(tmp_path)
    (tmp_path / "config.yaml").write_text("- a\n- b\n")
    with pytest.raises(InputError, match="holds no settings"):
        RunFolder.open(tmp_path).read_config()
    (tmp_path / "config.yaml").write_text("{")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        RunFolder.open(tmp_path).read_config()


def test_every_resumption_gets_its_own_monitor(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {})
    names = []
    for _ in range(3):
        path = run.monitor()
        path.write_text("")
        names.append(path.name)
    assert names == ["monitor.csv", "1.monitor.csv", "2.monitor.csv"]


def test_a_run_without_models_has_no_checkpoint(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {})
    assert run.latest_checkpoint() is None
    run.checkpoints.mkdir()
    run.checkpoint(50).write_bytes(b"half")
    assert run.latest_checkpoint() is None
    with pytest.raises(InputError, match="which environment"):
        open_trained(run.path)


def test_of_as_many_steps_the_model_is_later_than_the_checkpoint(tmp_path: Path) -> None:
    """A checkpoint is saved before the update that its rollout is for."""
    run = RunFolder.create(tmp_path / "run", {})
    model = PPO("MlpPolicy", "Pendulum-v1", n_steps=8, batch_size=8, device="cpu").learn(8)
    save_model(model, run.checkpoint(8))
    assert run.latest_checkpoint() == (run.checkpoint(8), 8)
    save_model(model, run.model)
    assert run.latest_checkpoint() == (run.model, 8)
    save_model(model.learn(8, reset_num_timesteps=False), run.checkpoint(16))
    assert run.latest_checkpoint() == (run.checkpoint(16), 16)


def test_default_names_tell_what_was_run() -> None:
    assert default_name("pidog", "trpo").startswith("bc_rl_pidog_trpo_2")


@pytest.mark.parametrize("name", list(TASKS))
@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_defaults_are_filled_in_and_an_explicit_value_wins(name: str, algo: str) -> None:
    config = TrainConfig(env=name, algo=algo).resolved()
    unset = {
        "demos",
        "expert",
        "pretrained_model",
        "experiment_name",
        "refine_iterations",
        "load_refined_actions",
        "resume",
        "callback",
        "robot_file",
    }
    assert {f.name for f in fields(config) if getattr(config, f.name) is None} == unset
    task = get_task(name)
    assert config.n_envs == task.hyperparameters_for(algo).n_envs
    asked = TrainConfig(env=name, algo=algo, n_envs=3, learning_rate=0.5, n_rl_timesteps=0)
    assert asked.resolved().n_rl_timesteps == 0
    assert asked.hyperparameters().n_envs == 3
    assert asked.hyperparameters().learning_rate == 0.5
    assert asked.resolved().resolved() == asked.resolved()


def test_an_environment_id_names_its_robot() -> None:
    assert TrainConfig(env="sb3_mimic/PiDog-v0").resolved().env == "pidog"
    with pytest.raises(InputError, match=r"'pidgo'; did you mean pidog\?"):
        TrainConfig(env="pidgo").resolved()


@given(
    n_envs=st.none() | st.integers(1, 500),
    rate=st.none() | st.floats(1e-6, 1.0),
    demos=st.none() | st.just(Path("a/b")),
    seed=st.integers(0, 2**31),
    skip=st.booleans(),
)
def test_settings_survive_yaml(
    n_envs: int | None, rate: float | None, demos: Path | None, seed: int, skip: bool
) -> None:
    config = TrainConfig(
        n_envs=n_envs,
        learning_rate=rate,
        demos=None if skip else demos,
        seed=seed,
        skip_bc=skip,
    ).resolved()
    text = yaml.safe_dump(config.to_dict())
    assert TrainConfig.from_dict(yaml.safe_load(text), Path("config.yaml")) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour": "red"}, "'colour' is no setting"),
        ({"n_envs": "four"}, "'four' is no value of 'n_envs'"),
        ({"n_envs": True}, "True is no value of 'n_envs'"),
        ({"learning_rate": "fast"}, "'fast' is no value of 'learning_rate'"),
        ({"motion": 3}, "3 is no value of 'motion'"),
        ({"motion": ["walk", 3]}, "no value of 'motion'"),
        ({"handover": "sudden"}, "'sudden' is no value of 'handover'"),
        ({"demos": 7}, "7 is no value of 'demos'"),
        ({"skip_bc": "yes"}, "'yes' is no value of 'skip_bc'"),
    ],
)
def test_a_setting_that_is_none_of_a_run_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"config\.yaml: .*{message}"):
        TrainConfig.from_dict(settings, Path("config.yaml"))


@pytest.mark.parametrize(
    "env", [None, {}, {"id": 7, "kwargs": {}}, {"id": "sb3_mimic/PiDog-v0", "kwargs": "trot"}]
)
def test_a_run_whose_environment_is_not_told_is_named(tmp_path: Path, env: object) -> None:
    run = RunFolder.create(tmp_path, {"env": env})
    with pytest.raises(InputError, match=r"config\.yaml: does not say which environment"):
        run.read_environment()


def test_a_clip_is_found_again_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clip.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    assert TrainConfig(motion="clip.txt", preset="none").resolved().motion == str(
        tmp_path / "clip.txt"
    )
    (tmp_path / "walk").write_text("")
    assert TrainConfig(motion="walk").resolved().motion == "walk"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_demo_episodes": 0}, "--n-demo-episodes must be at least 1, got 0"),
        ({"n_bc_epochs": -1}, "--total-bc-epochs must be at least 0"),
        ({"n_rl_timesteps": -5}, "--total-rl-timesteps must be at least 0"),
        ({"n_envs": -4}, "--n-envs must be at least 1"),
        ({"visualize_freq": -1}, "--visualize-freq must be at least 0"),
        ({"learning_rate": float("nan")}, "--learning-rate must be positive"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"demos": Path("a"), "expert": Path("b")}, "give one"),
        ({"skip_bc": True, "demos": Path("a")}, "nothing to do"),
        ({"pretrained_model": Path("a"), "expert": Path("b")}, "nothing to do"),
    ],
)
def test_bad_requests_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainConfig(**changes)  # type: ignore[arg-type]


def test_only_some_settings_can_be_changed_when_a_run_is_resumed() -> None:
    saved = TrainConfig(env="pidog", seed=7, n_envs=4).resolved()
    resume = Path("outputs/run")
    resumed = saved.with_changes(TrainConfig(resume=resume, n_rl_timesteps=9, device="cuda"))
    expected = replace(saved, resume=resume, n_rl_timesteps=9, device="cuda")
    assert resumed == expected
    defaults = TrainConfig(resume=resume, device="cpu", n_eval_episodes=32)
    elsewhere = replace(saved, device="cuda", n_eval_episodes=8).with_changes(defaults)
    assert (elsewhere.device, elsewhere.n_eval_episodes) == ("cpu", 32)
    with pytest.raises(InputError, match="--n-envs cannot be changed"):
        saved.with_changes(TrainConfig(resume=resume, n_envs=8))


def test_starting_points() -> None:
    assert TrainConfig().uses_bc
    assert TrainConfig(skip_bc=True).from_scratch
    pretrained = TrainConfig(pretrained_model=Path("a.zip"))
    assert not pretrained.uses_bc
    assert not pretrained.from_scratch
