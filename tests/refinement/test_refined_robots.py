"""Refinement on robots of other bodies: one with a skeleton map, one of the test's own."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sb3_mimic.envs.g1 import G1
from sb3_mimic.envs.tracking import Reference, TrackingSpec
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip
from sb3_mimic.refinement import check_refinable, load_reference, refine
from sb3_mimic.refinement.feasibility import dynamic_findings, feasibility
from sb3_mimic.refinement.ground import floor_friction
from sb3_mimic.refinement.problem import TrackingProblem
from sb3_mimic.refinement.replay import replay
from sb3_mimic.refinement.run import refine_reference

FEW = {
    "pd": {},
    "invdyn": {},
    "feedback": {"iterations": 2},
    "gradient": {"iterations": 1, "samples": 4},
    "mpc": {"horizon": 6, "execute": 4, "iterations": 1, "samples": 4, "polish": 1},
}


@pytest.fixture(scope="module")
def g1_step(robots_dir: Path, step_clip: MotionClip) -> Reference:
    """Half a second of walk, retargeted."""
    return load_reference(step_clip, G1.load(file=robots_dir / "unitree_g1" / "g1.xml"))


@pytest.mark.parametrize("method", FEW)
def test_every_method_refines_a_retargeted_clip(g1_step: Reference, method: str) -> None:
    assert check_refinable(g1_step) == []
    refined = refine_reference(g1_step, method, settings=FEW[method], n_threads=1)
    assert refined.actions.shape == (15, 29)
    made = refined.provenance
    assert made is not None
    assert (made.robot, made.metrics["survived_fraction"]) == ("g1", 1.0)
    assert made.metrics["worst_joint"] in g1_step.robot.joint_names


def test_the_ground_gives_the_weight_of_any_robot(
    g1_step: Reference, biped_spec: TrackingSpec, knee_bend: MotionClip
) -> None:
    biped = load_reference(knee_bend, biped_spec.load())
    for reference in (g1_step, biped):
        needs = feasibility(reference)
        n_joints = len(reference.robot.joint_names)
        assert needs.torques.shape == needs.torque_ratio.shape == (len(needs.times), n_joints)
        assert needs.contact.all()
    # Over the bend and back the root's velocity is 0 at both ends.
    np.testing.assert_allclose(feasibility(biped).force.mean(axis=0), [0, 0, 1], atol=0.05)
    assert dynamic_findings(biped) == check_refinable(biped) == []


def test_a_ball_joint_is_one_joint(biped_spec: TrackingSpec, knee_bend: MotionClip) -> None:
    """Of its three hinges the worst is reported."""
    weak = replace(
        biped_spec,
        motors={m: replace(v, torque_limit=0.05) for m, v in (biped_spec.motors or {}).items()},
    )
    reference = load_reference(knee_bend, weak.load())
    joints = [f.joint for f in dynamic_findings(reference) if f.code == "torque"]
    assert sum("left_hip" in str(joint) for joint in joints) == 1
    done = replay(reference, np.zeros((15, 10), np.float32))
    assert done.joint_names[:2] == ("left_hip", "right_hip")
    assert done.joint_error.shape == (15, 6)
    assert done.hinge_error.shape == (15, 10)
    assert done.contact.shape == (16, 2)
    assert done.reference_contact.all()


def test_friction_is_the_models(biped_spec: TrackingSpec) -> None:
    model = biped_spec.load().model
    assert floor_friction(model) == 1.0  # MuJoCo's default
    model.geom_friction[:, 0] = 0.4
    assert floor_friction(model) == 0.4


@pytest.mark.parametrize("control", ["torque", "stable_pd"])
def test_a_robot_without_servos_is_refused(
    biped_spec: TrackingSpec, knee_bend: MotionClip, control: str
) -> None:
    with pytest.raises(InputError, match="control='residual'"):
        refine(knee_bend, "pd", robot=biped_spec.load(control))
    with closing(TrackingProblem(load_reference(knee_bend, biped_spec.load("pd")))) as problem:
        assert problem.nu == 10
