"""What can be trained and with which settings: a registry that another package can add to.

Light on purpose (no torch, no simulator), so that ``--help`` can print every task's defaults.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sb3_mimic.errors import InputError
from sb3_mimic.names import import_user_module, load_object, unknown_name, without_module
from sb3_mimic.tasks.capability import Capability
from sb3_mimic.tasks.motions import Motions, as_tuple, to_kwarg
from sb3_mimic.tasks.settings import CloningSettings, Hyperparameters, WarmStartSettings

#: A function that makes demonstrations, called as ``f(env_id, motion, n_episodes, seed=…,
#: env_kwargs=…)``; it returns a list of imitation's ``TrajectoryWithRew``.
Collector = Callable[..., Any]

#: A function that writes the program which runs an exported policy on the robot, called with the
#: policy's ONNX file and the program's path; it returns the program's path.
ProgramWriter = Callable[[Path, Path], Path]


@dataclass(frozen=True)
class Task:
    """A robot's environment, what it can do, and the settings that fit it.

    Attributes:
        name: What ``--env`` calls it.
        env_id: Gymnasium id of the environment.
        motion: Default motion; None where the task has none.
        n_demo_episodes: Default number of demonstration episodes.
        n_bc_epochs: Default number of cloning epochs.
        n_rl_timesteps: Default number of environment steps of reinforcement learning.
        visualize_freq: Default number of steps between videos.
        hyperparameters: Settings shared by all algorithms.
        capabilities: What the task can do. Without :attr:`Capability.TRACKING` the motion matters
            to the demonstrations alone.
        collector: The source of demonstrations of a motion: a :data:`Collector`, or the
            ``module:function`` that is one; None where only saved ones and experts are.
        motion_help: What ``--help`` says of the task's motions.
        program_writer: A :data:`ProgramWriter`, or the ``module:function`` that is one; None where
            no policy runs on the robot's own computer.
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
    n_demo_episodes: int
    n_bc_epochs: int
    n_rl_timesteps: int
    visualize_freq: int
    hyperparameters: Hyperparameters
    capabilities: frozenset[Capability] = frozenset()
    collector: str | Collector | None = None
    motion_help: str = ""
    program_writer: str | ProgramWriter | None = None
    env_options: Mapping[str, Any] = field(default_factory=dict)
    training_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    eval_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    video_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    algorithm_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cloning: CloningSettings = field(default_factory=CloningSettings)
    warm_start: WarmStartSettings = field(default_factory=WarmStartSettings)

    @property
    def qualified_name(self) -> str:
        """The name with the module that registers the task, where it was found by one."""
        module = self.env_id.rpartition(":")[0]
        return f"{module}:{self.name}" if module else self.name

    def can(self, capability: Capability) -> bool:
        """Whether the task has a capability."""
        return capability in self.capabilities

    def require(self, capability: Capability, feature: str) -> None:
        """Refuses a feature to a task without the capability that it needs.

        Args:
            capability: The capability.
            feature: The feature as the user asked for it, such as ``--push-force``.

        Raises:
            InputError: If the task lacks the capability; it names the tasks that have it.
        """
        if not self.can(capability):
            others = ", ".join(tasks_with(capability)) or "none here"
            raise InputError(
                f"{feature} is for tasks that {capability.phrase} ({others}), not for {self.name}"
            )

    def load_collector(self) -> Collector | None:
        """The source of demonstrations, imported if need be; None without one."""
        if isinstance(self.collector, str):
            collector: Collector = load_object(self.collector)
            return collector
        return self.collector

    def load_program_writer(self) -> ProgramWriter:
        """The writer of the robot's program, imported if need be.

        Raises:
            InputError: If the task has none.
        """
        if self.program_writer is None:
            raise InputError(f"there is no program that runs a policy on the robot of {self.name}")
        if isinstance(self.program_writer, str):
            writer: ProgramWriter = load_object(self.program_writer)
            return writer
        return self.program_writer

    def hyperparameters_for(self, algo: str) -> Hyperparameters:
        """The task's settings for one algorithm."""
        return self.hyperparameters.updated(self.algorithm_settings.get(algo, {}))

    def env_kwargs(
        self,
        motion: Motions | None,
        *,
        use_camera: bool = False,
        robot_file: Path | None = None,
    ) -> dict[str, Any]:
        """Keyword arguments of ``gym.make`` for one or several motions and an observation.

        Args:
            motion: The motions; None for the environment's default.
            use_camera: Whether to observe through the robot's camera.
            robot_file: MJCF file of the robot in place of the task's own.

        Raises:
            InputError: If a camera is asked for where there is none, or several motions where the
                environment does not take them.
        """
        if len(as_tuple(motion)) > 1:
            self.require(Capability.TRACKING, "--motion with several motions")
        if use_camera:
            self.require(Capability.CAMERA, "--use-camera")
        kwargs = {} if use_camera else dict(self.env_options)
        if self.can(Capability.TRACKING) and motion is not None:
            kwargs["motion"] = to_kwarg(as_tuple(motion))
        if use_camera:
            kwargs["use_camera"] = True
        if robot_file is not None:
            self.require(Capability.TRACKING, "--robot-file")
            kwargs["robot_file"] = str(robot_file.resolve())  # a run is evaluated from anywhere
        return kwargs


TASKS: dict[str, Task] = {}

DEFAULT_TASK = "humanoid"
"""Name of the task that commands and functions take where none is named."""


def register_task(task: Task) -> None:
    """Adds a task, or replaces the one of the same name."""
    TASKS[task.name] = task


def get_task(name: str) -> Task:
    """Finds a task by its name or by its environment's id.

    A module in front of it (``my_robots:biped``) is imported first, as by `gymnasium.make`: that is
    how a task of another package gets into the registry. The task's environment then has the
    module in its id, so that whoever makes it imports the module as well.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    module, _, own = name.rpartition(":")
    if module:
        import_user_module(module, f"environment {name!r}")
    found = TASKS.get(own) or next(
        (task for task in TASKS.values() if without_module(task.env_id) == own), None
    )
    if found is None:
        raise unknown_name("environment", own, TASKS)
    return replace(found, env_id=f"{module}:{without_module(found.env_id)}") if module else found


def tasks_with(capability: Capability) -> tuple[str, ...]:
    """Names of the tasks that have a capability, in the order of the registry."""
    return tuple(name for name, task in TASKS.items() if task.can(capability))
