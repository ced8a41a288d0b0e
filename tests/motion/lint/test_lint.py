"""A fault put into a clean clip is found where it was put, and repaired where that can be done."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sb3_mimic.cli import main
from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.errors import InputError
from sb3_mimic.motion import (
    Finding,
    MotionClip,
    close_loop,
    inspect_deepmimic,
    lint,
    load_motion,
    read_deepmimic,
    repair,
    write_deepmimic,
)
from sb3_mimic.motion.finding import SEVERITIES, errors
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import center_of_mass, lowest_points
from sb3_mimic.motion.sources.library import builtin_names
from sb3_mimic.motion.tolerances import GRAVITY
from sb3_mimic.spatial import continuous_signs, rotation, wxyz

JOINTS = tuple(joint.name for joint in CHARACTER.actuated)
LIMITS = load_humanoid().joint_range
REAL = (
    *("walk", "run", "jog", "jump", "kick", "spin", "backflip", "dance_a", "getup_facedown"),
)  # fmt: skip

names = st.sampled_from(builtin_names())
few = settings(max_examples=20)
Capture = pytest.CaptureFixture[str]


@cache
def clean(name: str) -> MotionClip:
    return load_motion(name)


def real(motions_dir: Path, name: str) -> Path:
    return motions_dir / "deepmimic" / f"humanoid3d_{name}.txt"


def found(findings: list[Finding], code: str) -> Finding:
    """The one finding of a kind."""
    (finding,) = [finding for finding in findings if finding.code == code]
    return finding


def codes(clip: MotionClip) -> set[str]:
    return {finding.code for finding in lint(clip, LIMITS)}


def lifted(clip: MotionClip, height: float | np.ndarray) -> MotionClip:
    position = clip.root_position.copy()
    position[:, 2] += height
    return replace(clip, root_position=position)


def lowest(clip: MotionClip) -> np.ndarray:
    heights: np.ndarray = np.min(list(lowest_points(clip).values()), axis=0)
    return heights


def turned(clip: MotionClip, joint: str, frames: slice, angle: float) -> MotionClip:
    """A joint turned about its outermost axis, which turns it by the whole angle."""
    angles = clip.joint_angles.copy()
    angles[frames, CHARACTER.hinge_slices[joint].start] += angle
    return replace(clip, joint_angles=angles)


def standing(seconds: float, fps: float = 60.0) -> MotionClip:
    """The first pose of the built-in wave, held."""
    wave = clean("wave")
    n = round(seconds * fps) + 1
    return MotionClip(
        fps=fps,
        root_position=np.repeat(wave.root_position[:1], n, axis=0),
        root_quaternion=np.repeat(wave.root_quaternion[:1], n, axis=0),
        joint_angles=np.repeat(wave.joint_angles[:1], n, axis=0),
        joint_names=CHARACTER.hinge_names,
        loop=False,
        name="standing",
        source="",
    )


def jump(speed: float) -> MotionClip:
    """Half a second of rest, a free fall upwards and down again, half a second of rest."""
    flight = 2 * speed / GRAVITY
    clip = standing(flight + 1.0, fps=120.0)
    since = np.clip(clip.times - 0.5, 0.0, flight)
    return lifted(clip, speed * since - GRAVITY * since**2 / 2)


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_clips_are_clean(name: str) -> None:
    assert lint(clean(name), LIMITS) == []
    repaired, changes = repair(clean(name), LIMITS)
    assert repaired is clean(name)
    assert changes == []


@pytest.mark.parametrize("name", REAL)
def test_real_clips_have_no_error_and_are_checked_quickly(motions_dir: Path, name: str) -> None:
    path = real(motions_dir, name)
    clip = load_motion(path)
    lint(clip, LIMITS)
    start = time.perf_counter()
    findings = [*inspect_deepmimic(path), *lint(clip, LIMITS)]
    assert time.perf_counter() - start < 1.0
    assert errors(findings) == []
    assert len(findings) < 20


def test_known_faults_of_real_clips(motions_dir: Path) -> None:
    """Seen in the numbers of the files: glued halves, a pelvis fitted wrong, feet under ground."""

    def of(name: str, code: str) -> Finding:
        return found(lint(load_motion(real(motions_dir, name)), LIMITS), code)

    glued = of("walk", "jump")
    assert (glued.joint, glued.frame) == ("left_shoulder", 19)
    assert glued.value == pytest.approx(0.50, abs=0.02)
    jumps = [f for f in lint(load_motion(real(motions_dir, "kick"))) if f.code == "jump"]
    assert ("chest", 22) in {(f.joint, f.frame) for f in jumps}  # it makes up for the pelvis
    assert of("jump", "spike").frame == 76
    assert of("run", "penetration").value == pytest.approx(0.068, abs=0.001)
    assert of("backflip", "coarse").value == pytest.approx(1.91, abs=0.01)
    norm = found(inspect_deepmimic(real(motions_dir, "kick")), "quaternion_norm")
    assert (norm.joint, norm.frame) == ("right_hip", 27)
    assert norm.value == pytest.approx(0.583, abs=1e-3)


@few
@given(name=names, depth=st.floats(0.02, 1.5))
def test_a_clip_under_the_ground(name: str, depth: float) -> None:
    sunk = lifted(clean(name), -depth)
    finding = found(lint(sunk, LIMITS), "penetration")
    assert finding.value == pytest.approx(depth, abs=0.003)
    if abs(depth - 0.25) > 0.003:
        assert (finding.severity == "error") == (depth > 0.25)
    repaired, changes = repair(sunk, LIMITS)
    assert changes
    assert lowest(repaired).min() == pytest.approx(0, abs=0.005)
    np.testing.assert_allclose(repaired.root_position, clean(name).root_position, atol=0.005)
    assert lint(repaired, LIMITS) == []


@few
@given(name=names, height=st.floats(0.025, 2))
def test_a_clip_above_the_ground(name: str, height: float) -> None:
    high = lifted(clean(name), height)
    finding = found(lint(high, LIMITS), "floating")
    assert finding.value == pytest.approx(height, abs=0.003)
    repaired, _ = repair(high, LIMITS)
    np.testing.assert_allclose(repaired.root_position, clean(name).root_position, atol=0.005)


@few
@given(name=names, phase=st.floats(0, 1), depth=st.floats(0.05, 0.2), width=st.floats(0.05, 0.2))
def test_a_dip_under_the_ground(name: str, phase: float, depth: float, width: float) -> None:
    clip = clean(name)
    distance = np.abs((clip.times / clip.duration - phase + 0.5) % 1 - 0.5) * clip.duration
    dip = depth * np.exp(-((distance / width) ** 2))
    dip[-1] = dip[0]
    dipped = lifted(clip, -dip)
    assume(lowest(dipped).min() < -0.02)
    assert dipped.closed
    worst = found(lint(dipped, LIMITS), "penetration")
    assert worst.frame == lowest(dipped).argmin()
    repaired, _ = repair(dipped, LIMITS)
    assert lowest(repaired).min() >= -0.005
    assert repaired.closed
    # Pushed up no further than need be, and gently.
    push = repaired.root_position[:, 2] - dipped.root_position[:, 2]
    assert push.max() <= depth + 0.005
    assert (
        np.abs(np.diff(push, 2)).max() * clip.fps**2 < 80 * depth
    )  # either side of a short loop adds


@few
@given(
    name=names,
    joint=st.sampled_from(JOINTS),
    place=st.floats(0, 1),
    angle=st.floats(0.35, 1.2),
    sign=st.sampled_from([-1, 1]),
)
def test_a_joint_that_is_off_for_a_frame(
    name: str, joint: str, place: float, angle: float, sign: int
) -> None:
    clip = clean(name)
    frame = 1 + round(place * (clip.n_frames - 3))
    spiked = turned(clip, joint, slice(frame, frame + 1), sign * angle)
    spike = found(lint(spiked), "spike")
    assert (spike.frame, spike.joint) == (frame, joint)
    assert spike.value == pytest.approx(angle, abs=0.1)
    repaired, changes = repair(spiked)
    assert any(f"frame {frame} " in change for change in changes)
    np.testing.assert_allclose(repaired.joint_angles, clip.joint_angles, atol=0.06)
    assert "spike" not in codes(repaired)


@few
@given(name=names, place=st.floats(0, 1), distance=st.floats(0.08, 0.6), turn=st.floats(0, 6.28))
def test_a_root_that_is_off_for_a_frame(
    name: str, place: float, distance: float, turn: float
) -> None:
    clip = clean(name)
    frame = 1 + round(place * (clip.n_frames - 3))
    position = clip.root_position.copy()
    position[frame, :2] += distance * np.array([np.cos(turn), np.sin(turn)])
    spiked = replace(clip, root_position=position)
    spike = found(lint(spiked), "spike")
    assert (spike.frame, spike.joint) == (frame, "root position")
    repaired, _ = repair(spiked)
    np.testing.assert_allclose(repaired.root_position, clip.root_position, atol=0.01)


@few
@given(name=names, place=st.floats(0, 1), distance=st.floats(0.5, 5), turn=st.floats(0, 6.28))
def test_a_teleport(name: str, place: float, distance: float, turn: float) -> None:
    clip = replace(clean(name), loop=False)
    frame = 1 + round(place * (clip.n_frames - 2))
    position = clip.root_position.copy()
    position[frame:, :2] += distance * np.array([np.cos(turn), np.sin(turn)])
    moved = replace(clip, root_position=position)
    finding = found(lint(moved, LIMITS), "teleport")
    assert (finding.severity, finding.frame, finding.joint) == ("error", frame, "root")
    assert finding.value == pytest.approx(distance * clip.fps, abs=4)
    # It cannot be repaired without a guess.
    assert "teleport" in codes(repair(moved, LIMITS)[0])


@few
@given(name=names, place=st.floats(0.2, 0.8), joint=st.sampled_from(JOINTS))
def test_halves_that_were_glued_together(name: str, place: float, joint: str) -> None:
    clip = replace(clean(name), loop=False)
    frame = round(place * clip.n_frames)
    glued = turned(clip, joint, slice(frame, None), 0.6)
    finding = found(lint(glued), "jump")
    assert (finding.frame, finding.joint) == (frame, joint)
    assert finding.value == pytest.approx(0.6, abs=0.1)


@few
@given(name=names, column=st.integers(0, 27), excess=st.floats(0.02, 0.5), upper=st.booleans())
def test_a_hinge_beyond_its_limit(name: str, column: int, excess: float, upper: bool) -> None:
    clip = clean(name)
    angles = clip.joint_angles.copy()
    low, high = LIMITS[column]
    own = angles[:, column]
    angles[:, column] += high + excess - own.max() if upper else low - excess - own.min()
    bent = replace(clip, joint_angles=angles)
    finding = found(lint(bent, LIMITS), "limit") if np.ptp(own) < high - low else None
    assume(finding is not None and finding.joint == CHARACTER.hinge_names[column])
    assert finding is not None
    assert finding.value == pytest.approx(excess, abs=1e-6)
    repaired, changes = repair(bent, LIMITS)
    assert any(CHARACTER.hinge_names[column] in change for change in changes)
    assert (repaired.joint_angles[:, column] <= high + 1e-9).all()
    assert (repaired.joint_angles[:, column] >= low - 1e-9).all()
    assert "limit" not in codes(repaired)


@few
@given(name=st.sampled_from(["walk", "run"]), place=st.floats(0.1, 0.9), times=st.integers(1, 30))
def test_repeated_frames(name: str, place: float, times: int) -> None:
    clip = replace(clean(name), loop=False)
    frame = round(place * (clip.n_frames - 1))
    index = np.repeat(
        np.arange(clip.n_frames), np.where(np.arange(clip.n_frames) == frame, 1 + times, 1)
    )
    stalled = replace(
        clip,
        root_position=clip.root_position[index],
        root_quaternion=clip.root_quaternion[index],
        joint_angles=clip.joint_angles[index],
    )
    finding = found(lint(stalled, LIMITS), "frozen")
    assert (finding.frame, finding.n_frames) == (frame + 1, times)
    assert finding.severity == ("info" if times == 1 else "warning")


def test_a_body_at_rest_is_not_frozen() -> None:
    assert lint(standing(2.0), LIMITS) == []


@few
@given(speed=st.floats(2.0, 4.5))
def test_a_jump_is_a_free_fall(speed: float) -> None:
    # It begins and ends without a warning, which is seen too.
    assert codes(jump(speed)) <= {"jump", "frozen"}


@few
@given(speed=st.floats(2.7, 4.0), factor=st.sampled_from([0.25, 0.5, 2.0]))
def test_a_wrong_rate_shows_in_flight(speed: float, factor: float) -> None:
    clip = jump(speed)
    played = replace(clip, fps=clip.fps * factor)
    finding = found(lint(played, LIMITS), "wrong_rate")
    assert finding.value == pytest.approx(factor, rel=0.05)
    assert f"about {clip.fps:.0f} Hz" in finding.advice


@few
@given(seconds=st.floats(0.8, 3.0), height=st.floats(0.45, 2.0))
def test_flying_is_an_error(seconds: float, height: float) -> None:
    clip = standing(seconds + 2.0)
    rise = np.clip(np.minimum(clip.times - 0.5, clip.duration - 0.5 - clip.times) / 0.5, 0, 1)
    flying = lifted(clip, height * (3 * rise**2 - 2 * rise**3))
    finding = found(lint(flying, LIMITS), "hovering")
    assert finding.severity == "error"
    assert 0.4 < finding.value <= height + 0.01
    assert 0 < finding.frame < clip.n_frames / 2


@few
@given(name=names, height=st.floats(0.045, 0.09))
def test_soles_that_hover_a_little_are_no_error(name: str, height: float) -> None:
    clip = clean(name)
    bump = height * np.sin(np.pi * clip.times / clip.duration) ** 2
    assert errors(lint(lifted(clip, bump), LIMITS)) == []


@few
@given(angle=st.floats(0.05, 2.0), joint=st.sampled_from(JOINTS), height=st.floats(-0.2, 0.2))
def test_a_loop_whose_ends_do_not_meet(angle: float, joint: str, height: float) -> None:
    clip = clean("squat")
    fade = np.linspace(0, 1, clip.n_frames)
    angles = clip.joint_angles.copy()
    angles[:, CHARACTER.hinge_slices[joint].start] += angle * fade
    opened = lifted(replace(clip, joint_angles=angles), height * fade)
    _, seam = close_loop(opened)
    finding = found(lint(opened), "seam")
    assert (finding.joint, finding.value) == seam.worst
    assert finding.joint == joint
    if abs(height) > 0.006:
        assert found(lint(opened), "seam_height").value == pytest.approx(height, abs=1e-3)
    repaired, changes = repair(opened)
    assert any(change.startswith("seam") for change in changes)
    assert repaired.closed
    assert not codes(repaired) & {"seam", "seam_height"}


@few
@given(name=names, slip=st.floats(0.5, 3))
def test_feet_that_slide(name: str, slip: float) -> None:
    clip = replace(clean(name), loop=False)
    position = clip.root_position.copy()
    position[:, 1] += slip * clip.times
    skating = [f for f in lint(replace(clip, root_position=position)) if f.code == "skate"]
    assert {finding.joint for finding in skating} == {"right_ankle", "left_ankle"}
    for finding in skating:
        assert finding.value == pytest.approx(slip, rel=0.1, abs=0.05)
        assert finding.severity == "warning"


@few
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), name=names)
def test_a_second_repair_changes_nothing(data: st.DataObject, seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    clip = clean(name)
    if data.draw(st.booleans(), "drift"):
        drift = 0.4 * rng.normal(size=28) * np.linspace(0, 1, clip.n_frames)[:, None]
        clip = replace(clip, joint_angles=clip.joint_angles + drift)
    for _ in range(data.draw(st.integers(0, 3), "spikes")):
        frame = int(rng.integers(1, clip.n_frames - 1))
        clip = turned(clip, str(rng.choice(JOINTS)), slice(frame, frame + 1), rng.normal())
    wave = np.sin(2 * np.pi * clip.times / clip.duration + rng.uniform(0, 6))
    wave[-1] = wave[0]
    clip = lifted(clip, rng.normal() * 0.1 + rng.normal() * 0.05 * wave)
    repaired, _ = repair(clip, LIMITS)
    again, changes = repair(repaired, LIMITS)
    assert changes == []
    assert again is repaired


def test_a_repaired_file_is_repaired(tmp_path: Path, motions_dir: Path) -> None:
    for name in REAL:
        repaired, changes = repair(load_motion(real(motions_dir, name)), LIMITS)
        assert changes
        write_deepmimic(repaired, tmp_path / f"{name}.txt")
        left = read_deepmimic(tmp_path / f"{name}.txt")
        assert repair(left, LIMITS)[1] == []
        assert inspect_deepmimic(tmp_path / f"{name}.txt") == []
        assert not codes(left) & {"penetration", "floating", "spike", "seam", "limit"}


@few
@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(2, 80), scale=st.floats(0.01, 3))
def test_nonsense_is_a_page_and_not_a_flood(seed: int, n_frames: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    clip = replace(
        standing((n_frames - 1) / 60),
        joint_angles=scale * rng.normal(size=(n_frames, 28)),
        root_position=scale * rng.normal(size=(n_frames, 3)),
        loop=bool(rng.integers(2)),
    )
    findings = lint(clip, LIMITS)
    assert len(findings) < 90
    order = [SEVERITIES.index(finding.severity) for finding in findings]
    assert order == sorted(order)
    for finding in findings:
        assert 0 <= finding.frame < n_frames
        assert finding.time == pytest.approx(finding.frame / clip.fps)
        assert np.isfinite(finding.value)
        assert finding.message
        assert finding.advice
    repair(clip, LIMITS)


def test_another_robots_clip_is_refused() -> None:
    clip = replace(clean("walk"), joint_names=tuple(f"servo_{i}" for i in range(28)))
    for check in (lint, repair):
        with pytest.raises(InputError, match="needs the character's"):
            check(clip)


def test_shapes_and_masses_are_those_of_the_model() -> None:
    """The lowest points and the centre of mass as MuJoCo has them, on poses of all kinds."""
    model = load_humanoid().model
    assert sum(mass for mass, _ in CHARACTER.masses.values()) == pytest.approx(
        model.body_subtreemass[0]
    )
    assert sum(len(centres) for centres, _ in CHARACTER.spheres.values()) == model.nsite
    rng = np.random.default_rng(0)
    quaternions = rng.normal(size=(40, 4))
    for i in range(40):
        quaternions[i] /= np.linalg.norm(quaternions[i])
        quaternions[i] *= 1 if i == 0 or quaternions[i] @ quaternions[i - 1] >= 0 else -1
    clip = replace(
        standing(39 / 60), joint_angles=rng.normal(size=(40, 28)), root_quaternion=quaternions
    )
    heights, com = lowest_points(clip), center_of_mass(clip)
    data = mujoco.MjData(model)
    for frame, qpos in enumerate(clip.qpos):
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(com[frame], data.subtree_com[1], atol=1e-9)
        for body, own in heights.items():
            touching = model.pair_geom2[model.geom_bodyid[model.pair_geom2] == model.body(body).id]
            (geom,) = touching
            size, kind = model.geom_size[geom], model.geom_type[geom]
            down = data.geom_xmat[geom].reshape(3, 3)[2]
            reach = (
                np.abs(down) @ size
                if kind == mujoco.mjtGeom.mjGEOM_BOX
                else size[0]
                + (abs(down[2]) * size[1] if len(CHARACTER.spheres[body][0]) > 1 else 0.0)
            )
            assert own[frame] == pytest.approx(data.geom_xpos[geom][2] - reach, abs=1e-9)


@few
@given(place=st.floats(0.2, 0.7), size=st.floats(0.4, 0.8), joint=st.sampled_from(JOINTS))
def test_a_joint_that_shakes(place: float, size: float, joint: str) -> None:
    clip = replace(clean("walk"), loop=False)
    frame = round(place * clip.n_frames)
    shaken = clip
    for k in range(6):
        shaken = turned(shaken, joint, slice(frame + k, frame + k + 1), size * (-1) ** k)
    # Each shake stands out, as a jump or as a distance from the curve, and is not repaired away.
    sudden = [f for f in lint(shaken) if f.code in {"jitter", "jump", "spike"}]
    assert {finding.joint for finding in sudden} == {joint}
    assert all(frame - 2 <= finding.frame <= frame + 7 for finding in sudden)
    assert any(finding.value > size / 2 for finding in sudden)


@few
@given(place=st.floats(0, 1), angle=st.floats(2.2, 3.1), axis=st.integers(0, 2))
def test_a_root_that_flips(place: float, angle: float, axis: int) -> None:
    clip = replace(clean("wave"), loop=False)
    frame = 1 + round(place * (clip.n_frames - 2))
    quaternions = clip.root_quaternion.copy()
    turn = np.zeros(3)
    turn[axis] = angle
    quaternions[frame:] = wxyz(rotation(quaternions[frame:]) * Rotation.from_rotvec(turn))
    flipped = replace(clip, root_quaternion=continuous_signs(quaternions))
    finding = found(lint(flipped), "teleport_turn")
    assert (finding.severity, finding.frame) == ("error", frame)
    assert finding.value == pytest.approx(angle * clip.fps, rel=0.05)


@pytest.mark.parametrize("name", ["walk", "run"])
def test_a_high_rate_does_not_hide_a_speed(name: str) -> None:
    """At 600 Hz a step is small, whatever the speed."""
    clip = clean(name)
    assert "teleport" not in codes(clip.resample(600.0))
    fast = replace(clip, fps=clip.fps * 12)
    assert found(lint(fast), "teleport").value > 12


# What only the file shows.


def faulty(
    tmp_path: Path, name: str, change: Callable[[dict[str, object], np.ndarray], None]
) -> Path:
    """A built-in clip's file with its document or rows changed."""
    path = tmp_path / "clip.txt"
    write_deepmimic(clean(name), path)
    document = json.loads(path.read_text())
    rows = np.array(document["Frames"])
    change(document, rows)
    document["Frames"] = rows.tolist()
    path.write_text(json.dumps(document))
    return path


