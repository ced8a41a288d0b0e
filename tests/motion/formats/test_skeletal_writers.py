"""Writers of BVH and ASF/AMC: round trips within the digits of the files, for any skeleton."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, load_motion
from sb3_mimic.motion.formats.asf_amc.reader import read_asf_amc
from sb3_mimic.motion.formats.asf_amc.writer import write_asf_amc
from sb3_mimic.motion.formats.bvh import read_bvh
from sb3_mimic.motion.formats.bvh.writer import write_bvh
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.formats.units import UNITS
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.conversion import from_skeletal, is_character, to_skeletal
from sb3_mimic.motion.skeletons.kinematics import body_poses
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import continuous_signs, precise_angle_between

#: Half a unit in the sixth decimal of a centimetre [m] and of a degree [rad], per number.
CENTIMETRE = 0.5e-8
DEGREE = np.radians(0.5e-6)


@st.composite
def motions(draw: st.DrawFn) -> SkeletalMotion:
    """Any tree of joints, with end sites on some leaves, turning in any way."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_joints = draw(st.integers(1, 9))
    parents = np.array([-1] + [int(rng.integers(0, joint)) for joint in range(1, n_joints)])
    offsets = rng.normal(scale=0.3, size=(n_joints, 3)).round(6)
    offsets[rng.random(n_joints) < 0.3] = 0.0
    offsets[0] = 0.0
    names = [f"joint {joint}" for joint in range(n_joints)]
    leaves = [joint for joint in range(n_joints) if joint not in parents[1:]]
    for leaf in leaves:
        if leaf and rng.random() < 0.8:
            parents = np.append(parents, leaf)
            offsets = np.append(offsets, rng.normal(scale=0.1, size=(1, 3)), axis=0)
            names.append(f"{names[leaf]}_end")
    end_site = np.array([name.endswith("_end") for name in names])
    n_frames = draw(st.integers(2, 6))
    rotations = rng.normal(size=(n_frames, len(names), 4))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    rotations[:, end_site | (rng.random(len(names)) < 0.2)] = (1, 0, 0, 0)
    return SkeletalMotion(
        tree=JointTree(tuple(names), parents, offsets, end_site),
        fps=draw(st.sampled_from([24.0, 29.97, 30.0, 59.94, 120.0, 123.4])),
        root_position=rng.normal(scale=3, size=(n_frames, 3)),
        rotations=continuous_signs(rotations),
        name="any",
        source="made up",
    )


def error_bound(motion: SkeletalMotion) -> float:
    """What rounded numbers can move any joint by [m]: each offset's digits, and each joint's turn
    times the reach of what hangs on it."""
    reach = np.linalg.norm(motion.tree.offsets, axis=1).sum()
    count = motion.tree.n_joints + 1
    return float(count * np.sqrt(3) * (CENTIMETRE * 10 + DEGREE * 3 * reach)) + 1e-12


@settings(max_examples=25)
@given(motions())
def test_bvh_round_trip(tmp_path_factory: pytest.TempPathFactory, motion: SkeletalMotion) -> None:
    path = tmp_path_factory.mktemp("bvh") / "any.bvh"
    write_bvh(motion, path)
    back = read_bvh(path, "cm", up="y")
    assert back.fps == pytest.approx(motion.fps, rel=1e-7)
    assert set(motion.tree.names) <= set(back.tree.names)
    for joint, name in enumerate(motion.tree.names):
        same = back.tree.index(name)
        parent = motion.tree.parents[joint]
        if joint:
            assert back.tree.names[back.tree.parents[same]] == motion.tree.names[parent]
        apart = precise_angle_between(back.rotations[:, same], motion.rotations[:, joint])
        assert apart.max() <= 3 * DEGREE + 1e-12
        moved = back.positions()[:, same] - motion.positions()[:, joint]
        assert np.abs(moved).max() <= error_bound(motion)
    # What was added are end sites of no length, under joints without children.
    added = set(back.tree.names) - set(motion.tree.names)
    for name in added:
        assert back.tree.end_site[back.tree.index(name)]
        assert not back.tree.offsets[back.tree.index(name)].any()
    # A second time nothing changes any more.
    write_bvh(back, path.with_name("again.bvh"))
    assert read_bvh(path.with_name("again.bvh"), "cm", up="y").tree.names == back.tree.names


@settings(max_examples=25)
@given(motions())
def test_amc_round_trip(tmp_path_factory: pytest.TempPathFactory, motion: SkeletalMotion) -> None:
    if motion.tree.n_joints == 1:
        return  # an ASF file has bones
    path = tmp_path_factory.mktemp("amc") / "any.amc"
    write_asf_amc(motion, path)
    back = read_asf_amc(path)
    assert back.fps == pytest.approx(motion.fps, rel=1e-7)
    for joint, name in enumerate(motion.tree.names):
        same = back.tree.index("root" if joint == 0 else name.replace(" ", "_"))
        moved = back.positions()[:, same] - motion.positions()[:, joint]
        assert np.abs(moved).max() <= error_bound(motion)
        if not motion.tree.end_site[joint]:
            apart = precise_angle_between(back.rotations[:, same], motion.rotations[:, joint])
            assert apart.max() <= 3 * DEGREE + 1e-12


