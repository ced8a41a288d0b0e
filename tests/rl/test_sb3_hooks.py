"""The contract with SB3: all that `sb3_hooks` relies on is there and does what it says."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as th
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.policies.parameters import is_critic_parameter, log_std_parameter
from sb3_mimic.rl.algorithms import AdaptiveRate, get_algorithm
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl.sb3_hooks import (
    count_train_calls,
    count_updates,
    get_approx_kl,
    get_checkpoint_path,
    get_progress_remaining,
    get_total_timesteps,
    has_trust_region,
    override_attributes,
    override_learning_rate,
    read_from_model,
    store_in_model,
    train_critic_only,
    unwrap_next_update,
    wrap_next_update,
)
from sb3_mimic.rl.warm_start import warm_start
from sb3_mimic.tasks import Hyperparameters, WarmStartSettings

pytestmark = pytest.mark.smoke

ROLLOUT = 64
SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=ROLLOUT,
    batch_size=32,
    learning_rate=3e-3,
    linear_decay=False,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-1.0,
    hidden_sizes=(16, 16),
    activation="elu",
)
ALGORITHMS = ["ppo", "trpo"]


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = make_vec_env("Pendulum-v1", 2, seed=0)
    yield envs
    envs.close()


@pytest.fixture(params=ALGORITHMS)
def model(request: pytest.FixtureRequest, env: VecEnv) -> OnPolicyAlgorithm:
    return make_model(request.param, env, SETTINGS, seed=0, device="cpu")


class Probe(BaseCallback):
    """Asks the hooks at every moment that a callback is told of."""

    model: OnPolicyAlgorithm

    def __init__(self) -> None:
        super().__init__()
        self.totals: set[int] = set()
        self.progress: list[float] = []
        self.train_calls: list[int] = []
        self.divergences: list[float | None] = []

    def _on_training_start(self) -> None:
        self.totals.add(get_total_timesteps(self.model))

    def _on_rollout_start(self) -> None:
        self.train_calls.append(count_train_calls(self.model))
        self.divergences.append(get_approx_kl(self.model))

    def _on_step(self) -> bool:
        # What callbacks read of SB3's local variables.
        assert len(self.locals["dones"]) == len(self.locals["infos"]) == 2
        self.totals.add(get_total_timesteps(self.model))
        return True

    def _on_rollout_end(self) -> None:
        self.progress.append(get_progress_remaining(self.model))


def weights(model: OnPolicyAlgorithm) -> dict[str, th.Tensor]:
    return {name: value.clone() for name, value in model.policy.named_parameters()}


def changed(before: dict[str, th.Tensor], model: OnPolicyAlgorithm) -> set[str]:
    after = weights(model)
    return {name for name in before if not th.equal(before[name], after[name])}


def test_counts_and_progress(model: OnPolicyAlgorithm) -> None:
    assert count_updates(model) == count_train_calls(model) == 0
    probe = Probe()
    model.learn(3 * ROLLOUT, callback=probe)
    assert probe.totals == {3 * ROLLOUT}
    # `learn` sets the progress after the rollout's end, before the update.
    assert probe.progress == pytest.approx([1.0, 2 / 3, 1 / 3])
    assert get_progress_remaining(model) == pytest.approx(0.0)
    assert count_updates(model) == 3
    assert probe.train_calls == sorted(set(probe.train_calls))
    assert probe.train_calls[0] == 0

    before, probe = count_train_calls(model), Probe()
    model.learn(ROLLOUT, callback=probe, reset_num_timesteps=False)
    assert probe.totals == {4 * ROLLOUT}
    assert count_updates(model) == 4
    model.learn(ROLLOUT)
    assert count_updates(model) == 1  # begun anew,
    assert count_train_calls(model) > before  # while this one is not


def test_the_divergence_is_there_until_the_next_rollout_ends(model: OnPolicyAlgorithm) -> None:
    probe = Probe()
    model.learn(2 * ROLLOUT, callback=probe)
    assert probe.divergences[0] is None
    if has_trust_region(model):
        assert get_approx_kl(model) is None
    else:
        last = get_approx_kl(model)
        assert last is not None
        assert last == pytest.approx(model.logger.name_to_value["train/approx_kl"])
        assert probe.divergences[1] not in (None, last)


def test_which_algorithms_have_a_trust_region(env: VecEnv) -> None:
    found = [has_trust_region(make_model(algo, env, SETTINGS)) for algo in ALGORITHMS]
    assert found == [False, True]


def test_what_is_stored_in_a_model_is_in_its_zip(model: OnPolicyAlgorithm, tmp_path: Path) -> None:
    assert read_from_model(model, "shares", "none yet") == "none yet"
    store_in_model(model, "shares", {"walk": [0.5, 1.0]})
    model.save(tmp_path / "model.zip")
    for each in (model, type(model).load(tmp_path / "model.zip", device="cpu")):
        assert read_from_model(each, "shares") == {"walk": [0.5, 1.0]}


def test_checkpoints_are_named_as_sb3_names_them(model: OnPolicyAlgorithm, tmp_path: Path) -> None:
    callback = CheckpointCallback(ROLLOUT // 2, str(tmp_path), name_prefix="model")
    model.learn(ROLLOUT, callback=callback)
    assert [str(path) for path in tmp_path.iterdir()] == [get_checkpoint_path(callback, "", "zip")]
    statistics = get_checkpoint_path(callback, "vecnormalize_", "pkl")
    assert statistics == str(tmp_path / f"model_vecnormalize_{ROLLOUT}_steps.pkl")


def test_settings_are_restored_whatever_ends_it(model: OnPolicyAlgorithm) -> None:
    usual = dict(vars(model))

    def interrupt() -> None:
        with override_attributes(model, {"target_kl": 7.0}):
            assert vars(model)["target_kl"] == 7.0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert vars(model) == usual
    with pytest.raises(KeyError):
        override_attributes(model, {"no_such_setting": 1}).__enter__()
    assert vars(model) == usual


def test_an_update_takes_its_learning_rate_from_the_schedule(model: OnPolicyAlgorithm) -> None:
    schedule = model.lr_schedule
    with override_learning_rate(model, lambda _: 1.5e-7):
        model.learn(ROLLOUT)
    assert model.policy.optimizer.param_groups[0]["lr"] == 1.5e-7
    assert model.lr_schedule is schedule


def test_the_step_size_follows_these_settings(env: VecEnv) -> None:
    """The ramp scales them by name: were they read elsewhere, it would do nothing."""
    for algo, settings in (
        ("ppo", {"target_kl": 1e-12, "clip_range": lambda _: 0.2}),
        ("trpo", {"target_kl": 1e-12}),
    ):
        moves = []
        for overridden in (False, True):
            model = make_model(algo, env, SETTINGS, seed=0, device="cpu")
            env.seed(0)
            before = weights(model)
            values = settings if overridden else {}
            assert values.keys() <= vars(model).keys()
            with override_attributes(model, values):
                model.learn(ROLLOUT)
            after = weights(model)
            name = "action_net.weight"
            moves.append(float((after[name] - before[name]).detach().abs().max()))
        assert moves[1] < moves[0] / 2


def test_the_critic_alone_is_trained(model: OnPolicyAlgorithm) -> None:
    usual = dict(vars(model))
    before = weights(model)
    wrap_next_update(model, lambda: train_critic_only(model, 1e-3))
    model.learn(ROLLOUT)
    moved = changed(before, model)
    assert moved
    assert all(is_critic_parameter(name) for name in moved)
    assert all(parameter.requires_grad for parameter in model.policy.parameters())
    assert {name: vars(model)[name] for name in ("target_kl", "lr_schedule")} == {
        name: usual[name] for name in ("target_kl", "lr_schedule")
    }
    model.learn(ROLLOUT)
    assert "action_net.weight" in changed(before, model)


def test_parameters_are_called_as_sb3_calls_them(model: OnPolicyAlgorithm) -> None:
    names = {name for name, _ in model.policy.named_parameters()}
    critic = {name for name in names if is_critic_parameter(name)}
    assert {name.rpartition(".")[0] for name in critic} == {
        "mlp_extractor.value_net.0",
        "mlp_extractor.value_net.2",
        "value_net",
    }
    assert names - critic == {
        "log_std",
        *(f"{layer}.{part}" for part in ("weight", "bias") for layer in _ACTOR_LAYERS),
    }
    assert log_std_parameter(model.policy) is model.policy.log_std


_ACTOR_LAYERS = ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net")


def test_one_update_runs_within_the_context(model: OnPolicyAlgorithm) -> None:
    seen: list[tuple[str, int]] = []

    @contextmanager
    def context() -> Iterator[None]:
        seen.append(("before", count_train_calls(model)))
        yield
        seen.append(("after", count_train_calls(model)))

    wrap_next_update(model, context)
    model.learn(2 * ROLLOUT)
    assert [moment for moment, _ in seen] == ["before", "after"]
    assert seen[0][1] == 0 < seen[1][1]
    assert _leftovers(model) == set()


def test_a_context_is_left_when_the_update_fails(
    model: OnPolicyAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: OnPolicyAlgorithm) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(model), "train", fail)
    wrap_next_update(model, lambda: override_attributes(model, {"target_kl": 7.0}))
    usual = vars(model)["target_kl"]
    with pytest.raises(KeyboardInterrupt):
        model.learn(ROLLOUT)
    assert vars(model)["target_kl"] == usual
    assert _leftovers(model) == set()


def test_a_wrapped_update_can_be_unwrapped(model: OnPolicyAlgorithm) -> None:
    def context() -> AbstractContextManager[None]:
        raise AssertionError("the update was unwrapped")

    wrap_next_update(model, context)
    unwrap_next_update(model)
    unwrap_next_update(model)  # of an ordinary one nothing is changed
    assert _leftovers(model) == set()
    model.learn(ROLLOUT)
    assert count_updates(model) == 1


def test_a_models_own_train_is_left_alone(model: OnPolicyAlgorithm) -> None:
    def train() -> None:
        pass

    vars(model)["train"] = train
    unwrap_next_update(model)
    assert vars(model)["train"] is train


def test_a_model_that_is_saved_before_its_update_is_an_ordinary_one(
    model: OnPolicyAlgorithm, tmp_path: Path
) -> None:
    model.save(tmp_path / "ordinary.zip")
    wrap_next_update(model, nullcontext)
    model.save(tmp_path / "wrapped.zip")
    ordinary, wrapped = (
        type(model).load(tmp_path / f"{name}.zip", device="cpu") for name in ("ordinary", "wrapped")
    )
    assert vars(wrapped).keys() == vars(ordinary).keys()
    assert _leftovers(wrapped) == set()


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_after_a_warm_start_nothing_is_left_over(env: VecEnv, algo: str) -> None:
    model, plain = (make_model(algo, env, SETTINGS, seed=0, device="cpu") for _ in range(2))
    usual: dict[str, Any] = {name: vars(model)[name] for name in ("target_kl", "lr_schedule")}
    settings = WarmStartSettings(critic_rollouts=2, ramp_updates=2, explained_variance=2.0)
    model.learn(6 * ROLLOUT, callback=warm_start(settings, eval_env=None))
    plain.learn(ROLLOUT)
    assert vars(model).keys() == vars(plain).keys()
    assert {name: vars(model)[name] for name in usual} == usual
    assert all(parameter.requires_grad for parameter in model.policy.parameters())


def test_an_adaptive_rate_is_an_object_whose_settings_can_be_overridden(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS.updated({"desired_kl": 0.1}), seed=0, device="cpu")
    rate = model.learning_rate
    assert isinstance(rate, AdaptiveRate)
    with override_attributes(rate, {"desired_kl": 0.01}):
        assert rate.desired_kl == 0.01
    assert rate.desired_kl == 0.1
    # SB3 asks the same object: what it has adapted to is what updates take.
    rate.factor = 0.5
    assert model.lr_schedule(1.0) == pytest.approx(0.5 * SETTINGS.learning_rate)


def test_schedules_are_called_with_the_progress(model: OnPolicyAlgorithm) -> None:
    asked: list[float] = []

    def schedule(progress: float) -> float:
        asked.append(progress)
        return 1e-3

    with override_learning_rate(model, schedule):
        model.learn(2 * ROLLOUT)
    np.testing.assert_allclose(np.unique(asked), [0.0, 0.5])


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_the_algorithm_is_the_one_that_is_meant(algo: str) -> None:
    assert get_algorithm(algo).load_class().__name__ == algo.upper()


def _leftovers(model: OnPolicyAlgorithm) -> set[str]:
    return {"train", "_excluded_save_params"} & vars(model).keys()
