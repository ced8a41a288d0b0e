"""Laws of closing a loop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, close_loop, load_motion
from sb3_mimic.motion.processing.loop import BLEND_TIME
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, wxyz


def open_clip(seed: int, seconds: float = 2.0) -> MotionClip:
    """A smooth loop whose ends do not meet: joints, heading, tilt and height."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 1, round(30 * seconds) + 1)[:, None]
    return MotionClip(
        fps=30.0,
        root_position=phase * rng.normal(size=3) * (1, 1, 0.1) + (0, 0, 0.9),
        root_quaternion=continuous_signs(
            wxyz(Rotation.from_rotvec(0.5 * phase * rng.normal(size=3)))
        ),
        joint_angles=0.3 * rng.normal(size=28) * np.cos(np.pi * phase),
        joint_names=CHARACTER.hinge_names,
        loop=True,
        name="open",
        source="",
    )


@given(seed=st.integers(0, 2**32 - 1), seconds=st.floats(0.1, 5))
def test_the_ends_meet(seed: int, seconds: float) -> None:
    clip = open_clip(seed, seconds)
    closed, report = close_loop(clip)
    assert closed.closed
    displacement = closed.root_position[-1] - closed.root_position[0]
    np.testing.assert_allclose(displacement, clip.cycle_displacement, atol=1e-12)
    assert report.blend_time <= min(BLEND_TIME, clip.duration / 2)


@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_moves_by_more_than_half_the_mismatch(seed: int) -> None:
    clip = open_clip(seed)
    closed, report = close_loop(clip)
    mismatch = np.abs(clip.joint_angles[-1] - clip.joint_angles[0])
    moved = np.abs(closed.joint_angles - clip.joint_angles)
    assert (moved <= mismatch / 2 + 1e-12).all()
    turned = rotation(clip.root_quaternion).inv() * rotation(closed.root_quaternion)
    assert turned.magnitude().max() <= report.angles["root"] / 2 + 1e-9
    raised = np.abs(closed.root_position - clip.root_position)
    assert raised[:, 2].max() <= abs(report.height) / 2 + 1e-12
    np.testing.assert_array_equal(raised[:, :2], 0)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_rest_of_the_clip_is_left_alone(seed: int) -> None:
    clip = open_clip(seed)
    closed, _ = close_loop(clip)
    inside = (clip.times >= BLEND_TIME) & (clip.times <= clip.duration - BLEND_TIME)
    assert inside.sum() > 20
    np.testing.assert_allclose(closed.qpos[inside], clip.qpos[inside], atol=1e-12)


def test_a_closed_loop_stays_as_it_is() -> None:
    walk = load_motion("walk")
    closed, report = close_loop(walk)
    assert closed is walk
    assert report.worst[1] < 1e-6


def test_a_clip_that_does_not_loop_is_refused() -> None:
    with pytest.raises(InputError, match="does not loop"):
        close_loop(replace(open_clip(0), loop=False))


def test_another_robots_loop_is_closed_too() -> None:
    clip = replace(open_clip(0), joint_names=tuple(f"servo_{i}" for i in range(28)))
    closed, report = close_loop(clip)
    assert closed.closed
    assert set(report.angles) == {"root", *clip.joint_names}


def test_known_seams_of_real_clips(motions_dir: Path) -> None:
    """As measured on the files: walk .50 rad at the shoulder, jog .15 at the root."""
    expected = {
        "walk": ("right_shoulder", 0.498),
        "jog": ("root", 0.150),
        "spin": ("root", 0.369),
        "jump": ("right_knee", 0.356),
    }
    for name, (joint, angle) in expected.items():
        clip = load_motion(motions_dir / "deepmimic" / f"humanoid3d_{name}.txt")
        closed, report = close_loop(clip)
        assert report.worst[0] == joint
        assert report.worst[1] == pytest.approx(angle, abs=1e-3)
        assert closed.closed
