"""The stick figure of a motion, and the picture that is drawn from it."""

from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.typing import NDArray

from sb3_mimic.cli import main
from sb3_mimic.motion import load_motion
from sb3_mimic.motion.figure import StickFigure, clip_figure, skeletal_figure
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.sources.library import builtin_names


def bone_lengths(figure: StickFigure) -> NDArray[np.float64]:
    """Lengths (T, bones) [m]."""
    ends = np.array([bone[:2] for bone in figure.bones])
    bones = figure.points[:, ends[:, 1]] - figure.points[:, ends[:, 0]]
    lengths: NDArray[np.float64] = np.linalg.norm(bones, axis=-1)
    return lengths


@pytest.mark.parametrize("name", builtin_names())
def test_the_bones_of_a_clip_are_rigid_and_reach_every_point(name: str) -> None:
    clip = load_motion(name)
    figure = clip_figure(clip)
    np.testing.assert_array_equal(figure.points[:, 0], clip.root_position)
    # Shoulders are drawn from the neck, which is another body than the chest that carries them.
    rigid = np.ptp(bone_lengths(figure), axis=0) < 1e-9
    assert rigid.sum() == len(figure.bones)
    assert {end for _, end, _ in figure.bones} == set(range(1, figure.points.shape[1]))
    assert sum(len(lines) for lines in figure.angles.values()) == 28


def test_the_mirrored_clip_has_the_mirrored_figure() -> None:
    clip = load_motion("run")
    figure, mirrored = clip_figure(clip), clip_figure(clip.mirror())
    for side, other in (("left", "right"), ("right", "left")):
        np.testing.assert_allclose(mirrored.feet[side].height, figure.feet[other].height, atol=1e-9)
        np.testing.assert_array_equal(mirrored.feet[side].stands, figure.feet[other].stands)
    np.testing.assert_allclose(mirrored.forward, figure.forward * (1, -1), atol=1e-9)


def test_feet_stand_when_they_do() -> None:
    """The walk has a foot down 61% of its cycle, the run 38%; the squat never lifts one."""
    for name, least, most in (("walk", 0.5, 0.72), ("run", 0.2, 0.45), ("squat", 1.0, 1.0)):
        for foot in clip_figure(load_motion(name)).feet.values():
            assert least <= foot.stands.mean() <= most
            assert (foot.low | ~foot.stands).all()
    both = [foot.stands for foot in clip_figure(load_motion("run")).feet.values()]
    assert not np.logical_and(*both).any()
    squat = load_motion("squat")
    raised = replace(squat, root_position=np.add(squat.root_position, (0, 0, 0.1)))
    assert not any(foot.low.any() for foot in clip_figure(raised).feet.values())


@pytest.mark.parametrize("file", ["cmu-asfamc/02_01.amc", "cmu-bvh/12_01.bvh"])
def test_a_skeleton_walks_forward_on_its_feet(file: str, motions_dir: Path) -> None:
    motion = load_skeletal(motions_dir / file)
    figure = skeletal_figure(motion)
    way = motion.root_position[-1, :2] - motion.root_position[1, :2]
    assert way @ figure.forward > 0.95 * np.linalg.norm(way)
    assert np.ptp(bone_lengths(figure), axis=0).max() < 1e-9
    feet = [figure.feet[side].stands for side in ("left", "right")]
    assert np.logical_or(*feet).mean() > 0.9
    for stands in feet:
        assert 0.3 < stands.mean() < 0.8
    right = [figure.points[0, end] for _, end, side in figure.bones if side == "right"]
    left = [figure.points[0, end] for _, end, side in figure.bones if side == "left"]
    assert len(right) == len(left) > 8
    across = (np.mean(right, axis=0) - np.mean(left, axis=0))[:2]
    assert across @ [figure.forward[1], -figure.forward[0]] > 0.1


def test_turning_beyond_half_a_turn_is_not_folded(motions_dir: Path) -> None:
    motion = load_skeletal(motions_dir / "cmu-bvh" / "salsa_10.bvh")
    for lines in skeletal_figure(motion).angles.values():
        for angle in lines.values():
            assert (angle >= 0).all()
            assert np.abs(np.diff(angle)).max() < np.pi


@pytest.mark.parametrize("motion", ["walk", "cmu-asfamc/16_41.amc"])
def test_the_command_draws(
    motion: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "/" in motion:
        motion = str(request.getfixturevalue("motions_dir") / motion)
    output = tmp_path / "picture.png"
    arguments = ["motions", "plot", motion, "-o", str(output)]
    assert main(arguments) == 0
    picture = iio.imread(output)
    assert picture.shape[1] == 1400
    # Every fifth of it, from strip to feet, has something in it.
    assert all(part.std() > 5 for part in np.array_split(picture[..., :3], 5))
    assert main(arguments) == 2
    assert "exists already" in capsys.readouterr().err


def test_what_cannot_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["wlk"], "Did you mean walk"),
        (["walk", "-o", str(tmp_path / "walk.gif")], "must end in .png or .pdf or .svg"),
        (["cmu:02_01x"], "has no clip '02_01x'"),
    ):
        assert main(["motions", "plot", *arguments]) == 2
        assert message in capsys.readouterr().err
