"""One contract for every registered actuation that drives a robot that tracks clips."""

import numpy as np
import pytest

from sb3_mimic.envs.actuation import (
    ACTUATIONS,
    Actuation,
    JointActuation,
    ResidualPD,
    StablePD,
    Target,
    Torque,
)
from sb3_mimic.envs.humanoid import HumanoidMimicEnv, load_humanoid
from sb3_mimic.envs.tracking import TrackingBatch

# PiDog's servos know their robot's legs; tests/envs/pidog drives them.
NAMES = sorted(name for name, cls in ACTUATIONS.items() if issubclass(cls, JointActuation))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def batch_of(control: str, n: int = 3, **options: float) -> TrackingBatch:
    """Bodies that perform the walk from phases over its whole cycle."""
    env = HumanoidMimicEnv("walk", control=control, **options)  # type: ignore[arg-type]
    batch = env.make_batch(n)
    assert isinstance(batch, TrackingBatch)
    generators = [np.random.default_rng(i) for i in range(n)]
    batch.reset(np.arange(n), generators, [{"phase": i / n} for i in range(n)])
    env.close()
    return batch


def test_there_are_actuations_to_test() -> None:
    assert {"residual", "pd", "torque", "stable_pd"} <= set(NAMES)


def test_the_action_has_a_name_for_each_number(name: str) -> None:
    batch = batch_of(name)
    names = batch.actuation.action_names
    assert batch.action_space.shape == (len(names),)
    assert len(set(names)) == len(names)
    scaling = batch.action_scaling
    assert scaling["control"] == name
    assert scaling["unit"] in ("rad", "N m")
    assert len(scaling["scale"]) == len(names)


def test_controls_are_neutral_at_zero_and_have_an_inverse(name: str) -> None:
    batch = batch_of(name)
    actions = np.random.default_rng(0).uniform(-1, 1, (3, 28))
    actuation = batch.joint_actuation
    neutral = np.broadcast_to(actuation.neutral(batch._target()), (3, 28))
    np.testing.assert_array_equal(batch.controls(np.zeros((3, 28))), neutral)
    np.testing.assert_allclose(batch.actions_for(batch.controls(actions)), actions, atol=1e-12)


def test_bodies_move_and_stay_finite_at_the_bounds(name: str) -> None:
    batch = batch_of(name)
    before = batch.qpos.copy()
    for action in (np.ones((3, 28)), -np.ones((3, 28)), np.full((3, 28), 7.0)):
        batch.step(action)
        assert np.isfinite(batch.states).all()
    assert (np.abs(batch.qpos - before).max(axis=1) > 1e-3).all()


def test_one_body_alone_moves_as_among_others(name: str) -> None:
    together = batch_of(name)
    actions = np.random.default_rng(1).uniform(-1, 1, (5, 3, 28))
    for action in actions:
        together.step(action)
    env = HumanoidMimicEnv("walk", control=name)
    env.reset(options={"phase": 1 / 3})
    for action in actions[:, 1]:
        env.step(action)
    np.testing.assert_array_equal(env.qpos, together.qpos[1])


def test_the_robot_is_the_same_whatever_drives_it(name: str) -> None:
    """Joints, gains and limits are read before the actuation changes the actuators."""
    robot, servo = load_humanoid(name), load_humanoid("residual")
    assert robot.joint_names == servo.joint_names
    for attribute in ("kp", "kd", "torque_limit", "joint_range"):
        np.testing.assert_array_equal(getattr(robot, attribute), getattr(servo, attribute))


def test_torques_asked_for_are_given() -> None:
    """A PD law at rest in its target gives the torque that its target was computed for."""
    robot = load_humanoid()
    rng = np.random.default_rng(2)
    angles, rates, torque = rng.normal(0, 0.1, (3, 1, 28))
    actuation = ResidualPD(robot, 1)
    target = actuation.controls_for_torque(torque, angles, rates)
    given = robot.kp * (target - angles) - robot.kd * rates
    np.testing.assert_allclose(given, torque, atol=1e-12)


def test_stable_pd_gives_no_torque_on_a_target_without_gravity() -> None:
    robot = load_humanoid("stable_pd")
    robot.model.opt.gravity[:] = 0.0
    batch = batch_of("stable_pd", n=1)
    rest = np.zeros((1, batch.layout.size))
    rest[:, batch.layout.qpos] = robot.model.qpos0
    actuation = StablePD(robot, 1)
    target = Target(np.zeros((1, 28)), np.zeros((1, 28)))
    torques = actuation.substep_controls(actuation.controls(np.zeros((1, 28)), target), rest)
    np.testing.assert_allclose(torques, 0.0, atol=1e-9)


def test_stable_pd_follows_the_walk_where_plain_torques_fall() -> None:
    """Actions of zeros: the PD law follows the reference, motors without torque do not."""
    errors = {}
    for name in ("stable_pd", "torque"):
        batch = batch_of(name, n=4)
        for _ in range(8):
            batch.step(np.zeros((4, 28)))
        target = batch.reference_qpos
        errors[name] = np.abs(batch.qpos[:, 7:] - target[:, 7:]).mean()
    assert errors["stable_pd"] < 0.1 < errors["torque"]


def test_stable_pd_survives_gains_that_an_explicit_law_does_not() -> None:
    """Tan et al. 2011: the law stays stable where the same law computed explicitly diverges."""

    class Explicit(StablePD):
        def substep_controls(self, controls, states):  # type: ignore[no-untyped-def]
            nq, nv = self.robot.model.nq, self.robot.model.nv
            angles, rates = states[:, 8 : 1 + nq], states[:, 1 + nq + 6 : 1 + nq + nv]
            torque = self.robot.kp * (controls - angles) - self.robot.kd * rates
            return np.clip(torque, -self.robot.torque_limit, self.robot.torque_limit)

    speeds = {}
    for law in (StablePD, Explicit):
        batch = batch_of("stable_pd", n=2)
        batch.actuation = law(batch.robot, 2)
        for _ in range(5):
            batch.step(np.zeros((2, 28)))
        speeds[law.__name__] = np.abs(batch.qvel[:, 6:]).mean()
    assert speeds["StablePD"] < speeds["Explicit"]


def test_feedback_is_refused_by_an_actuation_without() -> None:
    robot = load_humanoid("torque")
    with pytest.raises(NotImplementedError, match="Torque has no feedback"):
        Torque(robot, 1).substep_controls(np.zeros((1, 28)), np.zeros((1, 70)))
    assert not any(cls.feedback for cls in (Actuation, Torque, ResidualPD))
