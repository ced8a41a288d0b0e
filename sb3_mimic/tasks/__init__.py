"""Tasks: a robot's environment, what it can do, and the settings that fit it."""

from sb3_mimic.tasks import humanoid, pidog
from sb3_mimic.tasks.settings import CloningSettings, Hyperparameters, WarmStartSettings
from sb3_mimic.tasks.task import TASKS, Task, get_task, register_task

__all__ = [
    "TASKS",
    "CloningSettings",
    "Hyperparameters",
    "Task",
    "WarmStartSettings",
    "get_task",
    "humanoid",
    "pidog",
    "register_task",
]
