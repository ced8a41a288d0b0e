"""The evaluation's protocol, recomputed by hand."""

from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit  # type: ignore[attr-defined]
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize

import sb3_mimic  # noqa: F401 - registers the environments
from sb3_mimic.envs import make_native_vec_env
from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.pidog.env import PiDogEnv
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.episodes import run_episodes
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.motion import load_motion

HUMANOID = "sb3_mimic/HumanoidMimic-v0"
PIDOG = "sb3_mimic/PiDog-v0"


class Zero:
    """Acts zero, which follows the reference open loop (humanoid) or stands (PiDog)."""

    def __init__(self, size: int) -> None:
        self.size = size

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros((*observation.shape[:-1], self.size), np.float32), None


@pytest.mark.smoke
def test_the_normalized_return_is_what_single_environments_add_up_to() -> None:
    found = evaluate(Zero(28), HUMANOID, {"motion": "walk"}, n_episodes=4)
    env = gym.make(HUMANOID, motion="walk")
    base = env.unwrapped
    assert isinstance(base, HumanoidMimicEnv)
    returns, lengths, drifts = [], [], []
    for phase in (0.0, 0.25, 0.5, 0.75):
        env.reset(options={"phase": phase})
        start = base.reference_qpos[:2].copy()
        total, steps, done = 0.0, 0, False
        while not done:
            _, reward, terminated, truncated, _ = env.step(np.zeros(28, np.float32))
            total += float(reward)
            steps += 1
            done = terminated or truncated
        times = np.array([phase * base.reference.duration + steps / 30])
        unmoved = base.reference.at(times)[0, :2]
        drifts.append(np.hypot(*(base.qpos[:2] - unmoved)))
        returns.append(total)
        lengths.append(steps)
        assert np.isfinite(start).all()
    base.close()
    returns_ = np.array(returns)
    assert found["normalized_return"] == pytest.approx((returns_ / 600).mean(), rel=1e-6)
    assert found["normalized_return_std"] == pytest.approx((returns_ / 600).std(), rel=1e-5)
    assert found["mean_reward"] == pytest.approx(returns_.mean(), rel=1e-6)
    assert found["std_reward"] == pytest.approx(returns_.std(), rel=1e-5)
    assert found["mean_ep_length"] == pytest.approx(np.mean(lengths))
    assert found["survival_s"] == pytest.approx(np.mean(lengths) / 30)
    assert found["root_drift_m"] == pytest.approx(np.mean(drifts), rel=1e-6)
    # Nothing random in it: a stochastic figure of a policy without noise is the same.
    assert found["normalized_return_stochastic"] == found["normalized_return"]


def test_the_protocol_fixes_the_task_but_not_the_policys_interface() -> None:
    kwargs = {"motion": "walk", "control": "pd", "observation": "joints"}
    plain = evaluate(Zero(28), HUMANOID, kwargs, n_episodes=2)
    other = evaluate(
        Zero(28), HUMANOID, {**kwargs, "reward": "paper", "anchor": "world"}, n_episodes=2
    )
    for name in ("normalized_return", "survival_s", "joint_error_rad", "root_drift_m"):
        assert plain[name] == other[name]
    assert plain["mean_reward"] != other["mean_reward"]
    easier = evaluate(Zero(28), HUMANOID, {**kwargs, "early_termination": "none"}, n_episodes=2)
    assert easier["normalized_return"] == plain["normalized_return"]
    assert easier["mean_ep_length"] == 600


def test_joint_error_is_zero_on_the_reference() -> None:
    found = evaluate(Zero(28), HUMANOID, {"motion": "walk"}, n_episodes=4)
    assert 0 < found["joint_error_rad"] < 0.2
    assert set(found) == {
        "normalized_return",
        "normalized_return_std",
        "normalized_return_stochastic",
        "mean_reward",
        "std_reward",
        "mean_ep_length",
        "survival_s",
        "joint_error_rad",
        "mpjpe_mm",
        "mpjpe_global_mm",
        "root_drift_m",
    }
    # The joints of a body are at most a leg's length from the root; their errors are smaller.
    assert 0 < found["mpjpe_mm"] < 500
    assert found["mpjpe_mm"] < found["mpjpe_global_mm"] + 1000 * found["root_drift_m"]


def test_a_clip_that_does_not_loop_is_performed_once() -> None:
    looping = load_motion("walk")
    clip = replace(looping, loop=False)
    found = evaluate(Zero(28), HUMANOID, {"motion": clip}, n_episodes=2)
    assert found["survival_s"] <= np.ceil(clip.duration * 30) / 30
    assert found["normalized_return_std"] == pytest.approx(0, abs=1e-12)
    assert found["normalized_return"] <= 1


