"""Laws of MotionClip: what it refuses, and what sampling, resampling and mirroring keep."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip, load_motion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, wxyz

seeds = st.integers(0, 2**32 - 1)


def make_clip(seed: int, *, loop: bool, size: int = 40, turns: int = 0) -> MotionClip:
    """A smooth clip of three harmonics; a loop is closed, moves on and may turn about itself."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 1, size)[:, None]
    cycles = (1, 2, 3) if loop else (0.6, 1.1, 1.7)

    def waves(width: int) -> np.ndarray:
        terms = [
            rng.normal(size=width)
            / k**2
            * np.sin(2 * np.pi * (k * phase + rng.uniform(size=width)))
            for k in cycles
        ]
        return np.asarray(np.sum(terms, axis=0))

    travel = phase * np.array([1.3, -0.4, 0.0])
    spin = Rotation.from_rotvec(2 * np.pi * turns * phase * np.array([0, 0, 1.0]))
    position = 0.2 * waves(3) + travel + np.array([0, 0, 0.9])
    quaternion = continuous_signs(wxyz(spin * Rotation.from_rotvec(0.4 * waves(3))))
    angles = waves(28)
    if loop:
        position[-1] = position[0] + travel[-1]
        angles[-1] = angles[0]
        quaternion[-1] = quaternion[0] * np.sign(quaternion[0] @ quaternion[-1])
    return MotionClip(
        fps=30.0,
        root_position=position,
        root_quaternion=quaternion,
        joint_angles=angles,
        joint_names=CHARACTER.hinge_names,
        loop=loop,
        name="made",
        source="",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": 0.0}, "fps must be positive, got 0.0"),
        ({"fps": float("nan")}, "fps must be positive"),
        ({"root_position": np.zeros((40, 2))}, r"root_position must have shape \(40, 3\)"),
        ({"root_position": np.zeros(())}, "root_position must have shape"),
        ({"root_quaternion": np.ones((39, 4))}, r"root_quaternion must have shape \(40, 4\)"),
        ({"root_quaternion": np.ones((40, 4))}, "frame 0 must be a unit quaternion.* norm is 2"),
        ({"joint_angles": np.full((40, 28), np.nan)}, "joint_angles is not finite at frame 0"),
        ({"joint_angles": np.zeros((40, 27))}, r"joint_angles must have shape \(40, 28\)"),
        ({"joint_names": ("a",) * 28}, "joint names must differ"),
    ],
)
def test_what_is_not_a_clip_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(make_clip(0, loop=False), **change)


def test_sign_flips_and_single_frames_are_refused() -> None:
    clip = make_clip(0, loop=False)
    flipped = clip.root_quaternion.copy()
    flipped[20:] *= -1
    with pytest.raises(InputError, match="changes its sign after frame 19"):
        replace(clip, root_quaternion=flipped)
    with pytest.raises(InputError, match="at least 2 frames, got 1"):
        replace(
            clip,
            root_position=clip.root_position[:1],
            root_quaternion=clip.root_quaternion[:1],
            joint_angles=clip.joint_angles[:1],
        )


def test_a_clip_does_not_change() -> None:
    angles = np.zeros((40, 28))
    clip = replace(make_clip(0, loop=False), joint_angles=angles)
    angles[:] = 1
    assert not clip.joint_angles.any()
    for array in (clip.root_position, clip.root_quaternion, clip.joint_angles, clip.qpos):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        clip.fps = 1.0  # type: ignore[misc]


def test_digest_is_of_the_numbers_alone() -> None:
    clip = make_clip(3, loop=True)
    assert replace(clip, name="other", source="/elsewhere").digest == clip.digest
    changed = clip.joint_angles.copy()
    changed[5, 7] += 1e-12
    assert replace(clip, joint_angles=changed).digest != clip.digest
    assert replace(clip, loop=False).digest != clip.digest
    assert replace(clip, fps=31.0).digest != clip.digest
    assert len(clip.digest) == 64


@given(seed=seeds, loop=st.booleans())
def test_sampling_at_the_frames_gives_the_frames(seed: int, loop: bool) -> None:
    clip = make_clip(seed, loop=loop)
    sampled = clip.sample(clip.times[:-1])
    np.testing.assert_allclose(sampled, clip.qpos[:-1], atol=1e-9)


@given(seed=seeds, time=st.floats(-50, 50))
def test_a_loop_moves_on_by_its_displacement(seed: int, time: float) -> None:
    clip = make_clip(seed, loop=True)
    here, there = clip.sample([time, time + clip.duration])
    np.testing.assert_allclose(there[:3], here[:3] + clip.cycle_displacement, atol=1e-8)
    np.testing.assert_allclose(there[3:], here[3:], atol=1e-8)


