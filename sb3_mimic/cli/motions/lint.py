"""``sb3-mimic motions lint``: what is wrong with a clip."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from sb3_mimic.cli.motions.reading import Reading, print_findings
from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.tasks import DEFAULT_TASK, load_tracking_robot
from sb3_mimic.training.options import EnvOption, RobotFileOption, optional

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.spec import TrackingRobot
    from sb3_mimic.motion import Finding, MotionClip
    from sb3_mimic.motion.skeletal import SkeletalMotion

_SUFFIXES = (".txt", ".json")


@dataclass(frozen=True, kw_only=True)
class MotionsLint(Reading):
    """Look for what is wrong with a clip; exit status 1 where no actions can reproduce it."""

    motion: tyro.conf.Positional[str]
    """Name or file of the motion."""
    env: EnvOption = DEFAULT_TASK
    robot_file: RobotFileOption = None
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
        skeletal = self.skeletal(self.motion)
        if skeletal is not None:
            return self._lint_skeletal(skeletal)
        clip = load_motion(self.motion)
        robot = load_tracking_robot(self.env, self.robot_file)
        findings = _findings(clip, robot)
        report = {"motion": clip.name, "findings": [asdict(finding) for finding in findings]}
        if not self.json:
            print_findings(findings)
        if output is None:
            if self.json:
                print(json.dumps(report, indent=2))
            return int(bool(errors(findings)))

        repaired, changes = _repaired(clip)
        try:
            write_deepmimic(repaired, output)
        except OSError as error:
            raise InputError(f"{output}: cannot be written ({error.strerror or error})") from error
        left = _findings(load_motion(output), robot)
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
            print_findings(left)
        return int(bool(errors(left)))

    def _lint_skeletal(self, motion: "SkeletalMotion") -> int:
        """Prints the findings of a BVH or AMC file."""
        from sb3_mimic.motion.lint.skeletal import lint_skeletal

        if self.fix:
            raise InputError("--fix is for clips; sb3-mimic motions convert --clean repairs others")
        findings = lint_skeletal(motion)
        if self.json:
            found = [asdict(finding) for finding in findings]
            print(json.dumps({"motion": motion.name, "findings": found}, indent=2))
        else:
            print_findings(findings)
        return 0

    def _checked_output(self) -> Path | None:
        """Where the repaired clip goes; None where none is asked for."""
        if self.output is None:
            if self.fix:
                raise InputError("--fix needs --output, the file of the repaired clip")
            return None
        if not self.fix:
            raise InputError("--output is the file of the repaired clip and needs --fix")
        check_new(self.output, *_SUFFIXES)
        return self.output


def _findings(clip: "MotionClip", robot: "TrackingRobot") -> "list[Finding]":
    """What is wrong with a clip: its file, its kinematics, and the forces that it needs."""
    from sb3_mimic.envs.tracking import reference_for
    from sb3_mimic.motion import inspect_deepmimic, lint
    from sb3_mimic.motion.finding import sort_by_severity
    from sb3_mimic.motion.formats import find_reader
    from sb3_mimic.refinement.feasibility import dynamic_findings

    is_deepmimic = clip.source != "built-in" and find_reader(Path(clip.source)) is None
    in_file = inspect_deepmimic(clip.source) if is_deepmimic else []
    in_motion = lint(clip, CHARACTER.joint_range)
    return sort_by_severity([*in_file, *in_motion, *dynamic_findings(reference_for(clip, robot))])


def _repaired(clip: "MotionClip") -> "tuple[MotionClip, list[str]]":
    """The repaired clip and what was changed."""
    from sb3_mimic.motion import repair

    return repair(clip, CHARACTER.joint_range)
