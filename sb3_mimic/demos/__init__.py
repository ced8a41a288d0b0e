"""Sources of demonstrations, as trajectories of ``imitation``.

Gaits, motion clips and trained models; all in the environment's own spaces, checked, saved and
loaded with imitation's own serialization.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sb3_mimic.errors import InputError
from sb3_mimic.lazy import lazy_exports
from sb3_mimic.tasks import Task, get_task

if TYPE_CHECKING:
    from imitation.data.types import TrajectoryWithRew

    from sb3_mimic.demos.expert import collect_expert as collect_expert
    from sb3_mimic.demos.minari import load_minari as load_minari
    from sb3_mimic.demos.minari import save_minari as save_minari
    from sb3_mimic.demos.mocap import MocapSettings as MocapSettings
    from sb3_mimic.demos.mocap import collect_mocap as collect_mocap
    from sb3_mimic.demos.passes import to_trajectories as to_trajectories
    from sb3_mimic.demos.refined import RefinedSettings as RefinedSettings
    from sb3_mimic.demos.refined import Refinement as Refinement
    from sb3_mimic.demos.refined import collect_refined as collect_refined
    from sb3_mimic.demos.storage import load_demonstrations as load_demonstrations
    from sb3_mimic.demos.storage import save_demonstrations as save_demonstrations
    from sb3_mimic.demos.validate import check_trajectories as check_trajectories
    from sb3_mimic.motion import MotionClip

_ROOM = "sb3_mimic.demos"

__getattr__ = lazy_exports(
    __name__,
    {
        "MocapSettings": f"{_ROOM}.mocap",
        "RefinedSettings": f"{_ROOM}.refined",
        "Refinement": f"{_ROOM}.refined",
        "check_trajectories": f"{_ROOM}.validate",
        "collect_expert": f"{_ROOM}.expert",
        "collect_mocap": f"{_ROOM}.mocap",
        "collect_refined": f"{_ROOM}.refined",
        "load_demonstrations": f"{_ROOM}.storage",
        "load_minari": f"{_ROOM}.minari",
        "save_demonstrations": f"{_ROOM}.storage",
        "save_minari": f"{_ROOM}.minari",
        "to_trajectories": f"{_ROOM}.passes",
    },
)

__all__ = [
    "MocapSettings",
    "RefinedSettings",
    "Refinement",
    "check_trajectories",
    "collect_demonstrations",
    "collect_expert",
    "collect_mocap",
    "collect_refined",
    "load_demonstrations",
    "load_minari",
    "save_demonstrations",
    "save_minari",
    "to_trajectories",
]


def collect_demonstrations(
    task: str | Task,
    motion: "str | Path | MotionClip | Sequence[str | Path | MotionClip]",
    n_episodes: int,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> "list[TrajectoryWithRew]":
    """Collects demonstrations of a motion by the task's own ``Task.collector``.

    Args:
        task: A task, its name, or the Gymnasium id of its environment.
        motion: A motion of the task by name or file, such as a clip or a gait; for tasks that track
            clips also a `MotionClip`, or several.
        n_episodes: Passes over each clip, or episodes of the gait.
        seed: Seeds everything random.
        env_kwargs: Further keyword arguments of the environment.
        **options: Further arguments of the collector, as ``settings`` of
            :func:`collect_mocap`.

    Returns:
        The trajectories, in the environment's spaces.

    Raises:
        InputError: If no task has this name or environment, the task has no collector, or the
            collector cannot use what it is given.

    Example:
        >>> from sb3_mimic.tasks import DEFAULT_TASK
        >>> len(collect_demonstrations(DEFAULT_TASK, "walk", 2))
        2
    """
    found = _find_task(task)
    collect = None if found is None else found.load_collector()
    if found is None or collect is None:
        name = task if isinstance(task, str) else task.name
        raise InputError(
            f"there is no source of demonstrations for {name!r}; give saved ones or an expert"
        )
    trajectories: list[TrajectoryWithRew] = collect(
        found.env_id, motion, n_episodes, seed=seed, env_kwargs=env_kwargs, **options
    )
    return trajectories


def _find_task(task: str | Task) -> Task | None:
    if isinstance(task, Task):
        return task
    try:
        return get_task(task)
    except InputError:
        return None
