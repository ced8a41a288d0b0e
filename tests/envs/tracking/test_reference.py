"""The reference: on the grid, between its points, around the cycle."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.envs.tracking.reference import Reference
from sb3_mimic.motion import close_loop, load_motion

ROBOT = load_humanoid()


@pytest.fixture(scope="module")
def walk() -> Reference:
    return Reference(close_loop(load_motion("walk"))[0], ROBOT)


def test_goes_round(walk: Reference) -> None:
    times = np.linspace(0, walk.duration, 40, endpoint=False)
    first, third = walk.at(times), walk.at(times + 2 * walk.duration)
    np.testing.assert_allclose(first[:, 2:35], third[:, 2:35], atol=1e-9)
    np.testing.assert_allclose(
        third[:, :2] - first[:, :2], np.tile(2 * walk.cycle_offset, (40, 1)), atol=1e-12
    )
    # What the sensors see has moved along: the feet stay under the body.
    foot = walk.rows.sensors.start + ROBOT.sensor("right_ankle").start
    feet = [rows[:, foot : foot + 2] - rows[:, :2] for rows in (first, third)]
    np.testing.assert_allclose(feet[0], feet[1], atol=1e-9)


def test_is_continuous_over_the_seam(walk: Reference) -> None:
    eps = 1e-6
    before = walk.at(np.array([walk.duration - eps]))[0]
    after = walk.at(np.array([walk.duration + eps]))[0]
    np.testing.assert_allclose(before[walk.rows.qpos], after[walk.rows.qpos], atol=1e-4)
    np.testing.assert_allclose(before[walk.rows.qvel], after[walk.rows.qvel], atol=1e-2)


def test_velocities_integrate_back_to_poses(walk: Reference) -> None:
    """Small steps along qvel on the manifold arrive where the clip is a cycle later."""
    steps = 2000
    dt = walk.duration / steps
    times = np.linspace(0.5 * dt, walk.duration - 0.5 * dt, steps)
    midpoints = walk.at(times)[:, walk.rows.qvel]
    qpos = walk.at(np.zeros(1))[0, walk.rows.qpos].copy()
    for qvel in midpoints:
        mujoco.mj_integratePos(ROBOT.model, qpos, qvel, dt)
    end = walk.at(np.array([walk.duration]))[0, walk.rows.qpos]
    difference = np.zeros(ROBOT.model.nv)
    mujoco.mj_differentiatePos(ROBOT.model, difference, 1.0, qpos, end)
    assert np.abs(difference).max() < 5e-3


def test_interpolation_stays_close_to_the_spline(walk: Reference) -> None:
    times = np.random.default_rng(0).uniform(0, walk.duration, 200)
    columns = [7 + walk.clip.joint_names.index(name) for name in ROBOT.joint_names]
    expected = walk.clip.sample(times)
    rows = walk.at(times)
    assert np.abs(rows[:, 7:35] - expected[:, columns]).max() < 2e-3
    assert np.abs(rows[:, :3] - expected[:, :3]).max() < 1e-3


def test_sensors_belong_to_the_poses(walk: Reference) -> None:
    data = mujoco.MjData(ROBOT.model)
    rows = walk.at(np.array([0.0, 0.3]))
    for row in rows:
        data.qpos[:], data.qvel[:] = row[walk.rows.qpos], row[walk.rows.qvel]
        mujoco.mj_forward(ROBOT.model, data)
        # Within what linear interpolation between grid points may differ.
        np.testing.assert_allclose(row[walk.rows.sensors], data.sensordata, atol=5e-3)


def test_a_clip_without_loop_stays_at_its_end(motions_dir: Path) -> None:
    kick = Reference(load_motion(motions_dir / "deepmimic" / "humanoid3d_kick.txt"), ROBOT)
    end, later = kick.at(np.array([kick.duration, kick.duration + 1.0]))
    np.testing.assert_array_equal(end[kick.rows.qpos], later[kick.rows.qpos])
    assert not later[kick.rows.qvel].any()
    assert kick.phase(np.array([kick.duration + 1]))[0] == 1.0


@pytest.mark.parametrize("clip", ["walk", "run", "jog", "jump", "backflip", "dance_a", "spin"])
def test_real_loops_close(motions_dir: Path, clip: str) -> None:
    path = motions_dir / "deepmimic" / f"humanoid3d_{clip}.txt"
    reference = Reference(close_loop(load_motion(path))[0], ROBOT)
    assert reference.loop
    ends = reference.at(np.array([0.0, reference.duration - 1e-7]))
    np.testing.assert_allclose(ends[0, 7:35], ends[1, 7:35], atol=1e-3)
    assert np.abs(reference.table[:, 3:7]).max() <= 1 + 1e-12
