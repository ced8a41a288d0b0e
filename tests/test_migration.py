"""docs/migration.md: every row that has a command or a snippet of ours is run."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import yaml
from stable_baselines3 import PPO

from sb3_mimic.cli.parser import parse
from sb3_mimic.cli.train import Train
from sb3_mimic.envs import PiDogEnv
from sb3_mimic.tasks.presets import NO_PRESET
from sb3_mimic.training.config import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")

GUIDES = (
    "imitation-pretraining.md",
    "sft-implementation.md",
    "sft-and-teacher-forcing.md",
    "action-refinement.md",
    "motion-pipeline.md",
)


@dataclass(frozen=True)
class Row:
    """A row of a guide's table."""

    guide: str
    theirs: str
    ours: str

    @property
    def command(self) -> str | None:
        """Our command, without its backticks."""
        match = re.fullmatch(r"`([^`]+)`", self.ours)
        return match[1] if match else None

    @property
    def snippet(self) -> str | None:
        """Title of our snippet."""
        match = re.fullmatch(r"\[([^]]+)\]\(#[^)]+\)", self.ours)
        return match[1] if match else None


def read_rows() -> list[Row]:
    rows = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        table = [line for line in body.splitlines() if line.startswith("|")]
        if title not in GUIDES:
            continue
        assert table[0] == "| Theirs | Ours | Note |"
        for line in table[2:]:
            theirs, ours, _ = (cell.strip() for cell in line.strip("|").split(" | "))
            rows.append(Row(title, theirs, ours))
    return rows


def read_snippets() -> dict[str, str]:
    section = PAGE.partition("\n## Snippets\n")[2]
    found = re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
    return {
        title: "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
        for title, text in found
    }


ROWS = read_rows()
COMMANDS = sorted({row.command for row in ROWS if row.command})
SNIPPETS = read_snippets()


def as_sb3_mimic(command: str) -> list[str] | None:
    """The arguments of ``sb3-mimic`` that a command comes down to; None for ``make``."""
    words = shlex.split(command)
    if words[:3] == ["docker-compose", "run", "--rm"]:
        words = words[4:]
    if words[:2] == ["python", "train_pretrain_finetune.py"]:
        return ["train", "--env", "pidog", *words[2:]]
    if words[0] == "sb3-mimic":
        return words[1:]
    assert words[0] == "make", command
    return None


def test_every_guide_has_a_table_and_every_row_says_what_ours_is() -> None:
    assert {row.guide for row in ROWS} == set(GUIDES)
    for row in ROWS:
        assert row.theirs.startswith("`"), row
        assert row.command or row.snippet or row.ours in ("not yet", "–"), row
    assert len(COMMANDS) > 25
    assert sum(row.snippet is not None for row in ROWS) > 12


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_understood(command: str) -> None:
    arguments = as_sb3_mimic(command)
    if arguments is None:
        makefile = ROOT / "Makefile"
        if not makefile.is_file():
            pytest.skip("there is no Makefile here, as in the image")
        assert re.search(rf"^{command.split()[1]}:", makefile.read_text(), re.MULTILINE)
        return
    parsed = parse(arguments)
    if isinstance(parsed, Train):  # which checks its values when it runs
        values = {f.name: getattr(parsed, f.name) for f in fields(TrainConfig)}
        # The files that the page speaks of are not here, to be known by their contents.
        TrainConfig(**{**values, "preset": values["preset"] or NO_PRESET}).resolved()


def test_compose_services_and_script_exist() -> None:
    compose = ROOT / "docker-compose.yml"
    if not compose.is_file():
        pytest.skip("there is no docker-compose.yml here, as in the image")
    services = yaml.safe_load(compose.read_text())["services"]
    used = {shlex.split(c)[3] for c in COMMANDS if c.startswith("docker-compose")}
    assert used
    assert used <= services.keys()
    assert (ROOT / "train_pretrain_finetune.py").is_file()


def test_every_snippet_belongs_to_a_row_and_the_other_way_round() -> None:
    assert SNIPPETS
    assert {row.snippet for row in ROWS if row.snippet} == set(SNIPPETS)


