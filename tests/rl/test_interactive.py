"""DAgger, GAIL and AIRL: the expert's law, and each from demonstrations to a zip that acts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as th
from imitation.data.types import TrajectoryWithRew
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize

from sb3_mimic import collect_demonstrations
from sb3_mimic.cli import main
from sb3_mimic.cloning import compute_residual, demonstration_tensors
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.errors import InputError
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.rl.algorithms import AdaptiveRate
from sb3_mimic.rl.interactive import adversarial, dagger
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl.nearest import NearestDemonstration
from sb3_mimic.tasks import Hyperparameters

SETTINGS = Hyperparameters(
    n_envs=2,
    rollout_size=128,
    batch_size=64,
    learning_rate=1e-3,
    linear_decay=False,
    gamma=0.99,
    gae_lambda=0.95,
    log_std_init=-2.0,
    hidden_sizes=(32, 32),
    activation="elu",
)
PIDOG = "sb3_mimic/PiDog-v0"
SHORT = {"episode_seconds": 1.0}


def gait() -> list[TrajectoryWithRew]:
    return collect_demonstrations(PIDOG, "sine", 2, env_kwargs=SHORT)


def test_the_nearest_demonstration_to_a_demonstrated_state_is_itself() -> None:
    demonstrations = gait()
    env = make_envs(PIDOG, 1, env_kwargs=SHORT)
    expert = NearestDemonstration(demonstrations, env)
    for trajectory in demonstrations:
        actions, state = expert.predict(trajectory.obs[:-1])
        np.testing.assert_array_equal(actions, trajectory.acts)
        assert state is None
    # Nearer to one state than half its distance to any other, the label does not change.
    shaken = np.asarray(demonstrations[0].obs[:-1]) + 1e-6
    np.testing.assert_array_equal(expert.predict(shaken)[0], demonstrations[0].acts)
    env.close()


@pytest.mark.smoke
def test_dagger_clones_what_it_collected_and_leaves_the_critic_alone() -> None:
    demonstrations = gait()
    env = make_envs(PIDOG, 2, env_kwargs=SHORT)
    model = make_model("ppo", env, SETTINGS, seed=0)
    before = {name: p.clone() for name, p in model.policy.named_parameters()}
    samples = demonstration_tensors(demonstrations, model)
    error = compute_residual(model.policy, *samples)
    reports: list[tuple[int, int]] = []
    n_cloned = dagger(
        model, demonstrations, 400, seed=0, progress=lambda *counts: reports.append(counts)
    )
    assert reports[0] == (2, 400)
    assert reports[-1] == (400, 400)
    assert n_cloned >= 400 + sum(len(t) for t in demonstrations)
    assert compute_residual(model.policy, *samples).mean() < error.mean()
    for name, parameter in model.policy.named_parameters():
        assert th.equal(before[name], parameter) or not is_critic_parameter(name)
        assert parameter.requires_grad
    env.close()


@pytest.mark.parametrize(("method", "algo"), [("gail", "trpo"), ("airl", "ppo")])
def test_an_adversary_trains_the_critic_and_then_the_actor(method: Any, algo: str) -> None:
    demonstrations = gait()
    env = make_envs(PIDOG, 2, env_kwargs=SHORT)
    model = make_model(algo, env, SETTINGS, seed=0)
    usual = vars(model)["target_kl"]
    start = {name: p.clone() for name, p in model.policy.named_parameters()}
    adversarial(model, demonstrations, 128 * 2, method, critic_rollouts=2)
    warmed = {name: p.clone() for name, p in model.policy.named_parameters()}
    moved = {name for name in start if not th.equal(start[name], warmed[name])}
    assert moved == {name for name in start if is_critic_parameter(name)}
    reports: list[tuple[int, int]] = []
    adversarial(
        model,
        demonstrations,
        128,
        method,
        critic_rollouts=0,
        progress=lambda *counts: reports.append(counts),
    )
    assert reports[-1] == (128, 128)
    trained = dict(model.policy.named_parameters())
    assert not th.equal(warmed["action_net.weight"], trained["action_net.weight"])
    assert vars(model)["target_kl"] == usual
    assert model.get_env() is env
    env.close()


def test_a_rate_that_adapts_does_so_within_imitation_too() -> None:
    env = make_envs(PIDOG, 2, env_kwargs=SHORT)
    model = make_model("ppo", env, SETTINGS.updated({"desired_kl": 0.01}), seed=0)
    rate = model.learning_rate
    assert isinstance(rate, AdaptiveRate)
    before = rate.factor
    adversarial(model, gait(), 128 * 3, "gail", critic_rollouts=0)
    # Three updates, the last of which nobody has asked about yet.
    assert rate.factor != before
    assert 1 / 9 <= rate.factor / before <= 1.5**2
    env.close()


def test_a_rate_that_falls_with_the_training_does_not_within_imitation() -> None:
    env = make_envs(PIDOG, 2, env_kwargs=SHORT)
    model = make_model("ppo", env, SETTINGS.updated({"linear_decay": True}), seed=0)
    usual = model.lr_schedule
    before = model.policy.state_dict()["action_net.weight"].clone()
    adversarial(model, gait(), 128, "gail", critic_rollouts=0)
    assert not th.equal(before, model.policy.state_dict()["action_net.weight"])
    assert model.lr_schedule is usual
    env.close()


def test_in_dagger_the_expert_acts_in_the_first_round_alone() -> None:
    class Acting(VecEnvWrapper):
        """Keeps what is done."""

        def __init__(self, envs: VecEnv) -> None:
            super().__init__(envs)
            self.done: list[np.ndarray] = []

        def reset(self) -> Any:
            return self.venv.reset()

        def step_async(self, actions: np.ndarray) -> None:
            self.done.append(actions.copy())
            self.venv.step_async(actions)

        def step_wait(self) -> Any:
            return self.venv.step_wait()

    class Still(NearestDemonstration):
        """An expert whose action nobody else would choose."""

        def predict(self, observation: Any, *_: Any, **__: Any) -> tuple[np.ndarray, None]:
            return np.full((len(observation), 8), 0.125, np.float32), None

    demonstrations = gait()
    env = Acting(make_envs(PIDOG, 2, env_kwargs=SHORT))
    model = make_model("ppo", env, SETTINGS, seed=0)
    dagger(model, demonstrations, 600, expert=Still(demonstrations, env), seed=0)
    by_expert = [bool((np.asarray(actions) == 0.125).all()) for actions in env.done]
    first = by_expert.index(False)
    assert first >= 50  # an episode of each environment
    assert len(by_expert) - first >= 100
    assert not any(by_expert[first:])
    env.close()


def test_bad_requests_are_refused() -> None:
    env = make_vec_env("Pendulum-v1", 1)
    normalized = PPO("MlpPolicy", VecNormalize(env), n_steps=64, batch_size=64)
    with pytest.raises(InputError, match="must not be normalized by VecNormalize"):
        adversarial(normalized, [], 64)
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=64)
    with pytest.raises(InputError, match="must be positive"):
        dagger(model, [], 0)
    with pytest.raises(InputError, match="at least that of a rollout, 64"):
        adversarial(model, [], 10)
    env.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ["dagger", "--total-timesteps", "500"],
        pytest.param(["adversarial", "--algo", "trpo"], marks=pytest.mark.slow),
    ],
)
def test_one_command_trains_evaluates_and_saves(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.zip"
    small = ["--n-demo-episodes", "2", "--bc-epochs", "1", "--n-eval-episodes", "1"]
    small += ["--refine-method", "none"]
    if arguments[0] == "adversarial":
        small += ["--total-timesteps", "8192"]
    command = [*arguments, *small, "--json", "--save-path", str(path)]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"clone", "model"}
    assert path.is_file()
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
