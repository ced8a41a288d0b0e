"""PiDog's gaits as functions of the phase, and demonstrations of them."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imitation.data.types import TrajectoryWithRew

from sb3_mimic.demos.pidog.gait import collect_gait
from sb3_mimic.envs import PiDogEnv
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.gaits import GAITS, SINE_FREQUENCY, Gait, make_gait
from sb3_mimic.envs.pidog.legs import LEFT_SIGN, STAND, forward_kinematics
from sb3_mimic.errors import InputError

ENV_ID = "sb3_mimic/PiDog-v0"
SHORT = {"episode_seconds": 1.0}

gaits = st.sampled_from(sorted(GAITS)).map(GAITS.__getitem__)
times = st.floats(0.0, 30.0)


def tips(gait: Gait, time: float) -> np.ndarray:
    """The tips' targets [mm] as the vendor gives them: y + backward and z down, shape (4, 2)."""
    angles = gait.left_sign_angles(time).reshape(4, 2)
    x, z = forward_kinematics(angles[:, 0], angles[:, 1])
    return np.stack((-1e3 * x, -1e3 * z), axis=1)


@given(gaits, times)
def test_gaits_are_periodic(gait: Gait, time: float) -> None:
    np.testing.assert_allclose(
        gait.left_sign_angles(time + gait.period), gait.left_sign_angles(time), atol=1e-9
    )


@given(gaits, times)
def test_gaits_are_continuous(gait: Gait, time: float) -> None:
    step = 1e-5
    change = gait.left_sign_angles(time + step) - gait.left_sign_angles(time)
    # The vendor's servo driver asks for up to 635° per second.
    assert np.abs(change).max() <= np.deg2rad(640) * step


@given(gaits, times)
def test_actions_are_within_bounds_and_give_the_servo_angles(gait: Gait, time: float) -> None:
    actions = gait.actions(time)
    assert np.abs(actions).max() <= 1.0
    np.testing.assert_allclose(
        LEFT_SIGN * (STAND + np.pi / 4 * actions), gait.servo_angles(time), atol=1e-12
    )


@given(gaits, st.lists(times, min_size=1, max_size=5))
def test_times_may_be_arrays(gait: Gait, several: list[float]) -> None:
    together = gait.servo_angles(several)
    assert together.shape == (len(several), 8)
    for row, time in zip(together, several, strict=True):
        np.testing.assert_array_equal(row, gait.servo_angles(time))


@given(st.sampled_from(["sine", "trot"]), times)
def test_half_a_cycle_later_left_and_right_have_changed_places(name: str, time: float) -> None:
    gait = GAITS[name]
    legs = gait.left_sign_angles(time).reshape(4, 2)
    later = gait.left_sign_angles(time + gait.period / 2).reshape(4, 2)
    np.testing.assert_allclose(later, legs[[1, 0, 3, 2]], atol=1e-9)


def test_sine_is_the_guides() -> None:
    gait = make_gait("sine")
    assert gait.period == 1 / SINE_FREQUENCY
    time = 0.0123
    # It starts a quarter in. Diagonal legs in phase; minus the guide's numbers is forward.
    t = 2 * np.pi * (SINE_FREQUENCY * time + 0.25)
    expected = [
        -number
        for shift in (0, np.pi, np.pi, 0)
        for number in (0.2 * np.sin(t + shift) - 0.1, 0.4 * np.cos(t + shift) - 0.2)
    ]
    np.testing.assert_allclose(gait.actions(time), expected, atol=1e-12)


def test_trot_goes_through_the_vendors_foot_targets() -> None:
    gait = make_gait("trot")
    # Frames last 70, 130, 70 ms, twice.
    found = [tips(gait, time) for time in (0.0, 0.07, 0.20, 0.27, 0.34, 0.47)]
    left_front = [(28, 80), (-22, 70), (-72, 60), (-38.7, 80), (-5.3, 80), (28, 80)]
    right_hind = [(38, 80), (-12, 70), (-62, 60), (-28.7, 80), (4.7, 80), (38, 80)]
    np.testing.assert_allclose([frame[0] for frame in found], left_front, atol=1e-6)
    np.testing.assert_allclose([frame[3] for frame in found], right_hind, atol=1e-6)


