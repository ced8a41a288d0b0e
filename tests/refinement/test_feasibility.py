"""The forces that a motion needs obey mechanics, and a hopeless motion is called so."""

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.envs.tracking.reference import Reference
from sb3_mimic.motion import Finding, MotionClip, close_loop, load_motion
from sb3_mimic.motion.finding import errors
from sb3_mimic.motion.sources.library import builtin_names
from sb3_mimic.refinement.feasibility import check_refinable, dynamic_findings, feasibility
from sb3_mimic.refinement.ground import CONTACT_HEIGHT, floor_friction

ROBOT = load_humanoid()
GRAVITY = -ROBOT.model.opt.gravity[2]
FRICTION = floor_friction(ROBOT.model)
REAL = ("walk", "run", "jog", "jump", "kick", "spin", "backflip", "dance_a", "getup_facedown")

names = st.sampled_from(builtin_names())
few = settings(max_examples=15)


def reference(clip: MotionClip) -> Reference:
    return Reference(close_loop(clip)[0] if clip.loop else clip, ROBOT)


@cache
def builtin(name: str) -> Reference:
    return reference(load_motion(name))


def moved(clip: MotionClip, path: np.ndarray) -> MotionClip:
    """A clip whose root is displaced by a path (T, 3)."""
    return replace(clip, root_position=clip.root_position + path)


def standing(seconds: float, height: np.ndarray | float = 0.0) -> MotionClip:
    """The first pose of the wave held at 120 Hz, lifted by heights (T,)."""
    wave = load_motion("wave")
    n = round(seconds * 120) + 1
    path = np.zeros((n, 3))
    path[:, 2] = height
    clip = MotionClip(
        fps=120.0,
        root_position=np.repeat(wave.root_position[:1], n, axis=0),
        root_quaternion=np.repeat(wave.root_quaternion[:1], n, axis=0),
        joint_angles=np.repeat(wave.joint_angles[:1], n, axis=0),
        joint_names=wave.joint_names,
        loop=False,
        name="standing",
        source="",
    )
    return moved(clip, path)


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_clips_need_nothing_that_is_not_there(name: str) -> None:
    needs = feasibility(builtin(name))
    assert np.linalg.norm(needs.missing_force, axis=1).max() < 0.05
    assert np.linalg.norm(needs.missing_moment, axis=1).max() < 5
    assert np.abs(needs.torque_ratio).max() < 1.25
    assert dynamic_findings(builtin(name)) == []
    assert check_refinable(builtin(name)) == []


@pytest.mark.parametrize("name", builtin_names())
def test_over_a_cycle_the_ground_gives_the_weight(name: str) -> None:
    """Momentum: a loop begins and ends with the same velocity."""
    force = feasibility(builtin(name)).force.mean(axis=0)
    np.testing.assert_allclose(force, [0, 0, 1], atol=0.01)


@few
@given(name=names)
def test_the_mirror_needs_the_mirrored_force(name: str) -> None:
    needs = feasibility(builtin(name))
    mirrored = feasibility(reference(load_motion(name).mirror()))
    np.testing.assert_allclose(mirrored.force, needs.force * (1, -1, 1), atol=1e-6)
    np.testing.assert_allclose(mirrored.clearance, needs.clearance, atol=1e-9)


@few
@given(turn=st.floats(-3, 3))
def test_what_is_needed_does_not_depend_on_the_heading(turn: float) -> None:
    walk = load_motion("walk")
    c, s = np.cos(turn), np.sin(turn)
    position = walk.root_position @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    w, x, y, z = walk.root_quaternion.T
    half = np.array([np.cos(turn / 2), np.sin(turn / 2)])
    quaternion = np.stack(
        [
            half[0] * w - half[1] * z,
            half[0] * x - half[1] * y,
            half[0] * y + half[1] * x,
            half[0] * z + half[1] * w,
        ],
        axis=1,
    )
    turned = feasibility(
        reference(replace(walk, root_position=position, root_quaternion=quaternion))
    )
    straight = feasibility(builtin("walk"))
    np.testing.assert_allclose(turned.force[:, 2], straight.force[:, 2], atol=1e-6)
    np.testing.assert_allclose(turned.missing_force, 0, atol=0.05)


@few
@given(speed=st.floats(1.5, 4.0))
def test_free_fall_needs_no_force(speed: float) -> None:
    flight = 2 * speed / GRAVITY
    since = np.arange(round(flight * 120) + 1) / 120
    needs = feasibility(reference(standing(since[-1], speed * since - GRAVITY * since**2 / 2)))
    inner = slice(2, -2)
    np.testing.assert_allclose(needs.force[inner], 0, atol=0.05)
    # Nothing but the joints' own inertia is moved, and nothing of it moves.
    np.testing.assert_allclose(needs.torques[inner], 0, atol=1.0)


