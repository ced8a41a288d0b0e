"""PiDog's options: tasks, observations, sensors, servo, randomization: each does something."""

import inspect
from dataclasses import fields
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs import PiDogEnv, PiDogHardwareEnv, make_native_vec_env
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.commands import Commands
from sb3_mimic.envs.pidog.gaits import make_gait
from sb3_mimic.envs.pidog.legs import LEFT_SIGN, STAND
from sb3_mimic.envs.pidog.motion import Motion
from sb3_mimic.envs.pidog.options import PiDogOptions
from sb3_mimic.envs.pidog.randomization import MODEL_NUMBERS, Randomization, make_bank
from sb3_mimic.envs.pidog.sensors import Imu
from sb3_mimic.envs.pidog.servo import Servo
from sb3_mimic.envs.pidog.tasks import TASKS, LyingStart, PiDogReward, PiDogTask
from sb3_mimic.errors import InputError

PIDOG = "sb3_mimic/PiDog-v0"

# The ordinary robot in every respect.
ORDINARY: dict[str, Any] = {
    "mass": (0.78, 0.78),
    "inertia": (1.0, 1.0),
    "friction": (0.6, 0.6),
    "torque": (0.141, 0.141),
    "speed": (float(np.rad2deg(0.141 / 0.0184)),) * 2,
    "slope": (0.0, 0.0),
    "roughness": (0.0, 0.0),
    "latency": (0.0, 0.0),
    "zero_offset": (0.0, 0.0),
    "imu_tilt": (0.0, 0.0),
    "gyro_bias": (0.0, 0.0),
    "imu_noise": (1.0, 1.0),
    "ultrasonic_dropout": (0.0, 0.0),
    "push": (0.0, 0.0),
    "push_interval": (0.2, 0.3),
    "n_models": 2,
}
SMALL = Randomization(n_models=4)


def make(**kwargs: Any) -> PiDogEnv:
    env = gym.make(PIDOG, **kwargs).unwrapped
    assert isinstance(env, PiDogEnv)
    return env


def walk_open_loop(steps: int = 40, seed: int = 0, **kwargs: Any) -> tuple[FloatArray, FloatArray]:
    """Observations and states of a walk at 2 Hz, open loop."""
    env = make(**kwargs)
    observation, _ = env.reset(seed=seed)
    observations, states = [observation], [env.qpos.copy()]
    action = np.zeros(env.action_space.shape or (), np.float32)
    for step in range(steps):
        action[:8] = make_gait("sine", 2.0).actions(step / 50)
        observation, *_ = env.step(action)
        observations.append(observation)
        states.append(env.qpos.copy())
    env.close()
    return np.array(observations, np.float64), np.array(states)


@cache
def ordinary(observation: str = "full") -> tuple[FloatArray, FloatArray]:
    return walk_open_loop(observation=observation)


# --- observations -------------------------------------------------------------------------------


def test_hardware_observation_is_the_robots_own() -> None:
    """Rebuilt from what a robot has: the actions it sent and its sensor's samples."""
    env = make(observation="hardware", task="velocity", history=3, clock_frequency=1.5)
    observation, _ = env.reset(seed=2, options={"command": (0.15, -0.2)})
    size = hardware.observation_size(3)
    assert observation.shape == (size,) == (env.n_actor,)
    samples = observation[24:42].reshape(3, 6)
    np.testing.assert_allclose(samples, np.tile(samples[0], (3, 1)))
    np.testing.assert_allclose(samples[0], (0.0378, 0, 0.9993, 0, 0, 0), atol=0.01)
    past, sensed = hardware.start(samples[0], 3)
    rng = np.random.default_rng(0)
    robot = env.batched.robot
    for step in range(1, 30):
        action = rng.uniform(-0.3, 0.3, 8).astype(np.float32)
        observation, *_ = env.step(action)
        newest = observation[36:42]
        past, sensed = hardware.push(past, action), hardware.push(sensed, newest)
        expected = hardware.observe(past, sensed, step, (0.15, -0.2), 1.5)
        np.testing.assert_allclose(observation, expected, atol=1e-6)
        gyro = env.batched.sensors[0, robot.sensor("gyro")]
        # The mean over a control step is not its end, but near.
        np.testing.assert_allclose(newest[3:], gyro, atol=1.5)
    env.close()


