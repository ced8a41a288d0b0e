"""A robot from outside the package: its specification, what its model gets, and its clips."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
import pytest
from gymnasium.envs.registration import registry

from sb3_mimic import Motor, SkeletonMap, TrackingSpec, register_robot
from sb3_mimic.envs.core import add_motors
from sb3_mimic.envs.tracking import TrackingEnv, TrackingRobot, fit_clip
from sb3_mimic.envs.tracking.model import add_tracking_parts
from sb3_mimic.envs.tracking.reference import ground_points
from sb3_mimic.envs.tracking.retargeting import cache
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.tasks import TASKS, TRACKING_SPECS, load_tracking_robot

LEG = """
<body name="{side}_thigh" pos="0 {y} 0">
  <joint name="{side}_hip_roll" axis="1 0 0" range="-1 1"/>
  <joint name="{side}_hip_pitch" axis="0 1 0" range="-2 1"/>
  <geom type="capsule" size=".05" fromto="0 0 -.06 0 0 -.3"/>
  <body name="{side}_shin" pos="0 0 -.35">
    <joint name="{side}_knee" axis="0 1 0" range="0 2.4"/>
    <geom type="capsule" size=".04" fromto="0 0 -.05 0 0 -.3"/>
    <body name="{side}_foot" pos="0 0 -.35">
      <joint name="{side}_ankle" axis="0 1 0" range="-1 1"/>
      <geom type="box" size=".1 .05 .02" pos=".03 0 -.03"/>
    </body>
  </body>
</body>
"""
MJCF = f"""
<mujoco model="stilts">
  <compiler angle="radian" autolimits="true"/>
  <default><joint armature=".01"/></default>
  <worldbody>
    <body name="pelvis" pos="0 0 .75">
      <freejoint/>
      <geom type="box" size=".08 .15 .1"/>
      {LEG.format(side="left", y=0.1)}
      {LEG.format(side="right", y=-0.1)}
    </body>
  </worldbody>
