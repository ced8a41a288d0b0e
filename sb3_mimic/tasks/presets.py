"""Presets: settings tuned for a motion, one YAML file each.

A file names a task and changes fields of its :class:`~sb3_mimic.tasks.task.Task`::

    env: NAME
    motion: run
    clips: {humanoid3d_run: 4f5e…}      # digests of clips it is used for by default
    n_rl_timesteps: 2500000
    hyperparameters: {gamma: 0.97}      # of every algorithm
    algorithms: {ppo: {n_epochs: 5}}    # of one of them
    cloning: {patience: 10}
    warm_start: {bc_weight: 0.0}
    training_env_kwargs: {episode_seconds: 10.0}

Everything but ``env`` may be left out. Light: no torch, no simulator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

import yaml

from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name
from sb3_mimic.tasks import CloningSettings, Task, WarmStartSettings, get_task

#: ``--preset none``: no preset, even for a known clip.
NO_PRESET = "none"

_Settings = TypeVar("_Settings", CloningSettings, WarmStartSettings)

_TASK_FIELDS = ("motion", "n_demo_episodes", "n_bc_epochs", "n_rl_timesteps", "visualize_freq")
_MAPPINGS = (
    "clips",
    "hyperparameters",
    "algorithms",
    "cloning",
    "warm_start",
    "training_env_kwargs",
)


@dataclass(frozen=True)
class Preset:
    """Changes to a task.

    Attributes:
        name: Its name for ``--preset``, or the file.
        text: The YAML that it was read from.
        values: The content of the YAML.
    """

    name: str
    text: str
    values: Mapping[str, Any]

    @property
    def task(self) -> Task:
        """The task with the changes.

        Raises:
            InputError: If the task or a setting is unknown, or a value is out of range.
        """
        try:
            return _apply(get_task(self.values["env"]), self.values)
        except (InputError, TypeError) as error:
            raise InputError(f"preset {self.name}: {error}") from error

    @property
    def clips(self) -> Mapping[str, str]:
        """Digests of the clips that it is used for by default, by the clips' names."""
        found: Mapping[str, str] = self.values.get("clips", {})
        return found


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the package, in alphabetical order."""
    entries = files("sb3_mimic.assets").joinpath("presets").iterdir()
    return tuple(sorted(e.name.removesuffix(".yaml") for e in entries if e.name.endswith(".yaml")))


def get_preset(name_or_path: str) -> Preset:
    """Finds a preset by its name, or reads a YAML file.

    Raises:
        InputError: If there is none of that name, or the file is not as it should be.

    Example:
        >>> get_preset(preset_names()[0]).name in preset_names()
        True
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return _read(path, name_or_path)
    if name_or_path not in preset_names():
        raise unknown_name("preset", name_or_path, preset_names())
    return _load_builtin(name_or_path)


def find_preset_for_clip(digest: str, task: Task) -> Preset | None:
    """The preset that comes with the package for a clip of this content; None without one.

    Args:
        digest: Digest of the clip.
        task: The task that is to perform it.
    """
    presets = (_load_builtin(name) for name in preset_names())
    mine = (p for p in presets if p.values["env"] in (task.name, task.env_id))
    return next((p for p in mine if digest in p.clips.values()), None)


@cache
def _load_builtin(name: str) -> Preset:
    with as_file(files("sb3_mimic.assets").joinpath("presets", f"{name}.yaml")) as path:
        return _read(path, name)


def _read(path: Path, name: str) -> Preset:
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML") from error
    if not isinstance(values, dict) or "env" not in values:
        raise InputError(f"{path}: a preset is a YAML mapping that names its task under 'env'")
    known = ("env", *_TASK_FIELDS, *_MAPPINGS)
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{path}: {unknown_name('setting', str(key), known)}")
        if key in _MAPPINGS and not isinstance(value, dict):
            raise InputError(f"{path}: {key} must be a mapping, found {value!r}")
    return Preset(name, text, values)


def _apply(task: Task, values: Mapping[str, Any]) -> Task:
    algorithms = {
        name: {**task.algorithm_settings.get(name, {}), **_to_tuples(changes)}
        for name, changes in values.get("algorithms", {}).items()
    }
    return replace(
        task,
        **{name: values[name] for name in _TASK_FIELDS if name in values},
        hyperparameters=task.hyperparameters.updated(_to_tuples(values.get("hyperparameters", {}))),
        algorithm_settings={**task.algorithm_settings, **algorithms},
        cloning=_replace_settings(task.cloning, values.get("cloning", {})),
        warm_start=_replace_settings(task.warm_start, values.get("warm_start", {})),
        training_env_kwargs={**task.training_env_kwargs, **values.get("training_env_kwargs", {})},
    )


def _replace_settings(settings: _Settings, changes: Mapping[str, Any]) -> _Settings:
    known = [entry.name for entry in fields(settings)]
    for name in changes:
        if name not in known:
            raise unknown_name("setting", name, known)
    return replace(settings, **_to_tuples(changes))


def _to_tuples(changes: Mapping[str, Any]) -> dict[str, Any]:
    """YAML's lists as the tuples that settings are."""
    return {n: tuple(v) if isinstance(v, list) else v for n, v in changes.items()}