def test_at_rest_the_accelerometer_feels_one_g_upward() -> None:
    env = make(observation="hardware")
    env.reset(seed=0)
    for _ in range(60):
        observation, *_ = env.step(np.zeros(8, np.float32))
    sample = observation[40:70].reshape(5, 6)[-1]
    w, x, y, z = env.qpos[3:7]
    up = (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y))
    np.testing.assert_allclose(sample, (*up, 0, 0, 0), atol=0.01)
    env.close()


def test_a_slow_imu_repeats_itself() -> None:
    observations, _ = walk_open_loop(observation="hardware", imu=Imu(rate=25.0))
    newest = observations[1:, 64:70]
    repeats = (np.diff(newest, axis=0) == 0).all(axis=1)
    assert repeats.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("kwargs", "size"),
    [
        ({"observation": "hardware"}, 74),
        ({"observation": "hardware", "history": 2}, 32),
        ({"task": "velocity"}, 32),
        ({"task": "imitate"}, 32),
        ({"task": "recover"}, 30),
        ({"head_and_tail": True}, 34),
        ({"sensors": ("ultrasonic", "touch", "sound")}, 40),
    ],
)
def test_sizes(kwargs: dict[str, Any], size: int) -> None:
    env = make(**kwargs)
    assert env.observation_space.shape == (size,) == (env.n_actor,)
    secret = make(**kwargs, privileged=True)
    assert secret.observation_space.shape == (size + 34,)
    assert secret.n_actor == size
    assert sum(part.size for part in secret.batched.observation_layout) == size + 34
    observation, _ = env.reset(seed=0)
    more, _ = secret.reset(seed=0)
    np.testing.assert_array_equal(more[:size], observation)
    env.close()
    secret.close()


def test_only_what_the_robot_has_can_run_on_it() -> None:
    servo = Servo(rate_limit=300.0)
    env = make(observation="hardware", history=3, clock_frequency=1.5, servo=servo)
    expected = {"history": 3, "clock_frequency": 1.5, "rate_limit": 300.0}
    assert env.batched.onboard == expected
    env.close()
    for kwargs in (
        {},
        {"observation": "hardware", "privileged": True},
        {"observation": "hardware", "sensors": ("touch",)},
        {"observation": "hardware", "head_and_tail": True},
    ):
        other = make(**kwargs)
        assert other.batched.onboard == {}
        other.close()


def test_the_layout_names_the_numbers() -> None:
    env = make()
    env.reset(seed=0)
    observation, *_ = env.step(np.linspace(-0.2, 0.2, 8, dtype=np.float32))
    parts, first = {}, 0
    for part in env.batched.observation_layout:
        parts[part.name] = observation[first : first + part.size]
        first += part.size
    assert first == len(observation)
    np.testing.assert_allclose(parts["joint_angles"], LEFT_SIGN * env.qpos[7:] - STAND, atol=1e-6)
    np.testing.assert_allclose(parts["last_action"], np.linspace(-0.2, 0.2, 8), atol=1e-7)
    scaling = env.batched.action_scaling
    target = scaling["offset"] + np.array(scaling["scale"]) * np.linspace(-0.2, 0.2, 8)
    control = env.batched.controls(np.linspace(-0.2, 0.2, 8)[None])[0]
    np.testing.assert_allclose(LEFT_SIGN * control, target, atol=1e-12)
    env.close()


