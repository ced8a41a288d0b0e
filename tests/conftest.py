"""What every test shares: rendering and threads set before MuJoCo and torch load, and the clips."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

if sys.platform == "linux" and "DISPLAY" not in os.environ:
    os.environ.setdefault("MUJOCO_GL", "egl")
# Read when torch loads: the processes of pytest-xdist share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Physics and the first import of torch make the time of an example uneven.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

ROOT = Path(__file__).resolve().parents[1]

# Jobs refine the built-in clips: once for all of them, and not in the user's own cache.
os.environ.setdefault("SB3_MIMIC_CACHE", str(ROOT / ".pytest_cache" / "sb3-mimic"))


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Processes that tests start can be interrupted, even where the tests run in the background.

    A shell makes its background jobs ignore SIGINT, and their children inherit that.
    """
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def motions_dir() -> Path:
    """The folder of real clips, one sub-folder a source (deepmimic, cmu-bvh, cmu-asfamc)."""
    folder = Path(os.environ.get("SB3_MIMIC_MOTIONS", ROOT.parent / "shared" / "motions"))
    if not folder.is_dir():
        pytest.skip(f"REAL CLIPS NOT TESTED: no folder {folder}; set SB3_MIMIC_MOTIONS")
    return folder


@pytest.fixture
def sb3_mimic() -> Callable[..., str]:
    """Runs the command in a ``folder`` as a user does, without pictures: its standard output."""

    def run(*arguments: str, folder: Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sb3_mimic", *arguments],
            cwd=folder,
            env={**os.environ, "MUJOCO_GL": "disable"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """A headless Chromium: the system's, or the one that Playwright installed."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        pytest.skip("NOT TESTED IN A BROWSER: no playwright; pip install playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    system = next((path for path in map(shutil.which, names) if path), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=system,
                # WebGL in software, for machines without a GPU; the sandbox needs rights that
                # containers do not give, and the pages are the tests' own.
                args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
            )
        except Error as error:
            pytest.skip(
                "NOT TESTED IN A BROWSER: no Chromium; apt-get install chromium, or playwright "
                f"install chromium ({str(error).splitlines()[0]})"
            )
        yield browser
        browser.close()
