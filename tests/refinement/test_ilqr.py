"""Sampled iLQR: its derivatives, its linear algebra, and that it never makes a plan worse."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sb3_mimic.envs.core.manifold import difference, displace
from sb3_mimic.errors import InputError
from sb3_mimic.refinement import load_reference
from sb3_mimic.refinement.ilqr import (
    Improvement,
    ImproveSettings,
    Plan,
    Policies,
    improve,
    linearize,
    resume,
    rollout_plan,
    rollout_policies,
    smooth_noise,
    solve_lqr,
)
from sb3_mimic.refinement.problem import TrackingProblem, quantize

seeds = st.integers(0, 2**32 - 1)
QUICK = ImproveSettings(iterations=2, samples=4, enough=0.0)


@pytest.fixture(scope="module")
def walk() -> Iterator[TrackingProblem]:
    with closing(TrackingProblem(load_reference("walk"), n_threads=1)) as problem:
        yield problem


def random_plan(
    problem: TrackingProblem, horizon: int, rng: np.random.Generator, start: int = 0
) -> tuple[np.ndarray, Plan]:
    """A state near the reference's, and a plan from there on."""
    tangent = rng.normal(0, 0.01, 2 * problem.nv)
    state = displace(problem.target(np.array([start]))[0], tangent)
    actions = rng.normal(0, 0.1, (horizon, problem.nu))
    return state, rollout_plan(problem, state, actions, start)


def test_the_derivatives_predict_what_a_small_change_does(walk: TrackingProblem) -> None:
    rng = np.random.default_rng(0)
    state, plan = random_plan(walk, 6, rng)
    by_state, by_action = linearize(walk, state, plan, 0)
    assert by_state.shape == (6, 2 * walk.nv, 2 * walk.nv)
    assert by_action.shape == (6, 2 * walk.nv, walk.nu)
    before = np.concatenate((state[None], plan.states[:-1]))
    for i in range(6):
        tangent = rng.normal(0, 1e-7, 2 * walk.nv)
        change = rng.normal(0, 1e-7, walk.nu)
        moved = walk.rollout(
            displace(before[i], tangent)[None], (plan.actions[i] + change)[None, None], i
        )
        found = difference(moved[0, 0], plan.states[i])
        predicted = by_state[i] @ tangent + by_action[i] @ change
        error = np.linalg.norm(found - predicted) / np.linalg.norm(found)
        assert error < 0.02, (i, error)


