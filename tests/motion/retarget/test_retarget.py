"""Retargeting: what is the character's own comes back, and what is not keeps its shape and feet."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, close_loop, load_motion
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.retarget import (
    JointMapping,
    RetargetSettings,
    find_mapping,
    read_mapping,
    retarget,
)
from sb3_mimic.motion.retarget.anatomy import heading
from sb3_mimic.motion.retarget.guess import guess_by_names, guess_by_shape, split_name
from sb3_mimic.motion.retarget.limbs import limb, limb_pose, solve_limb
from sb3_mimic.motion.retarget.mapping import ABOVE, families
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses, lowest_points, sole_corners
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import continuous_signs, rotation, wxyz

FREE = RetargetSettings(lock_feet=False, fps=1000.0)

#: Clips of walking, running and jumping people, three subjects and two formats.
CAPTURED = (
    "cmu-asfamc/02_01.amc",
    "cmu-asfamc/02_03.amc",
    "cmu-asfamc/02_04.amc",
    "cmu-asfamc/16_35.amc",
    "cmu-bvh/12_01.bvh",
)


def to_skeletal(clip: MotionClip, scale: float = 1.0) -> SkeletalMotion:
    """A clip of the character as the motion of a skeleton with its joints' names, and toes."""
    poses = body_poses(clip)
    names = ["root", *(joint.name for joint in CHARACTER.joints), "right_toe", "left_toe"]
    parents = [-1, *(names.index(joint.parent) for joint in CHARACTER.joints)]
    offsets = [(0.0, 0.0, 0.0), *(joint.offset for joint in CHARACTER.joints)]
    for side in ("right", "left"):
        parents.append(names.index(f"{side}_ankle"))
        offsets.append((0.1, 0.0, -0.05))
    rotations = np.zeros((clip.n_frames, len(names), 4))
    rotations[..., 0] = 1
    for index, name in enumerate(names[:-2]):
        own = poses[name][1]
        local = own if index == 0 else poses[names[parents[index]]][1].inv() * own
        rotations[:, index] = continuous_signs(wxyz(local))
    tree = JointTree(
        tuple(names), np.array(parents), scale * np.array(offsets), np.zeros(len(names), np.bool_)
    )
    return SkeletalMotion(tree, clip.fps, scale * clip.root_position, rotations, "own", "test")


def facing_forward(clip: MotionClip) -> MotionClip:
    """A clip turned and moved as retargeting does: at the origin, facing +x in its first frame."""
    start = heading(rotation(clip.root_quaternion).as_matrix()[0])
    angle = -np.arctan2(start[1], start[0])
    half = angle / 2
    turn = rotation(np.array([np.cos(half), 0, 0, np.sin(half)]))
    position = turn.apply(clip.root_position - clip.root_position[0] * (1, 1, 0))
    turned = continuous_signs(wxyz(turn * rotation(clip.root_quaternion)))
    return replace(clip, root_position=position, root_quaternion=turned, loop=False)


def within_limits(clip: MotionClip) -> MotionClip:
    """A clip with its hinges clipped to the character's limits."""
    low, high = CHARACTER.joint_range.T
    return replace(clip, joint_angles=np.clip(clip.joint_angles, low + 0.06, high - 0.06))


def turns_between(a: MotionClip, b: MotionClip) -> dict[str, FloatArray]:
    """Angle between the bodies' orientations (T,) [rad] of two clips."""
    ours, theirs = body_poses(a), body_poses(b)
    return {name: (ours[name][1].inv() * theirs[name][1]).magnitude() for name in ours}


@pytest.mark.parametrize("name", ["walk", "run", "squat", "wave"])
@pytest.mark.parametrize("scale", [1.0, 0.4, 100.0])
def test_the_characters_own_motion_comes_back(name: str, scale: float) -> None:
    clip = facing_forward(within_limits(close_loop(load_motion(name))[0]))
    back = retarget(to_skeletal(clip, scale), FREE)
    assert back.report.scale == pytest.approx(1 / scale)
    for body, turned in turns_between(clip, back.clip).items():
        assert turned.max() < 1e-5, body
    np.testing.assert_allclose(back.clip.root_position[:, :2], clip.root_position[:, :2], atol=1e-9)
    # The ground is the clip's own, so that the height may differ by one number.
    height = back.clip.root_position[:, 2] - clip.root_position[:, 2]
    assert np.ptp(height) < 1e-9
    # The length of a trunk that bends is told from its usual one.
    assert back.report.error_max < 0.01


