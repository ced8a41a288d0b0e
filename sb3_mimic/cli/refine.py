"""``sb3-mimic refine``: actions that reproduce a clip."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from sb3_mimic.cli.progress import progress_bar
from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.tasks import DEFAULT_TASK, load_tracking_robot
from sb3_mimic.training.options import EnvOption, RobotFileOption, optional

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.reference import Reference
    from sb3_mimic.refinement.actions import Provenance, RefinedActions
    from sb3_mimic.refinement.methods import ProgressCallback

# Flags that only some methods have.
_SETTINGS = ("iterations", "samples", "horizon", "alpha")


@dataclass(frozen=True)
class Refine:
    """Find the actions that reproduce a clip under physics, and measure their replay.

    With --output, one that was stopped goes on where it was when the same command is run again.
    """

    motion: tyro.conf.Positional[str]
    """Name or file of the clip."""
    env: EnvOption = DEFAULT_TASK
    robot_file: RobotFileOption = None
    method: Literal["mpc", "gradient", "invdyn", "feedback", "pd", "all"] = "mpc"
    """Method; all compares every one."""
    iterations: Annotated[int | None, optional("INT")] = None
    """Iterations per plan (mpc), over the clip (gradient), or passes (feedback)."""
    cycles: int = 1
    """Cycles of a looping clip."""
    seed: int = 0
    """Seed of everything random."""
    samples: Annotated[int | None, optional("INT")] = None
    """Noisy trials per iteration (mpc, gradient)."""
    horizon: Annotated[int | None, optional("INT")] = None
    """Control steps planned ahead (mpc)."""
    alpha: Annotated[float | None, optional("FLOAT")] = None
    """Part of an error that a pass corrects, to begin with (feedback)."""
    output: Annotated[Path | None, optional("PATH")] = None
    """File of the actions (.npz), which must not exist; of all methods, the best one's."""
    plot: Annotated[Path | None, optional("PATH")] = None
    """Picture of the replay beside the clip (.png), which must not exist."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Refines, saves and prints the figures."""
        from sb3_mimic.refinement.actions import save_actions
        from sb3_mimic.refinement.methods import METHODS
        from sb3_mimic.refinement.run import load_reference, require_refinable

        for path, suffix in ((self.output, ".npz"), (self.plot, ".png")):
            if path is not None:
                check_new(path, suffix)
        names = tuple(METHODS) if self.method == "all" else (self.method,)
        settings = self._settings(names)
        reference = load_reference(self.motion, load_tracking_robot(self.env, self.robot_file))
        require_refinable(reference)
        found = {}
        try:
            for name in names:
                with _progress(name) as progress:
                    found[name] = self._refine(reference, name, settings[name], progress)
        except KeyboardInterrupt:
            for path in self._find_progress(names):
                _log(f"{path}: the progress so far; the same command goes on from it")
            raise
        best = max(found, key=lambda name: _score(found[name]))
        if self.output is not None:
            save_actions(self.output, found[best])
            for path in self._find_progress(names):
                path.unlink()
        if self.plot is not None:
            _plot(reference, found[best], self.plot)
        rows = {name: _require_provenance(refined) for name, refined in found.items()}
        self._print(reference, rows, best)
        return 0

    def _settings(self, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """What was asked for, for each method; refused where none of the chosen ones knows it."""
        from sb3_mimic.refinement.methods import METHODS

        asked = {name: getattr(self, name) for name in _SETTINGS if getattr(self, name) is not None}
        known = {name: method.setting_names() for name, method in METHODS.items()}
        for setting in asked:
            if not any(setting in known[name] for name in names):
                have = [name for name in METHODS if setting in known[name]]
                raise InputError(
                    f"--{setting} means nothing to the method {self.method}; "
                    f"{' and '.join(have)} {'has' if len(have) == 1 else 'have'} it"
                )
        return {
            name: {setting: value for setting, value in asked.items() if setting in known[name]}
            for name in names
        }

    def _refine(
        self,
        reference: "Reference",
        method: str,
        settings: dict[str, Any],
        progress: "ProgressCallback",
    ) -> "RefinedActions":
        from sb3_mimic.refinement.run import refine_reference

        return refine_reference(
            reference,
            method,
            cycles=self.cycles,
            seed=self.seed,
            settings=settings,
            progress=progress,
            checkpoint=self._checkpoint(method),
            log=_log,
        )

    def _checkpoint(self, method: str) -> Path | None:
        """The file of a method's progress: hidden, beside the output."""
        if self.output is None:
            return None
        return self.output.with_name(f".{self.output.stem}.{method}.partial.npz")

    def _find_progress(self, methods: tuple[str, ...]) -> list[Path]:
        """The files of progress that exist."""
        paths = (self._checkpoint(method) for method in methods)
        return [path for path in paths if path is not None and path.exists()]

    def _print(self, reference: "Reference", made: "dict[str, Provenance]", best: str) -> None:
        seconds = reference.duration * self.cycles
        if self.json:
            rows = {
                name: {**asdict(row), "seconds_per_second": row.seconds / seconds}
                for name, row in made.items()
            }
            report: dict[str, Any] = {"motion": reference.clip.name}
            report |= {"methods": rows, "best": best} if self.method == "all" else rows[best]
            print(json.dumps(report, indent=2))
        elif self.method == "all":
            print(_table(made, seconds))
            print(f"best: {best}")
        else:
            for line in _summary(made[best], seconds):
                print(line)
        stream = sys.stderr if self.json else sys.stdout
        for name, path in (("actions", self.output), ("picture", self.plot)):
            if path is not None:
                print(f"{name}: {path}", file=stream)


def _log(sentence: str) -> None:
    """Prints a sentence on standard error, apart from the figures."""
    from tqdm import tqdm

    tqdm.write(f"sb3-mimic: {sentence}", file=sys.stderr)


def _require_provenance(refined: "RefinedActions") -> "Provenance":
    if refined.provenance is None:
        raise TypeError("refined actions have no provenance")
    return refined.provenance


def _score(refined: "RefinedActions") -> tuple[float, float]:
    """The order of actions by merit: first that the body stays up, then the reward."""
    metrics = _require_provenance(refined).metrics
    return metrics["survived_fraction"], metrics["mean_reward"]


def _table(made: "dict[str, Provenance]", seconds: float) -> str:
    """A row a method, all measured in this run."""
    from sb3_mimic.refinement.replay import TABLE_COLUMNS

    titles = ["method", *(title for title, _, _ in TABLE_COLUMNS), "s per s of motion"]
    rows = [
        [
            name,
            *(format(row.metrics[metric], form) for _, metric, form in TABLE_COLUMNS),
            f"{row.seconds / seconds:.2f}",
        ]
        for name, row in made.items()
    ]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in (titles, *rows)
    )


