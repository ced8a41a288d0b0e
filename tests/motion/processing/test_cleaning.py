"""Cleaning of skeletal motion, and what is found wrong with it: known oddities and laws."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion import Finding
from sb3_mimic.motion.formats.registry import load_skeletal
from sb3_mimic.motion.lint.skeletal import lint_skeletal
from sb3_mimic.motion.processing.cleaning import (
    CleaningSettings,
    clean,
    frozen_tail,
    low_pass,
    put_on_ground,
    tpose_frames,
)
from sb3_mimic.motion.processing.contacts import (
    contact_window,
    foot_contacts,
    foot_points,
    ground_height,
)
from sb3_mimic.motion.processing.glitches import find_glitches, repair_glitches
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import continuous_signs, precise_angle_between, rotation, wxyz

Load = Callable[[str], SkeletalMotion]


@pytest.fixture(scope="module")
def load(motions_dir: Path) -> Load:
    """Reads a real file, once."""
    read: dict[str, SkeletalMotion] = {}

    def reader(name: str) -> SkeletalMotion:
        if name not in read:
            kind = "cmu-asfamc" if name.endswith(".amc") else "cmu-bvh"
            read[name] = load_skeletal(motions_dir / kind / name)
        return read[name]

    return reader


def found(motion: SkeletalMotion, code: str) -> list[Finding]:
    """The findings of a kind."""
    return [finding for finding in lint_skeletal(motion) if finding.code == code]


def test_the_jump_of_16_17_is_found_and_repaired(load: Load) -> None:
    """Root and hips are off by 30 to 38 degrees in the file's frame 475, counted from 1."""
    motion = load("16_17.amc")
    (finding,) = [f for f in found(motion, "glitch") if f.frame == 474]
    assert finding.severity == "warning"
    assert finding.joint == "rfemur"
    assert "root" in finding.message
    assert "lfemur" in finding.message
    assert np.degrees(finding.value) == pytest.approx(37.5, abs=1.0)
    repaired, changes = repair_glitches(motion)
    assert any("frame 474 " in change and "whole pose" in change for change in changes)
    hips = [motion.tree.index(name) for name in ("root", "lfemur", "rfemur", "lowerback")]
    steps = precise_angle_between(repaired.rotations[1:], repaired.rotations[:-1])[:, hips]
    assert np.degrees(steps[472:476].max()) < 5  # it was 38
    # Nothing but the glitches has changed, and nothing is left to repair.
    touched = {glitch.frame + more for glitch in find_glitches(motion) for more in range(3)}
    left = [frame for frame in range(motion.n_frames) if frame not in touched]
    np.testing.assert_array_equal(repaired.rotations[left], motion.rotations[left])
    assert repair_glitches(repaired) == (repaired, [])


def test_the_rate_of_the_unnumbered_run_is_doubted(load: Load) -> None:
    motion = load("cmu_run_unnumbered.bvh")
    (finding,) = found(motion, "rate_doubt")
    assert "says 120 Hz, moves like 60" in finding.message
    assert finding.value == pytest.approx(2.0, abs=0.3)
    assert not found(replace(motion, fps=60.0), "rate_doubt")


def test_no_other_rate_is_doubted(load: Load) -> None:
    """Runs and jumps at 120 Hz; and the same sped up twofold."""
    for name in ("02_03.amc", "02_04.amc", "16_05.amc", "16_35.amc"):
        assert not found(load(name), "rate_doubt"), name
        (finding,) = found(replace(load(name), fps=240.0), "rate_doubt")
        assert "moves like 1" in finding.message or "moves like 100" in finding.message


def test_repeated_frames_are_no_rate(load: Load) -> None:
    walk = load("02_01.amc")
    twice = np.repeat(np.arange(walk.n_frames), 2)
    doubled = replace(
        walk, root_position=walk.root_position[twice], rotations=walk.rotations[twice], fps=240.0
    )
    (finding,) = found(doubled, "rate_doubt")
    assert "says 240 Hz, has 120 poses a second" in finding.message


def test_the_frozen_tail_of_scaled_131_03(load: Load) -> None:
    motion = load("scaled_131_03.bvh")
    (finding,) = found(motion, "frozen_tail")
    assert (finding.n_frames, finding.frame) == (146, 1101)
    cleaned, changes = clean(motion, CleaningSettings(glitches=False, ground=False))
    assert changes == ["end: 146 frozen frames cut off"]
    np.testing.assert_allclose(cleaned.root_position, load("131_03.bvh").root_position, atol=2e-4)


def test_the_flips_of_salsa_10(load: Load) -> None:
    flips = [f for f in found(load("salsa_10.bvh"), "flip") if f.severity == "warning"]
    (legs,) = [f for f in flips if 300 <= f.frame <= 317]
    assert legs.frame == 308
    assert "rThigh" in legs.message
    assert not [f for f in found(load("salsa_25.bvh"), "flip") if f.severity == "warning"]


