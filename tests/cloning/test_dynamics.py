"""State regularization: what the forward model knows, what the term weighs and leaves alone."""

from collections.abc import Iterator
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation.data.types import Trajectory
from numpy.typing import NDArray
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from sb3_mimic.cli import main
from sb3_mimic.cloning import PretrainResult, pretrain
from sb3_mimic.cloning.dynamics import ForwardFit, StateRegularizedLoss, fit_forward_model
from sb3_mimic.errors import InputError
from sb3_mimic.rl.models import make_model
from sb3_mimic.tasks import CloningSettings, Hyperparameters

SETTINGS = Hyperparameters(
    n_envs=1,
    rollout_size=64,
    batch_size=32,
    learning_rate=3e-4,
    linear_decay=False,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-1.0,
    hidden_sizes=(16, 16),
    activation="elu",
)
CLONING = CloningSettings(batch_size=32, learning_rate=3e-3)
# Of three actions the first moves the first state element, the second the second, the third none.
EFFECT = np.array([[0.5, 0.0, 0.0], [0.0, 0.05, 0.0]])

Weights = dict[str, th.Tensor]


def linear_system(
    effect: NDArray[np.float64], n: int = 8, length: int = 40, seed: int = 0
) -> list[Trajectory]:
    """Trajectories of x' = .9 x + B a under random actions."""
    rng = np.random.default_rng(seed)
    shown = []
    for _ in range(n):
        acts = rng.uniform(-1, 1, (length, effect.shape[1]))
        obs = [rng.normal(0, 1, effect.shape[0])]
        for act in acts:
            obs.append(0.9 * obs[-1] + effect @ act)
        shown.append(Trajectory(np.array(obs, np.float32), acts.astype(np.float32), None, False))
    return shown


class Box(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Two observations, three actions, nothing happens: the spaces are what is needed."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (3,), np.float32)


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = DummyVecEnv([Box])
    yield envs
    envs.close()


def clone(
    env: VecEnv, shown: list[Trajectory], weight: float, epochs: int = 5
) -> tuple[PretrainResult, Weights]:
    model = make_model("ppo", env, SETTINGS, seed=0)
    cloning = replace(CLONING, state_weight=weight)
    result = pretrain(model, shown, epochs, settings=cloning, progress_bar=False)
    return result, {name: value.clone() for name, value in model.policy.state_dict().items()}


def term(fit: ForwardFit, off: NDArray[np.floating]) -> float:
    """The consistency of actions that are off by the same from random ones."""
    rng = np.random.default_rng(5)
    n_obs = len(fit.model.state_scale)
    obs = th.as_tensor(rng.normal(0, 1, (64, n_obs)), dtype=th.float32)
    acts = th.as_tensor(rng.uniform(-1, 1, (64, len(off))), dtype=th.float32)
    return float(fit.model.consistency(obs, acts + th.as_tensor(off, dtype=th.float32), acts))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_obs=st.integers(1, 4),
    off=st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=4),
)
def test_on_a_linear_system_the_term_is_what_the_action_does(
    seed: int, n_obs: int, off: list[float]
) -> None:
    effect = np.random.default_rng(seed).normal(0, 0.3, (n_obs, len(off)))
    shown = linear_system(effect, seed=seed)
    fit = fit_forward_model(shown[:-1], shown[-1:])
    following = np.concatenate([t.obs[1:] for t in shown[:-1]])
    expected = np.mean((effect @ off) ** 2 / (following.var(axis=0) + 1e-4))
    assert term(fit, np.array(off)) == pytest.approx(expected, rel=0.1, abs=1e-5)


def test_directions_that_do_nothing_weigh_nothing() -> None:
    fit = fit_forward_model(linear_system(EFFECT), linear_system(EFFECT, 2, seed=1))
    strong, weak, none = (term(fit, off) for off in 0.3 * np.eye(3))
    assert none < 1e-3 * min(strong, weak)


def test_an_action_that_never_varies_weighs_exactly_nothing() -> None:
    shown = [replace(t, acts=t.acts * [1, 1, 0] + [0, 0, 0.5]) for t in linear_system(EFFECT)]
    assert term(fit_forward_model(shown), np.array([0, 0, 0.3])) == 0.0


def test_equal_actions_cost_nothing_and_have_no_gradient() -> None:
    fit = fit_forward_model(linear_system(EFFECT))
    obs, acts = th.randn(8, 2), th.rand(8, 3).requires_grad_()
    value = fit.model.consistency(obs, acts, acts.detach())
    (gradient,) = th.autograd.grad(value, acts)
    assert value == 0
    assert not gradient.any()


def test_the_network_learns_what_is_not_linear() -> None:
    rng = np.random.default_rng(0)
    shown = []
    for _ in range(12):
        acts = rng.uniform(-1, 1, (100, 1))
        obs = [rng.normal(0, 1, 1)]
        for act in acts:
            obs.append(0.5 * obs[-1] + act**2)
        shown.append(Trajectory(np.array(obs, np.float32), acts.astype(np.float32), None, False))
    fit = fit_forward_model(shown[:10], shown[10:])
    assert fit.error < 0.01 < fit.persistence_error


def test_constant_observations_and_few_samples_are_no_trouble() -> None:
    (shown,) = linear_system(EFFECT, 1, length=3)
    obs = np.concatenate([shown.obs, np.full((4, 1), 7.1, np.float32)], axis=1)
    fit = fit_forward_model([replace(shown, obs=obs)])
    assert np.isfinite(fit.error)
    predicted = fit.model(th.as_tensor(obs[:-1]), th.as_tensor(shown.acts))
    np.testing.assert_allclose(predicted[:, 2], 7.1, rtol=1e-5)


