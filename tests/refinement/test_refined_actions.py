"""Files of refined actions: what goes in comes out, and what is none is refused in one sentence."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sb3_mimic.errors import InputError
from sb3_mimic.refinement import METHODS, load_reference
from sb3_mimic.refinement.actions import (
    Provenance,
    RefinedActions,
    check_fits,
    load_actions,
    save_actions,
)
from sb3_mimic.refinement.methods import DEFAULT_METHOD, get_method

PROVENANCE = Provenance(
    clip="walk",
    clip_digest="c" * 64,
    robot="humanoid",
    robot_digest="d" * 64,
    method="feedback",
    settings={"alpha": 0.5},
    seed=3,
    cycles=2,
    seconds=1.5,
    versions={"numpy": "2.0"},
    metrics={"joint_error": 0.1, "worst_joint": "left_knee"},
    pd_metrics={"joint_error": 0.2},
)


def some_actions(n: int = 5) -> RefinedActions:
    rng = np.random.default_rng(0)
    return RefinedActions(
        rng.uniform(-1, 1, (n, 28)).astype(np.float32),
        rng.normal(size=(n + 1, 35)),
        rng.normal(size=(n + 1, 34)),
        PROVENANCE,
    )


def contents(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as found:
        return dict(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    actions=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 9), st.just(28)), elements=st.floats(-1, 1, width=32)
    )
)
def test_what_is_saved_is_loaded(actions: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npz"
    saved = replace(some_actions(len(actions)), actions=actions)
    save_actions(path, saved)
    loaded = load_actions(path)
    for name in ("actions", "qpos", "qvel"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
        assert getattr(loaded, name).dtype == getattr(saved, name).dtype
    assert loaded.provenance == PROVENANCE


def test_the_file_is_plain_arrays_and_json(tmp_path: Path) -> None:
    save_actions(tmp_path / "a.npz", some_actions())
    found = contents(tmp_path / "a.npz")
    assert set(found) == {"actions", "qpos", "qvel", "provenance"}
    assert json.loads(str(found["provenance"])) == asdict(PROVENANCE)


def test_nothing_is_overwritten_and_nothing_bare_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_actions(path, some_actions())
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        save_actions(path, some_actions())
    assert path.read_bytes() == before
    with pytest.raises(InputError, match=r"must end in \.npz"):
        save_actions(tmp_path / "a.npy", some_actions())
    with pytest.raises(ValueError, match="bare"):
        save_actions(tmp_path / "b.npz", RefinedActions(some_actions().actions))


def test_bare_actions_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", some_actions().actions.astype(np.float64))
    loaded = load_actions(tmp_path / "a.npy")
    np.testing.assert_array_equal(loaded.actions, some_actions().actions)
    assert loaded.qpos is None
    assert loaded.qvel is None
    assert loaded.provenance is None


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.pop(name)


def changed(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.__setitem__(name, value)


def provenance(**changes: Any) -> np.ndarray:
    return np.array(json.dumps({**asdict(PROVENANCE), **changes}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("actions"), "no 'actions'"),
        (without("provenance"), "no 'provenance'"),
        (changed("actions", np.full((5, 28), 1.5)), "largest is 1.5"),
        (changed("actions", np.full((5, 28), np.nan)), "within"),
        (changed("actions", np.zeros((5, 28), np.int64)), "floating-point"),
        (changed("actions", np.zeros(28)), r"shape \(28,\)"),
        (changed("actions", np.zeros((0, 28))), "shape"),
        (changed("qpos", np.zeros((5, 35))), "6 rows"),
        (changed("qvel", np.full((6, 34), np.inf)), "finite"),
        (changed("provenance", np.array("no json")), "provenance"),
        (changed("provenance", np.array("{}")), "provenance"),
        (changed("provenance", np.array("[1]")), "provenance"),
        (changed("provenance", provenance(cycles=0)), "cycles"),
        (changed("qpos", np.array([{}], dtype=object)), "cannot be read"),
    ],
)
def test_malformed_files_are_refused(
    spoil: Callable[[dict[str, Any]], None], reason: str, tmp_path: Path
) -> None:
    save_actions(tmp_path / "a.npz", some_actions())
    found = contents(tmp_path / "a.npz")
    spoil(found)
    np.savez(tmp_path / "b.npz", allow_pickle=True, **found)
    with pytest.raises(InputError, match=reason) as caught:
        load_actions(tmp_path / "b.npz")
    assert str(tmp_path / "b.npz") in str(caught.value)


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.txt"])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 not a zip", b"\x93NUMPY\x01", b"x"])
def test_what_is_no_file_of_actions_is_refused(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        load_actions(path)


def test_actions_fit_only_what_they_were_made_for() -> None:
    reference = load_reference("walk")
    right = replace(
        PROVENANCE, clip_digest=reference.clip.digest, robot_digest=reference.robot.digest
    )
    refined = replace(some_actions(), provenance=right)
    check_fits(refined, reference)
    with pytest.raises(InputError, match=r"clip 'walk'.*this is 'run'"):
        check_fits(refined, load_reference("run"))
    with pytest.raises(InputError, match="robot"):
        check_fits(replace(refined, provenance=replace(right, robot_digest="0")), reference)
    bare = RefinedActions(refined.actions)
    check_fits(bare, reference)
    with pytest.raises(InputError, match="28"):
        check_fits(RefinedActions(refined.actions[:, :8]), reference)


def test_methods_are_found_by_name() -> None:
    assert set(METHODS) == {"pd", "feedback", "invdyn", "gradient", "mpc"}
    assert DEFAULT_METHOD in METHODS
    for name, method in METHODS.items():
        assert get_method(name) is method
        assert method.settings() == method.settings()
    with pytest.raises(InputError, match="did you mean gradient"):
        get_method("gradent")