@pytest.mark.parametrize("name", ["cmu-asfamc/16_17.amc", "cmu-bvh/131_03.bvh"])
def test_real_files_from_one_format_to_the_other_and_back(
    motions_dir: Path, tmp_path: Path, name: str
) -> None:
    motion = load_skeletal(motions_dir / name)
    write_asf_amc(motion, tmp_path / "there.amc")
    write_bvh(load_skeletal(tmp_path / "there.amc"), tmp_path / "and.bvh")
    back = load_skeletal(tmp_path / "and.bvh")
    assert back.fps == motion.fps
    for joint, own in enumerate(motion.tree.names):
        same = back.tree.index("root" if joint == 0 else own)
        apart = back.positions()[:, same] - motion.positions()[:, joint]
        assert np.abs(apart).max() < 1e-6


def test_amc_keeps_its_skeleton(motions_dir: Path, tmp_path: Path) -> None:
    motion = load_skeletal(motions_dir / "cmu-asfamc" / "02_03.amc")
    write_asf_amc(motion, tmp_path / "again.amc")
    back = load_skeletal(tmp_path / "again.amc")
    assert back.tree.names == motion.tree.names
    np.testing.assert_array_equal(back.tree.parents, motion.tree.parents)
    np.testing.assert_allclose(back.tree.offsets, motion.tree.offsets, atol=2e-8)


def test_names_that_amc_cannot_have(tmp_path: Path) -> None:
    """Spaces, numbers, a second root, signs, and names that become the same."""
    names = ("Hips", "7", "root", "a b", "a_b", "100%", "#x")
    offsets = np.arange(21.0).reshape(7, 3) / 10
    offsets[0] = 0
    tree = JointTree(names, np.array([-1, 0, 1, 2, 3, 4, 5]), offsets, np.zeros(7, dtype=bool))
    turned = continuous_signs(np.tile(np.array([[0.8, 0.6, 0, 0], [0.6, 0.8, 0, 0]]), (7, 1, 1)))
    rotations = np.moveaxis(turned, 0, 1)
    motion = SkeletalMotion(tree, 30.0, np.zeros((2, 3)), rotations, "odd: name", "made up")
    write_asf_amc(motion, tmp_path / "odd.amc")
    back = read_asf_amc(tmp_path / "odd.amc")
    kept = [name for name in back.tree.names if "_to_" not in name and not name.endswith("_end")]
    assert kept == ["root", "_7", "root_2", "a_b", "a_b_2", "100_", "_x"]
    own = [back.tree.index(name) for name in kept]
    np.testing.assert_allclose(back.positions()[:, own], motion.positions(), atol=1e-6)


def test_units_that_are_written(tmp_path: Path) -> None:
    motion = to_skeletal(load_motion("squat"))
    for unit in ("m", "cm", "mm", "in", "cmu"):
        path = tmp_path / f"{unit}.bvh"
        write_bvh(motion, path, unit)
        back = read_bvh(path)  # guessed
        assert f"1 unit = {UNITS[unit]:.6g} m ({unit})" in back.units
        np.testing.assert_allclose(back.positions(), motion.positions(), atol=5e-6)
    with pytest.raises(InputError, match="unknown unit 'yard'"):
        write_bvh(motion, tmp_path / "yard.bvh", "yard")
    assert not (tmp_path / "yard.bvh").exists()


@pytest.fixture(params=["walk", "squat"])
def clip(request: pytest.FixtureRequest) -> MotionClip:
    return load_motion(request.param)


def test_clips_as_skeletal_motion(clip: MotionClip) -> None:
    motion = to_skeletal(clip)
    for body, (position, orientation) in body_poses(clip).items():
        joint = motion.tree.index(body)
        np.testing.assert_allclose(motion.positions()[:, joint], position, atol=1e-12)
        turned = np.roll(orientation.as_quat(), 1, axis=1)
        assert precise_angle_between(motion.orientations()[:, joint], turned).max() < 1e-12


def test_clips_come_back_through_bvh(clip: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    write_bvh(to_skeletal(clip), path)
    motion = read_bvh(path)
    assert is_character(motion)
    back = from_skeletal(motion, loop=clip.loop)
    np.testing.assert_allclose(back.joint_angles, clip.joint_angles, atol=1e-7)
    np.testing.assert_allclose(back.root_position, clip.root_position, atol=1e-7)
    assert back.fps == pytest.approx(clip.fps, rel=1e-12)


def test_other_skeletons_are_not_the_characters(motions_dir: Path) -> None:
    motion = load_skeletal(motions_dir / "cmu-bvh" / "02_01.bvh")
    assert not is_character(motion)
    with pytest.raises(InputError, match="not one of the character's own skeleton"):
        from_skeletal(motion)
    bent = to_skeletal(load_motion("squat"))
    rotations = bent.rotations.copy()
    rotations[:, bent.tree.index("left_knee")] = (0.8, 0, 0, 0.6)
    with pytest.raises(InputError, match=r"left_knee turns by 1\.287 rad about another axis"):
        from_skeletal(
            SkeletalMotion(bent.tree, bent.fps, bent.root_position, rotations, "bent", "made up")
        )
