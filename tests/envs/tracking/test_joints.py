"""Ball joints as three hinges, against MuJoCo's own kinematics."""

import mujoco
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.envs.tracking.joints import JointSpace

ROBOT = load_humanoid()
SPACE = JointSpace(ROBOT.joint_names)

hinges = arrays(np.float64, 28, elements=st.floats(-3, 3, width=32))


@given(angles=hinges, rates=hinges)
def test_rotations_and_velocities_are_mujocos(angles: np.ndarray, rates: np.ndarray) -> None:
    data = mujoco.MjData(ROBOT.model)
    data.qpos[7:], data.qvel[6:] = angles, rates
    mujoco.mj_forward(ROBOT.model, data)
    (rotations,), (velocities,) = SPACE.motion(angles[None], rates[None])
    np.testing.assert_array_equal(rotations, SPACE.rotations(angles[None])[0])
    for name, rotation, velocity in zip(SPACE.balls, rotations, velocities, strict=True):
        child = ROBOT.model.body(name).id
        parent = ROBOT.model.body_parentid[child]
        inverse, expected = np.zeros(4), np.zeros(4)
        mujoco.mju_negQuat(inverse, data.xquat[parent])
        mujoco.mju_mulQuat(expected, inverse, data.xquat[child])
        assert abs(abs(rotation @ expected) - 1) < 1e-9
        spin, parent_spin = np.zeros(6), np.zeros(6)
        body = mujoco.mjtObj.mjOBJ_BODY
        mujoco.mj_objectVelocity(ROBOT.model, data, body, child, spin, 0)
        mujoco.mj_objectVelocity(ROBOT.model, data, body, parent, parent_spin, 0)
        relative = np.linalg.norm(spin[:3] - parent_spin[:3])
        np.testing.assert_allclose(np.linalg.norm(velocity), relative, atol=1e-8)


def test_every_hinge_of_the_robot_is_covered() -> None:
    assert len(SPACE.balls) * 3 + len(SPACE.hinges) == ROBOT.model.nu
