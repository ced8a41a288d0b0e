"""PiDog's task: observation, action, reward, start, end and camera."""

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs import PiDogEnv
from sb3_mimic.envs.core.measurements import draw_measurements, read_measurements
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.gaits import make_gait
from sb3_mimic.envs.pidog.legs import LEFT_SIGN, LEGS, STAND, to_servo
from sb3_mimic.envs.pidog.tasks import PiDogReward
from sb3_mimic.errors import InputError

# The same with left and right legs exchanged, and axes across the body turned round.
MIRRORED_LEGS = np.array([2, 3, 0, 1, 6, 7, 4, 5])


def make(**kwargs: Any) -> PiDogEnv:
    env = gym.make("sb3_mimic/PiDog-v0", **kwargs).unwrapped
    assert isinstance(env, PiDogEnv)
    return env


@cache
def shared(name: str = "one") -> PiDogEnv:
    """An environment that the examples of a property use one after the other."""
    return make()


def mirrored_state(qpos: FloatArray, qvel: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The state seen in a mirror in the x–z plane."""
    qpos, qvel = qpos.copy(), qvel.copy()
    qpos[1] *= -1
    qpos[[4, 6]] *= -1
    qvel[[1, 3, 5]] *= -1
    # Servo angles of mirrored legs differ in sign.
    qpos[7:] = -qpos[7:][MIRRORED_LEGS]
    qvel[6:] = -qvel[6:][MIRRORED_LEGS]
    return qpos, qvel


def mirrored_observation(observation: FloatArray) -> FloatArray:
    angles, velocities, rates, up, action = np.split(observation, (8, 16, 19, 22))
    return np.concatenate(
        (
            angles[MIRRORED_LEGS],
            velocities[MIRRORED_LEGS],
            rates * (-1, 1, -1),
            up * (1, -1, 1),
            action[MIRRORED_LEGS],
        )
    )


def test_observation_is_what_it_says() -> None:
    env = make()
    env.reset(seed=1)
    action = np.linspace(-0.3, 0.3, 8, dtype=np.float32)
    for _ in range(3):
        observation, *_ = env.step(action)
    angles, velocities, rates, up, last = np.split(observation, (8, 16, 19, 22))
    np.testing.assert_allclose(angles, LEFT_SIGN * env.qpos[7:] - STAND, atol=1e-6)
    np.testing.assert_allclose(velocities, LEFT_SIGN * env.qvel[6:], rtol=1e-6)
    robot, sensors = env.batched.robot, env.batched.sensors[0]
    np.testing.assert_allclose(rates, sensors[robot.sensor("gyro")], atol=1e-5)
    w, x, y, z = sensors[robot.sensor("orientation")]
    body_up = (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
    np.testing.assert_allclose(up, body_up, atol=1e-6)
    np.testing.assert_array_equal(last, action)
    env.close()


def test_last_action_is_the_clipped_one_and_starts_at_zero() -> None:
    env = make()
    observation, _ = env.reset(seed=0)
    np.testing.assert_array_equal(observation[-8:], 0.0)
    observation, *_ = env.step(np.full(8, 3.0, np.float32))
    np.testing.assert_array_equal(observation[-8:], 1.0)
    env.close()


@given(hnp.arrays(np.float64, (1, 8), elements=st.floats(-1, 1)))
def test_action_is_an_offset_from_the_stand(action: FloatArray) -> None:
    degrees = np.rad2deg(LEFT_SIGN * shared().batched.controls(action)[0])
    expected = np.clip(np.rad2deg(STAND) + 45 * action[0], -90, 90)
    np.testing.assert_allclose(degrees, expected, atol=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_left_and_right_are_mirror_images(seed: int) -> None:
    """A mirrored state under mirrored actions stays the mirror image."""
    rng = np.random.default_rng(seed)
    one, other = shared(), shared("other")
    one.reset(seed=seed)
    other.reset(seed=seed)
    other.set_state(*mirrored_state(one.qpos, one.qvel))
    for _ in range(10):
        action = rng.uniform(-0.5, 0.5, 8).astype(np.float32)
        observation, reward, terminated, _, _ = one.step(action)
        seen, reward_seen, terminated_seen, _, _ = other.step(action[MIRRORED_LEGS])
        np.testing.assert_allclose(seen, mirrored_observation(observation), atol=1e-4)
        assert reward_seen == pytest.approx(reward, abs=1e-5)
        assert terminated_seen == terminated
        if terminated:
            break


def test_starts_near_the_settled_stand_with_the_lowest_foot_on_the_floor() -> None:
    env = make()
    batch = env.make_batch(50)
    batch.reset(np.arange(50), [np.random.default_rng(i) for i in range(50)], [{}] * 50)
    stand = batch.robot.model.key("stand").qpos
    deviation = np.abs(batch.qpos[:, 7:] - stand[7:])
    assert 0.045 < deviation.max() <= 0.05
    feet = np.stack(
        [batch.sensors[:, batch.robot.sensor(f"{leg}_foot_position")][:, 2] for leg in LEGS], axis=1
    )
    np.testing.assert_allclose(feet.min(axis=1), 0.005, atol=1e-12)
    assert not batch.fallen().any()
    np.testing.assert_array_equal(batch.qvel, 0.0)
    batch.close()
    env.close()


def test_standing_still_lasts_the_episode_and_earns_next_to_nothing() -> None:
    env = make()
    env.reset(seed=0)
    total, steps, truncated, terminated = 0.0, 0, False, False
    while not (terminated or truncated):
        _, reward, terminated, truncated, _ = env.step(np.zeros(8, np.float32))
        total, steps = total + reward, steps + 1
    assert truncated
    assert steps == 1000
    assert -30 < total < 0
    env.close()


@pytest.mark.parametrize(
    ("axis", "angle", "height", "ends"),
    [
        ((1, 0, 0), 55, 0.2, False),
        ((1, 0, 0), 65, 0.2, True),
        ((0, 1, 0), -65, 0.2, True),
        ((0, 1, 0), 0, 0.05, False),
        # The belly lies 12 mm under the hips.
        ((0, 1, 0), 0, 0.011, True),
        ((0, 1, 0), 40, 0.05, True),
    ],
)
def test_ends_by_tilt_or_by_the_torso_on_the_floor(
    axis: tuple[float, float, float], angle: float, height: float, ends: bool
) -> None:
    env = make()
    env.reset(seed=0)
    qpos = env.qpos.copy()
    half = np.deg2rad(angle) / 2
    qpos[2], qpos[3], qpos[4:7] = height, np.cos(half), np.sin(half) * np.array(axis)
    env.set_state(qpos, np.zeros(14))
    assert bool(env.batched.fallen()[0]) is ends
    env.close()


def test_reward_terms_are_what_they_say() -> None:
    weights = PiDogReward()
    env = make()
    env.reset(seed=3)
    gait = make_gait("sine")
    previous = np.zeros(8)
    yaw_rate = 0.0
    for step in range(20):
        before = env.qpos[:2].copy()
        action = gait.actions(step / 50).astype(np.float32)
        _, reward, _, _, info = env.step(action)
        terms = info["reward_terms"]
        assert sum(terms.values()) == pytest.approx(reward, abs=1e-12)
        w, x, y, z = env.qpos[3:7]
        yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        dx, dy = (env.qpos[:2] - before) * 50
        forward = np.cos(yaw) * dx + np.sin(yaw) * dy
        sideways = np.cos(yaw) * dy - np.sin(yaw) * dx
        # Averaged exponentially over half a second: 25 control steps.
        yaw_rate += (env.qvel[5] - yaw_rate) / 25
        expected = {
            "forward_velocity": np.clip(forward / 0.5, -1, 1),
            "drift": -weights.drift * sideways**2,
            "turning": -weights.turning * yaw_rate**2,
            "tilt": -weights.tilt * (1 - (1 - 2 * (x * x + y * y)) ** 2),
            "shaking": -weights.shaking * (env.qvel[3] ** 2 + env.qvel[4] ** 2),
            "action_rate": -weights.action_rate * np.mean((action - previous) ** 2),
            "fall": 0.0,
        }
        for name, value in expected.items():
            assert terms[name] == pytest.approx(value, abs=1e-6), name
        assert -weights.torque <= terms["torque"] < 0
        assert set(terms) == {*expected, "torque"}
        previous = action.astype(np.float64)
    env.close()


def test_a_dive_does_not_pay() -> None:
    """However fast, no step earns more than the limit's, and the fall costs."""
    env = make()
    env.reset(seed=0)
    qvel = np.zeros(14)
    qvel[0] = 5.0
    env.set_state(env.qpos.copy(), qvel)
    _, _, _, _, info = env.step(np.zeros(8, np.float32))
    assert info["reward_terms"]["forward_velocity"] == 1.0
    qpos = env.qpos.copy()
    qpos[3:7] = (np.cos(0.6), 0.0, np.sin(0.6), 0.0)
    env.set_state(qpos, np.zeros(14))
    _, _, terminated, _, info = env.step(np.zeros(8, np.float32))
    assert terminated
    assert info["reward_terms"]["fall"] == -10.0
    env.close()


def test_a_placed_robot_has_not_moved() -> None:
    env = make()
    env.reset(seed=0)
    qpos = env.qpos.copy()
    qpos[0] += 1.0
    env.set_state(qpos, np.zeros(14))
    _, _, _, _, info = env.step(np.zeros(8, np.float32))
    assert abs(info["reward_terms"]["forward_velocity"]) < 0.2
    env.close()


def test_the_default_gait_walks() -> None:
    env = make()
    batch = env.make_batch(8)
    batch.reset(np.arange(8), [np.random.default_rng(i) for i in range(8)], [{}] * 8)
    gait = make_gait("sine")
    for step in range(250):
        batch.step(np.tile(gait.actions(step / 50), (8, 1)))
        assert not batch.fallen().any()
    assert (batch.qpos[:, 0] / 5.0 > 0.25).all()
    batch.close()
    env.close()


@pytest.mark.parametrize(
    "options",
    [
        {"reward": PiDogReward(forward_velocity=2.0)},
        {"floor_friction": 0.3},
        {"mass": 0.95},
    ],
)
def test_every_option_does_something(options: dict[str, Any]) -> None:
    rewards = []
    for kwargs in ({}, options):
        env = make(**kwargs)
        env.reset(seed=0)
        gait = make_gait("sine")
        rewards.append([env.step(gait.actions(i / 50).astype(np.float32))[1] for i in range(30)])
        env.close()
    assert not np.allclose(rewards[0], rewards[1])


def test_episode_seconds() -> None:
    env = make(episode_seconds=0.1)
    env.reset(seed=0)
    ends = [env.step(np.zeros(8, np.float32))[3] for _ in range(5)]
    assert ends == [False] * 4 + [True]
    env.close()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"floor_friction": 0.0}, "floor_friction=0.0 must be positive"),
        ({"mass": -1.0}, "mass=-1.0 must be positive"),
        ({"episode_seconds": 0.0}, "episode_seconds=0.0 must be positive"),
        ({"render_mode": "ansi"}, "render_mode 'ansi'"),
    ],
)
def test_bad_options(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**kwargs)


