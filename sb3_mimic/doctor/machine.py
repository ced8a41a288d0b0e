"""Checks of cores and of folders to write to."""

import os
import shutil
import tempfile
from pathlib import Path

from sb3_mimic.cache import cache_folder
from sb3_mimic.doctor.check import Check

# Below this a long run with its checkpoints, videos and logs may not fit [bytes].
_MIN_SPACE = 1e9


def usable_cores() -> int:
    """Cores that this process may use: of its affinity, and of its container's share."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return cores


def check_threads(cores: int) -> Check:
    """Checks whether there are enough cores for physics."""
    total = os.cpu_count() or cores
    shown = f"{cores} of {total} cores can be used" if cores < total else f"{cores} cores"
    if cores >= 2:
        return Check("threads", "ok", shown)
    return Check(
        "threads",
        "warning",
        f"{shown}: too few threads, physics is computed on all there are",
        "give the process or the container more cores (taskset, docker --cpus), or expect half the "
        "speed of the figures",
    )


def check_writing(output_dir: Path) -> list[Check]:
    """Checks whether runs, refined actions and temporary files can be written."""
    return [
        _check_folder("outputs", output_dir, "another folder by --output-dir"),
        _check_folder("cache", cache_folder(), "another folder by SB3_MIMIC_CACHE"),
        _check_folder("temporary files", _temporary_folder(), "another folder by TMPDIR"),
    ]


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none that can be written to
        return Path(os.environ.get("TMPDIR", "/tmp"))


def _check_folder(name: str, folder: Path, other: str) -> Check:
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x")
    except OSError as error:
        return Check(
            name,
            "error",
            f"{folder} cannot be written to ({error.strerror})",
            f"{other}, or the right to write (a folder made by Docker belongs to root: chown)",
        )
    free = shutil.disk_usage(existing).free
    shown = f"{folder} can be written to, {free / 1e9:.1f} GB free"
    if free < _MIN_SPACE:
        return Check(name, "warning", shown, f"make room, or {other}")
    return Check(name, "ok", shown)
