"""Several clips in one batch: each episode is what it would be with its clip alone."""

from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sb3_mimic.envs import HumanoidMimicEnv, make_native_vec_env
from sb3_mimic.envs.humanoid import load_humanoid
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.reference import Reference, ReferenceSet, reference_for
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion

ID = "sb3_mimic/HumanoidMimic-v0"
# Loops, clips that end, one whose whole body may touch the ground: all that is kept by clip.
FILES = ("humanoid3d_run.txt", "humanoid3d_kick.txt", "humanoid3d_getup_facedown.txt")


@pytest.fixture(scope="module")
def motions(motions_dir: Path) -> list[str]:
    return ["walk", *(str(motions_dir / "deepmimic" / name) for name in FILES)]


def make(**kwargs: Any) -> HumanoidMimicEnv:
    env = gym.make(ID, **kwargs).unwrapped
    assert isinstance(env, HumanoidMimicEnv)
    return env


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"early_termination": "tracking", "control": "pd", "observation": "phase"},
        {"early_termination": "none", "reward": "paper", "control": "torque"},
    ],
)
def test_an_episode_is_that_of_its_clip_alone(motions: list[str], options: dict[str, Any]) -> None:
    """Bit for bit, whatever clips are beside it: observations, reward terms, both kinds of end."""
    n = 2 * len(motions)
    batch = make(motion=motions, **options).make_batch(n, 1)
    assert isinstance(batch, TrackingBatch)
    generators = [np.random.default_rng(i) for i in range(n)]
    phases = [0.0, 0.0, 0.0, 0.0, 0.37, 0.81, 0.6, 0.5]
    starts = [{"motion": i % len(motions), "phase": phase} for i, phase in enumerate(phases)]
    observations = batch.reset(np.arange(n), generators, starts)
    alone = [make(motion=motions[i % len(motions)], **options) for i in range(n)]
    for i, env in enumerate(alone):
        first, _ = env.reset(options={"phase": phases[i]})
        np.testing.assert_array_equal(observations[i], first)
    rng = np.random.default_rng(1)
    running = np.ones(n, np.bool_)
    kinds = set()
    for _ in range(80):
        actions = rng.uniform(-0.3, 0.3, (n, 28)).astype(np.float32)
        step = batch.step(actions)
        for i in map(int, np.flatnonzero(running)):
            observation, reward, terminated, truncated, info = alone[i].step(actions[i])
            np.testing.assert_array_equal(step.observations[i], observation)
            assert step.rewards[i] == reward
            assert {name: t[i] for name, t in step.reward_terms.items()} == info["reward_terms"]
            assert (step.terminated[i], step.truncated[i]) == (terminated, truncated)
            np.testing.assert_array_equal(batch.reference_qpos[i], alone[i].reference_qpos)
            running[i] = not (terminated or truncated)
            kinds |= {name for name, end in zip("ft", (terminated, truncated), strict=True) if end}
    assert "t" in kinds
    assert ("f" in kinds) is (batch.options.early_termination != "none")


def test_environment_i_is_the_single_one_of_its_seed() -> None:
    """The clips that are drawn as well, from one episode to the next."""
    motions = ["walk", "run", "squat"]
    envs = make_native_vec_env(ID, 3, seed=7, motion=motions, episode_seconds=0.2)
    singles = [make(motion=motions, episode_seconds=0.2) for _ in range(3)]
    observations = np.asarray(envs.reset())
    for i, single in enumerate(singles):
        np.testing.assert_array_equal(observations[i], single.reset(seed=7 + i)[0])
    performed = set()
    for _ in range(45):
        stepped, rewards, dones, _ = envs.step(np.zeros((3, 28), np.float32))
        observations = np.asarray(stepped)
        for i, single in enumerate(singles):
            observation, reward, terminated, truncated, _ = single.step(np.zeros(28, np.float32))
            assert rewards[i] == np.float32(reward)
            assert dones[i] == (terminated or truncated)
            if dones[i]:
                observation, _ = single.reset()
            np.testing.assert_array_equal(observations[i], observation)
            performed.add(int(single.batched.motions[0]))
    assert len(performed) == len(motions)
    envs.close()


@settings(max_examples=20)
@given(
    times=st.lists(st.floats(0, 30), min_size=1, max_size=12),
    data=st.data(),
)
def test_a_set_looks_up_what_each_reference_would(times: list[float], data: st.DataObject) -> None:
    references = _builtin()
    clips = np.array([data.draw(st.integers(0, len(references) - 1)) for _ in times])
    found = ReferenceSet(references)
    moments = np.array(times)
    for clip, moment, row, phase, cycle in zip(
        clips,
        moments,
        found.at(clips, moments),
        found.phase(clips, moments),
        found.cycle(clips, moments),
        strict=True,
    ):
        alone, at = references[clip], np.array([moment])
        np.testing.assert_array_equal(row, alone.at(at)[0])
        assert (phase, cycle) == (alone.phase(at)[0], alone.cycle(at)[0])


