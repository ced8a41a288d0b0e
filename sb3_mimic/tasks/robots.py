"""Robots that imitate clips, by name: those of the package, and those of other packages.

Light: no simulator.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from sb3_mimic.names import load_object, unknown_name
from sb3_mimic.tasks.capability import Capability
from sb3_mimic.tasks.task import DEFAULT_TASK, Task, get_task, register_task

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.spec import TrackingRobot, TrackingSpec

_ENTRY_POINT = "sb3_mimic.envs:TrackingEnv"

#: Name -> the robot's `TrackingSpec`, or ``module:attribute`` that is imported when first used.
TRACKING_SPECS: "dict[str, TrackingSpec | str]" = {}


def register_tracking_spec(name: str, spec: "TrackingSpec | str") -> None:
    """Adds a robot that imitates clips, or replaces the one of the same name.

    Args:
        name: What ``robot=`` of `TrackingEnv` calls it.
        spec: The robot, or ``module:attribute``.
    """
    TRACKING_SPECS[name] = spec


def get_tracking_spec(name: str) -> "TrackingSpec":
    """Finds a robot that imitates clips by its name.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name not in TRACKING_SPECS:
        raise unknown_name("robot", name, TRACKING_SPECS)
    spec = TRACKING_SPECS[name]
    if isinstance(spec, str):
        loaded: TrackingSpec = load_object(spec)
        return loaded
    return spec


def find_tracking_spec(env: str) -> "TrackingSpec":
    """The robot of a task that tracks clips.

    Args:
        env: The task by its name or its environment's id, also with a module in front.

    Raises:
        InputError: If there is no such task, or it does not track clips.
    """
    task = get_task(env)
    task.require(Capability.TRACKING, f"--env {env}")
    return get_tracking_spec(task.name)


def load_tracking_robot(env: str, file: Path | None = None) -> "TrackingRobot":
    """Loads the robot of a task that tracks clips.

    Args:
        env: The task, see `find_tracking_spec`.
        file: MJCF file in place of the robot's own.

    Raises:
        InputError: If there is no such task, it does not track clips, or the file cannot be used.
    """
    return find_tracking_spec(env).load(file=file)


def register_robot(
    spec: "TrackingSpec", settings: Mapping[str, Any] | None = None, *, like: str = DEFAULT_TASK
) -> Task:
    """Registers a robot that imitates clips: its environment, and a task with settings.

    The environment's id is ``sb3_mimic/<name>-v0``. Every command takes the robot by
    ``--env <name>`` once the module that calls this is imported; ``--env <module>:<name>`` imports
    it.

    Args:
        spec: The robot.
        settings: Changes to the task's settings, by the names of `Task`'s attributes.
        like: Name of the tracking task whose settings it starts from.

    Returns:
        The task.

    Raises:
        InputError: If ``like`` is no task.
        TypeError: If a setting is no attribute of `Task`.
    """
    env_id = f"sb3_mimic/{spec.name}-v0"
    register_tracking_spec(spec.name, spec)
    gym.register(env_id, entry_point=_ENTRY_POINT, kwargs={"robot": spec.name})
    task = replace(get_task(like), **{"name": spec.name, "env_id": env_id, **(settings or {})})
    register_task(task)
    return task
