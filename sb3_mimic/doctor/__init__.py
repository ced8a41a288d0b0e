"""Checks whether this machine can train and draw, and says what to do where it cannot.

Light to import: code that may crash runs in other processes.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sb3_mimic.doctor.check import Check
from sb3_mimic.doctor.graphics import check_graphics
from sb3_mimic.doctor.machine import check_threads, check_writing, usable_cores
from sb3_mimic.doctor.packages import check_torch, check_versions
from sb3_mimic.doctor.smoke import check_smoke


def examine(output_dir: Path, *, smoke: bool = True) -> Iterator[Check]:
    """Checks everything, one after the other.

    Args:
        output_dir: Folder of the runs.
        smoke: Whether a small job is run at the end, which takes most of the time.

    Yields:
        The checks, each when it is done.
    """
    cores = usable_cores()
    checks: Sequence[Callable[[], Sequence[Check]]] = (
        check_versions,
        lambda: check_torch(cores),
        lambda: [check_threads(cores)],
        check_graphics,
        lambda: check_writing(output_dir),
        *((check_smoke,) if smoke else ()),
    )
    for check in checks:
        yield from check()
