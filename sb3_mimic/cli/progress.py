"""The progress bar of commands that do one thing many times."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Seconds between two lines where there is no terminal.
_A_LINE_EVERY = 60.0


@contextmanager
def progress_bar(unit: str, description: str) -> Iterator[Any]:
    """A progress bar on a terminal, otherwise a line a minute on stderr.

    Args:
        unit: What is counted.
        description: What is done.

    Yields:
        What to call with how many are done, and of how many; figures that go along with it by
        keyword.
    """
    from tqdm import tqdm

    disabled = not sys.stderr.isatty()
    said = time.monotonic()
    with tqdm(desc=description, unit=unit, disable=disabled, leave=False) as bar:

        def report(done: int, total: int, **figures: str) -> None:
            nonlocal said
            if disabled and time.monotonic() - said >= _A_LINE_EVERY:
                said = time.monotonic()
                more = "".join(f", {name} {figure}" for name, figure in figures.items())
                print(f"{description}: {unit} {done:,} of {total:,}{more}", file=sys.stderr)
            bar.total = total
            if figures:
                bar.set_postfix(figures, refresh=False)
            bar.update(done - bar.n)

        yield report
