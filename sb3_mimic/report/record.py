"""A run as the page shows it: its folder, read once."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from sb3_mimic.errors import InputError
from sb3_mimic.report.curves import Curves, read_curves
from sb3_mimic.report.performance import Performance
from sb3_mimic.report.published import Published
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.options import flag
from sb3_mimic.training.run import RunFolder

# Settings in which runs of one experiment may differ: seeds are what is averaged over.
_SEED_SETTINGS = (
    "seed",
    "experiment_name",
    "output_dir",
    "resume",
    "callback",
    "device",
    "n_eval_episodes",
    "visualize_freq",
    "allow_pickle",
)
# What a command always names, though it be the default.
_REQUIRED_FLAGS = ("env", "algo", "motion", "seed")


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A run.

    Attributes:
        run: Its folder.
        name: Its name on the page.
        config: Its ``config.yaml``.
        versions: Its ``versions.json``.
        curves: Its logs.
        evaluation: Its ``evaluation.json``: figures of the ``clone`` and of the ``model``.
        robustness: Its ``robustness.json``; empty where pushes were not tried.
        performance: Episodes of its model; None without a model, or if they cannot be run.
        published: DeepMimic's figures for its clip; None where they are not known.
        notes: What is missing on the page, and why.
    """

    run: RunFolder
    name: str
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    curves: Curves
    evaluation: Mapping[str, Any]
    robustness: Mapping[str, Any]
    performance: Performance | None
    published: Published | None
    notes: tuple[str, ...]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings of ``train``, defaults filled in."""
        return _mapping(self.config, "train")

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The algorithm's settings."""
        return _mapping(self.config, "hyperparameters")

    @property
    def clone(self) -> dict[str, Any]:
        """Figures of the clone; empty where nothing was cloned."""
        return _mapping(self.evaluation, "clone")

    @property
    def model(self) -> dict[str, Any]:
        """Figures of the trained model, pushes among them; empty while the run is going."""
        pushes = {k: v for k, v in self.robustness.items() if k.startswith("push_")}
        return {**_mapping(self.evaluation, "model"), **pushes}

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return bool(_mapping(self.evaluation, "model"))

    @property
    def timesteps(self) -> int:
        """Environment steps of reinforcement learning so far."""
        done = self.evaluation.get("num_timesteps")
        if isinstance(done, int):
            return done
        last = [int(curve.steps[-1]) for curve in self.curves.scalars.values() if len(curve.steps)]
        return max(last, default=0)

    @property
    def handover(self) -> int | None:
        """Environment steps after which the actor goes on learning; None where nothing tells."""
        alone = self.curves.scalars.get("train/critic_only")
        if alone is None or not alone.values.any():
            return None
        learning = alone.steps[alone.values == 0]
        return int(learning[0]) if len(learning) else None

    @property
    def experiment(self) -> tuple[tuple[str, str], ...]:
        """The settings that runs of one experiment share: all but the seed and the like."""
        return tuple(
            (name, repr(value))
            for name, value in self.settings.items()
            if name not in _SEED_SETTINGS
        )

    @property
    def command(self) -> str:
        """The command line that repeats it; empty where its settings cannot be read."""
        try:
            asked = TrainConfig.from_dict(self.settings, self.run.config)
            default = TrainConfig(env=asked.env, algo=asked.algo).resolved()
        except (InputError, TypeError, ValueError):
            return ""
        words = ["sb3-mimic", "train"]
        for field in fields(TrainConfig):
            value = getattr(asked, field.name)
            changed = value != getattr(default, field.name)
            if field.name == "resume" or not (changed or field.name in _REQUIRED_FLAGS):
                continue
            if value is True:
                words.append(flag(field.name))
            elif isinstance(value, tuple):
                words += [flag(field.name), *map(str, value)]
            elif value not in (None, False):
                words += [flag(field.name), str(value)]
        return shlex.join(words)


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one experiment, in the order they were named.

    Attributes:
        label: Its name beside the other groups.
        records: The runs, at least one.
    """

    label: str
    records: tuple[RunRecord, ...]


def read_record(
    run: RunFolder,
    *,
    name: str,
    performance: Performance | None,
    published: Published | None,
    notes: Sequence[str] = (),
) -> RunRecord:
    """Reads a run's folder.

    Args:
        run: The folder.
        name: Its name on the page.
        performance: Episodes of its model.
        published: Figures to compare it with.
        notes: What is missing on the page, and why.

    Raises:
        InputError: If its settings cannot be read.
    """
    return RunRecord(
        run=run,
        name=name,
        config=run.read_config(),
        versions=_read_json(run.versions),
        curves=read_curves(run),
        evaluation=_read_json(run.evaluation),
        robustness=_read_json(run.robustness),
        performance=performance,
        published=published,
        notes=tuple(notes),
    )


def group_by_experiment(records: Sequence[RunRecord]) -> tuple[Group, ...]:
    """Runs by experiment: those that differ in their seed alone belong together."""
    found: dict[tuple[tuple[str, str], ...], list[RunRecord]] = {}
    for record in records:
        # Without settings nothing says that two runs are the same experiment.
        found.setdefault(record.experiment or ((record.name, ""),), []).append(record)
    keys = {name for experiment in found for name, _ in experiment}
    differing = [name for name in sorted(keys) if len({dict(one).get(name) for one in found}) > 1]
    return tuple(Group(_label(members, differing), tuple(members)) for members in found.values())


def _label(members: list[RunRecord], differing: list[str]) -> str:
    if len(members) == 1:
        return members[0].name
    settings = members[0].settings
    differences = ", ".join(f"{name} {settings.get(name)}" for name in differing)
    return f"{differences or 'mean'} ({len(members)} seeds)"


def _mapping(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
