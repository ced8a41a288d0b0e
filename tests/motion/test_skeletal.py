"""Skeletal motion: kinematics against MuJoCo, resampling, mirroring, what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import RotationSpline

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.skeletal import SkeletalMotion, rotation_path
from sb3_mimic.motion.skeletons.sides import mirror_pairs
from sb3_mimic.motion.skeletons.tree import JointTree, forward_kinematics
from sb3_mimic.spatial import continuous_signs, precise_angle_between, rotation, wxyz

NAMES = (
    *("hips", "chest", "head", "head_end", "left_arm", "left_hand"),
    *("right_arm", "right_hand", "left_leg", "right_leg"),
)


def random_motion(seed: int, n_frames: int = 20, fps: float = 60.0) -> SkeletalMotion:
    """A smooth motion of a figure whose sides differ."""
    rng = np.random.default_rng(seed)
    parents = np.array([-1, 0, 1, 2, 1, 4, 1, 6, 0, 0])
    offsets = rng.normal(size=(len(parents), 3))
    offsets[0] = 0
    offsets[[4, 5, 8], 1] = np.abs(offsets[[4, 5, 8], 1]) + 3
    offsets[[6, 7, 9], 1] = -np.abs(offsets[[6, 7, 9], 1]) - 3
    end_site = np.array(["end" in name for name in NAMES])
    tree = JointTree(NAMES, parents, offsets, end_site)
    steps = rng.normal(scale=0.05, size=(n_frames, len(NAMES), 3))
    vectors = np.cumsum(np.cumsum(steps, axis=0), axis=0) + rng.normal(size=(len(NAMES), 3))
    rotations = rotation_vectors(vectors)
    rotations[:, end_site] = (1, 0, 0, 0)
    position = np.cumsum(rng.normal(scale=0.01, size=(n_frames, 3)), axis=0)
    return SkeletalMotion(tree, fps, position, rotations, "random", "made up")


def rotation_vectors(vectors: FloatArray) -> FloatArray:
    """Quaternions (T, J, 4) continuous in sign, of rotation vectors (T, J, 3)."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    quaternions = np.concatenate(
        [np.cos(angle / 2), vectors * np.sinc(angle / (2 * np.pi)) / 2], axis=-1
    )
    return continuous_signs(quaternions)


def test_kinematics_are_mujocos() -> None:
    motion = random_motion(0)
    tree = motion.tree
    spec = mujoco.MjSpec()
    bodies = [spec.worldbody.add_body(name=tree.names[0])]
    bodies[0].add_freejoint()
    for joint in range(1, tree.n_joints):
        body = bodies[tree.parents[joint]].add_body(
            name=tree.names[joint], pos=tree.offsets[joint].tolist()
        )
        body.add_joint(type=mujoco.mjtJoint.mjJNT_BALL)
        bodies.append(body)
    for body in bodies:
        body.mass, body.inertia, body.explicitinertial = 1.0, [1.0, 1.0, 1.0], True
    model = spec.compile()
    data = mujoco.MjData(model)
    # MuJoCo numbers bodies depth first.
    order = [model.body(name).id for name in tree.names]
    positions, orientations = motion.positions(), motion.orientations()
    for frame in range(motion.n_frames):
        data.qpos[:3] = motion.root_position[frame]
        for joint, body_id in enumerate(order):
            address = model.jnt_qposadr[model.body(body_id).jntadr[0]] + (3 if joint == 0 else 0)
            data.qpos[address : address + 4] = motion.rotations[frame, joint]
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(positions[frame], data.xpos[order], atol=1e-12)
        assert precise_angle_between(orientations[frame], data.xquat[order]).max() < 1e-7


