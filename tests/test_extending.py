"""docs/extending.md: its files, written to an empty folder, add what the page says they add."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
# A block, and the name of the file that it is, if it is one.
_FENCE = re.compile(r"(?:^`(\S+)`:\n\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TINY = ["--n-demo-episodes", "2", "--total-bc-epochs", "1", "--total-rl-timesteps", "512"]


def fences() -> list[tuple[str, str, str]]:
    """File name (empty for none), language and text of every block of the page."""
    return _FENCE.findall(PAGE.read_text(encoding="utf-8"))


def commands() -> list[list[str]]:
    lines = [
        line for _, language, text in fences() if language == "bash" for line in text.split("\n")
    ]
    return [line.split() for line in lines if line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's files."""
    path = tmp_path_factory.mktemp("project")
    for name, _, text in fences():
        if name:
            (path / name).write_text(text, encoding="utf-8")
    return path


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if "train" in arguments:  # films nothing, which would take most of the time
        environment["MUJOCO_GL"] = "disabled"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_has_files_commands_and_examples(folder: Path) -> None:
    assert {path.suffix for path in folder.iterdir()} == {".py", ".xml"}
    assert [command[:2] for command in commands()] == [["python", "mine.py"]] * len(commands())
    assert len(commands()) == 5


def test_the_examples_run(folder: Path) -> None:
    examples = [text for name, language, text in fences() if language == "python" and not name]
    assert len(examples) == 3
    run(folder, "-c", "\n".join(examples))


@pytest.mark.slow
def test_the_commands_run(folder: Path) -> None:
    assert (folder / "squat.csv").is_file(), "the examples make it"
    for _, script, *arguments in commands():
        tiny = [*_TINY, "--n-eval-episodes", "2"] if arguments[0] == "train" else []
        run(folder, script, *arguments, *tiny)
    for name in ("crawl", "a2c_dog"):
        evaluation = json.loads((folder / "outputs" / name / "evaluation.json").read_text())
        assert {"clone", "model"} <= set(evaluation)
    assert (folder / "outputs" / "crawl" / "videos" / "play.mp4").is_file()
