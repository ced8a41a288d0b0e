"""The scripts of bench/ and tools/: all start, the flags they name exist, results are kept."""

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sb3_mimic.training.run import RunFolder

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("bench", "tools")
    for path in (ROOT / folder).glob("*.py")
)
if not any(script.startswith("bench/") for script in SCRIPTS):
    pytest.skip("there is no bench/ here, as in the Docker image", allow_module_level=True)

# Starts all scripts in one process, so that torch is imported once.
START_ALL = """
import contextlib, io, json, runpy, sys
found = {}
for script in sys.argv[1:]:
    folder = script.rpartition("/")[0]
    sys.path.insert(0, folder)
    sys.argv = [script, "--help"]
    printed, error = io.StringIO(), ""
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as end:
            error = str(end.code or "")
        except BaseException as exception:
            error = repr(exception)
    sys.path.remove(folder)
    found[script] = {"help": printed.getvalue(), "error": error}
print(json.dumps(found))
"""
# A whole flag: `--part` is no part of `--parts`.
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# A command of the package in a docstring, as ``sb3-mimic train --env g1``.
COMMAND = re.compile(r"``sb3-mimic\s+(\w+)([^`]*)``")


@pytest.fixture(scope="module")
def started() -> dict[str, dict[str, str]]:
    """The help of each script, empty for one that is a module of others, and its error."""
    done = subprocess.run(
        [sys.executable, "-c", START_ALL, *SCRIPTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def package_flags() -> Callable[[str], set[str]]:
    """The flags of a command of ``sb3-mimic``."""
    found: dict[str, set[str]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tools")
        tables = importlib.import_module("flag_tables")

    def flags(command: str) -> set[str]:
        if command not in found:
            found[command] = set(FLAG.findall(tables.read_help(command)))
        return found[command]

    return flags


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a module of bench/ by its name, as the scripts do."""
    monkeypatch.syspath_prepend(ROOT / "bench")
    return importlib.import_module


def parse(script: str) -> ast.Module:
    """The code of a script."""
    return ast.parse((ROOT / script).read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> set[str]:
    """All strings in code."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def own_flags(script: str) -> set[str]:
    """The flags that a script defines, those without help among them."""
    defined = set().union(*map(strings, definitions(parse(script))))
    return {text for text in defined if FLAG.fullmatch(text)}


def definitions(tree: ast.AST) -> list[ast.Call]:
    """The calls that define flags."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_argument"
    ]


def usage(script: str) -> str:
    """The commands in a script's docstring: indented lines, the first of which names the script."""
    text = ast.get_docstring(parse(script)) or ""
    blocks = re.findall(r"^ {4}python .*(?:\n {4}.*)*", text, re.MULTILINE)
    return "\n".join(blocks)


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_starts_and_names_flags_that_exist(
    script: str, started: dict[str, dict[str, str]]
) -> None:
    assert started[script]["error"] == ""
    printed = started[script]["help"]
    is_program = "__main__" in strings(parse(script))
    assert bool(printed) == is_program
    if is_program:
        assert f"python {script}" in usage(script)
    assert set(FLAG.findall(usage(script))) <= set(FLAG.findall(printed))


def test_docstrings_name_flags_of_commands_that_exist(
    package_flags: Callable[[str], set[str]],
) -> None:
    found = [
        (script, command, set(FLAG.findall(rest)))
        for script in SCRIPTS
        for command, rest in COMMAND.findall(ast.get_docstring(parse(script)) or "")
    ]
    assert {command for _, command, _ in found} >= {"train", "evaluate", "dagger"}
    for script, command, flags in found:
        assert flags <= package_flags(command), script


def test_flags_that_benchmarks_give_to_commands_exist(
    package_flags: Callable[[str], set[str]],
) -> None:
    known = set().union(*map(package_flags, ("train", "evaluate", "dagger", "adversarial")))
    passed: set[str] = set()
    for script in SCRIPTS:
        tree = parse(script)
        defining = {id(node) for call in definitions(tree) for node in ast.walk(call)}
        flags = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and id(node) not in defining
            if isinstance(node.value, str) and FLAG.fullmatch(node.value)
        }
        # A script that starts itself passes its own.
        assert flags <= known | own_flags(script) | {"--help"}, script
        passed |= flags
    assert {"--motion", "--algo", "--resume"} <= passed


def test_rows_replace_those_of_the_same_identity(
    tmp_path: Path, load: Callable[[str], ModuleType]
) -> None:
    rows = load("rows").Rows(tmp_path / "rows.json", ("skill", "seed"))
    assert rows.read() == []
    first, second = {"skill": "walk", "seed": 0, "x": 1}, {"skill": "run", "seed": 0, "x": 2}
    rows.put(first)
    assert rows.put(second) == [first, second]
    assert rows.put({**first, "x": 3}) == [{**first, "x": 3}, second]
    assert rows.read() == [{**first, "x": 3}, second]
    assert rows.has({"skill": "run"})
    assert not rows.has({"skill": "run", "x": 1})


def test_a_table_is_put_between_its_markers_alone(
    tmp_path: Path, load: Callable[[str], ModuleType]
) -> None:
    page = tmp_path / "page.md"
    text = "a\n<!-- results: {} -->\nold\n<!-- end of results -->\n"
    page.write_text(text.format("one") + text.format("two"))
    load("rows").fill_table(page, "two", "new\n")
    assert page.read_text() == text.format("one") + text.format("two").replace("old", "new")
    with pytest.raises(SystemExit, match="three"):
        load("rows").fill_table(page, "three", "new\n")


def test_spread_is_mean_and_standard_deviation(load: Callable[[str], ModuleType]) -> None:
    assert load("rows").format_spread([1.0, 3.0], 2) == "2.00 ± 1.41"
    assert load("rows").format_spread([2.0], 1) == "2.0"


def test_learning_curve_begins_with_the_clone(
    tmp_path: Path, load: Callable[[str], ModuleType]
) -> None:
    rows = load("rows")
    run = RunFolder(tmp_path)
    assert rows.curve(run) == {}
    run.evaluations.parent.mkdir(parents=True, exist_ok=True)
    np.savez(run.evaluations, timesteps=[1_000_000], results=[[30.0, 50.0]])
    row = {"curve": rows.curve(run)}
    millions, returns = rows.learning_curve(row, 100.0)
    assert (millions.tolist(), returns.tolist()) == ([1.0], [0.4])
    row["clone"] = {"mean_reward": 10.0}
    millions, returns = rows.learning_curve(row, 100.0)
    assert (millions.tolist(), returns.tolist()) == ([0.0, 1.0], [0.1, 0.4])


def test_ratios_are_taken_within_a_repeat(load: Callable[[str], ModuleType]) -> None:
    timing = load("timing")
    # The machine is three times as slow in the last repeat: ratios do not notice.
    assert timing.ratio([2.0, 2.0, 6.0], [1.0, 1.0, 3.0]) == 2.0
    assert timing.difference([2.0, 3.0, 5.0], [1.0, 1.0, 3.0]) == 2.0
    cases: list[str] = []
    seconds = timing.interleaved(
        {name: lambda name=name: cases.append(name) for name in "ab"}, repeats=2
    )
    assert cases == ["a", "b"] * 3  # the first round warms up
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}
    assert timing.markdown({"a": "A"}, [{"a": 0.12345}, {}]) == "| A |\n|---|\n| 0.123 |\n|  |\n"


def test_guard_tells_what_has_become_slower(load: Callable[[str], ModuleType]) -> None:
    ratio = load("guard").Ratio("start", recorded=1.5, now=2.9)
    assert not ratio.exceeds(2.0)
    assert ratio.exceeds(1.9)
    assert str(ratio) == "start: 2.90, recorded 1.50"


def test_guarded_ratios_are_recorded(load: Callable[[str], ModuleType]) -> None:
    guard = load("guard")
    recorded = guard.recorded_ratios()
    assert set(recorded) == {guard.START, *map(guard.title, guard.ENVIRONMENTS)}
    assert all(value > 0 for value in recorded.values())