def test_bad_reward() -> None:
    with pytest.raises(InputError, match="speed_limit"):
        PiDogReward(speed_limit=0.0)


def test_reset_takes_no_options() -> None:
    env = make()
    with pytest.raises(InputError, match="takes no options, not 'phase'"):
        env.reset(options={"phase": 0.5})
    env.close()


@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 4), st.integers(1, 84)), elements=st.floats(-20, 20)
    )
)
def test_measurements_survive_being_drawn(values: FloatArray) -> None:
    pixels = draw_measurements(values, 84)
    assert pixels.shape == (len(values), 84, 3)
    assert pixels.dtype == np.uint8
    read = read_measurements(pixels)
    m = values.shape[1]
    np.testing.assert_allclose(read[:, :m], np.clip(values, -8, 8), atol=2.5e-4)
    np.testing.assert_array_equal(read[:, m:], 0.0)


def test_camera_observation_is_the_picture_over_the_measurements() -> None:
    env, plain = make(use_camera=True), make()
    image, _ = env.reset(seed=4)
    numbers, _ = plain.reset(seed=4)
    action = make_gait("sine").actions(0.0).astype(np.float32)
    for _ in range(5):
        image, reward, *_ = env.step(action)
        numbers, plain_reward, *_ = plain.step(action)
    assert image.shape == (85, 84, 3)
    assert image.dtype == np.uint8
    assert env.observation_space.contains(image)
    assert reward == plain_reward
    scales = np.repeat((0.3, 4.0, 1.0, 0.1, 0.3), (8, 8, 3, 3, 8))
    read = read_measurements(image[None, 84])[0]
    np.testing.assert_allclose(read[:30], np.clip(numbers / scales, -8, 8), atol=2.5e-4)
    # Sky above, which is bluer than the checkered floor below.
    sky, floor = image[:20].reshape(-1, 3), image[60:84].reshape(-1, 3)
    assert (sky[:, 2].mean() - sky[:, 0].mean()) > (floor[:, 2].mean() - floor[:, 0].mean()) + 10
    assert floor.std() > sky[:, 0].std()
    env.close()
    plain.close()