def _summary(made: "Provenance", seconds: float) -> Iterator[str]:
    """Plain PD's figures and the method's, a line a figure."""
    from sb3_mimic.refinement.replay import TABLE_COLUMNS

    cycles = f", {made.cycles} cycles" if made.cycles > 1 else ""
    yield f"{made.clip}{cycles}: plain PD → {made.method}"
    for title, metric, form in TABLE_COLUMNS:
        before, after = (format(m[metric], form) for m in (made.pd_metrics, made.metrics))
        yield f"  {title:<18} {before:>7} → {after}"
    for name, value in made.metrics.items():
        if name not in made.pd_metrics:
            yield f"  {name:<18} {value:>7.1f} {'N·m' if 'torque' in name else 'N'}"
    yield f"{made.seconds:.1f} s, {made.seconds / seconds:.2f} s per second of motion"


@contextmanager
def _progress(method: str) -> "Iterator[ProgressCallback]":
    """The progress of a method, with the cost so far."""
    with progress_bar("step", method) as progress:

        def show(done: int, steps: int, cost: float) -> None:
            progress(done, steps, cost=f"{cost:.3g}")

        yield show


def _plot(reference: "Reference", refined: "RefinedActions", path: Path) -> None:
    from sb3_mimic.refinement.replay import replay
    from sb3_mimic.report.refinement import plot_replay

    cycles = _require_provenance(refined).cycles
    plot_replay(replay(reference, refined.actions, cycles), reference, path)
