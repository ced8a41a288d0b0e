"""PiDog's MJCF against the published numbers and the closed-form kinematics of its legs."""

from functools import cache
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.pidog.legs import (
    FOOT_ANGLE,
    FOOT_RADIUS,
    HIP_TO_KNEE,
    JOINT_NAMES,
    KNEE_TO_FOOT,
    KNEE_TO_TIP,
    LEFT_SIGN,
    LEGS,
    LIE,
    SIT,
    STAND,
    forward_kinematics,
    inverse_kinematics,
    to_servo,
)
from sb3_mimic.envs.pidog.model import (
    FRICTION,
    MASS,
    ModelOptions,
    ground_shape,
    load_pidog,
    raise_ground,
)
from sb3_mimic.errors import InputError

HIPS = {
    "LF": (0.0585, 0.0405),
    "RF": (0.0585, -0.0405),
    "LH": (-0.0585, 0.0405),
    "RH": (-0.0585, -0.0405),
}
POSES = {"stand": STAND, "sit": SIT, "lie": LIE}

hip_angles = st.floats(-np.pi / 2, np.pi / 2)
# Towards ±90° the leg is stretched or folded and the angle goes with the root of the distance.
knee_angles = st.floats(-1.45, 1.45)
servo_angles = hnp.arrays(np.float64, 8, elements=st.floats(-np.pi / 2, np.pi / 2))


@cache
def model() -> mujoco.MjModel:
    return load_pidog().model


def posed(servo: FloatArray) -> mujoco.MjData:
    """The robot with its torso at the origin."""
    data = mujoco.MjData(model())
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    data.qpos[7:] = servo
    mujoco.mj_kinematics(model(), data)
    return data


def settled(pose: str, seconds: float) -> mujoco.MjData:
    """The robot after holding a pose from its keyframe."""
    data = mujoco.MjData(model())
    mujoco.mj_resetDataKeyframe(model(), data, model().key(pose).id)
    for _ in range(round(seconds / model().opt.timestep)):
        mujoco.mj_step(model(), data)
    return data


@given(hip_angles, knee_angles)
def test_inverse_kinematics_undoes_forward_kinematics(hip: float, knee: float) -> None:
    found = inverse_kinematics(*forward_kinematics(hip, knee))
    np.testing.assert_allclose(found, (hip, knee), atol=1e-10)


@given(st.floats(0.0345, 0.1175), st.floats(-np.pi, np.pi))
def test_forward_kinematics_undoes_inverse_kinematics(distance: float, direction: float) -> None:
    target = (distance * np.cos(direction), distance * np.sin(direction))
    np.testing.assert_allclose(forward_kinematics(*inverse_kinematics(*target)), target, atol=1e-10)


@pytest.mark.parametrize("distance", [0.033, 0.119, np.nan])
def test_inverse_kinematics_refuses_what_is_out_of_reach(distance: float) -> None:
    with pytest.raises(ValueError, match="reaches from 34 to 118 mm"):
        inverse_kinematics(distance, 0.0)


@given(servo_angles)
def test_left_sign_is_its_own_inverse(angles: FloatArray) -> None:
    np.testing.assert_array_equal(to_servo(to_servo(angles)), angles)


@given(servo_angles)
def test_model_puts_tips_and_feet_where_the_closed_form_does(servo: FloatArray) -> None:
    data = posed(servo)
    left = to_servo(servo).reshape(4, 2)
    tips = forward_kinematics(left[:, 0], left[:, 1])
    feet = forward_kinematics(left[:, 0], left[:, 1], KNEE_TO_FOOT, FOOT_ANGLE)
    for index, leg in enumerate(LEGS):
        x, y = HIPS[leg]
        # Foot planes lie 98 mm apart.
        lateral = np.sign(y) * 0.049
        tip = (x + tips[0][index], lateral, tips[1][index])
        foot = (x + feet[0][index], lateral, feet[1][index])
        np.testing.assert_allclose(data.site(f"{leg}_tip").xpos, tip, atol=1e-6)
        np.testing.assert_allclose(data.site(f"{leg}_foot").xpos, foot, atol=1e-6)
        np.testing.assert_allclose(data.geom(f"{leg}_foot").xpos, foot, atol=1e-6)


