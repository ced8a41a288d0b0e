"""``sb3-mimic report``: the page of a run, or one that compares several."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional


@dataclass(frozen=True)
class Report:
    """Write a run's report.html again, or a page that compares runs.

    Runs that differ in their seed alone are shown as mean and spread. A run may still be going.
    """

    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="PATH …", help_behavior_hint="(required)"),
    ]
    """Folders of runs."""
    output: Annotated[Path | None, optional("PATH")] = None
    """Page to write (.html); by default report.html in the run's folder, or comparison.html here
    for several."""
    force: bool = False
    """Replace the page of --output, or comparison.html, if it is there."""

    def run(self) -> int:
        """Writes it and prints where it is."""
        from sb3_mimic.report.page import write_report
        from sb3_mimic.training.run import RunFolder

        if not self.runs:
            raise InputError("report needs the folder of at least one run")
        runs = [RunFolder.open(path) for path in dict.fromkeys(self.runs)]
        single = len(runs) == 1 and self.output is None
        output = runs[0].report if single else self.output or Path("comparison.html")
        if output.suffix != ".html":
            raise InputError(f"--output {output} must end in .html")
        # A run's own page is made from it: to make it again loses nothing.
        if output.exists() and not (single or self.force):
            raise InputError(f"{output}: exists already; choose another --output, or --force")
        print(write_report(runs, output))
        return 0
