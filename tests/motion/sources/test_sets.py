"""Manifests of motion sets: what they say, and what none may say."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.motion.sources.sets import (
    find_set,
    known_sets,
    manifest_path,
    packaged_sets,
    read_manifest,
)

ENTRY: dict[str, Any] = {
    "title": "Clips of a lab",
    "home": "https://lab.example",
    "license": "CC0",
    "source": "https://lab.example/clips/",
    "clips": {"a": {"files": ["a.txt"]}},
    "largest_bytes": 1000,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_sets_of_the_package() -> None:
    assert {"deepmimic", "cmu"} <= packaged_sets().keys() <= known_sets().keys()
    for motions in packaged_sets().values():
        assert motions.license
        assert motions.fetched() == {}
        listed = {file.path for clip in motions.clips for file in motions.files_of(clip)}
        assert motions.checksums.keys() <= listed


def test_any_trial_has_its_skeleton_beside_it() -> None:
    cmu = find_set("cmu")
    for trial in ("02_01", "143_23"):
        subject = trial.partition("_")[0]
        paths = [file.path for file in cmu.files_of(trial)]
        assert paths == [f"{subject}/{trial}.amc", f"{subject}/{subject}.asf"]
    assert cmu.files_of("02_01")[0].sha256
    assert cmu.files_of("143_23")[0].sha256 == ()


@given(name=st.text(max_size=12))
def test_no_name_leads_out_of_the_set(name: str) -> None:
    cmu = find_set("cmu")
    try:
        path = cmu.path_of(name)
    except InputError:
        return
    assert cmu.folder in path.resolve().parents


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("deepmimic:wlak", "the set deepmimic has no clip 'wlak'. Did you mean walk"),
        ("deepmimic:walk", "`sb3-mimic motions fetch deepmimic walk` brings it"),
        ("cmu:walk", "the set cmu has no clip 'walk'. Clips: subject_trial"),
        ("cmu:../02_01", "no such motion file"),
        ("labs:walk", "unknown motion set 'labs'; sets: deepmimic, cmu"),
        ("backflip", "Did you mean deepmimic:backflip"),
    ],
)
def test_names_that_lead_nowhere(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_motion(name)


def test_a_manifest_of_ones_own_is_known_once_it_is_kept() -> None:
    path = manifest_path("lab")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"lab": ENTRY, "deepmimic": ENTRY}))
    assert known_sets()["lab"].title == "Clips of a lab"
    assert known_sets()["deepmimic"].title != "Clips of a lab"


def bomb() -> str:
    """Nested aliases: a billion texts out of a few lines."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a manifest is a mapping"),
        ("a: 2020-13-45", "not a manifest"),
        ("- a\n- b", "a manifest is a mapping"),
        ("{", "not valid YAML"),
        (b"\xff\xfe\x00", "not a text file|not valid YAML"),
        (bomb(), "aliases are not allowed"),
        ("[" * 100_000, "nested too deeply"),
        ("x" * 2_000_001, "larger than 2,000,000 bytes"),
        ({"Lab 1": ENTRY}, "a name has 2 to 40"),
        ({"lab": ["a"]}, "must be a mapping"),
        ({"lab": ENTRY | {"md5": "0"}}, "unknown key 'md5'"),
        ({"lab": ENTRY | {"license": ""}}, "'license' must be a text"),
        ({"lab": ENTRY | {"source": "file:///etc/"}}, "must be an http"),
        ({"lab": ENTRY | {"clips": {"a/b": {"files": ["a"]}}}}, "clip name 'a/b'"),
        ({"lab": ENTRY | {"clips": {"a": {"files": []}}}}, "must list 1 to 8 files"),
        ({"lab": ENTRY | {"clips": {"a": {"files": ["../a.txt"]}}}}, "no path below the source"),
        ({"lab": ENTRY | {"clips": {"a": {"files": ["/a.txt"]}}}}, "no path below the source"),
        ({"lab": ENTRY | {"clips": {"a": {"files": ["b/.part"]}}}}, "no path below the source"),
        ({"lab": ENTRY | {"any_trial": ["{subject.x}/a"]}}, "no path below the source"),
        ({"lab": ENTRY | {"checksums": {"a.txt": [{"sha256": "0"}]}}}, "64 digits"),
        ({"lab": ENTRY | {"largest_bytes": 10**12}}, "must be 1 to 200,000,000"),
        (
            {"lab": ENTRY | {"clips": {f"a{i}": {"files": ["a"]} for i in range(20_001)}}},
            "20001 clips, more than the 20000",
        ),
        (
            {
                "lab": ENTRY
                | {
                    "clips": {f"a{i}": {"files": [f"a{i}"]} for i in range(200)},
                    "largest_bytes": 200_000_000,
                }
            },
            "40,000,000,000 bytes together",
        ),
    ],
)
def test_what_is_no_manifest(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=message) as error:
        read_manifest(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path / "manifest.yaml")
