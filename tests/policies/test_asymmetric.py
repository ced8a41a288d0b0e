"""A critic that sees more than the actor."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from sb3_contrib import TRPO
from stable_baselines3 import PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic import collect_demonstrations, make_model, pretrain
from sb3_mimic.envs import PiDogEnv
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.envs.pidog.randomization import Randomization
from sb3_mimic.errors import InputError
from sb3_mimic.export.files import load_exported
from sb3_mimic.export.policy import export_policy
from sb3_mimic.policies.asymmetric import AsymmetricPolicy, extract_actor
from sb3_mimic.policies.saved import load_policy
from sb3_mimic.tasks import get_task

ENV_ID = "sb3_mimic/PiDogHardware-v0"
KWARGS: dict[str, Any] = {
    "privileged": True,
    "episode_seconds": 1.0,
    "randomization": Randomization(n_models=2, roughness=(0.0, 0.0)),
}
N_ACTOR = 74


def model_of(algo: str) -> OnPolicyAlgorithm:
    envs = make_envs(ENV_ID, 4, seed=0, env_kwargs=KWARGS)
    settings = get_task("pidog").hyperparameters_for(algo)
    settings = settings.updated(
        {"actor_inputs": N_ACTOR, "hidden_sizes": (32, 32), "rollout_size": 256, "batch_size": 64}
    )
    return make_model(algo, envs, settings, seed=0, device="cpu")


@pytest.mark.parametrize(("algo", "cls"), [("ppo", PPO), ("trpo", TRPO)])
def test_it_learns_saves_and_acts_on_hardware_observations_alone(
    algo: str, cls: type[OnPolicyAlgorithm], tmp_path: Path
) -> None:
    model = model_of(algo)
    policy = model.policy
    assert isinstance(model, cls)
    assert isinstance(policy, AsymmetricPolicy)
    demonstrations = collect_demonstrations(ENV_ID, "sine", 4, env_kwargs=KWARGS)
    result = pretrain(model, demonstrations, 30, progress_bar=False)
    assert result.train_error[-1] < 0.3 * result.train_error[0]
    model.learn(512)
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(50, 108)).astype(np.float32)
    expected, _ = model.predict(observations, deterministic=True)
    secrets = observations.copy()
    secrets[:, N_ACTOR:] = rng.normal(size=(50, 34))
    np.testing.assert_array_equal(model.predict(secrets, deterministic=True)[0], expected)
    values = [policy.predict_values(th.from_numpy(o)).detach() for o in (observations, secrets)]
    assert (values[0] != values[1]).all()
    # The robot's part alone.
    alone = extract_actor(policy).predict(observations[:, :N_ACTOR], deterministic=True)[0]
    np.testing.assert_allclose(alone, expected, atol=1e-5)
    model.save(tmp_path / "model.zip")
    done = export_policy(
        policy,
        tmp_path / "model.zip",
        tmp_path / "walk.pt",
        file_format="torchscript",
        env_id=ENV_ID,
        env_kwargs=KWARGS,
        for_robot=True,
    )
    exported = load_exported(done.path).predict(observations[:, :N_ACTOR])[0]
    np.testing.assert_allclose(exported, expected, atol=1e-5)
    assert done.description.servo == {"history": 5, "clock_frequency": 2.75, "rate_limit": 428.0}
    assert sum(part["size"] for part in done.description.observation["layout"]) == N_ACTOR
    loaded = load_policy(tmp_path / "model.zip")
    assert isinstance(loaded, AsymmetricPolicy)
    assert loaded.n_actor == N_ACTOR
    np.testing.assert_allclose(loaded.predict(observations, deterministic=True)[0], expected)
    again = cls.load(tmp_path / "model.zip", device="cpu")
    np.testing.assert_allclose(again.predict(observations, deterministic=True)[0], expected)


def test_the_environment_says_how_much_the_actor_may_read() -> None:
    env = gym.make(ENV_ID, **KWARGS).unwrapped
    assert isinstance(env, PiDogEnv)
    assert env.n_actor == N_ACTOR
    env.close()


@pytest.mark.parametrize("n_actor", [0, 31])
def test_more_than_there_is_cannot_be_read(n_actor: int) -> None:
    env = PiDogEnv()
    with pytest.raises(InputError, match=f"n_actor={n_actor} must be at least 1 and at most"):
        PPO(AsymmetricPolicy, env, n_steps=64, policy_kwargs={"n_actor": n_actor}, device="cpu")
    env.close()
