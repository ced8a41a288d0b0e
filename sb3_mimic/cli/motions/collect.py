"""``sb3-mimic motions collect``: a folder of motion files as one collection."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from sb3_mimic.cli.progress import progress_bar
from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from sb3_mimic.motion.sources.collection import MotionCollection

# Files that could not be read are named up to this many.
_NAMED = 10


@dataclass(frozen=True)
class MotionsCollect:
    """Collect a folder's motions in Parquet files, split so that no subject is in two parts.

    One that was stopped goes on where it was when the same command is run again.
    """

    folder: tyro.conf.Positional[Path]
    """Folder of motion files, with the folders in it."""
    output: Annotated[Path, tyro.conf.arg(metavar="PATH")]
    """Folder to write, which must not exist."""
    table: Annotated[Path | None, optional("PATH")] = None
    """CSV file with the columns file, subject and activity; without it they are guessed from names
    and folders."""
    validation: float = 0.1
    """Part of the clips for validation."""
    test: float = 0.1
    """Part of the clips for tests."""
    seed: int = 0
    """Seed of the split."""
    json: bool = False
    """Print what was collected as JSON."""

    def run(self) -> int:
        """Collects, and says what is in each part."""
        from sb3_mimic.motion.sources.collection import write_collection

        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"--{name} must be at least 0 and below 1")
        train = 1 - self.validation - self.test
        if train <= 0:
            raise InputError("--validation and --test must leave something to train on")
        fractions = {"train": train, "validation": self.validation, "test": self.test}
        with progress_bar("clip", "collecting") as progress:
            made = write_collection(
                self.folder,
                self.output,
                table=self.table,
                fractions=fractions,
                seed=self.seed,
                progress=progress,
            )
        self._print({part: _described(made, part) for part in made.parts}, made.skipped)
        return 0

    def _print(self, parts: dict[str, dict[str, Any]], skipped: dict[str, str]) -> None:
        if self.json:
            report = {"output": str(self.output), "parts": parts, "skipped": skipped}
            print(json.dumps(report, indent=2))
            return
        for part, said in parts.items():
            print(
                f"{part:<10}  {said['clips']:6d} clips  {said['seconds']:9.1f} s  "
                f"{len(said['subjects']):4d} subjects  {len(said['activities']):4d} activities"
            )
        if skipped:
            print(f"left out, since they cannot be read: {len(skipped)} files")
        for reason in list(skipped.values())[:_NAMED]:
            print(f"  {reason}")
        print(self.output)


def _described(made: "MotionCollection", part: str) -> dict[str, Any]:
    facts = made.facts(part)
    return {
        "clips": len(facts),
        "seconds": sum((clip.n_frames - 1) / clip.fps for clip in facts),
        "subjects": sorted({clip.subject for clip in facts}),
        "activities": sorted({clip.activity for clip in facts}),
    }
