"""The program that runs a policy on PiDog: one file, with the policy in it."""

import shutil
import tempfile
import zipapp
from pathlib import Path

from sb3_mimic.envs.pidog import hardware
from sb3_mimic.export.pidog import onboard
from sb3_mimic.io import atomic_path

_MAIN = """import sys

from sb3_mimic.export.pidog.onboard.program import main

sys.exit(main())
"""


def write_program(policy: Path, output: Path) -> Path:
    """Writes a Python program of one file (PEP 441) that runs a policy on the robot.

    It holds the policy and two parts of this package as they are:
    :mod:`sb3_mimic.envs.pidog.hardware` and :mod:`sb3_mimic.export.pidog.onboard`. It needs NumPy,
    onnxruntime and Python 3.9.

    Args:
        policy: An ONNX file of :func:`sb3_mimic.export.policy.export_policy`.
        output: The program; a file of this name is replaced.

    Returns:
        ``output``.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "sb3_mimic"
        program = package / "export" / "pidog" / "onboard"
        shutil.copytree(
            Path(str(onboard.__file__)).parent,
            program,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        shutil.copyfile(policy, program / "policy.onnx")
        robot = package / "envs" / "pidog"
        robot.mkdir(parents=True)
        shutil.copy(str(hardware.__file__), robot)
        for parent in (package, robot.parent, robot, package / "export", program.parent):
            (parent / "__init__.py").touch()
        (Path(folder) / "__main__.py").write_text(_MAIN, encoding="utf-8")
        with atomic_path(output) as temporary:
            zipapp.create_archive(folder, temporary, "/usr/bin/env python3", compressed=True)
    return output
