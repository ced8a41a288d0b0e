"""The progress bar of commands that do one thing many times."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(unit: str, description: str) -> Iterator[Any]:
    """A progress bar on a terminal, otherwise nothing.

    Args:
        unit: What is counted.
        description: What is done.

    Yields:
        What to call with how many are done, and of how many; figures that go along with it by
        keyword.
    """
    from tqdm import tqdm

    disabled = not sys.stderr.isatty()
    with tqdm(desc=description, unit=unit, disable=disabled, leave=False) as bar:

        def report(done: int, total: int, **figures: str) -> None:
            bar.total = total
            if figures:
                bar.set_postfix(figures, refresh=False)
            bar.update(done - bar.n)

        yield report
