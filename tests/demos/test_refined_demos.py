"""Demonstrations made of refined actions, and the cache that these come from."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from imitation.data.types import Trajectory
from numpy.typing import NDArray

import sb3_mimic  # noqa: F401 (registers the environments)
from sb3_mimic import refine
from sb3_mimic.cli.demos import Demos
from sb3_mimic.cloning import pretrain
from sb3_mimic.demos.mocap import collect_mocap
from sb3_mimic.demos.refined import RefinedSettings, Refinement, collect_refined
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.refinement.actions import RefinedActions, save_actions
from sb3_mimic.refinement.cache import refine_cached
from sb3_mimic.refinement.methods import METHODS, Method, register_method
from sb3_mimic.refinement.methods.pd import PdSettings, solve_pd
from sb3_mimic.refinement.problem import TrackingProblem
from sb3_mimic.refinement.run import load_reference
from sb3_mimic.rl.models import make_model
from sb3_mimic.tasks import get_task

ENV = "sb3_mimic/HumanoidMimic-v0"


def observations(trajectory: Trajectory) -> NDArray[np.float32]:
    """Which are no dictionaries here."""
    assert isinstance(trajectory.obs, np.ndarray)
    return trajectory.obs


@pytest.fixture(scope="module")
def refined() -> RefinedActions:
    return refine("walk", method="invdyn", cycles=2)


@pytest.fixture(scope="module")
def found() -> RefinedActions:
    """What `sb3-mimic train` clones."""
    return Refinement().find(load_reference("walk"), seed=0)


def test_first_pass_is_the_refined_clip(refined: RefinedActions) -> None:
    (whole,) = collect_refined(ENV, "walk", 1, refined)
    env = gym.make(ENV, motion="walk")
    observation, _ = env.reset(options={"phase": 0.0})
    np.testing.assert_array_equal(observations(whole)[0], observation)
    for action, following, reward in zip(
        whole.acts, observations(whole)[1:], whole.rews, strict=True
    ):
        observation, earned, terminated, _, _ = env.step(action)
        np.testing.assert_allclose(observation, following, atol=1e-6)
        assert earned == pytest.approx(reward, abs=1e-6)
    assert terminated == whole.terminal
    np.testing.assert_array_equal(whole.acts, refined.actions[: len(whole)])
    env.close()  # type: ignore[no-untyped-call]


def test_disturbed_passes_are_beside_the_clip_and_reproducible(refined: RefinedActions) -> None:
    passes = collect_refined(ENV, "walk", 6, refined, seed=3)
    again = collect_refined(ENV, "walk", 6, refined, seed=3)
    others = collect_refined(ENV, "walk", 6, refined, seed=4)
    assert len(passes) == len(again) == 6
    for one, same, other in zip(passes[1:], again[1:], others[1:], strict=True):
        np.testing.assert_array_equal(observations(one), observations(same))
        np.testing.assert_array_equal(one.acts, same.acts)
        assert not np.array_equal(observations(one)[0], observations(other)[0])
        assert np.abs(one.acts).max() <= 1.0


def test_the_feedback_catches_what_disturbs_it(found: RefinedActions) -> None:
    """A pass lasts a second at least, unless the body falls or is lost."""
    passes = collect_refined(ENV, "walk", 65, found)[1:]
    lasted = [len(one) >= 30 for one in passes]
    assert np.mean(lasted) >= 0.8


def test_a_clone_of_the_walk_walks(found: RefinedActions) -> None:
    """Without reinforcement learning, from all over the cycle and to the end of the episode."""
    task = get_task("humanoid")
    demonstrations = collect_refined(ENV, "walk", task.n_demo_episodes, found)
    with closing(make_envs(ENV, 1)) as env:
        model = make_model("ppo", env, task.hyperparameters_for("ppo"), seed=0)
        pretrain(model, demonstrations, 40, settings=task.cloning, progress_bar=False)
    figures = evaluate(model, ENV, n_episodes=8)
    assert figures["survival_s"] == pytest.approx(20.0)
    assert figures["normalized_return"] > 0.95


def test_without_disturbance_labels_are_the_refined_actions(refined: RefinedActions) -> None:
    quiet = RefinedSettings(spread=0.0, action_noise=0.0)
    for one in collect_refined(ENV, "walk", 4, refined, settings=quiet)[1:]:
        gaps = np.abs(refined.actions[:, None] - one.acts[0]).max(axis=2).min(axis=0)
        assert gaps.max() < 1e-6


def test_actions_of_another_clip_are_refused(refined: RefinedActions) -> None:
    with pytest.raises(InputError, match="walk"):
        collect_refined(ENV, "run", 1, refined)


def test_torques_cannot_ask_for_targets(refined: RefinedActions) -> None:
    with pytest.raises(InputError, match="refine-method none"):
        collect_refined(ENV, "walk", 1, refined, env_kwargs={"control": "torque"})


def test_absolute_targets_give_the_same_motion(refined: RefinedActions) -> None:
    (residual,) = collect_refined(ENV, "walk", 1, refined)
    (absolute,) = collect_refined(ENV, "walk", 1, refined, env_kwargs={"control": "pd"})
    steps = min(len(residual), len(absolute), 10)
    np.testing.assert_allclose(
        observations(residual)[:steps], observations(absolute)[:steps], atol=1e-3
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "mcp"}, "did you mean mpc"),
        ({"method": "invdyn", "iterations": 3}, "does not iterate"),
        ({"iterations": 0}, "at least 1"),
        ({"method": "none", "iterations": 2}, "nothing to iterate"),
    ],
)
def test_contradictions_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Refinement(**arguments)  # type: ignore[arg-type]


def test_options_of_pd_labels_ask_for_them() -> None:
    assert Demos(method="pd").source().options["refinement"].method == "none"
    assert Demos().source().options["refinement"].method == "mpc"
    with pytest.raises(InputError, match="--refine-method none"):
        Demos(method="pd", refine_method="mpc").source()


def test_refinement_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path))
    reference = load_reference("squat")
    first = refine_cached(reference, "invdyn")
    (file,) = (tmp_path / "refined").iterdir()
    written = file.stat().st_mtime_ns
    again = refine_cached(reference, "invdyn")
    np.testing.assert_array_equal(first.actions, again.actions)
    assert file.stat().st_mtime_ns == written
    refine_cached(reference, "pd")
    assert len(list((tmp_path / "refined").iterdir())) == 2


def test_actions_that_lose_the_body_are_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: RefinedActions
) -> None:
    """By a method that follows the walk the third time, and before for a second or two."""
    asked: list[int] = []

    def solve(problem: TrackingProblem, settings: PdSettings, seed: int, *rest: Any) -> Any:
        asked.append(seed)
        return solve_pd(problem, settings, seed, *rest) if len(asked) < 3 else found.actions

    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path))
    monkeypatch.setattr(sys.modules[__name__], "solve_by_luck", solve, raising=False)
    settings = "sb3_mimic.refinement.methods.pd:PdSettings"
    for name, random, tries in (("luck", True, 3), ("always", False, 1)):
        register_method(Method(name, "", f"{__name__}:solve_by_luck", settings, random=random))
        asked.clear()
        try:
            chosen = Refinement(name).find(load_reference("walk"), seed=5)
        finally:
            del METHODS[name]
        assert asked[0] == 5
        assert len(set(asked)) == len(asked) == tries
        assert np.array_equal(chosen.actions, found.actions) is random


def test_disturbances_that_lose_nearly_every_body_cost_no_passes(refined: RefinedActions) -> None:
    few = collect_refined(ENV, "walk", 5, refined, settings=RefinedSettings(spread=0.45))
    assert len(few) == 5
    assert min(len(one) for one in few) >= 1


def test_disturbances_that_lose_every_body_are_refused(refined: RefinedActions) -> None:
    with pytest.raises(InputError, match=r"motion walk: .* not for one step"):
        collect_refined(ENV, "walk", 5, refined, settings=RefinedSettings(spread=10.0))


def test_damaged_cache_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path))
    reference = load_reference("squat")
    first = refine_cached(reference, "invdyn")
    (file,) = (tmp_path / "refined").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(refine_cached(reference, "invdyn").actions, first.actions)


def test_loaded_actions_are_demonstrated(tmp_path: Path, refined: RefinedActions) -> None:
    path = tmp_path / "walk.npz"
    save_actions(path, refined)
    (whole,) = collect_mocap(ENV, "walk", 1, refinement=Refinement(actions=path))
    np.testing.assert_array_equal(whole.acts, refined.actions[: len(whole)])