def test_camera_sees_the_robot_tilt() -> None:
    env = make(use_camera=True)
    env.reset(seed=0)
    pictures = []
    for angle in (-0.15, 0.15):
        qpos = env.qpos.copy()
        qpos[3:7] = (np.cos(angle), 0.0, np.sin(angle), 0.0)
        env.set_state(qpos, np.zeros(14))
        pictures.append(env.batched.observe(np.zeros(1, np.intp))[0, :84].astype(int))
    nose_up, nose_down = pictures
    blueness = [np.mean(p[..., 2] - p[..., 0]) for p in (nose_up, nose_down)]
    assert blueness[0] > blueness[1] + 5
    env.close()


def test_a_batch_with_cameras_sees_what_one_sees() -> None:
    env = make(use_camera=True)
    single, _ = env.reset(seed=0)
    batch = env.make_batch(3)
    assert isinstance(batch, PiDogBatch)
    generators = [gym.utils.seeding.np_random(0)[0] for _ in range(3)]
    for image in batch.reset(np.arange(3), generators, [{}] * 3):
        np.testing.assert_array_equal(image, single)
    batch.close()
    env.close()


def test_servo_targets_of_the_stand() -> None:
    env = make()
    np.testing.assert_allclose(env.batched.controls(np.zeros((1, 8)))[0], to_servo(STAND))
    env.close()
