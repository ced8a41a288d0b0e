"""From the character to robots: its own model gives it back, others keep steps and sides."""

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.geometry import collision_spheres, sole_corners
from sb3_mimic.envs.g1.robot import SKELETON_MAP as G1_MAP
from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.envs.tracking.retargeting.kinematics import Skeleton
from sb3_mimic.envs.tracking.retargeting.retarget import RetargetedClip, retarget_clip
from sb3_mimic.envs.tracking.retargeting.skeleton_map import PARTS, SkeletonMap
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, close_loop, load_motion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses

#: The character on its own model.
OWN_MAP = SkeletonMap(bodies={part: part for part in PARTS})

#: A robot of half the size without arms or waist, 5 hinges a leg, looking along −y at rest, with
#: hips twice as wide as the character's at its size.
LEG = """
<body name="{side}_thigh" pos="0 {y} -.1"><joint name="{side}_yaw" axis="0 0 1" range="-1 1"/>
 <geom type="sphere" size=".02"/>
 <body><joint name="{side}_roll" axis="1 0 0" range="-.6 .6"/><geom type="sphere" size=".02"/>
  <body><joint name="{side}_pitch" axis="0 1 0" range="-2 1.2"/>
   <geom type="capsule" size=".02" fromto="0 0 0 0 0 -.19"/>
   <body name="{side}_shin" pos="0 0 -.2"><joint name="{side}_knee" axis="0 1 0" range="0 2.4"/>
    <geom type="capsule" size=".02" fromto="0 0 0 0 0 -.19"/>
    <body name="{side}_foot" pos="0 0 -.2"><joint name="{side}_ankle" axis="0 1 0" range="-1 1"/>
     <geom type="box" size=".06 .03 .01" pos=".02 0 -.02"/>
    </body></body></body></body></body>
"""
BIPED = f"""
<mujoco><compiler angle="radian" autolimits="true"/><worldbody>
 <geom type="plane" size="1 1 1"/>
 <body name="trunk" pos="0 0 .53" euler="0 0 -1.5707963"><freejoint/>
  <geom type="capsule" size=".05" fromto="0 0 0 0 0 .2"/>
  {LEG.format(side="left", y=0.08)}{LEG.format(side="right", y=-0.08)}
 </body></worldbody></mujoco>
"""
BIPED_MAP = SkeletonMap(
    bodies={
        "root": "trunk",
        **{
            f"{side}_{part}": f"{side}_{body}"
            for side in ("left", "right")
            for part, body in (("hip", "thigh"), ("knee", "shin"), ("ankle", "foot"))
        },
    }
)

BUILT_IN = ("walk", "run", "squat", "wave")


@pytest.fixture(scope="module")
def biped() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(BIPED)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def g1(robots_dir: Path) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(robots_dir / "unitree_g1" / "g1.xml"))


def check(found: RetargetedClip, model: mujoco.MjModel) -> None:
    """What holds for every clip on every robot."""
    clip, report = found.clip, found.report
    low, high = Skeleton(model).limits.T
    assert (clip.joint_angles >= low).all()
    assert (clip.joint_angles <= high).all()
    assert report.limit_excess == 0
    assert report.penetration < 0.005
    assert report.skate_mean < 0.01
    if clip.loop:
        assert clip.closed


