"""The doctor names what is wrong, provoked in a process of its own, and says what to do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sb3_mimic.cli import main
from sb3_mimic.doctor import machine, packages
from sb3_mimic.doctor.check import Check, ProbeError, probe

ROOT = Path(__file__).resolve().parents[2]

Findings = dict[str, dict[str, str]]


def doctor(
    tmp_path: Path, *arguments: str, stub: dict[str, str] | None = None, **variables: str | None
) -> tuple[int, Findings]:
    """Runs ``sb3-mimic doctor`` with modules in the place of others; gives status and findings."""
    folder = tmp_path / "stubs"
    folder.mkdir()
    for name, text in (stub or {}).items():
        (folder / name).write_text(text)
    environment = {**os.environ, "SB3_MIMIC_CACHE": str(tmp_path / "cache"), **variables}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    done = subprocess.run(
        [sys.executable, "-m", "sb3_mimic", "doctor", "--json", *arguments],
        cwd=tmp_path,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    findings = json.loads(done.stdout)
    assert done.returncode == any(f["status"] == "error" for f in findings)
    return done.returncode, {f["name"]: f for f in findings}


@pytest.mark.slow
def test_a_sound_machine_is_sound(tmp_path: Path) -> None:
    status, found = doctor(tmp_path)
    assert status == 0, [f for f in found.values() if f["status"] == "error"]
    assert found["dependency line"]["status"] == "ok"
    speeds = re.findall(r"(humanoid|pidog) (\d+)", found["physics"]["found"])
    assert {name for name, speed in speeds if int(speed) > 50} == {"humanoid", "pidog"}
    assert "1024 environment steps of PPO" in found["learning"]["found"]


NO_LIBRARIES = """
import ctypes
_open = ctypes.CDLL.__init__
def _refuse(self, name=None, *arguments, **options):
    if name is not None and any(part in str(name) for part in ("EGL", "OSMesa", "libGL", "glfw")):
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")
    _open(self, name, *arguments, **options)
ctypes.CDLL.__init__ = _refuse
"""

BROKEN_TORCH = """
raise ImportError("libcudart.so.12: cannot open shared object file: No such file or directory")
"""

FOREIGN_TORCH = """
__version__ = "2.13.0+cu130"
class version:
    cuda = "13.0"
class cuda:
    is_available = staticmethod(lambda: False)
class _Matrix:
    __matmul__ = lambda self, other: self
    sum = lambda self: 512.0
