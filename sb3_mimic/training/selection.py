"""What a command is about: the task, with the changes of a preset, and its motions.

Light: no torch; a simulator only where a clip is read to know its preset.
"""

from pathlib import Path

from sb3_mimic.errors import InputError
from sb3_mimic.names import without_module
from sb3_mimic.tasks import DEFAULT_TASK, Capability, Task, get_task
from sb3_mimic.tasks.motions import Motions, as_tuple
from sb3_mimic.tasks.presets import NO_PRESET, Preset, find_preset_for_clip, get_preset


def find_preset(name_or_path: str | None) -> Preset | None:
    """The preset that was asked for; None without one.

    Raises:
        InputError: If there is no such preset.
    """
    return None if name_or_path in (None, NO_PRESET) else get_preset(str(name_or_path))


def find_task(env: str, preset: str | None) -> Task:
    """The task by its name or its environment's id, with the changes of a preset.

    Args:
        env: The task. A preset for another task may take the place of the default one.
        preset: Name or file of a preset; None or :data:`NO_PRESET` for none.

    Raises:
        InputError: If the task or the preset is unknown, or they do not belong together.
    """
    found = find_preset(preset)
    if found is None:
        return get_task(env)
    task = found.task
    if without_module(env) not in (task.name, without_module(task.env_id), DEFAULT_TASK):
        raise InputError(f"--preset {preset} is for --env {task.name}, not {env}")
    return task


def find_known_preset(task: Task, motion: Motions | None) -> str:
    """Name of the preset that comes with the package for a clip; :data:`NO_PRESET` without one.

    Args:
        task: The task that is to perform it.
        motion: The clip; None for the task's default.

    Raises:
        InputError: If there is no such clip.
    """
    motions = as_tuple(motion or task.motion)
    if not task.can(Capability.TRACKING) or len(motions) != 1:
        return NO_PRESET
    from sb3_mimic.motion import load_motion
    from sb3_mimic.motion.formats.registry import is_skeletal

    if is_skeletal(motions[0]):
        return NO_PRESET  # retargeting it only to be told its name would cost seconds
    preset = find_preset_for_clip(load_motion(motions[0]).digest, task)
    return NO_PRESET if preset is None else preset.name


def select_task(env: str, preset: str | None, motion: Motions | None) -> Task:
    """The task with the changes of a preset: the one asked for, else that of a known clip.

    Args:
        env: The task, see :func:`find_task`.
        preset: Name or file of a preset; None for that of the clip, :data:`NO_PRESET` for none.
        motion: The motion; None for the task's default.

    Raises:
        InputError: If the task, the preset or the motion is unknown.
    """
    if preset is None:
        preset = find_known_preset(get_task(env), motion)
    return find_task(env, preset)


def to_absolute(name: str) -> str:
    """A motion or a preset by its absolute path if it is a file.

    A bare name is that of a built-in one, even where such a file exists.
    """
    is_file = any(c in name for c in "./\\") and Path(name).is_file()
    return str(Path(name).resolve()) if is_file else name
