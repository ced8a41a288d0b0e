"""The simple methods of refinement: formulas, laws of mechanics, and no step back."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from sb3_mimic.demos.mocap import MocapSettings, collect_mocap
from sb3_mimic.envs.actuation import ResidualPD
from sb3_mimic.envs.tracking.reference import pose_at
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.refinement import load_reference, refine
from sb3_mimic.refinement.methods import ignore_progress
from sb3_mimic.refinement.methods.feedback import (
    LOST_COST,
    FeedbackSettings,
    correct,
    solve_feedback,
)
from sb3_mimic.refinement.methods.invdyn import (
    InverseDynamicsSettings,
    inverse_dynamics,
    reference_dynamics,
    root_residual,
    solve_invdyn,
)
from sb3_mimic.refinement.methods.pd import PdSettings, solve_pd
from sb3_mimic.refinement.problem import TrackingProblem, quantize
from sb3_mimic.refinement.replay import measure
from sb3_mimic.refinement.run import require_refinable

CONE, MODEL = InverseDynamicsSettings(), InverseDynamicsSettings("model")


@pytest.fixture(scope="module")
def walk() -> Iterator[TrackingProblem]:
    with closing(TrackingProblem(load_reference("walk"), n_threads=1)) as problem:
        yield problem


def cost(problem: TrackingProblem, actions: np.ndarray) -> float:
    states = problem.rollout(problem.start[None], actions[None], 0)
    return float(np.minimum(problem.costs(states, actions[None], 0), LOST_COST).sum())


@pytest.mark.parametrize("method", ["pd", "feedback", "invdyn"])
def test_actions_are_float32_numbers_within_bounds(walk: TrackingProblem, method: str) -> None:
    actions = {
        "pd": lambda: solve_pd(walk, PdSettings(), 0, ignore_progress),
        "feedback": lambda: solve_feedback(
            walk, FeedbackSettings(iterations=2), 0, ignore_progress
        ),
        "invdyn": lambda: solve_invdyn(walk, CONE, 0, ignore_progress),
    }[method]()
    assert actions.shape == (walk.n_steps, walk.nu)
    np.testing.assert_array_equal(actions, quantize(actions))


def test_pd_is_the_extraction_of_the_demonstrations(walk: TrackingProblem) -> None:
    (demonstration,) = collect_mocap(
        "sb3_mimic/HumanoidMimic-v0", "walk", 1, settings=MocapSettings(method="pd")
    )
    actions = solve_pd(walk, PdSettings(), 0, ignore_progress)
    np.testing.assert_allclose(actions, demonstration.acts, atol=1e-5)


def test_inverse_dynamics_recovers_the_targets_of_a_simulation() -> None:
    reference = load_reference("squat")
    robot, n_steps = reference.robot, 20
    data = mujoco.MjData(robot.model)
    start = reference.at(np.zeros(1))[0]
    data.qpos[:], data.qvel[:] = start[reference.rows.qpos], start[reference.rows.qvel]
    actions = np.random.default_rng(0).uniform(-0.05, 0.05, (n_steps, robot.model.nu))
    ctrl = ResidualPD(reference.robot, 1).neutral(
        pose_at(reference, np.arange(1, n_steps + 1) / 30)
    )
    ctrl += robot.torque_limit / robot.kp * actions
    qpos, qvel, force, touching = [data.qpos.copy()], [data.qvel.copy()], [], []
    for row in ctrl:
        for _ in range(robot.substeps):
            data.ctrl[:] = row
            mujoco.mj_step(robot.model, data)
            qpos.append(data.qpos.copy())
            qvel.append(data.qvel.copy())
            force.append(data.actuator_force.copy())
            touching.append(data.ncon)
    found = inverse_dynamics(robot, np.array(qpos), np.array(qvel))

    by_step = np.reshape(force, (n_steps, robot.substeps, -1))
    # The damping of a servo at its limit is not what inverse dynamics takes it to be.
    free = (np.abs(by_step) < robot.torque_limit - 1e-9).all(axis=(1, 2))
    assert free.sum() > n_steps / 2
    assert min(touching) > 0
    np.testing.assert_allclose(found.target[free], ctrl[free], atol=1e-6)
    np.testing.assert_allclose(found.torque[free], by_step.mean(axis=1)[free], atol=1e-4)
    np.testing.assert_allclose(found.root_force[free], 0, atol=1e-4)
    np.testing.assert_allclose(found.root_torque[free], 0, atol=1e-4)


def test_standing_still_needs_the_weight_and_nothing_else() -> None:
    # The first frame of a squat stands for an instant.
    with closing(TrackingProblem(load_reference("squat"), n_threads=1)) as squat:
        found = reference_dynamics(squat)
        residual = root_residual(squat, CONE)
        weight = 9.81 * float(squat.reference.robot.model.body_subtreemass[0])
    assert np.linalg.norm(found.root_force, axis=1).mean() == residual["root_force_mean"]
    assert residual["root_force_max"] < 0.02 * weight
    assert set(residual) == {
        f"root_{what}_{which}" for what in ("force", "torque") for which in ("mean", "max")
    }


def test_contacts_of_the_model_leave_more_to_nobody(walk: TrackingProblem) -> None:
    cone, model = (root_residual(walk, settings) for settings in (CONE, MODEL))
    assert cone["root_force_mean"] < 0.1 * model["root_force_mean"]
    with pytest.raises(InputError, match="cone, model"):
        InverseDynamicsSettings("none")  # type: ignore[arg-type]


def test_the_torques_of_inverse_dynamics_beat_plain_pd(walk: TrackingProblem) -> None:
    plain = measure(walk.reference, solve_pd(walk, PdSettings(), 0, ignore_progress), n_threads=1)
    torques = measure(walk.reference, solve_invdyn(walk, CONE, 0, ignore_progress), n_threads=1)
    assert torques.single_step_error < 0.3 * plain.single_step_error
    assert torques.joint_error < 0.3 * plain.joint_error


@pytest.mark.parametrize("alpha", [0.1, 0.5, 20.0])
def test_feedback_never_goes_back(walk: TrackingProblem, alpha: float) -> None:
    # However bold the step.
    rng = np.random.default_rng(0)
    starts = quantize(rng.normal(0, 0.05, (2, walk.n_steps, walk.nu)))
    told: list[tuple[int, int, float]] = []
    found = correct(
        walk,
        starts,
        FeedbackSettings(alpha, iterations=5),
        lambda *arguments: told.append(arguments),
    )
    costs = [cost(walk, start) for start in starts]
    assert cost(walk, found) <= min(costs)
    assert told[-1][0] == told[-1][1] == 5 * walk.n_steps
    falling = [row[2] for row in told]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(cost(walk, found))


def test_feedback_helps(walk: TrackingProblem) -> None:
    start = solve_invdyn(walk, CONE, 0, ignore_progress)
    found = solve_feedback(walk, FeedbackSettings(), 0, ignore_progress)
    assert cost(walk, found) < 0.5 * cost(walk, start)


def test_feedback_learns_nothing_from_lying_on_the_ground() -> None:
    with closing(TrackingProblem(load_reference("walk"), 3, n_threads=1)) as problem:
        start = solve_pd(problem, PdSettings(), 0, ignore_progress)
        found = correct(problem, start[None], FeedbackSettings(iterations=1), ignore_progress)
        fall = measure(problem.reference, start, 3, n_threads=1).survived_fraction
    assert fall < 0.6
    np.testing.assert_array_equal(found[-10:], start[-10:])


@pytest.mark.parametrize("changes", [{"alpha": 0}, {"alpha": float("nan")}, {"iterations": 0}])
def test_settings_of_feedback_are_checked(changes: dict[str, float]) -> None:
    with pytest.raises(InputError):
        replace(FeedbackSettings(), **changes)  # type: ignore[arg-type]


def test_refine_says_what_it_did() -> None:
    told: list[tuple[int, int, float]] = []
    refined = refine(
        "walk",
        "feedback",
        seed=7,
        cycles=2,
        settings={"iterations": 2, "alpha": 0.3},
        progress=lambda *arguments: told.append(arguments),
        n_threads=1,
    )
    made = refined.provenance
    assert made is not None
    assert told
    assert refined.qpos is not None
    assert len(refined.qpos) == len(refined.actions) + 1 == 65
    assert (made.clip, made.method, made.seed, made.cycles) == ("walk", "feedback", 7, 2)
    assert made.settings == {"alpha": 0.3, "iterations": 2}
    assert made.metrics["joint_error"] < made.pd_metrics["joint_error"]
    assert "mujoco" in made.versions
    again = refine(
        "walk", "feedback", seed=7, cycles=2, settings={"iterations": 2, "alpha": 0.3}, n_threads=2
    )
    np.testing.assert_array_equal(refined.actions, again.actions)


def test_inverse_dynamics_reports_what_nobody_gives() -> None:
    refined = refine("walk", "invdyn", n_threads=1)
    assert refined.provenance is not None
    assert 0 < refined.provenance.metrics["root_force_mean"] < 10


def test_what_cannot_be_refined_is_said_so() -> None:
    clip = load_motion("walk")
    sunk = clip.root_position.copy()
    sunk[:, 2] -= 1.0
    with pytest.raises(InputError, match=r"no actions can reproduce the motion 'walk'.*ground"):
        refine(replace(clip, root_position=sunk), "pd")
    require_refinable(load_reference("walk"))
    with pytest.raises(InputError, match="does not loop"):
        refine(replace(clip, loop=False), "pd", cycles=2)
    with pytest.raises(InputError, match="at least 1"):
        refine("walk", "pd", cycles=0)
    with pytest.raises(InputError, match="unknown setting of the method feedback 'alhpa'"):
        refine("walk", "feedback", settings={"alhpa": 0.1})
