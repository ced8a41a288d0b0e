"""What a task can do, and what a stage asks of it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from imitation.data.types import TrajectoryWithRew

from sb3_mimic import collect_demonstrations
from sb3_mimic.cli import main
from sb3_mimic.demos.mocap import collect_mocap
from sb3_mimic.demos.storage import read_provenance
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.errors import InputError
from sb3_mimic.policies.asymmetric import AsymmetricPolicy
from sb3_mimic.rl.models import make_model, resolve_actor_inputs
from sb3_mimic.tasks import DEFAULT_TASK, TASKS, Capability, Task, get_task, tasks_with
from sb3_mimic.training import films, pipeline

KWARGS: dict[Capability, dict[str, Any]] = {
    Capability.PUSHES: {"push_force": 10.0},
    Capability.CAMERA: {"use_camera": True},
    Capability.TRACKING: {"motion": "walk"},
}


def collect_outside(
    env_id: str,
    motion: str,
    n_episodes: int,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
) -> list[TrajectoryWithRew]:
    """A collector of the documented signature: it knows nothing of refinement."""
    return collect_mocap(env_id, motion, n_episodes, seed=seed, env_kwargs=env_kwargs)


@pytest.fixture(params=["reference", "function"])
def outsider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task of another package that tracks clips, but has none to refine and takes no pushes."""
    by_reference = request.param == "reference"
    monkeypatch.setattr("sb3_mimic.demos.collect_outside", collect_outside, raising=False)
    task = replace(
        get_task(DEFAULT_TASK),
        name="outsider",
        capabilities=frozenset({Capability.TRACKING}),
        collector="sb3_mimic.demos:collect_outside" if by_reference else collect_outside,
    )
    monkeypatch.setitem(TASKS, "outsider", task)
    return task


@pytest.mark.parametrize("name", list(TASKS))
def test_an_environment_takes_what_its_task_says(name: str) -> None:
    task = get_task(name)
    with_camera = task.can(Capability.CAMERA)
    for capability, kwargs in KWARGS.items():
        if task.can(capability):
            with closing(gym.make(task.env_id, **kwargs)) as env:
                if capability is Capability.TRACKING:
                    assert isinstance(env.unwrapped, TrackingEnv)
                    env.reset(seed=0, options={"phase": 0.5})
    assert task.env_kwargs(task.motion, use_camera=with_camera).get("use_camera", False) == (
        with_camera
    )
    assert task.load_collector() is not None


def test_tasks_are_found_by_what_they_can_do() -> None:
    for capability in Capability:
        names = tasks_with(capability)
        assert names == tuple(n for n in TASKS if capability in get_task(n).capabilities)
        assert names, f"no task can show {capability}"
    assert DEFAULT_TASK in TASKS


def test_a_task_refuses_what_it_cannot_do(outsider: Task) -> None:
    message = r"--x is for tasks that can be pushed \(.*humanoid.*\), not for outsider"
    with pytest.raises(InputError, match=message):
        outsider.require(Capability.PUSHES, "--x")
    outsider.require(Capability.TRACKING, "--motion")


def test_demonstrations_are_collected_for_a_task_its_name_or_its_environment() -> None:
    kwargs = {"episode_seconds": 0.5}
    task = get_task("pidog")
    by_name, by_id, by_task = (
        collect_demonstrations(each, "sine", 1, seed=3, env_kwargs=kwargs)
        for each in ("pidog", task.env_id, task)
    )
    assert len(by_name) == 1
    assert (by_name[0].acts == by_id[0].acts).all()
    assert (by_name[0].obs == by_task[0].obs).all()


def test_a_task_without_a_source_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = replace(get_task("pidog"), name="silent", env_id="Silent-v0", collector=None)
    monkeypatch.setitem(TASKS, "silent", silent)
    for each in ("silent", "Silent-v0", silent, "nosuch"):
        with pytest.raises(InputError, match="no source of demonstrations for '"):
            collect_demonstrations(each, "sine", 1)


def test_a_task_from_outside_that_tracks_clips_is_trained(
    outsider: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    monkeypatch.setattr(pipeline, "EVAL_ENVS", 1)
    monkeypatch.setattr(pipeline, "write_run_report", lambda *_: None)
    monkeypatch.setattr(films, "can_film", lambda _: False)
    small = {"n_envs": 2, "rollout_size": 64, "batch_size": 32, "hidden_sizes": (8,)}
    task = replace(outsider, hyperparameters=outsider.hyperparameters.updated(small))
    monkeypatch.setitem(TASKS, "outsider", task)
    arguments = ["--n-demo-episodes", "1", "--total-bc-epochs", "1", "--n-eval-episodes", "1"]
    arguments += ["--env", "outsider", "--handover", "none", "--total-rl-timesteps", "64"]
    assert main(["train", *arguments, "--experiment-name", "a"]) == 0
    assert read_provenance(tmp_path / "outputs" / "a" / "demos")["motion"] == "walk"
    capsys.readouterr()
    for flag, value in (("--push-force", "5"), ("--refine-iterations", "3")):
        assert main(["train", *arguments, flag, value]) == 2
        assert f"{flag} is for tasks that " in capsys.readouterr().err


def test_several_motions_need_tracking() -> None:
    with pytest.raises(InputError, match="is for tasks that track clips"):
        get_task("pidog").env_kwargs(("trot", "sine"))
    assert get_task("humanoid").env_kwargs(("walk", "run")) == {"motion": ["walk", "run"]}


@pytest.mark.parametrize("history", [2, 5])
def test_the_actor_reads_what_is_not_privileged_whatever_the_history(history: int) -> None:
    task = get_task("pidog-hardware")
    hyperparameters = task.hyperparameters.updated({"hidden_sizes": (8,), "rollout_size": 8})
    kwargs = {**task.env_kwargs(None), "history": history}
    with closing(make_envs(task.env_id, 2, env_kwargs=kwargs)) as envs:
        model = make_model("ppo", envs, hyperparameters, seed=0, device="cpu")
        assert isinstance(model.policy, AsymmetricPolicy)
        (n_observed,) = envs.observation_space.shape or ()
        assert n_observed - model.policy.n_actor == 34, "what a simulation alone knows"
    with closing(make_envs(task.env_id, 1, env_kwargs={"use_camera": True})) as envs:
        assert resolve_actor_inputs(hyperparameters, envs).actor_inputs is None