def test_batch_of_one_is_batch_of_n() -> None:
    motion = random_motion(1)
    positions, orientations = forward_kinematics(
        motion.tree, motion.root_position[7:8], motion.rotations[7:8]
    )
    np.testing.assert_allclose(positions[0], motion.positions()[7], atol=1e-14)
    np.testing.assert_allclose(orientations[0], motion.orientations()[7], atol=1e-14)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_mirror_image(seed: int) -> None:
    motion = random_motion(seed)
    mirrored = motion.mirror()
    partner = mirror_pairs(NAMES)
    np.testing.assert_allclose(
        mirrored.positions(), motion.positions()[:, partner] * (1, -1, 1), atol=1e-12
    )
    twice = mirrored.mirror()
    np.testing.assert_array_equal(twice.rotations, motion.rotations)
    np.testing.assert_array_equal(twice.tree.offsets, motion.tree.offsets)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("LeftArm", "RightArm"),
        ("lfemur", "rfemur"),
        ("LHipJoint", "RHipJoint"),
        ("thigh.L", "thigh.R"),
        ("Bip01 L Thigh", "Bip01 R Thigh"),
        ("mixamorig:LeftUpLeg", "mixamorig:RightUpLeg"),
        ("hip_l", "hip_r"),
        ("LEFT_KNEE", "RIGHT_KNEE"),
        ("LeftToeBase_end", "RightToeBase_end"),
    ],
)
def test_sides_are_found_by_name(left: str, right: str) -> None:
    others = ("lowerback", "Neck", "root", "thorax", "lthumb_without_partner")
    assert mirror_pairs((others[0], left, *others[1:], right)).tolist() == [0, 6, 2, 3, 4, 5, 1]


def test_sides_that_differ_are_not_mirrored() -> None:
    tree = JointTree(
        ("hips", "left_leg", "right_leg"),
        np.array([-1, 0, 1]),
        np.diag([0.0, 1.0, 1.0]),
        np.zeros(3, dtype=bool),
    )
    upright = np.tile([1.0, 0, 0, 0], (2, 3, 1))
    still = SkeletalMotion(tree, 30, np.zeros((2, 3)), upright, "still", "made up")
    with pytest.raises(InputError, match="not the same tree"):
        still.mirror()
    alone = replace(tree, names=("hips", "leg", "foot"))
    with pytest.raises(InputError, match="no two joints are named left and right"):
        replace(still, tree=alone).mirror()


def test_resampling_takes_frames_that_it_meets() -> None:
    motion = random_motion(2, n_frames=21, fps=120.0)
    slower = motion.resample(30.0)
    assert (slower.fps, slower.n_frames) == (30.0, 6)
    np.testing.assert_array_equal(slower.root_position, motion.root_position[::4])
    assert precise_angle_between(slower.rotations, motion.rotations[::4]).max() == 0


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(20.0, 300.0))
def test_resampled_curves_pass_through_the_frames(seed: int, fps: float) -> None:
    motion = random_motion(seed)
    resampled = motion.resample(fps)
    assert resampled.duration <= motion.duration + 1e-6
    assert motion.duration - resampled.duration < 1 / fps + 1e-6
    np.testing.assert_allclose(resampled.root_position[0], motion.root_position[0], atol=1e-12)
    np.testing.assert_allclose(
        rotation_path(motion.rotations, np.arange(20)), motion.rotations, atol=1e-12
    )


def test_resampling_is_the_same_in_any_frame() -> None:
    motion = random_motion(3)
    at = np.linspace(0, 19, 77)
    turn = rotation(np.array([0.3, -0.5, 0.2, 0.8]))
    joint = motion.rotations[:, 4]
    turned = continuous_signs(wxyz(turn * rotation(joint)))
    there = rotation_path(turned[:, None], at)[:, 0]
    here = wxyz(turn * rotation(rotation_path(joint[:, None], at)[:, 0]))
    assert precise_angle_between(there, here).max() < 1e-12


def test_resampling_a_steady_turn() -> None:
    """10 rad/s at 30 Hz: where the exact answer is known."""
    axis = np.array([0.6, 0.0, 0.8])
    frames = rotation_vectors((np.arange(30) / 30 * 10)[:, None, None] * axis)
    at = np.linspace(3, 26, 200)
    exact = rotation_vectors((at / 30 * 10)[:, None, None] * axis)
    assert precise_angle_between(rotation_path(frames, at), exact).max() < 1e-4
    spline = RotationSpline(np.arange(30), rotation(frames[:, 0]))
    assert precise_angle_between(rotation_path(frames, at)[:, 0], wxyz(spline(at))).max() < 1e-4


