"""The settings that commands take: the task's own, changed by a preset, changed by flags."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from sb3_mimic.cli.demos import Demos
from sb3_mimic.cli.interactive import Dagger
from sb3_mimic.cli.pretrain import Pretrain
from sb3_mimic.errors import InputError
from sb3_mimic.tasks import TASKS, CloningSettings, get_task

PRESET = """
env: pidog
motion: trot
n_demo_episodes: 3
n_bc_epochs: 7
cloning: {patience: 2, learning_rate: 0.5}
"""


@pytest.fixture
def preset(tmp_path: Path) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(PRESET, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", list(TASKS))
def test_pretrain_clones_with_the_tasks_settings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloning = CloningSettings(
        batch_size=16,
        learning_rate=0.25,
        l2_weight=0.5,
        state_weight=0.125,
        validation_fraction=0.75,
        patience=3,
        log_std_bounds=(-2.0, -1.0),
    )
    task = replace(get_task(name), cloning=cloning)
    assert Pretrain(env=name)._cloning_settings(task) == cloning
    # Each is a flag, but for the bounds.
    for entry in fields(CloningSettings):
        if entry.name != "log_std_bounds":
            asked = Pretrain(env=name, **{entry.name: getattr(CloningSettings(), entry.name)})
            expected = replace(cloning, **{entry.name: getattr(CloningSettings(), entry.name)})
            assert asked._cloning_settings(task) == expected


@pytest.mark.parametrize("command", [Demos, Pretrain, Dagger])
def test_commands_know_presets(command: type[Demos], preset: str) -> None:
    source = command(preset=preset).source()
    assert (source.task.name, source.motion, source.n_episodes) == ("pidog", "trot", 3)
    assert source.task.n_bc_epochs == 7
    assert source.task.cloning.patience == 2
    asked = command(preset=preset, motion="sine", n_demo_episodes=1).source()
    assert (asked.motion, asked.n_episodes) == ("sine", 1)
    with pytest.raises(InputError, match="is for --env pidog, not pidog-hardware"):
        command(env="pidog-hardware", preset=preset).source()


def test_a_flag_wins_over_the_preset(preset: str) -> None:
    command = Pretrain(preset=preset, patience=5)
    settings = command._cloning_settings(command.source().task)
    assert (settings.patience, settings.learning_rate) == (5, 0.5)


def test_images_have_no_next_state_to_weigh() -> None:
    with pytest.raises(InputError, match="--state-weight needs vector observations"):
        Pretrain(use_camera=True, state_weight=0.1)._cloning_settings(get_task("pidog"))