def test_long_plans_are_linearized_in_parts(
    walk: TrackingProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, plan = random_plan(walk, 5, np.random.default_rng(1), start=7)
    whole = linearize(walk, state, plan, 7)
    monkeypatch.setattr("sb3_mimic.refinement.ilqr.lqr._LINEARIZED_AT_ONCE", 2)
    for one, other in zip(whole, linearize(walk, state, plan, 7), strict=True):
        np.testing.assert_array_equal(one, other)


def dense_policy(
    problem: TrackingProblem,
    plan: Plan,
    jacobians: tuple[np.ndarray, np.ndarray],
    first: int,
    free: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Optimal change of step ``first``'s actions, and its derivative by the state before it.

    All later changes of the actions that are ``free (horizon, nu)`` are unknowns of one least
    squares problem: half the weighted squares of the linearized errors and of the actions.
    """
    by_state, by_action = jacobians
    horizon, nu, nx = len(plan.actions), problem.nu, 2 * problem.nv
    n = horizon - first
    # The deviation after each step is `from_state @ deviation before + from_actions @ changes`.
    from_state, from_actions = np.eye(nx), np.zeros((nx, n * nu))
    rows, right, right_by_state = [], [], []
    errors = problem.errors(plan.states[None], 0)[0]
    for i in range(first, horizon):
        from_state = by_state[i] @ from_state
        from_actions = by_state[i] @ from_actions
        at = (i - first) * nu
        from_actions[:, at : at + nu] += by_action[i]
        weight = np.sqrt(problem.error_weights(np.array([i + 1]))[0])
        rows.append(weight[:, None] * from_actions)
        right.append(-weight * errors[i])
        right_by_state.append(-weight[:, None] * from_state)
    effort = np.sqrt(problem.weights.action)
    rows.append(effort * np.eye(n * nu))
    right.append(-effort * plan.actions[first:].ravel())
    right_by_state.append(np.zeros((n * nu, nx)))
    matrix = np.concatenate(rows)[:, free[first:].ravel()]
    sides = np.column_stack((np.concatenate(right), np.concatenate(right_by_state)))
    solution = np.zeros((n * nu, 1 + nx))
    solution[free[first:].ravel()] = np.linalg.lstsq(matrix, sides, rcond=None)[0]
    return solution[:nu, 0], solution[:nu, 1:]


def random_jacobians(
    problem: TrackingProblem, horizon: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    nx = 2 * problem.nv
    by_state = np.eye(nx) + rng.normal(0, 0.3 / np.sqrt(nx), (horizon, nx, nx))
    return by_state, rng.normal(0, 0.3, (horizon, nx, problem.nu))


@settings(max_examples=5)
@given(seed=seeds)
def test_policies_are_the_solution_of_the_linear_quadratic_problem(
    walk: TrackingProblem, seed: int
) -> None:
    rng, horizon = np.random.default_rng(seed), 3
    _, plan = random_plan(walk, horizon, rng)
    jacobians = random_jacobians(walk, horizon, rng)
    found = solve_lqr(walk, plan, jacobians, 0, np.zeros(1))
    free = np.ones((horizon, walk.nu), np.bool_)
    for i in range(horizon):
        change, gain = dense_policy(walk, plan, jacobians, i, free)
        np.testing.assert_allclose(found.offsets[0, i], change, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.gains[0, i], gain, rtol=1e-6, atol=1e-7)


@settings(max_examples=5)
@given(seed=seeds)
def test_actions_at_their_bounds_are_left_there(walk: TrackingProblem, seed: int) -> None:
    rng, horizon = np.random.default_rng(seed), 3
    _, plan = random_plan(walk, horizon, rng)
    bounds = rng.choice([-1.0, 1.0], plan.actions.shape)
    at_bound = rng.random(plan.actions.shape) < 0.5
    plan = replace(plan, actions=np.where(at_bound, bounds, plan.actions))
    jacobians = random_jacobians(walk, horizon, rng)
    found = solve_lqr(walk, plan, jacobians, 0, np.zeros(1))
    free = (found.gains[0] != 0).any(axis=-1)
    assert free[~at_bound].all()
    assert not free[at_bound].all()
    np.testing.assert_array_equal(found.offsets[0][~free], 0.0)
    for i in range(horizon):
        change, gain = dense_policy(walk, plan, jacobians, i, free)
        np.testing.assert_allclose(found.offsets[0, i], change, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.gains[0, i], gain, rtol=1e-6, atol=1e-7)


def test_damping_holds_back(walk: TrackingProblem) -> None:
    rng = np.random.default_rng(0)
    _, plan = random_plan(walk, 4, rng)
    dampings = np.array([0.0, 1e-2, 1.0, 1e6])
    found = solve_lqr(walk, plan, random_jacobians(walk, 4, rng), 0, dampings)
    last = np.linalg.norm(found.offsets[:, -1], axis=-1)
    assert (np.diff(last) < 0).all()
    np.testing.assert_allclose(found.offsets[-1], 0, atol=1e-4)
    np.testing.assert_allclose(found.gains[-1], 0, atol=1e-3)


@given(seed=seeds)
@settings(max_examples=5)
def test_policies_that_do_nothing_are_the_plan(walk: TrackingProblem, seed: int) -> None:
    state, plan = random_plan(walk, 5, np.random.default_rng(seed), start=3)
    nothing = Policies(np.zeros((2, 5, walk.nu)), np.zeros((2, 5, walk.nu, 2 * walk.nv)))
    states, actions = rollout_policies(walk, state, plan, nothing, 3)
    for i in range(2):
        np.testing.assert_array_equal(states[i], plan.states)
        np.testing.assert_array_equal(actions[i], plan.actions)


def test_a_lost_trial_costs_infinitely_much(walk: TrackingProblem) -> None:
    state, plan = random_plan(walk, 3, np.random.default_rng(0))
    nothing = Policies(np.zeros((1, 3, walk.nu)), np.ones((1, 3, walk.nu, 2 * walk.nv)))
    states, actions = rollout_policies(walk, np.full_like(state, np.nan), plan, nothing, 0)
    assert np.isfinite(actions).all()
    assert np.isinf(walk.costs(states, actions, 0)).all()


@settings(max_examples=5)
@given(seed=seeds)
def test_a_plan_never_gets_worse(walk: TrackingProblem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state, plan = random_plan(walk, 5, rng)
    told: list[Improvement] = []
    better = improve(walk, state, plan, 0, QUICK, rng, told.append)
    costs = [plan.cost, *(row.plan.cost for row in told)]
    assert costs == sorted(costs, reverse=True)
    assert better.cost == costs[-1] < plan.cost
    assert [row.iterations for row in told] == [1, 2]
    # What it promises is what its actions do, and they are what an environment takes.
    np.testing.assert_array_equal(better.actions, quantize(better.actions))
    again = rollout_plan(walk, state, better.actions, 0)
    np.testing.assert_array_equal(again.states, better.states)
    np.testing.assert_array_equal(again.costs, better.costs)


def test_an_improvement_goes_on_where_it_was(walk: TrackingProblem) -> None:
    longer = replace(QUICK, iterations=4)
    rng = np.random.default_rng(0)
    state, plan = random_plan(walk, 5, rng)
    told: list[tuple[Improvement, Mapping[str, Any]]] = []
    whole = improve(
        walk, state, plan, 0, longer, rng, lambda now: told.append((now, rng.bit_generator.state))
    )
    for now, drawn in told:
        other = np.random.default_rng(1)
        other.bit_generator.state = drawn
        restored = Improvement.from_snapshot(now.snapshot("any"))
        np.testing.assert_array_equal(
            resume(walk, state, restored, 0, longer, other).actions, whole.actions
        )


def test_a_plan_that_cannot_be_improved_is_kept(walk: TrackingProblem) -> None:
    rng = np.random.default_rng(0)
    state, plan = random_plan(walk, 4, rng)
    told: list[Improvement] = []
    demanding = replace(QUICK, iterations=5, samples=0, tolerance=1e9, patience=2)
    improve(walk, state, plan, 0, demanding, rng, told.append)
    assert len(told) == 2
    assert improve(walk, state, plan, 0, replace(QUICK, iterations=0), rng) is plan


def test_a_plan_that_is_good_enough_is_kept(walk: TrackingProblem) -> None:
    rng = np.random.default_rng(0)
    state, plan = random_plan(walk, 4, rng)
    mean = float(plan.costs.mean())
    assert improve(walk, state, plan, 0, replace(QUICK, enough=1.01 * mean), rng) is plan
    assert improve(walk, state, plan, 0, replace(QUICK, enough=0.99 * mean), rng) is not plan


def test_noise_is_linear_between_knots() -> None:
    noise = smooth_noise(2000, 8, 2, np.random.default_rng(0))
    assert noise.shape == (2000, 8, 2)
    knots = noise[:, ::3]
    np.testing.assert_allclose(knots.std(axis=0), 1, atol=0.1)
    bends = np.diff(noise, 2, axis=1)
    np.testing.assert_allclose(bends[:, [0, 1, 3, 4]], 0, atol=1e-12)
    assert np.abs(bends[:, 2]).max() > 0.1


@pytest.mark.parametrize(
    "changes",
    [{"iterations": -1}, {"samples": -1}, {"noise": float("nan")}, {"patience": 0}],
)
def test_settings_are_checked(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(changes))} must be at least"):
        replace(QUICK, **changes)  # type: ignore[arg-type]