def test_deepmimics_clips_come_back(motions_dir: Path) -> None:
    paths = sorted((motions_dir / "deepmimic").glob("humanoid3d_*.txt"))
    assert len(paths) >= 9
    for path in paths:
        clip = facing_forward(within_limits(load_motion(path)))
        back = retarget(to_skeletal(clip), FREE).clip
        for body, turned in turns_between(clip, back).items():
            assert np.quantile(turned, 0.95) < 0.02, (path.name, body)


def test_locking_feet_that_stand_still_changes_little() -> None:
    clip = facing_forward(close_loop(load_motion("walk"))[0])
    found = retarget(to_skeletal(clip))
    assert found.report.skate_max < 0.02
    assert found.report.contact > 0.95
    assert found.report.error_max < 0.03
    for body, turned in turns_between(clip, found.clip).items():
        assert turned.mean() < 0.06, body


def test_a_turned_and_moved_figure_gives_the_same_clip() -> None:
    motion = to_skeletal(close_loop(load_motion("walk"))[0])
    turn = rotation(np.array([np.cos(0.9), 0.0, 0.0, np.sin(0.9)]))
    rotations = motion.rotations.copy()
    rotations[:, 0] = continuous_signs(wxyz(turn * rotation(rotations[:, 0])))
    moved = SkeletalMotion(
        motion.tree,
        motion.fps,
        turn.apply(motion.root_position.copy()) + np.array([3.0, -5.0, 0.7]),
        rotations,
        "moved",
        "test",
    )
    here, there = retarget(motion).clip, retarget(moved).clip
    np.testing.assert_allclose(there.qpos, here.qpos, atol=1e-6)


def test_the_mirrored_motion_gives_the_mirrored_clip() -> None:
    motion = to_skeletal(close_loop(load_motion("wave"))[0])
    here, there = retarget(motion).clip, retarget(motion.mirror()).clip
    for body, turned in turns_between(here.mirror(), there).items():
        assert turned.max() < 1e-5, body


def test_rest_pose_and_bone_axes_do_not_matter(rng: np.random.Generator) -> None:
    """Limbs whose frames at rest are turned anyhow, as exporters have them."""
    motion = to_skeletal(close_loop(load_motion("run"))[0])
    tree = motion.tree
    limbs = [
        i
        for i, name in enumerate(tree.names)
        if name.endswith(("knee", "elbow", "hip", "shoulder"))
    ]
    turns = {i: rotation(rng.normal(size=4) / 3 + (1, 0, 0, 0)) for i in limbs}
    offsets, rotations = tree.offsets.copy(), motion.rotations.copy()
    for joint in range(tree.n_joints):
        parent = int(tree.parents[joint])
        if parent in turns:
            offsets[joint] = turns[parent].inv().apply(offsets[joint])
            rotations[:, joint] = wxyz(turns[parent].inv() * rotation(rotations[:, joint]))
        if joint in turns:
            rotations[:, joint] = wxyz(rotation(rotations[:, joint]) * turns[joint])
        rotations[:, joint] = continuous_signs(rotations[:, joint])
    other = SkeletalMotion(
        JointTree(tree.names, tree.parents, offsets, tree.end_site),
        motion.fps,
        motion.root_position,
        rotations,
        "turned",
        "test",
    )
    np.testing.assert_allclose(other.positions(), motion.positions(), atol=1e-9)
    here, there = retarget(motion, FREE).clip, retarget(other, FREE).clip
    for body in ("right_knee", "left_knee", "right_elbow", "left_elbow"):
        turned = turns_between(here, there)[body]
        assert np.quantile(turned, 0.9) < 0.15, body


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("file", CAPTURED)
def test_captured_motion_keeps_its_shape_and_its_feet(motions_dir: Path, file: str) -> None:
    motion = load_skeletal(motions_dir / file)
    start = 1 if file.endswith(".bvh") else 0  # a T-pose
    found = retarget(motion.slice(start, motion.n_frames))
    report, clip = found.report, found.clip
    assert report.error_max < 0.05
    assert report.skate_max < 0.02
    assert min(float(heights.min()) for heights in lowest_points(clip).values()) > -0.01
    low, high = load_humanoid().joint_range.T
    assert ((clip.joint_angles >= low) & (clip.joint_angles <= high)).all()
    assert np.abs(clip.root_position[0, :2]).max() < 1e-9
    ahead = rotation(clip.root_quaternion).as_matrix()[0][:2, 0]
    assert abs(np.arctan2(ahead[1], ahead[0])) < 1e-6
    # Told anew, from the clip alone: of the corners of a sole that stay within 3 mm of the ground
    # for a tenth of a second, the slowest does not slide.
    span = round(0.1 * clip.fps)
    slides = []
    for paths in sole_corners(clip).values():
        down = paths[..., 2] < 0.003
        for frame in range(clip.n_frames - span):
            resting = down[frame : frame + span + 1].all(axis=0)
            if resting.any():
                moved = paths[frame + span, resting, :2] - paths[frame, resting, :2]
                slides.append(float(np.linalg.norm(moved, axis=-1).min()) * clip.fps / span)
    assert slides
    assert np.mean(slides) < 0.02


