"""Training with pushes: what comes, when, and how strong; and nothing else changes."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.pushes import PUSH_EVERY, PUSH_SECONDS, PUSH_SIDES, Pushes
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.robustness import push_test
from sb3_mimic.spatial import from_heading_frame, to_heading_frame
from sb3_mimic.training.config import TrainConfig

ID = "sb3_mimic/HumanoidMimic-v0"
RATE = 30.0
UPRIGHT = np.array([[1.0, 0.0, 0.0, 0.0]])


def make(**kwargs: Any) -> HumanoidMimicEnv:
    env = gym.make(ID, motion="wave", early_termination="none", **kwargs).unwrapped
    assert isinstance(env, HumanoidMimicEnv)
    return env


def made(n: int, **kwargs: Any) -> TrackingBatch:
    batch = make(**kwargs).make_batch(n, 1)
    batch.reset(np.arange(n), [np.random.default_rng(i) for i in range(n)], [{"phase": 0.0}] * n)
    return batch


@given(st.integers(1, 2000), st.floats(0.1, 1e3), st.integers(0, 2**32 - 1))
def test_every_two_seconds_have_one_whole_push_of_a_random_size(
    episode_steps: int, force: float, seed: int
) -> None:
    pushes = Pushes(1, episode_steps, RATE, force)
    pushes.draw(0, np.random.default_rng(seed))
    every, length = round(PUSH_EVERY * RATE), round(PUSH_SECONDS * RATE)
    forces = np.array([pushes.at(np.array([step]), UPRIGHT)[0] for step in range(2 * every)])
    assert not forces[:, 2].any()
    for window in (forces[:every], forces[every:]):
        sizes = np.linalg.norm(window, axis=1)
        pushed = np.flatnonzero(sizes)
        assert len(pushed) == length
        assert pushed[-1] - pushed[0] == length - 1
        assert 0 < sizes[pushed[0]] <= force * (1 + 1e-12)
        assert np.ptp(window[pushed], axis=0).max() == 0


def test_pushes_come_from_everywhere_at_every_moment() -> None:
    pushes = Pushes(2000, 60, RATE, 100.0)
    rng = np.random.default_rng(0)
    for index in range(2000):
        pushes.draw(index, rng)
    upright = np.tile(UPRIGHT, (2000, 1))
    rows = np.array([pushes.at(np.full(2000, step), upright) for step in range(60)])
    sizes = np.linalg.norm(rows, axis=2)
    strongest = rows[sizes.argmax(axis=0), np.arange(2000)]
    assert abs(strongest[:, :2].mean()) < 3.0
    assert sizes.max(axis=0).mean() == pytest.approx(50.0, abs=2.0)
    # All moments but those near the ends of the two seconds are equally likely.
    often = (sizes > 0).mean(axis=1)[6:54]
    assert often.min() > 0.08
    assert often.max() < 0.14


@given(st.integers(0, PUSH_SIDES - 1), st.floats(-np.pi, np.pi), st.integers(0, 2**32 - 1))
def test_a_direction_has_its_own_limit_and_turns_with_the_body(
    side: int, yaw: float, seed: int
) -> None:
    pushes = Pushes(200, 60, RATE, 100.0)
    pushes.limits = np.zeros(PUSH_SIDES)
    pushes.limits[side] = 40.0
    rng = np.random.default_rng(seed)
    for index in range(200):
        pushes.draw(index, rng)
    rotations = np.tile([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)], (200, 1))
    rows = np.array([pushes.at(np.full(200, step), rotations) for step in range(60)])
    forces = rows[np.linalg.norm(rows, axis=2).argmax(axis=0), np.arange(200)]
    sizes = np.linalg.norm(forces, axis=1)
    assert 0 < (sizes > 0).sum() < 200
    assert sizes.max() <= 40.0 * (1 + 1e-12)
    angles = np.arctan2(forces[:, 1], forces[:, 0])[sizes > 0] - yaw - side * 2 * np.pi / PUSH_SIDES
    away = np.abs((angles + np.pi) % (2 * np.pi) - np.pi)
    assert away.max() <= np.pi / PUSH_SIDES + 1e-9


@given(st.integers(0, 2**32 - 1))
def test_a_headings_frame_is_left_and_entered_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    yaw, vectors = rng.uniform(-np.pi, np.pi, 7), rng.normal(size=(7, 3))
    towards = np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
    world = from_heading_frame(towards, vectors)
    np.testing.assert_allclose(to_heading_frame(towards, world), vectors, atol=1e-12)
    # Forward in the frame is along the heading in the world.
    forward = from_heading_frame(towards, np.tile([1.0, 0.0, 0.0], (7, 1)))
    np.testing.assert_allclose(forward[:, :2], towards, atol=1e-12)


def test_a_push_keeps_the_direction_that_it_began_with() -> None:
    pushes = Pushes(1, 60, RATE, 100.0)
    pushes.draw(0, np.random.default_rng(0))
    spinning = [np.array([[np.cos(a), 0.0, 0.0, np.sin(a)]]) for a in np.arange(60) / 3]
    forces = np.array([pushes.at(np.array([k]), q)[0] for k, q in enumerate(spinning)])
    pushed = forces[forces.any(axis=1)]
    assert len(pushed) == round(PUSH_SECONDS * RATE)
    np.testing.assert_array_equal(pushed, np.tile(pushed[0], (len(pushed), 1)))


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_the_last_push_is_the_one_that_was_seen_last(episode_steps: int, seed: int) -> None:
    pushes = Pushes(1, episode_steps, RATE, 100.0)
    pushes.draw(0, np.random.default_rng(seed))
    before, began = np.zeros(3), -1
    for step in range(episode_steps):
        last = pushes.last(np.array([step]))
        force = pushes.at(np.array([step]), UPRIGHT)[0]
        if force.any() and (force != before).any():
            began = step
        before = force if force.any() else before
        assert last.since[0] == (step - began if began >= 0 else -1)
        if began >= 0:
            np.testing.assert_allclose(100.0 * last.parts[0], np.linalg.norm(before))
            side = np.arctan2(before[1], before[0]) / (2 * np.pi) * PUSH_SIDES
            assert round(side) % PUSH_SIDES == last.sides[0]


def test_the_body_gets_the_force_and_only_then_moves_otherwise() -> None:
    quiet, pushed = made(4), made(4, push_force=300.0)
    actions = np.zeros((4, 28), np.float32)
    untouched = np.ones(4, np.bool_)
    for _ in range(60):
        a, b = quiet.step(actions), pushed.step(actions)
        assert pushed.push is not None
        untouched &= ~pushed.push.any(axis=1)
        np.testing.assert_array_equal(a.observations[untouched], b.observations[untouched])
    assert not untouched.any()
    assert np.abs(quiet.qpos - pushed.qpos).max(axis=1).min() > 1e-3


def test_an_episode_is_the_same_alone_and_in_a_batch() -> None:
    batch = made(3, push_force=200.0)
    alone = made(1, push_force=200.0)
    alone.reset(np.array([0]), [np.random.default_rng(2)], [{"phase": 0.0}])
    batch.reset(np.arange(3), [np.random.default_rng(i) for i in range(3)], [{"phase": 0.0}] * 3)
    rng = np.random.default_rng(5)
    for _ in range(90):
        actions = rng.uniform(-0.2, 0.2, (3, 28)).astype(np.float32)
        together, single = batch.step(actions), alone.step(actions[2:])
        np.testing.assert_array_equal(together.observations[2], single.observations[0])


def test_the_push_test_pushes_by_itself() -> None:
    class Zero:
        def predict(
            self,
            observation: Any,
            state: Any = None,
            episode_start: Any = None,
            deterministic: Any = 0,
        ) -> tuple[np.ndarray, None]:
            return np.zeros((*observation.shape[:-1], 28), np.float32), None

    plain = push_test(Zero(), ID, {"motion": "wave"}, n_phases=2)
    trained = push_test(Zero(), ID, {"motion": "wave", "push_force": 300.0}, n_phases=2)
    np.testing.assert_array_equal(plain.forward, trained.forward)
    np.testing.assert_array_equal(plain.sideways, trained.sideways)


@pytest.mark.parametrize("force", [-1.0, np.inf, np.nan])
def test_what_is_no_force_is_refused(force: float) -> None:
    with pytest.raises(InputError, match="push_force"):
        make(push_force=force)


def test_what_trains_may_leave_the_reference_pushed_or_not() -> None:
    for force in (0.0, 200.0):
        config = TrainConfig(push_force=force)
        batch = HumanoidMimicEnv(**config.training_env_kwargs).make_batch(1)
        assert isinstance(batch, TrackingBatch)
        assert (batch.options.push_force, batch.options.early_termination) == (force, "fall")


@given(st.floats(0.0, 100.0), st.integers(0, 2**32 - 1))
def test_a_limit_holds_for_pushes_that_were_drawn_before(limit: float, seed: int) -> None:
    forces = []
    for early in (True, False):
        pushes = Pushes(3, 60, RATE, 100.0)
        rng = np.random.default_rng(seed)
        if early:
            pushes.limits = np.full(PUSH_SIDES, limit)
        for index in range(3):
            pushes.draw(index, rng)
        pushes.limits = np.full(PUSH_SIDES, limit)
        forces.append([pushes.at(np.full(3, k), np.tile(UPRIGHT, (3, 1))) for k in range(60)])
    np.testing.assert_array_equal(forces[0], forces[1])
    assert np.linalg.norm(forces[0], axis=2).max() <= limit * (1 + 1e-12)


@given(st.integers(130, 400), st.integers(0, 2**32 - 1))
def test_the_gap_after_a_push_is_that_to_the_next(episode_steps: int, seed: int) -> None:
    pushes = Pushes(1, episode_steps, RATE, 100.0)
    pushes.draw(0, np.random.default_rng(seed))
    began: list[int] = []
    gaps: list[int] = []
    for step in range(episode_steps):
        last = pushes.last(np.array([step]))
        if last.since[0] == 0:
            began.append(step)
            gaps.append(int(last.gaps[0]))
    assert gaps[: len(began) - 1] == np.diff(began).tolist()
