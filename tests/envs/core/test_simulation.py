"""Laws of the simulation core: history, batch, threads and cutting do not matter."""

import mujoco
import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.simulation import Simulation
from sb3_mimic.envs.humanoid import load_humanoid

HORIZON = 12


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return load_humanoid().model


def start_states(simulation: Simulation, n: int) -> FloatArray:
    rng = np.random.default_rng(0)
    qpos = np.tile(simulation.model.qpos0, (n, 1))
    qpos[:, 2] += rng.uniform(-0.01, 0.1, n)
    qpos[:, 7:] += rng.normal(0, 0.1, (n, simulation.model.nu))
    return simulation.states(qpos, rng.normal(0, 0.3, (n, simulation.model.nv)))


def controls(simulation: Simulation, n: int) -> FloatArray:
    return np.random.default_rng(1).normal(0, 0.3, (n, HORIZON, simulation.model.nu))


def stepped(simulation: Simulation, states: FloatArray, ctrl: FloatArray) -> FloatArray:
    trajectory = []
    for t in range(ctrl.shape[1]):
        states, _ = simulation.step(states, ctrl[:, t])
        trajectory.append(states)
    return np.stack(trajectory, axis=1)


def test_a_rollout_does_not_depend_on_how_it_is_cut(model: mujoco.MjModel) -> None:
    simulation = Simulation(model, 8, n_threads=2)
    states, ctrl = start_states(simulation, 5), controls(simulation, 5)
    whole = simulation.rollout(states, ctrl)
    np.testing.assert_array_equal(whole, stepped(simulation, states, ctrl))
    halves = simulation.rollout(whole[:, HORIZON // 2 - 1], ctrl[:, HORIZON // 2 :])
    np.testing.assert_array_equal(whole[:, HORIZON // 2 :], halves)
    # The comparison means something: the bodies have moved and touched the ground.
    qpos = simulation.layout.qpos
    assert np.abs(whole[:, -1, qpos] - states[:, qpos]).max() > 0.1


def test_a_rollout_does_not_depend_on_batch_or_threads(model: mujoco.MjModel) -> None:
    many, one = Simulation(model, 8, n_threads=3), Simulation(model, 8, n_threads=1)
    states, ctrl = start_states(many, 9), controls(many, 9)
    together = stepped(many, states, ctrl)
    for i in reversed(range(9)):
        alone = stepped(one, states[i : i + 1], ctrl[i : i + 1])
        np.testing.assert_array_equal(together[i], alone[0])


def test_a_step_is_mujocos_own_steps(model: mujoco.MjModel) -> None:
    simulation = Simulation(model, 8)
    states, ctrl = start_states(simulation, 1), controls(simulation, 1)[:, 0]
    after, _ = simulation.step(states, ctrl)
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, states[0], mujoco.mjtState.mjSTATE_FULLPHYSICS)
    data.ctrl[:] = ctrl[0]
    mujoco.mj_step(model, data, 8)
    np.testing.assert_array_equal(after[0, simulation.layout.qpos], data.qpos)
    np.testing.assert_array_equal(after[0, simulation.layout.qvel], data.qvel)


def test_sense_belongs_to_the_state_itself(model: mujoco.MjModel) -> None:
    simulation = Simulation(model, 8)
    states = start_states(simulation, 4)
    sensed = simulation.sense(states)
    data = mujoco.MjData(model)
    for state, sensors in zip(states, sensed, strict=True):
        mujoco.mj_setState(model, data, state, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(sensors, data.sensordata, atol=1e-12)


def test_an_empty_batch_gives_an_empty_batch(model: mujoco.MjModel) -> None:
    simulation = Simulation(model, 8)
    none = start_states(simulation, 0)
    assert simulation.step(none, np.zeros((0, model.nu)))[0].shape == none.shape
    assert simulation.sense(none).shape == (0, model.nsensordata)


def test_a_model_with_warm_start_is_refused() -> None:
    model = mujoco.MjModel.from_xml_string("<mujoco/>")
    with pytest.raises(ValueError, match="warm start"):
        Simulation(model, 1)


def test_servos_stay_stable_under_saturating_commands(model: mujoco.MjModel) -> None:
    """Random full-range targets for two seconds, thrown about on the ground: no blow-up."""
    simulation = Simulation(model, 8)
    states = start_states(simulation, 16)
    rng = np.random.default_rng(2)
    low, high = model.jnt_range[1:].T
    fastest = []
    for _ in range(60):
        states, _ = simulation.step(states, rng.uniform(low, high, (16, model.nu)))
        fastest.append(np.abs(states[:, simulation.layout.qvel]).max())
    assert np.isfinite(states).all()
    # The fastest human joint speeds are some 30 rad/s; the servos of thin links overshoot that.
    assert max(fastest) < 150
