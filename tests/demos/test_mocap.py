"""Demonstrations from a clip: the guide's formula, in every control mode."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from imitation.data.types import Trajectory

from sb3_mimic.demos.mocap import MocapSettings, collect_mocap, pd_actions
from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion

HUMANOID = "sb3_mimic/HumanoidMimic-v0"
CLEAN = MocapSettings(joint_noise=0.0, speed_noise=0.0, action_noise=0.0)
CONTROLS = ["residual", "pd", "torque"]


def batch_of(control: str, n: int = 8, seed: int = 0) -> TrackingBatch:
    """Humanoids at phases over the whole walk, a little off the reference."""
    env = HumanoidMimicEnv("walk", control=control)
    batch = env.make_batch(n)
    assert isinstance(batch, TrackingBatch)
    rng = np.random.default_rng(seed)
    batch.reset(np.arange(n), [rng] * n, [{"phase": i / n} for i in range(n)])
    for i in range(n):
        qpos, qvel = batch.qpos[i].copy(), batch.qvel[i].copy()
        qpos[7:] += rng.normal(0, 0.01, 28)
        batch.set_state(i, qpos, qvel + rng.normal(0, 0.05, 34))
    env.close()
    return batch


def seen(trajectory: Trajectory) -> np.ndarray:
    return np.asarray(trajectory.obs)


def servo_torque(batch: TrackingBatch, actions: np.ndarray) -> np.ndarray:
    """The torque (n, nu) that an action asks for now, from the environment's own control."""
    control = batch.controls(actions)
    if batch.options.control == "torque":
        return control
    robot = batch.robot
    return robot.kp * (control - batch.qpos[:, 7:]) - robot.kd * batch.qvel[:, 6:]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("method", ["pd", "feedforward"])
@pytest.mark.parametrize("lookahead", [1, 2])
@pytest.mark.parametrize("gains", [None, (1.0, 0.1)])
def test_actions_ask_for_the_torque_of_the_formula(
    control: str, method: str, lookahead: int, gains: tuple[float, float] | None
) -> None:
    batch = batch_of(control)
    robot = batch.robot
    actions = pd_actions(batch, replace(CLEAN, method=method, lookahead=lookahead, gains=gains))  # type: ignore[arg-type]
    kp, kd = (robot.kp, robot.kd)
    if gains is not None:
        kp, kd = gains[0] * robot.torque_limit, gains[1] * robot.torque_limit
    ahead = batch.reference.at(batch.times + lookahead / 30)
    rows = batch.reference.rows
    expected = kp * (ahead[:, rows.qpos][:, 7:] - batch.qpos[:, 7:]) - kd * batch.qvel[:, 6:]
    if method == "feedforward":
        expected = expected + kd * ahead[:, rows.qvel][:, 6:]
    inside = np.abs(actions) < 1
    assert inside.mean() > 0.3
    torque = servo_torque(batch, actions)
    np.testing.assert_allclose(torque[inside], expected[inside], rtol=1e-8, atol=1e-8)
    batch.close()


def test_the_guides_formula_to_the_letter_in_torque_control() -> None:
    batch = batch_of("torque")
    kp, kd = 1.0, 0.1
    actions = pd_actions(batch, replace(CLEAN, method="pd", gains=(kp, kd)))
    for i in range(batch.n_envs):
        current, velocity = batch.qpos[i, 7:], batch.qvel[i, 6:]
        target = batch.reference.at(batch.times[i : i + 1] + 1 / 30)[0, 7:35]
        action = np.clip(kp * (target - current) - kd * velocity, -1, 1)
        np.testing.assert_allclose(actions[i], action, atol=1e-12)
    batch.close()


def test_feedforward_is_the_residual_controls_zero() -> None:
    batch = batch_of("residual")
    np.testing.assert_allclose(pd_actions(batch, CLEAN), 0, atol=1e-9)
    # The plain formula is not: it would brake every joint.
    assert np.abs(pd_actions(batch, replace(CLEAN, method="pd"))).mean() > 0.05
    batch.close()


