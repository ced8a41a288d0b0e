"""Reading and writing DeepMimic's files: what real ones do, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, load_motion, read_deepmimic, write_deepmimic
from sb3_mimic.motion.hinges import hinges_to_rotation
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import rotation

#: First column of each quaternion in a row.
QUATERNIONS = (4, 8, 12, 16, 21, 25, 30, 35, 39)


def document_of(name: str, folder: Path) -> dict[str, Any]:
    """A built-in clip as the JSON of its file."""
    write_deepmimic(load_motion(name), folder / "original.txt")
    document: dict[str, Any] = json.loads((folder / "original.txt").read_text())
    return document


def read(document: Any, folder: Path) -> MotionClip:
    path = folder / "changed.txt"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_deepmimic(path)


def largest_difference(one: MotionClip, other: MotionClip) -> float:
    """Largest angle between joints and distance of roots of two clips [rad, m]."""
    differences = [np.abs(one.root_position - other.root_position).max()]
    turned = rotation(one.root_quaternion).inv() * rotation(other.root_quaternion)
    differences.append(turned.magnitude().max())
    for joint in CHARACTER.actuated:
        a = one.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
        b = other.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
        if joint.is_ball:
            turned = hinges_to_rotation(a, joint.axes).inv() * hinges_to_rotation(b, joint.axes)
            differences.append(turned.magnitude().max())
        else:
            differences.append(np.abs(a - b).max())
    return float(max(differences))


@pytest.mark.parametrize("name", ["walk", "run", "squat", "wave"])
def test_round_trip(name: str, tmp_path: Path) -> None:
    clip = load_motion(name)
    write_deepmimic(clip, tmp_path / f"{name}.txt")
    back = read_deepmimic(tmp_path / f"{name}.txt")
    np.testing.assert_allclose(back.qpos, clip.qpos, atol=1e-8)
    assert back.fps == pytest.approx(clip.fps, rel=1e-7)
    assert (back.loop, back.name, back.joint_names) == (clip.loop, clip.name, clip.joint_names)


def test_round_trip_of_real_clips(motions_dir: Path, tmp_path: Path) -> None:
    paths = sorted((motions_dir / "deepmimic").glob("humanoid3d_*.txt"))
    assert len(paths) >= 9
    for path in paths:
        clip = read_deepmimic(path)
        write_deepmimic(clip, tmp_path / path.name)
        back = read_deepmimic(tmp_path / path.name)
        assert largest_difference(clip, back) < 1e-7, path.name
        assert back.loop == clip.loop
        np.testing.assert_allclose(back.joint_angles, clip.joint_angles, atol=1e-5)


def test_real_clips_have_the_rate_and_length_of_their_files(motions_dir: Path) -> None:
    """A clip lasts the sum of all durations but the last."""
    for path in sorted((motions_dir / "deepmimic").glob("humanoid3d_*.txt")):
        rows = np.array(json.loads(path.read_text())["Frames"])
        clip = read_deepmimic(path)
        assert clip.n_frames == len(rows)
        assert clip.duration == pytest.approx(rows[:-1, 0].sum(), rel=1e-9)


def test_frames_are_brought_to_z_up(tmp_path: Path) -> None:
    row = [0.1, 1.0, 2.0, 3.0, *[1.0, 0, 0, 0] * 4, 0, *[1.0, 0, 0, 0] * 2, 0]
    row += [*[1.0, 0, 0, 0], 0, *[1.0, 0, 0, 0] * 2, 0]
    half = np.sqrt(0.5)
    row[4:8] = [half, 0, half, 0]  # a quarter turn to the left about y, up in the file
    row[20], row[29] = -0.7, 0.4
    clip = read({"Loop": "none", "Frames": [row, row]}, tmp_path)
    np.testing.assert_allclose(clip.root_position[0], [1, -3, 2])
    np.testing.assert_allclose(clip.root_quaternion[0], [half, 0, 0, half], atol=1e-12)
    angles = dict(zip(CHARACTER.hinge_names, clip.joint_angles[0], strict=True))
    assert angles["right_knee"] == -0.7
    assert angles["right_elbow"] == 0.4
    assert all(
        value == 0 for name, value in angles.items() if name not in {"right_knee", "right_elbow"}
    )


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_norms_and_signs_of_quaternions_do_not_matter(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("signs")
    document = document_of("walk", folder)
    original = read(document, folder)
    rng = np.random.default_rng(seed)
    for row in document["Frames"]:
        for start in QUATERNIONS:
            factor = rng.uniform(0.5, 1.2) * rng.choice([-1, 1])
            row[start : start + 4] = [factor * value for value in row[start : start + 4]]
    np.testing.assert_allclose(read(document, folder).qpos, original.qpos, atol=1e-7)


def test_long_and_short_quaternions_are_normalized_too(tmp_path: Path) -> None:
    document = document_of("walk", tmp_path)
    original = read(document, tmp_path)
    document["Frames"][0][4:8] = [1e5 * value for value in document["Frames"][0][4:8]]
    document["Frames"][1][8:12] = [1e-5 * value for value in document["Frames"][1][8:12]]
    np.testing.assert_allclose(read(document, tmp_path).qpos, original.qpos, atol=1e-7)


def test_further_keys_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    document = document_of("run", tmp_path)
    original = read(document, tmp_path)
    document |= {"RightJoints": [3, 4], "VelFilterCutoff": 6, "CycleSyncPhase": 0}
    text = "\ufeff" + json.dumps(document, indent=1).replace("\n", "\r\n")
    (tmp_path / "bom.txt").write_bytes(text.encode())
    np.testing.assert_array_equal(read_deepmimic(tmp_path / "bom.txt").qpos, original.qpos)


@pytest.mark.parametrize("last", [0.0, 0.5])
def test_the_last_duration_does_not_count(tmp_path: Path, last: float) -> None:
    document = document_of("walk", tmp_path)
    original = read(document, tmp_path)
    document["Frames"][-1][0] = last
    clip = read(document, tmp_path)
    assert clip.fps == original.fps
    np.testing.assert_array_equal(clip.qpos, original.qpos)


def test_unequal_durations_are_resampled(tmp_path: Path) -> None:
    """With a frame left out and the one before it twice as long, the path is still the same."""
    document = document_of("squat", tmp_path)
    original = read(document, tmp_path)
    left_out = 40
    document["Frames"][left_out - 1][0] *= 2
    del document["Frames"][left_out]
    clip = read(document, tmp_path)
    assert clip.n_frames == original.n_frames
    assert clip.duration == pytest.approx(original.duration)
    others = np.arange(clip.n_frames) != left_out
    np.testing.assert_allclose(clip.qpos[others], original.qpos[others], atol=1e-6)
    np.testing.assert_allclose(clip.qpos, original.qpos, atol=5e-3)


def break_row(document: dict[str, Any], frame: int, column: int, value: Any) -> dict[str, Any]:
    document["Frames"][frame][column] = value
    return document


BAD_NUMBERS = [
    (7, 21, float("nan"), r"frame 7, column 21 \(right_ankle w\) is nan, which no"),
    (0, 2, float("inf"), r"frame 0, column 2 \(root_position y\) is inf, which no"),
    (3, 29, "0.1", r"frame 3, column 29 \(right_elbow\) is not a number: '0.1'"),
    (3, 0, None, r"frame 3, column 0 \(duration\) is not a number: None"),
    (3, 20, True, r"frame 3, column 20 \(right_knee\) is not a number: True"),
    (5, 0, -0.033, r"frame 5, column 0 \(duration\) must be positive .*, found -0.033"),
    (5, 0, 0, r"frame 5, column 0 \(duration\) must be positive .*, found 0"),
    (-1, 0, -1.0, r"column 0 \(duration\) must be positive .*, found -1"),
    (4, 0, 1e-9, r"frame 4, column 0 \(duration\) must be positive .*at least 1e-06 s"),
    (4, 8, 1e300, r"frame 4, column 8 \(chest w\) is 1e\+300, which no motion contains"),
    (2, 0, 1e5, r"frame 2, column 0 \(duration\) is 100000 s, too long beside the 0.0166667 s"),
    (1, 3, 10**400, "a number is too large"),
]


@pytest.mark.parametrize(("frame", "column", "value", "message"), BAD_NUMBERS)
def test_bad_numbers_are_named(
    tmp_path: Path, frame: int, column: int, value: Any, message: str
) -> None:
    document = break_row(document_of("walk", tmp_path), frame, column, value)
    with pytest.raises(InputError, match=rf"changed\.txt: .*{message}|changed\.txt: {message}"):
        read(document, tmp_path)


def test_a_zero_quaternion_is_named(tmp_path: Path) -> None:
    document = document_of("walk", tmp_path)
    document["Frames"][11][30:34] = [0, 0, 0, 0]
    with pytest.raises(
        InputError, match="frame 11, columns 30 to 33: the quaternion of left_hip is zero"
    ):
        read(document, tmp_path)


def test_rows_of_a_wrong_length_are_named(tmp_path: Path) -> None:
    document = document_of("walk", tmp_path)
    document["Frames"][4] = document["Frames"][4][:-1]
    with pytest.raises(InputError, match="frame 4 has 43 numbers, a frame of humanoid3d has 44"):
        read(document, tmp_path)
    document["Frames"][4] = 3
    with pytest.raises(InputError, match="frame 4 is not a list of numbers"):
        read(document, tmp_path)


def test_the_dogs_clips_are_named(motions_dir: Path) -> None:
    paths = sorted((motions_dir / "deepmimic").glob("dog3d_*.txt"))
    assert paths
    for path in paths:
        with pytest.raises(InputError, match="DeepMimic's dog3d, not of humanoid3d"):
            read_deepmimic(path)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "not valid JSON at line 1, column 1"),
        ("# BVH", "not valid JSON"),
        ("[1, 2]", 'a JSON object with "Loop" and "Frames"'),
        ('{"Frames": []}', r'the key "Loop" is missing \(keys found: Frames\)'),
        ('{"Loop": "wrap"}', 'the key "Frames" is missing'),
        ("{}", r"keys found: none"),
        ('{"Loop": "yes", "Frames": []}', '"Loop" must be "wrap" or "none", found \'yes\''),
        ('{"Loop": [], "Frames": []}', '"Loop" must be "wrap" or "none"'),
        ('{"Loop": "wrap", "Frames": []}', "at least 2 frames, found 0"),
        ('{"Loop": "wrap", "Frames": {}}', "at least 2 frames, found dict"),
        ('{"Loop": "wrap", "Frames": ' + "9" * 5000 + "}", "not a DeepMimic motion"),
        ("[" * 100_000, "nested too deeply|not valid JSON"),
    ],
)
def test_what_is_no_motion_is_refused(tmp_path: Path, document: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(document, tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(tmp_path: Path, share: float) -> None:
    text = json.dumps(document_of("walk", tmp_path))
    with pytest.raises(InputError, match=r"not valid JSON at line 1.*may be truncated"):
        read(text[: int(share * len(text))], tmp_path)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_deepmimic(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_deepmimic(tmp_path)
    (tmp_path / "binary.txt").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="not a text file"):
        read_deepmimic(tmp_path / "binary.txt")


def test_another_robots_clip_is_not_written(tmp_path: Path) -> None:
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
    with pytest.raises(InputError, match="writing a DeepMimic file needs the character"):
        write_deepmimic(clip, tmp_path / "wag.txt")
    assert not list(tmp_path.iterdir())
