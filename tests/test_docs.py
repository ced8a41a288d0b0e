"""README.md and docs/: examples run, commands exist, tables and links are right."""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sb3_mimic.cli.parser import parse
from sb3_mimic.cli.train import Train
from sb3_mimic.rl.algorithms import ALGORITHMS
from sb3_mimic.tasks import TASKS
from sb3_mimic.tasks.presets import NO_PRESET
from sb3_mimic.training import films, pipeline
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.options import flag

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Their snippets are run by tests of their own, row by row and file by file.
ELSEWHERE = {ROOT / "docs" / f"{page}.md" for page in ("migration", "extending", "your-robot")}

# What makes the examples' numbers small.
TINY = (
    (r"n_episodes=\d+", "n_episodes=2"),
    (r"n_epochs=\d+", "n_epochs=5"),
    (r"n_demo_episodes=\d+", "n_demo_episodes=2"),
    (r"n_bc_epochs=\d+", "n_bc_epochs=1"),
    (r"(total_timesteps|n_rl_timesteps)=[\d_]{5,}", r"\1=4096"),
    (r"range\(600\)", "range(20)"),
    (r"min_episodes=\d+", "min_episodes=8"),
)


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The command lines in the pages, without comments."""
    found = set()
    for page in PAGES:
        if page.name == "your-robot.md":  # its commands need its files: tests/test_extending.py
            continue
        for block in blocks(page, "bash"):
            for line in block.replace("\\\n", " ").splitlines():
                found.add(" ".join(shlex.split(line, comments=True)))
    return sorted(found - {""})


EXAMPLES = [
    pytest.param(
        code,
        id=f"{page_id(page)}-{number}",
        # A whole job evaluates several times over full episodes.
        marks=[pytest.mark.slow] if "TrainConfig(" in code else [],
    )
    for page in PAGES
    if page not in ELSEWHERE
    for number, code in enumerate(blocks(page, "python"))
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs under the names that the pages use."""
    folder = tmp_path_factory.mktemp("outputs")
    config = TrainConfig(
        n_demo_episodes=2,
        n_bc_epochs=1,
        n_rl_timesteps=0,
        n_eval_episodes=1,
        output_dir=folder,
        experiment_name="my_walk",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(films, "VIDEO_SECONDS", 0.1)
        pipeline.train(config, progress_bar=False)
    return folder


@pytest.fixture
def registries() -> Iterator[None]:
    """What an example registers is gone after it, as it would be with its process."""
    known: tuple[dict[str, Any], ...] = (ALGORITHMS, TASKS)
    before = [dict(registry) for registry in known]
    yield
    for registry, entries in zip(known, before, strict=True):
        registry.clear()
        registry.update(entries)


def test_there_are_examples_and_commands() -> None:
    assert len(EXAMPLES) > 8
    assert len(commands()) > 25
    assert any("README" in str(example.id) for example in EXAMPLES)


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("code", EXAMPLES)
def test_example_runs(
    code: str, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outputs").symlink_to(outputs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(films, "VIDEO_SECONDS", 0.1)
    for number, tiny in TINY:
        code = re.sub(number, tiny, code)
    exec(compile(code, "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("command", commands())
def test_command_is_understood(command: str) -> None:
    words = shlex.split(command)
    if words[:2] == ["docker-compose", "run"]:
        words = words[4:]
    if words[:2] == ["python", "train_pretrain_finetune.py"]:
        words = ["sb3-mimic", "train", "--env", "pidog", *words[2:]]
    if words[0] == "sb3-mimic":
        parsed = parse(words[1:])
        if isinstance(parsed, Train):  # which checks its values when it runs
            values: dict[str, Any] = {f.name: getattr(parsed, f.name) for f in fields(TrainConfig)}
            # The files that the pages speak of are not here, to be known by their contents.
            TrainConfig(**{**values, "preset": values["preset"] or NO_PRESET}).resolved()
    elif words[0] == "make":
        require("Makefile")
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert words[0] in ("docker-compose", "pip", "tensorboard", "uv", "python"), command


def test_links_lead_somewhere() -> None:
    checked = 0
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?:", target):
                continue
            path, _, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            if linked.parent == ROOT and linked.suffix != ".md":
                require(linked.name)
            assert linked.exists(), f"{page_id(page)}: {target}"
            if anchor:
                assert anchor in anchors(linked), f"{page_id(page)}: {target}"
            checked += 1
    assert checked > 20


def test_every_page_is_in_the_table_of_contents() -> None:
    for folder in (ROOT / "docs", ROOT / "docs" / "results"):
        index = (folder / "index.md").read_text(encoding="utf-8")
        trees = "".join(re.findall(r"^```{toctree}\n(.*?)^```", index, re.MULTILINE | re.DOTALL))
        listed = set(re.findall(r"^(?:.*<)?([\w-]+)>?$", trees, re.MULTILINE))
        assert {page.stem for page in folder.glob("*.md")} - {"index"} <= listed


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_images_are_there_and_small() -> None:
    images = list((ROOT / "docs" / "images").iterdir())
    assert {"humanoid", "pidog"} <= {path.stem for path in images}
    for path in images:
        assert path.stat().st_size < 1.5e6, path


def test_flag_tables_are_those_of_the_commands() -> None:
    require("tools/flag_tables.py")
    tables = load("tools/flag_tables.py")
    assert [page_id(page) for page in tables.pages()] == ["README.md", "docs/command-line.md"]
    for page in tables.pages():
        text = page.read_text(encoding="utf-8")
        assert tables.fill_tables(text) == text, "run python tools/flag_tables.py"


def test_every_command_has_a_flag_table() -> None:
    require("tools/flag_tables.py")
    tables = load("tools/flag_tables.py")
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    described = set(re.findall(r"<!-- flags: ([a-z ]+) -->", page))
    listed = set(re.findall(r"• (\w+)", tables.read_help("")))
    assert listed
    assert {command.split()[0] for command in described} == listed
    trained = {row.name.split()[0] for row in tables.read_flags("train")}
    assert trained == {flag(f.name) for f in fields(TrainConfig)}


def test_readme_names_the_versions_of_both_lines() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    install = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert supported == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in readme
    require("constraints-current.txt")
    for name in ("constraints.txt", "constraints-current.txt"):
        text = (ROOT / name).read_text().replace("-", "_")
        pins = dict(re.findall(r"^([\w-]+)==(\d+\.\d+)", text, re.MULTILINE))
        for package in ("stable_baselines3", "gymnasium"):
            assert pins[package] in readme, (name, package)
            assert pins[package] in install, (name, package)


def require(path: str) -> None:
    """Skips where a file of the repository is not there, as in the Docker image."""
    if not (ROOT / path).exists():
        pytest.skip(f"there is no {path} here")


def load(path: str) -> ModuleType:
    """Loads a script as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
