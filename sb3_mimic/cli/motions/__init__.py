"""``sb3-mimic motions``: one module a subcommand."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from sb3_mimic.cli.motions.collect import MotionsCollect
from sb3_mimic.cli.motions.convert import MotionsConvert
from sb3_mimic.cli.motions.fetch import MotionsFetch
from sb3_mimic.cli.motions.info import MotionsInfo
from sb3_mimic.cli.motions.lint import MotionsLint
from sb3_mimic.cli.motions.list import MotionsList
from sb3_mimic.cli.motions.plot import MotionsPlot


@dataclass(frozen=True)
class Motions:
    """Motions: list and fetch them, describe, draw or convert one, or look for its faults."""

    command: Annotated[
        Annotated[MotionsList, tyro.conf.subcommand("list")]
        | Annotated[MotionsInfo, tyro.conf.subcommand("info")]
        | Annotated[MotionsLint, tyro.conf.subcommand("lint")]
        | Annotated[MotionsPlot, tyro.conf.subcommand("plot")]
        | Annotated[MotionsConvert, tyro.conf.subcommand("convert")]
        | Annotated[MotionsFetch, tyro.conf.subcommand("fetch")]
        | Annotated[MotionsCollect, tyro.conf.subcommand("collect")],
        tyro.conf.arg(name=""),
    ]

    def run(self) -> int:
        """Runs the chosen one."""
        return self.command.run()
