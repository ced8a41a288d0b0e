"""``sb3-mimic motions lint``: what is wrong with a clip."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.learn.config import optional

if TYPE_CHECKING:
    from sb3_mimic.motion import Finding, MotionClip

_SUFFIXES = (".txt", ".json")
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


@dataclass(frozen=True)
class MotionsLint:
    """Look for what is wrong with a clip; exit status 1 where no actions can reproduce it."""

    motion: tyro.conf.Positional[str]
    """Name or file of the clip."""
    fix: bool = False
    """Repair spikes, the seam, joint limits and the ground, and write the clip to --output."""
    output: Annotated[Path | None, optional("PATH")] = None
    """File of the repaired clip (.txt or .json), which must not exist."""
    json: bool = False
    """As JSON."""

    def run(self) -> int:
        """Prints the findings, and what was changed."""
        from sb3_mimic.motion import load_motion, write_deepmimic
        from sb3_mimic.motion.finding import errors

        output = self._checked_output()
        clip = load_motion(self.motion)
        findings = _findings(clip)
        report = {"motion": clip.name, "findings": [asdict(finding) for finding in findings]}
        if not self.json:
            _print_findings(findings)
        if output is None:
            if self.json:
                print(json.dumps(report, indent=2))
            return int(bool(errors(findings)))

        repaired, changes = _repaired(clip)
        try:
            write_deepmimic(repaired, output)
        except OSError as error:
            raise InputError(f"{output}: cannot be written ({error.strerror or error})") from error
        left = _findings(load_motion(output))
        if self.json:
            report |= {
                "changes": changes,
                "output": str(output),
                "findings_left": [asdict(finding) for finding in left],
            }
            print(json.dumps(report, indent=2))
        else:
            print("\nchanged:" if changes else "\nnothing had to be changed")
            for change in changes:
                print(f"  {change}")
            print(f"\n{output}:")
            _print_findings(left)
        return int(bool(errors(left)))

    def _checked_output(self) -> Path | None:
        """Where the repaired clip goes; None where none is asked for."""
        if self.output is None:
            if self.fix:
                raise InputError("--fix needs --output, the file of the repaired clip")
            return None
        if not self.fix:
            raise InputError("--output is the file of the repaired clip and needs --fix")
        if self.output.suffix.lower() not in _SUFFIXES:
            raise InputError(f"--output {self.output} must end in {' or '.join(_SUFFIXES)}")
        if self.output.exists():
            raise InputError(f"--output {self.output} exists already; choose another file")
        return self.output


def _findings(clip: "MotionClip") -> "list[Finding]":
    """What is wrong with a clip: its file, its kinematics, and the forces that it needs."""
    from sb3_mimic.envs.humanoid import load_humanoid
    from sb3_mimic.envs.reference import Reference
    from sb3_mimic.motion import close_loop, inspect_deepmimic, lint
    from sb3_mimic.motion.finding import worst_first
    from sb3_mimic.refine.feasibility import dynamic_findings

    robot = load_humanoid()
    closed = close_loop(clip)[0] if clip.loop else clip
    in_file = [] if clip.source == "built-in" else inspect_deepmimic(clip.source)
    in_motion = lint(clip, robot.joint_range)
    return worst_first([*in_file, *in_motion, *dynamic_findings(Reference(closed, robot))])


def _repaired(clip: "MotionClip") -> "tuple[MotionClip, list[str]]":
    """The repaired clip and what was changed."""
    from sb3_mimic.envs.humanoid import load_humanoid
    from sb3_mimic.motion import repair

    return repair(clip, load_humanoid().joint_range)


def _print_findings(findings: "list[Finding]") -> None:
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
