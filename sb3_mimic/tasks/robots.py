"""Robots of other packages that imitate clips: one call makes one known to every command."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from sb3_mimic.envs.tracking.registry import register_tracking_spec
from sb3_mimic.tasks.task import DEFAULT_TASK, Task, get_task, register_task

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.spec import TrackingSpec

_ENTRY_POINT = "sb3_mimic.envs:TrackingEnv"


def register_robot(
    spec: "TrackingSpec", settings: Mapping[str, Any] | None = None, *, like: str | None = None
) -> Task:
    """Registers a robot that imitates clips: its environment, and a task with settings.

    The environment's id is ``sb3_mimic/<name>-v0``. Every command takes the robot by
    ``--env <name>`` once the module that calls this is imported; ``--env <module>:<name>`` imports
    it.

    Args:
        spec: The robot.
        settings: Changes to the task's settings, by the names of `Task`'s attributes.
        like: Name of the tracking task whose settings it starts from; the default task's without
            it.

    Returns:
        The task.

    Raises:
        TypeError: If a setting is no attribute of `Task`.
    """
    env_id = f"sb3_mimic/{spec.name}-v0"
    register_tracking_spec(spec.name, spec)
    gym.register(env_id, entry_point=_ENTRY_POINT, kwargs={"robot": spec.name})
    task = replace(
        get_task(like or DEFAULT_TASK), **{"name": spec.name, "env_id": env_id, **(settings or {})}
    )
    register_task(task)
    return task
