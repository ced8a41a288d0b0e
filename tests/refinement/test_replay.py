"""Open-loop replay is the environment's own, to the last bit, and its figures say what they say."""

import subprocess
import sys
from contextlib import closing
from dataclasses import replace as changed

import gymnasium as gym
import numpy as np
import pytest

from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.refinement import load_reference
from sb3_mimic.refinement.problem import TrackingProblem
from sb3_mimic.refinement.replay import (
    control_steps,
    cycles_of,
    figures,
    measure,
    replay,
    single_step_errors,
)

WALK = load_reference("walk")


def noisy(n_steps: int, size: float = 0.05, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-size, size, (n_steps, 28)).astype(np.float32)


@pytest.mark.smoke
@pytest.mark.parametrize("cycles", [1, 2])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_replay_is_the_problems_rollout_bit_for_bit(cycles: int, n_threads: int) -> None:
    with closing(TrackingProblem(WALK, cycles, n_threads=n_threads)) as problem:
        actions = noisy(problem.n_steps)
        states = problem.rollout(problem.start[None], actions[None].astype(np.float64), 0)[0]
        start = problem.start
    done = replay(WALK, actions, cycles)
    rows = np.concatenate((done.qpos, done.qvel), axis=1)
    np.testing.assert_array_equal(rows[0], start)
    np.testing.assert_array_equal(rows[1:], states)


def test_a_replay_is_what_gymnasiums_environment_does() -> None:
    actions = noisy(control_steps(WALK))
    done = replay(WALK, actions)
    env = gym.make("sb3_mimic/HumanoidMimic-v0", motion="walk", early_termination="none")
    base = env.unwrapped
    assert isinstance(base, HumanoidMimicEnv)
    env.reset(options={"phase": 0.0})
    for step, action in enumerate(actions):
        reward = env.step(action)[1]
        np.testing.assert_array_equal(base.qpos, done.qpos[step + 1])
        np.testing.assert_array_equal(base.qvel, done.qvel[step + 1])
        assert reward == pytest.approx(done.reward[step], abs=1e-12)
    base.close()


def test_another_process_replays_the_same() -> None:
    code = (
        "import numpy as np, hashlib; from sb3_mimic.refinement import load_reference;"
        "from sb3_mimic.refinement.replay import replay;"
        "a = np.random.default_rng(0).uniform(-.05, .05, (32, 28)).astype(np.float32);"
        "d = replay(load_reference('walk'), a);"
        "print(d.qpos.tobytes().hex()[-4000:], d.qvel.tobytes().hex()[-4000:])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    done = replay(WALK, noisy(32))
    assert found.stdout.split() == [part.tobytes().hex()[-4000:] for part in (done.qpos, done.qvel)]


def test_errors_are_those_of_the_states() -> None:
    done = replay(WALK, noisy(control_steps(WALK)))
    assert done.joint_error.shape == (32, 12)
    # A hinge's error is its angle; a ball's is at most the sum of its hinges'.
    knee = WALK.robot.joint_names.index("left_knee")
    np.testing.assert_allclose(
        done.joint_error[:, done.joint_names.index("left_knee")],
        np.abs(done.hinge_error[:, knee]),
        atol=1e-12,
    )
    chest = [i for i, name in enumerate(WALK.robot.joint_names) if name.startswith("chest")]
    bound = np.abs(done.hinge_error[:, chest]).sum(axis=1)
    assert (done.joint_error[:, done.joint_names.index("chest")] <= bound + 1e-9).all()
    # A loop's contacts come back after a cycle.
    np.testing.assert_array_equal(done.reference_contact[0], done.reference_contact[-1])
    assert done.reference_contact.any(axis=1).mean() > 0.8
    assert done.reference_foot_skate < 0.02 < done.foot_skate


def test_one_step_from_the_reference_is_the_replays_first() -> None:
    actions = noisy(control_steps(WALK))
    single = single_step_errors(WALK, actions, n_threads=1)
    assert single.shape == (32, 12)
    np.testing.assert_array_equal(single[0], replay(WALK, actions).joint_error[0])


def test_figures_of_a_fall() -> None:
    # Every joint at full torque.
    actions = np.ones((control_steps(WALK, 2), 28), np.float32)
    done = replay(WALK, actions, 2)
    found = measure(WALK, actions, 2, n_threads=1)
    assert 0 < found.survived_fraction < 1
    first = int(done.fallen.argmax())
    assert found.survived_fraction == first / done.n_steps
    assert found.mean_reward == pytest.approx(done.reward[:first].sum() / done.n_steps)
    assert found.drift_max >= max(found.drift_50, found.drift_end)
    assert done.saturated[0].mean() > 0.3
    assert found.saturation == done.saturated.mean()
    assert found.worst_error == done.joint_error.max()
    assert 0 <= found.worst_frame < WALK.clip.n_frames
    assert found.error_50 == pytest.approx(done.joint_error[:50].mean())
    early = figures(WALK, done, 0.0, early_steps=10)
    assert early.error_50 == pytest.approx(done.joint_error[:10].mean())
    assert early.drift_50 == done.root_drift[9]


def test_cycles_are_known_from_the_number_of_actions() -> None:
    for cycles in (1, 2, 5):
        assert cycles_of(WALK, control_steps(WALK, cycles)) == cycles
    with pytest.raises(InputError, match="33 actions"):
        cycles_of(WALK, 33)
    once = load_reference(changed(load_motion("walk"), loop=False))
    assert cycles_of(once, 32) == 1
    with pytest.raises(InputError, match="64 actions"):
        cycles_of(once, 64)
    with pytest.raises(InputError, match="take 64 control steps"):
        replay(WALK, noisy(32), 2)