@few
@given(height=st.floats(0.5, 2.0), seconds=st.floats(0.7, 2.0))
def test_hovering_is_missing_its_weight(height: float, seconds: float) -> None:
    held = reference(standing(seconds, height))
    needs = feasibility(held)
    assert not needs.contact.any()
    np.testing.assert_allclose(needs.missing_force, needs.force, atol=1e-12)
    np.testing.assert_allclose(needs.force, np.tile([0, 0, 1.0], (len(needs.times), 1)), atol=1e-6)
    (finding,) = [f for f in dynamic_findings(held) if f.code == "not_ballistic"]
    assert finding.severity == "error"
    assert finding.value == pytest.approx(GRAVITY * seconds**2 / 8, rel=0.15)


@few
@given(push=st.floats(0.2, 3))
def test_the_ground_pushes_within_its_friction_cone(push: float) -> None:
    """A standing body accelerated forwards by more than friction gives misses the difference."""
    clip = standing(0.5)
    path = np.zeros((clip.n_frames, 3))
    path[:, 1] = push * FRICTION * GRAVITY * clip.times**2 / 2
    needs = feasibility(reference(moved(clip, path)))
    missing = np.linalg.norm(needs.missing_force[2:-2], axis=1)
    np.testing.assert_allclose(needs.force[2:-2, 1], push * FRICTION, rtol=0.02)
    if push > 1.5:
        assert (missing > 0.1).all()
    given_force = needs.force - needs.missing_force
    slope = np.abs(given_force[:, :2]).sum(axis=1)  # a pyramid's corners lie on the axes
    assert (slope <= FRICTION * given_force[:, 2] + 1e-6).all()


@few
@given(height=st.floats(0, 0.3))
def test_contact_is_possible_near_the_ground(height: float) -> None:
    needs = feasibility(reference(standing(0.3, height)))
    np.testing.assert_allclose(needs.clearance, height, atol=1e-3)
    if abs(height - CONTACT_HEIGHT) > 1e-3:
        assert needs.contact.all() == (height < CONTACT_HEIGHT)


@few
@given(name=names, depth=st.floats(0.3, 1.5))
def test_feet_under_the_floor_are_hopeless(name: str, depth: float) -> None:
    clip = load_motion(name)
    sunk = reference(moved(clip, np.array([0.0, 0.0, -depth])))
    assert "penetration" in codes(check_refinable(sunk))


@few
@given(name=names, place=st.floats(0.1, 0.9), distance=st.floats(0.6, 4))
def test_a_teleport_is_hopeless(name: str, place: float, distance: float) -> None:
    clip = replace(load_motion(name), loop=False)
    path = np.zeros((clip.n_frames, 3))
    frame = round(place * clip.n_frames)
    path[frame:, 0] = distance
    jumped = reference(moved(clip, path))
    start = time.perf_counter()
    found = check_refinable(jumped)
    assert time.perf_counter() - start < 1.0
    assert {"teleport", "peak_force"} <= codes(found)
    for finding in found:
        if finding.code in {"teleport", "peak_force"}:
            assert abs(finding.frame - frame) <= 0.05 * clip.fps + 1


@few
@given(name=names, seconds=st.floats(0.9, 2))
def test_flying_is_hopeless(name: str, seconds: float) -> None:
    clip = replace(load_motion(name), loop=False).resample(n_frames=60)
    clip = replace(clip, fps=59 / (seconds + 1))
    rise = np.clip(np.minimum(clip.times, clip.duration - clip.times) / 0.5, 0, 1)
    path = np.zeros((60, 3))
    path[:, 2] = 0.8 * (3 * rise**2 - 2 * rise**3)
    found = codes(check_refinable(reference(moved(clip, path))))
    assert found & {"hovering", "not_ballistic"}


@pytest.mark.parametrize(("name", "factor"), [("run", 5), ("walk", 8)])
def test_a_clip_played_much_too_fast_is_hopeless(name: str, factor: float) -> None:
    clip = load_motion(name)
    found = check_refinable(reference(replace(clip, fps=clip.fps * factor)))
    assert codes(found) & {"effort", "missing_force", "peak_force", "teleport"}


@pytest.mark.parametrize("name", REAL)
def test_real_clips_are_worth_trying(motions_dir: Path, name: str) -> None:
    clip = load_motion(motions_dir / "deepmimic" / f"humanoid3d_{name}.txt")
    target = reference(clip)
    start = time.perf_counter()
    assert check_refinable(target) == []
    assert time.perf_counter() - start < 1.0
    findings = dynamic_findings(target)
    assert errors(findings) == []
    assert len(findings) < 12
    for finding in findings:
        assert 0 <= finding.frame < clip.n_frames