def test_zero_pose_is_the_vendors() -> None:
    data = posed(np.zeros(8))
    for leg, (x, y) in HIPS.items():
        np.testing.assert_allclose(data.body(f"{leg}_thigh").xpos, (x, y, 0.0), atol=1e-12)
        knee = data.body(f"{leg}_shank").xpos
        np.testing.assert_allclose(knee[[0, 2]], (x, -HIP_TO_KNEE), atol=1e-12)
        tip = data.site(f"{leg}_tip").xpos
        np.testing.assert_allclose(tip - knee, (KNEE_TO_TIP, 0.0, 0.0), atol=1e-12)


def test_standing_angles_are_the_published_ones() -> None:
    front, hind = (40.61, 15.54), (60.28, 5.26)
    np.testing.assert_allclose(np.rad2deg(STAND), front + front + hind + hind, atol=5e-3)


def test_sizes_joints_and_servos() -> None:
    robot = load_pidog()
    assert (robot.model.nq, robot.model.nv, robot.model.nu) == (15, 14, 8)
    assert robot.joint_names == JOINT_NAMES
    assert robot.substeps == 10
    assert [robot.model.actuator(i).name for i in range(8)] == list(JOINT_NAMES)
    np.testing.assert_allclose(
        robot.joint_range, np.tile([-np.pi / 2, np.pi / 2], (8, 1)), atol=1e-5
    )
    np.testing.assert_array_equal(robot.torque_limit, np.full(8, 0.141))
    for index, name in enumerate(JOINT_NAMES):
        joint = robot.model.joint(name)
        np.testing.assert_array_equal(joint.axis, (0.0, LEFT_SIGN[index], 0.0))
        # The torque–speed line ends at the no-load speed, 60° in .137 s.
        assert robot.torque_limit[index] / joint.damping[0] == pytest.approx(7.66, abs=0.01)


def test_mass_and_symmetry() -> None:
    assert model().body_subtreemass[1] == pytest.approx(MASS)
    for leg in ("LF", "LH"):
        for link in ("thigh", "shank"):
            left, right = (model().body(f"{side}{leg[1]}_{link}") for side in "LR")
            np.testing.assert_allclose(left.mass, right.mass)
            np.testing.assert_allclose(left.ipos, right.ipos * (1, -1, 1), atol=1e-12)
            np.testing.assert_allclose(left.inertia, right.inertia)
    assert model().body("LF_thigh").mass[0] == pytest.approx(0.021)
    assert model().body("LF_shank").mass[0] == pytest.approx(0.024)
    assert model().geom("LF_foot").size[0] == FOOT_RADIUS


def test_head_tail_and_sensors_are_where_they_were_measured() -> None:
    data = posed(np.zeros(8))
    mujoco.mj_camlight(model(), data)
    camera = data.camera("head_camera")
    np.testing.assert_allclose(camera.xpos, (0.138, 0.0, 0.068), atol=1e-9)
    # A camera looks along its −z: forward; its y is up.
    np.testing.assert_allclose(-camera.xmat.reshape(3, 3)[:, 2], (1, 0, 0), atol=1e-9)
    np.testing.assert_allclose(camera.xmat.reshape(3, 3)[:, 1], (0, 0, 1), atol=1e-9)
    assert model().camera("head_camera").fovy[0] == pytest.approx(41.4)
    np.testing.assert_allclose(data.site("ultrasonic").xpos, (0.106, 0, 0.114), atol=1e-3)
    np.testing.assert_allclose(data.body("neck_pitch").xpos, (0.083, 0, 0.033), atol=1e-9)
    assert data.body("neck_roll").xpos[2] == pytest.approx(0.034)
    assert data.body("head").xpos[0] == pytest.approx(0.074)
    np.testing.assert_allclose(data.site("imu").xpos[[0, 2]], (0.009, 0.010), atol=1e-9)
    assert data.body("tail").xpos[0] == pytest.approx(-0.062)
    # Welded: head and tail have no joints of their own.
    for body in ("neck_pitch", "neck_roll", "head", "tail"):
        assert model().body(body).jntnum[0] == 0


