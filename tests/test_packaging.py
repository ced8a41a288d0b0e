"""The package as it is installed: nothing missing, no generic name, light to import."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.smoke

ROOT = Path(__file__).resolve().parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
# Top-level folder -> package it is installed as.
FOLDERS: dict[str, str] = {
    "sb3_mimic": "sb3_mimic",
    **{folder: name for name, folder in SETUPTOOLS["package-dir"].items()},
}
ASSET_SUFFIXES = {Path(glob).suffix for glob in SETUPTOOLS["package-data"]["sb3_mimic.assets"]}


def run_python(
    code: str, cwd: Path, python: str | Path = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Runs code in a new interpreter that sees the installed packages and ``cwd`` only."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [python, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def installed_paths(pattern: str) -> dict[str, Path]:
    """Files of the tree by the path they have when installed; links are not followed."""
    return {
        f"{name.replace('.', '/')}/{path.relative_to(ROOT / folder).as_posix()}": path
        for folder, name in FOLDERS.items()
        for path in (ROOT / folder).rglob(pattern)
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources: a left-over build folder must not fill it."""
    source = tmp_path_factory.mktemp("source")
    output = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, symlinks=True)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(output)]
    result = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = output.glob("sb3_mimic-*.whl")
    return path


def test_every_package_of_the_tree_is_listed() -> None:
    packages = {path.removesuffix("/__init__.py") for path in installed_paths("__init__.py")}
    assert {name.replace(".", "/") for name in SETUPTOOLS["packages"]} == packages


def test_links_for_type_checking_point_at_the_top_level() -> None:
    for folder, name in FOLDERS.items():
        assert (ROOT / name.replace(".", "/")).resolve() == ROOT / folder


def test_every_asset_has_a_suffix_that_is_packaged() -> None:
    assets = [path for path in installed_paths("*") if path.startswith("sb3_mimic/assets/")]
    assert "sb3_mimic/assets/humanoid.xml" in assets
    assert {Path(path).suffix for path in assets} <= {".py", *ASSET_SUFFIXES}


def test_wheel_holds_every_file_and_one_top_level_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert set(installed_paths("*")) <= held
    top = {name.split("/")[0] for name in held}
    assert {name for name in top if not name.endswith(".dist-info")} == {"sb3_mimic"}


def test_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, symlinks=sys.platform != "win32", with_pip=False)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True)
    # The dependencies are those of this environment. A .pth file in a folder that a .pth file names
    # is not read, so an editable install of the project here stays out of sight.
    purelib = run_python("import sysconfig; print(sysconfig.get_path('purelib'))", tmp_path, python)
    site = Path(purelib.stdout.strip())
    (site / "dependencies.pth").write_text(str(Path(np.__file__).parents[1]))

    code = "import sb3_mimic, sb3_mimic.envs, sb3_mimic.assets as a; print(a.__file__)"
    result = run_python(code, tmp_path, python)
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).is_relative_to(site)


def test_import_is_light(tmp_path: Path) -> None:
    result = run_python("import sys, sb3_mimic; print(*sys.modules)", tmp_path)
    assert result.returncode == 0, result.stderr
    heavy = {"torch", "stable_baselines3", "sb3_contrib", "imitation", "matplotlib", "mujoco"}
    assert heavy.isdisjoint(result.stdout.split())


def test_public_names_exist_and_others_are_refused(tmp_path: Path) -> None:
    code = "import sb3_mimic as m; [getattr(m, name) for name in m.__all__]; m.nothing"
    result = run_python(code, tmp_path)
    error = "AttributeError: module 'sb3_mimic' has no attribute 'nothing'"
    assert result.stderr.strip().endswith(error)


@pytest.mark.parametrize("folder", sorted(set(FOLDERS) - {"sb3_mimic"}))
def test_generic_names_are_refused(folder: str) -> None:
    result = run_python(f"import {folder}", cwd=ROOT)
    assert result.returncode != 0
    assert f"import {FOLDERS[folder]}" in result.stderr
