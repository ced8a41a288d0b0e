"""Listing folders of motion files without reading them whole."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sb3_mimic.cli import main
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion, write_deepmimic
from sb3_mimic.motion.sources import index
from sb3_mimic.motion.sources.index import index_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Clips in a folder and one in it."""
    for name in ("walk", "squat"):
        write_deepmimic(load_motion(name), tmp_path / "clips" / name / f"{name}.txt")
    return tmp_path / "clips"


def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read from now on."""
    paths: list[str] = []
    inspect = index._inspect

    def counted(file: Path, path: str, n_bytes: int) -> index.MotionFile | None:
        paths.append(path)
        return inspect(file, path, n_bytes)

    monkeypatch.setattr(index, "_inspect", counted)
    return paths


def test_the_index_says_what_the_clips_are(folder: Path) -> None:
    found = index_folder(folder)
    assert [file.path for file in found] == ["squat/squat.txt", "walk/walk.txt"]
    for file in found:
        clip = load_motion(folder / file.path)
        assert (file.format, file.n_frames, file.loop) == ("DeepMimic", clip.n_frames, clip.loop)
        assert file.fps == pytest.approx(clip.fps, rel=1e-6)
        assert file.duration == pytest.approx(clip.duration, rel=1e-6)
        assert file.problem is None


def test_only_what_is_new_or_changed_is_looked_into(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = looked_into(monkeypatch)
    first = index_folder(folder)
    assert len(looked) == 2
    assert index_folder(folder) == first
    assert len(looked) == 2
    write_deepmimic(load_motion("run"), folder / "walk" / "walk.txt")
    write_deepmimic(load_motion("run"), folder / "new.txt")
    (folder / "squat" / "squat.txt").unlink()
    again = index_folder(folder)
    assert looked[2:] == ["walk/walk.txt", "new.txt"] or looked[2:] == ["new.txt", "walk/walk.txt"]
    assert {file.path for file in again} == {"new.txt", "walk/walk.txt"}
    assert {file.n_frames for file in again} == {43}


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"walk/walk.txt": [[0, 0], {"a": 1}]}'])
def test_a_damaged_index_is_made_again(content: bytes, folder: Path, cache: Path) -> None:
    first = index_folder(folder)
    (kept,) = (cache / "index").iterdir()
    kept.write_bytes(content)
    assert index_folder(folder) == first


def test_a_cache_that_cannot_be_written_is_no_reason_not_to_list(folder: Path, cache: Path) -> None:
    cache.write_text("")
    assert len(index_folder(folder)) == 2


def test_real_files_of_every_format(motions_dir: Path) -> None:
    """Frames and rates as the sources' table has them."""
    found = {Path(file.path).name: file for file in index_folder(motions_dir)}
    expected = {
        "01_01.amc": ("AMC", 2751, None),
        "16_41.amc": ("AMC", 160, None),
        "131_03.bvh": ("BVH", 1102, 120),
        "salsa_10.bvh": ("BVH", 1198, 120),
        "humanoid3d_spin.txt": ("DeepMimic", 107, 24),
        "humanoid3d_walk.txt": ("DeepMimic", 39, 30),
    }
    for name, (kind, n_frames, fps) in expected.items():
        file = found[name]
        assert (file.format, file.n_frames) == (kind, n_frames)
        assert file.fps == (None if fps is None else pytest.approx(fps, rel=1e-4))
    assert "humanoid3d_ctrl.txt" not in found
    assert "humanoid3d.txt" not in found
    assert not [file for file in found.values() if file.problem]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.bvh", b"HIERARCHY\nROOT Hips\n{", "no Frames and Frame Time"),
        ("a.bvh", b"MOTION\nFrames: 0\nFrame Time: .008", "no frames"),
        ("a.bvh", b"MOTION\nFrames: 5\nFrame Time: 0", "not positive"),
        ("a.amc", b":FULLY-SPECIFIED\n:DEGREES\n", "no frame numbers"),
        ("a.txt", b'{"Loop": "wrap", "Frames": [[0.1, 1', "truncated"),
        ("a.json", b'{"Loop": "wrap", "Frames": [[0.1]]}', "at least 2 frames"),
        ("a.json", b'{"Loop": "maybe", "Frames": [[0.1], [0.1]]}', "not a DeepMimic motion"),
        ("a.json", b'{"Frames": ' + b"[" * 100_000, "not a DeepMimic motion"),
    ],
)
def test_files_that_cannot_be_motions_say_why(
    name: str, content: bytes, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / name).write_bytes(content)
    (file,) = index_folder(tmp_path / "clips")
    assert file.problem is not None
    assert problem in file.problem


def test_what_is_no_motion_is_left_out(folder: Path) -> None:
    (folder / "README.txt").write_text("clips")
    (folder / "settings.json").write_text("{}")
    (folder / "picture.png").write_bytes(b"")
    (folder / "loop").symlink_to(folder)
    assert len(index_folder(folder)) == 2


def test_a_huge_file_is_not_read(folder: Path) -> None:
    for suffix in (".txt", ".bvh", ".amc"):
        with (folder / f"huge{suffix}").open("wb") as file:
            file.truncate(2_000_000_000)  # a hole: no disk is used
    start = time.monotonic()
    problems = [file.problem for file in index_folder(folder) if file.problem]
    assert len(problems) == 3
    assert time.monotonic() - start < 5


def test_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        index_folder(tmp_path / "nowhere")
    assert main(["motions", "list", str(tmp_path / "nowhere")]) == 2
    assert "neither a folder nor a set; sets: deepmimic" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["motions", "list", str(tmp_path / "empty")]) == 2
    assert "holds no motion files" in capsys.readouterr().err


def test_a_thousand_files_are_listed_at_once_the_second_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (folder / "walk" / "walk.txt").read_bytes()
    for number in range(998):
        (folder / f"clip_{number:04d}.txt").write_bytes(content)
    looked = looked_into(monkeypatch)
    assert main(["motions", "list", str(folder)]) == 0
    assert len(looked) == 1000
    first = capsys.readouterr().out
    start = time.monotonic()
    assert main(["motions", "list", str(folder)]) == 0
    assert time.monotonic() - start < 2.0
    assert len(looked) == 1000
    assert capsys.readouterr().out == first
    assert first.count("\n") == 1000


def test_the_list_of_a_set_has_what_is_not_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["motions", "list", "deepmimic", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["deepmimic:walk"]["path"] is None
    assert main(["motions", "list", "cmu"]) == 0
    assert "cmu:02_01  not fetched  walk" in capsys.readouterr().out


def test_a_reader_that_stops_reading_is_no_failure(folder: Path) -> None:
    environment = {**os.environ, "MUJOCO_GL": "", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "sb3_mimic", "motions", "list", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 1


def test_links_in_a_circle_are_named_and_the_others_listed(folder: Path) -> None:
    before = {file.path for file in index_folder(folder)}
    (folder / "a.bvh").symlink_to(folder / "b.bvh")
    (folder / "b.bvh").symlink_to(folder / "a.bvh")
    found = {file.path: file.problem for file in index_folder(folder)}
    assert set(found) == before | {"a.bvh", "b.bvh"}
    assert "symbolic links" in str(found["a.bvh"])