def test_privileged_numbers_are_the_state() -> None:
    env = make(observation="hardware", privileged=True, randomization=SMALL)
    env.reset(seed=1)
    for _ in range(10):
        observation, *_ = env.step(np.full(8, 0.1, np.float32))
    secrets = observation[env.n_actor :]
    np.testing.assert_allclose(secrets[:8], LEFT_SIGN * env.qpos[7:] - STAND, atol=1e-6)
    np.testing.assert_allclose(secrets[8:16], LEFT_SIGN * env.qvel[6:], atol=1e-5)
    assert secrets[22] == pytest.approx(env.qpos[2], abs=1e-6)
    batch = env.batched
    assert batch.bank is not None
    np.testing.assert_allclose(secrets[26:33], batch.bank.scaled[batch.episodes.model[0]])
    env.close()


def test_camera_carries_hardware_observations() -> None:
    env = make(observation="hardware", use_camera=True)
    image, _ = env.reset(seed=0)
    assert image.shape == (85, 84, 3)
    env.close()
    with pytest.raises(InputError, match="carries 84 measurements, not 88"):
        make(observation="hardware", use_camera=True, history=6)


def test_ultrasonic_touch_and_sound_in_an_episode() -> None:
    observations, states = walk_open_loop(
        steps=200, sensors=("ultrasonic", "touch", "sound"), wall=1.2, task="walk"
    )
    distance, valid = observations[:, 30], observations[:, 31] > 0
    assert valid.mean() > 0.5
    # The wall comes nearer as the robot walks; the floor is nearer when the nose dips.
    assert (distance[valid] <= 1.2 - 0.10 - states[valid, 0] + 0.05).all()
    assert distance[valid].max() > 0.9
    assert distance[valid][-1] < 0.4
    touched, heard = observations[:, 32:37], observations[:, 37:]
    np.testing.assert_array_equal(touched.sum(axis=1), 1)
    assert set(np.unique(heard[:, 0])) <= {0.0, 1.0}
    many, _ = walk_open_loop(steps=1, sensors=("touch", "sound"))
    assert many.shape == (2, 38)
    seen = np.concatenate(
        [walk_open_loop(steps=60, seed=s, sensors=("touch", "sound"))[0] for s in range(8)]
    )
    assert (seen[:, 31:35].sum(axis=0) > 0).sum() >= 2
    assert 0.05 < seen[:, 35].mean() < 0.5


# --- servo, model, variants ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "servo",
    [
        Servo(rate_limit=200.0, tick=0, backlash=0, latency=0),
        Servo(rate_limit=0, tick=2.0, backlash=0, latency=0),
        Servo(rate_limit=0, tick=0, backlash=1.0, latency=0),
        Servo(rate_limit=0, tick=0, backlash=0, latency=0.03),
    ],
)
def test_every_part_of_the_servo_does_something(servo: Servo) -> None:
    _, states = walk_open_loop(servo=servo)
    assert np.abs(states - ordinary()[1]).max() > 1e-3


def test_an_ideal_servo_is_no_servo() -> None:
    _, states = walk_open_loop(servo=Servo(0, 0, 0, 0))
    np.testing.assert_allclose(states, ordinary()[1], atol=1e-9)


@pytest.mark.parametrize(
    "kwargs",
    [{"variant": "heldback"}, {"servo_torque": 0.1}, {"mass": 0.95}, {"floor_friction": 0.2}],
)
def test_every_model_option_does_something(kwargs: dict[str, Any]) -> None:
    _, states = walk_open_loop(**kwargs)
    assert np.abs(states - ordinary()[1]).max() > 1e-3


def test_the_heldback_variant_is_another_model_that_stands() -> None:
    env, plain = make(variant="heldback"), make()
    model, standard = env.batched.robot.model, plain.batched.robot.model
    assert model.opt.timestep != standard.opt.timestep
    assert model.opt.integrator != standard.opt.integrator
    assert model.opt.cone != standard.opt.cone
    assert (model.pair_solref[:, 0] != standard.pair_solref[:, 0]).all()
    assert model.body_subtreemass[1] == pytest.approx(0.69)
    np.testing.assert_allclose(env.batched.robot.torque_limit, 0.157)
    assert model.dof_damping[6] == pytest.approx(0.157 / np.deg2rad(500))
    assert env.batched.robot.substeps == 20
    env.reset(seed=0)
    for _ in range(100):
        _, _, terminated, _, _ = env.step(np.zeros(8, np.float32))
        assert not terminated
    assert env.qpos[2] == pytest.approx(0.0945, abs=2e-3)
    env.close()
    plain.close()


