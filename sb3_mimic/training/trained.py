"""A trained policy together with the environment it is for."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.policies import BasePolicy

from sb3_mimic.envs.core.make import make_env
from sb3_mimic.errors import InputError
from sb3_mimic.names import without_module
from sb3_mimic.policies.saved import load_policy
from sb3_mimic.rl.models import check_device
from sb3_mimic.tasks import Task, get_task
from sb3_mimic.tasks.motions import Motions, as_tuple, resolve_motion, to_kwarg
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.shipped import resolve_run_path, shipped_names


@dataclass(frozen=True)
class Trained:
    """A policy and its environment.

    Attributes:
        path: The zip it was read from.
        policy: The policy.
        env_id: Gymnasium id.
        env_kwargs: Keyword arguments of the environment.
    """

    path: Path
    policy: BasePolicy
    env_id: str
    env_kwargs: dict[str, Any]


def open_trained(
    path: Path,
    *,
    env: str | None = None,
    motion: Motions | None = None,
    use_camera: bool = False,
    device: str = "cpu",
) -> Trained:
    """Opens a run, a model within a run, any SB3 zip, or a policy that comes with the package.

    Args:
        path: The folder of a run, whose last model is taken, a zip, or a name in
            :func:`~sb3_mimic.training.shipped.shipped_names`.
        env: Name or id of the environment; a model within a run knows its own, and takes no other.
        motion: Motion or motions to perform instead of the run's, or the environment's default; the
            run's own may be named by their clips.
        use_camera: Whether a bare zip's policy observes through the camera.
        device: Where the policy goes.

    Raises:
        InputError: If there is no model, a bare zip's environment is not told, or another is told
            than a run's own; if a motion is asked for where none is performed.
    """
    check_device(device)
    path = resolve_run_path(path)
    if not path.exists():
        raise InputError(
            f"{path}: does not exist; the folder of a run or an SB3 .zip is needed, or a policy "
            f"that comes with the package: {', '.join(shipped_names())}"
        )
    run = find_run(path)
    if run is None:
        if env is None:
            raise InputError(f"{path}: lies in no run; say which environment it is for by --env")
        task = get_task(env)
        kwargs = task.env_kwargs(motion or task.motion, use_camera=use_camera)
        policy = load_policy(path, device)
        return Trained(path, policy, task.env_id, _fitting_kwargs(task, kwargs, policy))
    env_id, kwargs = run.read_environment()
    if env is not None and without_module(get_task(env).env_id) != without_module(env_id):
        raise InputError(f"{path}: was trained in {env_id}, not in --env {env}")
    try:
        gym.spec(without_module(env_id))
    except gym.error.Error as error:
        raise InputError(f"{run.config}: there is no environment {env_id!r} here") from error
    if motion is not None and "motion" not in kwargs:
        raise InputError(f"{path}: performs no clip, so that --motion is not for it")
    if motion is not None:
        own = as_tuple(kwargs.get("motion"))
        kwargs["motion"] = to_kwarg([resolve_motion(each, own) for each in as_tuple(motion)])
    if path.is_dir():
        path = find_last_model(run)
    return Trained(path, load_policy(path, device), env_id, kwargs)


def _fitting_kwargs(task: Task, kwargs: dict[str, Any], policy: BasePolicy) -> dict[str, Any]:
    """Keyword arguments of the environment that a policy of unknown origin was trained in.

    The task's own options are left out where its observations fit the policy only without them: it
    was then trained elsewhere, in the environment as it is registered.
    """
    plain = {name: value for name, value in kwargs.items() if name not in task.env_options}
    if plain == kwargs:
        return kwargs
    shapes = []
    for each in (kwargs, plain):
        with closing(make_env(task.env_id, each)) as env:
            shapes.append(env.observation_space.shape)
    return plain if policy.observation_space.shape == shapes[1] != shapes[0] else kwargs


def find_model_file(path: Path) -> Path:
    """The file of a model: that of a run's last one for its folder or name, else the path itself.

    Raises:
        InputError: If the path is a folder but no run's, or a run's without a model.
    """
    path = resolve_run_path(path)
    return find_last_model(RunFolder.open(path)) if path.is_dir() else path


def find_run(path: Path) -> RunFolder | None:
    """The run that a path is, or lies in; None where there is none.

    Raises:
        InputError: If the path is a folder but no run's.
    """
    if path.is_dir():
        return RunFolder.open(path)
    for folder in list(path.parents)[:2]:  # a run's own files and its checkpoints
        if RunFolder(folder).config.is_file():
            return RunFolder(folder)
    return None


def find_last_model(run: RunFolder) -> Path:
    """The zip of a run's last model: what was trained longest, be it a checkpoint, or the clone.

    Raises:
        InputError: If none was saved yet.
    """
    latest = run.latest_checkpoint()
    if latest is not None:
        return latest[0]
    if run.model.is_file():  # no whole one, which is told where it is read
        return run.model
    if run.clone.is_file():
        return run.clone
    raise InputError(f"{run.path}: no model was saved in this run yet")