def test_trot_asks_for_more_speed_than_the_servos_have() -> None:
    gait = make_gait("trot")
    grid = np.arange(0.0, gait.period, 1e-3)
    speed = np.abs(np.diff(gait.left_sign_angles(grid), axis=0)).max() / 1e-3
    assert np.rad2deg(speed) == pytest.approx(462, abs=1)


def test_walk_lifts_one_leg_at_a_time_in_the_vendors_order() -> None:
    gait = make_gait("walk")
    path = np.array([tips(gait, time) for time in np.linspace(0, gait.period, 2000)])
    lifted = path[:, :, 1] < 79.0
    assert lifted.sum(axis=1).max() == 1
    first = np.argmax(lifted, axis=0)
    assert list(np.argsort(first)) == [0, 3, 1, 2]
    backmost, foremost = path[:, :, 0].max(axis=0), path[:, :, 0].min(axis=0)
    np.testing.assert_allclose(foremost, (-65, -65, -35, -35), atol=0.1)
    np.testing.assert_allclose(backmost, (15, 15, 45, 45), atol=0.1)
    assert path[:, :, 1].min() == pytest.approx(60, abs=0.1)


def test_frequency_is_an_option() -> None:
    slow = make_gait("sine", 2.0)
    np.testing.assert_allclose(
        slow.actions(0.1), make_gait("sine").actions(0.1 * 2.0 / SINE_FREQUENCY)
    )
    with pytest.raises(InputError, match="frequency must be positive"):
        make_gait("sine", 0.0)


@given(gaits, times)
def test_no_stride_stays_in_place_and_turns_shorten_one_side(gait: Gait, time: float) -> None:
    still = gait.left_sign_angles(np.linspace(0, gait.period, 50), speed=0.0).reshape(50, 4, 2)
    if gait.name == "sine":
        assert np.ptp(still[..., 0], axis=0).max() < 1e-12
    else:  # up and down; between frames it is the angles that move evenly
        x, _ = forward_kinematics(still[..., 0], still[..., 1])
        assert np.ptp(x, axis=0).max() < 1e-3
    straight = gait.left_sign_angles(time).reshape(4, 2)
    left = gait.left_sign_angles(time, turn=1.0).reshape(4, 2)
    right = gait.left_sign_angles(time, turn=-1.0).reshape(4, 2)
    np.testing.assert_allclose(left[[1, 3]], straight[[1, 3]], atol=1e-12)
    np.testing.assert_allclose(right[[0, 2]], straight[[0, 2]], atol=1e-12)
    short = gait.left_sign_angles(time, speed=gait.inner).reshape(4, 2)
    np.testing.assert_allclose(left[[0, 2]], short[[0, 2]], atol=1e-12)


def test_a_longer_stride_is_faster() -> None:
    gait = make_gait("sine", 2.0)
    env = gym.make(ENV_ID).unwrapped
    assert isinstance(env, PiDogEnv)
    batch = env.make_batch(3)
    batch.reset(np.arange(3), [np.random.default_rng(i) for i in range(3)], [{}] * 3)
    for step in range(300):
        batch.step(gait.actions(np.full(3, step / 50), speed=np.array([-1.0, 0.25, 1.0])))
    backward, slow, fast = batch.qpos[:, 0]
    assert backward < 0.05 * fast < slow < 0.7 * fast
    batch.close()
    env.close()


def test_demonstrations_for_commands_are_commanded_what_they_did() -> None:
    kwargs: dict[str, Any] = {"task": "velocity", "observation": "hardware"}
    kwargs |= {"clock_frequency": 2.0, "episode_seconds": 3.0}
    episodes = collect_gait(ENV_ID, "sine", 6, env_kwargs=kwargs, action_noise=0.0)
    commands = []
    for episode in episodes:
        observations = np.asarray(episode.obs)
        assert observations.shape[1] == 74
        # One command for all of the episode.
        assert (observations[:, -2:] == observations[0, -2:]).all()
        commands.append(observations[0, -2:])
        # The clock is the gait's phase: equal clocks, equal actions.
        period = 25
        np.testing.assert_allclose(episode.acts[:period], episode.acts[period : 2 * period])
    speeds = np.array(commands)[:, 0]
    hips = np.array([np.ptp(episode.acts[:, 0]) for episode in episodes])
    # The longer the stride, the faster the command.
    assert np.corrcoef(speeds, hips)[0, 1] > 0.8
    assert speeds.max() < 0.35


