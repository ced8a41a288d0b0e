"""The progress bar of commands that do one thing many times."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Seconds between two lines where there is no terminal.
_LINE_INTERVAL = 60.0


@contextmanager
def progress_bar(unit: str, description: str) -> Iterator[Any]:
    """A progress bar on a terminal, otherwise a line a minute on stderr.

    Args:
        unit: Unit of the count.
        description: Name of the activity.

    Yields:
        A function of the number done and the total; figures to show beside them go by keyword.
    """
    from tqdm import tqdm

    disabled = not sys.stderr.isatty()
    last_line = time.monotonic()
    with tqdm(desc=description, unit=unit, disable=disabled, leave=False) as bar:

        def progress(done: int, total: int, **figures: str) -> None:
            nonlocal last_line
            if disabled and time.monotonic() - last_line >= _LINE_INTERVAL:
                last_line = time.monotonic()
                more = "".join(f", {name} {figure}" for name, figure in figures.items())
                print(f"{description}: {unit} {done:,} of {total:,}{more}", file=sys.stderr)
            bar.total = total
            if figures:
                bar.set_postfix(figures, refresh=False)
            bar.update(done - bar.n)

        yield progress
