"""docs/extending.md and docs/your-robot.md: their files, in an empty folder, add what they say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
# A block, and the name of the file that it is, if it is one.
_FENCE = re.compile(r"(?:^`(\S+)`:\n\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TINY = ["--n-demo-episodes", "2", "--total-bc-epochs", "1", "--total-rl-timesteps", "512"]
# Page, its commands, its examples.
PAGES = [("extending", 5, 5), ("your-robot", 6, 2)]


def fences(page: str) -> list[tuple[str, str, str]]:
    """File name (empty for none), language and text of every block of a page."""
    return _FENCE.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))


def commands(page: str) -> list[list[str]]:
    """Arguments of Python for every command of a page."""
    blocks = [text for _, language, text in fences(page) if language == "bash"]
    lines = [line.split() for text in blocks for line in text.split("\n") if line]
    programs = {"python": [], "sb3-mimic": ["-m", "sb3_mimic"]}
    return [[*programs[program], *arguments] for program, *arguments in lines]


@pytest.fixture(scope="module", params=PAGES, ids=lambda page: page[0])
def page(request: pytest.FixtureRequest) -> tuple[str, int, int]:
    name, n_commands, n_examples = request.param
    return name, n_commands, n_examples


@pytest.fixture(scope="module")
def folder(page: tuple[str, int, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's files."""
    path = tmp_path_factory.mktemp("project")
    for name, _, text in fences(page[0]):
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


def test_the_page_has_files_commands_and_examples(page: tuple[str, int, int], folder: Path) -> None:
    name, n_commands, n_examples = page
    assert {path.suffix for path in folder.iterdir()} == {".py", ".xml"}
    assert len(commands(name)) == n_commands
    blocks = [language for file, language, _ in fences(name) if not file]
    assert blocks.count("python") == n_examples


def test_the_examples_run(page: tuple[str, int, int], folder: Path) -> None:
    examples = [
        text for file, language, text in fences(page[0]) if language == "python" and not file
    ]
    run(folder, "-c", "\n".join(examples))


@pytest.mark.slow
def test_the_commands_run(page: tuple[str, int, int], folder: Path) -> None:
    for arguments in commands(page[0]):
        tiny = [*_TINY, "--n-eval-episodes", "2"] if "train" in arguments else []
        run(folder, *arguments, *tiny)
    for run_folder in (folder / "outputs").iterdir():
        evaluation = json.loads((run_folder / "evaluation.json").read_text())
        assert {"clone", "model"} <= set(evaluation)
    assert list((folder / "outputs").glob("*/videos/play.mp4"))
