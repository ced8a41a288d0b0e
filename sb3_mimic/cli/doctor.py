"""``sb3-mimic doctor``: is this machine fit, and if not, what to do about it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

_MARKS = {"ok": "ok   ", "warning": "warn ", "error": "ERROR"}


@dataclass(frozen=True)
class Doctor:
    """Check packages, threads, graphics and folders of this machine, and run a small job.

    The exit status is 1 where something does not work; what is only missing or slow is a warning.
    """

    output_dir: Path = Path("outputs")
    """Folder of all runs."""
    no_smoke: bool = False
    """Leave the small job out."""
    json: bool = False
    """Print the findings as JSON."""

    def run(self) -> int:
        """Examines, prints, and tells by its status."""
        from sb3_mimic.doctor import examine

        findings = []
        for finding in examine(self.output_dir, smoke=not self.no_smoke):
            findings.append(finding)
            if not self.json:
                print(f"{_MARKS[finding.status]} {finding.name}: {finding.found}", flush=True)
                if finding.advice:
                    print(f"      → {finding.advice}", flush=True)
        if self.json:
            print(json.dumps([asdict(finding) for finding in findings], indent=2))
        return int(any(finding.status == "error" for finding in findings))