def test_the_amc_and_the_bvh_of_a_capture_give_one_clip(motions_dir: Path) -> None:
    amc = load_skeletal(motions_dir / "cmu-asfamc" / "02_01.amc")
    bvh = load_skeletal(motions_dir / "cmu-bvh" / "02_01.bvh")
    ours, theirs = retarget(amc).clip, retarget(bvh.slice(1, bvh.n_frames)).clip
    n_frames = min(ours.n_frames, theirs.n_frames)
    legs = [i for i, name in enumerate(ours.joint_names) if "knee" in name]
    apart = np.abs(ours.joint_angles[:n_frames, legs] - theirs.joint_angles[:n_frames, legs])
    assert np.quantile(apart, 0.95) < 0.05


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", ["leg", "arm"])
def test_limbs_reach_what_a_pose_reached(kind: str, side: str, rng: np.random.Generator) -> None:
    own = limb(side, kind)
    limits = CHARACTER.joint_range[own.columns]
    middle, half = limits.mean(axis=1), np.ptp(limits, axis=1) / 2
    phases = np.outer(np.arange(200) / 200, rng.integers(1, 4, len(limits)))
    angles = middle + 0.4 * half * np.sin(2 * np.pi * (phases + rng.random(len(limits))))
    base = (rng.normal(size=(200, 3)), rotation(rng.normal(size=(200, 4))).as_matrix())
    position, frame, _, directions = limb_pose(own, base, angles)
    axis = -directions[:, 3]
    turn = frame if kind == "leg" else None
    found = solve_limb(own, base, position, axis, turn, limits)
    assert (found >= limits[:, 0]).all()
    assert (found <= limits[:, 1]).all()
    again, refound, _, _ = limb_pose(own, base, found)
    np.testing.assert_allclose(again, position, atol=2e-3)
    if kind == "leg":
        turned = rotation(wxyz_of(refound)).inv() * rotation(wxyz_of(frame))
        assert np.quantile(turned.magnitude(), 0.95) < 0.05


def wxyz_of(frames: FloatArray) -> FloatArray:
    """Quaternions of matrices."""
    from scipy.spatial.transform import Rotation

    return wxyz(Rotation.from_matrix(frames))


def test_limbs_end_at_the_bodies_of_the_model() -> None:
    clip = load_motion("run")
    poses = body_poses(clip)
    for kind, end in (("leg", "ankle"), ("arm", "wrist")):
        for side in ("right", "left"):
            own = limb(side, kind)
            parent = poses[own.parent]
            base = (parent[0], parent[1].as_matrix())
            position, frame, _, _ = limb_pose(own, base, clip.joint_angles[:, own.columns])
            expected = poses[f"{side}_{end}"]
            np.testing.assert_allclose(position, expected[0], atol=1e-9)
            np.testing.assert_allclose(frame, expected[1].as_matrix(), atol=1e-9)


def test_limits_are_those_of_the_model() -> None:
    np.testing.assert_array_equal(CHARACTER.joint_range, load_humanoid().joint_range)


def test_every_familys_mapping_has_all_parts_and_both_sides() -> None:
    assert len(families()) >= 8
    for family in families():
        assert set(ABOVE) - {"right_toe", "left_toe"} <= set(family.joints)
        assert ("right_toe" in family.joints) == ("left_toe" in family.joints)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixamorig:LeftUpLeg", ("left", "upleg")),
        ("rShldr", ("right", "shldr")),
        ("thigh_L", ("left", "thigh")),
        ("RightToeBase", ("right", "toebase")),
        ("lfemur", ("left", "femur")),
        ("Spine1", (None, "spine")),
        ("lowerback", (None, "lowerback")),
    ],
)
def test_sides_are_told_from_names(name: str, expected: tuple[str | None, str]) -> None:
    assert split_name(name) == expected


