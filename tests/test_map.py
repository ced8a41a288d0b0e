"""docs/map.md names files that are there, and what can be found in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| (.+) \|$", re.MULTILINE)
ROWS = _ROW.findall((ROOT / "docs" / "map.md").read_text(encoding="utf-8"))


def test_the_map_covers_ten_tasks_at_least() -> None:
    assert len(ROWS) >= 10
    assert len({task for task, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("task", "file", "names"), ROWS)
def test_the_file_is_there_and_has_what_is_looked_for(task: str, file: str, names: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    wanted = re.findall(r"`([^`]+)`", names)
    assert wanted, task
    for name in wanted:
        assert name in text, f"{task}: {file} has no {name!r}"
