"""One contract for every registered environment, alone, in a batch and under the host's tools."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check_env
from imitation.data import rollout
from imitation.data.wrappers import RolloutInfoWrapper
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_checker import check_env as sb3_check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecMonitor,
    VecNormalize,
    VecVideoRecorder,
)

from sb3_mimic.envs import make_native_vec_env
from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.errors import InputError
from sb3_mimic.registration import ENVIRONMENTS

pytestmark = pytest.mark.smoke


@pytest.fixture(params=sorted(ENVIRONMENTS))
def env_id(request: pytest.FixtureRequest) -> str:
    """Every registered environment; one whose model is not on this machine is skipped loudly."""
    try:
        gym.make(request.param).close()  # type: ignore[no-untyped-call]
    except InputError as error:
        pytest.skip(f"NOT TESTED: {error}")
    return str(request.param)


def zeros(envs: VecEnv) -> NDArray[np.float32]:
    """Actions of zeros for all environments."""
    return np.zeros((envs.num_envs, envs.action_space.sample().size), np.float32)


def test_there_are_environments() -> None:
    assert len(ENVIRONMENTS) >= 2


def test_gymnasium_and_sb3_accept_it(env_id: str) -> None:
    with warnings.catch_warnings():
        # Unbounded observations and rewards scaled by design are no faults.
        warnings.simplefilter("ignore")
        gymnasium_check_env(gym.make(env_id).unwrapped, skip_render_check=True)
        sb3_check_env(gym.make(env_id))


def test_is_found_by_module_and_id(env_id: str) -> None:
    assert gym.make(f"sb3_mimic:{env_id}").unwrapped.spec is not None


def test_model_and_data_are_the_present_state(env_id: str) -> None:
    env: Any = gym.make(env_id).unwrapped
    env.reset(seed=3)
    env.step(env.action_space.sample())
    data = env.data
    np.testing.assert_array_equal(data.qpos, env.qpos)
    np.testing.assert_array_equal(data.qvel, env.qvel)
    assert (env.model.nq, env.model.nv) == (len(data.qpos), len(data.qvel))
    # What follows from the state is there: the root body is where its joint is.
    np.testing.assert_allclose(data.xpos[env.model.jnt_bodyid[0]], data.qpos[:3])
    data.qpos[:] = 0.0
    assert env.qpos[2] != 0.0, "data is a copy"


def test_same_seed_same_episode(env_id: str) -> None:
    runs = []
    for _ in range(2):
        env = gym.make(env_id)
        env.action_space.seed(5)
        observations = [env.reset(seed=5)[0]]
        observations += [env.step(env.action_space.sample())[0] for _ in range(10)]
        runs.append(np.stack(observations))
    np.testing.assert_array_equal(runs[0], runs[1])


def test_observations_share_no_memory_and_vary(env_id: str) -> None:
    env = gym.make(env_id)
    env.action_space.seed(0)
    seen = []
    for seed in range(4):
        seen.append(env.reset(seed=seed)[0])
        seen += [env.step(env.action_space.sample())[0] for _ in range(8)]
    for i, first in enumerate(seen):
        assert not any(np.shares_memory(first, other) for other in seen[i + 1 :])
    assert (np.ptp(np.stack(seen), axis=0) > 0).all(), "an element of the observation is constant"


@pytest.mark.parametrize("n_envs", [1, 5])
def test_batch_of_n_is_n_times_the_batch_of_one(env_id: str, n_envs: int) -> None:
    # Short episodes, so that some end by time and start anew.
    vec_env = make_native_vec_env(env_id, n_envs, seed=11, episode_seconds=1.0)
    envs = [gym.make(env_id, episode_seconds=1.0) for _ in range(n_envs)]
    together: Any = vec_env.reset()
    alone = [env.reset(seed=11 + i)[0] for i, env in enumerate(envs)]
    np.testing.assert_array_equal(together, np.stack(alone))
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(120):
        actions = rng.uniform(-1, 1, (n_envs, *vec_env.batched.action_space.shape)).astype(
            np.float32
        )
        together, rewards, dones, infos = vec_env.step(actions)
        for i, env in enumerate(envs):
            observation, reward, terminated, truncated, info = env.step(actions[i])
            assert dones[i] == (terminated or truncated)
            assert rewards[i] == pytest.approx(reward, abs=1e-6)
            assert dict(infos[i]["reward_terms"]) == pytest.approx(info["reward_terms"], abs=1e-6)
            if dones[i]:
                ended += 1
                np.testing.assert_array_equal(infos[i]["terminal_observation"], observation)
                assert infos[i]["TimeLimit.truncated"] == truncated
                observation, _ = env.reset()
            np.testing.assert_array_equal(together[i], observation)
    assert ended > 0, "no episode ended: resets were not compared"
    vec_env.close()


def test_reward_equals_its_terms(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(10):
        _, reward, terminated, _, info = env.step(env.action_space.sample())
        assert reward == pytest.approx(sum(info["reward_terms"].values()), abs=1e-9)
        if terminated:
            env.reset()


def test_actions_beyond_the_space_are_clipped(env_id: str) -> None:
    states = []
    for scale in (1.0, 100.0):
        env = gym.make(env_id).unwrapped
        env.reset(seed=0)
        env.step(np.full(env.action_space.shape, scale, np.float32))
        states.append(env.qpos.copy())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(states[0], states[1])


def test_set_state_is_the_state(env_id: str) -> None:
    env: Any = gym.make(env_id).unwrapped
    env.reset(seed=0)
    qpos, qvel = env.qpos.copy(), env.qvel.copy()
    action = env.action_space.sample()
    env.step(action)
    moved = env.qpos.copy()
    env.set_state(qpos, qvel)
    np.testing.assert_array_equal(env.qpos, qpos)
    np.testing.assert_array_equal(env.qvel, qvel)
    assert (moved != qpos).any()


def test_hosts_tools_take_it(env_id: str, tmp_path: Path) -> None:
    """VecNormalize, EvalCallback, evaluate_policy and a little of PPO."""
    env = VecNormalize(VecMonitor(make_native_vec_env(env_id, 4, seed=0)))
    eval_env = VecNormalize(VecMonitor(make_native_vec_env(env_id, 2, seed=9)), training=False)
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=64, n_epochs=1, seed=0, device="cpu")
    callback = EvalCallback(
        eval_env, n_eval_episodes=2, eval_freq=16, best_model_save_path=str(tmp_path), verbose=0
    )
    model.learn(256, callback=callback)
    assert (tmp_path / "best_model.zip").is_file()
    mean, std = evaluate_policy(model, eval_env, n_eval_episodes=3)
    assert np.isfinite([mean, std]).all()
    loaded = PPO.load(tmp_path / "best_model.zip")
    observation = np.asarray(eval_env.reset())
    actions, _ = loaded.predict(observation, deterministic=True)
    assert actions.shape == (2, model.action_space.sample().size)


def test_imitation_rolls_it_out(env_id: str) -> None:
    env = make_vec_env(env_id, 2, seed=0, wrapper_class=RolloutInfoWrapper)
    trajectories = rollout.rollout(
        None, env, rollout.make_sample_until(min_episodes=2), rng=np.random.default_rng(0)
    )
    assert len(trajectories) >= 2
    observations: Any = trajectories[0].obs
    assert observations.shape[1:] == env.observation_space.shape


def test_subprocesses_agree_with_the_native_batch(env_id: str) -> None:
    native = make_native_vec_env(env_id, 2, seed=3)
    workers = make_vec_env(f"sb3_mimic:{env_id}", 2, seed=3, vec_env_cls=SubprocVecEnv)
    try:
        np.testing.assert_array_equal(native.reset(), workers.reset())
        actions = np.full((2, *native.batched.action_space.shape), 0.1, np.float32)
        for _ in range(5):
            first, second = native.step(actions), workers.step(actions)
            np.testing.assert_array_equal(first[0], second[0])
    finally:
        workers.close()
        native.close()


def test_attributes_of_state_are_each_environments_own(env_id: str) -> None:
    native = make_native_vec_env(env_id, 3, seed=4)
    single = make_vec_env(env_id, 3, seed=4)
    state = native.env.state_attributes
    assert {"qpos", "qvel"} <= set(state)
    for envs in (native, single):
        envs.reset()
        envs.step(zeros(envs))
    for name in state.keys() - {"reference"}:
        for ours, theirs in zip(native.get_attr(name), single.get_attr(name), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(*native.get_attr("qpos", indices=[0, 2]))
    assert native.get_attr("render_mode") == [None] * 3
    native.close()
    single.close()


def test_every_info_says_whether_time_was_up(env_id: str) -> None:
    env = make_native_vec_env(env_id, 2, seed=0, episode_seconds=0.1)
    env.reset()
    told = []
    for _ in range(5):
        _, _, _, infos = env.step(zeros(env))
        told.append(infos[0]["TimeLimit.truncated"])
    assert True in told
    assert False in told
    env.close()


def test_a_wrapper_is_not_dropped_without_a_word(env_id: str) -> None:
    with pytest.raises(ValueError, match="TimeLimit"):
        make_native_vec_env(env_id, 1, max_episode_steps=3)
    envs = make_envs(env_id, 2, seed=0, env_kwargs={"max_episode_steps": 3})
    envs.reset()
    for _ in range(3):
        _, _, dones, _ = envs.step(zeros(envs))
    assert dones.all()
    envs.close()


def test_actions_of_another_shape_are_refused(env_id: str) -> None:
    env = make_native_vec_env(env_id, 3, seed=0)
    env.reset()
    joints = zeros(env).shape[1]
    for shape in ((1, joints), (3, 1), (joints,)):
        with pytest.raises(InputError, match="shape"):
            env.step(np.zeros(shape, np.float32))
    env.close()


@pytest.mark.parametrize("native", [True, False])
def test_video_recorder_records_it(env_id: str, native: bool, tmp_path: Path) -> None:
    kwargs: dict[str, Any] = {"render_mode": "rgb_array", "width": 64, "height": 48}
    env = (
        make_native_vec_env(env_id, 2, seed=0, **kwargs)
        if native
        else DummyVecEnv([lambda: gym.make(env_id, **kwargs)])
    )
    recorder = VecVideoRecorder(
        env, str(tmp_path), record_video_trigger=lambda step: step == 0, video_length=5
    )
    recorder.reset()
    for _ in range(7):
        recorder.step(np.zeros((env.num_envs, env.action_space.sample().size), np.float32))
    recorder.close()
    assert list(tmp_path.glob("*.mp4"))


def test_staggered_episodes_end_one_after_another_and_then_have_their_length(env_id: str) -> None:
    envs = make_native_vec_env(env_id, n_envs=5, seed=0, episode_seconds=0.2)
    length = envs.batched.episode_steps
    assert length >= 5
    envs.reset()
    envs.stagger_episodes()
    ends: list[list[int]] = [[] for _ in range(5)]
    for step in range(1, 2 * length + 1):
        _, _, dones, infos = envs.step(np.zeros((5, *envs.batched.action_space.shape), np.float32))
        for index in np.flatnonzero(dones):
            assert infos[index]["TimeLimit.truncated"]
            ends[index].append(step)
    first = [-(-length * (index + 1) // 5) for index in range(5)]
    assert [each[0] for each in ends] == first
    assert [each[1] for each in ends] == [step + length for step in first]
    envs.close()


@pytest.mark.parametrize("speed", [2e3, 1e10, 1e100])
def test_a_state_that_diverges_ends_its_episode_and_no_other(env_id: str, speed: float) -> None:
    envs = [make_native_vec_env(env_id, 3, seed=0) for _ in range(2)]
    for each in envs:
        each.reset()
    batch = getattr(envs[0], "batched", None)
    assert isinstance(batch, BatchedEnv)
    batch.set_state(1, batch.qpos[1].copy(), np.full(batch.qvel.shape[1], speed))
    found, rewards, dones, infos = envs[0].step(zeros(envs[0]))
    others: Any = envs[1].step(zeros(envs[1]))[0]
    assert dones.tolist() == [False, True, False]
    assert np.isfinite(infos[1]["terminal_observation"]).all()
    assert np.abs(rewards).max() < 100
    np.testing.assert_array_equal(np.asarray(found)[[0, 2]], others[[0, 2]])
    for each in envs:
        each.close()


def test_an_action_that_is_no_number_is_refused(env_id: str) -> None:
    envs = make_native_vec_env(env_id, 2, seed=0)
    envs.reset()
    actions = zeros(envs)
    actions[1, 3] = np.nan
    with pytest.raises(InputError, match="environment 1 is no number in 3"):
        envs.step(actions)
    envs.close()


def test_there_are_no_more_threads_than_environments(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    assert isinstance(env, MimicEnv)
    batch = env.make_batch(2, 64)
    assert len(batch.simulation._data) == 2
    batch.close()
    env.close()


def test_a_copy_goes_on_as_the_original_does(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    size = env.action_space.sample().size
    actions = np.random.default_rng(0).uniform(-0.3, 0.3, (5, size))
    env.step(actions[0].astype(np.float32))
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]  # noqa: S301 - our own
    for action in actions[1:].astype(np.float32):
        found = env.step(action)
        for other in copies:
            same = other.step(action)
            np.testing.assert_array_equal(found[0], same[0])
            assert found[1:4] == same[1:4]
    for each in (env, *copies):
        each.close()