@pytest.mark.parametrize("title", SNIPPETS)
def test_snippet_runs(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = SNIPPETS[title]
    assert code
    for number, tiny in (
        (r"n_episodes=50", "n_episodes=2"),
        (r"min_episodes=100", "min_episodes=1"),
        (r"PiDogEnv\(\)", "PiDogEnv(episode_seconds=0.2)"),
        (r"n_epochs=100", "n_epochs=2"),
        (r"total_timesteps=1_000_000", "total_timesteps=1"),
    ):
        code = re.sub(number, tiny, code)
    if "path/to/expert/model.zip" in code:
        expert = PPO("MlpPolicy", PiDogEnv(), device="cpu")
        Path("path/to/expert").mkdir(parents=True)
        expert.save("path/to/expert/model.zip")
    exec(compile(code, title, "exec"), {"__name__": "snippet"})


def run(command: str, folder: Path, **changes: str) -> str:
    """Runs one of our commands as it stands on the page, its numbers made small.

    Args:
        command: One of ``COMMANDS``.
        folder: Where it runs.
        changes: Flags to set instead, with underscores.
    """
    assert command in COMMANDS
    arguments = as_sb3_mimic(command)
    assert arguments is not None
    small = {
        "--n-demo-episodes": "2",
        "--total-bc-epochs": "2",
        "--epochs": "2",
        "--n-eval-episodes": "2",
        **{"--" + name.replace("_", "-"): value for name, value in changes.items()},
    }
    understood = {f.name for f in fields(type(parse(arguments)))}  # type: ignore[arg-type]
    for flag, value in small.items():
        if flag in arguments:
            arguments[arguments.index(flag) + 1] = value
        elif flag[2:].replace("-", "_") in understood:
            arguments += [flag, value]
    program = [sys.executable, "-m", "sb3_mimic"]
    if "train_pretrain_finetune.py" in command:
        program = [sys.executable, str(ROOT / "train_pretrain_finetune.py")]
        arguments = arguments[3:]
    result = subprocess.run(
        [*program, *arguments],
        cwd=folder,
        # Without pictures, which cost more than all the rest.
        env={**os.environ, "MUJOCO_GL": "disabled"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def command(*parts: str) -> str:
    """The one command of ours that has all these parts."""
    (found,) = [c for c in COMMANDS if all(part in c for part in parts)]
    return found


def test_pretrain_then_evaluate(tmp_path: Path) -> None:
    run(command("pretrain", "--epochs 100 --save-path"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"my_policy.zip", "my_policy.pth"}
    assert "normalized_return " in run(command("evaluate my_policy.zip"), tmp_path)


def test_refine_then_verify(tmp_path: Path) -> None:
    told = run(command("feedback --iterations 3 --output"), tmp_path)
    assert "plain PD → feedback" in told
    assert (tmp_path / "refined_actions.npz").is_file()
    assert "32-step error" in run(command("verify", "--test trajectory"), tmp_path)


@pytest.mark.slow
def test_quick_start_script_in_two_steps(tmp_path: Path) -> None:
    script, first = "train_pretrain_finetune.py", "outputs/my_bc_model"
    run(command(script, "--total-bc-epochs 300"), tmp_path, experiment_name="my_bc_model")
    assert (tmp_path / first / "demos").is_dir()
    assert not (tmp_path / first / "checkpoints").exists()
    run(
        command(script, "--skip-bc"),
        tmp_path,
        pretrained_model=f"{first}/bc_pretrained_policy.pth",
        total_rl_timesteps="4096",
        experiment_name="my_finetuned_model",
    )
    assert (tmp_path / "outputs/my_finetuned_model/best_model.zip").is_file()


@pytest.mark.slow
def test_clone_then_trpo(tmp_path: Path) -> None:
    run(command("pretrain", "--epochs 100 --batch-size 256"), tmp_path)
    given = command("--algo trpo --pretrained-model bc_pretrained_policy.pth", "--total-rl")
    run(given, tmp_path, total_rl_timesteps="8192", experiment_name="my_run")
    assert (tmp_path / "outputs/my_run/model.zip").is_file()