</mujoco>
"""
FEET = ("left_foot", "right_foot")
BODIES = {
    "root": "pelvis",
    **{
        f"{side}_{part}": f"{side}_{body}"
        for side in ("left", "right")
        for part, body in (("hip", "thigh"), ("knee", "shin"), ("ankle", "foot"))
    },
}


@pytest.fixture
def spec(tmp_path: Path) -> TrackingSpec:
    path = tmp_path / "stilts.xml"
    path.write_text(MJCF)
    return TrackingSpec(
        name="stilts",
        mjcf=path,
        feet=FEET,
        end_effectors=FEET,
        joint_weights={"root": 1.0, ".*_hip_.*": 0.5},
        motors={".*_ankle": Motor(60, 6, 40), ".*": Motor(200, 20, 100)},
        timestep=1 / 240,
        skeleton=SkeletonMap(BODIES),
    )


@pytest.fixture
def robot(spec: TrackingSpec) -> TrackingRobot:
    return spec.load()


def test_hinges_get_the_motors_of_the_first_expression_that_matches(robot: TrackingRobot) -> None:
    assert len(robot.joint_names) == robot.model.nu == 8
    ankles = np.array([name.endswith("ankle") for name in robot.joint_names])
    np.testing.assert_array_equal(robot.kp, np.where(ankles, 60, 200))
    np.testing.assert_array_equal(robot.kd, np.where(ankles, 6, 20))
    np.testing.assert_array_equal(robot.torque_limit, np.where(ankles, 40, 100))


def test_weights_are_those_of_the_first_expression_that_matches(spec: TrackingSpec) -> None:
    weights = [spec.weight(name) for name in ("root", "left_hip_roll", "left_knee")]
    assert weights == [1.0, 0.5, spec.default_weight]


def test_bodies_touch_the_floor_and_not_each_other(robot: TrackingRobot) -> None:
    model = robot.model
    data = mujoco.MjData(model)
    data.qpos[:] = model.qpos0
    data.qpos[2] = 0.6  # the feet are in the ground
    data.qpos[7 + robot.joint_names.index("left_hip_roll")] = -0.3  # and the legs in each other
    data.qpos[7 + robot.joint_names.index("right_hip_roll")] = 0.3
    mujoco.mj_forward(model, data)
    assert data.ncon > 0
    floor = model.geom("floor").id
    assert all(floor in contact.geom for contact in data.contact)


def test_sensors_are_the_lowest_points_of_bodies(robot: TrackingRobot) -> None:
    points = ground_points(robot)
    assert set(points) == set(BODIES.values())
    model = robot.model
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    data.qpos[7:] = rng.uniform(0, 0.8, 8)
    mujoco.mj_forward(model, data)
    columns, radii = points["left_shin"]
    lowest = (data.sensordata[columns] - radii).min()
    geom = model.body("left_shin").geomadr[0]
    axis = data.geom_xmat[geom].reshape(3, 3)[:, 2] * model.geom_size[geom, 1]
    ends = data.geom_xpos[geom][2] + np.array([-1, 1]) * axis[2]
    assert lowest == pytest.approx(ends.min() - model.geom_size[geom, 0])


def test_a_state_and_an_action_give_the_next_state(spec: TrackingSpec) -> None:
    env = TrackingEnv("walk", robot=spec)
    env.reset(seed=0, options={"phase": 0.2})
    start = env.qpos.copy(), env.qvel.copy()
    action = env.action_space.sample()
    env.step(action)
    after = env.qpos.copy()
    env.reset(seed=1, options={"phase": 0.2})
    env.set_state(*start)
    env.step(action)
    np.testing.assert_array_equal(env.qpos, after)
    env.close()


def test_what_does_not_fit_is_named(spec: TrackingSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no hinge is called '\.\*_elbow'.*left_hip_roll"):
        replace(spec, motors={".*_elbow": Motor(1, 1, 1)}).load()
    with pytest.raises(InputError, match=r"a motor for every hinge.*left_hip_roll.*have none"):
        replace(spec, motors={".*_ankle": Motor(1, 1, 1)}).load()
    with pytest.raises(InputError, match="no body 'hand'; its bodies are pelvis"):
        replace(spec, end_effectors=("hand",)).load()
    with pytest.raises(InputError, match=r"nowhere\.xml: is no MJCF file"):
        spec.load(file=tmp_path / "nowhere.xml")
    fixed = tmp_path / "fixed.xml"
    fixed.write_text(MJCF.replace("<freejoint/>", ""))
    with pytest.raises(InputError, match="needs a root body with a <freejoint/>"):
        spec.load(file=fixed)
    with pytest.raises(InputError, match="kp=0 must be positive"):
        Motor(0, 1, 1)


def test_actuators_of_the_model_give_way_to_the_motors() -> None:
    model = mujoco.MjSpec.from_string(
        MJCF.replace("</mujoco>", '<actuator><motor joint="left_knee"/></actuator></mujoco>')
    )
    add_motors(model, {".*": Motor(100, 10, 50, armature=0.02)})
    add_tracking_parts(model, FEET)
    compiled = model.compile()
    assert compiled.nu == 8
    np.testing.assert_array_equal(compiled.dof_armature[6:], 0.02)


def test_a_clip_is_retargeted_once(
    robot: TrackingRobot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "_in_memory", {})
    clip = load_motion("walk")
    first = fit_clip(clip, robot)
    assert fit_clip(clip, robot).clip.qpos is not None
    (kept,) = (tmp_path / "retargeted").iterdir()
    monkeypatch.setattr(cache, "_in_memory", {})
    monkeypatch.setattr(cache, "retarget_clip", None)  # would be called in vain
    again = fit_clip(clip, robot)
    np.testing.assert_array_equal(again.clip.qpos, first.clip.qpos)
    assert again.report == first.report
    assert again.clip.name == clip.name
    monkeypatch.undo()
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "_in_memory", {})
    kept.write_bytes(b"damaged")
    np.testing.assert_array_equal(fit_clip(clip, robot).clip.qpos, first.clip.qpos)


@pytest.fixture
def registered(spec: TrackingSpec) -> Iterator[str]:
    task = register_robot(spec, {"n_rl_timesteps": 1234})
    yield task.name
    del TASKS[task.name], TRACKING_SPECS[task.name], registry[task.env_id]


def test_a_registered_robot_is_a_task_and_an_environment(registered: str) -> None:
    assert TASKS[registered].n_rl_timesteps == 1234
    assert load_tracking_robot(registered).name == registered
    env = gym.make(f"sb3_mimic/{registered}-v0", motion="squat")
    observation, _ = env.reset(seed=0)
    assert env.action_space.shape == (8,)
    assert env.observation_space.contains(observation)
    env.unwrapped.close()  # type: ignore[no-untyped-call]
