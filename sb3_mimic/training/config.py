"""What a training job is asked for. Light: nothing here imports torch or a simulator."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.tasks import TASKS, Hyperparameters, Task, WarmStartSettings, get_task
from sb3_mimic.tasks.motions import Motions, as_given, several
from sb3_mimic.tasks.presets import NO_PRESET, Preset, get_preset, preset_for

_DEVICE = "cpu"
_N_EVAL_EPISODES = 32

_METAVAR = {"motion": "NAME|PATH …", "learning_rate": "FLOAT"}


def optional(metavar: str) -> Any:
    """An option that may be left out."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="(optional)")


def default(metavar: str, value: Any) -> Any:
    """An option of which one can tell whether it was given: None stands for its default."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {value})")


def by_robot(text: str, field: str) -> Any:
    """Help for an option whose default depends on the robot: it names each robot's."""
    defaults = ", ".join(f"{task.name} {_default(task, field)}" for task in TASKS.values())
    return tyro.conf.arg(
        help=text, metavar=_METAVAR.get(field, "INT"), help_behavior_hint=f"(default: {defaults})"
    )


def _default(task: Task, field: str) -> Any:
    if field in ("n_envs", "learning_rate"):
        return getattr(task.hyperparameters, field)
    return getattr(task, field)


@dataclass(frozen=True)
class TrainConfig:
    """From a motion to a trained policy: collect, clone, fine-tune, evaluate, film."""

    env: str = "humanoid"
    """Robot: humanoid, pidog or pidog-hardware."""
    preset: Annotated[str | None, optional("NAME|PATH|none")] = None
    """Settings tuned for a motion: a name (humanoid-walk, …) or a YAML file. Without it those of a
    known clip are taken; none: the robot's."""
    algo: str = "ppo"
    """Algorithm: ppo or trpo."""
    motion: Annotated[
        Motions | None,
        by_robot(
            "Clip by name or file, or several for one policy (humanoid); gait trot, walk or sine "
            "(pidog).",
            "motion",
        ),
    ] = None
    motion_sampling: Literal["difficulty", "uniform"] = "difficulty"
    """What training begins more often: clips, and phases of a clip, that it does worse, or none."""
    demos: Annotated[Path | None, optional("PATH|minari:ID")] = None
    """Saved demonstrations to clone instead of collecting them: a folder, or a Minari dataset."""
    expert: Annotated[Path | None, optional("PATH")] = None
    """Trained SB3 model (.zip) to collect the demonstrations from."""
    n_demo_episodes: Annotated[
        int | None,
        by_robot("Gait episodes, or passes over each clip, to collect.", "n_demo_episodes"),
    ] = None
    refine_method: str = "mpc"
    """Humanoid: method that finds actions under which the clip is reproduced, before they are
    demonstrated: mpc, gradient, invdyn, feedback or pd; none: plain PD labels."""
    refine_iterations: Annotated[int | None, optional("INT")] = None
    """Humanoid: iterations of that method; without it its own number."""
    load_refined_actions: Annotated[Path | None, optional("PATH")] = None
    """Humanoid: actions file of sb3-mimic refine, instead of refining."""
    total_bc_epochs: Annotated[
        int | None, by_robot("Epochs of behavior cloning, at most.", "n_bc_epochs")
    ] = None
    skip_bc: bool = False
    """No cloning: start from --pretrained-model, or from scratch without one."""
    pretrained_model: Annotated[Path | None, optional("PATH")] = None
    """Model to start from instead of cloning: an SB3 .zip of either algorithm, or a .pth of its
    policy's weights."""
    handover: Literal["standard", "none"] = "standard"
    """From the clone to reinforcement learning: standard: noise from cloning, critic first, small
    steps first, further cloning, stop at a collapse; none: as SB3's defaults have it."""
    total_rl_timesteps: Annotated[
        int | None,
        by_robot("Environment steps of reinforcement learning; 0 skips it.", "n_rl_timesteps"),
    ] = None
    n_envs: Annotated[int | None, by_robot("Parallel environments.", "n_envs")] = None
    visualize_freq: Annotated[
        int | None,
        by_robot("Environment steps between videos; 0 makes none on the way.", "visualize_freq"),
    ] = None
    learning_rate: Annotated[
        float | None, by_robot("Learning rate of reinforcement learning.", "learning_rate")
    ] = None
    push_force: float = 0.0
    """Humanoid: pushes in training of up to this force [N]; they grow with what the body stands."""
    use_camera: bool = False
    """Observe through the robot's camera (pidog)."""
    output_dir: Path = Path("outputs")
    """Folder of all runs."""
    experiment_name: Annotated[str | None, optional("NAME")] = None
    """Name of the run's folder; without it bc_rl_<env>_<algo>_<time>."""
    seed: int = 42
    """Seed of everything random."""
    resume: Annotated[Path | None, optional("RUN")] = None
    """Run to go on with, from its last checkpoint; only --total-rl-timesteps, --visualize-freq,
    --callback, --device and --n-eval-episodes can then be changed."""
    callback: Annotated[str | None, optional("MODULE:FACTORY")] = None
    """Your own SB3 callback, as module:factory."""
    device: Annotated[str | None, default("STR", _DEVICE)] = None
    """cpu, cuda or auto. A GPU speeds up updates of humanoid and pidog-hardware, not of pidog."""
    n_eval_episodes: Annotated[int | None, default("INT", _N_EVAL_EPISODES)] = None
    """Episodes of the final evaluation."""
    allow_pickle: bool = False
    """Let --demos be a pickle. It can run any code when it is loaded: only files you trust."""

    def __post_init__(self) -> None:
        if self.motion is not None and not several(self.motion):
            raise InputError("--motion needs the name or file of a motion")
        for name, least in (
            ("n_demo_episodes", 1),
            ("total_bc_epochs", 0),
            ("total_rl_timesteps", 0),
            ("n_envs", 1),
            ("visualize_freq", 0),
            ("n_eval_episodes", 1),
            ("seed", 0),
        ):
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
        if not self.clones and (self.demos is not None or self.expert is not None):
            raise InputError(
                "--skip-bc and --pretrained-model leave nothing to do for --demos and --expert"
            )

    @property
    def used_preset(self) -> Preset | None:
        """The preset that was named; None without one."""
        return None if self.preset in (None, NO_PRESET) else get_preset(str(self.preset))

    @property
    def task(self) -> Task:
        """The task by the name of its robot or environment, with the preset's changes."""
        preset = self.used_preset
        if preset is None:
            return get_task(self.env)
        task = preset.task
        if self.env not in (task.name, task.env_id, TrainConfig.env):
            raise InputError(f"--preset {self.preset} is for --env {task.name}, not {self.env}")
        return task

    @property
    def used_device(self) -> str:
        """Where the model is trained."""
        return _DEVICE if self.device is None else self.device

    @property
    def used_n_eval_episodes(self) -> int:
        """Episodes of the final evaluation."""
        return _N_EVAL_EPISODES if self.n_eval_episodes is None else self.n_eval_episodes

    @property
    def clones(self) -> bool:
        """Whether demonstrations are cloned."""
        return not self.skip_bc and self.pretrained_model is None

    @property
    def from_scratch(self) -> bool:
        """Whether reinforcement learning starts from random weights."""
        return not self.clones and self.pretrained_model is None

    def resolved(self) -> "TrainConfig":
        """The same with every default of the robot filled in, and the preset of a known clip.

        Raises:
            InputError: If the environment, the preset or the motion is unknown.
        """
        if self.preset is None:
            return replace(self, preset=self._known_preset() or NO_PRESET).resolved()
        task = self.task
        hyperparameters = task.hyperparameters_for(self.algo)
        defaults = {
            "n_demo_episodes": task.n_demo_episodes,
            "total_bc_epochs": task.n_bc_epochs,
            "total_rl_timesteps": task.n_rl_timesteps,
            "n_envs": hyperparameters.n_envs,
            "visualize_freq": task.visualize_freq,
            "learning_rate": hyperparameters.learning_rate,
            "device": self.used_device,
            "n_eval_episodes": self.used_n_eval_episodes,
        }
        changes: dict[str, Any] = {
            name: value for name, value in defaults.items() if getattr(self, name) is None
        }
        # A run is resumed and evaluated from anywhere.
        changes["motion"] = as_given([_absolute(m) for m in several(self.motion or task.motion)])
        if self.preset is not None:
            changes["preset"] = _absolute(self.preset)
        return replace(self, env=task.name, **changes)

    def _known_preset(self) -> str | None:
        """Name of the preset for the clip; None where there is none."""
        motions = several(self.motion or self.task.motion)
        if not self.task.motion_in_env or len(motions) != 1:
            return None
        motion = motions[0]
        from sb3_mimic.motion import load_motion
        from sb3_mimic.motion.skeletal import SUFFIXES

        if Path(motion).suffix.lower() in SUFFIXES:
            return None  # retargeting it only to be told its name would cost seconds
        preset = preset_for(load_motion(motion).digest)
        return None if preset is None else preset.name

    @property
    def training_env_kwargs(self) -> dict[str, Any]:
        """What training environments do otherwise than those that a policy is measured in.

        Raises:
            InputError: If pushes are asked for of a robot that takes none.
        """
        task = self.task
        if self.push_force == 0:
            return dict(task.training_env_kwargs)
        if not task.motion_in_env:
            raise InputError(
                f"--push-force is for the humanoid; what pushes the {task.name} is part of its "
                "randomization"
            )
        return {**task.training_env_kwargs, "push_force": self.push_force}

    def hyperparameters(self) -> Hyperparameters:
        """The algorithm's settings: the robot's, changed by what was asked for."""
        changes = {
            name: getattr(self, name)
            for name in ("n_envs", "learning_rate")
            if getattr(self, name) is not None
        }
        return self.task.hyperparameters_for(self.algo).updated(changes)

    def warm_start(self) -> WarmStartSettings:
        """The settings of the handover: the robot's, or none."""
        return WarmStartSettings.none() if self.handover == "none" else self.task.warm_start

    def resumed_with(self, asked: "TrainConfig") -> "TrainConfig":
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

    def changeable(self) -> dict[str, Any]:
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
            if not _is_of(value, kinds[name]):
                raise InputError(f"{source}: {value!r} is no value of {name!r}")
        return cls(**arguments)


_CHANGEABLE = ("total_rl_timesteps", "visualize_freq", "callback", "device", "n_eval_episodes")


def _from_yaml(value: Any, kind: Any) -> Any:
    """A path that YAML holds as text, a tuple that it holds as a list; anything else as it is."""
    if isinstance(value, str) and Path in (kind, *get_args(kind)):
        return Path(value)
    return tuple(value) if isinstance(value, list) else value


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a setting's type."""
    if isinstance(kind, UnionType):
        return any(_is_of(value, each) for each in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind if kind in (int, bool) else isinstance(value, kind)


def _absolute(given: str) -> str:
    """A motion or a preset; its whole path if it is a file.

    A bare name is built in even where such a file is.
    """
    is_file = any(c in given for c in "./\\") and Path(given).is_file()
    return str(Path(given).resolve()) if is_file else given


def flag(name: str) -> str:
    """The command-line flag of a field."""
    return "--" + name.replace("_", "-")
