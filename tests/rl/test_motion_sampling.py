"""One policy for several clips: what training draws, what is demonstrated, how it is evaluated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from sb3_mimic import collect_demonstrations
from sb3_mimic.cli import main
from sb3_mimic.demos.refined import Refinement
from sb3_mimic.envs import make_native_vec_env
from sb3_mimic.envs.humanoid import HumanoidMimicEnv
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.evaluation.robustness import push_test
from sb3_mimic.rl.callbacks.motion_sampling import MotionSamplingCallback, difficulty_probabilities
from sb3_mimic.tasks import get_task
from sb3_mimic.tasks.motions import mean_figures, resolve_motion
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.run import RunFolder

Command = Callable[..., str]
ID = "sb3_mimic/HumanoidMimic-v0"


class Still:
    """Acts zero, which follows the reference open loop."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros((*observation.shape[:-1], 28), np.float32), None


@given(
    shares=arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 1)), floor=st.floats(0, 1)
)
def test_what_does_worse_is_drawn_more_and_nothing_is_left_out(
    shares: np.ndarray, floor: float
) -> None:
    likely = difficulty_probabilities(shares, floor)
    assert likely.sum() == pytest.approx(1.0)
    assert (likely >= floor / len(shares) - 1e-12).all()
    # Harder is never less likely, and clips that do alike are drawn alike.
    assert (np.diff(likely[np.argsort(shares, kind="stable")]) <= 1e-12).all()
    np.testing.assert_allclose(
        difficulty_probabilities(np.full(len(shares), shares[0])), 1 / len(shares)
    )
    # Of several rows each is by itself.
    rows = np.stack((shares, shares[::-1]))
    np.testing.assert_array_equal(difficulty_probabilities(rows, floor)[0], likely)


@given(shares=arrays(np.float64, st.integers(2, 8), elements=st.floats(0.1, 0.99)))
def test_samples_are_in_proportion_to_what_is_missing(shares: np.ndarray) -> None:
    samples = (
        difficulty_probabilities(shares, floor=0.0) * shares
    )  # an episode's length is about its share
    np.testing.assert_allclose(samples / samples.sum(), (1 - shares) / (1 - shares).sum())


def test_the_callback_draws_by_what_is_missing_of_the_possible_return(tmp_path: Path) -> None:
    """The averages are those of the monitor's file, recomputed; the model's zip keeps them."""
    monitored = make_native_vec_env(ID, 4, seed=0, motion=["walk", "run"], episode_seconds=1.0)
    performed: list[tuple[str, int, float]] = []
    batch = monitored.batched
    assert isinstance(batch, TrackingBatch)

    class Recorder(VecMonitor):
        """Notes each episode's clip and start, which it asks for before the step that ends it."""

        def step_wait(self) -> Any:
            assert isinstance(batch, TrackingBatch)
            before = [batch.motion_names[i] for i in batch.motions]
            parts = np.floor(batch.start_phases * 32).astype(int)
            observations, rewards, dones, infos = super().step_wait()
            performed.extend(
                (before[i], parts[i], infos[i]["episode"]["r"] / 30) for i in np.flatnonzero(dones)
            )
            return observations, rewards, dones, infos

    model = PPO("MlpPolicy", Recorder(monitored), n_steps=64, batch_size=64, n_epochs=1, seed=0)
    model.learn(512, callback=MotionSamplingCallback(floor=0.2))
    kept: dict[str, list[list[float]]] = vars(model)["motion_shares"]
    expected = np.zeros((2, 32))
    for clip, name in enumerate(("walk", "run")):
        assert len(kept[name]) == 32
        assert sum(n for _, n in kept[name]) > 5
        for part in range(32):
            shares = [share for motion, k, share in performed if (motion, k) == (name, part)]
            assert len(shares) <= 10
            expected[clip, part] = np.mean(shares) if shares else 0.0
            assert kept[name][part] == [pytest.approx(expected[clip, part], rel=1e-5), len(shares)]
    of_clips = difficulty_probabilities(expected.mean(axis=1), 0.2)
    of_phases = difficulty_probabilities(expected, 0.2)
    np.testing.assert_allclose(batch.motion_probabilities, of_clips)
    np.testing.assert_allclose(batch.phase_probabilities, of_phases)
    model.save(tmp_path / "model.zip")
    again = PPO.load(tmp_path / "model.zip", env=model.get_env())
    batch.motion_probabilities = np.array([1.0, 0.0])
    batch.phase_probabilities = np.ones((2, 1))
    callback = MotionSamplingCallback(floor=0.2)
    callback.init_callback(again)
    callback.on_training_start({}, {})
    np.testing.assert_allclose(batch.motion_probabilities, of_clips)
    np.testing.assert_allclose(batch.phase_probabilities, of_phases)
    monitored.close()