def test_head_and_tail_move_and_the_legs_do_not() -> None:
    env = make(head_and_tail=True)
    model = env.batched.robot.model
    env.reset(seed=0)
    action = np.zeros(12, np.float32)
    action[8:] = (0.5, -0.5, 1.0, 0.3)
    for _ in range(60):
        _, _, terminated, _, _ = env.step(action)
    assert not terminated
    found = [float(env.qpos[model.joint(name).qposadr[0]]) for name in ("yaw", "roll", "pitch")]
    np.testing.assert_allclose(np.rad2deg(found), (45, -35, 30), atol=1.5)
    assert np.rad2deg(env.qpos[model.joint("tail").qposadr[0]]) == pytest.approx(27, abs=1)
    np.testing.assert_allclose(LEFT_SIGN * env.qpos[11:19] - STAND, 0, atol=0.06)
    action[8:] = (0.5, 0.0, 1.0, 0.0)
    for _ in range(60):
        env.step(action)
    # Nose up and to the left, seen from the ultrasonic sensor.
    axis = env.batched.sensors[0, env.batched.robot.sensor("ultrasonic_axis")]
    expected = (np.cos(np.pi / 6) / np.sqrt(2), 1 / np.sqrt(2), np.sin(np.pi / 6) / np.sqrt(2))
    np.testing.assert_allclose(axis, expected, atol=0.06)
    env.close()


def test_a_wall_stops_it() -> None:
    _, free = walk_open_loop(steps=150)
    _, blocked = walk_open_loop(steps=150, wall=0.25)
    assert free[:, 0].max() > 0.2
    assert blocked[:, 0].max() < 0.15


# --- tasks --------------------------------------------------------------------------------------


def test_commands_change_and_are_obeyed_by_the_reward() -> None:
    commands = Commands(forward=(0.1, 0.2), yaw=(-0.3, 0.3), seconds=0.2, still=0.0)
    env = make(task="velocity", commands=commands, episode_seconds=2.0)
    observation, _ = env.reset(seed=0)
    seen = [observation[-2:]]
    weights = PiDogReward()
    for _ in range(40):
        asked = env.batched.command[0].copy()
        np.testing.assert_allclose(observation[-2:], asked, atol=1e-7)
        observation, _, _, _, info = env.step(np.zeros(8, np.float32))
        seen.append(observation[-2:])
        speed, turn = env.batched.mean_velocity[0, 0], env.batched.yaw_rate[0]
        terms = info["reward_terms"]
        assert terms["tracking"] == pytest.approx(
            weights.tracking * np.exp(-(((speed - asked[0]) / 0.1) ** 2))
        )
        assert terms["turn_tracking"] == pytest.approx(
            weights.turn_tracking * np.exp(-(((turn - asked[1]) / 0.3) ** 2))
        )
    changes = (np.diff(np.array(seen)[:, 0]) != 0).nonzero()[0]
    np.testing.assert_array_equal(changes, [9, 19, 29, 39])
    first, yaw = np.array(seen).T
    assert 0.1 <= first.min() <= first.max() <= 0.2
    assert yaw.min() < 0 < yaw.max()
    env.close()


def test_a_command_can_be_fixed() -> None:
    env = make(task="velocity", command=(0.2, 0.1))
    np.testing.assert_allclose(env.reset(seed=0)[0][-2:], (0.2, 0.1), atol=1e-7)
    again, _ = env.reset(options={"command": (0.1, 0.0)})
    np.testing.assert_allclose(again[-2:], (0.1, 0.0), atol=1e-7)
    with pytest.raises(InputError, match="must be a forward velocity"):
        env.reset(options={"command": 3})
    with pytest.raises(InputError, match="takes only command, not 'phase'"):
        env.reset(options={"phase": 0.1})
    env.close()


