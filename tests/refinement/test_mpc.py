"""Receding-horizon planning: it stays up, on any number of cores, in any process, to the bit."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.refinement import load_reference, measure
from sb3_mimic.refinement.ilqr import rollout_plan
from sb3_mimic.refinement.methods import ignore_progress
from sb3_mimic.refinement.methods.gradient import GradientSettings, solve_gradient
from sb3_mimic.refinement.methods.invdyn import inverse_dynamics_actions
from sb3_mimic.refinement.methods.mpc import MpcSettings, solve_mpc
from sb3_mimic.refinement.problem import TrackingProblem, quantize

SMALL = MpcSettings(horizon=6, execute=4, iterations=1, samples=4, polish=1)


@pytest.fixture(scope="module")
def walk() -> Iterator[TrackingProblem]:
    with closing(TrackingProblem(load_reference("walk"), n_threads=1)) as problem:
        yield problem


@pytest.fixture(scope="module")
def planned(walk: TrackingProblem) -> np.ndarray:
    return solve_mpc(walk, SMALL, 0, ignore_progress)


def cost(problem: TrackingProblem, actions: np.ndarray) -> float:
    return rollout_plan(problem, problem.start, actions, 0).cost


def test_a_squat_survives_whole() -> None:
    small = MpcSettings(horizon=10, execute=10, iterations=1, samples=2, polish=0)
    with closing(TrackingProblem(load_reference("squat"))) as problem:
        told: list[tuple[int, int, float]] = []
        actions = solve_mpc(problem, small, 0, lambda *row: told.append(row))
        found = measure(problem.reference, actions, n_threads=1)
        assert told[-1][:2] == (problem.n_steps, problem.n_steps)
        assert told[-1][2] == pytest.approx(cost(problem, actions))
    assert found.survived_fraction == 1
    assert found.joint_error < 0.02
    assert found.drift_max < 0.05


def test_actions_are_what_an_environment_takes(walk: TrackingProblem, planned: np.ndarray) -> None:
    assert planned.shape == (walk.n_steps, walk.nu)
    np.testing.assert_array_equal(planned, quantize(planned))


def test_planning_beats_what_it_starts_from(walk: TrackingProblem, planned: np.ndarray) -> None:
    start = cost(walk, inverse_dynamics_actions(walk))
    assert cost(walk, planned) < 0.5 * start
    whole = GradientSettings(iterations=1, samples=4)
    told: list[tuple[int, int, float]] = []
    improved = solve_gradient(walk, whole, 0, lambda *row: told.append(row))
    assert cost(walk, improved) < start
    assert told == [(1, 1, cost(walk, improved))]


def test_the_same_on_two_threads(walk: TrackingProblem, planned: np.ndarray) -> None:
    with closing(TrackingProblem(load_reference("walk"), n_threads=2)) as problem:
        np.testing.assert_array_equal(solve_mpc(problem, SMALL, 0, ignore_progress), planned)


def test_the_same_in_another_process(planned: np.ndarray) -> None:
    code = (
        "import sys\n"
        "from sb3_mimic.refinement import load_reference\n"
        "from sb3_mimic.refinement.methods.mpc import MpcSettings, solve_mpc\n"
        "from sb3_mimic.refinement.problem import TrackingProblem\n"
        "from sb3_mimic.refinement.methods import ignore_progress\n"
        "problem = TrackingProblem(load_reference('walk'))\n"
        f"found = solve_mpc(problem, {SMALL!r}, 0, ignore_progress)\n"
        "sys.stdout.buffer.write(found.tobytes())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == planned.tobytes()


def test_another_seed_gives_other_actions(walk: TrackingProblem, planned: np.ndarray) -> None:
    noisy = replace(SMALL, samples=24, noise=0.03, polish=0)
    one, other = (solve_mpc(walk, noisy, seed, ignore_progress) for seed in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"horizon": 7}, "horizon=7 must not be shorter than the executed part"),
        ({"execute": 0}, "execute must be at least 1"),
        ({"iterations": 0}, "iterations must be at least 1"),
        ({"samples": -1}, "samples must be at least 0"),
        ({"noise": float("inf")}, "noise must be at least 0"),
        ({"polish": -1}, "polish must be at least 0"),
    ],
)
def test_settings_are_checked(changes: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MpcSettings(**changes)  # type: ignore[arg-type]