def test_a_clean_file_has_no_findings(tmp_path: Path) -> None:
    assert inspect_deepmimic(faulty(tmp_path, "walk", lambda *_: None)) == []


@pytest.mark.parametrize(("scale", "severity"), [(0.58, "warning"), (1.02, "info")])
def test_norms_in_a_file(tmp_path: Path, scale: float, severity: str) -> None:
    def change(document: dict[str, object], rows: np.ndarray) -> None:
        rows[17, 8:12] *= scale  # the chest

    (finding,) = inspect_deepmimic(faulty(tmp_path, "walk", change))
    assert (finding.code, finding.frame, finding.joint) == ("quaternion_norm", 17, "chest")
    assert (finding.severity, finding.n_frames) == (severity, 1)
    assert finding.value == pytest.approx(scale, abs=1e-6)


def test_signs_in_a_file(tmp_path: Path) -> None:
    def change(document: dict[str, object], rows: np.ndarray) -> None:
        rows[17:30, 4:8] *= -1  # the root

    (finding,) = inspect_deepmimic(faulty(tmp_path, "walk", change))
    assert (finding.code, finding.frame, finding.joint) == ("quaternion_sign", 17, "root")
    assert finding.n_frames == 2


def test_durations_in_a_file(tmp_path: Path) -> None:
    def change(document: dict[str, object], rows: np.ndarray) -> None:
        rows[17, 0] *= 2

    (finding,) = inspect_deepmimic(faulty(tmp_path, "walk", change))
    assert (finding.code, finding.frame) == ("uneven_durations", 17)
    assert finding.value == pytest.approx(2 / 60)


