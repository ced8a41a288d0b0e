"""Laws of the house: who may name a robot, how large a module and a room may be."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for folder in ("envs", "sb3_mimic")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts and (ROOT / "sb3_mimic" / "envs") not in path.parents
)
ROBOTS = ("humanoid", "pidog", "g1")
_NAMED = re.compile(rf"(?<![a-z])({'|'.join(ROBOTS)})(?![a-z0-9])", re.IGNORECASE)

# Modules that may name robots, and why.
INDEXES = {
    "envs/__init__.py": "public names of the environments",
    "sb3_mimic/registration.py": "ids of the environments",
    "sb3_mimic/tasks/__init__.py": "imports the task entries",
    "sb3_mimic/tasks/task.py": "DEFAULT_TASK",
}
# Rooms of more than 15 modules, and why.
LARGE_ROOMS: dict[str, str] = {}
MOST_LINES = 400
MOST_MODULES = 15


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_a_robots_own(path: Path) -> bool:
    """Whether a module, or a folder it lies in, is called after a robot."""
    return any(part.removesuffix(".py") in ROBOTS for part in path.relative_to(ROOT).parts)


def test_there_are_sources() -> None:
    assert len(SOURCES) > 150
    assert {"envs/pidog/batch.py", "sb3_mimic/__init__.py"} <= set(map(name, SOURCES))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_robot_is_named_outside_its_room(path: Path) -> None:
    if is_a_robots_own(path) or name(path) in INDEXES:
        return
    lines = path.read_text(encoding="utf-8").split("\n")
    found = [
        f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if _NAMED.search(line)
    ]
    assert not found, f"{name(path)} names a robot:\n" + "\n".join(found)


def test_the_indexes_do_name_robots() -> None:
    for index in INDEXES:
        assert _NAMED.search((ROOT / index).read_text(encoding="utf-8")), index


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nobody_asks_for_the_class_of_a_robot(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            asked = ast.unparse(node.args[1])
            assert not re.search(r"Humanoid|PiDog|G1", asked), (
                f"{name(path)}:{node.lineno}: {asked}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_read_from_top_to_bottom(path: Path) -> None:
    n_lines = path.read_text(encoding="utf-8").count("\n")
    assert n_lines <= MOST_LINES, f"{name(path)} has {n_lines} lines"


def test_rooms_are_small() -> None:
    rooms: dict[str, int] = {}
    for path in SOURCES:
        rooms[name(path.parent)] = rooms.get(name(path.parent), 0) + 1
    large = {room: n for room, n in rooms.items() if n > MOST_MODULES and room not in LARGE_ROOMS}
    assert not large