def test_still_commands() -> None:
    env = make(task="velocity", commands=Commands(still=1.0))
    np.testing.assert_array_equal(env.reset(seed=0)[0][-2:], 0)
    env.close()


def test_turning_gaits_turn() -> None:
    """Left is left, if slowly: feet on such legs scrub where they should swivel."""
    env = make()
    batch = env.make_batch(8)
    batch.reset(np.arange(8), [np.random.default_rng(i) for i in range(8)], [{}] * 8)
    turns = np.repeat((-1.0, 1.0), 4)
    for step in range(300):
        batch.step(make_gait("sine", 2.0).actions(np.full(8, step / 50), 1.0, turns))
    turned = 2 * np.arctan2(batch.qpos[:, 6], batch.qpos[:, 3])
    assert turned[:4].mean() < 0 < turned[4:].mean()
    batch.close()
    env.close()


def test_recovery_starts_lying_and_goes_on() -> None:
    env = make(task="recover", episode_seconds=1.0)
    ups, steps = [], 0
    for seed in range(40):
        env.reset(seed=seed)
        _, x, y, _ = env.qpos[3:7]
        ups.append(1 - 2 * (x * x + y * y))
        assert env.qpos[2] < 0.12
    # On the back, on a side, and on its feet.
    assert min(ups) < -0.9
    assert max(ups) > 0.7
    ended = False
    while not ended:
        _, _, terminated, ended, info = env.step(np.zeros(8, np.float32))
        assert not terminated
        steps += 1
    assert steps == 50
    assert set(info["reward_terms"]) >= {"upright", "height", "pose"}
    env.close()


def test_standing_is_what_recovery_pays_for() -> None:
    env = make(task="recover")
    env.reset(seed=0)
    lying = env.step(np.zeros(8, np.float32))[1]
    stand = env.batched.robot.model.key("stand").qpos
    env.set_state(stand, np.zeros(14))
    standing = env.step(np.zeros(8, np.float32))[1]
    assert standing > 2.3
    assert lying < standing - 0.3
    env.close()


@pytest.mark.parametrize("gait", ["trot", "walk", "sine"])
def test_imitation_pays_for_the_gaits_angles(gait: str) -> None:
    env = make(task="imitate", gait=gait)
    own = make_gait(gait)
    env.reset(seed=0)
    for step in range(1, 20):
        observation, _, _, _, info = env.step(own.actions(step / 50).astype(np.float32))
        angle = 2 * np.pi * step / 50 / own.period
        np.testing.assert_allclose(observation[-2:], (np.sin(angle), np.cos(angle)), atol=1e-6)
    reference = own.left_sign_angles(19 / 50)
    error = np.mean((LEFT_SIGN * env.qpos[7:] - reference) ** 2)
    assert info["reward_terms"]["pose"] == pytest.approx(np.exp(-error / 0.04))
    env.close()


# --- randomization ------------------------------------------------------------------------------

PHYSICS: list[tuple[str, tuple[float, float]]] = [
    ("mass", (0.9, 0.95)),
    ("inertia", (1.5, 1.6)),
    ("friction", (0.2, 0.25)),
    ("torque", (0.1, 0.11)),
    ("speed", (200.0, 210.0)),
    ("slope", (3.0, 4.0)),
    ("latency", (0.03, 0.04)),
    ("zero_offset", (2.0, 3.0)),
    ("push", (0.3, 0.4)),
    ("roughness", (0.006, 0.008)),
]
SENSED: list[tuple[str, tuple[float, float]]] = [
    ("imu_tilt", (2.0, 3.0)),
    ("gyro_bias", (1.0, 2.0)),
    ("imu_noise", (50.0, 60.0)),
]