@pytest.mark.parametrize("guess", [guess_by_names, guess_by_shape])
def test_guesses_agree_with_the_known_families(motions_dir: Path, guess: Any) -> None:
    files = [*motions_dir.glob("cmu-bvh/*.bvh"), *motions_dir.glob("cmu-asfamc/*_01.amc")]
    assert len(files) >= 10
    for path in files:
        motion = load_skeletal(path)
        known = find_mapping(motion.tree)
        assert not known.origin.startswith("guessed")
        guessed = guess(motion.tree)
        assert set(guessed) == set(known.joints), path
        rest = motion.tree.rest_positions
        for part, joint in known.joints.items():
            here, there = (rest[motion.tree.index(name)] for name in (joint, guessed[part]))
            # Joints at one place are one joint to a guess; spines differ in where the chest begins.
            assert part in {"root", "chest", "neck"} or np.allclose(here, there), (path, part)


def test_a_skeleton_without_a_meaningful_name_is_known_by_its_shape() -> None:
    motion = to_skeletal(load_motion("walk"))
    names = tuple(f"joint{i}" for i in range(motion.tree.n_joints))
    tree = JointTree(names, motion.tree.parents, motion.tree.offsets, motion.tree.end_site)
    mapping = find_mapping(tree)
    assert mapping.origin == "guessed from the tree"
    for part, name in mapping.joints.items():
        assert motion.tree.names[names.index(name)] == part


def test_a_printed_mapping_reads_back(tmp_path: Path) -> None:
    mapping = find_mapping(to_skeletal(load_motion("walk")).tree)
    path = tmp_path / "mapping.yaml"
    path.write_text(mapping.to_yaml())
    assert dict(read_mapping(path).joints) == dict(mapping.joints)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left_hip: [", "no YAML in line"),
        ("- left_hip", "must have a line"),
        ("left_hip: 3", "must be two names"),
        ("left_hipp: a", "no part 'left_hipp'; did you mean left_hip"),
        ("left_hip: a", "no joint is given for root, chest"),
    ],
)
def test_bad_mappings_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_mapping(path)


def test_mappings_that_do_not_fit_are_refused() -> None:
    motion = to_skeletal(load_motion("walk"))
    joints = dict(find_mapping(motion.tree).joints)
    with pytest.raises(InputError, match="no joint 'left_hipp' for left_hip; did you mean"):
        retarget(motion, mapping=JointMapping({**joints, "left_hip": "left_hipp"}, "test"))
    with pytest.raises(InputError, match="given twice"):
        JointMapping({**joints, "left_hip": "right_hip"}, "test")
    swapped = {**joints, "left_knee": "right_knee", "right_knee": "left_knee"}
    with pytest.raises(InputError, match="does not lie below"):
        retarget(motion, mapping=JointMapping(swapped, "test"))
    mirrored = {
        part: joint.replace("left", "x").replace("right", "left").replace("x", "right")
        for part, joint in joints.items()
    }
    with pytest.raises(InputError, match="wrong way round"):
        retarget(motion, mapping=JointMapping(mirrored, "test"))


def test_what_is_no_body_is_refused_by_name() -> None:
    names = ("base", "boom", "arm1", "arm2")
    tree = JointTree(
        names,
        np.arange(-1, 3),
        np.tile([0.0, 0.0, 0.5], (4, 1)) * [[0], [1], [1], [1]],
        np.zeros(4, np.bool_),
    )
    with pytest.raises(
        InputError, match=r"no joint was found for root, chest.*there are base, boom"
    ):
        find_mapping(tree)


def test_ragged_ends_are_cut_off(motions_dir: Path) -> None:
    motion = load_skeletal(motions_dir / "cmu-asfamc" / "16_35.amc")
    found = retarget(motion)
    start, end = found.report.cut
    assert (start, end) == (3, 0)  # arms and trunk jump in frame 2
    again = retarget(motion.resample(60.0).slice(start, motion.n_frames // 2))
    assert again.report.cut == (0, 0)
    np.testing.assert_allclose(again.clip.qpos, found.clip.qpos, atol=1e-9)


def test_hinges_take_no_leaps(motions_dir: Path) -> None:
    motion = load_skeletal(motions_dir / "cmu-asfamc" / "02_04.amc")
    clip = retarget(motion).clip
    rates = np.abs(np.diff(clip.joint_angles, axis=0)) * clip.fps
    assert rates.max() < 25
