"""The handover to reinforcement learning, and what training leaves on disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch as th
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.errors import InputError
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.policies.saved import read_timesteps
from sb3_mimic.rl.algorithms import get_algorithm
from sb3_mimic.rl.finetune import FineTuneSettings, fine_tune
from sb3_mimic.rl.models import make_model
from sb3_mimic.rl.warm_start import CriticWarmupCallback, warm_start
from sb3_mimic.tasks import Hyperparameters
from sb3_mimic.training.run import RunFolder

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


@pytest.fixture
def env() -> Iterator[VecEnv]:
    envs = make_vec_env("Pendulum-v1", 2, seed=0)
    yield envs
    envs.close()


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", {})


def weights(model: OnPolicyAlgorithm) -> dict[str, th.Tensor]:
    return {name: value.clone() for name, value in model.policy.named_parameters()}


def target_kl(model: OnPolicyAlgorithm) -> float | None:
    found: float | None = vars(model)["target_kl"]
    return found


def moved(before: dict[str, th.Tensor], after: dict[str, th.Tensor]) -> set[str]:
    return {name for name in before if not th.equal(before[name], after[name])}


class Interrupt(BaseCallback):
    """Ctrl-C after some steps."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def _on_step(self) -> bool:
        if self.num_timesteps >= self.at:
            raise KeyboardInterrupt
        return True


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_in_the_warm_up_only_the_critic_learns(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    before = weights(model)
    model.learn(64 * 3, callback=CriticWarmupCallback(3))
    changed = moved(before, weights(model))
    assert changed == {name for name in before if is_critic_parameter(name)}


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_after_the_warm_up_the_actor_learns_as_before(env: VecEnv, algo: str) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    usual = target_kl(model)
    before = weights(model)
    model.learn(64 * 3, callback=CriticWarmupCallback(2))
    assert target_kl(model) == usual
    assert all(parameter.requires_grad for parameter in model.policy.parameters())
    assert {"action_net.weight", "log_std"} <= moved(before, weights(model))


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_checkpoint_of_the_warm_up_holds_ordinary_settings(
    env: VecEnv, run: RunFolder, algo: str
) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    settings = FineTuneSettings(save_freq=32)
    fine_tune(model, 128, warm_start(), settings=settings, run=run, progress_bar=False)
    cls = get_algorithm(algo).load_class()
    for path in run.checkpoints.iterdir():
        assert target_kl(cls.load(path)) == target_kl(model)
    assert target_kl(model) == target_kl(make_model(algo, env, SETTINGS))


def test_no_warm_up_changes_nothing(env: VecEnv) -> None:
    made = []
    for callback in (None, CriticWarmupCallback(0)):
        model = make_model("ppo", env, SETTINGS, seed=0)
        model.learn(128, callback=callback)
        made.append(weights(model))
    assert moved(*made) == set()
    with pytest.raises(InputError, match="must not be negative"):
        CriticWarmupCallback(-1)


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_training_leaves_checkpoints_best_model_and_evaluations(
    env: VecEnv, run: RunFolder, algo: str
) -> None:
    model = make_model(algo, env, SETTINGS, seed=0, tensorboard_log=run.tensorboard)
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    settings = FineTuneSettings(eval_freq=100, n_eval_episodes=2, save_freq=64)
    fine_tune(model, 256, settings=settings, run=run, eval_env=eval_env, progress_bar=False)
    found = sorted(read_timesteps(p) or 0 for p in run.checkpoints.iterdir())
    assert found == [64, 128, 192, 256]
    # Every 100 steps are every 50 calls of two environments each.
    with np.load(run.evaluations) as evaluations:
        assert evaluations["timesteps"].tolist() == [100, 200]
        means = evaluations["results"].mean(axis=1)
    best = read_timesteps(run.best_model)
    assert best == [100, 200][int(means.argmax())]
    assert list(run.tensorboard.glob(f"{algo}_1/events.*"))
    eval_env.close()


def test_one_evaluation_at_least_is_made(env: VecEnv, run: RunFolder) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    settings = FineTuneSettings(eval_freq=10**6, n_eval_episodes=2, save_freq=10**6)
    fine_tune(model, 64, settings=settings, run=run, eval_env=eval_env, progress_bar=False)
    assert run.best_model.is_file()
    assert run.checkpoint(64).is_file()
    eval_env.close()


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_an_interrupt_keeps_the_state_of_the_last_update(
    env: VecEnv, run: RunFolder, algo: str
) -> None:
    model = make_model(algo, env, SETTINGS, seed=0)
    settings = FineTuneSettings(save_freq=10**6)
    callbacks = [*warm_start(), Interrupt(100)]
    usual = target_kl(model)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(model, 10**6, callbacks, settings=settings, run=run, progress_bar=False)
    assert target_kl(model) == usual
    assert all(parameter.requires_grad for parameter in model.policy.parameters())
    # Of two rollouts of 64 the second was not learned from, and is not counted.
    assert run.latest_checkpoint() == (run.checkpoint(64), 64)


def test_a_resumed_run_goes_on_counting_and_keeps_the_best(env: VecEnv, run: RunFolder) -> None:
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    settings = FineTuneSettings(eval_freq=64, n_eval_episodes=2, save_freq=64)
    model = make_model("ppo", env, SETTINGS, seed=0)
    fine_tune(model, 128, settings=settings, run=run, eval_env=eval_env, progress_bar=False)
    latest = run.latest_checkpoint()
    assert latest is not None
    path, timesteps = latest
    loaded = get_algorithm("ppo").load_class().load(path, env=env)
    assert loaded.policy.optimizer.state_dict()["state"]
    fine_tune(
        loaded,
        64,
        settings=settings,
        run=run,
        eval_env=eval_env,
        progress_bar=False,
        resume=True,
    )
    assert loaded.num_timesteps == timesteps + 64 == 192
    with np.load(run.evaluations) as evaluations:
        assert evaluations["timesteps"].tolist() == [64, 128, 192]
        means = evaluations["results"].mean(axis=1)
    assert read_timesteps(run.best_model) == [64, 128, 192][int(means.argmax())]
    eval_env.close()


def test_a_damaged_record_of_evaluations_is_named(env: VecEnv, run: RunFolder) -> None:
    run.evaluations.write_bytes(b"PK half a file")
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    model = make_model("ppo", env, SETTINGS, seed=0)
    settings = FineTuneSettings(n_eval_episodes=1)
    how: dict[str, Any] = {"settings": settings, "run": run, "eval_env": eval_env}
    with pytest.raises(InputError, match=r"evaluations\.npz: cannot be read"):
        fine_tune(model, 64, progress_bar=False, **how)
    run.evaluations.unlink()
    fine_tune(model, 64, progress_bar=False, **how)
    with np.load(run.evaluations) as evaluations:
        assert evaluations["timesteps"].tolist() == [64]
    eval_env.close()


def test_evaluations_are_written_whole_or_not_at_all(
    env: VecEnv, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    model = make_model("ppo", env, SETTINGS, seed=0)
    how: dict[str, Any] = {"settings": FineTuneSettings(n_eval_episodes=1), "run": run}
    fine_tune(model, 64, eval_env=eval_env, progress_bar=False, **how)
    before = run.evaluations.read_bytes()

    def killed(path: str, **arrays: Any) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(model, 64, eval_env=eval_env, progress_bar=False, resume=True, **how)
    assert run.evaluations.read_bytes() == before
    assert [path.name for path in run.path.glob("*.npz")] == [run.evaluations.name]
    eval_env.close()


def test_only_on_policy_algorithms_are_fine_tuned(env: VecEnv) -> None:
    with pytest.raises(InputError, match="on-policy algorithms such as PPO and TRPO, not SAC"):
        fine_tune(SAC("MlpPolicy", env, device="cpu"), 64)  # type: ignore[arg-type]


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_the_same_seed_gives_the_same_training(algo: str) -> None:
    made = []
    for _ in range(2):
        envs = make_vec_env("Pendulum-v1", 2, seed=0)
        model = make_model(algo, envs, SETTINGS, seed=5)
        fine_tune(model, 256, progress_bar=False)
        made.append(weights(model))
        envs.close()
    assert moved(*made) == set()


def test_no_timesteps_are_no_training(env: VecEnv) -> None:
    model = make_model("ppo", env, SETTINGS, seed=0)
    assert fine_tune(model, 0, progress_bar=False).num_timesteps == 0
    with pytest.raises(InputError, match="must not be negative"):
        fine_tune(model, -1)


def test_a_users_callbacks_run_with_ours(env: VecEnv) -> None:
    class Count(BaseCallback):
        def _on_step(self) -> bool:
            return True

    model = make_model("ppo", env, SETTINGS, seed=0)
    counts = [Count(), Count()]
    fine_tune(model, 64, counts[0], progress_bar=False)
    fine_tune(model, 64, [counts[0], counts[1]], progress_bar=False)
    assert [c.n_calls for c in counts] == [64, 32]


def test_what_sb3s_learn_takes_as_callback_is_taken(env: VecEnv) -> None:
    class Count(BaseCallback):
        def _on_step(self) -> bool:
            return True

    seen: list[int] = []

    def note(found: dict[str, Any], _: dict[str, Any]) -> bool:
        seen.append(found["self"].num_timesteps)
        return True

    count = Count()
    fine_tune(make_model("ppo", env, SETTINGS, seed=0), 64, note, progress_bar=False)
    assert seen == list(range(2, 66, 2))
    model = make_model("ppo", env, SETTINGS, seed=0)
    fine_tune(model, 64, (count, note), progress_bar=False)  # type: ignore[arg-type]
    assert count.n_calls == 32
    assert len(seen) == 64


def test_a_callback_that_fails_leaves_torch_its_threads(env: VecEnv) -> None:
    class Fails(BaseCallback):
        def _on_step(self) -> bool:
            raise ValueError("mine")

    before = th.get_num_threads()
    th.set_num_threads(2)
    try:
        model = make_model("ppo", env, SETTINGS, seed=0)
        with pytest.raises(ValueError, match="mine"):
            fine_tune(model, 64, [Fails(), *warm_start()], progress_bar=False)
        assert th.get_num_threads() == 2
    finally:
        th.set_num_threads(before)


def test_evaluations_over_another_number_of_episodes_are_refused(
    env: VecEnv, run: RunFolder
) -> None:
    eval_env = make_vec_env("Pendulum-v1", 2, seed=1)
    model = make_model("ppo", env, SETTINGS, seed=0)
    for n_episodes in (2, 4):
        settings = FineTuneSettings(eval_freq=64, n_eval_episodes=n_episodes)
        asked: dict[str, Any] = {"settings": settings, "run": run, "eval_env": eval_env}
        if n_episodes == 2:
            fine_tune(model, 64, progress_bar=False, **asked)
            continue
        with pytest.raises(InputError, match=r"evaluations.npz: .* 2 episodes each.*=4"):
            fine_tune(model, 64, resume=True, progress_bar=False, **asked)
    eval_env.close()


@pytest.mark.parametrize("changes", [{"eval_freq": 0}, {"save_freq": 0}, {"n_eval_episodes": 0}])
def test_settings_are_checked_at_construction(changes: dict[str, int]) -> None:
    with pytest.raises(InputError):
        FineTuneSettings(**changes)  # type: ignore[arg-type]
