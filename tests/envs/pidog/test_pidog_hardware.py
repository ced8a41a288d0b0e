"""Observations of the robot's own computer and servo degrees, without a simulator."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.pidog import hardware, legs

actions = hnp.arrays(np.float64, 8, elements=st.floats(-2, 2))
lengths = st.integers(1, 8)


@given(lengths, st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_the_observation_is_the_documented_layout(history: int, steps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sent, samples = rng.uniform(-1, 1, (steps, 8)), rng.normal(size=(steps + 1, 6))
    past, sensed = hardware.start(samples[0], history)
    for action, sample in zip(sent, samples[1:], strict=True):
        past, sensed = hardware.push(past, action), hardware.push(sensed, sample)
    observation = hardware.observe(past, sensed, steps, (0.2, -0.3), 2.0)
    assert observation.dtype == np.float32
    assert observation.shape == (hardware.observation_size(history),) == (14 * history + 4,)
    # From the numbers themselves: zeros and the first sample before the start.
    expected_actions = np.vstack((np.zeros((history, 8)), sent))[-history:]
    expected_samples = np.vstack((np.tile(samples[:1], (history, 1)), samples[1:]))[-history:]
    angle = 2 * np.pi * 2.0 * steps / 50
    expected = np.concatenate(
        (
            expected_actions.ravel(),
            expected_samples.ravel(),
            (np.sin(angle), np.cos(angle)),
            (0.2, -0.3),
        )
    )
    np.testing.assert_allclose(observation, expected, atol=1e-6)


@given(lengths, st.integers(0, 2**32 - 1))
def test_a_batch_is_many_robots(history: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    past, samples = rng.normal(size=(3, history, 8)), rng.normal(size=(3, history, 6))
    steps, commands = rng.integers(0, 1000, 3), rng.normal(size=(3, 2))
    together = hardware.observe(past, samples, steps, commands, 2.75)
    for i in range(3):
        alone = hardware.observe(past[i], samples[i], steps[i], commands[i], 2.75)
        np.testing.assert_array_equal(together[i], alone)


@given(actions)
def test_servo_degrees_are_the_simulations_servo_angles(action: FloatArray) -> None:
    degrees = hardware.vendor_degrees(hardware.left_sign_degrees(action))
    angles = legs.STAND + np.pi / 4 * np.clip(action, -1, 1)
    angles = np.clip(angles, -legs.SERVO_LIMIT, legs.SERVO_LIMIT)
    np.testing.assert_allclose(degrees, np.rad2deg(legs.to_servo(angles)), atol=1e-10)
    np.testing.assert_array_equal(
        hardware.vendor_degrees(degrees), hardware.left_sign_degrees(action)
    )


def test_constants_are_those_of_the_legs() -> None:
    np.testing.assert_allclose(hardware.STAND_DEGREES, np.rad2deg(legs.STAND), atol=1e-10)
    np.testing.assert_array_equal(hardware.LEFT_SIGN, legs.LEFT_SIGN)


@given(actions, actions, st.floats(1.0, 1000.0))
def test_the_rate_limit_is_kept_and_the_target_reached(
    target: FloatArray, previous: FloatArray, limit: float
) -> None:
    target, previous = 45 * target, 45 * previous
    sent = previous
    for _ in range(1 + int(np.abs(target - previous).max() / (limit * 0.02))):
        following = hardware.limit_rate(target, sent, 0.02, limit)
        assert np.abs(following - sent).max() <= limit * 0.02 + 1e-9
        sent = following
    np.testing.assert_allclose(sent, target, atol=1e-9)


def test_the_clock_keeps_its_accuracy() -> None:
    # An hour at 2.75 Hz is 9900 whole cycles.
    np.testing.assert_allclose(hardware.clock(180_000, 2.75), (0.0, 1.0), atol=1e-9)
    np.testing.assert_allclose(hardware.clock(np.array([0, 25]), 0.5), [[0, 1], [1, 0]], atol=1e-12)


def test_runs_with_nothing_but_numpy() -> None:
    source = Path(hardware.__file__).read_text(encoding="utf-8")
    # As on the robot: the file by itself, on the oldest Python it may meet.
    ast.parse(source, feature_version=(3, 9))
    program = (
        "import sys, importlib.util as u\n"
        f"s = u.spec_from_file_location('pidog_hardware', {hardware.__file__!r})\n"
        "m = u.module_from_spec(s); s.loader.exec_module(m)\n"
        "foreign = {'mujoco', 'gymnasium', 'torch', 'sb3_mimic', 'scipy'} & set(sys.modules)\n"
        "assert not foreign, foreign\n"
        "print(m.observe(*m.start([0, 0, 1, 0, 0, 0]), 0, (0.2, 0)).shape[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == hardware.observation_size()


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_start_stands_still(shape: tuple[int, ...]) -> None:
    sample = np.arange(6.0) + np.zeros((*shape, 6))
    past, samples = hardware.start(sample, 3)
    assert past.shape == (*shape, 3, 8)
    np.testing.assert_array_equal(past, 0.0)
    np.testing.assert_array_equal(samples, np.broadcast_to(sample[..., None, :], samples.shape))