@cache
def _builtin() -> tuple[Reference, ...]:
    robot = load_humanoid()
    return tuple(reference_for(name, robot) for name in ("walk", "run", "squat"))


def test_a_reset_asks_for_a_clip_by_name_or_index(motions: list[str]) -> None:
    env = make(motion=motions)
    assert env.motion_names[1:] == tuple(Path(name).stem for name in FILES)
    for index, name in enumerate(env.motion_names):
        for wanted in (index, name):
            env.reset(seed=0, options={"motion": wanted, "phase": 0.25})
            assert env.reference.clip.name == name
            assert env.phase == pytest.approx(0.25)
            np.testing.assert_array_equal(env.qpos, env.reference_qpos)


@pytest.mark.parametrize("wanted", [4, -1, 1.0, None, "wlak"])
def test_a_clip_that_is_not_there_is_named(motions: list[str], wanted: Any) -> None:
    with pytest.raises(InputError, match=r"motion.*walk"):
        make(motion=motions).reset(options={"motion": wanted})


def test_clips_are_drawn_as_often_as_they_are_likely() -> None:
    batch = make(motion=["walk", "run", "squat"]).batched
    generator = np.random.default_rng(0)
    for likely in (np.full(3, 1 / 3), np.array([0.6, 0.1, 0.3]), np.array([0.0, 1.0, 0.0])):
        batch.motion_probabilities = likely
        drawn = np.array([batch._next_motion({}, generator) for _ in range(4000)])
        counts = np.bincount(drawn, minlength=3)
        spread = np.sqrt(4000 * likely * (1 - likely))
        assert (np.abs(counts - 4000 * likely) <= 4 * spread).all()


def test_episodes_begin_where_they_are_likely_to() -> None:
    """Each clip by its own row; and one part is the generator's own number, as ever."""
    batch = make(motion=["walk", "run"]).make_batch(500, 1)
    assert isinstance(batch, TrackingBatch)
    everyone, generators = np.arange(500), [np.random.default_rng(0)] * 500
    likely = np.array([[0.5, 0.0, 0.1, 0.4], [0.0, 0.0, 0.0, 1.0]])
    batch.phase_probabilities = likely
    for motion in (0, 1):
        batch.reset(everyone, generators, [{"motion": motion}] * 500)
        counts, _ = np.histogram(batch.start_phases, np.linspace(0, 1, 5))
        spread = np.sqrt(500 * likely[motion] * (1 - likely[motion]))
        assert (np.abs(counts - 500 * likely[motion]) <= 4 * spread).all()
        within = batch.start_phases % 0.25 / 0.25
        assert abs(within.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 500)
    batch.phase_probabilities = np.ones((2, 1))
    batch.reset(everyone[:1], [np.random.default_rng(7)], [{"motion": 0}])
    assert batch.start_phases[0] == pytest.approx(np.random.default_rng(7).random())
    batch.reset(everyone[:1], generators[:1], [{"motion": 0, "phase": 0.3}])
    assert batch.start_phases[0] == pytest.approx(0.3)


def test_clips_in_turn_are_performed_equally_often() -> None:
    batch = make(motion=["walk", "run", "squat"], motion_order="in_turn").make_batch(6, 1)
    assert isinstance(batch, TrackingBatch)
    everyone, generators = np.arange(6), [np.random.default_rng(0)] * 6
    for _ in range(2):
        batch.reset(everyone, generators, [{}] * 6)
        np.testing.assert_array_equal(batch.motions, [0, 1, 2, 0, 1, 2])
    batch.reset(np.array([4]), generators[:1], [{}])
    batch.reset(np.array([0]), generators[:1], [{}])
    np.testing.assert_array_equal(batch.motions, [1, 1, 2, 0, 0, 2])


def test_clips_that_cannot_be_told_apart_are_refused() -> None:
    for motion, message in (
        (["walk", "run", "walk"], "two clips are called 'walk'"),
        ([], "no cl"),
    ):
        with pytest.raises(InputError, match=message):
            make(motion=motion)


def test_clips_are_taken_in_every_form() -> None:
    env = make(motion=("squat", load_motion("walk")))
    assert env.motion_names == ("squat", "walk")
    assert make(motion="squat").motion_names == ("squat",)
    with pytest.raises(ValueError, match="2 references"):
        _ = env.batched.reference
