"""Command-line options that several commands share; their help follows from the registered tasks.

Light: no torch, no simulator.
"""

from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import tyro

from sb3_mimic.tasks import TASKS, Capability, tasks_with
from sb3_mimic.tasks.motions import Motions
from sb3_mimic.tasks.presets import preset_names
from sb3_mimic.training.shipped import shipped_names

#: Fields whose flag has another name than the field.
FLAG_NAMES = {"n_bc_epochs": "total-bc-epochs", "n_rl_timesteps": "total-rl-timesteps"}


def flag(field: str) -> str:
    """The command-line flag of a field."""
    return "--" + FLAG_NAMES.get(field, field.replace("_", "-"))


def optional(metavar: str) -> Any:
    """An option without a default."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="(optional)")


def with_default(metavar: str, default: Any) -> Any:
    """An option that is None until it is resolved, so that one can tell whether it was asked for.

    Args:
        metavar: Placeholder of the value.
        default: What it is resolved to.
    """
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


def default_by_task(
    text: str, field: str, metavar: str = "INT", *, name: str | None = None, **more: Any
) -> Any:
    """An option whose default depends on the task.

    Args:
        text: What the option does.
        field: The attribute of a :class:`~sb3_mimic.tasks.Task` with the default; dotted where it
            is one of its settings: ``cloning.batch_size``.
        metavar: Placeholder of the value.
        name: The flag without its dashes; None for that of the field.
        **more: Further arguments of ``tyro.conf.arg``.
    """
    return tyro.conf.arg(
        help=text,
        metavar=metavar,
        name=name or FLAG_NAMES.get(field),
        help_behavior_hint=f"(default: {_defaults(field)})",
        **more,
    )


def option_for(
    capability: Capability, text: str, metavar: str | None = None, hint: str | None = None
) -> Any:
    """An option that only tasks with a capability take.

    Args:
        capability: The capability.
        text: What the option does.
        metavar: Placeholder of the value; None for that of its type.
        hint: What stands in parentheses at the end, such as "optional"; None for the default.
    """
    return tyro.conf.arg(
        help=f"Tasks that {capability.phrase} ({', '.join(tasks_with(capability))}): {text}",
        metavar=metavar,
        help_behavior_hint=None if hint is None else f"({hint})",
    )


def join_words(words: Iterable[str]) -> str:
    """Words as a list in a sentence: ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _defaults(field: str) -> str:
    """The default of each task, or the one that all have."""
    defaults = {task.name: attrgetter(field)(task) for task in TASKS.values()}
    if len(set(map(str, defaults.values()))) == 1:
        return str(next(iter(defaults.values())))
    return ", ".join(f"{name} {default}" for name, default in defaults.items())


def _motions() -> str:
    """Which motions each task has."""
    tasks: dict[str, list[str]] = {}
    for task in TASKS.values():
        tasks.setdefault(task.motion_help or "by name or file", []).append(task.name)
    return "; ".join(f"{', '.join(names)}: {motions}" for motions, names in tasks.items())


def policy_path(text: str) -> Any:
    """The positional argument that names a policy.

    Args:
        text: The sorts of paths, with ``{shipped}`` for an example of a policy of the package.
    """
    return tyro.conf.arg(help=text.format(shipped=f"{shipped_names()[0]}, …"))


EnvOption = Annotated[
    str, tyro.conf.arg(help=f"Task, by its name or its environment's id: {join_words(TASKS)}.")
]
PresetOption = Annotated[
    str | None,
    tyro.conf.arg(
        help=f"Settings tuned for a motion: a name ({preset_names()[0]}, …) or a YAML file. By "
        "default the preset of a known clip is used; none uses the task's own settings.",
        metavar="NAME|PATH|none",
        help_behavior_hint="(optional)",
    ),
]
MotionOption = Annotated[
    Motions | None,
    tyro.conf.arg(
        help=f"Motion. {_motions()}.",
        metavar="NAME|PATH …",
        help_behavior_hint=f"(default: {_defaults('motion')})",
    ),
]
NDemoEpisodesOption = Annotated[
    int | None,
    default_by_task("Gait episodes, or passes over each clip, to collect.", "n_demo_episodes"),
]
RefineIterationsOption = Annotated[
    int | None,
    option_for(
        Capability.REFINEMENT,
        "iterations of that method; by default its own number.",
        metavar="INT",
        hint="optional",
    ),
]
LoadRefinedActionsOption = Annotated[
    Path | None,
    option_for(
        Capability.REFINEMENT,
        "actions file of sb3-mimic refine, instead of refining.",
        metavar="PATH",
        hint="optional",
    ),
]
UseCameraOption = Annotated[
    bool, option_for(Capability.CAMERA, "observe through the robot's camera.")
]
RobotFileOption = Annotated[
    Path | None,
    option_for(
        Capability.TRACKING,
        "MJCF file of the robot in place of the task's own.",
        metavar="PATH",
        hint="optional",
    ),
]
ZipUseCameraOption = Annotated[
    bool,
    option_for(Capability.CAMERA, "the policy of a bare .zip observes through the camera."),
]
