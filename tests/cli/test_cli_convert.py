"""``motions convert``, ``info`` and ``lint`` on BVH and AMC files, as commands."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sb3_mimic.cli import main
from sb3_mimic.motion import load_motion
from sb3_mimic.motion.formats.registry import load_skeletal


@pytest.fixture
def walk(motions_dir: Path) -> Path:
    return motions_dir / "cmu-bvh" / "02_01.bvh"


def test_convert_as_a_process(motions_dir: Path, tmp_path: Path) -> None:
    """AMC to BVH, exactly: within the digits."""
    source = motions_dir / "cmu-asfamc" / "02_03.amc"
    command = [sys.executable, "-m", "sb3_mimic", "motions", "convert", str(source), "run.bvh"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "run.bvh: 1.433 s, 173 frames at 120 Hz" in done.stdout
    assert "inches / 0.45" in done.stdout
    there, back = load_skeletal(source), load_skeletal(tmp_path / "run.bvh")
    assert np.abs(there.positions() - back.positions()).max() < 1e-7
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert again.stderr == "sb3-mimic: run.bvh exists already; choose another file, or --force\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run.bvh"]


def convert(*arguments: object) -> int:
    return main(["motions", "convert", *map(str, arguments)])


def test_everything_that_convert_does(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "there" / "walk.amc"
    flags = ("--clean", "--cutoff", 10, "--trim", 0.0, 2.5, "--window", 1, "--resample", 30)
    assert convert(walk, output, *flags, "--mirror", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == [str(output), str(output.with_suffix(".asf"))]
    assert [change.partition(":")[0] for change in said["changes"]] == [
        *("trim", "start", "filter", "ground", "window", "rate", "mirror")
    ]
    back = load_skeletal(output)
    assert (back.n_frames, back.fps) == (31, 30.0) == (said["n_frames"], said["fps"])
    # Mirrored, the first step is the other foot's.
    assert sorted(path.suffix for path in output.parent.iterdir()) == [".amc", ".asf"]
    assert convert(walk, output, "--force") == 0


def test_clips_to_bvh_and_back(tmp_path: Path) -> None:
    assert convert("squat", tmp_path / "squat.bvh", "--output-units", "m") == 0
    assert convert(tmp_path / "squat.bvh", tmp_path / "squat.txt") == 0
    clip, back = load_motion("squat"), load_motion(tmp_path / "squat.txt")
    np.testing.assert_allclose(back.joint_angles, clip.joint_angles, atol=1e-6)
    assert not back.loop  # a BVH file does not say
    assert convert("squat", tmp_path / "again.txt", "--mirror") == 0
    again = load_motion(tmp_path / "again.txt")
    assert again.loop
    np.testing.assert_allclose(again.joint_angles, clip.mirror().joint_angles, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{walk}", "out.fbx"), "must end in .bvh, .amc, .txt, .json"),
        (("{walk}", "{folder}.bvh"), "is a folder; give the file to write"),
        (("nothing.bvh", "out.bvh"), "nothing.bvh: there is no such motion file"),
        (
            ("{walk}", "out.bvh", "--trim", "2", "1"),
            "--trim 2 1: must lie within the motion",
        ),
        (("{walk}", "out.bvh", "--trim", "0", "99"), "--trim 0 99: must lie within"),
        (("{walk}", "out.bvh", "--cutoff", "90"), "below 48.1 Hz for a motion of 120 Hz"),
        (("{walk}", "out.bvh", "--resample", "0"), "fps must be positive"),
        (("{walk}", "out.bvh", "--asf", "x.asf"), "takes no ASF file"),
        (("{walk}", "out.bvh", "--fps", "-1"), "fps must be positive"),
        (("squat", "out.bvh", "--units", "cm"), "--units is for BVH and AMC files, and squat is"),
    ],
)
def test_what_convert_refuses(
    walk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.bvh").mkdir()
    given = [part.format(walk=walk, folder=tmp_path / "folder") for part in arguments]
    assert convert(*given) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder.bvh"]


def test_a_file_that_cannot_be_written(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert convert(walk, tmp_path / "file" / "out.bvh") == 2
    assert "cannot be written" in capsys.readouterr().err


def said_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert main(["motions", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_of_skeletal_files(
    walk: Path, motions_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = said_of(capsys, "info", walk)
    assert (info["n_frames"], info["fps"], len(info["joints"])) == (344, 120.0, 38)
    assert "1 unit = 0.0564444 m (cmu), guessed" in info["units"]
    assert [finding["code"] for finding in info["findings"]] == ["tpose_frame", "missing_length"]
    assert info["joints"][3] == {
        **info["joints"][3],
        "name": "LeftLeg",
        "parent": "LeftUpLeg",
        "end_site": False,
    }
    assert main(["motions", "info", str(walk), "--fps", "60", "--units", "cm"]) == 0
    said = capsys.readouterr().out
    assert "5.717 s, 344 frames at 60 Hz" in said
    assert "1 unit = 0.01 m (cm), as told" in said
    assert "31 joints and 7 bones' ends" in said
    amc = said_of(capsys, "info", motions_dir / "cmu-asfamc" / "16_41.amc")
    assert amc["joints"][0]["name"] == "root"


def test_lint_of_skeletal_files(
    motions_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = motions_dir / "cmu-asfamc"
    found = said_of(capsys, "lint", source / "16_17.amc")["findings"]
    assert ("glitch", 474) in {(finding["code"], finding["frame"]) for finding in found}
    assert main(["motions", "lint", str(source / "16_17.amc")]) == 0
    assert "jumps away by 0.65 rad in frame 474 and comes back" in capsys.readouterr().out
    fix = ("--fix", "--output", str(tmp_path / "fixed.txt"))
    assert main(["motions", "lint", str(source / "16_17.amc"), *fix]) == 2
    assert "motions convert --clean" in capsys.readouterr().err
    shutil.copyfile(source / "16_17.amc", tmp_path / "16_17.amc")
    assert main(["motions", "lint", str(tmp_path / "16_17.amc")]) == 2
    assert "give it with --asf" in capsys.readouterr().err
    asf = ("--asf", str(source / "16.asf"))
    assert main(["motions", "lint", str(tmp_path / "16_17.amc"), *asf]) == 0
