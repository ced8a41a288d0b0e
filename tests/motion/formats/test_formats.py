"""What every motion format does once it is registered, one from outside the package included."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sb3_mimic.cli import main
from sb3_mimic.errors import InputError
from sb3_mimic.motion import (
    CHARACTER,
    Header,
    MotionClip,
    ReadOptions,
    SkeletalMotion,
    from_skeletal,
    index_folder,
    lint_skeletal,
    load_motion,
    load_skeletal,
    register_format,
    register_skeletal_format,
    to_skeletal,
    write_asf_amc,
    write_bvh,
    write_deepmimic,
)
from sb3_mimic.motion.formats import FORMATS, SKELETAL_FORMATS, find_reader, is_skeletal


@pytest.fixture(autouse=True)
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The registries are as before afterwards, and so is the user's cache."""
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path / "cache"))
    known: tuple[dict[str, Any], ...] = (FORMATS, SKELETAL_FORMATS)
    before = [dict(registry) for registry in known]
    yield
    for registry, entries in zip(known, before, strict=True):
        registry.clear()
        registry.update(entries)


def read_npz(path: Path, options: ReadOptions) -> SkeletalMotion:
    """A format of one's own: arrays of the character's tree."""
    with np.load(path) as arrays:
        return SkeletalMotion(
            tree=CHARACTER.tree,
            fps=options.fps or float(arrays["fps"]),
            root_position=arrays["root_position"],
            rotations=arrays["rotations"],
            name=path.stem,
            source=str(path),
        )


def read_npz_header(path: Path, n_bytes: int) -> Header:
    with np.load(path) as arrays:
        return Header(n_frames=len(arrays["root_position"]), fps=float(arrays["fps"]))


def write_npz(motion: SkeletalMotion, path: Path) -> None:
    np.savez(path, fps=motion.fps, root_position=motion.root_position, rotations=motion.rotations)


WRITERS: dict[str, Callable[[SkeletalMotion, Path], None]] = {
    ".amc": write_asf_amc,
    ".bvh": write_bvh,
    ".npz": write_npz,
    ".txt": lambda motion, path: write_deepmimic(from_skeletal(motion), path),
}


@pytest.fixture(params=sorted(WRITERS))
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The built-in walk in each of the formats."""
    register_skeletal_format(".npz", read_npz, name="NPZ", header_reader=read_npz_header)
    path = tmp_path / "clips" / f"walk{request.param}"
    path.parent.mkdir()
    WRITERS[request.param](to_skeletal(load_motion("walk")), path)
    return path


def test_the_clip_comes_back(file: Path) -> None:
    clip, walk = load_motion(file), load_motion("walk")
    assert isinstance(clip, MotionClip)
    assert (clip.name, clip.source) == ("walk", str(file))
    assert clip.joint_names == CHARACTER.hinge_names
    # An AMC file's skeleton has other bones, so that its motion is retargeted.
    np.testing.assert_allclose(clip.joint_angles[0], walk.joint_angles[0], atol=0.1)


def test_the_file_is_listed(file: Path) -> None:
    (listed,) = index_folder(file.parent)
    assert listed.path == file.name
    assert listed.problem is None
    assert listed.n_frames == load_motion("walk").n_frames


@pytest.mark.parametrize("command", ["info", "lint"])
def test_the_file_is_described(
    command: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["motions", command, str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "walk" in (said.get("name"), said.get("motion"))


def test_the_file_is_converted(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "converted.bvh"
    assert main(["motions", "convert", str(file), str(output)]) == 0
    converted, walk = load_skeletal(output), to_skeletal(load_motion("walk"))
    np.testing.assert_allclose(converted.positions()[:, 0], walk.positions()[:, 0], atol=1e-3)


def test_a_skeletal_file_is_read_with_its_options(file: Path) -> None:
    if not is_skeletal(file):
        with pytest.raises(InputError, match=r"those are \.amc, \.bvh, \.npz files"):
            load_skeletal(file)
        return
    motion = load_skeletal(file, fps=50.0)
    assert motion.fps == 50.0
    assert lint_skeletal(motion) is not None


def test_a_skeletal_format_needs_no_header(tmp_path: Path) -> None:
    register_skeletal_format(".npz", read_npz)
    write_npz(to_skeletal(load_motion("walk")), tmp_path / "a.npz")
    (listed,) = index_folder(tmp_path)
    assert (listed.format, listed.n_frames, listed.problem) == (".npz", None, None)


def test_the_last_registration_of_a_suffix_counts() -> None:
    register_format(".bvh", lambda _: load_motion("squat"))
    assert not is_skeletal("a.bvh")
    reader = find_reader(Path("a.BVH"))
    assert reader is not None
    assert reader(Path("a.BVH")).name == "squat"
    register_skeletal_format(".bvh", "sb3_mimic.motion.formats.bvh:read_bvh_file")
    assert is_skeletal("a.bvh")
    assert ".bvh" not in FORMATS


@pytest.mark.parametrize("suffix", ["", ".", "bvh", ".tar.gz", "./x"])
def test_a_skeletal_format_needs_a_suffix(suffix: str) -> None:
    with pytest.raises(InputError, match=r"must be like '\.bvh'"):
        register_skeletal_format(suffix, read_npz)
