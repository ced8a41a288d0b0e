"""Is this machine fit to train and to draw? What is wrong, and what to do about it.

Light to import: what may crash is tried in other processes.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sb3_mimic.doctor.finding import Finding
from sb3_mimic.doctor.graphics import check_graphics
from sb3_mimic.doctor.machine import check_threads, check_writing, usable_cores
from sb3_mimic.doctor.packages import check_torch, check_versions
from sb3_mimic.doctor.smoke import check_smoke


def examine(output_dir: Path, *, smoke: bool = True) -> Iterator[Finding]:
    """Looks at everything, one after the other.

    Args:
        output_dir: Where runs are to be written.
        smoke: Whether a small job is run at the end, which takes most of the time.

    Yields:
        What was found, as it is found.
    """
    cores = usable_cores()
    checks: Sequence[Callable[[], Sequence[Finding]]] = (
        check_versions,
        lambda: check_torch(cores),
        lambda: [check_threads(cores)],
        check_graphics,
        lambda: check_writing(output_dir),
        *((check_smoke,) if smoke else ()),
    )
    for check in checks:
        yield from check()
