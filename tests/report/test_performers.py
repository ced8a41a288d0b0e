"""What can be watched moves as it does elsewhere; a push is a push."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v2 as imageio
import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.pidog.env import PiDogEnv
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.actions import RefinedActions
from sb3_mimic.refinement.replay import control_steps, replay
from sb3_mimic.report.performers import (
    ActionsPerformer,
    ClipPerformer,
    Performer,
    PolicyPerformer,
    film,
)


class Still:
    """Asks for nothing but the reference, or to stand."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros(28 if len(observation) > 100 else 8, np.float32), None


@pytest.fixture(scope="module")
def walker() -> Iterator[PolicyPerformer]:
    env = HumanoidMimicEnv("walk")
    with closing(PolicyPerformer(Still(), env, "still", options={"phase": 0.0})) as performer:
        yield performer


def momentum(performer: Performer) -> np.ndarray:
    """Linear momentum of the whole body, (3,) [kg·m/s]."""
    model = performer.robot.model
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = performer.env.qpos, performer.env.qvel
    mujoco.mj_forward(model, data)
    mujoco.mj_subtreeVel(model, data)
    total: np.ndarray = data.subtree_linvel[0] * model.body_subtreemass[0]
    return total


def test_a_clip_is_its_reference_and_goes_round() -> None:
    with closing(ClipPerformer("walk")) as performer:
        reference = performer.env.reference
        steps = round(2.5 * reference.duration * performer.robot.control_rate)
        for step in range(steps):
            expected = reference.at(np.array([step / 30]))[0, reference.rows.qpos]
            np.testing.assert_array_equal(performer.qpos, expected)
            performer.step()
        assert performer.restarts == 0
        assert performer.ghost_qpos is None


def test_actions_go_through_the_states_of_their_replay() -> None:
    env = HumanoidMimicEnv("walk")
    n_steps = control_steps(env.reference)
    actions = np.random.default_rng(0).normal(0, 0.05, (n_steps, 28)).astype(np.float32)
    done = replay(env.reference, actions)
    with closing(ActionsPerformer(RefinedActions(actions), "walk", "noise")) as performer:
        for state in done.qpos[:-1]:
            np.testing.assert_array_equal(performer.qpos, state)
            assert performer.ghost_qpos is not None
            performer.step()
        assert performer.restarts == 1
        np.testing.assert_array_equal(performer.qpos, done.qpos[0])


def test_actions_for_another_clip_are_refused() -> None:
    with pytest.raises(InputError):
        ActionsPerformer(RefinedActions(np.zeros((3, 27), np.float32)), "walk", "a")


def test_a_policy_moves_as_in_its_environment(walker: PolicyPerformer) -> None:
    walker.restart()
    env = HumanoidMimicEnv("walk")
    observation, _ = env.reset(seed=1, options={"phase": 0.0})
    for _ in range(20):
        observation, *_ = env.step(Still().predict(observation)[0])
        walker.step()
        np.testing.assert_array_equal(walker.qpos, env.qpos)
    env.close()


def test_what_fell_starts_again(walker: PolicyPerformer) -> None:
    walker.restart()
    before = walker.restarts
    for _ in range(300):  # plain PD targets fall within seconds
        walker.step()
        if walker.restarts > before:
            break
    assert walker.restarts == before + 1
    assert walker.time == 0


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_a_push_adds_its_momentum(walker: PolicyPerformer, forward: float, left: float) -> None:
    walker.restart()
    for _ in range(3):
        walker.step()
    before = momentum(walker)
    walker.push(np.array([forward, left]))
    change = momentum(walker) - before
    assert np.linalg.norm(change[:2]) == pytest.approx(np.hypot(forward, left), abs=1e-6)
    assert abs(change[2]) < 1e-6
    # The walk goes along x, so that forward is nearly +x.
    if abs(forward) > 1 + 5 * abs(left):
        assert np.sign(change[0]) == np.sign(forward)


def test_the_policy_sees_the_push() -> None:
    env = gym.make("sb3_mimic/PiDog-v0").unwrapped
    assert isinstance(env, PiDogEnv)
    with closing(PolicyPerformer(Still(), env, "still")) as performer:
        performer.step()
        performer.push(np.array([0.1, 0.0]))
        np.testing.assert_array_equal(
            performer._observation, env.batched.observe(np.zeros(1, np.intp))[0]
        )


@pytest.mark.parametrize("ghost", [True, False])
def test_the_ghost_is_in_the_picture(ghost: bool, tmp_path: Path) -> None:
    env: MimicEnv = HumanoidMimicEnv("walk", width=96, height=96)
    with closing(PolicyPerformer(Still(), env, "still", options={"phase": 0.0})) as performer:
        for _ in range(25):  # it leaves its reference
            performer.step()
        pictures = {
            False: env.draw_state(performer.qpos),
            True: env.draw_state(performer.qpos, performer.ghost_qpos),
        }
        film(performer, tmp_path / "a.mp4", seconds=0.1, ghost=ghost)
    reader: Any = imageio.get_reader(tmp_path / "a.mp4")
    with closing(reader):
        frames = [frame.astype(float) for frame in reader]
    assert len(frames) == 3
    off = {key: np.abs(frames[0] - picture).mean() for key, picture in pictures.items()}
    assert off[ghost] < off[not ghost]