@pytest.mark.smoke
def test_a_standing_pidog_survives_and_goes_nowhere() -> None:
    found = evaluate(Zero(8), PIDOG, n_episodes=3)
    assert found["survival_s"] == pytest.approx(20)
    assert abs(found["forward_speed_mps"]) < 0.01
    assert found["mean_ep_length"] == 1000
    assert set(found) == {
        "mean_reward",
        "std_reward",
        "mean_ep_length",
        "forward_speed_mps",
        "survival_s",
    }


def test_episodes_do_not_depend_on_how_many_run_side_by_side() -> None:
    env = PiDogEnv()
    one, many = env.make_batch(1), env.make_batch(3)
    policy = Zero(8)
    alone = run_episodes(one, policy, [{}], seed=2)
    together = run_episodes(many, policy, [{}] * 3, seed=0)
    np.testing.assert_array_equal(alone.rewards[:, 0], together.rewards[:, 2])
    for each in (one, many, env):
        each.close()


def test_a_seed_repeats_stochastic_actions() -> None:
    env = gym.make(PIDOG)
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=64, seed=0)
    base = env.unwrapped
    assert isinstance(base, PiDogEnv)
    totals = []
    for seed in (1, 1, 2):
        batch = base.make_batch(2)
        episodes = run_episodes(batch, model, [{}] * 2, seed=seed, deterministic=False)
        totals.append(episodes.rewards.sum())
        batch.close()
    assert totals[0] == totals[1] != totals[2]


def test_other_environments_get_sb3s_own_evaluation() -> None:
    model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64, seed=0)
    found = evaluate(model, "Pendulum-v1", n_episodes=3, seed=5)
    envs = make_vec_env("Pendulum-v1", 3, seed=5)
    mean, std = evaluate_policy(model, envs, n_eval_episodes=3)
    assert found == {
        "mean_reward": pytest.approx(mean, rel=1e-5),
        "std_reward": pytest.approx(std, rel=1e-5),
        "mean_ep_length": 200,
    }
    envs.close()


def test_a_policy_of_other_spaces_is_refused() -> None:
    model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64)
    with pytest.raises(InputError, match=r"observations of shape \(3,\), .* \(30,\)"):
        evaluate(model, PIDOG)
    with pytest.raises(InputError, match="at least 1"):
        evaluate(model, "Pendulum-v1", n_episodes=0)


def test_a_model_is_shown_what_its_normalized_environments_showed_it() -> None:
    envs = VecNormalize(make_vec_env("Pendulum-v1", 2, seed=0))
    model = PPO("MlpPolicy", envs, n_steps=64, batch_size=64, device="cpu", seed=0)
    model.learn(256)
    found = evaluate(model, "Pendulum-v1", n_episodes=2, seed=3)
    envs.training = envs.norm_reward = False
    apart = make_vec_env("Pendulum-v1", 2, seed=3)
    same = VecNormalize(apart, training=False, norm_reward=False)
    same.obs_rms = envs.obs_rms
    expected, _ = evaluate_policy(model, same, n_eval_episodes=2)
    assert found["mean_reward"] == pytest.approx(expected, rel=1e-4)


def test_a_time_limit_that_is_asked_for_holds() -> None:
    found = evaluate(Zero(8), PIDOG, {"max_episode_steps": 10}, n_episodes=2)
    assert found["mean_ep_length"] == 10


def test_environments_that_there_are_not_are_named() -> None:
    with pytest.raises(InputError, match="'Nope-v0' cannot be made"):
        evaluate(Zero(8), "Nope-v0")
    with pytest.raises(InputError, match="colour"):
        evaluate(Zero(8), PIDOG, {"colour": "red"})