def test_a_share_is_of_what_was_left_of_the_clip(motions_dir: Path) -> None:
    """A clip that ends: an episode from its middle can have half of the steps."""
    kick = str(motions_dir / "deepmimic" / "humanoid3d_kick.txt")
    env = gym.make(ID, motion=["walk", kick], early_termination="none").unwrapped
    assert isinstance(env, HumanoidMimicEnv)
    for phase in (0.0, 0.3, 0.77):
        env.reset(options={"motion": 1, "phase": phase})
        full, steps, ended = env.batched.full_steps[0], 0, False
        while not ended:
            ended = env.step(np.zeros(28, np.float32))[3]
            steps += 1
        assert full == steps
    env.reset(options={"motion": "walk"})
    assert env.batched.full_steps[0] == 600


def test_a_staggered_episode_is_no_failed_one() -> None:
    """Cut short on purpose, an episode's share is of the steps that it was given."""
    env = make_native_vec_env(ID, 6, seed=0, early_termination="none", episode_seconds=2.0)
    batch = env.batched
    assert isinstance(batch, TrackingBatch)
    env.reset()
    env.stagger_episodes()
    full = batch.full_steps.copy()
    ended = np.zeros(6, np.int64)
    for step in range(1, 61):
        _, _, dones, _ = env.step(np.zeros((6, 28), np.float32))
        ended[dones & (ended == 0)] = step
    np.testing.assert_array_equal(full, [10, 20, 30, 40, 50, 60])
    np.testing.assert_array_equal(ended, full)
    np.testing.assert_array_equal(batch.full_steps, 60)
    env.close()


def test_other_environments_are_refused() -> None:
    envs = DummyVecEnv([lambda: gym.make(ID, motion=["walk", "run"])])
    model = PPO("MlpPolicy", envs, n_steps=8, batch_size=8)
    with pytest.raises(InputError, match="make_native_vec_env"):
        model.learn(8, callback=MotionSamplingCallback())


def test_demonstrations_of_several_clips_are_those_of_each() -> None:
    plain: dict[str, Any] = {"refinement": Refinement("none")}
    both = collect_demonstrations(ID, ["walk", "run"], 2, seed=3, **plain)
    walk = collect_demonstrations(ID, "walk", 2, seed=3, **plain)
    run = collect_demonstrations(ID, "run", 2, seed=4, **plain)
    for found, alone in zip(both, [*walk, *run], strict=True):
        np.testing.assert_array_equal(found.obs, alone.obs)
        np.testing.assert_array_equal(found.acts, alone.acts)
    refined = Refinement("mpc", actions=Path("walk.npz"))
    with pytest.raises(InputError, match="is of one clip, and there are 2"):
        collect_demonstrations(ID, ["walk", "run"], 2, refinement=refined)


def test_an_evaluation_of_several_clips_is_those_of_each() -> None:
    found = evaluate(Still(), ID, {"motion": ["walk", "run"]}, n_episodes=3)
    alone = {m: evaluate(Still(), ID, {"motion": m}, n_episodes=3) for m in ("walk", "run")}
    for name in alone["walk"]:
        assert found[name] == np.mean([alone[m][name] for m in ("walk", "run")])
        for motion in ("walk", "run"):
            assert found[f"{motion}/{name}"] == alone[motion][name]
    assert mean_figures(found).keys() == alone["walk"].keys()
    with pytest.raises(InputError, match="one motion at a time"):
        push_test(Still(), ID, {"motion": ["walk", "run"]})


