"""The subcommands as one tyro parser. Light: what a command needs is imported when it runs."""

from typing import Annotated, Protocol

import tyro

from sb3_mimic.cli.demos import Demos
from sb3_mimic.cli.doctor import Doctor
from sb3_mimic.cli.evaluate import Evaluate
from sb3_mimic.cli.export import Export
from sb3_mimic.cli.hub import Hub
from sb3_mimic.cli.interactive import Adversarial, Dagger
from sb3_mimic.cli.motions import Motions
from sb3_mimic.cli.play import Play
from sb3_mimic.cli.pretrain import Pretrain
from sb3_mimic.cli.refine import Refine
from sb3_mimic.cli.report import Report
from sb3_mimic.cli.train import Train
from sb3_mimic.cli.verify import Verify


class Command(Protocol):
    """A parsed subcommand."""

    def run(self) -> int:
        """Runs it and gives the exit status."""


_Commands = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Demos, tyro.conf.subcommand("demos")]
    | Annotated[Refine, tyro.conf.subcommand("refine")]
    | Annotated[Verify, tyro.conf.subcommand("verify")]
    | Annotated[Pretrain, tyro.conf.subcommand("pretrain")]
    | Annotated[Dagger, tyro.conf.subcommand("dagger")]
    | Annotated[Adversarial, tyro.conf.subcommand("adversarial")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Play, tyro.conf.subcommand("play")]
    | Annotated[Report, tyro.conf.subcommand("report")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Hub, tyro.conf.subcommand("hub")]
    | Annotated[Motions, tyro.conf.subcommand("motions")]
)


def parse(arguments: list[str]) -> Command:
    """Parses a command line; exits with status 2 where it is no command, 0 after ``--help``."""
    command: Command = tyro.cli(
        _Commands,
        prog="sb3-mimic",
        description="From a motion to a trained Stable-Baselines3 policy that performs it. "
        "--version alone prints the version; doctor prints those of all packages.",
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes),
    )
    return command
