"""Readers of BVH and ASF/AMC: real files, two forms of one capture, and files that are wrong."""

import contextlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats import text
from sb3_mimic.motion.formats.asf_amc.reader import read_asf_amc
from sb3_mimic.motion.formats.bvh import read_bvh
from sb3_mimic.motion.formats.rate import nearest_rate
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.formats.units import UNITS, guess_unit
from sb3_mimic.motion.processing.contacts import ground_height
from sb3_mimic.motion.skeletal import SkeletalMotion

#: The joints of cgspeed's BVH after the bones of CMU's ASF that they are.
LEGS_AND_SPINE = {
    "Hips": "root",
    "LeftUpLeg": "lfemur",
    "LeftLeg": "ltibia",
    "LeftFoot": "lfoot",
    "LeftToeBase": "ltoes",
    "LeftToeBase_end": "ltoes_end",
    "RightUpLeg": "rfemur",
    "RightLeg": "rtibia",
    "RightFoot": "rfoot",
    "RightToeBase": "rtoes",
    "RightToeBase_end": "rtoes_end",
    "Spine": "upperback",
    "Spine1": "thorax",
}
HEAD_AND_ARMS = {
    "Neck1": "upperneck",
    "Head": "head",
    "Head_end": "head_end",
    "LeftArm": "lhumerus",
    "LeftForeArm": "lradius",
    "LeftHand": "lwrist",
    "RightArm": "rhumerus",
    "RightForeArm": "rradius",
    "RightHand": "rwrist",
}


@pytest.mark.parametrize("trial", ["01_01", "02_01"])
def test_amc_and_bvh_of_one_capture_agree(motions_dir: Path, trial: str) -> None:
    """Frame i + 1 of the BVH, which begins with a T-pose, is frame i of the AMC.

    The BVH has no bone for the thorax, so that head and arms lack its length along its direction.
    """
    amc = read_asf_amc(motions_dir / "cmu-asfamc" / f"{trial}.amc")
    bvh = read_bvh(motions_dir / "cmu-bvh" / f"{trial}.bvh").slice(1, amc.n_frames + 1)
    assert (amc.fps, bvh.fps) == (120.0, 120.0)
    for names, missing in ((LEGS_AND_SPINE, 0.0), (HEAD_AND_ARMS, thorax(amc))):
        for there, here in names.items():
            ours = amc.positions()[:, amc.tree.index(here)] - missing
            apart = np.linalg.norm(ours - bvh.positions()[:, bvh.tree.index(there)], axis=1)
            assert apart.max() < 1e-5, (there, here)
    assert np.linalg.norm(thorax(amc), axis=1) == pytest.approx(0.1166, abs=1e-3)


def thorax(amc: SkeletalMotion) -> FloatArray:
    """From the thorax' beginning to its end in the world, (T, 3) [m]."""
    positions = amc.positions()
    length: FloatArray = (
        positions[:, amc.tree.index("lowerneck")] - positions[:, amc.tree.index("thorax")]
    )
    return length


def test_every_real_file_is_read(motions_dir: Path) -> None:
    files = [*motions_dir.glob("cmu-*/*.bvh"), *motions_dir.glob("cmu-*/*.amc")]
    assert len(files) >= 19
    table = motions_dir / "cmu-asfamc" / "labels.tsv"
    labels = dict(line.split("\t")[::2] for line in table.read_text(encoding="utf-8").splitlines())
    for path in files:
        motion = load_skeletal(path)
        assert motion.fps == 120.0
        assert motion.n_frames > 70
        # People of believable size; where nothing else is in the room, on the ground most of the
        # time.
        heights = motion.positions()[..., 2]
        assert 1.2 < np.ptp(heights, axis=1).max() < 2.3, path
        raised = re.search("climb|sit|stool|step|uneven", labels.get(path.stem, ""))
        assert raised or abs(np.median(heights.min(axis=1))) < 0.12, path
        scale = 0.01 if "salsa" in path.name else 1.0 if "scaled" in path.name else UNITS["cmu"]
        assert f"1 unit = {scale:.6g} m" in motion.units
        assert "y up" in motion.units