@pytest.mark.parametrize("motion", [None, "walk", ("walk",), ("walk", "run")])
def test_settings_go_through_yaml(motion: Any, tmp_path: Path) -> None:
    asked = TrainConfig(motion=motion).resolved()
    assert asked.motion == (("walk", "run") if motion == ("walk", "run") else "walk")
    run = RunFolder.create(tmp_path / "run", {"train": asked.to_dict()})
    assert TrainConfig.from_dict(run.read_config()["train"], run.config) == asked


def test_several_gaits_are_refused() -> None:
    with pytest.raises(InputError, match="is for tasks that track clips"):
        get_task("pidog").env_kwargs(("trot", "walk"))
    with pytest.raises(InputError, match="--motion needs"):
        TrainConfig(motion=())


def test_a_runs_motions_are_named_by_their_clips() -> None:
    own = ["walk", "/clips/humanoid3d_run.txt"]
    assert resolve_motion("humanoid3d_run", own) == own[1]
    assert resolve_motion("walk", own) == "walk"
    assert resolve_motion("squat", own) == "squat"


SMALL = """
env: humanoid
hyperparameters: {n_envs: 4, rollout_size: 128, batch_size: 64, hidden_sizes: [16, 16]}
training_env_kwargs: {episode_seconds: 1.0}
"""


def episodes(shares: dict[str, list[list[float]]]) -> float:
    """How many a model has noted."""
    return sum(n for parts in shares.values() for _, n in parts)


def test_the_command_line_trains_resumes_and_evaluates(
    tmp_path: Path,
    motions_dir: Path,
    capsys: pytest.CaptureFixture[str],
    sb3_mimic: Command,
) -> None:
    clip = motions_dir / "deepmimic" / "humanoid3d_jog.txt"
    (tmp_path / "small.yaml").write_text(SMALL)
    run = RunFolder(tmp_path / "outputs" / "both")
    asked = ["train", "--motion", "walk", str(clip), "--preset", "small.yaml"]
    asked += ["--refine-method", "none", "--n-demo-episodes", "2", "--total-bc-epochs", "2"]
    asked += ["--n-eval-episodes", "2", "--total-rl-timesteps", "256", "--experiment-name", "both"]
    sb3_mimic(*asked, folder=tmp_path)
    assert run.read_config()["train"]["motion"] == ["walk", str(clip)]
    assert run.read_config()["env"]["kwargs"] == {"motion": ["walk", str(clip)]}
    first = json.loads(run.evaluation.read_text())
    shares = vars(PPO.load(run.model))["motion_shares"]
    assert list(shares) == ["walk", "humanoid3d_jog"]
    assert episodes(shares) > 0
    provenance = json.loads((run.demos / "provenance.json").read_text())
    assert set(provenance["clip_sha256"]) == {"walk", "humanoid3d_jog"}

    resumed = ["train", "--resume", str(run.path), "--total-rl-timesteps", "512"]
    sb3_mimic(*resumed, folder=tmp_path)
    later = vars(PPO.load(run.model))["motion_shares"]
    for name, parts in shares.items():
        assert all(after[1] >= before[1] for before, after in zip(parts, later[name], strict=True))
    assert episodes(later) > episodes(shares)
    last = json.loads(run.evaluation.read_text())
    assert (first["num_timesteps"], last["num_timesteps"]) == (256, 512)
    assert last["clone"] == first["clone"]
    assert "walk/normalized_return" in last["model"]

    def figures(*motions: str) -> dict[str, float]:
        which = ["--motion", *motions] if motions else []
        capsys.readouterr()
        assert main(["evaluate", str(run.model), *which, "--episodes", "2", "--json"]) == 0
        found: dict[str, float] = json.loads(capsys.readouterr().out)
        return found

    whole, jog = figures(), figures("humanoid3d_jog")
    assert {name: whole[f"humanoid3d_jog/{name}"] for name in jog} == jog
    assert main(["evaluate", str(run.path), "--episodes", "2"]) == 0
    heads = capsys.readouterr().out.splitlines()[0]
    assert heads.split() == ["mean", "walk", "humanoid3d_jog"]
    assert "walk, humanoid3d_jog.txt" in run.report.read_text()