@pytest.mark.parametrize(
    ("name", "n_frames"),
    [
        *(("01_01.bvh", 1), ("02_01.bvh", 1), ("12_01.bvh", 1), ("cmu_run_unnumbered.bvh", 1)),
        *(("salsa_10.bvh", 4), ("salsa_25.bvh", 4)),
        *(("131_01.bvh", 0), ("131_02.bvh", 0), ("131_03.bvh", 0), ("scaled_131_03.bvh", 0)),
        *(("01_01.amc", 0), ("02_01.amc", 0), ("16_17.amc", 0), ("16_35.amc", 0)),
    ],
)
def test_t_poses(load: Load, name: str, n_frames: int) -> None:
    """cgspeed's MotionBuilder and Daz releases have one, the latter blends out of it."""
    motion = load(name)
    assert tpose_frames(motion) == n_frames
    assert [f.n_frames for f in found(motion, "tpose_frame")] == [n_frames] * (n_frames > 0)
    cleaned, _ = clean(motion)
    assert tpose_frames(cleaned) == 0
    assert cleaned.n_frames == motion.n_frames - n_frames - frozen_tail(motion)


def test_the_dropped_thorax(load: Load) -> None:
    for name in ("12_01.bvh", "131_03.bvh", "cmu_run_unnumbered.bvh"):
        assert len(found(load(name), "missing_length")) == 1, name
    for name in ("02_01.amc", "salsa_10.bvh"):
        assert not found(load(name), "missing_length"), name
    (finding,) = found(load("02_01.bvh"), "missing_length")
    assert finding.joint == "Spine1"


def still(n_frames: int, fps: float = 120.0) -> SkeletalMotion:
    """A figure that does not move."""
    names = ("root", "chest", "head", "left_foot", "right_foot")
    offsets = np.array([[0, 0, 0], [0, 0, 0.3], [0, 0, 0.4], [0, 0.1, -0.9], [0, -0.1, -0.9]])
    tree = JointTree(names, np.array([-1, 0, 1, 0, 0]), offsets, np.zeros(5, dtype=bool))
    upright = np.tile([1.0, 0, 0, 0], (n_frames, 5, 1))
    return SkeletalMotion(tree, fps, np.tile([0, 0, 0.9], (n_frames, 1)), upright, "still", "")


def turning(signal: FloatArray, fps: float = 120.0, axis: int = 0) -> SkeletalMotion:
    """The figure with its chest turned by angles (T,) [rad] about an axis."""
    motion = still(len(signal), fps)
    rotations = motion.rotations.copy()
    rotations[:, 1, 0] = np.cos(signal / 2)
    rotations[:, 1, 1 + axis] = np.sin(signal / 2)
    return replace(motion, rotations=continuous_signs(rotations))


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("height", [0.3, 3.0])
def test_glitches_of_one_to_three_frames(length: int, height: float) -> None:
    signal = 0.3 * np.sin(np.linspace(0, 4, 200))
    wrong = signal.copy()
    wrong[80 : 80 + length] += height
    (glitch,) = find_glitches(turning(wrong))
    assert (glitch.joint, glitch.frame, glitch.n_frames) == (1, 80, length)
    assert glitch.value == pytest.approx(height, abs=0.05)
    repaired, changes = repair_glitches(turning(wrong))
    assert len(changes) == 1
    apart = precise_angle_between(repaired.rotations, turning(signal).rotations)
    assert apart.max() < 1e-3


def test_what_is_no_glitch() -> None:
    """A step that stays, four frames away, a fast swing at a low rate, a jump of noise's size."""
    ramp = 0.3 * np.sin(np.linspace(0, 4, 200))
    for wrong in (
        ramp + 2.0 * (np.arange(200) >= 80),
        ramp + 2.0 * ((np.arange(200) >= 80) & (np.arange(200) < 84)),
        ramp + 0.02 * (np.arange(200) == 80),
        np.linspace(0, 40, 200),
    ):
        assert find_glitches(turning(wrong)) == []
    assert find_glitches(turning(np.sin(np.linspace(0, 40, 60)), fps=30.0)) == []


def test_a_root_that_jumps_in_place_is_a_glitch() -> None:
    motion = still(100)
    position = motion.root_position.copy()
    position[50, 0] += 0.2
    (glitch,) = find_glitches(replace(motion, root_position=position))
    assert (glitch.joint, glitch.frame) == (-1, 50)
    assert glitch.value == pytest.approx(0.2)
    repaired, changes = repair_glitches(replace(motion, root_position=position))
    np.testing.assert_allclose(repaired.root_position, motion.root_position, atol=1e-12)
    assert "root position" in changes[0]


@pytest.mark.parametrize("order", [2, 4, 8])
def test_the_filter_halves_the_power_at_its_cutoff(order: int) -> None:
    """And passes what is far below, and stops what is far above: no lag, no bias."""
    times = np.arange(1200) / 120
    for frequency, gain in ((0.5, 1.0), (8.0, np.sqrt(0.5)), (40.0, 0.0)):
        filtered = low_pass(turning(0.2 * np.sin(2 * np.pi * frequency * times)), 8.0, order)
        angle = 2 * np.arctan2(filtered.rotations[:, 1, 1], filtered.rotations[:, 1, 0])
        middle = slice(300, 900)
        wave = np.sin(2 * np.pi * frequency * times)[middle]
        measured = 2 * np.mean(angle[middle] * wave) / 0.2
        tolerance = 0.05 if order == 2 and frequency == 40.0 else 0.01
        assert measured == pytest.approx(gain, abs=tolerance)


