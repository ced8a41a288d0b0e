"""Cores, and places to write."""

import os
import shutil
import tempfile
from pathlib import Path

from sb3_mimic.cache import cache_folder
from sb3_mimic.doctor.finding import Finding

# Below this a long run with its checkpoints, videos and logs may not fit [bytes].
_LITTLE_SPACE = 1e9


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


def check_threads(cores: int) -> Finding:
    """Are there cores enough for physics?"""
    total = os.cpu_count() or cores
    shown = f"{cores} of {total} cores can be used" if cores < total else f"{cores} cores"
    if cores >= 2:
        return Finding("threads", "ok", shown)
    return Finding(
        "threads",
        "warning",
        f"{shown}: too few threads, physics is computed on all there are",
        "give the process or the container more cores (taskset, docker --cpus), or expect half the "
        "speed of the figures",
    )


def check_writing(output_dir: Path) -> list[Finding]:
    """Can runs, refined actions and temporary files be written?"""
    return [
        _writable("outputs", output_dir, "another folder by --output-dir"),
        _writable("cache", cache_folder(), "another folder by SB3_MIMIC_CACHE"),
        _writable("temporary files", _temporary(), "another folder by TMPDIR"),
    ]


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none that can be written to
        return Path(os.environ.get("TMPDIR", "/tmp"))


def _writable(name: str, folder: Path, other: str) -> Finding:
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"x")
    except OSError as error:
        return Finding(
            name,
            "error",
            f"{folder} cannot be written to ({error.strerror})",
            f"{other}, or the right to write (a folder made by Docker belongs to root: chown)",
        )
    free = shutil.disk_usage(existing).free
    shown = f"{folder} can be written to, {free / 1e9:.1f} GB free"
    if free < _LITTLE_SPACE:
        return Finding(name, "warning", shown, f"make room, or {other}")
    return Finding(name, "ok", shown)
