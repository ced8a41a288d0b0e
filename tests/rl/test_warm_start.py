"""The parts of the handover: what each changes, when, and that it gives it back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from gymnasium import spaces
from imitation.data.types import TrajectoryWithRew
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize

from sb3_mimic.errors import InputError
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.rl.algorithms import AdaptiveRate
from sb3_mimic.rl.callbacks import AdaptiveRateCallback, NoiseCeilingCallback
from sb3_mimic.rl.finetune import fine_tune
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl.warm_start import (
    CloningCallback,
    CollapseCallback,
    CriticCallback,
    CriticWarmupCallback,
    ExplorationRecoveryCallback,
    NoiseGateCallback,
    RampCallback,
    warm_start,
)
from sb3_mimic.rl.warm_start.collapse import mean_return
from sb3_mimic.tasks import Hyperparameters, WarmStartSettings

SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=64,
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
ROLLOUT = 64


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = make_vec_env("Pendulum-v1", 2, seed=0)
    yield envs
    envs.close()


def demonstrations(n: int = 4, length: int = 40) -> list[TrajectoryWithRew]:
    rng = np.random.default_rng(0)
    return [
        TrajectoryWithRew(
            obs=rng.uniform(-1, 1, (length + 1, 3)).astype(np.float32),
            acts=np.full((length, 1), 0.5, np.float32),
            infos=None,
            terminal=False,
            rews=np.zeros(length, np.float32),
        )
        for _ in range(n)
    ]


def weights(model: OnPolicyAlgorithm) -> dict[str, th.Tensor]:
    return {name: value.clone() for name, value in model.policy.named_parameters()}


def moved(before: dict[str, th.Tensor], after: dict[str, th.Tensor]) -> set[str]:
    return {name for name in before if not th.equal(before[name], after[name])}


class Settings(BaseCallback):
    """What an algorithm's settings are in each rollout and in each update."""

    model: OnPolicyAlgorithm

    def __init__(self) -> None:
        super().__init__()
        self.in_rollouts: list[tuple[Any, ...]] = []
        self.in_updates: list[tuple[Any, ...]] = []
        self.n_rollouts = 0

    def _now(self) -> tuple[Any, ...]:
        own = vars(self.model)
        clip = own.get("clip_range")
        return own["lr_schedule"](1.0), own["target_kl"], None if clip is None else clip(1.0)

    def _on_training_start(self) -> None:
        buffer = self.model.rollout_buffer
        get = type(buffer).get

        def watched(batch_size: int | None = None) -> Any:
            if len(self.in_updates) < self.n_rollouts:
                self.in_updates.append(self._now())
            return get(buffer, batch_size)

        vars(buffer)["get"] = watched

    def _on_step(self) -> bool:
        self.in_rollouts.append(self._now())
        return True

    def _on_rollout_end(self) -> None:
        self.n_rollouts += 1
        self.in_rollouts.append(self._now())