def test_an_ordinary_randomization_changes_nothing() -> None:
    _, states = walk_open_loop(randomization=Randomization(**ORDINARY))
    np.testing.assert_allclose(states, ordinary()[1], atol=1e-6)


@pytest.mark.parametrize(("name", "values"), PHYSICS)
def test_every_range_of_the_physics_does_something(name: str, values: tuple[float, float]) -> None:
    _, states = walk_open_loop(randomization=Randomization(**{**ORDINARY, name: values}))
    assert np.abs(states - ordinary()[1]).max() > 1e-3


@pytest.mark.parametrize(("name", "values"), SENSED)
def test_every_range_of_the_sensor_does_something(name: str, values: tuple[float, float]) -> None:
    plain, _ = walk_open_loop(observation="hardware", randomization=Randomization(**ORDINARY))
    other, states = walk_open_loop(
        observation="hardware", randomization=Randomization(**{**ORDINARY, name: values})
    )
    np.testing.assert_allclose(states, ordinary()[1], atol=1e-6)
    assert np.abs(plain[:, 40:70] - other[:, 40:70]).max() > 0.01
    np.testing.assert_array_equal(plain[:, :40], other[:, :40])


def test_ultrasonic_readings_drop_out() -> None:
    ranges = Randomization(**{**ORDINARY, "ultrasonic_dropout": (0.5, 0.5)})
    sensed, _ = walk_open_loop(steps=100, sensors=("ultrasonic",), wall=0.8, randomization=ranges)
    assert 0.35 < sensed[:, 31].mean() < 0.65


def test_the_bank_covers_its_ranges_and_is_sorted() -> None:
    env = make(randomization=Randomization(n_models=8))
    bank = env.batched.bank
    assert bank is not None
    ranges = Randomization()
    for column, name in enumerate(MODEL_NUMBERS):
        low, high = getattr(ranges, name)
        # Every eighth of the range is taken once.
        eighths = np.floor((bank.numbers[:, column] - low) / (high - low) * 8)
        assert sorted(eighths) == list(range(8)), name
    extremes = np.abs(bank.scaled).max(axis=1)
    assert (np.diff(extremes) >= 0).all()
    for model, row in zip(bank.models, bank.numbers, strict=True):
        mass, _, friction, torque, speed, slope, roughness = row
        assert model.body_subtreemass[1] == pytest.approx(mass)
        np.testing.assert_allclose(model.pair_friction[:, :2], friction)
        assert model.actuator_forcerange[0, 1] == pytest.approx(torque)
        assert torque / model.dof_damping[6] == pytest.approx(np.deg2rad(speed))
        gravity = model.opt.gravity / 9.81
        assert np.linalg.norm(gravity) == pytest.approx(1)
        assert np.rad2deg(np.arccos(-gravity[2])) == pytest.approx(slope)
        assert model.hfield_size[0, 2] == pytest.approx(roughness)
    heavy = bank.numbers[:, 3] / bank.numbers[:, 0] < 0.174
    np.testing.assert_array_equal(bank.can_carry_mass, ~heavy)
    again = make_bank(env.batched.robot, Randomization(n_models=8))
    np.testing.assert_array_equal(again.numbers, bank.numbers)
    env.close()


def test_the_curriculum_goes_from_ordinary_to_all() -> None:
    ranges = Randomization(n_models=8, roughness=(0.0, 0.0))
    kwargs: dict[str, Any] = {"randomization": ranges, "episode_seconds": 0.2}
    env = make(**kwargs, curriculum_steps=100)
    batch = env.batched
    strengths, offsets, models = [], [], []
    for episode in range(14):
        env.reset(seed=episode)
        strengths.append(batch.strength[0])
        offsets.append(np.abs(batch.episodes.zero_offset).max())
        models.append(int(batch.episodes.model[0]))
        for _ in range(10):
            env.step(np.zeros(8, np.float32))
    np.testing.assert_allclose(strengths, np.minimum(np.arange(14) / 10, 1.0))
    assert offsets[0] == 0
    assert models[0] == models[1] == 0
    assert all(offset <= 3 * s + 1e-9 for offset, s in zip(offsets, strengths, strict=True))
    assert max(offsets) > 1
    assert max(models) > 3
    full = make(**kwargs)
    full.reset(seed=0)
    assert np.abs(full.batched.episodes.zero_offset).max() > 1
    env.close()
    full.close()


