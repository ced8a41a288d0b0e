"""Collections divided by subject and activity."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion, write_deepmimic
from sb3_mimic.motion.sources.splits import FRACTIONS, MotionSource, find_sources, split_sources

SOURCES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["walk", "run", "jump", "kick"])), max_size=60
).map(
    lambda pairs: [
        MotionSource(f"{number}.txt", f"s{subject}", activity)
        for number, (subject, activity) in enumerate(pairs)
    ]
)
PARTS = st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any)


@given(sources=SOURCES, parts=PARTS, seed=st.integers(0, 5))
def test_every_file_is_in_one_part_and_no_subject_in_two(
    sources: list[MotionSource], parts: list[int], seed: int
) -> None:
    fractions = {f"part{i}": value / sum(parts) for i, value in enumerate(parts)}
    split = split_sources(sources, fractions, seed=seed)
    assert split.keys() == fractions.keys()
    assert sorted(s.path for files in split.values() for s in files) == sorted(
        s.path for s in sources
    )
    subjects = {part: {s.subject for s in files} for part, files in split.items()}
    assert sum(map(len, subjects.values())) == len(set().union(*subjects.values()))
    wanted = [part for part, fraction in fractions.items() if fraction]
    assert all(not split[part] for part in fractions.keys() - wanted)
    if len({s.subject for s in sources}) >= len(wanted):
        assert all(split[part] for part in wanted)


@given(sources=SOURCES, seed=st.integers(0, 5))
def test_the_order_of_the_files_makes_no_difference(sources: list[MotionSource], seed: int) -> None:
    shuffled = random.Random(seed).sample(sources, len(sources))
    assert split_sources(sources, seed=seed) == split_sources(shuffled, seed=seed)


def test_parts_are_as_large_as_asked_and_have_every_activity() -> None:
    """60 subjects who each do two of six things: every part has them in the same shares."""
    sources = [
        MotionSource(f"{subject}/{take}.txt", f"s{subject}", f"a{(subject + take % 2) % 6}")
        for subject in range(60)
        for take in range(4)
    ]
    for seed in range(5):
        split = split_sources(sources, seed=seed)
        for part, fraction in FRACTIONS.items():
            assert len(split[part]) == pytest.approx(fraction * len(sources), abs=4)
            for activity in {s.activity for s in sources}:
                n_files = sum(s.activity == activity for s in split[part])
                assert n_files == pytest.approx(fraction * len(sources) / 6, abs=4)
    assert split_sources(sources, seed=0) != split_sources(sources, seed=1)


@pytest.mark.parametrize("fractions", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_fractions_that_are_none(fractions: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sum to 1"):
        split_sources([], fractions)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in (
        *("02_01.txt", "humanoid3d_walk.txt", "walk1_subject5.txt", "clip.txt"),
        *("anna/jump_03.txt", "anna/143_07_cut.txt", "bob/deep/Run 2.txt", "bob/17.txt"),
    ):
        write_deepmimic(load_motion("squat"), tmp_path / path)
    return tmp_path


def test_names_and_folders_tell_who_does_what(folder: Path) -> None:
    assert {s.path: (s.subject, s.activity) for s in find_sources(folder)} == {
        "02_01.txt": ("02", "unknown"),
        "humanoid3d_walk.txt": ("unknown", "walk"),
        "walk1_subject5.txt": ("subject5", "walk"),
        "clip.txt": ("unknown", "clip"),
        "anna/jump_03.txt": ("anna", "jump"),
        "anna/143_07_cut.txt": ("143", "unknown"),
        "bob/deep/Run 2.txt": ("bob", "run"),
        "bob/17.txt": ("bob", "unknown"),
    }


def test_a_table_knows_better(folder: Path) -> None:
    table = folder / "who.csv"
    table.write_text("file,subject,activity\n02_01,dan,walk\nanna/jump_03.txt,eve,\n")
    said = {s.path: (s.subject, s.activity) for s in find_sources(folder, table)}
    assert said["02_01.txt"] == ("dan", "walk")
    assert said["anna/jump_03.txt"] == ("eve", "unknown")
    assert said["bob/17.txt"] == ("bob", "unknown")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,who\na,b\n", "first line must name the columns file, subject"),
        (b"\xff\xfe\xfa", "not a CSV"),
    ],
)
def test_what_is_no_table(content: str | bytes, message: str, folder: Path) -> None:
    table = folder / "who.csv"
    table.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=message):
        find_sources(folder, table)
    table.write_text("file,subject,activity\n[1],,\n")
    with pytest.raises(InputError, match="line 2 needs the columns file, subject"):
        find_sources(folder, table)
    table.write_text("file,subject,activity\nnope.txt,a,b\n")
    with pytest.raises(InputError, match="none of its 1 files is in"):
        find_sources(folder, table)
    with pytest.raises(InputError, match="cannot be read"):
        find_sources(folder, folder / "nowhere.csv")
