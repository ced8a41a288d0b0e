"""Checks of the installed packages and of the build of torch."""

import importlib.metadata
import platform
import shutil
from pathlib import Path

from packaging.requirements import Requirement

from sb3_mimic.doctor.check import Check, ProbeError, probe
from sb3_mimic.versions import versions

TESTED = {
    "the resolver's": {"stable-baselines3": "2.2", "sb3-contrib": "2.2", "gymnasium": "0.29"},
    "the current": {"stable-baselines3": "2.9", "sb3-contrib": "2.9", "gymnasium": "1.4"},
}
"""The two lines of dependencies that the tests run on: release of each package that differs."""

_INSTALL = "see Install in the README"

_TORCH = """
import json, torch
x = torch.ones(8, 8) @ torch.ones(8, 8)
print(json.dumps({
    "version": torch.__version__,
    "built": torch.version.cuda,
    "cuda": torch.cuda.is_available(),
    "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    "threads": torch.get_num_threads(),
    "sum": float(x.sum()),
}))
"""


def check_versions() -> list[Check]:
    """Python and the dependencies against what this package asks for and what is tested."""
    found = versions()
    shown = ", ".join(f"{name} {found[name]}" for name in ("python", "sb3-mimic") if name in found)
    return [
        Check("python", "ok", f"{shown}, {platform.system()} {platform.machine()}"),
        _check_requirements(),
        _check_line(found),
    ]


def _check_requirements() -> Check:
    """Every dependency that the installed package declares, extras left out."""
    try:
        declared = importlib.metadata.requires("sb3-mimic") or []
    except importlib.metadata.PackageNotFoundError:
        return Check(
            "packages", "error", "sb3-mimic is not installed", "pip install -e . in the checkout"
        )
    needs = [Requirement(text) for text in declared]
    needs = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    wrong = []
    for need in needs:
        try:
            version = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{need.name} is missing")
            continue
        if not need.specifier.contains(version, prereleases=True):
            wrong.append(f"{need.name} {version} is not {need.specifier}")
    if wrong:
        return Check("packages", "error", "; ".join(wrong), f"install them: {_INSTALL}")
    return Check("packages", "ok", f"{len(needs)} requirements, all met")


def _check_line(found: dict[str, str]) -> Check:
    have = {name: found.get(name, "missing") for name in next(iter(TESTED.values()))}
    shown = ", ".join(f"{name} {version}" for name, version in have.items())
    for line, wanted in TESTED.items():
        if all(_release(have[name]) == release for name, release in wanted.items()):
            return Check("dependency line", "ok", f"{line} line: {shown}")
    lines = "; ".join(
        ", ".join(f"{name} {release}" for name, release in wanted.items())
        for wanted in TESTED.values()
    )
    return Check(
        "dependency line",
        "warning",
        f"{shown}: not one of the two lines that are tested",
        f"tested are {lines}; {_INSTALL}",
    )


def _release(version: str) -> str:
    return ".".join(version.split(".")[:2])


def check_torch(cores: int) -> list[Check]:
    """Checks that torch loads and computes, its build and its number of threads."""
    driver = has_nvidia()
    try:
        torch = probe(_TORCH)
    except ProbeError as error:
        return [
            Check(
                "torch",
                "error",
                f"cannot be used: {error}",
                "install the build for this machine: pip install --force-reinstall torch "
                "--index-url https://download.pytorch.org/whl/cpu",
            )
        ]
    build = f"CUDA {torch['built']}" if torch["built"] else "CPU"
    shown = f"{torch['version']}, {build} build"
    if torch["device"]:
        gpu = Check("gpu", "ok", f"{torch['device']}, in torch's reach (--device cuda)")
    elif driver:
        gpu = Check("gpu", "warning", "an NVIDIA GPU that torch does not reach", "see torch, above")
    else:
        gpu = Check("gpu", "ok", "none; these networks are small, --device cpu is the default")
    return [_torch_build(shown, torch, driver), gpu, _torch_threads(torch["threads"], cores)]


def _torch_build(shown: str, torch: dict[str, object], driver: bool) -> Check:
    if torch["built"] and not driver:
        return Check(
            "torch",
            "warning",
            f"{shown}, and no NVIDIA GPU: gigabytes for nothing",
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cpu",
        )
    if torch["built"] and not torch["cuda"]:
        return Check(
            "torch",
            "error",
            f"{shown}, but it cannot use the GPU here",
            "the driver may be older than the build: nvidia-smi tells which CUDA it knows; install "
            "the torch for that",
        )
    if driver and not torch["built"]:
        return Check(
            "torch",
            "warning",
            f"{shown} on a machine with an NVIDIA GPU: --device cuda cannot work",
            "only the camera gains by it; pip install --force-reinstall torch from PyPI",
        )
    return Check("torch", "ok", shown)


def _torch_threads(threads: int, cores: int) -> Check:
    shown = f"torch computes with {threads} on {cores} cores"
    if threads > cores:
        return Check(
            "torch threads",
            "warning",
            f"{shown}: they take turns",
            "OMP_NUM_THREADS=1, physics takes the cores",
        )
    return Check("torch threads", "ok", shown)


def has_nvidia() -> bool:
    """Whether there is an NVIDIA GPU with a driver."""
    if platform.system() == "Linux":
        return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()
    return shutil.which("nvidia-smi") is not None
