"""The normalizer inside the policy, and the policy's settings."""

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from sb3_contrib import TRPO
from stable_baselines3 import PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.errors import InputError
from sb3_mimic.policies.normalizer import (
    NormalizeObservations,
    normalizers,
)
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.rl.models import policy_settings
from sb3_mimic.tasks import TASKS, Hyperparameters

SPACE = spaces.Box(-np.inf, np.inf, (3,), np.float32)
SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=64,
    batch_size=32,
    learning_rate=3e-4,
    linear_decay=False,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-1.0,
    hidden_sizes=(16, 8),
    activation="elu",
)


@given(
    seed=st.integers(0, 2**16),
    n=st.integers(2, 60),
    cuts=st.lists(st.integers(1, 59), max_size=4),
    scale=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
)
def test_statistics_do_not_depend_on_the_cutting_into_batches(
    seed: int, n: int, cuts: list[int], scale: float, offset: float
) -> None:
    data = np.random.default_rng(seed).normal(offset, scale, (n, 3))
    whole, parts = NormalizeObservations(SPACE), NormalizeObservations(SPACE)
    whole.set_statistics(data)
    for part in np.split(data, sorted({c for c in cuts if c < n})):
        parts.update(part)
    assert int(parts.count) == int(whole.count) == n
    np.testing.assert_allclose(parts.mean, data.mean(0), rtol=1e-5, atol=1e-5 * scale)
    # Single precision of a mean far from 0 limits what a small variance can be known to.
    tolerance = (1e-6 * (abs(offset) + scale)) * scale + 1e-4 * scale**2
    np.testing.assert_allclose(parts.var, data.var(0), atol=tolerance)
    np.testing.assert_allclose(whole.var, data.var(0), rtol=1e-5)


def test_normalized_data_has_zero_mean_and_unit_variance() -> None:
    data = np.random.default_rng(0).normal([1, -20, 300], [1, 5, 80], (5000, 3)).astype(np.float32)
    layer = NormalizeObservations(SPACE)
    layer.set_statistics(data)
    out = layer(th.from_numpy(data)).numpy()
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(out.std(0), 1, atol=1e-3)


def test_output_is_clipped_and_a_constant_element_is_not_magnified() -> None:
    layer = NormalizeObservations(SPACE, clip=10, epsilon=1e-4)
    layer.set_statistics(np.tile([1.0, 2.0, 3.0], (10, 1)))
    out = layer(th.tensor([[1.0, 2.001, 1e6]]))
    np.testing.assert_allclose(out, [[0.0, 0.1, 10.0]], atol=1e-2)


def test_many_samples_leave_the_count_exact() -> None:
    layer = NormalizeObservations(SPACE)
    layer.merge(np.zeros(3), np.ones(3), 2**24)
    layer.merge(np.zeros(3), np.ones(3), 1)
    assert int(layer.count) == 2**24 + 1


@pytest.mark.smoke
@pytest.mark.parametrize("algorithm", [PPO, TRPO])
def test_a_zip_alone_is_enough_on_raw_observations(
    tmp_path: Path, algorithm: type[OnPolicyAlgorithm]
) -> None:
    env = gym.make("Pendulum-v1")
    policy, kwargs = policy_settings(env.observation_space, SETTINGS)
    model = algorithm(policy, env, n_steps=64, policy_kwargs=kwargs, seed=0)  # type: ignore[call-arg]
    (layer,) = normalizers(model.policy)
    layer.set_statistics(np.random.default_rng(0).normal(3, 5, (100, 3)))
    model.save(tmp_path / "model.zip")
    loaded = algorithm.load(tmp_path / "model.zip")
    raw = np.random.default_rng(1).normal(3, 5, (20, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        model.predict(raw, deterministic=True)[0], loaded.predict(raw, deterministic=True)[0]
    )
    assert int(normalizers(loaded.policy)[0].count) == 100


def test_statistics_are_no_parameters_and_no_update_moves_them() -> None:
    env = gym.make("Pendulum-v1")
    policy, kwargs = policy_settings(env.observation_space, SETTINGS)
    model = PPO(policy, env, n_steps=64, batch_size=32, policy_kwargs=kwargs, seed=0)
    (layer,) = normalizers(model.policy)
    assert list(layer.parameters()) == []
    layer.set_statistics(np.random.default_rng(0).normal(size=(50, 3)))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    model.learn(128)
    for name, value in layer.state_dict().items():
        assert th.equal(value, before[name])


def test_images_get_the_convolutional_policy_and_no_normalizer() -> None:
    image = spaces.Box(0, 255, (84, 84, 3), np.uint8)
    alias, kwargs = policy_settings(image, SETTINGS)
    assert alias == "CnnPolicy"
    assert "features_extractor_class" not in kwargs


def test_critic_parameters_are_told_by_name_in_every_policy() -> None:
    model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64)
    critic = {n for n, _ in model.policy.named_parameters() if is_critic_parameter(n)}
    assert critic
    assert {"action_net.weight", "log_std"}.isdisjoint(critic)
    assert {"value_net.weight", "value_net.bias"} <= critic


@pytest.mark.parametrize(
    ("space", "changes", "message"),
    [
        (spaces.Discrete(3), {}, "Discrete"),
        (SPACE, {"activation": "sigmod"}, "unknown activation 'sigmod'"),
    ],
)
def test_bad_settings_are_refused(
    space: spaces.Space[object], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        policy_settings(space, SETTINGS.updated(changes))


@pytest.mark.parametrize(
    "changes",
    [{"n_envs": 0}, {"learning_rate": 0.0}, {"hidden_sizes": ()}, {"batch_size": -1}],
)
def test_hyperparameters_are_checked_at_construction(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        SETTINGS.updated(changes)


def test_every_task_has_settings_for_both_algorithms() -> None:
    assert set(TASKS) >= {"humanoid", "pidog"}
    for task in TASKS.values():
        for algo in ("ppo", "trpo"):
            settings = task.hyperparameters_for(algo)
            assert settings.n_steps * settings.n_envs == settings.rollout_size
            assert settings.rollout_size % settings.batch_size == 0
