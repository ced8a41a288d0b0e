"""A refinement that was stopped goes on where it was, and ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion, write_deepmimic
from sb3_mimic.refinement import RefinedActions, load_actions, refine
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint, Snapshot

SMALL: dict[str, dict[str, Any]] = {
    "mpc": {"horizon": 6, "execute": 4, "iterations": 1, "samples": 4, "polish": 2},
    "gradient": {"iterations": 5, "samples": 4},
}
SNAPSHOT = Snapshot("window", {"actions": np.arange(6.0).reshape(2, 3)}, {"effort": 3})


class StopError(Exception):
    """Raised instead of an interrupt."""


def stopping_after(calls: int) -> Callable[[int, int, float], None]:
    left = iter(range(calls))

    def progress(done: int, steps: int, cost: float) -> None:
        if next(left, None) is None:
            raise StopError

    return progress


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half second of walk: 15 control steps."""
    walk = load_motion("walk")
    some = slice(0, round(0.5 * walk.fps) + 1)
    path = tmp_path_factory.mktemp("clip") / "step.txt"
    step = replace(
        walk,
        root_position=walk.root_position[some],
        root_quaternion=walk.root_quaternion[some],
        joint_angles=walk.joint_angles[some],
        loop=False,
    )
    write_deepmimic(step, path)
    return path


def small(clip: Path, method: str, **options: Any) -> RefinedActions:
    return refine(clip, method, settings=SMALL[method], n_threads=1, **options)


def assert_same(one: RefinedActions, other: RefinedActions) -> None:
    np.testing.assert_array_equal(one.actions, other.actions)
    for name in ("qpos", "qvel"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.fixture(scope="module")
def whole(clip: Path) -> dict[str, RefinedActions]:
    """What comes out without an interruption."""
    return {method: small(clip, method) for method in SMALL}


@pytest.mark.parametrize(
    ("method", "stops"),
    # Four segments and two iterations of polishing; five iterations.
    [("mpc", [1]), ("mpc", [1, 1]), ("mpc", [4]), ("gradient", [0, 0])],
)
def test_it_goes_on_to_the_last_bit(
    whole: dict[str, RefinedActions], clip: Path, tmp_path: Path, method: str, stops: list[int]
) -> None:
    path = tmp_path / "progress.npz"
    told: list[str] = []
    for calls in stops:
        with pytest.raises(StopError):
            small(clip, method, checkpoint=path, progress=stopping_after(calls), log=told.append)
        assert list(tmp_path.iterdir()) == [path]
    steps: list[int] = []
    resumed = small(
        clip,
        method,
        checkpoint=path,
        progress=lambda done, total, cost: steps.append(done),
        log=told.append,
    )
    assert len(told) == len(stops)
    assert all("going on after" in sentence for sentence in told)
    assert len(steps) == {"mpc": 6, "gradient": 5}[method] - sum(n + 1 for n in stops)
    assert_same(resumed, whole[method])


def test_it_goes_on_while_it_goes_back(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every plan is in trouble, as long as it may go back.
    monkeypatch.setattr("sb3_mimic.refinement.methods.mpc._TROUBLE", 0.0)
    monkeypatch.setitem(SMALL, "mpc", SMALL["mpc"] | {"samples": 0, "polish": 0})
    steps: list[int] = []
    straight = small(clip, "mpc", progress=lambda done, total, cost: steps.append(done))
    assert steps != sorted(set(steps))
    path = tmp_path / "progress.npz"
    with pytest.raises(StopError):
        small(clip, "mpc", checkpoint=path, progress=stopping_after(2))
    assert_same(small(clip, "mpc", checkpoint=path), straight)


def test_the_time_before_counts(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "progress.npz"
    small(clip, "gradient", checkpoint=path)
    with np.load(path) as arrays:
        state = json.loads(str(arrays["state"])) | {"seconds": 1e6}
        kept = {**arrays, "state": np.array(json.dumps(state))}
    np.savez(path, **kept)
    # All was done before, so there is nothing left to do.
    again = small(clip, "gradient", checkpoint=path, progress=stopping_after(0))
    assert again.provenance is not None
    assert 1e6 < again.provenance.seconds < 1e6 + 60


def test_other_progress_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "progress.npz"
    rng = np.random.default_rng(0)
    rng.standard_normal(3)
    Checkpoint(path, {"clip": "a", "seed": 0}).save(SNAPSHOT, rng)
    expected = rng.standard_normal(5)

    told: list[str] = []
    other = np.random.default_rng(1)
    untouched = other.bit_generator.state
    assert Checkpoint(path, {"clip": "a", "seed": 1}, told.append).load(other) is None
    assert Checkpoint(path, {"clip": "b", "seed": 1}, told.append).load(other) is None
    assert "another refinement (seed differs)" in told[0]
    assert "another refinement (clip, seed differ)" in told[1]
    assert other.bit_generator.state == untouched

    found = Checkpoint(path, {"clip": "a", "seed": 0}).load(other)
    assert found is not None
    assert (found.stage, found.values) == (SNAPSHOT.stage, SNAPSHOT.values)
    np.testing.assert_array_equal(found.arrays["actions"], SNAPSHOT.arrays["actions"])
    np.testing.assert_array_equal(other.standard_normal(5), expected)


def test_what_is_no_progress_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "progress.npz"
    rng = np.random.default_rng(0)
    assert Checkpoint(path, {}).load(rng) is None
    pickled = np.array([{}], dtype=object)
    for spoil in (
        lambda: path.write_bytes(b"nonsense"),
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(b"PK\x03\x04 cut"),
        lambda: np.savez(path, actions=np.zeros(3)),
        lambda: np.savez(path, state=np.array("{}")),
        lambda: np.savez(path, state=pickled),
        lambda: np.savez(path, state=np.array("[1]")),
    ):
        spoil()
        told: list[str] = []
        assert Checkpoint(path, {}, told.append).load(rng) is None
        assert "cannot be gone on from" in told[0]


def test_it_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        Checkpoint(tmp_path / "file" / "a.npz", {}).save(SNAPSHOT, np.random.default_rng(0))
    NO_CHECKPOINT.save(SNAPSHOT, np.random.default_rng(0))
    assert NO_CHECKPOINT.load(np.random.default_rng(0)) is None


def test_an_interrupt_and_the_same_command_again(
    whole: dict[str, RefinedActions], clip: Path, tmp_path: Path
) -> None:
    settings = SMALL["gradient"]
    command = [sys.executable, "-m", "sb3_mimic", "refine", str(clip), "--method", "gradient"]
    command += ["--samples", str(settings["samples"]), "--output", "a.npz"]
    command += ["--iterations", str(settings["iterations"])]
    environment = {**os.environ, "MUJOCO_GL": "disabled"}
    kept = tmp_path / ".a.gradient.partial.npz"
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        while not kept.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said == (
        "sb3-mimic: .a.gradient.partial.npz: the progress so far; the same command goes on from "
        "it\nsb3-mimic: stopped\n"
    )
    assert list(tmp_path.iterdir()) == [kept]
    again = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "going on after" in again.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "a.npz"]
    assert_same(load_actions(tmp_path / "a.npz"), whole["gradient"])
