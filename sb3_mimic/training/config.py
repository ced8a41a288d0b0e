"""What a training job is asked for. Light: nothing here imports torch or a simulator."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from sb3_mimic.errors import InputError
from sb3_mimic.refinement.methods import DEFAULT_METHOD, METHODS
from sb3_mimic.tasks import DEFAULT_TASK, Capability, Hyperparameters, Task, WarmStartSettings
from sb3_mimic.tasks.motions import as_tuple, from_sequence
from sb3_mimic.tasks.presets import Preset
from sb3_mimic.tasks.settings import DEVICE, N_EVAL_EPISODES
from sb3_mimic.training.options import (
    EnvOption,
    LoadRefinedActionsOption,
    MotionOption,
    NDemoEpisodesOption,
    PresetOption,
    RefineIterationsOption,
    RobotFileOption,
    UseCameraOption,
    default_by_task,
    flag,
    join_words,
    option_for,
    optional,
    with_default,
)
from sb3_mimic.training.selection import find_known_preset, find_preset, find_task, to_absolute

# Fields whose default is the task's, or its hyperparameters'.
_TASK_DEFAULTS = ("n_demo_episodes", "n_bc_epochs", "n_rl_timesteps", "visualize_freq")
_HYPERPARAMETERS = ("n_envs", "learning_rate")
# The least value of numbers.
_LEAST = {
    "n_demo_episodes": 1,
    "n_bc_epochs": 0,
    "n_rl_timesteps": 0,
    "n_envs": 1,
    "visualize_freq": 0,
    "n_eval_episodes": 1,
    "seed": 0,
}
# What may be changed when a run is resumed.
_CHANGEABLE = ("n_rl_timesteps", "visualize_freq", "callback", "device", "n_eval_episodes")


@dataclass(frozen=True)
class TrainConfig:
    """From a motion to a trained policy: collect, clone, fine-tune, evaluate, film."""

    env: EnvOption = DEFAULT_TASK
    preset: PresetOption = None
    algo: str = "ppo"
    """Algorithm: ppo or trpo."""
    motion: MotionOption = None
    motion_sampling: Literal["difficulty", "uniform"] = "difficulty"
    """Which clips, and phases of a clip, training starts from more often: difficulty: those that it
    does worse; uniform: none."""
    demos: Annotated[Path | None, optional("PATH|minari:ID")] = None
    """Saved demonstrations to clone instead of collecting them: a folder, or a Minari dataset."""
    expert: Annotated[Path | None, optional("PATH")] = None
    """Trained SB3 model (.zip) to collect the demonstrations from."""
    n_demo_episodes: NDemoEpisodesOption = None
    refine_method: Annotated[
        str,
        option_for(
            Capability.REFINEMENT,
            "method that finds actions under which the clip is reproduced, before they are "
            f"demonstrated: {join_words(METHODS)}; none: plain PD labels.",
        ),
    ] = DEFAULT_METHOD
    refine_iterations: RefineIterationsOption = None
    load_refined_actions: LoadRefinedActionsOption = None
    n_bc_epochs: Annotated[
        int | None, default_by_task("Epochs of behavior cloning, at most.", "n_bc_epochs")
    ] = None
    skip_bc: bool = False
    """No cloning: start from --pretrained-model, or from scratch without one."""
    pretrained_model: Annotated[Path | None, optional("PATH")] = None
    """Model to start from instead of cloning: an SB3 .zip of either algorithm, or a .pth of its
    policy's weights."""
    handover: Literal["standard", "none"] = "standard"
    """Handover from the clone to reinforcement learning: standard: noise from cloning, critic
    first, small steps first, further cloning, stop at a collapse; none: SB3's defaults."""
    n_rl_timesteps: Annotated[
        int | None,
        default_by_task(
            "Environment steps of reinforcement learning; 0 skips it.", "n_rl_timesteps"
        ),
    ] = None
    n_envs: Annotated[
        int | None, default_by_task("Parallel environments.", "hyperparameters.n_envs")
    ] = None
    visualize_freq: Annotated[
        int | None,
        default_by_task(
            "Environment steps between videos; 0 makes none on the way.", "visualize_freq"
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        default_by_task(
            "Learning rate of reinforcement learning.", "hyperparameters.learning_rate", "FLOAT"
        ),
    ] = None
    push_force: Annotated[
        float,
        option_for(
            Capability.PUSHES,
            "pushes in training of up to this force [N]. They follow a curriculum: they grow as "
            "the policy withstands them.",
        ),
    ] = 0.0
    use_camera: UseCameraOption = False
    robot_file: RobotFileOption = None
    output_dir: Path = Path("outputs")
    """Folder of all runs."""
    experiment_name: Annotated[str | None, optional("NAME")] = None
    """Name of the run's folder; by default bc_rl_<env>_<algo>_<time>."""
    seed: int = 42
    """Seed of everything random."""
    resume: Annotated[Path | None, optional("RUN")] = None
    """Run to continue from its last checkpoint; only --total-rl-timesteps, --visualize-freq,
    --callback, --device and --n-eval-episodes can then be changed."""
    callback: Annotated[str | None, optional("MODULE:FACTORY")] = None
    """Your own SB3 callback, as module:factory."""
    device: Annotated[str | None, with_default("STR", DEVICE)] = None
    """cpu, cuda or auto. A GPU speeds up large updates, of thousands of samples, not small ones."""
    n_eval_episodes: Annotated[int | None, with_default("INT", N_EVAL_EPISODES)] = None
    """Episodes of the final evaluation."""
    allow_pickle: bool = False
    """Let --demos be a pickle. It can run any code when it is loaded: only files you trust."""

    def __post_init__(self) -> None:
        if self.motion is not None and not as_tuple(self.motion):
            raise InputError("--motion needs the name or file of a motion")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{flag(name)} must be at least {least}, got {value}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise InputError(f"--learning-rate must be positive, got {self.learning_rate}")
        folder = self.experiment_name
        if folder in ("", ".", "..") or set("/\\") & set(folder or ""):
            raise InputError(
                f"--experiment-name must be the name of a folder, not {folder!r}; --output-dir "
                "says where it lies"
            )
        if not self.push_force >= 0:
            raise InputError(f"--push-force must be a force [N] or 0, got {self.push_force}")
        if self.demos is not None and self.expert is not None:
            raise InputError("--demos and --expert are two sources of demonstrations; give one")
        if not self.uses_bc and (self.demos is not None or self.expert is not None):
            raise InputError(
                "--skip-bc and --pretrained-model leave nothing to do for --demos and --expert"
            )

    @property
    def resolved_preset(self) -> Preset | None:
        """The preset that was named; None without one."""
        return find_preset(self.preset)

    @property
    def task(self) -> Task:
        """The task by its name or its environment's id, with the preset's changes."""
        return find_task(self.env, self.preset)

    @property
    def resolved_device(self) -> str:
        """The device that the model is trained on."""
        return DEVICE if self.device is None else self.device

    @property
    def resolved_n_eval_episodes(self) -> int:
        """Episodes of the final evaluation."""
        return N_EVAL_EPISODES if self.n_eval_episodes is None else self.n_eval_episodes

    @property
    def uses_bc(self) -> bool:
        """Whether demonstrations are cloned."""
        return not self.skip_bc and self.pretrained_model is None

    @property
    def from_scratch(self) -> bool:
        """Whether reinforcement learning starts from random weights."""
        return not self.uses_bc and self.pretrained_model is None

    def resolved(self) -> "TrainConfig":
        """The same with every default of the task filled in, and the preset of a known clip.

        Raises:
            InputError: If the task, the preset or the motion is unknown.
        """
        if self.preset is None:
            return replace(self, preset=find_known_preset(self.task, self.motion)).resolved()
        task = self.task
        hyperparameters = task.hyperparameters_for(self.algo)
        defaults = {name: getattr(task, name) for name in _TASK_DEFAULTS}
        defaults |= {name: getattr(hyperparameters, name) for name in _HYPERPARAMETERS}
        defaults |= {
            "device": self.resolved_device,
            "n_eval_episodes": self.resolved_n_eval_episodes,
        }
        changes: dict[str, Any] = {
            name: value for name, value in defaults.items() if getattr(self, name) is None
        }
        # A run is resumed and evaluated from anywhere.
        changes["motion"] = from_sequence(
            [to_absolute(m) for m in as_tuple(self.motion or task.motion)]
        )
        return replace(self, env=task.qualified_name, preset=to_absolute(self.preset), **changes)

    @property
    def training_env_kwargs(self) -> dict[str, Any]:
        """What distinguishes training environments from those that a policy is measured in.

        Raises:
            InputError: If pushes are asked for of a task that takes none.
        """
        task = self.task
        if self.push_force == 0:
            return dict(task.training_env_kwargs)
        task.require(Capability.PUSHES, flag("push_force"))
        return {**task.training_env_kwargs, "push_force": self.push_force}

    def hyperparameters(self) -> Hyperparameters:
        """The algorithm's settings: the task's, changed by what was asked for."""
        changes = {
            name: getattr(self, name)
            for name in _HYPERPARAMETERS
            if getattr(self, name) is not None
        }
        return self.task.hyperparameters_for(self.algo).updated(changes)

    def warm_start(self) -> WarmStartSettings:
        """The settings of the handover: the task's, or none."""
        return WarmStartSettings.none() if self.handover == "none" else self.task.warm_start

    def with_changes(self, asked: "TrainConfig") -> "TrainConfig":
        """This, the settings of an earlier run, with what may be changed when it goes on.

        Args:
            asked: What was asked for now, not resolved.

        Raises:
            InputError: If something else was asked for.
        """
        changes: dict[str, Any] = {"resume": asked.resume}
        for entry in fields(self):
            value = getattr(asked, entry.name)
            if entry.name == "resume" or value in (entry.default, getattr(self, entry.name)):
                continue
            if entry.name not in _CHANGEABLE:
                raise InputError(
                    f"{flag(entry.name)} cannot be changed when a run is resumed; only "
                    f"{', '.join(flag(name) for name in _CHANGEABLE)} can"
                )
            changes[entry.name] = value
        return replace(self, **changes)

    def changeable_values(self) -> dict[str, Any]:
        """What may be changed when a run is resumed, as :meth:`to_dict` has it."""
        values = self.to_dict()
        return {name: values[name] for name in _CHANGEABLE}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        values = {
            n: str(value) if isinstance(value, Path) else value for n, value in values.items()
        }
        if isinstance(self.motion, tuple):
            values["motion"] = list(self.motion)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any], source: Path) -> "TrainConfig":
        """Reads back :meth:`to_dict`.

        Args:
            values: The values.
            source: The file they come from, for errors.

        Raises:
            InputError: If one is no setting of a training job, or not of its type.
        """
        kinds = get_type_hints(cls)
        unknown = values.keys() - kinds.keys()
        if unknown:
            raise InputError(f"{source}: {min(unknown)!r} is no setting of a training job")
        arguments = {name: _from_yaml(value, kinds[name]) for name, value in values.items()}
        for name, value in arguments.items():
            if not _has_type(value, kinds[name]):
                raise InputError(f"{source}: {value!r} is no value of {name!r}")
        return cls(**arguments)


def _from_yaml(value: Any, kind: Any) -> Any:
    """A path that YAML holds as text, a tuple that it holds as a list; anything else as it is."""
    if isinstance(value, str) and Path in (kind, *get_args(kind)):
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


def _has_type(value: Any, kind: Any) -> bool:
    """Whether a value is of a setting's type."""
    if isinstance(kind, UnionType):
        return any(_has_type(value, each) for each in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind if kind in (int, bool) else isinstance(value, kind)
