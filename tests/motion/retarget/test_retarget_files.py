"""Files with a skeleton of their own, wherever a motion is taken."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion


def test_bvh_and_amc_files_are_motions(motions_dir: Path) -> None:
    for file in ("cmu-bvh/12_01.bvh", "cmu-asfamc/16_35.amc"):
        clip = load_motion(motions_dir / file)
        assert clip.name == Path(file).stem
        assert clip.fps == pytest.approx(60.0)
        assert len(clip.joint_names) == 28


def test_a_skeleton_that_is_no_body_is_refused_with_its_joints(tmp_path: Path) -> None:
    path = tmp_path / "crane.bvh"
    path.write_text(
        "HIERARCHY\nROOT base\n{\nOFFSET 0 0 0\n"
        "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n"
        "JOINT boom\n{\nOFFSET 0 3 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
        "End Site\n{\nOFFSET 0 3 0\n}\n}\n}\nMOTION\nFrames: 2\nFrame Time: .0333333\n"
        "0 0 0 0 0 0 0 0 0\n0 0 0 0 0 1 0 0 0\n"
    )
    with pytest.raises(InputError, match=r"no joint was found for .*there are base, boom"):
        load_motion(path)


def convert(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sb3_mimic", "motions", "convert", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_convert_writes_the_clip_that_loading_gives(motions_dir: Path, tmp_path: Path) -> None:
    source, output = motions_dir / "cmu-bvh" / "12_01.bvh", tmp_path / "walk.txt"
    result = convert(source, output, "--json")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["retarget"]["mapping"] == "cmu-bvh"
    assert said["retarget"]["error_max"] < 0.05
    assert said["mapping"]["left_hip"] == "LeftUpLeg"
    written, loaded = load_motion(output), load_motion(source)
    assert said["n_frames"] == written.n_frames == loaded.n_frames
    np.testing.assert_allclose(written.root_position, loaded.root_position, atol=1e-6)
    np.testing.assert_allclose(written.joint_angles, loaded.joint_angles, atol=1e-5)


def test_a_printed_mapping_can_be_given_back(motions_dir: Path, tmp_path: Path) -> None:
    source, output = motions_dir / "cmu-asfamc" / "16_35.amc", tmp_path / "run.txt"
    printed = convert(source, output, "--print-mapping")
    assert printed.returncode == 0, printed.stderr
    assert not output.exists()
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(printed.stdout.replace("left_hip: lfemur", "left_hip: lfemurr"))
    refused = convert(source, output, "--mapping", mapping)
    assert refused.returncode == 2
    assert "no joint 'lfemurr' for left_hip; did you mean lfemur" in refused.stderr
    mapping.write_text(printed.stdout)
    result = convert(source, output, "--mapping", mapping, "--no-lock-feet", "--resample", "30")
    assert result.returncode == 0, result.stderr
    assert "mapping.yaml" in result.stdout
    assert load_motion(output).fps == pytest.approx(30.0)


def test_retargeting_flags_need_retargeting(motions_dir: Path, tmp_path: Path) -> None:
    source = motions_dir / "cmu-asfamc" / "16_35.amc"
    result = convert(source, tmp_path / "run.bvh", "--no-lock-feet")
    assert result.returncode == 2
    assert "put on the character" in result.stderr
