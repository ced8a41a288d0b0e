"""The registry of algorithms, and models built and rebuilt."""

from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from hypothesis import given
from hypothesis import strategies as st
from sb3_contrib import TRPO
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv
from torch.nn import Linear

from sb3_mimic.envs import make_native_vec_env
from sb3_mimic.errors import InputError
from sb3_mimic.policies.saved import (
    load_policy,
    load_weights,
    read_pretrained,
    read_timesteps,
    save_model,
    save_weights,
)
from sb3_mimic.rl.algorithms import (
    ALGORITHMS,
    AdaptiveRate,
    LinearDecay,
    get_algorithm,
    register_algorithm,
)
from sb3_mimic.rl.finetune import fine_tune
from sb3_mimic.rl.models import find_hyperparameters, make_model
from sb3_mimic.tasks import Hyperparameters, get_task

SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=64,
    batch_size=32,
    learning_rate=3e-4,
    linear_decay=True,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-1.0,
    hidden_sizes=(16, 8),
    activation="elu",
)
OBSERVATIONS = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = make_vec_env("Pendulum-v1", 2, seed=0)
    yield envs
    envs.close()


def actions(model: object) -> np.ndarray:
    return model.predict(OBSERVATIONS, deterministic=True)[0]  # type: ignore[attr-defined, no-any-return]


def test_an_unknown_algorithm_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(InputError, match=r"'pp0'; did you mean ppo\? there are ppo, trpo"):
        get_algorithm("pp0")


def test_another_package_can_add_an_algorithm(env: VecEnv) -> None:
    register_algorithm("a2c", A2C, {"ent_coef": 0.01})
    try:
        model = make_model("a2c", env, SETTINGS)
        assert isinstance(model, A2C)
        assert model.ent_coef == 0.01
    finally:
        del ALGORITHMS["a2c"]


def test_an_algorithm_without_an_actor_critic_policy_is_refused() -> None:
    register_algorithm("sac", "stable_baselines3:SAC")
    try:
        with pytest.raises(InputError, match="OnPolicyAlgorithm"):
            get_algorithm("sac").load_class()
    finally:
        del ALGORITHMS["sac"]


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_settings_reach_the_model(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=3)
    assert model.n_steps * model.n_envs == SETTINGS.rollout_size
    assert model.gamma == SETTINGS.gamma
    assert th.all(model.policy.log_std == -1.0)
    hidden = [m for m in model.policy.mlp_extractor.policy_net.modules() if isinstance(m, Linear)]
    assert [m.out_features for m in hidden] == [16, 8]
    assert model.lr_schedule(0.5) == pytest.approx(1.5e-4)


def test_the_size_of_an_update_does_not_depend_on_the_number_of_environments() -> None:
    for n_envs in (1, 2, 4):
        envs = make_vec_env("Pendulum-v1", n_envs)
        model = make_model("ppo", envs, SETTINGS)
        assert model.n_steps * n_envs == SETTINGS.rollout_size
        envs.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"gamma": 1.5},
        {"gae_lambda": -1.0},
        {"learning_rate": float("inf")},
        {"log_std_init": float("nan")},
        {"desired_kl": -1.0},
    ],
)
def test_hyperparameters_are_checked(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(changes))):
        SETTINGS.updated(changes)


def test_settings_of_one_algorithm_are_refused_by_another(env: VecEnv) -> None:
    with pytest.raises(InputError, match="unknown setting of trpo 'n_epochs'"):
        make_model("trpo", env, SETTINGS.updated({"n_epochs": 3}))


