"""The skeleton agrees with the model, and forward kinematics with an independent computation."""

import json
from pathlib import Path

import mujoco
import numpy as np
import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, load_motion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import body_poses, sole_corners
from sb3_mimic.motion.sources.library import builtin_names

MODEL = Path(__file__).resolve().parents[3] / "assets" / "humanoid.xml"
AXES = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1), "-y": (0, -1, 0)}


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(MODEL))


def test_hinges_of_the_model_are_those_of_the_skeleton(model: mujoco.MjModel) -> None:
    names = [model.joint(i).name for i in range(1, model.njnt)]
    assert tuple(names) == CHARACTER.hinge_names
    assert len(CHARACTER.hinge_names) == 28
    for joint in CHARACTER.joints:
        assert model.body(model.body(joint.name).parentid[0]).name == joint.parent
        np.testing.assert_allclose(model.body(joint.name).pos, joint.offset, atol=1e-9)
        axes = tuple(joint.axes) if joint.is_ball else (joint.axes,)
        for hinge, axis in zip(joint.hinges, axes, strict=bool(joint.axes)):
            np.testing.assert_array_equal(model.joint(hinge).axis, AXES[axis])


def test_sole_corners_are_the_lower_face_of_the_foot(model: mujoco.MjModel) -> None:
    foot = model.geom("right_foot")
    low, high = foot.pos - foot.size, foot.pos + foot.size
    corners = np.array(CHARACTER.sole_corners)
    np.testing.assert_allclose(corners.min(axis=0)[:2], low[:2], atol=1e-9)
    np.testing.assert_allclose(corners.max(axis=0)[:2], high[:2], atol=1e-9)
    np.testing.assert_allclose(corners[:, 2], low[2], atol=1e-9)


@pytest.mark.parametrize("name", builtin_names())
def test_forward_kinematics_is_mujocos(model: mujoco.MjModel, name: str) -> None:
    clip = load_motion(name)
    poses = body_poses(clip)
    data = mujoco.MjData(model)
    for frame in range(0, clip.n_frames, 5):
        data.qpos[:] = clip.qpos[frame]
        mujoco.mj_kinematics(model, data)
        for body, (position, orientation) in poses.items():
            np.testing.assert_allclose(data.body(body).xpos, position[frame], atol=1e-12)
            np.testing.assert_allclose(
                data.body(body).xmat.reshape(3, 3), orientation[frame].as_matrix(), atol=1e-12
            )


def quaternion_matrix(q: list[float]) -> np.ndarray:
    """Rotation matrix of a quaternion wxyz of any norm, by the textbook formula."""
    w, x, y, z = np.array(q) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def source_positions(
    row: list[float], character: dict[str, dict[str, float]]
) -> dict[str, np.ndarray]:
    """Joint positions [m] of a row of a DeepMimic file, in its own y-up frame and from its own
    character file, by matrices."""
    names = ["chest", "neck"]
    names += [f"right_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow")]
    names += [f"left_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow")]
    columns, column = {"root": 4}, 8
    for name in names:
        columns[name] = column
        column += 1 if name.endswith(("knee", "elbow")) else 4
    assert column == len(row)
    by_id = {joint["ID"]: name for name, joint in character.items()}
    matrices, positions = {}, {}
    for name, joint in character.items():
        start = columns.get(name)
        if name.endswith(("knee", "elbow")):
            assert start is not None
            c, s = np.cos(row[start]), np.sin(row[start])
            own = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        else:
            own = np.eye(3) if start is None else quaternion_matrix(row[start : start + 4])
        if name == "root":
            matrices[name], positions[name] = own, np.array(row[1:4])
            continue
        parent = by_id[joint["Parent"]]
        offset = np.array([joint["AttachX"], joint["AttachY"], joint["AttachZ"]])
        positions[name] = positions[parent] + matrices[parent] @ offset
        matrices[name] = matrices[parent] @ own
    return positions


def test_mocap_forward_kinematics_against_an_independent_computation(motions_dir: Path) -> None:
    folder = motions_dir / "deepmimic"
    joints = json.loads((folder / "characters" / "humanoid3d.txt").read_text())["Skeleton"]
    character = {joint["Name"]: joint for joint in joints["Joints"]}
    checked = 0
    for path in sorted(folder.glob("humanoid3d_*.txt")):
        rows = json.loads(path.read_text())["Frames"]
        poses = body_poses(load_motion(path))
        for frame in range(0, len(rows), 7):
            for name, (x, y, z) in source_positions(rows[frame], character).items():
                np.testing.assert_allclose(poses[name][0][frame], [x, -z, y], atol=1e-9)
                checked += 1
    assert checked > 1000


def test_mirrored_motion_has_mirrored_positions() -> None:
    clip = load_motion("wave")
    swap = {"left": "right", "right": "left"}
    mirrored = body_poses(clip.mirror())
    for name, (position, _) in body_poses(clip).items():
        side, _, rest = name.partition("_")
        other = f"{swap[side]}_{rest}" if side in swap else name
        np.testing.assert_allclose(mirrored[other][0], position * (1, -1, 1), atol=1e-12)


def test_mirroring_columns_is_its_own_inverse() -> None:
    columns, signs = CHARACTER.mirror_columns
    np.testing.assert_array_equal(columns[columns], np.arange(28))
    np.testing.assert_array_equal(signs, signs[columns])


def test_soles_lie_five_centimetres_below_the_ankles() -> None:
    clip = load_motion("squat")
    ankles = body_poses(clip)["left_ankle"][0]
    centre = sole_corners(clip)["left"].mean(axis=1)
    np.testing.assert_allclose(
        np.linalg.norm(centre - ankles, axis=1), np.hypot(0.045, 0.05), atol=1e-9
    )


def test_another_robots_clip_is_refused() -> None:
    clip = MotionClip(
        fps=30.0,
        root_position=np.zeros((2, 3)),
        root_quaternion=np.tile([1.0, 0, 0, 0], (2, 1)),
        joint_angles=np.zeros((2, 1)),
        joint_names=("tail",),
        loop=False,
        name="wag",
        source="",
    )
    with pytest.raises(InputError, match="forward kinematics needs the character's 28 hinges"):
        body_poses(clip)
    with pytest.raises(InputError, match="tail"):
        CHARACTER.require_hinges(clip.joint_names, "a test")


def test_the_characters_limits_are_the_models(model: mujoco.MjModel) -> None:
    np.testing.assert_array_equal(CHARACTER.joint_range, model.jnt_range[1:])
