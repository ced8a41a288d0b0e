"""Behavior cloning in place: what it learns, what it leaves alone, what it repeats."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as th
from hypothesis import given
from hypothesis import strategies as st
from imitation.data.rollout import flatten_trajectories
from imitation.data.types import Trajectory
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from sb3_mimic.cloning import ShuffledBatches, demonstration_tensors, pretrain, split_trajectories
from sb3_mimic.errors import InputError
from sb3_mimic.policies.normalizer import normalizers
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.rl.models import make_model
from sb3_mimic.tasks import CloningSettings, Hyperparameters

SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=64,
    batch_size=32,
    learning_rate=3e-4,
    linear_decay=False,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-1.0,
    hidden_sizes=(32, 32),
    activation="elu",
)
CLONING = CloningSettings(batch_size=32, learning_rate=3e-3)


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = make_vec_env("Pendulum-v1", 2, seed=0)
    yield envs
    envs.close()


def teacher(n: int = 10, length: int = 40, seed: int = 0, noise: float = 0.0) -> list[Trajectory]:
    """Trajectories of a smooth function of observations far from zero mean and unit variance."""
    rng = np.random.default_rng(seed)
    shown = []
    for _ in range(n):
        obs = rng.normal([10, -3, 0], [4, 0.5, 2], (length + 1, 3)).astype(np.float32)
        acts = np.tanh((obs[:-1, :1] - 10) / 4 + obs[:-1, 2:])
        acts = np.clip(acts + rng.normal(0, noise, acts.shape), -2, 2).astype(np.float32)
        shown.append(Trajectory(obs=obs, acts=acts, infos=None, terminal=False))
    return shown


def weights(model: OnPolicyAlgorithm) -> dict[str, th.Tensor]:
    return {name: value.clone() for name, value in model.policy.state_dict().items()}


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_a_clone_predicts_the_teachers_actions(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    result = pretrain(model, teacher(), 60, settings=CLONING, progress_bar=False)
    unseen = teacher(3, seed=99)
    for trajectory in unseen:
        said, _ = model.predict(np.asarray(trajectory.obs)[:-1], deterministic=True)
        assert np.mean(np.square(said - trajectory.acts)) < 0.02
    assert result.validation_error[result.best_epoch] == min(result.validation_error)
    assert result.n_train + result.n_validation == 400


@pytest.mark.parametrize("algo", ["ppo", "trpo"])
@pytest.mark.parametrize("l2_weight", [0.0, 1e-2])
def test_critic_and_optimizer_stay_as_they_were(env: VecEnv, algo: str, l2_weight: float) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    before = weights(model)
    settings = replace(CLONING, l2_weight=l2_weight)
    pretrain(model, teacher(), 3, settings=settings, progress_bar=False)
    assert all(p.requires_grad for p in model.policy.parameters())
    after = weights(model)
    moved = {name for name in before if not th.equal(before[name], after[name])}
    assert {"action_net.weight", "log_std", "features_extractor.mean"} <= moved
    critic = {name for name, _ in model.policy.named_parameters() if is_critic_parameter(name)}
    assert critic
    assert not critic & moved
    assert model.policy.optimizer.state_dict()["state"] == {}


def test_the_normalizer_takes_the_training_samples(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    shown = teacher()
    pretrain(
        model, shown, 0, settings=replace(CLONING, validation_fraction=0.0), progress_bar=False
    )
    (layer,) = normalizers(model.policy)
    seen = np.concatenate([t.obs[:-1] for t in shown])
    np.testing.assert_allclose(layer.mean, seen.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.var, seen.var(0), rtol=1e-4)


def test_noise_is_set_from_the_residual_within_bounds(env: VecEnv) -> None:
    for noise, low, high in ((0.2, -5.0, 0.0), (0.0, -1.2, -1.0)):
        model = make_model("ppo", env, SETTINGS, seed=0)
        result = pretrain(
            model,
            teacher(30, noise=noise),
            40,
            settings=replace(CLONING, log_std_bounds=(low, high)),
            progress_bar=False,
        )
        assert result.log_std is not None
        np.testing.assert_allclose(model.policy.log_std.detach(), result.log_std, rtol=1e-6)
        assert low <= result.log_std[0] <= high
        if noise:
            assert np.exp(result.log_std[0]) == pytest.approx(noise, rel=0.25)
            np.testing.assert_allclose(np.exp(result.log_std), result.residual, rtol=1e-6)
    assert model.policy.log_std.requires_grad


def test_the_weights_of_the_best_epoch_are_kept(env: VecEnv) -> None:
    # Few samples with much noise: the validation error rises again.
    shown = teacher(6, length=20, noise=1.0)
    settings = replace(CLONING, validation_fraction=0.5, patience=15, learning_rate=1e-2)
    model = make_model("ppo", env, SETTINGS, seed=0)
    result = pretrain(model, shown, 200, settings=settings, progress_bar=False)
    n = len(result.validation_error)
    assert result.best_epoch < n - 1
    assert n == result.best_epoch + 1 + settings.patience
    _, held_out = split_trajectories(shown, 0.5, 0)
    said = [model.predict(np.asarray(t.obs)[:-1], deterministic=True)[0] for t in held_out]
    errors = np.concatenate([s - t.acts for s, t in zip(said, held_out, strict=True)])
    # predict() clips to the action space, which these actions do not reach.
    assert np.mean(errors**2) == pytest.approx(result.validation_error[result.best_epoch], rel=1e-3)


@pytest.mark.smoke
def test_the_same_seed_gives_the_same_weights(env: VecEnv) -> None:
    made = []
    for seed in (1, 1, 2):
        model = make_model("ppo", env, SETTINGS, seed=0)
        pretrain(model, teacher(), 5, settings=CLONING, seed=seed, progress_bar=False)
        made.append(weights(model))
    one, two, other = made
    assert all(th.equal(one[name], two[name]) for name in one)
    assert not all(th.equal(one[name], other[name]) for name in one)


def test_fewer_samples_than_a_batch_are_enough(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    settings = replace(CLONING, batch_size=4096)
    result = pretrain(model, teacher(2), 3, settings=settings, progress_bar=False)
    assert len(result.train_error) == 3


def test_l2_pulls_the_weights_toward_zero(env: VecEnv) -> None:
    norms = []
    for l2 in (0.0, 0.1):
        model = make_model("ppo", env, SETTINGS, seed=0)
        settings = replace(CLONING, l2_weight=l2)
        pretrain(model, teacher(), 20, settings=settings, progress_bar=False)
        net = model.policy.mlp_extractor.policy_net
        norms.append(sum(float(p.square().sum()) for p in net.parameters()))
    assert norms[1] < norms[0]


def test_tensorboard_is_written_where_it_is_asked_for(env: VecEnv, tmp_path: Path) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    pretrain(model, teacher(2), 2, settings=CLONING, log_dir=tmp_path / "bc", progress_bar=False)
    assert list((tmp_path / "bc").glob("events.*"))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: teacher(1)[:0], "hold no trajectory"),
        (
            lambda: [Trajectory(np.zeros((3, 5), np.float32), np.zeros((2, 1)), None, False)],
            r"shape \(5,\), the environment's have \(3,\)",
        ),
        (
            lambda: [
                Trajectory(np.full((3, 3), np.nan, np.float32), np.zeros((2, 1)), None, False)
            ],
            "not finite",
        ),
    ],
)
def test_demonstrations_that_do_not_fit_are_refused(env: VecEnv, bad: object, message: str) -> None:
    model = make_model("ppo", env, SETTINGS)
    with pytest.raises(InputError, match=message):
        pretrain(model, bad(), 1, progress_bar=False)  # type: ignore[operator]


def test_negative_epochs_are_refused(env: VecEnv) -> None:
    with pytest.raises(InputError, match="must not be negative"):
        pretrain(make_model("ppo", env, SETTINGS), teacher(), -1)


@given(n=st.integers(1, 12), fraction=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_a_split_parts_whole_trajectories(n: int, fraction: float, seed: int) -> None:
    shown = teacher(n, length=2)
    train, held_out = split_trajectories(shown, fraction, seed)
    assert {id(t) for t in train} | {id(t) for t in held_out} == {id(t) for t in shown}
    assert len(train) + len(held_out) == n
    assert train
    assert bool(held_out) == (fraction > 0 and n > 1)


@given(n=st.integers(1, 50), size=st.integers(1, 50), seed=st.integers(0, 99))
def test_batches_hold_every_sample_at_most_once_a_pass(n: int, size: int, seed: int) -> None:
    size = min(n, size)
    samples = th.arange(n, dtype=th.float32)[:, None]
    batches = ShuffledBatches(samples, samples * 2, size, seed)
    passes = [list(batches) for _ in range(2)]
    for batch_list in passes:
        assert len(batch_list) == n // size
        obs = th.cat([b["obs"] for b in batch_list])
        assert len(set(obs.flatten().tolist())) == len(obs)
        assert th.equal(th.cat([b["acts"] for b in batch_list]), obs * 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"validation_fraction": 1.0},
        {"patience": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"log_std_bounds": (1.0, 0.0)},
    ],
)
def test_settings_are_checked_at_construction(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        replace(CLONING, **changes)  # type: ignore[arg-type]


def test_squashed_actions_are_cloned_in_the_scale_of_the_environment() -> None:
    env = make_vec_env("Pendulum-v1", 2, seed=0)  # whose bounds are 2, not 1
    squashed = {"squash_output": True}
    model = PPO("MlpPolicy", env, use_sde=True, policy_kwargs=squashed, n_steps=32, batch_size=32)
    shown = teacher(4)
    for trajectory in shown:
        np.asarray(trajectory.acts)[:] = 0.8
    pretrain(model, shown, 60, settings=CLONING, progress_bar=False)
    actions, _ = model.predict(np.asarray(shown[0].obs), deterministic=True)
    np.testing.assert_allclose(actions, 0.8, atol=0.1)
    env.close()


def test_noise_that_depends_on_the_state_stays(env: VecEnv) -> None:
    model = PPO("MlpPolicy", env, use_sde=True, n_steps=32, batch_size=32, device="cpu")
    before = model.policy.log_std.detach().clone()
    result = pretrain(model, teacher(), 3, settings=CLONING, progress_bar=False)
    assert result.log_std is None
    assert th.equal(model.policy.log_std, before)


def test_demonstrations_are_normalized_as_the_environments_are(env: VecEnv) -> None:
    shown = teacher()
    observations = np.concatenate([np.asarray(t.obs) for t in shown])
    envs = VecNormalize(env, training=False)
    statistics: Any = envs.obs_rms
    statistics.mean, statistics.var = observations.mean(axis=0), observations.var(axis=0)
    model = PPO("MlpPolicy", envs, n_steps=32, batch_size=32, device="cpu", seed=0)
    found, _ = demonstration_tensors(shown, model)
    expected = np.concatenate([envs.normalize_obs(np.asarray(t.obs[:-1])) for t in shown])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    pretrain(model, shown, 40, settings=CLONING, progress_bar=False)
    seen = envs.normalize_obs(np.asarray(shown[0].obs[:-1]))
    actions, _ = model.predict(seen, deterministic=True)
    assert np.abs(actions - shown[0].acts).mean() < 0.3
    with pytest.raises(InputError, match="without VecNormalize"):
        pretrain(model, shown, 1, settings=replace(CLONING, state_weight=1.0))


def test_policies_that_cannot_be_cloned_into_are_named(env: VecEnv) -> None:
    with pytest.raises(InputError, match=r"actor-critic policy without memory.*SAC's SACPolicy"):
        pretrain(SAC("MlpPolicy", env, device="cpu"), teacher(), 1)  # type: ignore[arg-type]


def test_transitions_are_no_trajectories(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    steps: Any = flatten_trajectories(teacher())
    with pytest.raises(InputError, match="trajectory 0: is a dict, not imitation's Trajectory"):
        pretrain(model, steps, 1)
