"""The folder of a run: what lies where, and what a resumed run goes on from.

::

    outputs/<experiment>/
      config.yaml  versions.json       what was asked for, and with what it was made
      preset.yaml                      the preset, where one was used
      demos/                           the demonstrations, as imitation saves them
      bc_pretrained_policy.zip  .pth   the clone: an SB3 model, and its policy's weights
      model.zip  best_model.zip        the last model, and the best one of the evaluations
      checkpoints/  tensorboard/  monitor.csv  evaluations.npz
      evaluation.json  videos/  report.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import yaml

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path, check_writable
from sb3_mimic.names import import_user_module
from sb3_mimic.versions import versions


@dataclass(frozen=True)
class RunFolder:
    """Paths within a run's folder.

    Attributes:
        path: The folder.
    """

    CHECKPOINT_PREFIX: ClassVar[str] = "model"

    path: Path

    @classmethod
    def new(cls, path: Path) -> "RunFolder":
        """A run to be: nothing is made yet.

        Raises:
            InputError: If the folder is there already and not empty, or cannot be made.
        """
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise InputError(
                f"{path}: exists already; choose another --experiment-name, or go on with it by "
                f"--resume {path}"
            )
        check_writable(path)
        return cls(path)

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any]) -> "RunFolder":
        """Makes the folder and writes down what was asked for.

        Args:
            path: Must not exist, or be an empty folder.
            config: Whatever YAML holds.

        Raises:
            InputError: If the folder is there already, or cannot be made.
        """
        run = cls.new(path)
        run.write_text(run.config, yaml.safe_dump(dict(config), sort_keys=False))
        run.write_text(run.versions, json.dumps(versions(), indent=2) + "\n")
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run.

        Raises:
            InputError: If the folder is not there or is no run's.
        """
        run = cls(path)
        if not run.config.is_file():
            raise InputError(f"{path}: is no run: there is no {run.config.name} in it")
        return run

    @property
    def config(self) -> Path:
        """The settings the run was started with."""
        return self.path / "config.yaml"

    @property
    def preset(self) -> Path:
        """The preset as it was when the run was started."""
        return self.path / "preset.yaml"

    @property
    def versions(self) -> Path:
        """The versions of Python and the packages."""
        return self.path / "versions.json"

    @property
    def demos(self) -> Path:
        """The demonstrations."""
        return self.path / "demos"

    @property
    def clone(self) -> Path:
        """The cloned model."""
        return self.path / "bc_pretrained_policy.zip"

    @property
    def clone_weights(self) -> Path:
        """The cloned policy's ``state_dict``."""
        return self.path / "bc_pretrained_policy.pth"

    @property
    def model(self) -> Path:
        """The model as training left it."""
        return self.path / "model.zip"

    @property
    def best_model(self) -> Path:
        """The model with the best evaluation during training."""
        return self.path / "best_model.zip"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's logs."""
        return self.path / "tensorboard"

    @property
    def evaluations(self) -> Path:
        """The evaluations during training, as SB3's ``EvalCallback`` saves them."""
        return self.path / "evaluations.npz"

    @property
    def evaluation(self) -> Path:
        """The figures of the final evaluation."""
        return self.path / "evaluation.json"

    @property
    def videos(self) -> Path:
        """The folder of videos."""
        return self.path / "videos"

    @property
    def robustness(self) -> Path:
        """Pushes and disturbed starts, as ``sb3-mimic evaluate --push --perturb --json`` prints."""
        return self.path / "robustness.json"

    @property
    def report(self) -> Path:
        """The page about the run."""
        return self.path / "report.html"

    def checkpoint(self, timesteps: int) -> Path:
        """Where the checkpoint after so many environment steps lies."""
        return self.checkpoints / f"{self.CHECKPOINT_PREFIX}_{timesteps}_steps.zip"

    def monitor(self) -> Path:
        """A file for the episodes' returns that is not there yet: one for each resumption."""
        first = self.path / "monitor.csv"
        if not first.exists():
            return first
        count = sum(1 for _ in self.path.glob("*monitor.csv"))
        return self.path / f"{count}.monitor.csv"

    def latest_checkpoint(self) -> tuple[Path, int] | None:
        """The whole model with the most environment steps, and their number; None without one."""
        from sb3_mimic.policies.saved import read_timesteps

        name = re.compile(rf"{self.CHECKPOINT_PREFIX}_(\d+)_steps\.zip")
        found = [p for p in self.checkpoints.glob("*.zip") if name.fullmatch(p.name)]
        counted = [(path, read_timesteps(path)) for path in [*found, self.model]]
        whole = [(path, n) for path, n in counted if n is not None]
        # A checkpoint is saved before the update that its rollout is for, the model after it.
        return max(whole, key=lambda pair: (pair[1], pair[0] == self.model), default=None)

    def read_config(self) -> dict[str, Any]:
        """The settings the run was started with.

        Raises:
            InputError: If the file is no YAML mapping.
        """
        try:
            config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{self.config}: cannot be read as YAML") from error
        if not isinstance(config, dict):
            raise InputError(f"{self.config}: holds no settings")
        return config

    def read_environment(self) -> tuple[str, dict[str, Any]]:
        """The environment the run was trained in: its Gymnasium id, and its keyword arguments.

        A module in front of the id is imported, as by `gymnasium.make`.

        Raises:
            InputError: If the settings do not say it.
        """
        match self.read_config().get("env"):
            case {"id": str(env_id), "kwargs": dict(kwargs)}:
                if module := env_id.rpartition(":")[0]:
                    import_user_module(module, str(self.config))
                return env_id, kwargs
        raise InputError(
            f"{self.config}: does not say which environment the run is of, by an env with id and "
            "kwargs"
        )

    def update_config(self, part: str, changes: Mapping[str, Any]) -> None:
        """Changes some of the settings that the run was started with.

        Args:
            part: The mapping that they are in.
            changes: Their new values.

        Raises:
            InputError: If the file is no YAML mapping.
        """
        config = self.read_config()
        changed = {**config, part: {**config.get(part, {}), **changes}}
        if changed != config:
            self.write_text(self.config, yaml.safe_dump(changed, sort_keys=False))

    def write_text(self, path: Path, text: str) -> None:
        """Writes a file of the run, whole or not at all."""
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def default_name(task: str, algo: str) -> str:
    """The name of an experiment that was given none: ``bc_rl_<task>_<algo>_<time>``."""
    now = datetime.now().astimezone()
    return f"bc_rl_{task}_{algo}_{now:%Y%m%d_%H%M%S}"
