"""Pushes and disturbed starts: forces are Newton's, figures are what single runs add up to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from stable_baselines3 import PPO

from sb3_mimic.cli import main
from sb3_mimic.envs.core.simulation import Simulation
from sb3_mimic.envs.humanoid import HumanoidMimicEnv, load_humanoid
from sb3_mimic.envs.pidog.env import PiDogEnv
from sb3_mimic.envs.tracking.pushes import PUSH_SECONDS
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation import robustness
from sb3_mimic.evaluation.episodes import Episodes
from sb3_mimic.evaluation.robustness import PUSH_SURVIVAL, bisect, perturbation_curve, push_test
from sb3_mimic.motion import load_motion

HUMANOID = "sb3_mimic/HumanoidMimic-v0"
PIDOG = "sb3_mimic/PiDog-v0"


class Zero:
    """Acts zero, which stands (PiDog) or follows the reference open loop (humanoid)."""

    def __init__(self, size: int) -> None:
        self.size = size

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros((*observation.shape[:-1], self.size), np.float32), None


def test_a_force_changes_momentum_as_newton_says() -> None:
    model = load_humanoid().model
    simulation = Simulation(model, 8, n_threads=1)
    qpos = np.tile(model.qpos0, (2, 1))
    qpos[:, 2] += 5.0  # in the air, so that nothing else acts
    states = simulation.states(qpos, np.zeros((2, model.nv)))
    forces = np.zeros((2, model.nbody, 6))
    forces[0, 1, :3] = (300.0, -120.0, 60.0)
    before = simulation.sense(states)
    after, _ = simulation.step(states, np.zeros((2, model.nu)), forces)
    sensor = model.sensor("com_velocity")
    velocity = slice(int(sensor.adr[0]), int(sensor.adr[0]) + 3)
    seconds = 8 * model.opt.timestep
    gained = (simulation.sense(after) - before)[:, velocity] * model.body_mass.sum()
    np.testing.assert_allclose(gained[0] - gained[1], forces[0, 1, :3] * seconds, rtol=2e-3)


def test_no_force_is_no_force_to_the_last_bit_and_none_is_left_over() -> None:
    model = load_humanoid().model
    simulation = Simulation(model, 8, n_threads=1)
    states = simulation.states(np.tile(model.qpos0, (3, 1)), np.zeros((3, model.nv)))
    ctrl = np.random.default_rng(0).normal(0, 0.2, (3, model.nu))
    plain, _ = simulation.step(states, ctrl)
    forces = np.zeros((3, model.nbody, 6))
    np.testing.assert_array_equal(simulation.step(states, ctrl, forces)[0], plain)
    forces[:, 1, 0] = 1e3
    assert np.abs(simulation.step(states, ctrl, forces)[0] - plain).max() > 0.1
    np.testing.assert_array_equal(simulation.step(states, ctrl)[0], plain)


@given(
    st.lists(st.floats(0, 40), min_size=1, max_size=6),
    st.floats(0.1, 5),
    st.floats(0.01, 1),
)
def test_bisection_finds_the_threshold_of_every_case(
    thresholds: list[float], first: float, precision: float
) -> None:
    limit = 20.0
    known = np.array(thresholds)
    seen: list[float] = []

    def survives(cases: NDArray[np.intp], forces: NDArray[np.float64]) -> NDArray[np.bool_]:
        seen.extend(forces)
        return forces <= known[cases]

    found = bisect(survives, len(known), first, precision, limit)
    inside = known < limit
    assert (found[inside] <= known[inside]).all()
    assert (found[inside] >= known[inside] - precision).all()
    assert (found[~inside] == limit).all()
    assert max(seen) <= limit


def test_who_falls_unpushed_withstands_nothing() -> None:
    found = bisect(lambda cases, forces: np.zeros(len(cases), np.bool_), 3, 1.0, 0.1, 8.0)
    assert found.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.smoke
def test_a_standing_dog_withstands_what_single_dogs_do() -> None:
    found = push_test(Zero(8), PIDOG, n_phases=2)
    assert found.forward.shape == found.sideways.shape == (2,)
    assert 0 < found.forward.min() <= found.forward.max() < found.limit
    env = PiDogEnv()
    for force, falls in ((found.forward[0], False), (found.forward[0] + 2 * found.precision, True)):
        batch = env.make_batch(1)
        batch.reset(np.arange(1), [np.random.default_rng(0)], [{}])
        batch.set_state(0, *reset_state(0))
        fell = False
        for step in range(50 + 10 + 150):
            batch.push = np.array([[force, 0.0, 0.0]]) if 50 <= step < 60 else None
            if step == 50:
                heading_is_forward(batch.qpos[0])
            fell |= bool(batch.step(np.zeros((1, 8))).terminated[0])
        assert fell == falls
        batch.close()
    env.close()


def reset_state(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first state of the environment of that seed."""
    env = PiDogEnv()
    env.reset(seed=seed)
    state = env.qpos.copy(), env.qvel.copy()
    env.close()
    return state