def test_the_same_seed_gives_the_same_weights(env: VecEnv) -> None:
    one, two, other = (make_model("ppo", env, SETTINGS, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(actions(one), actions(two))
    assert not np.array_equal(actions(one), actions(other))


def test_linear_decay_ends_at_zero_and_survives_a_zip(env: VecEnv, tmp_path: Path) -> None:
    model = make_model("ppo", env, SETTINGS)
    save_model(model, tmp_path / "model.zip")
    loaded = PPO.load(tmp_path / "model.zip")
    for progress in (1.0, 0.25, 0.0):
        expected = LinearDecay(3e-4)(progress)
        assert (
            loaded.lr_schedule(progress)
            == pytest.approx(expected)
            == pytest.approx(3e-4 * progress)
        )


@given(kl=st.floats(0, 1e6), before=st.floats(0.01, 1), progress=st.floats(0, 1))
def test_an_adaptive_rate_goes_against_the_divergence(
    kl: float, before: float, progress: float
) -> None:
    rate = AdaptiveRate(3e-4, True, 0.2)
    rate.factor = before
    rate.adapt(kl, 7)
    told = rate.factor
    rate.adapt(kl, 7)
    assert rate.factor == told
    assert 0.01 <= rate.factor <= 1
    assert before / 3 - 1e-12 <= rate.factor <= 1.5 * before + 1e-12
    assert (kl - 0.2) * (rate.factor - before) <= 0
    assert rate(progress) <= LinearDecay(3e-4)(progress)


def test_an_adaptive_rate_holds_the_divergence_and_survives_a_zip(
    env: VecEnv, tmp_path: Path
) -> None:
    """A rate far too high comes down to where an update does what it should."""
    settings = SETTINGS.updated(
        {"desired_kl": 0.01, "learning_rate": 0.3, "linear_decay": False, "n_epochs": 4}
    )
    model = make_model("ppo", env, settings, seed=0)
    met = []

    class Meter(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_start(self) -> None:
            met.append(self.logger.name_to_value.get("train/approx_kl", 0.0))

    fine_tune(model, 40 * SETTINGS.rollout_size, callback=Meter(), progress_bar=False)
    rate = model.learning_rate
    assert isinstance(rate, AdaptiveRate)
    assert rate.factor < 0.1
    assert np.median(met[-20:]) < 0.05 < max(met)
    save_model(model, tmp_path / "model.zip")
    assert PPO.load(tmp_path / "model.zip").lr_schedule(0.5) == pytest.approx(rate(0.5))


@pytest.mark.smoke
@pytest.mark.parametrize("source", ["ppo", "trpo"])
@pytest.mark.parametrize("target", ["ppo", "trpo"])
@pytest.mark.parametrize("form", [".zip", ".pth"])
def test_weights_of_either_algorithm_start_the_other(
    env: VecEnv, tmp_path: Path, source: str, target: str, form: str
) -> None:
    trained = make_model(source, env, SETTINGS.updated({"hidden_sizes": (12, 6)}), seed=1)
    path = tmp_path / f"policy{form}"
    if form == ".zip":
        save_model(trained, path)
    else:
        save_weights(trained.policy, path)
    pretrained = read_pretrained(path)
    assert pretrained.hidden_sizes == (12, 6)
    settings = SETTINGS.updated({"hidden_sizes": pretrained.hidden_sizes})
    fresh = make_model(target, env, settings, seed=2, policy_kwargs=pretrained.policy_kwargs)
    assert not np.array_equal(actions(fresh), actions(trained))
    load_weights(fresh.policy, pretrained)
    np.testing.assert_array_equal(actions(fresh), actions(trained))


def test_another_shape_is_refused_naming_both(env: VecEnv, tmp_path: Path) -> None:
    cart = make_vec_env("MountainCarContinuous-v0", 1)
    model = make_model("ppo", cart, SETTINGS)
    save_model(model, tmp_path / "cart.zip")
    pretrained = read_pretrained(tmp_path / "cart.zip")
    with pytest.raises(InputError, match=r"has shape \(2,\), .* needs \(3,\)"):
        load_weights(make_model("ppo", env, SETTINGS).policy, pretrained)
    cart.close()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.zip", None, "does not exist"),
        ("text.zip", b"no zip", "no model saved by Stable-Baselines3"),
        ("text.pth", b"no weights", "no weights could be read"),
        ("policy.pt", b"", r"SB3 .zip or a .pth"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_pretrained(path)


def test_a_pth_that_runs_code_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (marker.touch, ())

    th.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match="no weights could be read"):
        read_pretrained(tmp_path / "evil.pth")
    assert not marker.exists()


def test_the_policy_of_any_algorithm_can_be_rebuilt(tmp_path: Path) -> None:
    env = gym.make("Pendulum-v1")
    for model in (
        PPO("MlpPolicy", env, n_steps=64, batch_size=64, use_sde=True),
        A2C("MlpPolicy", env),
        SAC("MlpPolicy", env, buffer_size=10),
    ):
        path = tmp_path / f"{type(model).__name__}.zip"
        model.save(path)
        np.testing.assert_array_equal(actions(load_policy(path)), actions(model))


def test_half_a_zip_has_no_timesteps(env: VecEnv, tmp_path: Path) -> None:
    model = make_model("ppo", env, SETTINGS)
    model.learn(64)
    save_model(model, tmp_path / "whole.zip")
    assert read_timesteps(tmp_path / "whole.zip") == 64
    content = (tmp_path / "whole.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(content[: len(content) // 2])
    assert read_timesteps(tmp_path / "half.zip") is None
    assert read_timesteps(tmp_path / "none.zip") is None


def test_without_settings_an_environment_of_a_registered_task_gets_the_tasks() -> None:
    task = get_task("pidog")
    for envs in (make_native_vec_env(task.env_id, 2), make_vec_env(task.env_id, 2)):
        found = find_hyperparameters("trpo", envs)
        assert found == task.hyperparameters_for("trpo")
        model = make_model("trpo", envs, device="cpu")
        assert model.n_steps * model.n_envs == found.rollout_size
        assert model.gamma == found.gamma
        envs.close()


@pytest.mark.smoke
@pytest.mark.parametrize(("algo", "sb3"), [("ppo", PPO), ("trpo", TRPO)])
def test_without_settings_another_environment_gets_sb3s_defaults(
    env: VecEnv, algo: str, sb3: type[PPO | TRPO]
) -> None:
    model, usual = make_model(algo, env, device="cpu"), sb3("MlpPolicy", env, device="cpu")
    for name in ("n_steps", "batch_size", "learning_rate", "gamma", "gae_lambda", "target_kl"):
        assert vars(model)[name] == vars(usual)[name], name
    assert [p.shape for p in model.policy.parameters()] == [
        p.shape for p in usual.policy.parameters()
    ]
    assert th.equal(model.policy.log_std, usual.policy.log_std)


def test_an_algorithm_that_knows_less_gets_its_own_defaults(env: VecEnv) -> None:
    register_algorithm("a2c", A2C)
    try:
        model = make_model("a2c", env, device="cpu")
    finally:
        del ALGORITHMS["a2c"]
    assert (model.n_steps, model.learning_rate, model.gae_lambda) == (5, 7e-4, 1.0)


def test_a_model_can_be_made_of_one_environment() -> None:
    model = make_model("ppo", gym.make("Pendulum-v1"), device="cpu")
    assert model.n_envs == 1
    model.learn(1)
    assert model.ep_info_buffer  # what SB3 makes of one environment reports its episodes
