"""The servo's way with a target, and the sensors, as functions of arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.pidog import sensors as sensing
from sb3_mimic.envs.pidog.sensors import Imu
from sb3_mimic.envs.pidog.servo import Servo, delay_targets, send
from sb3_mimic.errors import InputError

seeds = st.integers(0, 2**32 - 1)


def send_all(targets: FloatArray, servo: Servo) -> tuple[FloatArray, FloatArray]:
    """Sent targets and shaft angles after each of ``(k, 8)`` targets, from rest at 0."""
    sent = shaft = np.zeros((1, 8))
    path = []
    for target in targets:
        sent, shaft = send(target[None], sent, shaft, servo, 0.02)
        path.append((sent[0], shaft[0]))
    sents, shafts = zip(*path, strict=True)
    return np.array(sents), np.array(shafts)


@given(seeds)
def test_servo_keeps_rate_tick_and_play(seed: int) -> None:
    targets = np.random.default_rng(seed).uniform(-90, 90, (30, 8))
    servo = Servo()
    sent, shaft = send_all(targets, servo)
    steps = np.abs(np.diff(np.vstack((np.zeros(8), sent)), axis=0))
    assert steps.max() <= 428 * 0.02 + 1e-9
    assert steps.max() == pytest.approx(8.56, abs=0.1)
    # The shaft is where the teeth touch: half the play from a whole tick, or further inside.
    ticks = 0.44 * np.rint(sent / 0.44)
    assert np.abs(shaft - ticks).max() <= 0.18 + 1e-9
    assert np.abs(ticks - sent).max() <= 0.22 + 1e-9


def test_play_is_lost_on_the_way_back_only() -> None:
    servo = Servo(rate_limit=0.0, tick=0.0, backlash=0.36)
    there = np.tile(np.array([1.0, 2.0, 3.0, 2.9, 2.7, 2.0])[:, None], 8)
    _, shaft = send_all(there, servo)
    np.testing.assert_allclose(shaft[:, 0], [0.82, 1.82, 2.82, 2.82, 2.82, 2.18])


def test_zeros_switch_everything_off() -> None:
    targets = np.random.default_rng(0).uniform(-90, 90, (10, 8))
    sent, shaft = send_all(targets, Servo(0.0, 0.0, 0.0, 0.0))
    np.testing.assert_array_equal(sent, targets)
    np.testing.assert_array_equal(shaft, targets)


@given(seeds, st.integers(0, 30), st.integers(1, 20))
def test_delay_shifts_the_targets_in_physics_steps(seed: int, delay: int, substeps: int) -> None:
    k = 1 + -(-delay // substeps)
    n_steps = k + 4
    targets = np.random.default_rng(seed).normal(size=(n_steps, 8))
    past = np.zeros((1, k, 8))
    arrived = []
    for target in targets:
        past = np.concatenate((past[:, 1:], target[None, None]), axis=1)
        arrived.append(delay_targets(past, np.array([delay]), substeps)[0])
    held = np.repeat(targets, substeps, axis=0)
    expected = np.concatenate((np.zeros((delay, 8)), held))[: n_steps * substeps]
    np.testing.assert_array_equal(np.concatenate(arrived), expected)


def test_each_robot_has_its_own_delay() -> None:
    past = np.arange(3.0)[None, :, None] + np.zeros((4, 1, 8))
    found = delay_targets(past, np.array([0, 3, 10, 20]), 10)[..., 0]
    np.testing.assert_array_equal(found[0], 2.0)
    np.testing.assert_array_equal(found[1], [1.0] * 3 + [2.0] * 7)
    np.testing.assert_array_equal(found[2], 1.0)
    np.testing.assert_array_equal(found[3], 0.0)


def test_imu_saturates_rounds_and_has_the_noise_it_says() -> None:
    n = sensing.TABLE_ROWS
    felt = np.tile([0.0, 5 * 9.81, -9.81], (n, 10, 1))
    rates = np.tile([100.0, 0.0, 0.5], (n, 10, 1))
    noise = sensing.normal_table()
    sample = sensing.imu_sample(felt, rates, np.zeros((n, 6)), noise, Imu())
    assert sample[:, 1].max() == 2.0
    assert sample[:, 3].max() == pytest.approx(np.deg2rad(2000))
    assert sample[:, 2].mean() == pytest.approx(-1.0, abs=1e-4)
    # 150 µg and .008°/s per root of 25 Hz.
    assert sample[:, 0].std() == pytest.approx(750e-6, rel=0.05)
    assert np.rad2deg(sample[:, 5].std()) == pytest.approx(0.04, rel=0.25)
    # 16.4 LSB/(°/s) and 16384 LSB/g.
    np.testing.assert_allclose(np.rint(sample[:, 5] * np.rad2deg(16.384)) % 1, 0)
    np.testing.assert_allclose(sample[:, 0] * 16384, np.rint(sample[:, 0] * 16384), atol=1e-6)
    silent = sensing.imu_sample(felt, rates, np.full((n, 6), 0.01), 0 * noise, Imu())
    assert silent[:, 0].std() == 0
    assert silent[0, 0] == pytest.approx(0.01, abs=1e-4)


@given(st.floats(20, 50))
def test_a_slow_sensor_has_its_rate(rate: float) -> None:
    steps = np.arange(1, 501)
    assert sensing.is_sampled(steps, rate, 50.0).sum() == pytest.approx(rate * 10, abs=1)


def test_ultrasonic_sees_floor_and_wall() -> None:
    level, down = (1.0, 0.0, 0.0), (np.sqrt(0.75), 0.0, -0.5)
    position = np.tile((0.1, 0.0, 0.2), (4, 1))
    kept = np.zeros(4, np.bool_)
    axis = np.array((level, down, level, (-1.0, 0.0, 0.0)))
    seen = sensing.ultrasonic(position, axis, 1.0, np.array([False, False, True, False]))
    expected = np.array([[0.9, 1.0], [0.399, 1.0], [0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(seen, expected, atol=2e-3)
    np.testing.assert_array_equal(sensing.ultrasonic(position, axis, None, kept)[0], 0)
    far = sensing.ultrasonic(position, axis, 3.2, kept)
    np.testing.assert_array_equal(far[0], 0)  # beyond the driver's time-out
    # Whole steps of 3 mm.
    assert (seen[0, 0] / 0.003) % 1 == pytest.approx(0, abs=1e-9)


def test_touch_and_sound() -> None:
    states = sensing.touch(np.array([np.nan, 0.0, 0.3, 0.6, 0.99]))
    np.testing.assert_array_equal(states, np.eye(5))
    heard = sensing.sound(np.array([np.nan, 0.5, np.pi / 2]), np.array([0.0, 0.5, 0.0]))
    np.testing.assert_array_equal(heard[0], 0)
    np.testing.assert_allclose(heard[1], (1, 1, 0), atol=1e-12)
    # A quarter turn is 4.5 steps of 20°, rounded to the even one.
    np.testing.assert_allclose(np.rad2deg(np.arctan2(heard[2, 2], heard[2, 1])), 80)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Servo(latency=-1.0), "latency=-1.0 must be finite and not negative"),
        (lambda: Servo(tick=np.inf), "tick=inf"),
        (lambda: Imu(rate=10.0), "rate=10.0 must lie in 20 to 50 Hz"),
        (lambda: Imu(acceleration_range=0.0), "acceleration_range must be positive"),
        (lambda: Imu(rotation_noise=-1.0), "rotation_noise must not be negative"),
    ],
)
def test_bad_numbers(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()