def heading_is_forward(qpos: NDArray[np.float64]) -> None:
    yaw = 2 * np.arctan2(qpos[6], qpos[3])
    assert abs(yaw) < 0.02


def test_the_curve_begins_with_the_undisturbed_motion_and_falls() -> None:
    curve = perturbation_curve(Zero(28), HUMANOID, {"motion": "walk"}, n_episodes=8)
    env = HumanoidMimicEnv("walk")
    batch = env.make_batch(8)
    everyone = np.arange(8)
    options = [{"phase": i / 8} for i in range(8)]
    batch.reset(everyone, [np.random.default_rng(0)] * 8, options)
    lengths, alive = np.zeros(8), np.ones(8, np.bool_)
    while alive.any():
        step = batch.step(np.zeros((8, 28)))
        lengths += alive
        alive &= ~(step.terminated | step.truncated)
    assert curve.survival[0] == pytest.approx(lengths.mean() / 30)
    assert curve.full == pytest.approx(20)
    assert curve.survival[-1] < curve.survival[0]
    batch.close()
    env.close()


@pytest.mark.parametrize("measure", [push_test, perturbation_curve])
def test_other_environments_cannot_be_pushed(measure: Any) -> None:
    with pytest.raises(InputError, match="of sb3-mimic's kind"):
        measure(Zero(1), "Pendulum-v1")


def test_the_command_prints_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Which falls at once: the figures are small and soon there.
    env = HumanoidMimicEnv("walk")
    PPO("MlpPolicy", env, n_steps=64, batch_size=64, seed=0).save(tmp_path / "beginner.zip")
    model = [str(tmp_path / "beginner.zip"), "--env", "humanoid"]
    picture = tmp_path / "curve.png"
    asked = ["evaluate", *model, "--push", "--perturb", "--episodes", "2", "--plot", str(picture)]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["push_forward_N"] == min(found["push"]["forward"])
    assert len(found["perturbation"]["survival"]) == len(found["perturbation"]["spreads"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(asked) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["evaluate", *model, "--plot", str(tmp_path / "other.png")]) == 2
    assert "--perturb" in capsys.readouterr().err


def test_a_fall_long_after_a_push_is_not_its_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    env = HumanoidMimicEnv(motion=replace(load_motion("walk"), loop=False))
    batch = env.make_batch(2)
    rate = batch.robot.control_rate
    phases = np.array([0.0, 0.9])
    last_push = round(0.9 * batch.reference.duration * rate) + round(PUSH_SECONDS * rate)
    first_judged = round((PUSH_SECONDS + PUSH_SURVIVAL) * rate)
    late = first_judged + 1
    assert late <= last_push + round(PUSH_SURVIVAL * rate)

    def falls_late(*_: Any, **__: Any) -> Episodes:
        none = np.zeros((1, 2))
        return Episodes(none, np.array([late, late]), np.array([True, True]), {}, {})

    monkeypatch.setattr(robustness, "run_episodes", falls_late)
    found = robustness._survive_pushes(batch, Zero(28), phases, np.zeros((2, 2)), 0)
    assert found.tolist() == [True, False]
    batch.close()
    env.close()


def test_an_environment_is_pushed_as_its_id_is() -> None:
    expected = push_test(Zero(8), PIDOG, n_phases=1)
    env = PiDogEnv()
    env.reset(seed=0)
    before = env.qpos.copy()
    found = push_test(Zero(8), env, n_phases=1)
    np.testing.assert_array_equal(found.forward, expected.forward)
    np.testing.assert_array_equal(found.sideways, expected.sideways)
    curve = perturbation_curve(Zero(8), env, spreads=(0.1,), n_episodes=2)
    same = perturbation_curve(Zero(8), PIDOG, spreads=(0.1,), n_episodes=2)
    np.testing.assert_array_equal(curve.survival, same.survival)
    np.testing.assert_array_equal(env.qpos, before)
    env.step(np.zeros(8, np.float32))
    env.close()


def test_a_wrapped_environment_is_not_pushed() -> None:
    with pytest.raises(InputError, match="not wrapped"):
        push_test(Zero(8), PIDOG, {"max_episode_steps": 10})
