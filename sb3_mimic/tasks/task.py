"""What can be trained and with which settings: a registry that another package can add to.

Light on purpose (no torch, no simulator), so that ``--help`` can print every robot's defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name
from sb3_mimic.tasks.motions import Motions, given, several
from sb3_mimic.tasks.settings import CloningSettings, Hyperparameters, WarmStartSettings


@dataclass(frozen=True)
class Task:
    """A robot's environment and the settings that fit it.

    Attributes:
        name: What ``--env`` calls it.
        env_id: Gymnasium id of the environment.
        motion: Default motion; None where the task has none.
        motion_in_env: Whether the environment takes the motion as ``motion=``; else it matters to
            the demonstrations alone.
        has_camera: Whether the environment takes ``use_camera=``.
        n_demo_episodes: Default number of demonstration episodes.
        n_bc_epochs: Default number of cloning epochs.
        n_rl_timesteps: Default number of environment steps of reinforcement learning.
        visualize_freq: Default number of steps between videos.
        hyperparameters: Settings shared by all algorithms.
        env_options: Keyword arguments of all of its environments, but for those with a camera.
        training_env_kwargs: What training environments do otherwise.
        eval_env_kwargs: What environments for evaluations during training do otherwise.
        video_env_kwargs: What environments that are filmed on the way take, as a small size.
        algorithm_settings: What an algorithm changes of them, by its name.
        cloning: Settings of cloning.
        warm_start: Settings of the handover.
    """

    name: str
    env_id: str
    motion: str | None
    motion_in_env: bool
    has_camera: bool
    n_demo_episodes: int
    n_bc_epochs: int
    n_rl_timesteps: int
    visualize_freq: int
    hyperparameters: Hyperparameters
    env_options: Mapping[str, Any] = field(default_factory=dict)
    training_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    eval_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    video_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    algorithm_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cloning: CloningSettings = field(default_factory=CloningSettings)
    warm_start: WarmStartSettings = field(default_factory=WarmStartSettings)

    def hyperparameters_for(self, algo: str) -> Hyperparameters:
        """The task's settings for one algorithm."""
        return self.hyperparameters.updated(self.algorithm_settings.get(algo, {}))

    def env_kwargs(self, motion: Motions | None, *, use_camera: bool = False) -> dict[str, Any]:
        """Keyword arguments of ``gym.make`` for one or several motions and an observation.

        Raises:
            InputError: If a camera is asked for where there is none, or several motions where the
                environment does not take them.
        """
        if len(several(motion)) > 1 and not self.motion_in_env:
            raise InputError(
                f"the {self.name} performs one gait, not {len(several(motion))}; give one --motion"
            )
        if use_camera and not self.has_camera:
            raise InputError(f"the {self.name} has no camera to use")
        kwargs = {} if use_camera else dict(self.env_options)
        if self.motion_in_env and motion is not None:
            kwargs["motion"] = given(several(motion))
        if use_camera:
            kwargs["use_camera"] = True
        return kwargs


TASKS: dict[str, Task] = {}


def register_task(task: Task) -> None:
    """Adds a task, or replaces the one of the same name."""
    TASKS[task.name] = task


def get_task(name: str) -> Task:
    """Finds a task by its name or by its environment's id, also with a module in front of it.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name in TASKS:
        return TASKS[name]
    for task in TASKS.values():
        if task.env_id == name.rpartition(":")[2]:
            return task
    raise unknown_name("environment", name, TASKS)
