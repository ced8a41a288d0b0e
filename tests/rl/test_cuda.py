"""Training and playing on a GPU. Nothing here runs without one, and nothing else needs one."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch as th
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.cloning import pretrain
from sb3_mimic.demos import collect_demonstrations
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.policies.randomness import fork_randomness
from sb3_mimic.policies.saved import load_policy, read_timesteps
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl.warm_start import warm_start
from sb3_mimic.tasks import get_task
from sb3_mimic.training.run import RunFolder

pytestmark = pytest.mark.skipif(
    not th.cuda.is_available(), reason="NOT TESTED ON A GPU: torch reaches none"
)

Command = Callable[..., str]
SMALL = ["--n-demo-episodes", "2", "--total-bc-epochs", "2", "--n-eval-episodes", "2"]


def test_a_run_begins_on_the_gpu_goes_on_there_and_is_played_anywhere(
    tmp_path: Path, sb3_mimic: Command
) -> None:
    asked = [*SMALL, "--n-envs", "16", "--experiment-name", "a"]
    sb3_mimic("train", *asked, "--total-rl-timesteps", "4096", "--device", "cuda", folder=tmp_path)
    run = RunFolder(tmp_path / "outputs" / "a")
    first = read_timesteps(run.model)
    assert first is not None
    assert first >= 4096
    for device, timesteps in (("cuda", first + 4096), ("cpu", first + 8192)):
        more = ["--total-rl-timesteps", str(timesteps), "--device", device]
        sb3_mimic("train", "--resume", "outputs/a", *more, folder=tmp_path)
        last = read_timesteps(run.model)
        assert last is not None
        assert last >= timesteps
    figures = [
        json.loads(
            sb3_mimic(
                *("evaluate", "outputs/a", "--n-eval-episodes", "2", "--json", "--device", device),
                folder=tmp_path,
            )
        )
        for device in ("cuda", "cpu")
    ]
    assert set(figures[0]) == set(figures[1])
    # The first steps agree to rounding; what falls later may do so a step earlier or later.
    assert figures[0]["mean_ep_length"] == pytest.approx(figures[1]["mean_ep_length"], rel=0.1)


def test_the_same_policy_acts_alike_on_both_devices(tmp_path: Path) -> None:
    task = get_task("humanoid")
    envs = make_envs(task.env_id, 2, seed=0)
    path = tmp_path / "model.zip"
    make_model("ppo", envs, task.hyperparameters, seed=0, device="cuda").save(path)
    observations = envs.reset()
    envs.close()
    on_gpu, on_cpu = (
        load_policy(path, device).predict(np.asarray(observations), deterministic=True)[0]
        for device in ("cuda", "cpu")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-3)


def test_an_evaluation_leaves_the_noise_of_training_alone() -> None:
    task = get_task("pidog")
    envs: VecEnv = make_envs(task.env_id, 2, seed=0)
    model = make_model("ppo", envs, task.hyperparameters, seed=0, device="cuda")
    envs.close()
    state = th.cuda.get_rng_state()
    evaluate(model, task.env_id, n_episodes=2, seed=0)
    assert th.equal(th.cuda.get_rng_state(), state)
    with fork_randomness(3):
        inside = th.rand(4, device="cuda")
    with fork_randomness(3):
        assert th.equal(th.rand(4, device="cuda"), inside)
    assert th.equal(th.cuda.get_rng_state(), state)


@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_the_handover_runs_where_the_policy_is(algo: str) -> None:
    task = get_task("pidog")
    envs, eval_envs = (make_envs(task.env_id, 16, seed=seed) for seed in (0, 1))
    model = make_model(algo, envs, task.hyperparameters_for(algo), seed=0, device="cuda")
    demonstrations = collect_demonstrations(task.env_id, "sine", n_episodes=2)
    pretrain(model, demonstrations, n_epochs=5, progress_bar=False)
    callbacks = warm_start(demonstrations=demonstrations, eval_env=eval_envs)
    model.learn(4 * model.n_steps * model.n_envs, callback=callbacks)
    envs.close()
    eval_envs.close()
    assert all(parameter.is_cuda for parameter in model.policy.parameters())
    assert all(bool(th.isfinite(parameter).all()) for parameter in model.policy.parameters())
