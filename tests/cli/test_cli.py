"""The command line as a user types it, run in this process on small jobs."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

from sb3_mimic.cli import main
from sb3_mimic.demos.storage import read_provenance
from sb3_mimic.envs import PiDogEnv
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.policies.asymmetric import AsymmetricPolicy
from sb3_mimic.policies.saved import load_policy, read_timesteps
from sb3_mimic.tasks import TASKS, Task
from sb3_mimic.training import films, pipeline
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.resume import open_run, resume_model, resumption_seed
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.trained import find_last_model

CAN_FILM = films.can_film
SMALL = ["--n-demo-episodes", "2", "--total-bc-epochs", "2", "--n-eval-episodes", "2"]

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small networks, short episodes, rollouts and videos, and a folder of its own."""

    def one_second(task: Task, motion: str | None, **options: Any) -> dict[str, Any]:
        return {**env_kwargs(task, motion, **options), "episode_seconds": 1.0}

    env_kwargs = Task.env_kwargs
    monkeypatch.setattr(Task, "env_kwargs", one_second)
    small = {"n_envs": 4, "rollout_size": 128, "batch_size": 64, "hidden_sizes": (16, 16)}
    for name in ("humanoid", "pidog", "pidog-hardware"):
        task = TASKS[name]
        smaller = replace(
            task,
            hyperparameters=task.hyperparameters.updated(small),
            training_env_kwargs={**task.training_env_kwargs, "episode_seconds": 1.0},
        )
        monkeypatch.setitem(TASKS, name, smaller)
    monkeypatch.setattr(films, "can_film", lambda _: False)
    monkeypatch.setattr(films, "VIDEO_SECONDS", 0.1)
    monkeypatch.setattr(films, "PREVIEW_SECONDS", 0.1)
    monkeypatch.setattr(pipeline, "EVAL_ENVS", 2)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def with_pictures(small_tasks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Videos too: without a GPU they cost more than all the rest of a small job."""
    monkeypatch.setattr(films, "can_film", CAN_FILM)


@pytest.fixture
def refused(capsys: Capture) -> Callable[[list[str]], str]:
    """Runs a command that must be refused, and gives its one sentence."""

    def run(arguments: list[str]) -> str:
        capsys.readouterr()
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert err.startswith("sb3-mimic: ")
        assert err.count("\n") == 1
        assert out == ""
        return err

    return run


def train(*arguments: str, timesteps: int = 256) -> int:
    return main(["train", *SMALL, "--total-rl-timesteps", str(timesteps), *arguments])


@pytest.mark.smoke
@pytest.mark.usefixtures("with_pictures")
@pytest.mark.parametrize(("env", "algo"), [("humanoid", "trpo"), ("pidog", "ppo")])
def test_train_leaves_all_that_it_promises(env: str, algo: str, capsys: Capture) -> None:
    code = train("--env", env, "--algo", algo, "--experiment-name", "a", "--visualize-freq", "128")
    out = capsys.readouterr().out
    assert code == 0
    run = RunFolder(Path("outputs/a"))
    for path in (
        run.config,
        run.versions,
        run.demos / "provenance.json",
        run.clone,
        run.clone_weights,
        run.model,
        run.best_model,
        run.checkpoint(256),
        run.path / "monitor.csv",
        run.evaluation,
        run.videos / "step_128.mp4",
        run.videos / "final.mp4",
        run.videos / "side_by_side.mp4",
        run.report,
    ):
        assert path.is_file(), path
    assert list(run.tensorboard.glob(f"{algo}_1/events.*"))
    assert list(run.tensorboard.glob("bc/events.*"))
    assert str(run.model) in out
    assert str(run.videos / "final.mp4") in out
    assert str(run.evaluation) in out
    assert str(run.report) in out
    figures = json.loads(run.evaluation.read_text())
    assert figures["num_timesteps"] == 256 == read_timesteps(run.model)
    assert set(figures["clone"]) == set(figures["model"])

    assert main(["evaluate", "outputs/a", "--json", "--n-eval-episodes", "2"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == set(figures["model"])


def test_the_demonstrations_of_a_run_say_where_they_come_from() -> None:
    assert train("--env", "humanoid", "--experiment-name", "a", timesteps=0) == 0
    provenance = read_provenance(Path("outputs/a/demos"))
    assert provenance["motion"] == "walk"
    assert provenance["n_trajectories"] == 2
    assert len(provenance["clip_sha256"]) == len(provenance["robot_sha256"]) == 64


@pytest.mark.smoke
def test_the_same_seed_gives_the_same_run() -> None:
    observation = np.random.default_rng(0).normal(size=(5, 30)).astype(np.float32)
    acted = {}
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert train("--env", "pidog", "--experiment-name", name, "--seed", seed) == 0
        acted[name] = [
            load_policy(Path(f"outputs/{name}/{file}.zip")).predict(
                observation, deterministic=True
            )[0]
            for file in ("bc_pretrained_policy", "model")
        ]
    np.testing.assert_array_equal(acted["a"], acted["b"])
    assert not np.array_equal(acted["a"], acted["c"])


def test_the_hardware_robot_trains_with_a_critic_that_sees_more_and_leaves_without_it(
    capsys: Capture,
) -> None:
    task = TASKS["pidog-hardware"]
    env = gym.make(task.env_id, **task.env_kwargs(None)).unwrapped
    assert isinstance(env, PiDogEnv)
    n_actor = env.n_actor
    env.close()
    assert train("--env", "pidog-hardware", "--experiment-name", "a") == 0
    policy = load_policy(Path("outputs/a/model.zip"))
    assert isinstance(policy, AsymmetricPolicy)
    assert policy.n_actor == n_actor
    saved = RunFolder(Path("outputs/a")).read_config()["hyperparameters"]
    assert saved["actor_inputs"] == n_actor
    assert main(["evaluate", "outputs/a", "--n-eval-episodes", "2"]) == 0
    assert main(["export", "outputs/a", "--servo"]) == 0
    out = capsys.readouterr().out
    assert "largest difference from SB3's actions" in out
    assert Path("outputs/a/policy.pyz").is_file()
    # A policy of SB3's own, of the environment as it is registered.
    PPO("MlpPolicy", gym.make(task.env_id), n_steps=64, device="cpu").save("own.zip")
    assert main(["evaluate", "own.zip", "--env", "pidog-hardware", "--n-eval-episodes", "2"]) == 0


def test_pushes_are_for_reinforcement_learning_alone() -> None:
    clones, critics = [], []
    for force in ("0", "400"):
        asked = ["--env", "humanoid", "--refine-method", "none", "--push-force", force]
        assert train(*asked, "--experiment-name", force) == 0
        run = RunFolder(Path("outputs") / force)
        assert "push_force" not in run.read_config()["env"]["kwargs"]
        assert run.read_config()["train"]["push_force"] == float(force)
        assert run.read_config()["training_env_kwargs"].get("push_force", 0.0) == float(force)
        clones.append(load_policy(run.clone).predict(np.zeros((1, 182), np.float32))[0])
        # In so few steps it is the critic that learns.
        critics.append(load_policy(run.model).state_dict()["value_net.weight"].numpy())
    np.testing.assert_array_equal(clones[0], clones[1])
    assert not np.array_equal(critics[0], critics[1])


def test_a_run_without_reinforcement_is_its_clone() -> None:
    assert train("--env", "pidog", "--experiment-name", "a", timesteps=0) == 0
    run = RunFolder(Path("outputs/a"))
    observation = np.zeros((1, 30), np.float32)
    clone, model = (load_policy(p).predict(observation)[0] for p in (run.clone, run.model))
    assert clone.shape == model.shape == (1, 8)
    assert read_timesteps(run.model) == 0
    assert not run.checkpoints.exists()


@pytest.mark.parametrize("file", ["bc_pretrained_policy.pth", "bc_pretrained_policy.zip"])
@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_separate_steps_as_the_guide_types_them(file: str, algo: str) -> None:
    assert train("--env", "pidog", "--experiment-name", "my_bc_model", timesteps=0) == 0
    code = train(
        *("--env", "pidog", "--algo", algo, "--experiment-name", "my_finetuned_model"),
        *("--pretrained-model", f"outputs/my_bc_model/{file}", "--skip-bc"),
    )
    assert code == 0
    run = RunFolder(Path("outputs/my_finetuned_model"))
    assert not run.demos.exists()
    assert not run.clone.exists()
    assert read_timesteps(run.model) == 256


def test_from_scratch_there_are_no_demonstrations_and_statistics_are_collected() -> None:
    assert train("--env", "pidog", "--skip-bc", "--experiment-name", "a") == 0
    run = RunFolder(Path("outputs/a"))
    assert not run.demos.exists()
    policy = load_policy(run.model)
    assert int(policy.state_dict()["features_extractor.count"]) == 128


@pytest.mark.smoke
@pytest.mark.parametrize("algo", ["ppo", "trpo"])
def test_an_interrupted_run_says_how_to_go_on_and_does(algo: str, capsys: Capture) -> None:
    Path("mine.py").write_text(
        "from stable_baselines3.common.callbacks import BaseCallback\n"
        "class StopAt(BaseCallback):\n"
        "    def _on_step(self):\n"
        "        if self.num_timesteps == 132:\n"
        "            raise KeyboardInterrupt\n"
        "        return True\n"
    )
    sys.modules.pop("mine", None)
    name = ("--experiment-name", "a")
    code = train(
        "--env", "pidog", "--algo", algo, *name, "--callback", "mine:StopAt", timesteps=512
    )
    assert code == 130
    err = capsys.readouterr().err
    assert "sb3-mimic train --resume outputs/a" in err
    run = RunFolder(Path("outputs/a"))
    assert run.latest_checkpoint() == (run.checkpoint(128), 128)
    # Written while the run was killed.
    run.checkpoint(500).write_bytes(b"PK half a zip")
    Path("mine.py").write_text(Path("mine.py").read_text().replace("132", "-1"))
    sys.modules.pop("mine", None)
    assert main(["train", "--resume", "outputs/a"]) == 0
    assert "going on from outputs/a/checkpoints/model_128_steps.zip" in capsys.readouterr().out
    assert read_timesteps(run.model) == 128 + 384
    assert set(json.loads(run.evaluation.read_text())) == {"clone", "num_timesteps", "model"}
    assert (run.path / "1.monitor.csv").is_file()


def test_a_run_killed_before_its_first_checkpoint_is_done_again_from_the_clone(
    capsys: Capture,
) -> None:
    assert train("--env", "pidog", "--experiment-name", "a", timesteps=0) == 0
    run = RunFolder(Path("outputs/a"))
    run.model.unlink()
    before = run.clone.read_bytes()
    assert main(["train", "--resume", "outputs/a", "--total-rl-timesteps", "128"]) == 0
    assert "going on from outputs/a/bc_pretrained_policy.zip" in capsys.readouterr().out
    assert read_timesteps(run.model) == 128
    assert run.clone.read_bytes() == before


def test_a_finished_run_can_be_trained_further() -> None:
    assert train("--env", "pidog", "--experiment-name", "a") == 0
    run = RunFolder(Path("outputs/a"))
    before = run.model.read_bytes()
    assert main(["train", "--resume", "outputs/a", "--env", "pidog"]) == 0
    assert run.model.read_bytes() == before
    assert main(["train", "--resume", "outputs/a", "--total-rl-timesteps", "384"]) == 0
    assert read_timesteps(run.model) == 384


def test_a_resumed_run_that_is_stopped_goes_on_to_where_it_was_sent(capsys: Capture) -> None:
    """What was asked for the last time holds, and the last model is the one trained longest."""
    Path("stopping.py").write_text(
        "from stable_baselines3.common.callbacks import BaseCallback\n"
        "class Stop(BaseCallback):\n"
        "    def _on_step(self):\n"
        "        if self.num_timesteps == 388:\n"
        "            raise KeyboardInterrupt\n"
        "        return True\n"
    )
    name = "my dog"
    assert train("--env", "pidog", "--experiment-name", name) == 0
    resume = ["train", "--resume", f"outputs/{name}"]
    code = main([*resume, "--total-rl-timesteps", "512", "--callback", "stopping:Stop"])
    assert code == 130
    assert f"--resume 'outputs/{name}'" in capsys.readouterr().err
    run = RunFolder(Path("outputs") / name)
    assert find_last_model(run) == run.checkpoint(384)
    Path("stopping.py").write_text(Path("stopping.py").read_text().replace("388", "-1"))
    sys.modules.pop("stopping", None)
    assert main(resume) == 0
    assert read_timesteps(run.model) == 512
    assert find_last_model(run) == run.model


def test_a_run_goes_on_without_the_model_that_it_began_with() -> None:
    assert train("--env", "pidog", "--experiment-name", "first", timesteps=0) == 0
    first = RunFolder(Path("outputs/first"))
    asked = ["--env", "pidog", "--skip-bc", "--experiment-name", "second"]
    assert train(*asked, "--pretrained-model", str(first.model)) == 0
    first.model.unlink()
    assert main(["train", "--resume", "outputs/second", "--total-rl-timesteps", "384"]) == 0
    assert read_timesteps(RunFolder(Path("outputs/second")).model) == 384


def test_what_goes_on_meets_neither_its_own_episodes_again_nor_those_of_evaluations() -> None:
    seeds = {
        resumption_seed(seed, steps)
        for seed in (0, 42, 100_000)
        for steps in (0, 99_968, 100_000, 199_936)
    }
    assert len(seeds) == 12
    taken = {s + offset + i for s in (0, 42) for offset in (0, 100_000) for i in range(256)}
    assert not seeds & taken


def test_a_curriculum_goes_on_where_it_was() -> None:
    preset = Path("mine.yaml")
    preset.write_text("env: pidog-hardware\ntraining_env_kwargs: {curriculum_steps: 1000}\n")
    name = ("--preset", str(preset), "--experiment-name", "a")
    assert train(*name, timesteps=256) == 0
    run, config = open_run(Path("outputs/a"), TrainConfig(resume=Path("outputs/a")))
    kwargs = config.task.env_kwargs(config.motion) | config.training_env_kwargs
    envs = make_envs(config.task.env_id, 4, env_kwargs=kwargs)
    resume_model(run, config, envs, lambda _: None)
    batch = getattr(envs.unwrapped, "batched", None)
    assert isinstance(batch, PiDogBatch)
    np.testing.assert_array_equal(batch.strength, 256 / 4 / 1000)
    envs.close()


@pytest.mark.parametrize("how", ["takes no render mode", "fails to draw"])
def test_a_task_that_cannot_be_drawn_trains_without_videos(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    class Blind(gym.Env[np.ndarray, np.ndarray]):
        observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
        action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            super().reset(seed=seed)
            return np.zeros(2, np.float32), {}

        def step(self, action: np.ndarray) -> Any:
            return np.zeros(2, np.float32), 0.0, True, False, {}

    class Failing(Blind):
        def __init__(self, render_mode: str | None = None) -> None:
            self.metadata = {"render_modes": ["rgb_array"]}
            self.render_mode = render_mode

        def render(self) -> Any:
            raise TypeError("size must be two numbers")

    kind: Any = Blind if how == "takes no render mode" else Failing
    gym.register("Blind-v0", entry_point=kind)
    task = replace(TASKS["pidog"], name="blind", env_id="Blind-v0")
    monkeypatch.setitem(TASKS, "blind", task)
    monkeypatch.setattr(films, "can_film", CAN_FILM)
    monkeypatch.setattr(Task, "env_kwargs", lambda *_, **__: {})
    blind = replace(task, training_env_kwargs={}, eval_env_kwargs={}, motion=None)
    monkeypatch.setitem(TASKS, "blind", blind)
    assert train("--env", "blind", "--skip-bc", timesteps=128) == 0
    said = capsys.readouterr().out
    assert "no videos: " in said
    assert "evaluation: " in said
    gym.registry.pop("Blind-v0")


def test_a_run_keeps_its_preset_as_it_was(tmp_path: Path, capsys: Capture) -> None:
    preset = tmp_path / "mine.yaml"
    preset.write_text("env: pidog\nn_rl_timesteps: 256\nhyperparameters: {gamma: 0.9}\n")
    arguments = ["--preset", "mine.yaml", "--experiment-name", "tuned"]
    assert main(["train", *SMALL, *arguments]) == 0
    assert f"preset: {preset}" in capsys.readouterr().out
    run = RunFolder.open(Path("outputs/tuned"))
    assert run.read_config()["hyperparameters"]["gamma"] == 0.9
    preset.unlink()
    _, config = open_run(run.path, TrainConfig(resume=run.path))
    assert (config.env, config.hyperparameters().gamma) == ("pidog", 0.9)


def test_demonstrations_can_be_saved_shared_and_cloned(capsys: Capture) -> None:
    assert main(["demos", "shown", "--env", "pidog", "--n-demo-episodes", "2"]) == 0
    assert "2 demonstrations, 100 transitions: shown" in capsys.readouterr().out
    assert train("--env", "pidog", "--demos", "shown", "--experiment-name", "a", timesteps=0) == 0
    assert read_provenance(Path("outputs/a/demos"))["source"] == "saved"


def test_an_expert_can_demonstrate() -> None:
    env = gym.make("sb3_mimic/PiDog-v0", episode_seconds=1.0)
    PPO("MlpPolicy", env, n_steps=64, batch_size=64, seed=0).save("expert.zip")
    assert (
        train("--env", "pidog", "--expert", "expert.zip", "--experiment-name", "a", timesteps=0)
        == 0
    )
    assert read_provenance(Path("outputs/a/demos"))["source"] == "expert"


def test_a_foreign_pickle_needs_its_flag(refused: Callable[[list[str]], str]) -> None:
    assert main(["demos", "shown", "--env", "pidog", "--n-demo-episodes", "1"]) == 0
    from imitation.data import serialize

    Path("shown.pkl").write_bytes(pickle.dumps(list(serialize.load("shown"))))
    options = ["--env", "pidog", "--demos", "shown.pkl", "--experiment-name", "a"]
    assert "--allow-pickle" in refused(["train", *options])
    assert not Path("outputs").exists()
    with pytest.warns(DeprecationWarning, match="old pickle"):
        assert train(*options, "--allow-pickle", timesteps=0) == 0


@pytest.mark.smoke
def test_pretrain_knows_what_train_sft_knew(capsys: Capture) -> None:
    code = main(
        [
            *("pretrain", "--epochs", "3", "--batch_size", "64", "--lr", "0.0005"),
            *("--lookahead", "2", "--hidden_sizes", "24", "12", "--save_path", "my_policy.pth"),
            *("--n-demo-episodes", "3", "--val-split", "0.3", "--n-eval-episodes", "2", "--json"),
        ]
    )
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["epochs"] == 3
    assert found["n_validation"] > 0
    assert "normalized_return" in found
    assert Path("my_policy.pth").is_file()
    shapes = [tuple(p.shape) for n, p in load_policy(Path("my_policy.zip")).named_parameters()]
    assert (24, 182) in shapes
    assert (12, 24) in shapes


def test_pretrain_without_evaluation_writes_no_figures_of_it(
    capsys: Capture, refused: Callable[[list[str]], str]
) -> None:
    options = ["pretrain", "--env", "pidog", "--epochs", "1", "--n-demo-episodes", "1"]
    assert main([*options, "--no-eval", "--save-path", "b.zip"]) == 0
    assert "mean_reward" not in capsys.readouterr().out
    assert "b.pth: exists already" in refused([*options, "--save-path", "b.pth"])
    assert "must end in .zip or .pth" in refused([*options, "--save-path", "b.pt"])


def test_evaluate_takes_any_zip_if_it_is_told_the_environment(
    capsys: Capture, refused: Callable[[list[str]], str]
) -> None:
    env = gym.make("sb3_mimic/PiDog-v0")
    PPO("MlpPolicy", env, n_steps=64, batch_size=64, seed=0).save("model.zip")
    assert "--env" in refused(["evaluate", "model.zip"])
    options = ["--env", "pidog", "--n-eval-episodes", "2"]
    assert main(["evaluate", "model.zip", *options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "model.zip", *options]) == 0
    table = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert {k: float(v) for k, v in table.items()} == pytest.approx(found, abs=1e-4)
    assert "shape (30,), the environment's have (182,)" in refused(
        ["evaluate", "model.zip", "--env", "humanoid"]
    )


def test_play_films_a_run_a_model_and_a_clip(capsys: Capture) -> None:
    assert train("--env", "pidog", "--experiment-name", "a", timesteps=0) == 0
    capsys.readouterr()
    for what, expected in (
        (["outputs/a"], "outputs/a/videos/play.mp4"),
        (["outputs/a/bc_pretrained_policy.zip"], "bc_pretrained_policy.mp4"),
        (["walk"], "walk.mp4"),
        (["walk", "--output", "sub/w.mp4"], "sub/w.mp4"),
    ):
        assert main(["play", *what, "--seconds", "0.1"]) == 0
        assert capsys.readouterr().out.strip() == expected
        assert Path(expected).stat().st_size > 0


def test_play_refuses_what_it_cannot_show(
    refused: Callable[[list[str]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform == "linux":
        assert "needs a display" in refused(["play", "walk", "--window"])
    assert "unknown motion 'wlk'" in refused(["play", "wlk"])
    assert "must be positive" in refused(["play", "walk", "--seconds", "0"])
    assert "must end in .mp4" in refused(["play", "walk", "--output", "a.gif"])


def test_motions_are_listed_and_described(
    capsys: Capture, refused: Callable[[list[str]], str]
) -> None:
    assert main(["motions", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "walk" in {entry["name"] for entry in listed}
    assert main(["motions", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(listed)
    assert main(["motions", "info", "walk", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    (row,) = (entry for entry in listed if entry["name"] == "walk")
    assert {key: row[key] for key in row if key in info} == {
        key: info[key] for key in row if key in info
    }
    assert main(["motions", "info", "walk"]) == 0
    assert "right_knee" in capsys.readouterr().out
    assert "did you mean" in refused(["motions", "info", "wlk"]).lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--algo", "pp0"], "did you mean ppo?"),
        (["--env", "humanod"], "did you mean humanoid?"),
        (["--motion", "wak"], "walk"),
        (["--motion", "missing.txt"], "missing.txt"),
        (["--env", "pidog", "--motion", "trott"], "trot"),
        (["--n-envs", "-1"], "--n-envs must be at least 1, got -1"),
        (["--total-rl-timesteps", "-1"], "--total-rl-timesteps must be at least 0"),
        (["--use-camera"], "--use-camera is for tasks that have a camera"),
        (["--push-force", "-1"], "--push-force must be a force"),
        (["--env", "pidog", "--push-force", "5"], "--push-force is for tasks that can be pushed"),
        (["--pretrained-model", "none.zip"], "none.zip: does not exist"),
        (["--demos", "none"], "none: does not exist"),
        (["--expert", "none.zip"], "none.zip: does not exist"),
        (["--resume", "none"], "none: is no run"),
        (["--callback", "nowhere:factory"], "no module 'nowhere'"),
        (["--callback", "json:factory"], "'json' has no 'factory'"),
        (["--callback", "builtins:dict"], "not a callback"),
        (["--callback", "json"], "must be module:factory"),
        (["--device", "gpu"], "device 'gpu' must be"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    refused: Callable[[list[str]], str], arguments: list[str], message: str
) -> None:
    assert message in refused(["train", *SMALL, *arguments])
    assert list(Path().iterdir()) == []


def test_a_pretrained_model_of_another_shape_is_refused(
    refused: Callable[[list[str]], str],
) -> None:
    PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64).save("other.zip")
    said = refused(["train", "--env", "pidog", "--skip-bc", "--pretrained-model", "other.zip"])
    assert "(1,)" in said or "(64, 3)" in said
    assert "(8,)" in said or "(64, 30)" in said
    assert not Path("outputs").exists()


def test_an_existing_run_is_not_overwritten(refused: Callable[[list[str]], str]) -> None:
    Path("outputs/a").mkdir(parents=True)
    Path("outputs/a/note.txt").write_text("mine")
    assert "exists already" in refused(
        ["train", "--env", "pidog", *SMALL, "--experiment-name", "a"]
    )
    assert [p.name for p in Path("outputs/a").iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "humanoid-walk", "--env", "pidog"], "was trained in sb3_mimic/HumanoidMimic"),
        (["evaluate", "humanoid-walk", "--env", "nosuch"], "nosuch"),
        (["evaluate", "pidog-sine", "--motion", "trot"], "--motion is not for it"),
        (["evaluate", "humanoid-walk", "--device", "foo"], "device 'foo' must be"),
        (["evaluate", "humanoid-walk", "--seed", "-1"], "--seed must not be negative, got -1"),
        (["play", "pidog-sine", "--motion", "trot"], "--motion is not for it"),
        (["play", "walk", "--env", "pidog"], "--env pidog is for tasks that track clips"),
        (["play", "walk", "--motion", "run"], "so that --motion is not for it"),
        (["play", "walk", "--seconds", "inf"], "--seconds must be positive and finite"),
        (["play", "walk", "--output", "mine.mp4"], "mine.mp4: exists already"),
        (["demos", "--env", "pidog", "--seed", "-1", "d"], "--seed must not be negative"),
        (["pretrain", "--env", "pidog", "--n-eval-episodes", "0"], "--n-eval-episodes must be"),
        (
            ["play", "walk", "--output", "mine.mp4/a.mp4"],
            "mine.mp4/a.mp4: cannot be written: ",
        ),
        (["demos", "mine.mp4/demos"], "mine.mp4/demos: cannot be written: "),
        (["pretrain", "--save-path", "mine.mp4/a.zip"], "mine.mp4/a.zip: cannot be written: "),
        (["train", "--output-dir", "mine.mp4"], "cannot be written: "),
        (["dagger", "--dagger-expert", "no.zip"], "no.zip"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    refused: Callable[[list[str]], str], arguments: list[str], message: str
) -> None:
    Path("mine.mp4").write_text("mine")
    assert message in refused(arguments)
    assert [path.name for path in Path().iterdir()] == ["mine.mp4"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--n-demo-epsodes", "3"], "--n-demo-episodes"),
        (["train", "--seed", "x"], "--seed"),
        (["trian"], "train"),
        ([], "train"),
    ],
)
def test_what_is_no_command_exits_with_2(
    arguments: list[str], message: str, capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "demos",
        "pretrain",
        "dagger",
        "adversarial",
        "evaluate",
        "play",
        "motions list",
        "motions info",
    ],
)
def test_every_command_has_help_with_defaults(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert "default" in text


def test_the_version_is_the_packages(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sb3-mimic {version('sb3-mimic')}\n"


def test_help_is_light() -> None:
    code = (
        "import sys\n"
        "from sb3_mimic.cli import main\n"
        "try:\n    main(['train', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'stable_baselines3', 'imitation', 'mujoco', 'matplotlib'}\n"
        "print('HEAVY', sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "HEAVY []" in done.stdout
    assert "humanoid" in done.stdout


def test_the_module_is_the_command() -> None:
    done: Any = subprocess.run(
        [sys.executable, "-m", "sb3_mimic", "evaluate", "nothing-here"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "sb3-mimic: nothing-here: does not exist; the folder of a run or an SB3 .zip is needed"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("algo", "handover"),
    [
        ("ppo", "none"),
        # Its gate looks through the camera for dozens of episodes.
        pytest.param("trpo", "standard", marks=pytest.mark.slow),
    ],
)
def test_the_camera_works_from_demonstrations_to_evaluation(
    algo: str, handover: str, capsys: Capture
) -> None:
    asked = ["--env", "pidog", "--use-camera", "--algo", algo, "--handover", handover]
    assert train(*asked, "--experiment-name", "a") == 0
    run = RunFolder(Path("outputs/a"))
    policy = load_policy(run.model)
    assert policy.observation_space.shape == (3, 85, 84)
    assert main(["evaluate", "outputs/a", "--json", "--n-eval-episodes", "1"]) == 0
    out = capsys.readouterr().out
    assert "forward_speed_mps" in json.loads(out[out.index("{") :])


@pytest.mark.parametrize("value", ["nonsense"])
def test_a_rendering_library_that_cannot_be_used_is_one_sentence(value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sb3_mimic", "motions", "list"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "MUJOCO_GL": value},
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"sb3-mimic: MUJOCO_GL={value} cannot be used")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "code",
    [
        "from sb3_mimic.envs import NativeVecEnv",
        "import gymnasium, sb3_mimic; gymnasium.make('sb3_mimic/PiDog-v0')",
    ],
)
def test_a_library_that_lacks_a_function_is_named_from_python_too(
    code: str, tmp_path: Path
) -> None:
    """EGL's bindings without EGL: an AttributeError, which Python took for a missing name."""
    (tmp_path / "OpenGL.py").write_text("raise AttributeError('no eglQueryString')")
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "MUJOCO_GL": "egl", "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("sb3_mimic.errors.InputError: MUJOCO_GL=egl cannot be used")
    assert "no eglQueryString" in last