def test_a_fit_repeats_itself_and_leaves_torchs_random_numbers_alone() -> None:
    shown = linear_system(EFFECT)
    th.manual_seed(3)
    untouched = th.rand(4)
    th.manual_seed(3)
    one, two = (fit_forward_model(shown, seed=1).model.state_dict() for _ in range(2))
    assert th.equal(th.rand(4), untouched)
    assert all(th.equal(one[name], two[name]) for name in one)


def test_without_weight_cloning_is_what_it_was(
    env: VecEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, now = clone(env, linear_system(EFFECT), 0.0)
    # A term of no weight, computed all the same.
    monkeypatch.setattr(
        "sb3_mimic.cloning.bc.StateRegularizedLoss",
        lambda **given: StateRegularizedLoss(**{**given, "state_weight": 0.0}),
    )
    result, weightless = clone(env, linear_system(EFFECT), 0.5)
    assert result.forward_fit is not None
    assert all(th.equal(now[name], weightless[name]) for name in now)
    monkeypatch.undo()
    _, weighed = clone(env, linear_system(EFFECT), 0.5)
    assert not all(th.equal(now[name], weighed[name]) for name in now)


def test_plain_cloning_fits_no_forward_model(env: VecEnv) -> None:
    result, _ = clone(env, linear_system(EFFECT), 0.0, epochs=1)
    assert result.forward_fit is None


def test_the_forward_model_is_frozen(env: VecEnv) -> None:
    shown = linear_system(EFFECT)
    result, _ = clone(env, shown, 1.0, epochs=3)
    assert result.forward_fit is not None
    model = result.forward_fit.model
    assert not any(p.requires_grad or p.grad is not None for p in model.parameters())
    # By the same split and seed the same model as before cloning.
    kept, held_out = result.n_train // 40, result.n_validation // 40
    assert (kept, held_out) == (7, 1)
    fits = [fit_forward_model([t for t in shown if t is not out], [out]) for out in shown]
    assert any(
        all(map(th.equal, model.state_dict().values(), fit.model.state_dict().values()))
        for fit in fits
    )


def test_errors_move_to_the_actions_without_effect(env: VecEnv) -> None:
    # A network with one hidden unit can follow one of two teachers' actions at a time; the one that
    # does nothing is the larger.
    rng = np.random.default_rng(0)
    shown = []
    for _ in range(20):
        obs, acts = [rng.normal(0, 1, 2)], []
        for _ in range(40):
            clean = np.array([0.5 * np.tanh(2 * obs[-1][0]), 0, 0.9 * np.tanh(2 * obs[-1][1])])
            acts.append(np.clip(clean + rng.normal(0, 0.1, 3), -1, 1))
            obs.append(0.5 * obs[-1] + 2 * EFFECT @ acts[-1] + rng.normal(0, 0.5, 2))
        shown.append(Trajectory(np.array(obs, np.float32), np.array(acts, np.float32), None, False))
    errors = []
    for weight in (0.0, 20.0):
        model = make_model("ppo", env, replace(SETTINGS, hidden_sizes=(1,)), seed=0)
        cloning = replace(CLONING, state_weight=weight, learning_rate=1e-2)
        result = pretrain(model, shown, 30, settings=cloning, progress_bar=False)
        errors.append(result.residual)
    plain, weighed = errors
    assert weighed[0] < 0.8 * plain[0]
    assert weighed[2] > plain[2]


@pytest.mark.parametrize("log_std", [-2.0, 0.0])
def test_the_weight_counts_next_to_the_mean_squared_error(env: VecEnv, log_std: float) -> None:
    model = make_model("ppo", env, replace(SETTINGS, log_std_init=log_std), seed=0)
    fit = fit_forward_model(linear_system(EFFECT))
    obs, acts = th.randn(16, 2), th.rand(16, 3)
    with th.no_grad():
        said = model.policy.get_distribution(obs).mode()
        plain, weighed = (
            StateRegularizedLoss(0.0, 0.0, fit.model, weight)(model.policy, obs, acts)
            for weight in (0.0, 2.0)
        )
        exact = StateRegularizedLoss(0.0, 0.0, fit.model, 0.0)(model.policy, obs, said)
    ratio = (weighed.loss - plain.loss) / (plain.neglogp - exact.neglogp)
    error = (said - acts).square().mean()
    assert float(ratio) == pytest.approx(2 * float(plain.state_consistency / error), rel=1e-3)


def test_images_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    envs = make_vec_env("sb3_mimic:sb3_mimic/PiDog-v0", 1, env_kwargs={"use_camera": True})
    space = envs.observation_space
    shown = [Trajectory(np.stack([space.sample()] * 3), np.zeros((2, 8), np.float32), None, False)]
    model = make_model("ppo", envs, SETTINGS)
    with pytest.raises(InputError, match="needs vector observations"):
        pretrain(model, shown, 1, settings=replace(CLONING, state_weight=0.1))
    envs.close()
    options = ["--env", "pidog", "--use-camera", "--state-weight", "0.1"]
    assert main(["pretrain", *options]) == 2
    assert "--state-weight needs vector observations" in capsys.readouterr().err


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_weights_out_of_range_are_refused(weight: float) -> None:
    with pytest.raises(InputError, match="state_weight"):
        CloningSettings(state_weight=weight)
