"""Presets: what they change, when they are used, and what is said of a bad one."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.tasks import get_task
from sb3_mimic.tasks.presets import NO_PRESET, find_preset_for_clip, get_preset, preset_names
from sb3_mimic.training.config import TrainConfig

EXAMPLE = {
    "env": "humanoid",
    "motion": "squat",
    "n_rl_timesteps": 1234,
    "hyperparameters": {"gamma": 0.9, "hidden_sizes": [8, 4]},
    "algorithms": {"ppo": {"n_epochs": 3}},
    "cloning": {"patience": 7, "log_std_bounds": [-3, -2]},
    "warm_start": {"bc_weight": 0.5},
    "training_env_kwargs": {"early_termination": "tracking"},
}


def write(folder: Path, values: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return str(path)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, EXAMPLE)
    config = TrainConfig(preset=path).resolved()
    task, usual = config.task, get_task("humanoid")
    assert (config.motion, config.n_rl_timesteps) == ("squat", 1234)
    assert config.n_bc_epochs == usual.n_bc_epochs
    assert task.cloning == replace(usual.cloning, patience=7, log_std_bounds=(-3, -2))
    assert config.warm_start() == replace(usual.warm_start, bc_weight=0.5)
    expected_env = {"early_termination": "tracking", "episode_seconds": 5.0}
    assert config.training_env_kwargs == expected_env
    for algo in ("ppo", "trpo"):
        expected = usual.hyperparameters_for(algo).updated({"gamma": 0.9, "hidden_sizes": (8, 4)})
        if algo == "ppo":
            expected = expected.updated({"n_epochs": 3})
        assert TrainConfig(preset=path, algo=algo).resolved().hyperparameters() == expected


def test_what_is_asked_for_wins_over_the_preset(tmp_path: Path) -> None:
    asked = TrainConfig(preset=write(tmp_path, EXAMPLE), motion="wave", n_rl_timesteps=5)
    assert (asked.resolved().motion, asked.resolved().n_rl_timesteps) == ("wave", 5)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_of_the_package_is_sound(name: str) -> None:
    preset = get_preset(name)
    assert name.startswith(preset.task.name.partition("-")[0])
    config = TrainConfig(preset=name).resolved()
    assert (config.env, config.motion) == (preset.task.name, preset.task.motion)
    assert all(len(digest) == 64 for digest in preset.clips.values())


def test_a_known_clip_gets_its_preset_unless_told_not_to(tmp_path: Path) -> None:
    assert TrainConfig(motion="walk").resolved().preset == "humanoid-walk"
    assert TrainConfig(motion="walk", preset=NO_PRESET).resolved().preset == NO_PRESET
    assert TrainConfig(env="pidog").resolved().preset == NO_PRESET
    digests = [d for name in preset_names() for d in get_preset(name).clips.values()]
    assert len(set(digests)) == len(digests)
    assert find_preset_for_clip("0" * 64, get_task("humanoid")) is None


def test_a_clip_is_known_by_its_content_wherever_it_lies(motions_dir: Path) -> None:
    clip = load_motion(motions_dir / "deepmimic" / "humanoid3d_walk.txt")
    found = find_preset_for_clip(clip.digest, get_task("humanoid"))
    assert found is not None
    assert found.name == "humanoid-walk"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1], "a preset is a YAML mapping that names its task"),
        ({"motion": "walk"}, "a preset is a YAML mapping that names its task"),
        ({"env": "humanoid", "motoin": "walk"}, "'motoin'; did you mean motion"),
        ({"env": "humanoid", "cloning": 3}, "cloning must be a mapping, found 3"),
        ({"env": "humanoid", "cloning": {"patients": 3}}, "'patients'; did you mean patience"),
        ({"env": "humanoid", "warm_start": {"gate": 2}}, r"gate must lie in \[0, 1\], got 2"),
        ({"env": "humanoyd"}, "'humanoyd'; did you mean humanoid"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(
    tmp_path: Path, values: object, message: str
) -> None:
    path = write(tmp_path, values)
    with pytest.raises(InputError, match=message) as error:
        TrainConfig(preset=path).resolved()
    assert "mine.yaml" in str(error.value)


def test_what_an_environment_does_not_take_is_named(tmp_path: Path) -> None:
    """Presets know no simulator: the environment itself says what it takes."""
    for changes, message in (
        ({"early_terminatoin": "fall"}, "cannot be made: .*'early_terminatoin'"),
        ({"early_termination": "falls"}, "'falls' must be one of fall, tracking, none"),
    ):
        path = write(tmp_path, {"env": "humanoid", "training_env_kwargs": changes})
        config = TrainConfig(preset=path).resolved()
        with pytest.raises(InputError, match=message):
            make_envs(config.task.env_id, 1, env_kwargs=config.training_env_kwargs)


def test_a_preset_of_another_robot_and_an_unknown_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is for --env humanoid, not pidog"):
        TrainConfig(env="pidog", preset=write(tmp_path, EXAMPLE)).resolved()
    with pytest.raises(InputError, match="'humanoid-wakl'; did you mean humanoid-walk"):
        TrainConfig(preset="humanoid-wakl").resolved()
    with pytest.raises(InputError, match="cannot be read as YAML"):
        TrainConfig(preset=str(tmp_path / "none.yaml")).resolved()
