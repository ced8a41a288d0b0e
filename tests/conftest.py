"""What every test shares: rendering and threads set before MuJoCo and torch load, and the clips."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from sb3_mimic.envs.tracking import TrackingSpec
    from sb3_mimic.motion import MotionClip

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

# Models of robots that the package does not bring: a checkout of MuJoCo Menagerie, or a part of it.
_ROBOTS = Path(os.environ.get("SB3_MIMIC_ROBOTS", ROOT.parent / "shared" / "robots"))
if _ROBOTS.is_dir():
    os.environ.setdefault("MENAGERIE_ROOT", str(_ROBOTS))


_LEG = """
<body name="{side}_thigh" pos="0 {y} 0">
  <joint name="{side}_hip_x" axis="1 0 0" range="-1 1"/>
  <joint name="{side}_hip_y" axis="0 1 0" range="-2 2"/>
  <joint name="{side}_hip_z" axis="0 0 1" range="-1 1"/>
  <geom type="capsule" size=".05" fromto="0 0 -.05 0 0 -.3" density="1000"/>
  <body name="{side}_shin" pos="0 0 -.35">
    <joint name="{side}_knee" axis="0 1 0" range="0 2"/>
    <geom type="capsule" size=".04" fromto="0 0 -.05 0 0 -.3" density="1000"/>
    <body name="{side}_foot" pos="0 0 -.35">
      <joint name="{side}_ankle" axis="0 1 0" range="-1 1"/>
      <geom type="box" size=".1 .06 .02" pos=".03 0 -.03" density="1000"/>
    </body>
  </body>
</body>
"""

_BIPED = f"""
<mujoco model="biped">
  <compiler angle="radian" autolimits="true"/>
  <default><joint armature=".01"/></default>
  <worldbody>
    <body name="pelvis" pos="0 0 .75">
      <freejoint/>
      <geom type="box" size=".08 .15 .1" density="1000"/>
      {_LEG.format(side="left", y=0.1)}
      {_LEG.format(side="right", y=-0.1)}
    </body>
  </worldbody>
</mujoco>
"""

_HINGES = tuple(
    f"{side}_{hinge}"
    for side in ("left", "right")
    for hinge in ("hip_x", "hip_y", "hip_z", "knee", "ankle")
)


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


@pytest.fixture(scope="session")
def robots_dir() -> Path:
    """The folder of robots that are not in the package, as MuJoCo Menagerie has them."""
    if not _ROBOTS.is_dir():
        pytest.skip(f"OTHER ROBOTS NOT TESTED: no folder {_ROBOTS}; set SB3_MIMIC_ROBOTS")
    return _ROBOTS


@pytest.fixture(scope="session")
def biped_spec(tmp_path_factory: pytest.TempPathFactory) -> "TrackingSpec":
    """Two legs under a box, hips that are ball joints: a robot that is not in the package."""
    from sb3_mimic.envs.core.motors import Motor
    from sb3_mimic.envs.tracking import TrackingSpec
    from sb3_mimic.motion.skeletons import Joint

    file = tmp_path_factory.mktemp("biped") / "biped.xml"
    file.write_text(_BIPED, encoding="utf-8")
    return TrackingSpec(
        name="biped",
        mjcf=file,
        feet=("left_foot", "right_foot"),
        end_effectors=("left_foot", "right_foot"),
        joints=tuple(
            Joint(name=f"{side}_hip", parent="pelvis", offset=(0.0, 0.0, 0.0), axes="xyz")
            for side in ("left", "right")
        ),
        motors={".*": Motor(kp=200, kd=15, torque_limit=100)},
        timestep=1 / 240,
    )


@pytest.fixture(scope="session")
def knee_bend() -> "MotionClip":
    """The biped bends its knees by half a radian within half a second; both soles stay down."""
    from sb3_mimic.motion import MotionClip

    n_frames, fps = 16, 30.0
    bend = 0.5 * np.sin(np.pi * np.arange(n_frames) / (n_frames - 1)) ** 2
    angles = np.zeros((n_frames, len(_HINGES)))
    for side in ("left", "right"):
        for hinge, share in (("hip_y", -0.5), ("knee", 1.0), ("ankle", -0.5)):
            angles[:, _HINGES.index(f"{side}_{hinge}")] = share * bend
    position = np.zeros((n_frames, 3))
    position[:, 2] = 0.05 + 0.7 * np.cos(bend / 2)
    return MotionClip(
        fps=fps,
        root_position=position,
        root_quaternion=np.tile([1.0, 0.0, 0.0, 0.0], (n_frames, 1)),
        joint_angles=angles,
        joint_names=_HINGES,
        loop=False,
        name="knee_bend",
        source="",
    )


@pytest.fixture(scope="session")
def step_clip() -> "MotionClip":
    """The first half second of walk."""
    from sb3_mimic.motion import load_motion

    walk = load_motion("walk")
    some = slice(0, round(0.5 * walk.fps) + 1)
    return replace(
        walk,
        root_position=walk.root_position[some],
        root_quaternion=walk.root_quaternion[some],
        joint_angles=walk.joint_angles[some],
        loop=False,
    )


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