def test_bvh_kinematics_are_those_of_plain_matrices(motions_dir: Path) -> None:
    """The definition, joint by joint: local = translation · product of the channels' turns."""
    path = motions_dir / "cmu-bvh" / "131_02.bvh"
    motion = read_bvh(path)
    frame = 700
    lines = path.read_text().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("Frame Time"))
    numbers = [float(word) for word in lines[start + 1 + frame].split()]
    world: dict[str, FloatArray] = {}
    stack: list[tuple[str, FloatArray]] = []
    name, offset = "", np.zeros(3)
    for line in lines[:start]:
        words = line.split()
        if words and words[0] in {"ROOT", "JOINT", "End"}:
            name = words[1] if words[0] != "End" else f"{stack[-1][0]}_end"
        elif words and words[0] == "OFFSET":
            offset = np.array([float(word) for word in words[1:]])
            matrix = np.eye(4)
            matrix[:3, 3] = offset
            stack.append((name, (stack[-1][1] if stack else np.eye(4)) @ matrix))
            world[name] = stack[-1][1]
        elif words and words[0] == "CHANNELS":
            matrix = stack[-1][1]
            for channel in words[2:]:
                value, axis = numbers.pop(0), "XYZ".index(channel[0])
                step = np.eye(4)
                if channel.endswith("position"):
                    step[axis, 3] = value
                else:
                    c, s = np.cos(np.radians(value)), np.sin(np.radians(value))
                    i, j = (axis + 1) % 3, (axis + 2) % 3
                    step[[i, i, j, j], [i, j, i, j]] = (c, -s, s, c)
                matrix = matrix @ step
            stack[-1] = (stack[-1][0], matrix)
            world[stack[-1][0]] = matrix
        elif words == ["}"]:
            stack.pop()
    assert not numbers
    for index, joint in enumerate(motion.tree.names):
        x, y, z = world[joint][:3, 3] * UNITS["cmu"]
        np.testing.assert_allclose(motion.positions()[frame, index], (x, -z, y), atol=1e-9)


def test_amc_kinematics_are_those_of_the_definition(motions_dir: Path) -> None:
    """R_local = C · Rz·Ry·Rx · C⁻¹ by explicit matrices, on one leg and one arm of 16_05."""
    folder = motions_dir / "cmu-asfamc"
    motion = read_asf_amc(folder / "16_05.amc")
    bones: dict[str, dict[str, list[str]]] = {}
    for block in (folder / "16.asf").read_text().split("begin")[1:]:
        entries = [line.split() for line in block.split("\n") if line.split()]
        bone = {entry[0]: entry[1:] for entry in entries}
        if "name" in bone:
            bones[bone["name"][0]] = bone
    lines = (folder / "16_05.amc").read_text().split("\n")
    start = lines.index("101")
    pose = {line.split()[0]: line.split()[1:] for line in lines[start + 1 : lines.index("102")]}

    def turn(axis: str, degrees: float) -> FloatArray:
        return np.asarray(Rotation.from_euler(axis, degrees, degrees=True).as_matrix())

    def turns(angles: list[float]) -> FloatArray:
        x, y, z = angles
        return turn("z", z) @ turn("y", y) @ turn("x", x)

    root = [float(word) for word in pose["root"]]
    for chain in (
        ("rhipjoint", "rfemur", "rtibia", "rfoot", "rtoes"),
        (
            "lowerback",
            "upperback",
            "thorax",
            "lclavicle",
            "lhumerus",
            "lradius",
            "lwrist",
            "lthumb",
        ),
    ):
        position, orientation = np.array(root[:3]), turns(root[3:])
        for name in chain:
            x, y, z = position * UNITS["cmu"]
            index = motion.tree.index(name)
            np.testing.assert_allclose(motion.positions()[100, index], (x, -z, y), atol=1e-9)
            bone = bones[name]
            own = turns([float(word) for word in bone["axis"][:3]])
            dof = dict(zip(bone.get("dof", []), map(float, pose.get(name, [])), strict=True))
            angles = turns([dof.get(axis, 0.0) for axis in ("rx", "ry", "rz")])
            orientation = orientation @ own @ angles @ own.T
            direction = np.array([float(word) for word in bone["direction"]])
            direction /= np.linalg.norm(direction)
            position = position + orientation @ direction * float(bone["length"][0])


BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Chest
  {
    OFFSET 0 90 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 70 0
    }
  }
  JOINT Leg
  {
    OFFSET 0 -5 0
    CHANNELS 1 Xrotation
  }
}
MOTION
Frames: 3
Frame Time: .0333333
1 2 3 0 0 0 10 20 30 40
1 2 3 0 0 0 11 21 31 41
1 2 3 0 0 0 12 22 32 42
"""

#: What is done to the file above, and what is said of it.
BAD_BVH: dict[str, tuple[Callable[[str], str], str]] = {
    "last row cut": (lambda s: s[:-4], "line 26: frame 2 has 9 numbers.* Xrotation of Leg"),
    "rows missing": (lambda s: s[: s.rindex("1 2 3")], "line 22 says 3 frames, .* 2 rows"),
    "rows too many": (lambda s: s + "1 2 3 0 0 0 1 2 3 4\n", "line 27: .*more rows than the 3"),
    "row too long": (lambda s: s.replace("41", "41 7"), "line 25: frame 1 has 11 numbers"),
    "NaN": (lambda s: s.replace("31", "nan"), "line 25: frame 1, Yrotation of Chest: 'nan'"),
    "infinite": (lambda s: s.replace("31", "1e999"), "line 25: frame 1, Yrotation of Chest"),
    "no number": (lambda s: s.replace("31", "3.1.2"), "Yrotation of Chest: '3.1.2' is no number"),
    "channel": (lambda s: s.replace("1 Xrot", "1 Wrot"), "line 18: joint Leg .*'Wrotation'"),
    "channel count": (lambda s: s.replace("1 Xrot", "2 Xrot"), "line 18: .* Leg should be 2"),
    "channel twice": (
        lambda s: s.replace("1 Xrotation", "2 Xrotation Xrotation"),
        "joint Leg has the channel Xrotation twice",
    ),
    "end site moves": (
        lambda s: s.replace("OFFSET 0 70 0", "OFFSET 0 70 0\nCHANNELS 1 Xrotation"),
        "the end site Chest_end has CHANNELS",
    ),
    "offset short": (lambda s: s.replace("0 -5 0", "0 -5"), "line 17: the OFFSET of joint Leg"),
    "offset NaN": (lambda s: s.replace("0 -5 0", "0 nan 0"), "the OFFSET of joint Leg has 'nan'"),
    "offset twice": (lambda s: s.replace("OFFSET 0 -5 0", "OFFSET 0 1 0\nOFFSET 0 -5 0"), "second"),
    "no offset": (lambda s: s.replace("    OFFSET 0 -5 0\n", ""), "joint Leg has no OFFSET"),
    "no name": (lambda s: s.replace("JOINT Leg", "JOINT"), "JOINT has no name"),
    "unknown word": (lambda s: s.replace("OFFSET 0 -5 0", "SCALE 2"), "in joint Leg, found 'SCALE"),
    "second root": (
        lambda s: s.replace("MOTION", "ROOT Other\n{\nOFFSET 0 0 0\n}\nMOTION"),
        "line 21: a second ROOT 'Other'",
    ),
    "brace missing": (lambda s: s.replace("}\nMOTION", "MOTION"), "before joint Hips is closed"),
    "brace before": (lambda s: s.replace("Hips\n{", "Hips\n"), "expected { after joint Hips"),
    "cut in hierarchy": (lambda s: s[: s.index("JOINT Leg") + 9], "the file ends in joint Leg"),
    "cut before frames": (lambda s: s[: s.index("Frames")], "the file ends before 'Frames:'"),
    "cut before time": (lambda s: s[: s.index("Frame Time")], "ends before 'Frame Time:'"),
    "frames no number": (lambda s: s.replace("Frames: 3", "Frames: many"), "'Frames: <number>'"),
    "frames huge": (lambda s: s.replace("Frames: 3", "Frames: 999999999999"), "3 rows"),
    "one frame": (lambda s: s[: s.index("1 2 3 0 0 0 11")].replace(": 3", ": 1"), "at least 2"),
    "no frames": (lambda s: s[: s.index("1 2 3")].replace("Frames: 3", "Frames: 0"), "at least 2"),
    "time zero": (lambda s: s.replace(".0333333", "0"), "line 23: expected 'Frame Time"),
    "time NaN": (lambda s: s.replace(".0333333", "nan"), "line 23: expected 'Frame Time"),
    "another file": (lambda s: "just some text\n", "line 1: a BVH file begins with HIERARCHY"),
    "empty": (lambda s: " \n", "is empty"),
    "binary": (lambda s: "HIER\0ARCHY", "is binary"),
}


@pytest.mark.parametrize("fault", BAD_BVH)
def test_bad_bvh_is_refused_with_place_and_joint(tmp_path: Path, fault: str) -> None:
    change, message = BAD_BVH[fault]
    path = tmp_path / "bad.bvh"
    path.write_text(change(BVH))
    assert change(BVH) != BVH
    with pytest.raises(InputError, match=message) as error:
        read_bvh(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_good_bvh_variants(tmp_path: Path) -> None:
    """CRLF, a byte order mark, tabs, braces on the line, old line ends: the same motion."""
    expected = read_bvh(written(tmp_path, "plain", BVH))
    assert expected.fps == 30.0
    assert expected.tree.names == ("Hips", "Chest", "Chest_end", "Leg")
    for name, same in {
        "crlf": BVH.replace("\n", "\r\n"),
        "cr": BVH.replace("\n", "\r"),
        "mark": "\ufeff" + BVH,
        "tabs": BVH.replace("Frames: 3", "Frames:\t3").replace(" ", "\t"),
        "braces": BVH.replace("Chest\n  {", "Chest {"),
        "blank lines": BVH.replace("\n", "\n\n"),
        "exponents": BVH.replace("10 20", "1e1 2.0E+001"),
        "lower case": BVH.replace("ROOT", "Root").replace("Zrotation", "zrotation"),
        "no last newline": BVH.rstrip(),
    }.items():
        motion = read_bvh(written(tmp_path, name, same))
        np.testing.assert_array_equal(motion.rotations, expected.rotations)
        assert motion.tree.names == expected.tree.names


def written(folder: Path, name: str, content: str) -> Path:
    """A BVH file, line ends as given."""
    path = folder / f"{name}.bvh"
    path.write_bytes(content.encode())
    return path


def test_channels_in_any_number_on_any_joint(tmp_path: Path) -> None:
    """Six on a joint that stretches, three positions on another, twice the same name."""
    content = BVH.replace(
        "CHANNELS 1 Xrotation", "CHANNELS 4 Xrotation Xposition Yposition Zposition"
    )
    rows = content.split("\n")
    for number, stretch in ((23, 0), (24, 0), (25, 3)):
        rows[number] += f" 1 {-5 - stretch} 0"
    motion = read_bvh(written(tmp_path, "six", "\n".join(rows).replace("JOINT Leg", "JOINT Chest")))
    assert motion.tree.names == ("Hips", "Chest", "Chest_end", "Chest_2")
    np.testing.assert_allclose(motion.tree.offsets[3], (0.01, 0, -0.05), atol=1e-12)
    codes = {finding.code: finding for finding in motion.warnings}
    assert codes["stretch"].value == pytest.approx(0.03)
    assert codes["stretch"].severity == "warning"
    assert codes["joint_names"].joint == "Chest_2"


def test_a_z_up_file_is_noticed(tmp_path: Path) -> None:
    rows = BVH.replace("0 90 0", "0 0 90").replace("0 70 0", "0 0 70").replace("0 -5 0", "0 0 -5")
    for frame in range(3):  # walks along y, stays level
        rows = rows.replace(f"1 2 3 0 0 0 1{frame}", f"1 {2 + 10 * frame} 3 0 0 0 1{frame}")
    path = written(tmp_path, "z", rows)
    motion = read_bvh(path)
    assert "z up" in motion.units
    np.testing.assert_allclose(motion.tree.rest_positions[2], (0, 0, 1.6))
    np.testing.assert_allclose(read_bvh(path, "cm", up="y").tree.rest_positions[2], (0, -1.6, 0))
    with pytest.raises(InputError, match="unknown up axis 'x'"):
        read_bvh(path, up="x")  # type: ignore[arg-type]


def test_units_and_rate_as_told(tmp_path: Path) -> None:
    path = written(tmp_path, "told", BVH)
    motion = read_bvh(path, "in", fps=59.5)
    assert motion.fps == 59.5
    assert motion.tree.offsets[1, 2] == pytest.approx(90 * 0.0254)
    with pytest.raises(InputError, match="unknown unit 'inch'; did you mean in"):
        read_bvh(path, "inch")
    with pytest.raises(InputError, match="fps must be positive"):
        read_bvh(path, fps=0.0)
    doubtful = written(tmp_path, "dog", BVH.replace("70", "-30"))
    assert "units_doubt" in {finding.code for finding in read_bvh(doubtful).warnings}


@given(st.floats(1.2, 2.1), st.sampled_from(["m", "cm", "mm", "in", "cmu"]))
def test_units_are_told_from_an_adults_height(height: float, unit: str) -> None:
    guess = guess_unit(height / UNITS[unit])
    assert guess.metres == UNITS[unit]
    assert not guess.doubtful


@pytest.mark.parametrize(
    ("written_time", "rate"),
    [
        (".0083333", 120.0),
        ("0.00833333", 120.0),
        ("0.008333", 120.0),
        ("0.033333", 30.0),
        ("0.0333", 30.0),
        ("0.04", 25.0),
        ("0.016667", 60.0),
        ("1.6667e-2", 60.0),
        ("0.01", 100.0),
        ("0.05", 20.0),
    ],
)
def test_rates_are_what_rounds_to_the_frame_time(written_time: str, rate: float) -> None:
    assert nearest_rate(written_time) == pytest.approx(rate, abs=1e-9)
    assert nearest_rate("0.0333667") == pytest.approx(29.97, abs=1e-3)  # NTSC, not 30


@pytest.fixture
def amc(motions_dir: Path, tmp_path: Path) -> Path:
    """A copy of a real motion, ten frames, with its skeleton beside it."""
    shutil.copyfile(motions_dir / "cmu-asfamc" / "16.asf", tmp_path / "16.asf")
    path = tmp_path / "16_41.amc"
    lines = (motions_dir / "cmu-asfamc" / "16_41.amc").read_text().split("\n")
    path.write_text("\n".join(lines[: lines.index("11")]) + "\n")
    return path


def at(place: int | slice, *lines: str) -> Callable[[list[str]], None]:
    """Puts lines in the place of another, or of several."""

    def change(content: list[str]) -> None:
        content[place if isinstance(place, slice) else slice(place, place + 1)] = lines

    return change


#: What is done to the lines of the AMC file, and what is said of it. Line 4 holds the number 1.
BAD_AMC: dict[str, tuple[Callable[[list[str]], None], str]] = {
    "cut in a frame": (at(slice(-7, None)), "frame 10 ends .*truncated"),
    "cut in a line": (at(slice(-2, None), "ltoes"), "frame 10, bone ltoes: 0 numbers for 1"),
    "bone missing": (at(40), "frame 2 ends without bone"),
    "unknown bone": (at(5, "tail 1 2 3"), "line 6: frame 1, bone tail"),
    "no dof": (at(slice(6, 6), "lhipjoint 1"), "bone lhipjoint: 16.asf has no such bone"),
    "bone twice": (at(slice(6, 6), "lowerback 1 2 3"), "line 7: frame 1, bone lowerback comes a"),
    "count": (at(5, "lowerback 1 2 3 7"), "line 6: .*lowerback: 4 numbers for 3"),
    "NaN": (at(65, "lowerback 1 nan 2"), "line 66: frame 3, bone lowerback: 'nan'"),
    "no number": (at(65, "lowerback 1 O 2"), "bone lowerback: 'O' is no number"),
    "huge": (at(65, "lowerback 1 1e30 2"), "bone lowerback: '1e30'"),
    "no frames": (at(slice(3, None)), "no frame in it"),
    "one frame": (at(slice(33, None)), "at least 2 frames"),
    "another file": (at(0, "hello"), "line 1: expected a frame's number"),
}


@pytest.mark.parametrize("fault", BAD_AMC)
def test_bad_amc_is_refused_with_place_and_bone(amc: Path, fault: str) -> None:
    change, message = BAD_AMC[fault]
    lines = amc.read_text().split("\n")
    before = list(lines)
    change(lines)
    assert lines != before
    amc.write_text("\n".join(lines))
    with pytest.raises(InputError, match=message) as error:
        read_asf_amc(amc)
    assert str(amc) in str(error.value)


def test_irregular_amc_is_read_line_by_line(amc: Path) -> None:
    """Comments, another order of bones in one frame, CRLF, further ':' lines: the same motion."""
    expected = read_asf_amc(amc)
    lines = amc.read_text().split("\n")
    lines[5], lines[6] = lines[6], lines[5]
    lines.insert(40, "# a comment")
    lines[1:1] = ["# another", ":namespace 16"]
    amc.write_bytes("\r\n".join(lines).encode())
    np.testing.assert_array_equal(read_asf_amc(amc).rotations, expected.rotations)


def test_rate_of_amc(amc: Path) -> None:
    assert [finding.code for finding in read_asf_amc(amc).warnings] == ["rate_assumed"]
    told = read_asf_amc(amc, fps=60.0)
    assert (told.fps, told.warnings) == (60.0, ())
    amc.write_text(amc.read_text().replace(":DEGREES", ":DEGREES\n:SAMPLES-PER-SECOND 50"))
    assert read_asf_amc(amc).fps == 50.0


def test_frames_that_are_not_numbered_on_are_told(amc: Path) -> None:
    amc.write_text(amc.read_text().replace("\n7\n", "\n9\n"))
    finding = read_asf_amc(amc, fps=120.0).warnings[0]
    assert finding.code == "frame_numbers"
    assert "6 is followed by 9" in finding.message


#: What is replaced in the ASF file, by what, and what is said of it.
BAD_ASF: dict[str, tuple[str, str, str]] = {
    "dof": ("dof rx ry rz", "dof rx ry l", "bone lfemur has the dof 'rx ry l'"),
    "direction": ("direction 0.34202 -0.939693 0", "direction 0.3 nan 0", "lfemur needs 3 numbers"),
    "no axis": ("axis 0 0 20 XYZ", "", "lfemur lacks its direction, its length or its axis"),
    "order": ("axis 0 0 20 XYZ", "axis 0 0 20 XYY", "order of axes must be like XYZ"),
    "twice": ("name lfemur", "name lhipjoint", "a second bone lhipjoint"),
    "unknown": ("lfemur ltibia", "lfemur shin", "unknown bone 'shin'"),
    "two parents": ("lfemur ltibia", "lfemur ltibia lfoot", "bone lfoot has two parents"),
    "not connected": ("lfemur ltibia", "", "does not connect bone ltibia"),
    "length": ("length 0.45", "length 0", "length must be positive"),
    "angle": ("angle deg", "angle gon", "angle must be deg or rad"),
    "cut": (":hierarchy", ":bonedata\n begin\n name x", "the file ends before its bones do"),
}


@pytest.mark.parametrize("fault", BAD_ASF)
def test_bad_asf_is_refused_with_place_and_bone(amc: Path, fault: str) -> None:
    old, new, message = BAD_ASF[fault]
    skeleton = amc.with_name("16.asf")
    content = squeezed(skeleton)
    assert old in content
    content = content.replace(old, new, 1)
    if fault == "cut":
        content = content[: content.index("name x") + 6]
    skeleton.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_asf_amc(amc)
    assert f"{skeleton}, line " in str(error.value)


def squeezed(path: Path) -> str:
    """A file's text with single spaces."""
    return "\n".join(" ".join(line.split()) for line in path.read_text().split("\n"))