def test_slices() -> None:
    motion = random_motion(4)
    part = motion.slice(5, 9)
    assert part.n_frames == 4
    np.testing.assert_allclose(part.positions(), motion.positions()[5:9], atol=1e-14)
    for start, stop in [(-1, 5), (5, 21), (5, 6), (9, 5)]:
        with pytest.raises(InputError, match="frames 0 to 19"):
            motion.slice(start, stop)


def test_arrays_are_read_only() -> None:
    motion = random_motion(5)
    for array in (
        *(motion.root_position, motion.rotations, motion.positions(), motion.orientations()),
        *(motion.tree.offsets, motion.tree.parents, motion.tree.end_site),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_what_is_no_tree_is_refused() -> None:
    offsets = np.zeros((3, 3))
    good = JointTree(("a", "b", "c"), np.array([-1, 0, 1]), offsets, np.array([False, False, True]))
    refused: list[tuple[dict[str, Any], str]] = [
        ({"names": ("a", "b", "b")}, "'b' comes twice"),
        ({"parents": [-1, 2, 1]}, "'b' must come after its parent"),
        ({"parents": [-1, -1, 1]}, "the only one"),
        ({"parents": [-1, 0]}, "parents of shape"),
        ({"offsets": np.full((3, 3), np.nan)}, "not finite"),
        ({"offsets": np.ones((3, 3))}, "root's offset"),
        ({"end_site": [False, True, False]}, "end site"),
        ({"names": (), "parents": [], "offsets": np.zeros((0, 3)), "end_site": []}, "needs joints"),
    ]
    for change, message in refused:
        with pytest.raises(InputError, match=message):
            replace(good, **change)
    with pytest.raises(InputError, match="there are a, b, c"):
        good.index("d")


def test_what_is_no_motion_is_refused() -> None:
    motion = random_motion(6)
    flipped = motion.rotations.copy()
    flipped[9:, 2] *= -1
    long = motion.rotations.copy()
    long[9, 2] *= 1.01
    turned_end = motion.rotations.copy()
    turned_end[:, 3] = (0, 1, 0, 0)
    lost = motion.root_position.copy()
    lost[4, 1] = np.nan
    refused: list[tuple[dict[str, Any], str]] = [
        ({"fps": 0.0}, "fps must be positive"),
        ({"rotations": flipped}, "head changes its sign after frame 8"),
        ({"rotations": long}, "head in frame 9 must be a unit quaternion"),
        ({"rotations": turned_end}, "end sites must not turn"),
        ({"root_position": lost}, "not finite at frame 4"),
        ({"root_position": motion.root_position[:5]}, "rotations must have shape"),
        (
            {"root_position": np.zeros((1, 3)), "rotations": motion.rotations[:1]},
            "at least 2 frames",
        ),
    ]
    for change, message in refused:
        with pytest.raises(InputError, match=message):
            replace(motion, **change)
    for fps in (0.0, -3.0, np.inf, 1.0):
        with pytest.raises(InputError, match=r"fps|two frames"):
            motion.resample(fps)


def test_resampling_real_motion_like_rotation_splines(motions_dir: Path) -> None:
    """At 60 Hz, but for the ends of the path."""
    for name in ("02_01.amc", "16_35.amc"):
        motion = load_skeletal(motions_dir / "cmu-asfamc" / name)
        rotations = motion.rotations[::2]
        at = np.linspace(5, len(rotations) - 6, 300)
        ours = rotation_path(rotations, at)
        for joint in np.flatnonzero(~motion.tree.end_site):
            spline = RotationSpline(np.arange(len(rotations)), rotation(rotations[:, joint]))
            assert precise_angle_between(ours[:, joint], wxyz(spline(at))).max() < 0.01
