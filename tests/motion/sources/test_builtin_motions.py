"""The built-in clips move as people do, and as physics allows."""

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
import pytest

from sb3_mimic.motion import MotionClip, load_motion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses, sole_corners
from sb3_mimic.motion.sources.library import builtin_names

MODEL = Path(__file__).resolve().parents[3] / "assets" / "humanoid.xml"
NAMES = builtin_names()
GRAVITY = 9.81


def angle(clip: MotionClip, hinge: str) -> np.ndarray:
    """Degrees of a hinge, over the frames."""
    return np.asarray(np.degrees(clip.joint_angles[:, CHARACTER.hinge_names.index(hinge)]))


def at_percent(clip: MotionClip, values: np.ndarray, percent: float) -> float:
    return float(np.interp(percent / 100 * (clip.n_frames - 1), np.arange(clip.n_frames), values))


def soles(name: str) -> tuple[MotionClip, np.ndarray]:
    """A clip between its frames too, and its soles (frame, foot, corner, 3)."""
    fine = load_motion(name).resample(480.0)
    return fine, np.stack(list(sole_corners(fine).values()), axis=1)


@dataclass
class Needed:
    """What the world must give for a motion: force (T, 3), moment about the origin (T, 3)."""

    force: np.ndarray
    moment: np.ndarray
    center_of_mass: np.ndarray


def needed(clip: MotionClip) -> Needed:
    """Inverse dynamics of a closed loop by MuJoCo, velocities differenced on the manifold."""
    model = mujoco.MjModel.from_xml_path(str(MODEL))
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
    data = mujoco.MjData(model)
    step = 2e-3
    result = Needed(*(np.empty((clip.n_frames, 3)) for _ in range(3)))
    before, now, after = (clip.sample(clip.times + shift) for shift in (-step, 0.0, step))
    for frame in range(clip.n_frames):
        first, second = np.empty(model.nv), np.empty(model.nv)
        mujoco.mj_differentiatePos(model, first, step, before[frame], now[frame])
        mujoco.mj_differentiatePos(model, second, step, now[frame], after[frame])
        data.qpos[:] = now[frame]
        data.qvel[:] = (first + second) / 2
        data.qacc[:] = (second - first) / step
        mujoco.mj_inverse(model, data)
        mujoco.mj_comPos(model, data)
        force = data.qfrc_inverse[:3].copy()
        local = data.xmat[1].reshape(3, 3) @ data.qfrc_inverse[3:6]
        result.force[frame] = force
        result.moment[frame] = np.cross(data.qpos[:3], force) + local
        result.center_of_mass[frame] = data.subtree_com[0]
    return result


@pytest.mark.parametrize("name", NAMES)
def test_loops_are_closed(name: str) -> None:
    clip = load_motion(name)
    assert clip.loop
    assert clip.closed