def test_the_skeleton_is_looked_for(amc: Path) -> None:
    skeleton = amc.with_name("16.asf")
    elsewhere = amc.with_name("skeletons")
    elsewhere.mkdir()
    moved = skeleton.rename(elsewhere / "Someone.ASF")
    with pytest.raises(InputError, match=r"16\.asf is not beside it .*--asf"):
        read_asf_amc(amc)
    assert read_asf_amc(amc, moved).n_frames == 10
    shutil.copyfile(moved, amc.with_name("only.asf"))
    assert read_asf_amc(amc).n_frames == 10
    with pytest.raises(InputError, match="is a skeleton"):
        load_skeletal(amc.with_name("only.asf"))


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in (".bvh", ".amc"):
        with pytest.raises(InputError, match="is a folder"):
            load_skeletal(made_folder(tmp_path / f"folder{suffix}"))
        with pytest.raises(InputError, match="No such file"):
            load_skeletal(tmp_path / f"nothing{suffix}")
        pipe = tmp_path / f"pipe{suffix}"
        os.mkfifo(pipe)
        with pytest.raises(InputError, match="not a regular file"):
            load_skeletal(pipe)
        # Sparse, so that nothing is written.
        huge = tmp_path / f"huge{suffix}"
        with huge.open("wb") as file:
            file.truncate(2**31)
        with pytest.raises(InputError, match="2147 MB large"):
            load_skeletal(huge)
        (tmp_path / f"binary{suffix}").write_bytes(bytes(range(256)) * 8)
        with pytest.raises(InputError, match="is binary"):
            load_skeletal(tmp_path / f"binary{suffix}")
    with pytest.raises(InputError, match=r"those are \.amc, \.bvh files"):
        load_skeletal(tmp_path / "walk.fbx")
    monkeypatch.setattr(text, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="MB large"):
        read_bvh(written(tmp_path, "small", BVH))


