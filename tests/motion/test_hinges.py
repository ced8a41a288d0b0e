"""Laws of rotations and of the continuous hinge branch."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sb3_mimic.motion import load_motion
from sb3_mimic.motion.hinges import hinges_to_rotation, rotation_to_hinges
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, rotation_spline, wxyz

ORDERS = ["".join(order) for order in itertools.permutations("xyz")]
seeds = st.integers(0, 2**32 - 1)


def smooth_path(rng: np.random.Generator, size: int, reach: float) -> np.ndarray:
    """Smooth hinge angles (size, 3) within ``reach``, starting anywhere in it."""
    time = np.linspace(0, 1, size)[:, None]
    waves = sum(
        rng.normal(size=3) * np.sin(2 * np.pi * (k * time + rng.uniform(size=3))) / k
        for k in (1, 2, 3)
    )
    return np.asarray(reach * waves / np.abs(waves).max())


@given(seed=seeds)
def test_quaternions_and_rotations_are_each_others_inverse(seed: int) -> None:
    quaternions = np.random.default_rng(seed).normal(size=(20, 4))
    unit = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    np.testing.assert_allclose(
        np.abs(np.sum(wxyz(rotation(quaternions)) * unit, axis=1)), 1, atol=1e-12
    )


def test_quaternions_are_scalar_first() -> None:
    quarter = rotation(np.array([[np.cos(np.pi / 4), 0, 0, np.sin(np.pi / 4)]]))
    np.testing.assert_allclose(quarter.apply([1, 0, 0]), [[0, 1, 0]], atol=1e-12)


@given(seed=seeds)
def test_continuous_signs_undo_any_flips(seed: int) -> None:
    rng = np.random.default_rng(seed)
    smooth = wxyz(Rotation.from_rotvec(smooth_path(rng, 100, 3.0)))
    flipped = smooth * rng.choice([-1.0, 1.0], size=(100, 1))
    result = continuous_signs(flipped)
    assert np.sum(result[1:] * result[:-1], axis=1).min() > 0
    assert result[0, 0] >= 0
    np.testing.assert_allclose(np.abs(np.sum(result * smooth, axis=1)), 1, atol=1e-12)


def test_first_hinge_is_the_outermost() -> None:
    """As MuJoCo lists them: R = R1 R2 R3."""
    a, b, c = 0.3, -0.5, 0.7
    x = Rotation.from_rotvec([a, 0, 0])
    z = Rotation.from_rotvec([0, 0, b])
    y = Rotation.from_rotvec([0, c, 0])
    composed = hinges_to_rotation(np.array([[a, b, c]]), "xzy")
    assert (composed.inv() * (x * z * y)).magnitude() < 1e-12


@pytest.mark.parametrize("order", ORDERS)
@given(seed=seeds, closed=st.booleans())
def test_hinges_give_back_the_rotations(order: str, seed: int, closed: bool) -> None:
    """Whatever the path, singular passes and large steps included."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 60))
    rotations = Rotation.random(size, random_state=rng)
    hinges = rotation_to_hinges(rotations, order, closed=closed)
    assert (hinges_to_rotation(hinges, order).inv() * rotations).magnitude().max() < 1e-6


@pytest.mark.parametrize("order", ORDERS)
@given(seed=seeds)
def test_a_smooth_path_keeps_its_branch(order: str, seed: int) -> None:
    """Angles that move continuously, the middle one within ±80°, come back as they were."""
    angles = smooth_path(np.random.default_rng(seed), 200, np.radians(80))
    hinges = rotation_to_hinges(hinges_to_rotation(angles, order), order, closed=False)
    np.testing.assert_allclose(hinges, angles, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_a_branch_goes_through_the_singularity(order: str) -> None:
    """A middle hinge that swings beyond 90° is followed, not flipped over."""
    angles = np.zeros((101, 3))
    angles[:, 0] = 0.3
    angles[:, 1] = np.linspace(0, np.radians(120), 101)
    hinges = rotation_to_hinges(hinges_to_rotation(angles, order), order, closed=False)
    np.testing.assert_allclose(hinges, angles, atol=1e-6)


def test_a_path_that_stays_singular_is_continuous() -> None:
    angles = np.tile([0.4, np.pi / 2, 0.2], (50, 1))
    angles[:10, 1] = np.linspace(1.0, np.pi / 2, 10)
    rotations = hinges_to_rotation(angles, "xzy")
    hinges = rotation_to_hinges(rotations, "xzy", closed=False)
    assert np.abs(np.diff(hinges, axis=0)).max() < 0.1
    assert (hinges_to_rotation(hinges, "xzy").inv() * rotations).magnitude().max() < 1e-6


def test_a_cycle_ends_on_the_branch_it_began_on() -> None:
    """Even where the steps are so large that the nearer triple is on the other branch."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        angles = smooth_path(rng, 9, 1.4)
        angles[-1] = angles[0]
        hinges = rotation_to_hinges(hinges_to_rotation(angles, "yzx"), "yzx", closed=True)
        np.testing.assert_allclose(hinges[-1], hinges[0], atol=1e-9)


def test_rotation_spline_goes_through_its_rotations() -> None:
    path = Rotation.from_rotvec(smooth_path(np.random.default_rng(0), 30, 2.0))
    times = np.arange(30) / 30
    assert (rotation_spline(times, path)(times).inv() * path).magnitude().max() < 1e-9


# Largest hinge speed over the largest speed of the joint as a rotation. A chart has to move faster
# near its singular angle: by 6 where dance_a's left forearm points sideways for an instant.
CHART_FACTOR = {"dance_a": 7.0, "kick": 2.6, "spin": 2.2}


def test_real_clips_show_motion_and_not_chart_flips(motions_dir: Path) -> None:
    """Naive angles have speeds of 70 to 94 rad/s on backflip, kick and getup."""
    checked = 0
    for path in sorted((motions_dir / "deepmimic").glob("humanoid3d_*.txt")):
        clip = load_motion(path)
        allowed = CHART_FACTOR.get(clip.name.removeprefix("humanoid3d_"), 2.0)
        for joint in CHARACTER.actuated:
            if not joint.is_ball:
                continue
            hinges = clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
            turns = hinges_to_rotation(hinges, joint.axes)
            true_speed = (turns[:-1].inv() * turns[1:]).magnitude().max() * clip.fps
            speed = np.abs(np.diff(hinges, axis=0)).max() * clip.fps
            assert speed <= allowed * true_speed + 1e-9, (clip.name, joint.name)
            checked += 1
    assert checked >= 8 * 9


def test_real_clips_stay_within_the_hinges_range(motions_dir: Path) -> None:
    """No hinge of a real clip is a full turn away."""
    clips = sorted((motions_dir / "deepmimic").glob("humanoid3d_*.txt"))
    assert clips
    for path in clips:
        clip = load_motion(path)
        reach = dict(zip(CHARACTER.hinge_names, np.abs(clip.joint_angles).max(axis=0), strict=True))
        assert max(reach.values()) < 3.5, (clip.name, reach)
