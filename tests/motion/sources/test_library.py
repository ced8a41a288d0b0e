"""Motions by name and path."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.motion import (
    list_motions,
    load_motion,
    motion_info,
    register_format,
    write_deepmimic,
)
from sb3_mimic.motion.formats import registry
from sb3_mimic.motion.sources.library import builtin_names


def test_built_in_names() -> None:
    assert set(builtin_names()) == {"run", "squat", "walk", "wave"}
    assert [info.name for info in list_motions()] == list(builtin_names())


def test_a_name_gives_the_built_in_clip() -> None:
    clip = load_motion("walk")
    assert (clip.name, clip.source, clip.loop) == ("walk", "built-in", True)


def test_a_path_gives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "walk"
    write_deepmimic(load_motion("squat"), path)
    for given in (path, str(path)):
        clip = load_motion(given)
        assert clip.source == str(path)
        assert clip.n_frames == load_motion("squat").n_frames


@pytest.mark.parametrize("suffix", [".link", ".LINK"])
def test_a_registered_format_is_read(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "FORMATS", {})
    register_format(suffix, lambda path: load_motion(path.read_text()))
    (tmp_path / "a.link").write_text("squat")
    assert load_motion(tmp_path / "a.link").digest == load_motion("squat").digest


def test_a_format_may_name_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FORMATS", {})
    register_format(".dm", "sb3_mimic.motion.formats.deepmimic:read_deepmimic")
    write_deepmimic(load_motion("squat"), tmp_path / "a.dm")
    assert load_motion(tmp_path / "a.dm").n_frames == load_motion("squat").n_frames


@pytest.mark.parametrize("suffix", ["", ".", "bvh", ".tar.gz", "./x"])
def test_a_format_needs_a_suffix(suffix: str) -> None:
    with pytest.raises(InputError, match=r"must be like '\.bvh'"):
        register_format(suffix, load_motion)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "wlak",
            "unknown motion 'wlak'. Did you mean walk.*Built-in motions: run, squat, walk, wa",
        ),
        ("WALK", "Did you mean walk"),
        ("xyzzy", "unknown motion 'xyzzy'. Built-in motions"),
        ("", "unknown motion ''|is a folder"),
        ("nowhere/clip.txt", "nowhere/clip.txt: there is no such motion file"),
        ("missing.txt", "missing.txt: there is no such motion file"),
        ("./walk", "walk: there is no such motion file"),
    ],
)
def test_unknown_names_and_paths(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        load_motion(name)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give a motion file or one of: run"):
        load_motion(tmp_path)


@pytest.mark.parametrize("suffix", [".fbx", ".C3D", ".asf"])
def test_other_formats_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    path.write_text("HIERARCHY")
    with pytest.raises(InputError, match=f"{suffix[1:].upper()} files are no motions"):
        load_motion(path)


def test_info_says_what_the_clip_is_like() -> None:
    clip = load_motion("walk")
    info = motion_info(clip)
    assert info.n_frames == clip.n_frames
    assert info.duration == pytest.approx(32 / 30)
    assert info.speed == pytest.approx(1.2)
    assert info.distance == pytest.approx(1.2 * 32 / 30)
    assert info.seam_angle == pytest.approx(0, abs=1e-6)
    low, high = info.joint_range["right_knee"]
    knee = clip.joint_angles[:, clip.joint_names.index("right_knee")]
    assert (low, high) == (knee.min(), knee.max())
    speeds = np.abs(np.diff(clip.joint_angles, axis=0)).max(axis=0) * clip.fps
    assert info.fastest_speed == pytest.approx(speeds.max())
    assert speeds[clip.joint_names.index(info.fastest_joint)] == speeds.max()


def test_info_of_a_clip_that_does_not_loop_has_no_seam() -> None:
    info = motion_info(replace(load_motion("squat"), loop=False))
    assert info.seam_joint is None
    assert info.seam_angle is None


def test_info_of_real_clips(motions_dir: Path) -> None:
    """Rates, lengths and the seam known from the files."""
    expected = {"walk": (39, 30), "backflip": (29, 16), "spin": (107, 24), "jump": (107, 60)}
    for name, (n_frames, fps) in expected.items():
        info = motion_info(load_motion(motions_dir / "deepmimic" / f"humanoid3d_{name}.txt"))
        assert info.n_frames == n_frames
        assert info.fps == pytest.approx(fps, rel=1e-4)
        assert info.loop
