"""What the package computed before its rooms were moved, it computes now, to the last bit.

``behavior.json`` was recorded on the commit before (a7ad17a), by ``record_behavior.py``: refined
actions, demonstrations, cloned weights, the first updates of reinforcement learning, shipped
policies and every environment. On a machine that computes otherwise, figures are compared.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent


def compare(*arguments: str) -> str:
    done = subprocess.run(
        [
            sys.executable,
            FOLDER / "record_behavior.py",
            "compare",
            FOLDER / "behavior.json",
            *arguments,
        ],
        env={name: value for name, value in os.environ.items() if name != "SB3_MIMIC_CACHE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_environments_policies_and_quick_commands() -> None:
    assert "0 differ" in compare("--fast")


@pytest.mark.slow
def test_everything_that_was_recorded() -> None:
    assert "0 differ" in compare()