def test_keys_in_a_file(tmp_path: Path) -> None:
    def change(document: dict[str, object], rows: np.ndarray) -> None:
        document["RightJoints"] = [3, 4, 5]

    (finding,) = inspect_deepmimic(faulty(tmp_path, "walk", change))
    assert finding.code == "unknown_keys"
    assert "RightJoints" in finding.message


# The command.


def test_the_command_prints_a_line_a_finding(tmp_path: Path, capsys: Capture) -> None:
    sunk = tmp_path / "sunk.txt"
    write_deepmimic(lifted(clean("walk"), -1.0), sunk)
    assert main(["motions", "lint", "walk"]) == 0
    assert capsys.readouterr().out == "nothing is wrong with it\n"
    assert main(["motions", "lint", str(sunk)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("error    penetration")
    assert "\x1b" not in "".join(lines)
    assert main(["motions", "lint", str(sunk), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert len(report["findings"]) == len(lines)
    assert report["findings"][0]["value"] == pytest.approx(1.0, abs=0.003)


def test_the_command_repairs(tmp_path: Path, capsys: Capture) -> None:
    sunk, fixed = tmp_path / "sunk.txt", tmp_path / "fixed.txt"
    write_deepmimic(lifted(clean("walk"), -1.0), sunk)
    assert main(["motions", "lint", str(sunk), "--fix", "--output", str(fixed)]) == 0
    out = capsys.readouterr().out
    assert "the whole clip raised by 1.000 m" in out
    assert out.endswith(f"{fixed}:\nnothing is wrong with it\n")
    again = tmp_path / "again.txt"
    arguments = ["motions", "lint", str(fixed), "--fix", "--output", str(again), "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["changes"] == report["findings_left"] == []
    assert report["output"] == str(again)
    assert read_deepmimic(again).digest == read_deepmimic(fixed).digest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fix"], "--fix needs --output"),
        (["--output", "new.txt"], "needs --fix"),
        (["--fix", "--output", "new.bvh"], "must end in .txt or .json"),
        (["--fix", "--output", "old.txt"], "exists already"),
        (["--fix", "--output", "old.txt/new.txt"], "cannot be written"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.txt").write_text("mine")
    assert main(["motions", "lint", "walk", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]
    assert Path("old.txt").read_text() == "mine"


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "teleport.txt"
    clip = clean("walk")
    position = clip.root_position.copy()
    position[30:, 0] += 2.0
    write_deepmimic(replace(clip, root_position=position), path)
    done = subprocess.run(
        [sys.executable, "-m", "sb3_mimic", "motions", "lint", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "teleport         frame 30" in done.stdout
    assert done.stderr == ""
