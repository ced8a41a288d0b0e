"""How motion files are read: the flags that say what a file does not, and findings as text."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from sb3_mimic.motion import Finding
    from sb3_mimic.motion.skeletal import SkeletalMotion

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is known of a BVH or AMC file besides what is in it."""

    fps: Annotated[float | None, optional("HZ")] = None
    """Rate of a BVH or AMC file, where it has a wrong one or none (AMC: 120)."""
    units: Annotated[Literal["m", "cm", "mm", "in", "ft", "cmu"] | None, optional("UNIT")] = None
    """Its unit of length: m, cm, mm, in, ft, or cmu (inches / 0.45); else told from the figure."""
    up: Annotated[Literal["y", "z"] | None, optional("AXIS")] = None
    """Axis of a BVH file that points up, y or z; else told from the figure."""
    asf: Annotated[Path | None, optional("PATH")] = None
    """Skeleton of an AMC file; else looked for beside it."""

    def skeletal(self, motion: str) -> "SkeletalMotion | None":
        """The motion of a file that has a skeleton of its own; None for any other motion.

        Raises:
            InputError: If there is no such motion, the file is refused, or a flag above is given
                for a motion that needs none.
        """
        from sb3_mimic.motion.formats import is_skeletal, load_skeletal
        from sb3_mimic.motion.sources.library import builtin_names, motion_path

        path = None if motion in builtin_names() else motion_path(motion)
        if path is not None and is_skeletal(path):
            return load_skeletal(path, fps=self.fps, units=self.units, up=self.up, asf=self.asf)
        for name in ("fps", "units", "up", "asf"):
            if getattr(self, name) is not None:
                raise InputError(f"--{name} is for BVH and AMC files, and {motion} is none")
        return None


def print_findings(findings: "list[Finding]") -> None:
    """Prints a line a finding, the severity in color on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    if not findings:
        console.print("nothing is wrong with it")
    for finding in findings:
        severity = Text(f"{finding.severity:<8}", style=_STYLES[finding.severity])
        where = f"frame {finding.frame} ({finding.time:.2f} s)"
        text = f" {finding.code:<16} {where:<21} {finding.message}: {finding.advice}"
        console.print(severity + Text(text))