@pytest.mark.parametrize("turns", [0, 1, 2])
@given(seed=seeds)
def test_a_loop_goes_over_its_seam_without_a_kink(turns: int, seed: int) -> None:
    """Position, sign of the quaternion, velocity and acceleration are continuous."""
    clip = make_clip(seed, loop=True, turns=turns)
    step = 1e-3
    times = clip.duration + step * np.arange(-40, 41)
    path = clip.sample(times)
    speed = np.diff(path, axis=0) / step
    acceleration = np.diff(speed, axis=0) / step
    largest = np.abs(np.diff(clip.sample(np.linspace(0, clip.duration, 2000)), n=2, axis=0))
    largest = largest.max() / (clip.duration / 1999) ** 2
    assert np.abs(np.diff(speed, axis=0)).max() < 2 * largest * step + 1e-6
    assert np.abs(np.diff(acceleration, axis=0)).max() < largest
    np.testing.assert_allclose(np.linalg.norm(path[:, 3:7], axis=1), 1, atol=1e-12)


@given(seed=seeds)
def test_other_clips_hold_their_ends(seed: int) -> None:
    clip = make_clip(seed, loop=False)
    before, after = clip.sample([-1.0, clip.duration + 1.0])
    np.testing.assert_allclose(before, clip.qpos[0], atol=1e-9)
    np.testing.assert_allclose(after, clip.qpos[-1], atol=1e-9)
    np.testing.assert_array_equal(clip.cycle_displacement, 0)


def test_a_loop_that_is_not_closed_is_not_sampled_beyond_its_ends() -> None:
    clip = replace(make_clip(0, loop=False), loop=True)
    assert not clip.closed
    assert clip.sample([0.0, clip.duration]).shape == (2, 35)
    with pytest.raises(InputError, match="close it first"):
        clip.sample([clip.duration + 0.1])


def test_times_must_be_finite_and_flat() -> None:
    clip = make_clip(0, loop=True)
    assert clip.sample([]).shape == (0, 35)
    for times in ([np.nan], [np.inf], [[0.0], [1.0]]):
        with pytest.raises(InputError, match="flat array of finite numbers"):
            clip.sample(times)


@given(seed=seeds, fps=st.floats(5, 240), loop=st.booleans())
def test_resampling_keeps_the_path(seed: int, fps: float, loop: bool) -> None:
    clip = make_clip(seed, loop=loop, turns=int(loop))
    other = clip.resample(fps)
    assert other.duration == pytest.approx(clip.duration)
    assert abs(other.n_frames - 1 - clip.duration * fps) <= 0.5 + 1e-6
    assert other.closed == clip.closed
    exact = clip.sample(other.times)
    np.testing.assert_allclose(other.root_position, exact[:, :3], atol=1e-7)
    np.testing.assert_allclose(other.joint_angles, exact[:, 7:], atol=1e-7)
    turned = rotation(other.root_quaternion).inv() * rotation(exact[:, 3:7])
    assert turned.magnitude().max() < 1e-7


@given(seed=seeds)
def test_resampling_there_and_back(seed: int) -> None:
    clip = make_clip(seed, loop=True)
    back = clip.resample(240).resample(n_frames=clip.n_frames)
    np.testing.assert_allclose(back.qpos, clip.qpos, atol=1e-9)
    assert back.fps == pytest.approx(clip.fps)


@pytest.mark.parametrize(
    "arguments", [{}, {"fps": 0.0}, {"n_frames": 1}, {"fps": 1, "n_frames": 3}]
)
def test_impossible_rates_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        make_clip(0, loop=True).resample(**arguments)


@given(seed=seeds, loop=st.booleans())
def test_mirroring_twice_changes_nothing(seed: int, loop: bool) -> None:
    clip = make_clip(seed, loop=loop)
    np.testing.assert_array_equal(clip.mirror().mirror().qpos, clip.qpos)


@given(seed=seeds, time=st.floats(-3, 3))
def test_mirroring_and_sampling_commute(seed: int, time: float) -> None:
    clip = make_clip(seed, loop=True)
    mirrored = clip.mirror()
    one_frame = MotionClip(
        **{
            **{name: getattr(clip, name) for name in ("fps", "joint_names", "name", "source")},
            "loop": False,
            "root_position": clip.sample([time, time + 1e-3])[:, :3],
            "root_quaternion": clip.sample([time, time + 1e-3])[:, 3:7],
            "joint_angles": clip.sample([time, time + 1e-3])[:, 7:],
        }
    )
    np.testing.assert_allclose(mirrored.sample([time])[0], one_frame.mirror().qpos[0], atol=1e-9)


def test_walk_mirrored_is_walk_half_a_cycle_later() -> None:
    """The built-in walk is the same on both sides."""
    walk = load_motion("walk")
    half = walk.sample(walk.times + walk.duration / 2)
    half[:, :3] -= walk.cycle_displacement / 2
    np.testing.assert_allclose(walk.mirror().sample(walk.times), half, atol=1e-6)
