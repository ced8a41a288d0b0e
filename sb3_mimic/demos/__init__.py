"""Sources of demonstrations, as trajectories of ``imitation``.

Gaits, motion clips and trained models; all in the environment's own spaces, checked, saved and
loaded with imitation's own serialization.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sb3_mimic.errors import InputError
from sb3_mimic.tasks import Task, get_task

if TYPE_CHECKING:
    from imitation.data.types import TrajectoryWithRew

    from sb3_mimic.motion import MotionClip


def collect_demonstrations(
    task: str | Task,
    motion: "str | Path | MotionClip | Sequence[str | Path | MotionClip]",
    n_episodes: int,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> "list[TrajectoryWithRew]":
    """Collects demonstrations of a motion by the task's own :attr:`Task.collector`.

    Args:
        task: A task, its name, or the Gymnasium id of its environment.
        motion: A motion of the task by name or file, such as a clip or a gait; for tasks that track
            clips also a `MotionClip`, or several.
        n_episodes: Passes over each clip, or episodes of the gait.
        seed: Seeds everything random.
        env_kwargs: Further keyword arguments of the environment.
        **options: Further arguments of the collector, as ``settings`` of
            :func:`sb3_mimic.demos.mocap.collect_mocap`.

    Returns:
        The trajectories, in the environment's spaces.

    Raises:
        InputError: If no task has this name or environment, the task has no collector, or the
            collector cannot use what it is given.

    Example:
        >>> len(collect_demonstrations("sb3_mimic/HumanoidMimic-v0", "walk", 2))
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