def test_unknown_gait_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown gait 'gallop'; there are sine, trot, walk"):
        make_gait("gallop")


def test_demonstrations_are_the_gait_in_the_environments_spaces() -> None:
    episodes = collect_gait(ENV_ID, "sine", 3, env_kwargs=SHORT, action_noise=0.0)
    assert len(episodes) == 3
    expected = make_gait("sine").actions(np.arange(50) / 50)
    for episode in episodes:
        assert isinstance(episode, TrajectoryWithRew)
        assert episode.obs.dtype == episode.acts.dtype == episode.rews.dtype == np.float32
        assert episode.obs.shape == (51, 30)
        assert not episode.terminal
        np.testing.assert_allclose(episode.acts, expected, atol=1e-6)
        # The last action in the observation is the one executed.
        np.testing.assert_allclose(episode.obs[1:, -8:], episode.acts, atol=1e-6)
    first, second = (np.asarray(episode.obs[0]) for episode in episodes[:2])
    assert not np.array_equal(first, second)


def test_noise_is_executed_but_not_recorded() -> None:
    (episode,) = collect_gait(ENV_ID, "sine", 1, env_kwargs=SHORT, action_noise=0.05)
    expected = make_gait("sine").actions(np.arange(50) / 50)
    np.testing.assert_allclose(episode.acts, expected, atol=1e-6)
    executed = episode.obs[1:, -8:] - episode.acts
    assert np.std(executed) == pytest.approx(0.05, rel=0.2)


def test_demonstrations_depend_on_the_seed_alone() -> None:
    several = collect_gait(ENV_ID, "sine", 3, seed=7, env_kwargs=SHORT)
    fewer = collect_gait(ENV_ID, "sine", 2, seed=7, env_kwargs=SHORT)
    others = collect_gait(ENV_ID, "sine", 1, seed=8, env_kwargs=SHORT)
    for one, same in zip(several, fewer, strict=False):
        np.testing.assert_array_equal(one.obs, same.obs)
        np.testing.assert_array_equal(one.rews, same.rews)
    assert not np.array_equal(np.asarray(several[0].obs), np.asarray(others[0].obs))


def test_an_episode_ends_where_the_robot_falls() -> None:
    episodes = collect_gait(ENV_ID, "sine", 4, action_noise=0.3, env_kwargs={"episode_seconds": 8})
    fallen = [episode for episode in episodes if episode.terminal]
    assert fallen
    for episode in fallen:
        assert len(episode) <= 400
        assert len(episode.obs) == len(episode.acts) + 1 == len(episode.rews) + 1
        # The price of the fall is paid in the last step.
        assert episode.rews[-1] < -5
        assert (episode.rews[:-1] > -5).all()


@pytest.mark.parametrize(
    ("env_id", "motion", "n_episodes", "noise", "message"),
    [
        (ENV_ID, "sine", 0, 0.0, "episodes must be positive"),
        (ENV_ID, "sine", 1, -0.1, "noise must not be negative"),
        (ENV_ID, "run", 1, 0.0, "unknown gait"),
        ("CartPole-v1", "sine", 1, 0.0, "is no PiDog"),
    ],
)
def test_bad_input(env_id: str, motion: str, n_episodes: int, noise: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        collect_gait(env_id, motion, n_episodes, action_noise=noise)


@pytest.mark.parametrize("at", [24, 25])
def test_a_fall_in_the_last_step_is_a_fall(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PiDogBatch, "_terminated", lambda self: self.steps == at)
    (episode,) = collect_gait(ENV_ID, "sine", 1, env_kwargs={"episode_seconds": 0.5})
    assert (len(episode), episode.terminal) == (at, True)
