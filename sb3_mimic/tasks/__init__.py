"""Tasks: a robot's environment, what it can do, and the settings that fit it."""

from sb3_mimic.tasks import g1, humanoid, pidog  # each registers its tasks
from sb3_mimic.tasks.capability import Capability
from sb3_mimic.tasks.robots import register_robot
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
    "Capability",
    "CloningSettings",
    "Collector",
    "Hyperparameters",
    "Task",
    "WarmStartSettings",
    "g1",
    "get_task",
    "humanoid",
    "pidog",
    "register_robot",
    "register_task",
    "tasks_with",
]