@pytest.mark.parametrize("pose", sorted(POSES))
def test_keyframes_hold_within_the_servos_torque(pose: str) -> None:
    before = model().key(pose).qpos
    data = settled(pose, 3.0)
    np.testing.assert_allclose(data.ctrl, to_servo(POSES[pose]), atol=1e-4)
    np.testing.assert_allclose(data.qpos[2:7], before[2:7], atol=3e-3)
    np.testing.assert_allclose(data.qpos[7:], before[7:], atol=0.02)
    assert np.abs(data.qvel).max() < 0.01
    assert np.abs(data.actuator_force).max() < 0.8 * 0.141


def test_standing_height_and_contacts() -> None:
    data = settled("stand", 2.0)
    assert data.qpos[2] == pytest.approx(0.0945, abs=5e-4)
    touching = {model().geom(g).name for contact in data.contact for g in contact.geom} - {"floor"}
    assert touching == {f"{leg}_foot" for leg in LEGS}
    weight = sum(_normal_force(data, i) for i in range(data.ncon))
    assert weight == pytest.approx(MASS * 9.81, rel=0.01)


def _normal_force(data: mujoco.MjData, contact: int) -> float:
    force = np.zeros(6)
    mujoco.mj_contactForce(model(), data, contact, force)
    return float(force[0])


def test_every_way_of_lying_touches_the_floor() -> None:
    """Whatever side it falls on, no part that is drawn sinks far into the floor."""
    rng = np.random.default_rng(0)
    for _ in range(8):
        data = mujoco.MjData(model())
        data.qpos[2] = 0.2
        data.qpos[3:7] = rng.normal(size=4)
        data.qpos[3:7] /= np.linalg.norm(data.qpos[3:7])
        data.qpos[7:] = data.ctrl[:] = to_servo(STAND)
        for _ in range(750):
            mujoco.mj_step(model(), data)
        assert data.qpos[2] > 0.02
        assert np.isfinite(data.qvel).all()


def test_mass_and_friction_are_options() -> None:
    heavy, standard = load_pidog(ModelOptions(mass=0.95)).model, model()
    assert heavy.body_subtreemass[1] == pytest.approx(0.95)
    np.testing.assert_allclose(heavy.body_inertia, standard.body_inertia * (0.95 / MASS))
    assert not np.allclose(heavy.dof_invweight0, standard.dof_invweight0)
    assert (standard.pair_friction[:, :2] == FRICTION).all()
    slippery = load_pidog(ModelOptions(floor_friction=0.3)).model
    assert (slippery.pair_friction[:, :2] == 0.3).all()
    data = mujoco.MjData(slippery)
    mujoco.mj_resetDataKeyframe(slippery, data, slippery.key("stand").id)
    for _ in range(5):
        mujoco.mj_step(slippery, data)
    assert data.ncon == 4
    assert {contact.friction[0] for contact in data.contact} == {0.3}


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_it_stands_on_raised_ground(level: float) -> None:
    raised = load_pidog(uneven=True).model
    raise_ground(raised, np.full(ground_shape(), level), 0.01)
    data = mujoco.MjData(raised)
    mujoco.mj_resetDataKeyframe(raised, data, raised.key("stand").id)
    data.qpos[2] += 0.006
    for _ in range(1000):
        mujoco.mj_step(raised, data)
    ground = (level - 0.5) * 0.01
    assert data.qpos[2] - ground == pytest.approx(settled("stand", 2.0).qpos[2], abs=1e-4)


@pytest.mark.parametrize("options", [{"mass": 0.0}, {"mass": np.nan}, {"floor_friction": -1.0}])
def test_impossible_robots_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"must be positive"):
        ModelOptions(**options)