ones = lambda *shape: _Matrix()
get_num_threads = lambda: 64
"""


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Findings]:
    """A machine with everything wrong at once: one run names all of it."""
    return doctor(
        tmp_path_factory.mktemp("sick"),
        "--no-smoke",
        "--output-dir",
        "/proc/outputs",
        stub={"sitecustomize.py": NO_LIBRARIES, "torch.py": BROKEN_TORCH},
        MUJOCO_GL="egl",
        DISPLAY=None,
        WAYLAND_DISPLAY=None,
        SB3_MIMIC_CACHE="/proc/cache",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="provoked the Linux way")
@pytest.mark.parametrize(
    ("name", "status", "says", "advice"),
    [
        ("OpenGL", "error", "no OpenGL library can draw", "apt-get install libegl1"),
        ("MUJOCO_GL", "error", "egl:", "unset it"),
        ("display", "warning", "there is none", "sb3-mimic play writes a video"),
        ("torch", "error", "libcudart.so.12: cannot open", "download.pytorch.org/whl/cpu"),
        ("outputs", "error", "/proc/outputs cannot be written to", "--output-dir"),
        ("cache", "error", "/proc/cache cannot be written to", "SB3_MIMIC_CACHE"),
    ],
)
def test_names_what_is_wrong(
    sick: tuple[int, Findings], name: str, status: str, says: str, advice: str
) -> None:
    exit_status, found = sick
    assert exit_status == 1
    assert found[name]["status"] == status
    assert says in found[name]["found"]
    assert advice in found[name]["advice"]


def test_names_a_build_of_torch_for_another_machine(tmp_path: Path) -> None:
    if packages.has_nvidia():
        pytest.skip("this machine has the GPU")
    _, found = doctor(tmp_path, "--no-smoke", stub={"torch.py": FOREIGN_TORCH}, MUJOCO_GL=None)
    assert found["torch"]["status"] == "warning"
    assert "CUDA 13.0 build, and no NVIDIA GPU" in found["torch"]["found"]
    assert "whl/cpu" in found["torch"]["advice"]
    assert found["torch threads"]["status"] == "warning"
    assert "OMP_NUM_THREADS=1" in found["torch threads"]["advice"]
    # Without MUJOCO_GL it says what is taken.
    assert found["MUJOCO_GL"]["found"].startswith("not set: ")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_names_too_few_threads() -> None:
    code = (
        "import json, os\n"
        "os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
        "from sb3_mimic.doctor.machine import check_threads, usable_cores\n"
        "print(json.dumps(vars(check_threads(usable_cores()))))\n"
    )
    found = probe(code)
    assert found["status"] == "warning"
    assert "too few threads" in found["found"]
    assert "--cpus" in found["advice"]
    assert machine.check_threads(2).status == "ok"


def test_names_missing_and_wrong_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["numpy>=999", "no-such-package>=1", "onnx>=999; extra == 'export'", "scipy>=1.0"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: needs)
    found = {finding.name: finding for finding in packages.check_versions()}["packages"]
    assert found.status == "error"
    assert "numpy" in found.found
    assert ">=999" in found.found
    assert "no-such-package is missing" in found.found
    assert "onnx" not in found.found
    assert "scipy" not in found.found


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-current.txt"])
def test_tested_lines_are_those_of_the_constraints(file: str) -> None:
    path = ROOT / file
    if not path.exists():
        pytest.skip(f"there is no {file} here")
    pins = {
        name.replace("_", "-"): version
        for name, version in re.findall(r"^([\w-]+)==(\d+\.\d+)", path.read_text(), re.MULTILINE)
    }
    line = {name: pins[name] for name in ("stable-baselines3", "sb3-contrib", "gymnasium")}
    assert line in packages.TESTED.values()


def test_names_an_untested_line() -> None:
    have = {"stable-baselines3": "2.2.1", "sb3-contrib": "2.2.1", "gymnasium": "1.4.0"}
    found = packages._check_line(have)
    assert found.status == "warning"
    assert "gymnasium 1.4.0" in found.found
    assert "gymnasium 0.29" in found.advice
    assert packages._check_line({**have, "gymnasium": "0.29.1"}).status == "ok"


@pytest.mark.parametrize(
    ("torch", "driver", "status"),
    [
        ({"built": None, "cuda": False}, False, "ok"),
        ({"built": "13.0", "cuda": True}, True, "ok"),
        ({"built": "13.0", "cuda": False}, True, "error"),
        ({"built": "13.0", "cuda": False}, False, "warning"),
        ({"built": None, "cuda": False}, True, "warning"),
    ],
)
def test_builds_of_torch(torch: dict[str, Any], driver: bool, status: str) -> None:
    assert packages._torch_build("2.13", torch, driver).status == status


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise OSError('no such library')", "OSError: no such library"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    ],
)
def test_what_breaks_in_a_probe_is_told(code: str, says: str) -> None:
    with pytest.raises(ProbeError, match=says):
        probe(code)


def test_what_hangs_in_a_probe_is_given_up() -> None:
    with pytest.raises(ProbeError, match="no answer within 1 s"):
        probe("import time; time.sleep(60)", timeout=1.0)


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    for finding in machine.check_writing(tmp_path / "not" / "yet"):
        assert finding.status in ("ok", "warning")
    assert list(tmp_path.iterdir()) == []


def test_lines_for_people_name_advice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [
        Check("threads", "ok", "8 cores"),
        Check("display", "warning", "none", "write a video"),
    ]
    monkeypatch.setattr("sb3_mimic.doctor.examine", lambda *_, **__: iter(findings))
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == ["ok    threads: 8 cores", "warn  display: none", "      → write a video"]
    findings.append(Check("outputs", "error", "full", "make room"))
    assert main(["doctor"]) == 1
