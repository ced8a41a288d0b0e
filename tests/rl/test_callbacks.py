"""The callbacks of fine-tuning, one by one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.policies.normalizer import normalizers
from sb3_mimic.rl.callbacks import (
    AtomicCheckpointCallback,
    NormalizerCallback,
    RewardTermsCallback,
    StaggerCallback,
    ThreadsCallback,
    UniformStartsEvalCallback,
    VideoCallback,
)
from sb3_mimic.rl.models import make_model
from sb3_mimic.tasks import Hyperparameters

SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=64,
    batch_size=64,
    learning_rate=3e-4,
    linear_decay=False,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-1.0,
    hidden_sizes=(16, 16),
    activation="elu",
    extra={"n_epochs": 1},
)


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = make_vec_env("Pendulum-v1", 2, seed=0)
    yield envs
    envs.close()


class Watch(BaseCallback):
    """Keeps the observations of every rollout and the statistics it was sampled with."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[np.ndarray] = []
        self.means: list[np.ndarray] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        buffer = self.model.rollout_buffer  # type: ignore[attr-defined]
        self.seen.append(buffer.observations.reshape(-1, 3).copy())
        self.means.append(normalizers(self.model.policy)[0].mean.numpy().copy())


@pytest.mark.smoke
def test_statistics_move_between_rollouts_and_hold_all_samples(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    watch = Watch()
    model.learn(64 * 4, callback=[NormalizerCallback(), watch])
    for index, mean in enumerate(watch.means):
        earlier = np.concatenate(watch.seen[:index]) if index else np.zeros((1, 3))
        np.testing.assert_allclose(mean, earlier.mean(0), atol=1e-5)
    assert int(normalizers(model.policy)[0].count) == 64 * 3


def test_an_update_begins_with_the_statistics_of_its_samples(env: VecEnv) -> None:
    """The first gradient step of PPO sees the same probabilities: a KL divergence of 0."""
    recorded: list[float] = []

    class ReadKl(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_start(self) -> None:
            value = self.logger.name_to_value.get("train/approx_kl")
            if value is not None:
                recorded.append(float(value))

    model = make_model("ppo", env, SETTINGS, seed=0)
    model.learn(64 * 4, callback=[NormalizerCallback(), ReadKl()])
    assert len(recorded) == 3
    np.testing.assert_allclose(recorded, 0, atol=1e-6)


class Terms(gym.Wrapper[Any, Any, Any, Any]):
    """An environment whose reward has two terms."""

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        terms = {"one": 1.0, "rest": float(reward) - 1.0}
        return observation, reward, terminated, truncated, {**info, "reward_terms": terms}


def test_reward_terms_are_logged_as_means_of_the_rollout() -> None:
    envs = DummyVecEnv([lambda: Terms(gym.make("Pendulum-v1"))] * 2)
    model = make_model("ppo", envs, SETTINGS, seed=0)
    logged: dict[str, float] = {}

    class Read(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            logged.update(self.logger.name_to_value)
            logged["mean"] = self.model.rollout_buffer.rewards.mean()  # type: ignore[attr-defined]

    model.learn(64, callback=[RewardTermsCallback(), Read()])
    assert logged["reward/one"] == pytest.approx(1.0)
    assert logged["reward/one"] + logged["reward/rest"] == pytest.approx(logged["mean"], rel=1e-5)
    envs.close()


def test_a_batch_logs_the_terms_of_its_infos() -> None:
    native = make_envs("sb3_mimic/PiDog-v0", 4, seed=0)
    model = make_model("ppo", native, SETTINGS, seed=0, device="cpu")
    seen: list[dict[str, float]] = []
    logged: dict[str, float] = {}

    class Infos(BaseCallback):
        def _on_step(self) -> bool:
            seen.extend(dict(info["reward_terms"]) for info in self.locals["infos"])
            return True

        def _on_rollout_end(self) -> None:
            logged.update(self.logger.name_to_value)

    model.set_logger(Logger(None, []))
    model.learn(64, callback=[RewardTermsCallback(), Infos()])
    native.close()
    assert len(seen) == 64
    for name in seen[0]:
        mean = float(np.mean([terms[name] for terms in seen]))
        assert logged[f"reward/{name}"] == pytest.approx(mean)


def test_an_environment_without_terms_logs_none(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    model.set_logger(Logger(None, []))
    model.learn(64, callback=RewardTermsCallback())
    assert not any(name.startswith("reward/") for name in model.logger.name_to_value)


def test_videos_are_made_at_multiples_of_the_interval_also_when_resumed(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    made: list[int] = []
    model.learn(300, callback=VideoCallback(lambda _, n: made.append(n), 100))
    assert made == [100, 200, 300]
    model.learn(
        100,
        callback=VideoCallback(lambda _, n: made.append(n), 100),
        reset_num_timesteps=False,
    )
    assert made == [100, 200, 300, 400]


def test_a_checkpoint_that_fails_leaves_no_half_file(
    env: VecEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)

    def half(path: Path) -> None:
        Path(path).write_bytes(b"PK half")
        raise OSError("disk full")

    monkeypatch.setattr(model, "save", half)
    with pytest.raises(OSError, match="disk full"):
        model.learn(64, callback=AtomicCheckpointCallback(1, str(tmp_path / "checkpoints")))
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_callbacks_draw_no_random_numbers(env: VecEnv) -> None:
    made = []
    for callbacks in ([], [RewardTermsCallback(), VideoCallback(lambda *_: None, 10)]):
        envs = make_vec_env("Pendulum-v1", 2, seed=0)
        model = make_model("ppo", envs, SETTINGS, seed=0)
        model.learn(128, callback=callbacks)
        made.append(th.cat([p.flatten() for p in model.policy.parameters()]))
        envs.close()
    assert th.equal(*made)


@pytest.mark.parametrize(("width", "threads"), [(16, 1), (512, 2)])
def test_pytorch_has_the_threads_that_the_network_is_worth_in_updates_only(
    env: VecEnv, width: int, threads: int
) -> None:
    before = th.get_num_threads()
    th.set_num_threads(2)
    try:
        settings = replace(SETTINGS, hidden_sizes=(width, width))
        model = make_model("ppo", env, settings, seed=0)
        in_rollouts, in_updates = set(), set()
        update = model.train

        def watched() -> None:
            in_updates.add(th.get_num_threads())
            update()

        model.train = watched  # type: ignore[method-assign]

        class Meter(BaseCallback):
            def _on_step(self) -> bool:
                in_rollouts.add(th.get_num_threads())
                return True

        model.learn(128, callback=[ThreadsCallback(), Meter()])
        assert (in_rollouts, in_updates) == ({1}, {threads})
        assert th.get_num_threads() == 2
    finally:
        th.set_num_threads(before)


def test_training_episodes_are_staggered_where_they_can_be(env: VecEnv) -> None:
    native = make_envs("sb3_mimic/PiDog-v0", 4, seed=0, env_kwargs={"episode_seconds": 0.4})
    model = make_model("ppo", native, SETTINGS, seed=0, device="cpu")
    lengths: list[int] = []

    class Lengths(BaseCallback):
        def _on_step(self) -> bool:
            lengths.extend(i["episode"]["l"] for i in self.locals["infos"] if "episode" in i)
            return True

    model.learn(80, callback=[StaggerCallback(), Lengths()])
    native.close()
    assert sorted(lengths)[:4] == [5, 10, 15, 20]
    make_model("ppo", env, SETTINGS, seed=0, device="cpu").learn(64, callback=StaggerCallback())


@pytest.mark.parametrize("clips", [["walk"], ["walk", "run", "squat"]])
def test_evaluations_begin_evenly_and_always_the_same(tmp_path: Path, clips: list[str]) -> None:
    """Of a policy that stays as it is, twice the same returns: those of the even start phases.

    Of several clips each environment performs the same one every time.
    """
    kwargs = {"motion": clips, "motion_order": "in_turn"}
    settings = replace(SETTINGS, n_envs=4)
    training = make_envs("sb3_mimic/HumanoidMimic-v0", 4, seed=0, env_kwargs=kwargs)
    evaluation = make_envs("sb3_mimic/HumanoidMimic-v0", 4, seed=1, env_kwargs=kwargs)
    try:
        model = make_model("ppo", training, settings, seed=0)
        model.lr_schedule = lambda _: 0.0
        callback = UniformStartsEvalCallback(
            evaluation, n_eval_episodes=4, eval_freq=16, log_path=str(tmp_path), verbose=0
        )
        model.learn(4 * 32, callback=callback)
        with np.load(tmp_path / "evaluations.npz") as saved:
            first, second = saved["results"]
        starts = [{"phase": i / 4, "motion": i % len(clips)} for i in range(4)]
        evaluation.set_options(starts)
        expected, _ = evaluate_policy(
            model, evaluation, n_eval_episodes=4, return_episode_rewards=True, warn=False
        )
    finally:
        training.close()
        evaluation.close()
    assert len(set(first)) == 4
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(sorted(first), np.sort(expected))


def test_where_there_is_no_clip_evaluations_are_sb3s(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    found = []
    for kind in (UniformStartsEvalCallback, EvalCallback):
        evaluation = make_vec_env("Pendulum-v1", 2, seed=1)
        callback = kind(evaluation, n_eval_episodes=2, eval_freq=32, verbose=0)
        model.learn(64, callback=callback)
        found.append(callback.last_mean_reward)
        evaluation.close()
        model = make_model("ppo", env, SETTINGS, seed=0)
    assert found[0] == found[1]


def test_checkpoints_hold_the_statistics_of_normalized_environments(
    env: VecEnv, tmp_path: Path
) -> None:
    envs = VecNormalize(env)
    model = make_model("ppo", envs, SETTINGS, seed=0)
    checkpoints = AtomicCheckpointCallback(32, str(tmp_path), "m", save_vecnormalize=True)
    model.learn(64, callback=checkpoints)
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["m_64_steps.zip", "m_vecnormalize_64_steps.pkl"]
    loaded = VecNormalize.load(str(tmp_path / found[1]), env)
    statistics: Any = loaded.obs_rms
    assert statistics.count > 1
