"""Databases of clips on disk: what is read is what was written, one clip at a time."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sb3_mimic.cli import main
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, load_motion, write_deepmimic
from sb3_mimic.motion.sources import collection
from sb3_mimic.motion.sources.collection import MotionCollection, write_collection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six subjects with two clips each, all different, and a file that is none."""
    clips = tmp_path / "clips"
    rng = np.random.default_rng(0)
    for subject in range(6):
        for name in ("walk", "squat"):
            clip = load_motion(name)
            angles = clip.joint_angles + rng.normal(0, 0.01, clip.joint_angles.shape)
            path = clips / f"s{subject}" / f"{name}_{subject}.txt"
            write_deepmimic(replace(clip, joint_angles=angles), path)
    (clips / "s0" / "broken.bvh").write_text("HIERARCHY\nMOTION\nFrames: 2\nFrame Time: .1\n")
    return clips


def same(a: MotionClip, b: MotionClip) -> bool:
    return a.digest == b.digest and (a.name, a.fps) == (b.name, b.fps)


def test_what_is_read_is_what_was_written(folder: Path, tmp_path: Path) -> None:
    made = write_collection(folder, tmp_path / "out")
    again = MotionCollection(tmp_path / "out")
    assert len(made) == len(again) == 12
    assert made.parts == ("train", "validation", "test")
    for part in again.parts:
        facts = again.facts(part)
        for number, (fact, clip) in enumerate(zip(facts, again.clips(part), strict=True)):
            original = load_motion(folder / fact.source)
            assert same(clip, original)
            assert same(again.clip(part, number), original)
            assert fact.digest == original.digest
            assert fact.subject == fact.source.split("/")[0]
            assert (fact.n_frames, fact.loop) == (original.n_frames, original.loop)
    subjects = [{fact.subject for fact in again.facts(part)} for part in again.parts]
    assert sum(map(len, subjects)) == len(set().union(*subjects)) == 6
    assert all(subjects)
    assert list(again.skipped) == ["s0/broken.bvh"]


def test_a_shuffled_pass_is_a_permutation(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "CLIPS_PER_FILE", 5)
    monkeypatch.setattr(collection, "_OPEN_FILES", 1)
    made = write_collection(folder, tmp_path / "out", fractions={"train": 1.0})
    assert len(list((tmp_path / "out" / "data").iterdir())) == 3
    written = [clip.digest for clip in made.clips("train")]
    passes = [[clip.digest for clip in made.clips("train", shuffle=seed)] for seed in (0, 1, 0)]
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(written)
    assert passes[0] == passes[2]
    assert len({*map(tuple, passes), tuple(written)}) == 3


def test_memory_does_not_grow_with_the_collection(tmp_path: Path) -> None:
    """Writing and reading 60 clips takes as much memory as 10."""
    pa = pytest.importorskip("pyarrow")
    long = load_motion("walk").resample(n_frames=3000)
    peaks = []
    for n_clips in (10, 60):
        clips = tmp_path / f"{n_clips}"
        for number in range(n_clips):
            path = clips / f"{number}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text('{"Loop": "none", "Frames": [[0.1], [0.1]]}')
        tracemalloc.start()
        before = pa.total_allocated_bytes()
        most = 0
        made = write_collection(
            clips,
            tmp_path / f"out{n_clips}",
            fractions={"train": 1.0},
            load=lambda _: replace(long),
        )
        for clip in made.clips("train", shuffle=0):
            assert clip.n_frames == long.n_frames
            most = max(most, pa.total_allocated_bytes() - before)
        peaks.append(most + tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # When memory is given back varies by a few clips; 50 more clips would be 50 times this.
    assert peaks[1] - peaks[0] < 4 * long.qpos.nbytes


def test_one_that_was_stopped_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "CLIPS_PER_FILE", 3)
    whole = write_collection(folder, tmp_path / "whole")
    loaded: list[Path] = []

    def stopping(path: Path) -> MotionClip:
        if len(loaded) == 7:
            raise KeyboardInterrupt
        loaded.append(path)
        return load_motion(path)

    with pytest.raises(KeyboardInterrupt):
        write_collection(folder, tmp_path / "out", load=stopping)
    with pytest.raises(InputError, match="not complete"):
        MotionCollection(tmp_path / "out")
    assert not list((tmp_path / "out" / "data").glob(".*"))
    resumed: list[Path] = []

    def counting(path: Path) -> MotionClip:
        resumed.append(path)
        return load_motion(path)

    made = write_collection(folder, tmp_path / "out", load=counting)
    # All that was in whole files is not read again.
    assert not set(loaded[:6]) & set(resumed)
    for part in whole.parts:
        assert made.facts(part) == whole.facts(part)
    with pytest.raises(InputError, match="another split"):
        write_collection(folder, tmp_path / "out", seed=3, fractions={"train": 1.0})


def test_other_tools_read_it(folder: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    made = write_collection(folder, tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {part: len(rows) for part, rows in loaded.items()} == {
        part: len(made.facts(part)) for part in made.parts
    }
    row, clip = loaded["train"][0], made.clip("train", 0)
    assert np.array_equal(row["joint_angles"], clip.joint_angles)
    assert tuple(row["joint_names"]) == clip.joint_names


def test_what_is_no_collection(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", folder):
        with pytest.raises(InputError, match="no collection of motions"):
            MotionCollection(path)
    with pytest.raises(InputError, match="exists already"):
        write_collection(folder, folder)
    made = write_collection(folder, tmp_path / "out")
    with pytest.raises(InputError, match="no part 'valid'; parts: train"):
        made.clips("valid")
    with pytest.raises(InputError, match="has clips 0 to"):
        made.clip("train", 99)
    (file,) = (tmp_path / "out" / "data").glob("train-*")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read"):
        MotionCollection(tmp_path / "out")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.bvh").write_text("HIERARCHY\nMOTION\nFrames: 2\nFrame Time: .1\n")
    with pytest.raises(InputError, match=r"none of its 1 files can be read; a\.bvh"):
        write_collection(tmp_path / "bad", tmp_path / "out2")


def test_the_command_collects(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["motions", "collect", str(folder), "--output", str(tmp_path / "out")]
    assert main([*arguments, "--validation", "0.6", "--test", "0.5"]) == 2
    assert "leave something to train on" in capsys.readouterr().err
    assert main([*arguments, "--validation", "0.2", "--test", "0.2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert sum(part["clips"] for part in said["parts"].values()) == 12
    assert said["parts"]["train"]["activities"] == ["squat", "walk"]
    assert main([*arguments, "--validation", "0.2", "--test", "0.2"]) == 0
    out = capsys.readouterr().out
    assert "left out, since they cannot be read: 1 files" in out
