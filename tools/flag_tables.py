"""Writes the tables of command-line flags in README.md and docs/ from the commands' own ``--help``.

    python tools/flag_tables.py            rewrites the tables
    python tools/flag_tables.py --check    fails if one is out of date

A table stands between ``<!-- flags: train -->`` and ``<!-- end of flags -->``.
"""

import argparse
import contextlib
import io
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_TABLE = re.compile(r"(<!-- flags: ([a-z ]+) -->\n).*?(<!-- end of flags -->)", re.DOTALL)
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
# A flag or a positional argument with its placeholder; two spaces at least lie before the help.
_NAME = re.compile(r"(--?\w\S*(?: [^a-z ][^ ]*)*|\[?[A-Z]+\]?(?: …)?)(?:\s{2,}|$)")
# What tyro appends to the help of a flag.
_HINT = re.compile(r"\s*\((default: (?P<default>[^()]*)|optional|required)\)$")


@dataclass(frozen=True)
class Flag:
    """A flag as ``--help`` prints it.

    Attributes:
        name: Name and placeholder, as ``--motion NAME|PATH``.
        help: What it does.
        default: What it is without the flag; empty where it may be left out or must be given.
    """

    name: str
    help: str
    default: str


def read_flags(command: str) -> list[Flag]:
    """The flags of a command, all but ``--help``.

    Args:
        command: The subcommand, as "train" or "motions info".
    """
    flags: list[list[str]] = []
    for line in read_help(command).splitlines():
        indent, text = re.fullmatch(r"│?( *)(.*?)[ │]*", line).groups()  # type: ignore[union-attr]
        start = _NAME.match(text) if len(indent) <= 2 else None
        if start is not None:
            flags.append([start[1], text[start.end() :]])
        elif flags and len(indent) > 2:
            flags[-1][1] = f"{flags[-1][1]} {text}".strip()
    found = []
    for name, text in flags:
        hint = _HINT.search(text)
        default = (hint["default"] if hint else None) or ""
        if not name.startswith("-h"):
            found.append(Flag(name, _HINT.sub("", text), default))
    return found


def flag_table(command: str) -> str:
    """The flags of a command as a Markdown table."""
    lines = ["| flag | what it does | default |", "|---|---|---|"]
    for flag in read_flags(command):
        name, default = (text.replace("|", r"\|") for text in (flag.name, flag.default))
        shown = "" if default in ("", "False") else f"`{default}`"
        lines.append(f"| `{name}` | {_escape(flag.help)} | {shown} |")
    return "\n".join(lines) + "\n"


def fill_tables(text: str) -> str:
    """A page with its tables as they should be."""
    return _TABLE.sub(lambda match: match[1] + flag_table(match[2]) + match[3], text)


def pages() -> list[Path]:
    """The pages that have tables."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if _TABLE.search(page.read_text(encoding="utf-8"))]


def read_help(command: str) -> str:
    """The text of ``--help``, in lines so long that no sentence is broken."""
    from sb3_mimic.cli.parser import parse

    printed = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "1000"
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            parse([*command.split(), "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return _COLORS.sub("", printed.getvalue())


def main() -> int:
    """Rewrites the pages, or checks them; 1 if a checked table is out of date."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if a table is out of date")
    check = parser.parse_args().check
    stale = []
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = fill_tables(old)
        if new != old:
            stale.append(page)
            if not check:
                page.write_text(new, encoding="utf-8")
    for page in stale:
        print(page.relative_to(ROOT))
    return int(check and bool(stale))


def _escape(text: str) -> str:
    """Text for a cell of a Markdown table, the flags in it as code."""
    text = re.sub(r"([|<>*_])", r"\\\1", text)
    return re.sub(r"(--\w[\w-]*\w)", r"`\1`", text)


if __name__ == "__main__":
    sys.exit(main())
