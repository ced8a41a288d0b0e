"""``sb3-mimic hub``: models to and from the Hugging Face Hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional


@dataclass(frozen=True)
class HubPush:
    """Push a run's last model, its settings and its figures."""

    path: tyro.conf.Positional[Path]
    """Folder of the run."""
    repo: tyro.conf.Positional[str]
    """Repository, as user/name; made if need be."""

    def run(self) -> int:
        """Pushes and prints the address."""
        from sb3_mimic.training.hub import push_run

        print(push_run(self.path, self.repo))
        return 0


@dataclass(frozen=True)
class HubLoad:
    """Load a model, and its run's settings where they were pushed with it."""

    repo: tyro.conf.Positional[str]
    """Repository, as user/name."""
    output: Annotated[Path | None, optional("PATH")] = None
    """Folder to make; by default outputs/<name>."""
    filename: Annotated[str | None, optional("NAME")] = None
    """The .zip, where the repository has several."""
    trust: bool = False
    """You trust whoever made it: an SB3 zip can run any code when it is loaded."""

    def run(self) -> int:
        """Loads and prints the folder."""
        from sb3_mimic.training.hub import load_run

        if not self.trust:
            raise InputError(
                f"{self.repo}: an SB3 zip can run any code when it is loaded; if you trust whoever "
                "made this one, say --trust"
            )
        output = self.output or Path("outputs", self.repo.rpartition("/")[2])
        print(load_run(self.repo, output, self.filename))
        return 0


@dataclass(frozen=True)
class Hub:
    """Models to and from the Hugging Face Hub."""

    command: Annotated[
        Annotated[HubPush, tyro.conf.subcommand("push")]
        | Annotated[HubLoad, tyro.conf.subcommand("load")],
        tyro.conf.arg(name=""),
    ]

    def run(self) -> int:
        """Runs the chosen one."""
        return self.command.run()
