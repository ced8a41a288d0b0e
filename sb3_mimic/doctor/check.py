"""The result of a check, and code run in another process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["ok", "warning", "error"]

_TIMEOUT = 60.0  # [s]; imports take a second or two, on a machine under load ten


@dataclass(frozen=True)
class Check:
    """The result of one check of the machine.

    Attributes:
        name: What was checked, as "threads".
        status: ``error``: something does not work; ``warning``: something works less well than it
            could, or is not available here.
        found: What was found.
        advice: What to do about it; empty if nothing is to be done.
    """

    name: str
    status: Status
    found: str
    advice: str = ""


class ProbeError(Exception):
    """Code in another process failed; its last line says how."""


def probe(
    code: str, environment: Mapping[str, str | None] | None = None, timeout: float = _TIMEOUT
) -> Any:
    """Runs code in a new interpreter, whose crash leaves the doctor running.

    Args:
        code: Its last line of output is JSON.
        environment: Changes to the environment; None removes a variable.
        timeout: Seconds after which it is stopped.

    Returns:
        The JSON.

    Raises:
        ProbeError: If the code fails, crashes or hangs.
    """
    variables = dict(os.environ)
    for name, value in (environment or {}).items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"no answer within {timeout:.0f} s") from None
    if done.returncode < 0:
        raise ProbeError(f"killed by {signal.Signals(-done.returncode).name}")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ProbeError(lines[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])
