"""Tasks: a robot's environment, what it can do, and the settings that fit it."""

from sb3_mimic.tasks import g1, humanoid, pidog  # each registers its tasks
from sb3_mimic.tasks.capability import Capability
from sb3_mimic.tasks.robots import (
    TRACKING_SPECS,
    find_tracking_spec,
    get_tracking_spec,
    load_tracking_robot,
    register_robot,
    register_tracking_spec,
)
from sb3_mimic.tasks.settings import CloningSettings, Hyperparameters, WarmStartSettings
from sb3_mimic.tasks.task import (
    DEFAULT_TASK,
    TASKS,
    Collector,
    Task,
    get_task,
    register_task,
    tasks_with,
)

__all__ = [
    "DEFAULT_TASK",
    "TASKS",
    "TRACKING_SPECS",
    "Capability",
    "CloningSettings",
    "Collector",
    "Hyperparameters",
    "Task",
    "WarmStartSettings",
    "find_tracking_spec",
    "g1",
    "get_task",
    "get_tracking_spec",
    "humanoid",
    "load_tracking_robot",
    "pidog",
    "register_robot",
    "register_task",
    "register_tracking_spec",
    "tasks_with",
]