def turned(clip: MotionClip, angle: float) -> MotionClip:
    """A clip turned about the vertical through the origin [rad]."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    w, x, y, z = clip.root_quaternion.T
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    quaternion = np.stack([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], axis=1)
    return replace(clip, root_position=clip.root_position @ turn.T, root_quaternion=quaternion)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_characters_own_model_gives_its_clip_back(name: str) -> None:
    model = load_humanoid().model
    clip = close_loop(load_motion(name))[0]
    found = retarget_clip(clip, model, OWN_MAP)
    check(found, model)
    assert found.report.scale == pytest.approx(1.0)
    assert found.report.arm_scale == pytest.approx(1.0)
    assert found.clip.joint_names == clip.joint_names
    assert found.clip.duration == pytest.approx(clip.duration)
    ours = body_poses(found.clip)
    theirs = body_poses(clip.resample(n_frames=found.clip.n_frames))
    for part in ("root", *(f"{s}_{p}" for s in ("left", "right") for p in ("ankle", "wrist"))):
        miss = np.linalg.norm(ours[part][0] - theirs[part][0], axis=1)
        assert miss.max() < 0.02, (part, miss.max())


@pytest.mark.parametrize("name", BUILT_IN)
def test_any_biped_follows(biped: mujoco.MjModel, name: str) -> None:
    clip = load_motion(name)
    found = retarget_clip(clip, biped, BIPED_MAP)
    check(found, biped)
    assert found.report.scale == pytest.approx(0.4 / (0.421546 + 0.40987))
    assert set(found.report.error_max) == {"left_ankle", "right_ankle"}
    assert max(found.report.error_max.values()) < 0.03
    # Steps stay steps.
    path = found.report.scale * clip.cycle_displacement
    np.testing.assert_allclose(found.clip.cycle_displacement, path, atol=0.005)


def test_a_mirrored_clip_gives_the_mirrored_motion(biped: mujoco.MjModel) -> None:
    clip = close_loop(load_motion("walk"))[0]
    here = retarget_clip(clip, biped, BIPED_MAP).clip
    there = retarget_clip(clip.mirror(), biped, BIPED_MAP).clip
    names = here.joint_names
    swap = {"left": "right", "right": "left"}
    for column, name in enumerate(names):
        side, _, rest = name.partition("_")
        other = there.joint_angles[:, names.index(f"{swap[side]}_{rest}")]
        sign = -1 if rest in ("yaw", "roll") else 1
        np.testing.assert_allclose(here.joint_angles[:, column], sign * other, atol=2e-3)
    np.testing.assert_allclose(here.root_position, there.root_position * (1, -1, 1), atol=1e-3)


def test_a_turned_clip_gives_the_turned_motion(biped: mujoco.MjModel) -> None:
    clip = load_motion("walk")
    here = turned(retarget_clip(clip, biped, BIPED_MAP).clip, 2.0)
    there = retarget_clip(turned(clip, 2.0), biped, BIPED_MAP).clip
    np.testing.assert_allclose(here.joint_angles, there.joint_angles, atol=2e-3)
    np.testing.assert_allclose(here.root_position, there.root_position, atol=1e-3)


def test_where_the_robot_looks_at_rest_does_not_matter(biped: mujoco.MjModel) -> None:
    forward = mujoco.MjModel.from_xml_string(BIPED.replace("0 0 -1.5707963", "0 0 0"))
    clip = load_motion("walk")
    here = retarget_clip(clip, biped, BIPED_MAP).clip
    there = retarget_clip(clip, forward, BIPED_MAP).clip
    np.testing.assert_allclose(here.qpos, there.qpos, atol=1e-3)
    # It walks where the character walks and looks.
    turns = np.abs(here.root_quaternion @ np.array([1.0, 0, 0, 0]))
    assert turns.min() > 0.95


def test_the_rate_changes_little(biped: mujoco.MjModel) -> None:
    clip = load_motion("walk")
    slow = retarget_clip(clip, biped, BIPED_MAP, fps=60).clip
    fast = retarget_clip(clip, biped, BIPED_MAP, fps=120).clip
    assert fast.n_frames == pytest.approx(2 * slow.n_frames, abs=2)
    times = slow.times[:-1]
    assert np.abs(slow.sample(times) - fast.sample(times)).max() < 0.12


@pytest.mark.parametrize("n_frames", [2, 3, 8])
def test_short_clips_are_clips_too(biped: mujoco.MjModel, n_frames: int) -> None:
    whole = load_motion("walk")
    short = replace(
        whole,
        root_position=whole.root_position[:n_frames],
        root_quaternion=whole.root_quaternion[:n_frames],
        joint_angles=whole.joint_angles[:n_frames],
        loop=False,
    )
    found = retarget_clip(short, biped, BIPED_MAP)
    assert found.clip.duration == pytest.approx(short.duration)
    assert found.report.penetration < 0.005


def test_long_motions_are_solved_in_parts_that_fit(
    biped: mujoco.MjModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = load_motion("walk")
    whole = retarget_clip(clip, biped, BIPED_MAP).clip
    monkeypatch.setattr("sb3_mimic.envs.tracking.retargeting.inverse_kinematics._WINDOW", 60)
    monkeypatch.setattr("sb3_mimic.envs.tracking.retargeting.inverse_kinematics._MARGIN", 30)
    parts = retarget_clip(clip, biped, BIPED_MAP).clip
    np.testing.assert_allclose(parts.qpos, whole.qpos, atol=2e-3)


def test_parts_keep_out_of_each_other(biped: mujoco.MjModel) -> None:
    # Legs that cross: both ankles on one line, one in front of the other.
    clip = load_motion("squat")
    angles = clip.joint_angles.copy()
    for side, sign in (("left", -1.0), ("right", 1.0)):
        angles[:, clip.joint_names.index(f"{side}_hip_x")] += sign * 0.25
    clip = replace(clip, joint_angles=angles)
    model = mujoco.MjModel.from_xml_string(
        BIPED.replace('size=".06 .03 .01"', 'size=".06 .09 .01"')
    )
    assert retarget_clip(clip, model, BIPED_MAP).report.overlap < 0.02
    untouchable = mujoco.MjModel.from_xml_string(
        BIPED.replace('size=".06 .03 .01"', 'size=".06 .09 .01"').replace(
            "<compiler", "<option><flag contact='disable'/></option><compiler"
        )
    )
    assert retarget_clip(clip, untouchable, BIPED_MAP).report.overlap == 0


def test_slopes_are_mujocos(biped: mujoco.MjModel, rng: np.random.Generator) -> None:
    skeleton = Skeleton(biped)
    qpos = np.concatenate([rng.normal(size=7), rng.uniform(-0.5, 0.5, 10)])[None]
    qpos[:, 3:7] /= np.linalg.norm(qpos[:, 3:7])
    pose = skeleton.pose(qpos)
    body = np.array([biped.body("left_foot").id])
    offset = np.array([[0.03, 0.01, -0.02]])
    point = pose.points(body, offset)
    data = mujoco.MjData(biped)
    data.qpos[:] = qpos[0]
    mujoco.mj_forward(biped, data)
    linear, angular = np.empty((3, biped.nv)), np.empty((3, biped.nv))
    mujoco.mj_jac(biped, data, linear, angular, point[0, 0], int(body[0]))
    np.testing.assert_allclose(pose.point_slopes(body, point)[0, 0], linear, atol=1e-12)
    np.testing.assert_allclose(pose.turn_slopes(body)[0, 0], angular, atol=1e-12)


def test_slopes_of_overlaps_are_their_differences(biped: mujoco.MjModel) -> None:
    skeleton = Skeleton(biped)
    qpos = np.concatenate([biped.qpos0[:7], np.zeros(10)])
    # Thighs that cross beside each other: where their axes meet there is no direction out.
    for name, angle in (("left_roll", -0.45), ("right_roll", 0.45), ("left_pitch", -0.2)):
        qpos[7 + skeleton.hinge_names.index(name)] = angle
    depths, slopes = skeleton.pose(qpos[None]).overlap_rows()
    assert depths.shape[1] > 0
    deepest = int(depths[0].argmax())
    for column in range(10):
        moved = qpos.copy()
        moved[7 + column] += 1e-6
        change = (
            skeleton.pose(moved[None]).overlap_rows()[0][0, deepest] - depths[0, deepest]
        ) / 1e-6
        assert change == pytest.approx(-slopes[0, deepest, 6 + column], abs=1e-3)


def soles(model: mujoco.MjModel, foot: str) -> FloatArray:
    """Corners of a sole, the robot looking along +x."""
    qpos = np.concatenate([model.qpos0[:3], [1.0, 0, 0, 0], np.zeros(model.nq - 7)])
    pose, body = Skeleton(model).pose(qpos[None]), model.body(foot).id
    return sole_corners(pose, collision_spheres(model), body, pose.positions[0, body])


def test_soles_and_spheres_are_those_of_the_shapes(biped: mujoco.MjModel) -> None:
    corners = soles(biped, "left_foot")
    wanted = [(x, y, -0.03) for x in (-0.04, 0.08) for y in (-0.03, 0.03)]
    np.testing.assert_allclose(corners, wanted, atol=1e-12)
    spheres = collision_spheres(biped)
    assert 0 not in spheres.bodies
    # A leg has two spheres, two capsules and a box, the trunk is a capsule.
    assert len(spheres.bodies) == 2 * (2 + 2 * 2 + 8) + 2
    own = load_humanoid().model
    corners = soles(own, "left_ankle")
    np.testing.assert_allclose(corners, CHARACTER.sole_corners, atol=1e-6)


def test_what_does_not_fit_is_named(biped: mujoco.MjModel) -> None:
    bodies = dict(BIPED_MAP.bodies)
    clip = load_motion("walk")
    with pytest.raises(InputError, match=r"'left_nee'.*did you mean.*left_knee"):
        SkeletonMap(bodies={**bodies, "left_nee": "left_shin"})
    with pytest.raises(InputError, match="needs left_knee"):
        SkeletonMap(bodies={part: name for part, name in bodies.items() if part != "left_knee"})
    with pytest.raises(InputError, match="needs left_shoulder"):
        SkeletonMap(bodies={**bodies, "left_elbow": "left_shin"})
    with pytest.raises(InputError, match="four corners"):
        SkeletonMap(bodies=bodies, soles={"left": np.zeros((2, 3))})
    with pytest.raises(InputError, match=r"'left_foo'; did you mean left_foot.*there are"):
        retarget_clip(clip, biped, SkeletonMap(bodies={**bodies, "left_ankle": "left_foo"}))
    with pytest.raises(InputError, match="hinge of the robot 'left_kne'"):
        retarget_clip(clip, biped, SkeletonMap(bodies, posture={"left_kne": 0.1}))
    fixed = mujoco.MjModel.from_xml_string(BIPED.replace("<freejoint/>", ""))
    with pytest.raises(InputError, match="one free joint"):
        retarget_clip(clip, fixed, BIPED_MAP)
    with pytest.raises(InputError, match="needs the character's"):
        retarget_clip(retarget_clip(clip, biped, BIPED_MAP).clip, biped, BIPED_MAP)


#: The clip, and the largest miss of ankles and of wrists [m].
ON_G1 = (
    ("deepmimic/humanoid3d_walk.txt", 0.06, 0.03),
    ("deepmimic/humanoid3d_run.txt", 0.06, 0.03),
    ("deepmimic/humanoid3d_getup_facedown.txt", 0.07, 0.07),
    ("cmu-asfamc/02_01.amc", 0.06, 0.03),
)


@pytest.mark.parametrize(("file", "ankles", "wrists"), ON_G1)
def test_g1_follows(
    g1: mujoco.MjModel, motions_dir: Path, file: str, ankles: float, wrists: float
) -> None:
    clip = load_motion(motions_dir / file)
    found = retarget_clip(clip, g1, G1_MAP)
    check(found, g1)
    assert found.clip.joint_names[0] == "left_hip_pitch_joint"
    assert len(found.clip.joint_names) == 29
    report = found.report
    for side in ("left", "right"):
        assert report.error_max[f"{side}_ankle"] < ankles
        assert report.error_max[f"{side}_wrist"] < wrists
    # No jitter: the robot's hinges accelerate as the character's do.
    assert report.acceleration < 1.2 * report.source_acceleration
    assert report.fastest_speed < 30