def test_the_filter_knows_no_wrap_and_no_frame() -> None:
    """A turn through ±180°, and the same seen from another frame."""
    rng = np.random.default_rng(0)
    signal = np.linspace(0, 6 * np.pi, 600) + rng.normal(scale=0.02, size=600)
    motion = turning(signal)
    filtered = low_pass(motion, 8.0)
    steps = precise_angle_between(filtered.rotations[1:, 1], filtered.rotations[:-1, 1])
    assert abs(steps - 6 * np.pi / 600).max() < 0.02
    turn = rotation(np.array([0.3, -0.5, 0.2, 0.8]))
    seen = motion.rotations.copy()
    seen[:, 1] = continuous_signs(wxyz(turn * rotation(seen[:, 1])))
    there = low_pass(replace(motion, rotations=seen), 8.0).rotations[:, 1]
    here = wxyz(turn * rotation(filtered.rotations[:, 1]))
    assert precise_angle_between(there, here).max() < 1e-12


def test_the_filter_on_real_motion(load: Load) -> None:
    """6 Hz take a good part of the velocity; a resting figure stays where it is."""
    jump = load("16_05.amc")
    slow = low_pass(jump, 6.0)
    velocity = np.diff(jump.positions(), axis=0)
    kept = np.var(np.diff(slow.positions(), axis=0)) / np.var(velocity)
    assert 0.5 < kept < 1.0
    assert np.abs(slow.root_position.mean(axis=0) - jump.root_position.mean(axis=0)).max() < 1e-2
    rest = low_pass(still(5), 6.0)  # shorter than the filter
    np.testing.assert_allclose(rest.positions(), still(5).positions(), atol=1e-12)


def test_filters_that_make_no_sense() -> None:
    for cutoff, order, message in (
        *((0.0, 4, "cutoff must be above 0"), (60.0, 4, "below 48.1 Hz for a motion of 120 Hz")),
        *((float("nan"), 4, "cutoff"), (8.0, 3, "even number"), (8.0, 0, "even number")),
    ):
        with pytest.raises(InputError, match=message):
            low_pass(still(50), cutoff, order)


def test_ground_and_contacts(load: Load) -> None:
    walk = load("02_01.amc")
    raised = replace(walk, root_position=walk.root_position + np.array([0, 0, 0.7]))
    assert ground_height(raised) == pytest.approx(ground_height(walk) + 0.7)
    assert ground_height(put_on_ground(raised)) == pytest.approx(0, abs=1e-9)
    (finding,) = found(raised, "ground")
    assert finding.value == pytest.approx(ground_height(raised))
    np.testing.assert_array_equal(foot_contacts(raised), foot_contacts(walk))
    names = [walk.tree.names[joint] for joint in foot_points(walk.tree)]
    assert {"lfoot", "rfoot", "ltoes", "rtoes"} <= set(names)
    # A foot is down more than half of a walk's time; in a run the body flies.
    assert foot_contacts(walk).any(axis=1).mean() > 0.8
    assert foot_contacts(load("16_35.amc")).any(axis=1).mean() < 0.7
    assert foot_contacts(still(50)).all()


def test_windows_begin_and_end_on_the_ground(load: Load) -> None:
    for name in ("131_03.bvh", "12_01.bvh", "02_04.amc", "16_35.amc"):
        motion, _ = clean(load(name))
        start, stop = contact_window(motion)
        assert foot_contacts(motion)[start].any()
        assert foot_contacts(motion)[stop - 1].any()
        if motion.n_frames > 601:
            assert stop - start == 601
    with pytest.raises(InputError, match="must be positive"):
        contact_window(motion, 0.0)
    flying = still(300)
    away = flying.root_position + np.arange(300)[:, None] * (0.1, 0, 0)
    with pytest.raises(InputError, match="no 2 s that begin and end with a foot"):
        contact_window(replace(flying, root_position=away), 2.0)


def test_cleaning_a_clean_motion_changes_nothing(load: Load) -> None:
    motion, changes = clean(load("12_01.bvh"))
    assert changes
    again, left = clean(motion)
    # What a repair uncovers may be repaired the next time: a glitch beside a glitch.
    assert len(left) <= 1
    assert np.abs(again.positions() - motion.positions()).max() < 0.02


def test_nothing_but_a_t_pose_is_refused() -> None:
    with pytest.raises(InputError, match="nothing moves"):
        clean(turning(np.array([0.0, 0.4, 0.4, 0.4, 0.4])))


def test_resting_figures_have_no_findings() -> None:
    assert lint_skeletal(still(100)) == []
    moving = turning(0.3 * np.sin(np.linspace(0, 9, 300)))
    assert lint_skeletal(moving) == []
