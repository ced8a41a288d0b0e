"""Findings of the linters: faults of a motion, one at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]

#: The worst first.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """A fault of a motion, at its worst frame.

    Attributes:
        code: Its kind, such as "penetration".
        severity: ``error``: no actions can reproduce the clip as it is; ``warning``: it will be
            reproduced less well than it could be; ``info``: good to know, harmless.
        frame: The worst frame, or the first; 0 where it concerns the whole clip.
        time: Time of that frame [s].
        joint: The joint or body; None where it concerns the whole figure.
        value: The worst value, in ``unit``.
        unit: Unit of the value.
        n_frames: Number of frames, or of steps between frames, that it concerns.
        message: One sentence with the numbers.
        advice: What to do about it.
    """

    code: str
    severity: Severity
    frame: int
    time: float
    joint: str | None
    value: float
    unit: str
    n_frames: int
    message: str
    advice: str

    @classmethod
    def of_file(
        cls,
        code: str,
        severity: Severity,
        message: str,
        advice: str,
        *,
        joint: str | None = None,
        value: float = 0.0,
        unit: str = "",
    ) -> "Finding":
        """A finding about the whole file, not about a frame."""
        return cls(code, severity, 0, 0.0, joint, value, unit, 0, message, advice)


def sort_by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in order of severity, otherwise in the order they came in."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of severity "error"."""
    return [finding for finding in findings if finding.severity == "error"]