@pytest.mark.parametrize("name", NAMES)
def test_cycles_are_whole_numbers_of_control_steps(name: str) -> None:
    steps = load_motion(name).duration * 30
    assert steps == pytest.approx(round(steps), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_hinges_keep_their_limits(name: str) -> None:
    model = mujoco.MjModel.from_xml_path(str(MODEL))
    fine = load_motion(name).resample(480.0)
    low, high = model.jnt_range[1:].T
    assert (fine.joint_angles >= low).all()
    assert (fine.joint_angles <= high).all()


@pytest.mark.parametrize("name", NAMES)
def test_feet_do_not_sink_or_slide(name: str) -> None:
    fine, corners = soles(name)
    height = corners[..., 2]
    assert height.min() > -0.003
    speed = np.linalg.norm(np.gradient(corners[..., :2], 1 / fine.fps, axis=0), axis=-1)
    on_ground = height < 0.002
    assert on_ground.any()
    assert speed[on_ground].max() < 0.03
    assert speed[on_ground].mean() < 0.006


@pytest.mark.parametrize("name", NAMES)
def test_the_trunk_is_upright_and_the_head_steady(name: str) -> None:
    clip = load_motion(name)
    poses = body_poses(clip)
    lean = {"walk": 10, "run": 20, "squat": 60, "wave": 10}[name]
    for body, most in (("chest", lean), ("neck", 20)):
        up = poses[body][1].apply([0, 0, 1])[:, 2]
        assert np.degrees(np.arccos(up)).max() < most, body
    assert (poses["neck"][0][:, 2] > poses["root"][0][:, 2]).all()


@pytest.mark.parametrize("name", NAMES)
def test_velocities_do_not_jump(name: str) -> None:
    """No change of a joint's speed between frames that a person could not make."""
    clip = load_motion(name)
    speed = np.diff(np.concatenate([clip.joint_angles, clip.joint_angles[1:2]]), axis=0) * clip.fps
    acceleration = np.abs(np.diff(speed, axis=0)).max() * clip.fps
    assert acceleration < {"walk": 250, "run": 500, "squat": 60, "wave": 90}[name]
    assert np.abs(speed).max() < {"walk": 9, "run": 15, "squat": 4, "wave": 6}[name]


@pytest.mark.parametrize("name", ["walk", "squat", "wave"])
def test_the_ground_can_carry_the_motion(name: str) -> None:
    """The centre of pressure it needs lies under the feet, the friction it needs is there."""
    clip = load_motion(name)
    world = needed(clip)
    force, moment = world.force, world.moment
    assert (force[:, 2] > 0).all()
    assert (np.hypot(force[:, 0], force[:, 1]) < 0.7 * force[:, 2]).all()
    pressure = np.stack([-moment[:, 1], moment[:, 0]], axis=1) / force[:, 2:]
    corners = np.concatenate(list(sole_corners(clip).values()), axis=1)
    ground = np.where(corners[..., 2:] < 0.004, corners[..., :2], np.nan)
    outside = np.maximum(np.nanmin(ground, axis=1) - pressure, pressure - np.nanmax(ground, axis=1))
    assert outside.max() < 0.03
    assert (outside.max(axis=1) > 0.005).mean() < 0.1


def test_walk_is_a_walk() -> None:
    clip, corners = soles("walk")
    assert np.linalg.norm(clip.cycle_displacement) / clip.duration == pytest.approx(1.2, abs=1e-3)
    assert clip.cycle_displacement[0] > 0
    on_ground = np.any(corners[..., 2] < 0.003, axis=2)
    assert 0.58 < on_ground[:, 0].mean() < 0.64
    assert on_ground.any(axis=1).all()
    # Heel first, toes last.
    right = corners[:, 0, :, 2]
    heel, toe = right[:, :2].min(axis=1), right[:, 2:].min(axis=1)
    assert toe[0] > 0.02 > heel[0]
    push_off = round(0.56 * (clip.n_frames - 1))
    assert heel[push_off] > 0.05
    assert toe[push_off] < 0.002
    mid_swing = slice(round(0.70 * clip.n_frames), round(0.92 * clip.n_frames))
    assert right[mid_swing].min() > 0.008


def test_walk_follows_the_published_curves() -> None:
    """Winter (1991), natural cadence: degrees at percents of the gait cycle."""
    clip = load_motion("walk")
    published = {
        "right_hip_y": {0: -20, 30: 0, 50: 10, 86: -22},
        "right_knee": {15: -20, 40: -8, 72: -65},
        "right_ankle_y": {6: 5, 44: -10, 62: 19},
    }
    for hinge, points in published.items():
        for percent, degrees in points.items():
            found = at_percent(clip, angle(clip, hinge), percent)
            assert found == pytest.approx(degrees, abs=11), (hinge, percent)


@pytest.mark.parametrize("name", ["walk", "run"])
def test_arms_swing_against_the_legs(name: str) -> None:
    clip = load_motion(name)
    same = np.corrcoef(angle(clip, "right_shoulder_y"), angle(clip, "right_hip_y"))[0, 1]
    other = np.corrcoef(angle(clip, "right_shoulder_y"), angle(clip, "left_hip_y"))[0, 1]
    assert same < -0.7
    assert other > 0.7


@pytest.mark.parametrize("name", ["walk", "run"])
def test_both_sides_do_the_same_half_a_cycle_apart(name: str) -> None:
    clip = load_motion(name)
    later = clip.sample(clip.times + clip.duration / 2)[:, 7:]
    np.testing.assert_allclose(clip.mirror().joint_angles, later, atol=1e-6)


def test_run_flies() -> None:
    """Twice a cycle, and in flight nothing but gravity acts."""
    clip, corners = soles("run")
    assert np.linalg.norm(clip.cycle_displacement) / clip.duration == pytest.approx(3.0, abs=1e-3)
    flight = np.all(corners[..., 2] > 0.004, axis=(1, 2))
    assert 0.15 < flight.mean() < 0.35
    begins = np.flatnonzero(flight[1:] & ~flight[:-1])
    assert len(begins) == 2
    world = needed(clip)
    weight = 45 * GRAVITY
    assert np.abs(world.force[flight]).max() < 0.25 * weight
    assert np.abs(world.force[flight]).mean() < 0.05 * weight
    # The centre of mass falls freely: a parabola of −g, its forward speed constant.
    for begin in begins:
        stop = begin + 1 + int(np.argmin(flight[begin + 1 :]))
        inner = slice(begin + 1, stop)
        time = clip.times[inner]
        fall = np.polyfit(time, world.center_of_mass[inner, 2], 2)
        assert 2 * fall[0] == pytest.approx(-GRAVITY, abs=1.5)
        assert world.force[~flight, 2].max() > 1.8 * weight


def test_squat_reaches_parallel_thighs_on_flat_feet() -> None:
    clip, corners = soles("squat")
    assert np.abs(corners[..., 2]).max() < 0.002
    poses = body_poses(clip)
    lowest = int(clip.root_position[:, 2].argmin())
    thigh = poses["right_hip"][1][lowest].apply([0, 0, -1])
    assert abs(np.degrees(np.arcsin(thigh[2]))) < 15
    assert angle(clip, "right_knee").min() == pytest.approx(-105, abs=8)
    hands = poses["right_wrist"][0][lowest] - poses["right_shoulder"][0][lowest]
    assert hands[0] > 0.35
    np.testing.assert_allclose(clip.joint_angles, clip.mirror().joint_angles, atol=1e-8)


def test_wave_raises_the_hand_and_waves_it() -> None:
    clip = load_motion("wave")
    poses = body_poses(clip)
    hand, head = poses["right_wrist"][0], poses["neck"][0]
    raised = hand[:, 2] > head[:, 2] + 0.1
    assert 0.4 < raised.mean() < 0.7
    sideways = (hand - poses["right_elbow"][0])[raised, 1]
    turns = np.flatnonzero(np.diff(np.sign(np.diff(sideways))))
    assert len(turns) >= 6
    assert np.ptp(sideways) > 0.12
    assert not (poses["left_wrist"][0][:, 2] > head[:, 2]).any()
