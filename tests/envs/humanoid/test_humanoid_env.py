"""The humanoid's environment: its dimensions, its options, and where episodes start and end."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

import sb3_mimic
from sb3_mimic.envs import HumanoidMimicEnv
from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletons import CHARACTER

ID = "sb3_mimic/HumanoidMimic-v0"
ZERO = np.zeros(28, np.float32)


def make(**kwargs: Any) -> HumanoidMimicEnv:
    env = gym.make(ID, **kwargs).unwrapped
    assert isinstance(env, HumanoidMimicEnv)
    return env


def test_dimensions_are_the_papers() -> None:
    model = load_humanoid().model
    assert (model.nq, model.nv, model.nu) == (35, 34, 28)
    assert model.body_mass.sum() == pytest.approx(45.0)
    assert len(load_humanoid().feet) == 2


def test_model_and_clips_name_the_same_hinges() -> None:
    assert load_humanoid().joint_names == CHARACTER.hinge_names


def test_starts_exactly_on_the_reference() -> None:
    env = make()
    for phase in (0.0, 0.123, 0.5, 0.999):
        env.reset(options={"phase": phase})
        np.testing.assert_array_equal(env.qpos, env.reference_qpos)
        np.testing.assert_array_equal(env.qvel, env.reference_qvel)
        assert env.phase == pytest.approx(phase)
    with pytest.raises(ValueError, match="read-only"):
        env.qpos[0] = 1.0


def test_random_phases_cover_the_clip() -> None:
    env = make()
    phases = []
    for seed in range(200):
        env.reset(seed=seed)
        phases.append(env.phase)
    assert np.histogram(phases, bins=5, range=(0, 1))[0].min() > 15


@pytest.mark.parametrize(
    ("observation", "size"), [("reference", 182), ("phase", 71), ("joints", 56)]
)
def test_observations(observation: str, size: int) -> None:
    env = make(observation=observation)
    first, _ = env.reset(seed=0)
    assert first.shape == (size,)
    assert first.dtype == np.float32


def test_observation_ignores_where_the_body_is_and_where_it_faces() -> None:
    """Moving body and reference over the ground, or turning both, changes nothing it sees."""
    batch = make().batched
    batch.reset(np.zeros(1, np.intp), [np.random.default_rng(0)], [{"phase": 0.2}])
    before = batch.observe(np.zeros(1, np.intp))
    shift = np.array([3.0, -2.0])
    batch.states[:, 1:3] += shift
    batch._anchor += shift
    np.testing.assert_allclose(batch.observe(np.zeros(1, np.intp)), before, atol=1e-5)


def test_zero_action_is_the_reference_and_its_velocity() -> None:
    """Residual control, action 0: the servos are asked for the next pose, led by its velocity."""
    env = make()
    env.reset(options={"phase": 0.3})
    batch = env.batched
    ctrl = batch.controls(np.zeros((1, 28)))
    following = batch.reference.at(batch.times + batch.dt)[0]
    robot = batch.robot
    np.testing.assert_allclose(
        ctrl[0], following[7:35] + robot.kd / robot.kp * following[batch.reference.rows.qvel][6:]
    )
    # A servo at the next pose and velocity gives no torque at action 0 and its limit at 1.
    torque = robot.kp * (batch.controls(np.ones((1, 28)))[0] - ctrl[0])
    np.testing.assert_allclose(torque, robot.torque_limit)


@pytest.mark.parametrize("control", ["residual", "pd", "torque"])
def test_controls_have_an_inverse(control: str) -> None:
    env = make(control=control)
    env.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1, 1, (1, 28))
    np.testing.assert_allclose(env.batched.actions_for(env.batched.controls(actions)), actions)
    env.step(actions[0].astype(np.float32))
    assert np.isfinite(env.qpos).all()


def test_torque_mode_applies_the_torque_it_is_given() -> None:
    env = make(control="torque")
    robot = env.batched.robot
    assert env.batched.controls(np.ones((1, 28)))[0] == pytest.approx(robot.torque_limit)
    env.reset(options={"phase": 0.0})
    fast = env.qvel.copy()
    env.step(ZERO)
    limp = env.qvel.copy()
    env.reset(options={"phase": 0.0})
    action = ZERO.copy()
    knee = robot.joint_names.index("right_elbow")
    action[knee] = 1.0
    env.step(action)
    assert env.qvel[6 + knee] - limp[6 + knee] > 0.5
    assert np.isfinite(fast).all()


def test_reward_is_the_sum_of_its_terms_and_one_on_the_reference() -> None:
    env = make(early_termination="none")
    for phase in np.linspace(0, 1, 7, endpoint=False):
        env.reset(options={"phase": float(phase)})
        on_it = env.batched._reward_terms(np.zeros((1, 28)))
        assert sum(term[0] for term in on_it.values()) == pytest.approx(1.0, abs=1e-5)
    for _ in range(20):
        _, reward, _, _, info = env.step(env.action_space.sample())
        assert reward == pytest.approx(sum(info["reward_terms"].values()), abs=1e-12)
        assert set(info["reward_terms"]) == {"pose", "velocity", "end_effector", "root", "com"}


def test_paper_reward_is_harder() -> None:
    released, paper = make(), make(reward="paper")
    for env in (released, paper):
        env.reset(options={"phase": 0.1})
    for _ in range(10):
        easy, hard = released.step(ZERO)[1], paper.step(ZERO)[1]
        assert hard < easy


def test_mirrored_motion_under_mirrored_actions_is_the_mirror_image() -> None:
    """Left and right of body, servos, reward and observation are alike."""
    clip = sb3_mimic.load_motion("walk")
    columns, signs = CHARACTER.mirror_columns
    env, mirror = make(motion=clip), make(motion=clip.mirror())
    rng = np.random.default_rng(0)
    for e in (env, mirror):
        e.reset(options={"phase": 0.15})
    for _ in range(15):
        action = rng.uniform(-0.5, 0.5, 28).astype(np.float32)
        reflected = (action[columns] * signs).astype(np.float32)
        reward, other = env.step(action)[1], mirror.step(reflected)[1]
        np.testing.assert_allclose(mirror.qpos[7:], env.qpos[7:][columns] * signs, atol=1e-6)
        np.testing.assert_allclose(mirror.qpos[:3], env.qpos[:3] * [1, -1, 1], atol=1e-6)
        assert reward == pytest.approx(other, abs=1e-6)


def test_falls_end_the_episode_and_the_feet_do_not() -> None:
    env = make()
    env.reset(options={"phase": 0.0})
    lengths = 0
    while True:
        _, _, terminated, truncated, _ = env.step(-np.ones(28, np.float32))
        lengths += 1
        if terminated or truncated:
            break
    assert terminated
    assert 3 < lengths < 90
    lying = env.reference_qpos.copy()
    lying[2], lying[3:7] = 0.1, [0.7071068, 0, 0.7071068, 0]
    env.set_state(lying, np.zeros(34))
    assert env.batched.fallen()[0]


def test_bodies_on_the_ground_in_the_clip_may_touch_it(motions_dir: Path) -> None:
    env = make(motion=f"{motions_dir}/deepmimic/humanoid3d_getup_facedown.txt")
    env.reset(options={"phase": 0.0})
    _, _, terminated, _, _ = env.step(ZERO)
    assert not terminated


def test_early_termination_by_tracking_error() -> None:
    for mode, ends in (("fall", False), ("tracking", True), ("none", False)):
        env = make(early_termination=mode)
        env.reset(options={"phase": 0.0})
        away = env.qpos.copy()
        away[0] += 1.5
        env.set_state(away, env.qvel)
        assert env.step(ZERO)[2] is ends


def test_a_clip_without_loop_ends_with_the_clip(motions_dir: Path) -> None:
    env = make(motion=f"{motions_dir}/deepmimic/humanoid3d_kick.txt", early_termination="none")
    env.reset(options={"phase": 0.0})
    steps, truncated = 0, False
    while not truncated:
        _, _, terminated, truncated, _ = env.step(ZERO)
        assert not terminated
        steps += 1
    assert steps == np.ceil(env.reference.duration * 30 - 1e-6)


def test_anchor_moves_the_reference_onto_the_body_at_each_cycle() -> None:
    for anchor, moved in (("root", True), ("world", False)):
        env = make(anchor=anchor, early_termination="none")
        env.reset(options={"phase": 0.0})
        away = env.qpos.copy()
        away[1] += 0.4
        env.set_state(away, env.qvel)
        for _ in range(round(env.reference.duration * 30) + 1):
            env.step(ZERO)
        assert bool(env.batched.root_offset.any()) is moved


def test_episode_length() -> None:
    env = make(early_termination="none", episode_seconds=0.5)
    env.reset(seed=0)
    assert [env.step(ZERO)[3] for _ in range(15)] == [False] * 14 + [True]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"observation": "pixels"}, "observation='pixels' must be one of reference, phase, joints"),
        ({"control": "velocity"}, "unknown control"),
        ({"reward": "sparse"}, "unknown reward"),
        ({"early_termination": "never"}, "must be one of fall, tracking, none"),
        ({"episode_seconds": 0.0}, "must be positive"),
        ({"episode_seconds": np.inf}, "must be positive and finite"),
        ({"motion": "wlak"}, "walk"),
        ({"render_mode": "ansi"}, "render_mode"),
    ],
)
def test_bad_options_are_named(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**kwargs)


@pytest.mark.parametrize("phase", [-0.1, 1.0, float("nan"), "half"])
def test_bad_phase(phase: object) -> None:
    with pytest.raises(InputError, match="phase"):
        make().reset(options={"phase": phase})


def test_a_reset_names_an_option_that_it_does_not_take() -> None:
    with pytest.raises(InputError, match="takes motion and phase, not 'phases'"):
        make().reset(options={"phases": 0.0})


def test_set_state_checks_its_input() -> None:
    env = make()
    env.reset(seed=0)
    with pytest.raises(InputError, match="35"):
        env.set_state(np.zeros(34), np.zeros(34))
    with pytest.raises(InputError, match="finite"):
        env.set_state(np.full(35, np.nan), np.zeros(34))


def test_human_mode_without_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    env = make(render_mode="human")
    with pytest.raises(InputError, match="display"):
        env.reset(seed=0)


def picture(env: HumanoidMimicEnv) -> NDArray[np.uint8]:
    image = env.render()
    assert isinstance(image, np.ndarray)
    return image


def test_pictures_show_the_body_and_follow_it() -> None:
    env = make(render_mode="rgb_array", width=160, height=120)
    env.reset(options={"phase": 0.0})
    first = picture(env)
    assert first.shape == (120, 160, 3)
    # Orange is the left side of the body and nothing else in the picture.
    orange = (first[..., 0] > 140) & (first[..., 2] < 110)
    assert orange.sum() > 50
    env.step(ZERO)
    assert (picture(env) != first).any()
    env.close()


def test_rgb_array_list_collects_an_episode() -> None:
    env = make(render_mode="rgb_array_list", width=64, height=48)
    env.reset(seed=0)
    for _ in range(3):
        env.step(ZERO)
    frames = env.render()
    assert len(frames) == 4
    assert env.render() == []
    env.close()