@pytest.mark.smoke
def test_the_first_pass_is_the_reference_itself() -> None:
    (first,) = collect_mocap(HUMANOID, "walk", 1)
    env = gym.make(HUMANOID, motion="walk")
    base = env.unwrapped
    assert isinstance(base, HumanoidMimicEnv)
    assert len(first) == round(base.reference.duration * 30)
    for step in (0, 5, len(first) - 1):
        phase = step / 30 / base.reference.duration
        observation, _ = env.reset(options={"phase": phase})
        np.testing.assert_allclose(seen(first)[step], observation, atol=1e-6)
    np.testing.assert_array_equal(first.rews, 1)
    base.close()


def test_undisturbed_passes_are_what_the_environment_does() -> None:
    passes = collect_mocap(HUMANOID, "walk", 3, seed=5, settings=CLEAN)
    phases = np.random.default_rng(5).random(2)
    env = gym.make(HUMANOID, motion="walk")
    for shown, phase in zip(passes[1:], phases, strict=True):
        observation, _ = env.reset(options={"phase": phase})
        for step in range(len(shown)):
            np.testing.assert_allclose(seen(shown)[step], observation, atol=1e-6)
            observation, reward, *_ = env.step(shown.acts[step])
            assert shown.rews[step] == pytest.approx(float(reward), abs=1e-6)
    env.unwrapped.close()  # type: ignore[no-untyped-call]


def test_disturbed_passes_are_labelled_with_clean_actions() -> None:
    passes = collect_mocap(HUMANOID, "walk", 4, settings=replace(CLEAN, action_noise=0.3))
    clean = collect_mocap(HUMANOID, "walk", 4, settings=CLEAN)
    for noisy, quiet in zip(passes[1:], clean[1:], strict=True):
        np.testing.assert_allclose(noisy.acts, 0, atol=1e-6)
        assert np.abs(seen(noisy)[5] - seen(quiet)[5]).max() > 1e-3


@pytest.mark.smoke
def test_the_same_seed_gives_the_same_demonstrations() -> None:
    one, two, other = (collect_mocap(HUMANOID, "walk", 4, seed=s) for s in (1, 1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(seen(a), seen(b))
        np.testing.assert_array_equal(a.acts, b.acts)
    assert not np.array_equal(seen(one[1])[0], seen(other[1])[0])


def test_a_pass_over_a_clip_that_does_not_loop_ends_with_it() -> None:
    clip = replace(load_motion("walk"), loop=False)
    passes = collect_mocap(HUMANOID, clip, 3)
    assert not passes[0].terminal  # the end of a clip is no failure
    assert all(len(p) <= len(passes[0]) for p in passes)


@pytest.mark.parametrize("observation", ["reference", "phase", "joints"])
@pytest.mark.parametrize("control", CONTROLS)
def test_demonstrations_fit_every_choice_of_spaces(observation: str, control: str) -> None:
    kwargs: dict[str, Any] = {"observation": observation, "control": control}
    passes = collect_mocap(HUMANOID, "walk", 2, env_kwargs=kwargs)
    env = gym.make(HUMANOID, motion="walk", **kwargs)
    assert seen(passes[1]).shape[1:] == env.observation_space.shape
    env.unwrapped.close()  # type: ignore[no-untyped-call]


def test_real_clips_give_demonstrations(motions_dir: Path) -> None:
    for name in ("walk", "backflip", "getup_facedown"):
        path = motions_dir / "deepmimic" / f"humanoid3d_{name}.txt"
        passes = collect_mocap(HUMANOID, str(path), 3)
        # One that starts near the end of a clip without loop is short.
        assert len(passes[0]) > 30
        assert all(len(p) >= 1 for p in passes)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "magic"},
        {"lookahead": 0},
        {"gains": (-1.0, 0.1)},
        {"action_noise": -0.1},
        {"joint_noise": float("nan")},
    ],
)
def test_settings_are_checked_at_construction(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(CLEAN, **changes)  # type: ignore[arg-type]


def test_other_environments_and_empty_requests_are_refused() -> None:
    with pytest.raises(InputError, match="must be positive"):
        collect_mocap(HUMANOID, "walk", 0)