class CriticError(BaseCallback):
    """Mean squared error of the critic over each rollout, as it is when this is called."""

    model: OnPolicyAlgorithm

    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        buffer = self.model.rollout_buffer
        observations = th.as_tensor(buffer.observations.reshape(-1, 3))
        with th.no_grad():
            values = self.model.policy.predict_values(observations).numpy().ravel()
        self.found.append(float(np.square(values - buffer.returns.ravel()).mean()))


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_steps_grow_to_their_own_size_after_the_warm_up(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    seen, warmup = Settings(), CriticWarmupCallback(1)
    model.learn(ROLLOUT * 5, callback=[warmup, RampCallback(2, 0.2, warmup), seen])
    rate, kl, clip = seen.in_rollouts[0]
    assert set(seen.in_rollouts) == {(rate, kl, clip)}
    if algo == "ppo":  # its target KL is off
        expected = [(f * rate, None, f * clip) for f in (1, 0.2, 0.6, 1, 1)]
        expected[0] = (1e-3, None, clip)  # the critic's own
    else:
        expected = [(rate, f * kl, None) for f in (0, 0.2, 0.6, 1, 1)]
    for found, wanted in zip(seen.in_updates, expected, strict=True):
        assert found == pytest.approx(wanted)


def test_of_an_adaptive_rate_the_divergence_grows_and_not_the_rate(
    env: VecEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("ppo", env, SETTINGS.updated({"desired_kl": 0.1}), seed=0)
    rate = model.learning_rate
    assert isinstance(rate, AdaptiveRate)
    asked: list[float] = []
    adapt = AdaptiveRate.adapt

    def spy(self: AdaptiveRate, kl: float, update: int) -> None:
        if update != self._last_update:
            asked.append(self.desired_kl)
        adapt(self, kl, update)

    monkeypatch.setattr(AdaptiveRate, "adapt", spy)

    class Seen(BaseCallback):
        def __init__(self, rate: AdaptiveRate) -> None:
            super().__init__()
            self.rate = rate
            self.rates: list[float] = []

        def _on_step(self) -> bool:
            assert self.rate.desired_kl == 0.1  # what a checkpoint would hold
            return True

        def _on_rollout_end(self) -> None:
            self.rates.append(vars(self.model)["lr_schedule"](1.0))

    warmup, seen = CriticWarmupCallback(1), Seen(rate)
    callbacks = [AdaptiveRateCallback(), warmup, RampCallback(2, 0.2, warmup), seen]
    model.learn(ROLLOUT * 5, callback=callbacks)
    # Of five updates the first is the critic's, and the last is not looked at any more.
    assert asked == pytest.approx([0.02, 0.06, 0.1])
    assert seen.rates[1] == pytest.approx(0.1 * SETTINGS.learning_rate)


def test_the_critic_learns_at_its_own_rate_where_the_actor_stands_next_to_none(
    env: VecEnv,
) -> None:
    model = make_model("ppo", env, replace(SETTINGS, learning_rate=1e-12), seed=0)
    actor = weights(model)
    warmup = CriticWarmupCallback(0)
    before, after = CriticError(), CriticError()
    critic = CriticCallback(4, warmup, learning_rate=0.01)
    model.learn(ROLLOUT * 4, callback=[warmup, before, critic, after])
    assert len(after.found) == 4
    assert all(a < b for a, b in zip(after.found, before.found, strict=True))
    for name, value in weights(model).items():
        if not is_critic_parameter(name):
            assert th.allclose(value, actor[name], atol=1e-7)


def test_the_critics_own_passes_wait_for_the_warm_up_and_leave_trpo_alone(env: VecEnv) -> None:
    for algo, n_warmup in (("ppo", 9), ("trpo", 0)):
        made = []
        for n_epochs in (0, 3):
            model = make_model(algo, env, SETTINGS, seed=0)
            warmup = CriticWarmupCallback(n_warmup)
            model.learn(ROLLOUT * 2, callback=[warmup, CriticCallback(n_epochs, warmup)])
            made.append(weights(model))
        assert moved(*made) == set()


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_resumed_run_goes_on_with_the_ramp_where_it_was(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    model.learn(ROLLOUT * 2)
    seen, warmup = Settings(), CriticWarmupCallback(1)
    callbacks = [warmup, RampCallback(2, 0.2, warmup), seen]
    model.learn(ROLLOUT * 2, callback=callbacks, reset_num_timesteps=False)
    full = seen.in_rollouts[0]
    assert seen.in_updates[1] == full
    assert seen.in_updates[0] != full


def test_a_resumed_run_goes_on_cloning_with_the_step_it_had(env: VecEnv) -> None:
    rates = []
    for parts in ((6,), (3, 3)):
        model = make_model("ppo", env, SETTINGS, seed=0)
        for n in parts:
            warmup = CriticWarmupCallback(1)
            cloning = CloningCallback(demonstrations(), 1e-2, 0.5, 1, 32, warmup)
            model.learn(ROLLOUT * n, callback=[warmup, cloning], reset_num_timesteps=False)
        assert cloning._optimizer is not None
        rates.append(cloning._optimizer.param_groups[0]["lr"])
    assert rates[0] == rates[1] == 1e-2 * 0.5**3


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_further_cloning_moves_the_actor_towards_the_demonstrations(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    warmup = CriticWarmupCallback(9)  # so that nothing but cloning could move the actor
    idle = CloningCallback(demonstrations(), 1e-2, 0.9, 20, 32, warmup)
    before = weights(model)
    model.learn(ROLLOUT * 2, callback=[warmup, idle])
    assert all(is_critic_parameter(name) for name in moved(before, weights(model)))

    warmup = CriticWarmupCallback(0)
    cloning = CloningCallback(demonstrations(), 1e-2, 0.9, 20, 32, warmup)
    before = weights(model)
    observations = th.as_tensor(demonstrations()[0].obs)
    error = [
        float((model.policy.get_distribution(observations).mode() - 0.5).abs().mean().detach())
    ]
    cloning.init_callback(model)
    cloning.on_training_start({}, {})
    for _ in range(5):
        cloning.on_rollout_start()
    changed = moved(before, weights(model))
    error.append(
        float((model.policy.get_distribution(observations).mode() - 0.5).abs().mean().detach())
    )
    assert error[1] < error[0] / 2
    assert "log_std" not in changed
    assert not any(is_critic_parameter(name) for name in changed)


@pytest.mark.smoke
def test_the_gate_lowers_the_noise_until_the_return_is_kept(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS.updated({"log_std_init": 1.0}), seed=0)
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    gate = NoiseGateCallback(eval_env, 1.0, n_episodes=2)
    model.learn(ROLLOUT, callback=[CriticWarmupCallback(9), gate])  # nothing else moves the noise
    lowered = max(-5.0, 1.0 - 0.5 * (len(gate.stochastic) - 1))
    assert float(model.policy.log_std.detach()[0]) == pytest.approx(lowered)
    assert gate.passed == (gate.stochastic[-1] >= gate.deterministic)
    assert all(value < gate.deterministic for value in gate.stochastic[:-1])
    # A model that has been trained is left alone.
    again = NoiseGateCallback(eval_env, 1.0, n_episodes=2)
    model.learn(ROLLOUT, callback=again, reset_num_timesteps=False)
    assert again.passed is None
    eval_env.close()


def test_a_gate_that_lowers_nothing_changes_nothing() -> None:
    made = []
    for gated in (True, False):
        env, eval_env = make_vec_env("Pendulum-v1", 2, seed=0), make_vec_env("Pendulum-v1", 2)
        model = make_model("ppo", env, SETTINGS, seed=0)
        model.learn(ROLLOUT * 2, callback=NoiseGateCallback(eval_env, 0.0, 2) if gated else None)
        made.append(weights(model))
        env.close()
        eval_env.close()
    assert moved(*made) == set()


class Noise(BaseCallback):
    """The log standard deviation of each rollout."""

    def __init__(self) -> None:
        super().__init__()
        self.log_stds: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self.log_stds.append(float(self.model.policy.log_std.detach()[0]))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("start", "expected"),
    [(-3.0, (-3, -3, -3, -2.5, -2.5, -2, -2, -2)), (-1.0, (-1,) * 8)],
    ids=["from below", "what is above is left alone"],
)
def test_noise_returns_after_the_warm_up(start: float, expected: tuple[float, ...]) -> None:
    # With a learning rate of next to nothing, PPO itself leaves the noise where it is. Every
    # episode returns the same, and another 32 of them are there after every second rollout.
    envs = VecMonitor(DummyVecEnv([Fading, Fading]))
    settings = SETTINGS.updated({"log_std_init": start, "learning_rate": 1e-12})
    model = make_model("ppo", envs, settings, seed=0)
    noise, warmup = Noise(), CriticWarmupCallback(2)
    model.learn(
        ROLLOUT * 8, callback=[warmup, ExplorationRecoveryCallback(-2.0, 0.5, warmup), noise]
    )
    assert noise.log_stds == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize(
    ("begin", "expected"), [(0.0, [-1.0, -2.0, -2.0, -2.5]), (0.5, [-0.5, -1.0, -1.0, -2.0])]
)
def test_the_noise_comes_down_evenly_and_goes_on_doing_so(
    algo: str, begin: float, expected: list[float], env: VecEnv
) -> None:
    ceiling, noise = NoiseCeilingCallback(-1.0, -3.0, begin), Noise()
    settings = SETTINGS.updated({"log_std_init": -0.5, "learning_rate": 3e-4})
    model = make_model(algo, env, settings, seed=0)
    model.learn(ROLLOUT * 2, callback=[ceiling, noise])
    # Gone on with to twice the length: from the middle of what is then the whole.
    model.learn(ROLLOUT * 2, callback=[ceiling, noise], reset_num_timesteps=False)
    # An update moves the noise as well, by far less.
    np.testing.assert_allclose(noise.log_stds, expected, atol=0.02)


def test_noise_below_the_ceiling_stays(env: VecEnv) -> None:
    settings = SETTINGS.updated({"log_std_init": -4.0, "learning_rate": 3e-4})
    model, noise = make_model("ppo", env, settings, seed=0), Noise()
    model.learn(ROLLOUT * 2, callback=[NoiseCeilingCallback(-1.0, -3.0, 0.0), noise])
    np.testing.assert_allclose(noise.log_stds, -4.0, atol=0.02)


def test_noise_falls_where_the_return_does() -> None:
    def fading() -> Fading:
        made = Fading()
        made.fades_after = 3 * 32
        return made

    envs = VecMonitor(DummyVecEnv([fading, fading]))
    settings = SETTINGS.updated({"log_std_init": -2.0, "learning_rate": 1e-12})
    model = make_model("ppo", envs, settings, seed=0)
    noise, warmup = Noise(), CriticWarmupCallback(0)
    model.learn(
        ROLLOUT * 20, callback=[warmup, ExplorationRecoveryCallback(-2.0, 0.5, warmup), noise]
    )
    assert noise.log_stds[:3] == pytest.approx([-2, -2, -2], abs=1e-6)
    assert noise.log_stds[-1] == pytest.approx(-5.0, abs=1e-6)
    assert np.all(np.diff(noise.log_stds) <= 1e-6)


@pytest.mark.parametrize(("threshold", "expected"), [(-1e9, 2), (2.0, 4)])
def test_the_actor_is_freed_when_the_critic_explains_enough(
    env: VecEnv, threshold: float, expected: int
) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    warmup = CriticWarmupCallback(4, threshold)
    freed: list[bool] = []

    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            freed.append(not warmup.critic_only)

    model.learn(ROLLOUT * 6, callback=[warmup, Watch()])
    assert freed == [False] * expected + [True] * (6 - expected)


class Fading(gym.Env[np.ndarray, np.ndarray]):
    """Episodes of four steps; a reward of 1 each, until it fades."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Box(-1, 1, (1,), np.float32)
    fades_after = 10**9
    faded = 0.1

    def __init__(self) -> None:
        self.steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        reward = 1.0 if self.steps <= self.fades_after else self.faded
        return np.zeros(2, np.float32), reward, self.steps % 4 == 0, False, {}


class Keep(BaseCallback):
    """The weights at the end of each rollout: those it was made with."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[dict[str, th.Tensor]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self.kept.append(weights(self.model))  # type: ignore[arg-type]


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_collapse_stops_training_and_brings_the_best_policy_back(algo: str) -> None:
    def fading() -> Fading:
        made = Fading()
        made.fades_after = 3 * 32 * 2  # each environment makes 32 steps a rollout
        return made

    envs = VecMonitor(DummyVecEnv([fading, fading]))
    model = make_model(algo, envs, SETTINGS, seed=0)
    collapse, keep = CollapseCallback(0.5, patience=2), Keep()
    model.learn(ROLLOUT * 50, callback=[collapse, keep])
    assert collapse.collapsed
    assert model.num_timesteps < ROLLOUT * 20
    # 16 episodes a rollout: 32 are there after the second, and none is better than that.
    assert moved(keep.kept[1], weights(model)) == set()
    assert moved(keep.kept[-1], weights(model))


@pytest.mark.parametrize(("later", "collapses"), [(0.1, False), (10.0, True)])
def test_a_collapse_is_made_sure_of_without_noise(later: float, collapses: bool) -> None:
    def fading() -> Fading:
        made = Fading()
        made.fades_after = 3 * 32 * 2
        return made

    class Changing(Fading):
        """Changes its reward after the 16 episodes in which the present policy is measured."""

        fades_after = 16 * 4
        faded = later

    envs = VecMonitor(DummyVecEnv([fading, fading]))
    eval_env = VecMonitor(DummyVecEnv([Changing]))
    model = make_model("ppo", envs, SETTINGS, seed=0)
    collapse = CollapseCallback(0.5, patience=2, eval_env=eval_env)
    model.learn(ROLLOUT * 20, callback=collapse)
    assert collapse.collapsed == collapses
    assert (model.num_timesteps < ROLLOUT * 20) == collapses


def test_no_collapse_no_stop() -> None:
    envs = VecMonitor(DummyVecEnv([Fading, Fading]))
    model = make_model("ppo", envs, SETTINGS, seed=0)
    collapse = CollapseCallback()
    model.learn(ROLLOUT * 10, callback=collapse)
    assert model.num_timesteps == ROLLOUT * 10
    assert not collapse.collapsed


def test_a_rate_that_adapts_does_so_in_a_plain_learn_and_once_beside_fine_tune(env: VecEnv) -> None:
    factors = []
    for run in ("learn", "fine_tune"):
        model = make_model("ppo", env, SETTINGS.updated({"desired_kl": 0.05}), seed=0)
        rate = model.learning_rate
        assert isinstance(rate, AdaptiveRate)
        callbacks = warm_start(WarmStartSettings(critic_rollouts=0, ramp_updates=0))
        if run == "learn":
            model.learn(ROLLOUT * 4, callback=callbacks)
        else:
            fine_tune(model, ROLLOUT * 4, callback=callbacks, progress_bar=False)
        factors.append(rate.factor)
    assert factors[0] != 0.1
    assert all(1 / 27 <= factor / 0.1 <= 1.5**3 for factor in factors)


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("rollouts", [2, 0])  # the critic alone; small first steps
@pytest.mark.parametrize("ended", ["in the update", "before it"])
def test_what_was_changed_for_an_update_is_given_back_whatever_ends_it(
    env: VecEnv, algo: str, rollouts: int, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    settings = WarmStartSettings(critic_rollouts=rollouts)
    usual = vars(model)["target_kl"], vars(model)["lr_schedule"]

    class Fails(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            if ended == "before it":
                raise KeyboardInterrupt

    def interrupted(self: OnPolicyAlgorithm) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(model), "train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.learn(ROLLOUT, callback=[*warm_start(settings), Fails()])
    if ended == "before it":  # only the next training can tell
        model.learn(ROLLOUT, callback=warm_start(WarmStartSettings.none()))
    assert (vars(model)["target_kl"], vars(model)["lr_schedule"]) == usual
    assert "train" not in vars(model)
    assert all(parameter.requires_grad for parameter in model.policy.parameters())
    before = weights(model)
    model.learn(ROLLOUT)
    assert "action_net.weight" in moved(before, weights(model))


def test_the_critics_own_steps_need_one_array_of_observations() -> None:
    class Named(gym.Env[dict[str, Any], Any]):
        observation_space = spaces.Dict({"a": spaces.Box(-1, 1, (2,), np.float32)})
        action_space = spaces.Box(-1, 1, (1,), np.float32)

        def reset(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            return self.observation_space.sample(), {}

        def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
            return self.observation_space.sample(), 0.0, False, False, {}

    model = PPO("MultiInputPolicy", DummyVecEnv([Named]), n_steps=8, batch_size=8, device="cpu")
    with pytest.raises(InputError, match="critic_epochs=0"):
        model.learn(8, callback=warm_start())
    assert model.learn(8, callback=warm_start(WarmStartSettings.none())).num_timesteps == 8


def test_every_part_can_be_switched_off(env: VecEnv) -> None:
    eval_env = make_vec_env("Pendulum-v1", 1)
    kinds = {type(c).__name__ for c in warm_start(demonstrations=demonstrations(), eval_env=env)}
    assert kinds == {
        "AdaptiveRateCallback",
        "CriticWarmupCallback",
        "NoiseGateCallback",
        "ExplorationRecoveryCallback",
        "CriticCallback",
        "RampCallback",
        "CloningCallback",
        "CollapseCallback",
    }
    off = warm_start(WarmStartSettings.none(), demonstrations=demonstrations(), eval_env=eval_env)
    assert [type(c).__name__ for c in off] == [
        "AdaptiveRateCallback",
        "CriticWarmupCallback",
        "NormalizerCallback",
    ]
    made = []
    for callbacks in (off[:2], []):
        model = make_model("ppo", env, SETTINGS, seed=0)
        model.learn(ROLLOUT * 2, callback=callbacks)
        made.append(weights(model))
    assert moved(*made) == set()
    eval_env.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gate": 1.5}, r"gate must lie in \[0, 1\]"),
        ({"noise_step": -1}, "noise_step must be finite and not negative"),
        ({"ramp_updates": -1}, "ramp_updates must be finite and not negative"),
        ({"bc_batches": 0}, "bc_batches must be at least 1"),
        ({"bc_weight": float("nan")}, "bc_weight must be finite and not negative"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        WarmStartSettings(**changes)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_model_saved_between_rollout_and_update_is_an_ordinary_one(
    env: VecEnv, algo: str, tmp_path: Path
) -> None:
    class Saving(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            self.model.save(tmp_path / f"{self.num_timesteps}.zip")

    model = make_model(algo, env, SETTINGS, seed=0)
    usual = {name: vars(model)[name] for name in ("target_kl", "learning_rate")}
    callbacks = warm_start(WarmStartSettings(critic_rollouts=1, ramp_updates=2))
    model.learn(ROLLOUT * 3, callback=[*callbacks, Saving()])
    for n in (1, 2, 3):
        saved = type(model).load(tmp_path / f"{n * ROLLOUT}.zip", env=env, device="cpu")
        assert not {"train", "_excluded_save_params"} & vars(saved).keys()
        assert {name: vars(saved)[name] for name in usual} == usual
        before = weights(saved)
        saved.learn(ROLLOUT, reset_num_timesteps=False)
        assert "action_net.weight" in moved(before, weights(saved))


def test_callbacks_that_a_collapse_has_ended_begin_anew_with_another_model() -> None:
    def fading() -> Fading:
        made = Fading()
        made.fades_after = 3 * 32 * 2
        return made

    model = make_model("ppo", VecMonitor(DummyVecEnv([fading, fading])), SETTINGS, seed=0)
    collapse = CollapseCallback(0.5, patience=2)
    model.learn(ROLLOUT * 50, callback=collapse)
    ended = collapse.collapsed
    assert ended
    steady = VecMonitor(DummyVecEnv([Fading, Fading]))
    another = make_model("ppo", steady, SETTINGS, seed=1)
    another.learn(ROLLOUT * 4, callback=collapse)
    assert not collapse.collapsed
    assert another.num_timesteps == ROLLOUT * 4
    assert moved(weights(model), weights(another))


@pytest.mark.parametrize(
    ("shape", "message"), [((3, 4), "actions have shape"), ((5, 1), "observations have shape")]
)
def test_demonstrations_of_another_space_are_refused_before_training(
    env: VecEnv, shape: tuple[int, int], message: str
) -> None:
    n_observed, n_actions = shape
    wrong = TrajectoryWithRew(
        obs=np.zeros((9, n_observed), np.float32),
        acts=np.zeros((8, n_actions), np.float32),
        infos=None,
        terminal=False,
        rews=np.zeros(8, np.float32),
    )
    model = make_model("ppo", env, SETTINGS, seed=0)
    with pytest.raises(InputError, match=message):
        model.learn(ROLLOUT, callback=warm_start(demonstrations=[wrong]))
    assert model.num_timesteps == 0


def test_a_critic_that_shares_no_features_warms_up_whole() -> None:
    env = make_vec_env("Pendulum-v1", 2, seed=0)
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=32,
        batch_size=32,
        policy_kwargs={"share_features_extractor": False, "features_extractor_class": Features},
        device="cpu",
    )
    before = weights(model)
    model.learn(ROLLOUT, callback=CriticWarmupCallback(1))
    changed = moved(before, weights(model))
    assert "vf_features_extractor.linear.weight" in changed
    assert not {name for name in changed if name.startswith("features_extractor.")}
    env.close()


class Features(BaseFeaturesExtractor):
    """A layer of its own in front of the network."""

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, 4)
        self.linear = th.nn.Linear(3, 4)

    def forward(self, observations: th.Tensor) -> th.Tensor:
        return th.as_tensor(self.linear(observations))


def test_the_gate_leaves_the_noise_of_a_trained_model_whose_count_begins_anew(
    env: VecEnv,
) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    model.learn(ROLLOUT)
    noise = model.policy.log_std.detach().clone()
    gate = NoiseGateCallback(env, ratio=1.0, n_episodes=1)
    gate.init_callback(model)
    model.num_timesteps = 0
    gate.on_training_start({}, {})
    assert gate.passed is None
    assert th.equal(model.policy.log_std, noise)


def test_measuring_takes_over_the_statistics_of_the_training_environments() -> None:
    training = VecNormalize(make_vec_env("Pendulum-v1", 2, seed=0))
    model = PPO("MlpPolicy", training, n_steps=32, batch_size=32, device="cpu")
    model.learn(ROLLOUT)
    apart = VecNormalize(make_vec_env("Pendulum-v1", 1, seed=1), training=False, norm_reward=False)
    mean_return(model, apart, 1)
    taken: Any = apart.obs_rms
    own: Any = training.obs_rms
    np.testing.assert_array_equal(taken.mean, own.mean)


@pytest.mark.parametrize("name", ["critic_rollouts", "critic_epochs", "ramp_updates", "bc_batches"])
def test_numbers_of_things_are_whole(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be a whole number, got 1.5"):
        WarmStartSettings(**{name: 1.5})  # type: ignore[arg-type]


def test_an_algorithm_that_a_warm_start_cannot_serve_is_named() -> None:
    model = SAC("MlpPolicy", "Pendulum-v1", learning_starts=10, buffer_size=100, device="cpu")
    with pytest.raises(InputError, match=r"a warm start is for on-policy algorithms .* not SAC"):
        model.learn(20, callback=warm_start())
    assert model.num_timesteps == 0