def test_episodes_draw_different_models_and_delays() -> None:
    env = make(randomization=Randomization(n_models=8, roughness=(0.0, 0.0)))
    batch = env.make_batch(64)
    generators = [np.random.default_rng(i) for i in range(64)]
    batch.reset(np.arange(64), generators, [{}] * 64)
    assert len(set(batch.episodes.model)) == 8
    assert 0.010 <= batch.episodes.latency.min() < 0.015
    assert 0.045 < batch.episodes.latency.max() <= 0.050
    before = batch.episodes.model.copy()
    batch.reset(np.arange(3), generators[:3], [{}] * 3)
    np.testing.assert_array_equal(batch.episodes.model[3:], before[3:])
    batch.close()
    env.close()


@pytest.mark.parametrize("n_threads", [1, 3])
def test_randomized_batches_are_their_environments_to_the_last_bit(n_threads: int) -> None:
    kwargs: dict[str, Any] = {
        "task": "velocity",
        "observation": "hardware",
        "privileged": True,
        "sensors": ("ultrasonic", "touch", "sound"),
        "servo": Servo(),
        "randomization": Randomization(n_models=4, push_interval=(0.1, 0.2)),
        "curriculum_steps": 30,
        "episode_seconds": 0.5,
    }
    n = 5
    together = make_native_vec_env(PIDOG, n, seed=7, n_threads=n_threads, **kwargs)
    alone = [make(**kwargs) for _ in range(n)]
    first: Any = together.reset()
    np.testing.assert_array_equal(first, [e.reset(seed=7 + i)[0] for i, e in enumerate(alone)])
    rng = np.random.default_rng(0)
    batch = together.batched
    assert isinstance(batch, PiDogBatch)
    for _ in range(60):
        actions = rng.uniform(-1, 1, (n, 8)).astype(np.float32)
        observations, _, dones, _ = together.step(actions)
        for i, env in enumerate(alone):
            observation = env.step(actions[i])[0]
            if dones[i]:
                observation, _ = env.reset()
            np.testing.assert_array_equal(np.asarray(observations)[i], observation)
            np.testing.assert_array_equal(batch.qpos[i], env.qpos)
    together.close()
    for env in alone:
        env.close()


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"task": "wlak"}, "unknown task 'wlak'; did you mean walk"),
        ({"observation": "all"}, "unknown observation 'all'"),
        ({"gait": "gallop"}, "unknown gait 'gallop'"),
        ({"sensors": ("nose",)}, "unknown sensor 'nose'"),
        ({"variant": "other"}, "unknown variant 'other'"),
        ({"history": 0}, "history=0 must be at least 1"),
        ({"clock_frequency": 30.0}, "clock_frequency=30.0 must lie between 0 and 25 Hz"),
        ({"curriculum_steps": 5}, "curriculum_steps needs a randomization"),
        ({"curriculum_steps": float("nan")}, "curriculum_steps=nan must be finite"),
        ({"episode_seconds": float("inf")}, "episode_seconds=inf must be positive and finite"),
        ({"command": (np.nan, 0.0)}, "must be a forward velocity"),
        ({"wall": -1.0}, "wall=-1.0 must be positive"),
    ],
)
def test_bad_options(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**kwargs)


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Randomization(mass=(1.0, 0.5)), r"mass=\(1.0, 0.5\) must be \(low, high\)"),
        (lambda: Randomization(friction=(0.0, 1.0)), "friction must be positive"),
        (lambda: Randomization(latency=(-0.1, 0.1)), "latency must be at least 0"),
        (lambda: Randomization(n_models=0), "n_models=0 must be at least 1"),
        (lambda: Commands(seconds=0.0), "seconds=0.0 must be finite, and at least"),
        (lambda: Commands(seconds=0.001), "seconds=0.001 must be finite, and at least"),
        (lambda: Commands(seconds=float("inf")), "seconds=inf must be finite"),
        (lambda: PiDogReward(tilt=float("nan")), "tilt=nan must be finite"),
        (lambda: Commands(forward=(0.2, 0.1)), "forward=.* must be"),
        (lambda: Commands(still=2.0), "still=2.0"),
        (lambda: PiDogReward(turn_scale=0.0), "turn_scale=0.0 must be positive"),
    ],
)
def test_bad_settings(make_it: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_it()


# --- options as keywords ------------------------------------------------------------------------


def test_the_signature_lists_every_option_with_its_default() -> None:
    parameters = inspect.signature(PiDogEnv).parameters
    assert {option.name for option in fields(PiDogOptions)} < set(parameters)
    assert {"render_mode", "width", "height", "camera"} < set(parameters)
    assert parameters["task"].default == "walk"
    assert parameters["reward"].default == PiDogReward()
    hardware_parameters = inspect.signature(PiDogHardwareEnv).parameters
    assert hardware_parameters["task"].default == "velocity"
    assert hardware_parameters["history"].default == parameters["history"].default


def test_an_unknown_option_is_told_the_nearest_name() -> None:
    with pytest.raises(InputError, match="unknown option of PiDog 'tsak'; did you mean task"):
        make(tsak="walk")


def test_none_is_the_default() -> None:
    assert PiDogOptions.from_keywords(reward=None, gait=None) == PiDogOptions()
    env: Any = gym.make("sb3_mimic/PiDogHardware-v0", servo=None).unwrapped
    assert env.batched.options.servo is None
    env.close()


# --- tasks of one's own -------------------------------------------------------------------------


def test_a_task_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """It pays for what it likes, and gets commands, a gait's clock and a start as the built-in."""

    def terms(weights: PiDogReward, motion: Motion) -> dict[str, FloatArray]:
        return {"height": motion.height, "obeyed": motion.command[:, 0]}

    own = PiDogTask("own", terms, LyingStart, has_commands=True, follows_gait=True)
    monkeypatch.setitem(TASKS, "own", own)
    env = make(task="own", gait="sine", command=(0.1, 0.0))
    observation, _ = env.reset(seed=0)
    np.testing.assert_allclose(observation[-4:], (0.1, 0.0, 0.0, 1.0), atol=1e-7)
    assert env.qpos[2] < 0.12
    _, reward, _, _, info = env.step(np.zeros(8, np.float32))
    assert info["reward_terms"] == {"height": env.qpos[2], "obeyed": 0.1}
    assert reward == pytest.approx(env.qpos[2] + 0.1)
    env.close()


# --- what generic code asks of the batch --------------------------------------------------------


@pytest.mark.parametrize("head_and_tail", [False, True])
def test_gaits_are_open_loop_actions(head_and_tail: bool) -> None:
    env = make(head_and_tail=head_and_tail)
    actions = env.batched.open_loop_actions("sine", 30)
    assert actions is not None
    assert actions.shape == (30, *(env.action_space.shape or ()))
    np.testing.assert_array_equal(actions[:, :8], make_gait("sine").actions(np.arange(30) * 0.02))
    np.testing.assert_array_equal(actions[:, 8:], 0.0)
    assert env.batched.open_loop_actions("gallop", 30) is None
    env.close()


def test_total_steps_go_on_over_episodes() -> None:
    batch = make(episode_seconds=0.1).batched
    for episode in range(1, 4):
        batch.reset(np.zeros(1, np.intp), [np.random.default_rng(0)], [{}])
        for _ in range(5):
            batch.step(np.zeros((1, 8)))
        assert batch.total_steps[0] == 5 * episode
    batch.close()