class Countdown(gym.Env[np.ndarray, np.ndarray]):
    """An environment of a user's own: five steps, each rewarded by its number; counts its calls."""

    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self) -> None:
        self.n_steps = self.n_closed = self.n_resets = self.time = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, Any]:
        super().reset(seed=seed)
        self.n_resets += 1
        self.time = 0
        return np.zeros(3, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.n_steps += 1
        self.time += 1
        observation = np.full(3, self.time / 5, np.float32)
        return observation, float(self.time), self.time == 5, False, {}

    def close(self) -> None:
        self.n_closed += 1


@pytest.mark.smoke
@pytest.mark.parametrize("vectorized", [False, True])
def test_an_environment_of_the_users_own_is_evaluated_as_sb3_does(vectorized: bool) -> None:
    own = Countdown()
    env = DummyVecEnv([lambda: own]) if vectorized else own
    found = evaluate(Zero(1), env, n_episodes=3)
    assert found == {"mean_reward": 15.0, "std_reward": 0.0, "mean_ep_length": 5.0}
    assert own.n_steps == 15
    assert own.n_closed == 0
    assert own.time == 0  # reset, and so ready to be stepped
    own.step(np.zeros(1, np.float32))


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["single", "monitored", "native", "monitored native", "dummy"])
@pytest.mark.parametrize(
    ("env_id", "size", "kwargs"), [(HUMANOID, 28, {"motion": "walk"}), (PIDOG, 8, {})]
)
def test_the_protocol_applies_to_an_environment_as_to_its_id(
    kind: str, env_id: str, size: int, kwargs: dict[str, Any]
) -> None:
    expected = evaluate(Zero(size), env_id, kwargs, n_episodes=2)
    env = made(kind, env_id, kwargs)
    env.reset()
    state = qpos(env)
    assert evaluate(Zero(size), env, n_episodes=2) == expected
    np.testing.assert_array_equal(qpos(env), state)  # not even stepped,
    n = env.num_envs if isinstance(env, VecEnv) else 1
    env.step(np.zeros((n, size) if isinstance(env, VecEnv) else size, np.float32))  # nor closed
    env.close()


def made(kind: str, env_id: str, kwargs: dict[str, Any]) -> Any:
    if kind in ("single", "monitored"):
        env = gym.make(env_id, **kwargs)
        return Monitor(env) if kind == "monitored" else env
    if kind == "dummy":
        return make_vec_env(env_id, 2, env_kwargs=kwargs)
    native = make_native_vec_env(env_id, 3, **kwargs)
    return VecMonitor(native) if kind == "monitored native" else native


def qpos(env: Any) -> np.ndarray:
    if isinstance(env, VecEnv):
        return np.array(env.unwrapped.get_attr("qpos"))
    return np.array(env.unwrapped.qpos)


def test_options_and_motions_of_an_environment_count() -> None:
    kwargs: dict[str, Any] = {
        "motion": ["walk", "run"],
        "reward": "paper",
        "episode_seconds": 2.0,
    }
    expected = evaluate(Zero(28), HUMANOID, kwargs, n_episodes=2)
    env = make_native_vec_env(HUMANOID, 2, **kwargs)
    assert evaluate(Zero(28), env, n_episodes=2) == expected
    assert expected["mean_ep_length"] <= 60
    env.close()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: TimeLimit(env, 10),
        lambda env: DummyVecEnv([lambda: TimeLimit(env, 10)]),
    ],
)
def test_a_wrapper_that_changes_the_task_is_not_left_out(wrap: Any) -> None:
    env = wrap(gym.make(PIDOG))
    found = evaluate(Zero(8), env, n_episodes=2)
    assert found["mean_ep_length"] == 10
    assert "survival_s" not in found
    env.close()


def test_environments_that_differ_are_evaluated_as_they_are() -> None:
    env = DummyVecEnv([partial(gym.make, HUMANOID, motion=motion) for motion in ("walk", "run")])
    found = evaluate(Zero(28), env, n_episodes=2)
    assert "normalized_return" not in found
    env.close()


def test_a_vec_normalize_around_the_environment_is_applied_and_left_as_it_is() -> None:
    training = VecNormalize(make_native_vec_env(PIDOG, 2, seed=0))
    model = PPO("MlpPolicy", training, n_steps=64, batch_size=64, device="cpu", seed=0)
    model.learn(256)
    expected = evaluate(model, PIDOG, n_episodes=2)
    loaded: Any = model.policy  # knows nothing of the statistics
    statistics: Any = training.obs_rms
    before = statistics.mean.copy()
    assert evaluate(loaded, training, n_episodes=2) == expected
    assert evaluate(loaded, PIDOG, n_episodes=2) != expected
    np.testing.assert_array_equal(statistics.mean, before)
    assert training.training
    assert training.norm_reward


def test_rewards_are_not_normalized_where_sb3_evaluates() -> None:
    env = VecNormalize(DummyVecEnv([Countdown]))
    statistics: Any = env.obs_rms
    before = statistics.count
    found = evaluate(Zero(1), env, n_episodes=2)
    assert found["mean_reward"] == pytest.approx(15.0)
    assert env.training
    assert env.norm_reward
    assert statistics.count == before


def test_keyword_arguments_are_for_an_id() -> None:
    with pytest.raises(InputError, match="given by its id, not for a Countdown"):
        evaluate(Zero(1), Countdown(), {"motion": "walk"})


def test_an_environment_of_other_spaces_is_refused() -> None:
    model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64)
    env = make_native_vec_env(PIDOG, 1)
    with pytest.raises(InputError, match=r"observations of shape \(3,\), .* \(30,\)"):
        evaluate(model, env)
    env.close()