def made_folder(path: Path) -> Path:
    """An empty folder."""
    path.mkdir()
    return path


@given(st.binary(max_size=200), st.integers(0, len(BVH)))
def test_garbage_ends_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, place: int
) -> None:
    path = tmp_path_factory.mktemp("garbage") / "garbage.bvh"
    content = BVH.encode()
    path.write_bytes(content[:place] + garbage + content[place:])
    with contextlib.suppress(InputError):  # any other error is one of ours
        assert read_bvh(path).n_frames == 3


def test_up_is_found_whatever_the_axes(motions_dir: Path, tmp_path: Path) -> None:
    """The same figure with its axes moved on by one and by two: z up, facing x, and x up."""
    for file in sorted((motions_dir / "cmu-bvh").glob("*.bvh"))[::4]:
        original = read_bvh(file)
        once, twice = (tmp_path / f"{file.stem}_{n}.bvh" for n in (1, 2))
        once.write_text(moved_on(file.read_text()))
        twice.write_text(moved_on(once.read_text()))
        found = read_bvh(once)
        assert "z up" in found.units
        heights = original.positions()[::50, :, 2]
        np.testing.assert_allclose(found.positions()[::50, :, 2], heights, atol=1e-6)
        with pytest.raises(InputError, match="stands along x, and up is y or z"):
            read_bvh(twice)


def moved_on(text: str) -> str:
    """A BVH file whose x is called y, whose y is called z, and whose z is called x."""
    letters = {"X": "Y", "Y": "Z", "Z": "X"}
    lines = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["OFFSET"]:
            lines.append(f"OFFSET {words[3]} {words[1]} {words[2]}")
        else:
            renamed = r"\b([XYZ])(?=position|rotation)"
            lines.append(re.sub(renamed, lambda match: letters[match[1]], line))
    return "\n".join(lines) + "\n"


def test_a_figure_of_a_root_alone_stands_on_it(tmp_path: Path) -> None:
    path = tmp_path / "single.bvh"
    channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    path.write_text(
        f"HIERARCHY\nROOT Hips\n{{\nOFFSET 0 0 0\nCHANNELS {channels}\n}}\n"
        "MOTION\nFrames: 2\nFrame Time: 0.1\n0 90 0 0 0 0\n0 91 0 0 0 0\n"
    )
    motion = read_bvh(path, "cm")
    assert ground_height(motion) == pytest.approx(0.9, abs=0.011)
