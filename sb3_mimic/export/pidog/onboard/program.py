"""Runs an exported policy on a PiDog, or without one: inertial sensor in, servo degrees out.

    python3 policy.pyz --forward 0.2 --seconds 10                 on the robot
    python3 policy.pyz --dry-run --log run.csv                    on the robot, servos left alone
    python3 policy.pyz --imu run.csv --log again.csv              anywhere, from recorded samples

On the robot it stands up slowly, stands still for a second in which the sensor's bias is measured,
walks, and lies down slowly; that also after Ctrl-C, an error or an emergency stop. The emergency
stop comes when the robot tilts too far, or when the sensor gives nothing new.

Exit status: 0 done, 1 the robot could not be used, 2 bad input, 3 emergency stop.
"""

from __future__ import annotations

import argparse
import math
import pkgutil
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sb3_mimic.export.pidog.onboard.clocks import RecordedClock
from sb3_mimic.export.pidog.onboard.errors import BadInputError, EmergencyStopError
from sb3_mimic.export.pidog.onboard.log import Log
from sb3_mimic.export.pidog.onboard.policy import Policy
from sb3_mimic.export.pidog.onboard.robots import RecordedRobot
from sb3_mimic.export.pidog.onboard.walk import Settings, run_on_robot, walk


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; gives the exit status."""
    asked = _parser().parse_args(arguments)
    settings = Settings(
        asked.forward,
        asked.yaw_rate,
        asked.seconds,
        asked.calibration,
        asked.max_tilt,
        asked.max_age,
    )
    # The signal of a service manager ends a run as Ctrl-C does: lying down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        policy = Policy(_read_model(asked.policy))
        with _open_log(asked.log) as file:
            if asked.imu is not None:
                summary = walk(
                    policy, RecordedRobot(asked.imu), settings, RecordedClock(), Log(file)
                )
            else:
                summary = run_on_robot(policy, _connect(), settings, Log(file), asked.dry_run)
    except BadInputError as error:
        return _report_failure(2, error)
    except EmergencyStopError as error:
        return _report_failure(3, f"emergency stop: {error}")
    except OSError as error:
        return _report_failure(1, f"the robot could not be used: {error}")
    except KeyboardInterrupt:
        return _report_failure(130, "stopped")
    print(
        f"{summary.steps} steps; inference {summary.inference_ms[0]:.2f} ms (at most "
        f"{summary.inference_ms[1]:.2f}); late {summary.late_ms[0]:.2f} ms (at most "
        f"{summary.late_ms[1]:.2f})"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        description="Runs an exported policy on a PiDog, or from recorded samples.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--policy", type=Path, help="ONNX file in place of the one this program carries")
    add("--forward", type=float, default=defaults.forward, help="forward velocity [m/s]")
    add("--yaw-rate", type=float, default=defaults.yaw_rate, help="turning, left + [rad/s]")
    add("--seconds", type=_positive, default=defaults.seconds, help="length of the run [s]")
    add("--dry-run", action="store_true", help="leave the servos alone")
    add("--imu", type=Path, help="CSV of samples in place of a robot; implies --dry-run")
    add("--log", type=Path, help="CSV to write, a line for each sample")
    add("--calibration", type=_positive, default=defaults.calibration, help="of the sensor [s]")
    add("--max-tilt", type=_positive, default=defaults.max_tilt, help="emergency stop [degrees]")
    add("--max-age", type=_positive, default=defaults.max_age, help="of a sample, likewise [s]")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} must be positive")
    return value


def _read_model(path: Path | None) -> bytes:
    """The policy's file: the one named, or the one that lies within this program."""
    if path is not None:
        try:
            return path.read_bytes()
        except OSError as error:
            raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        model = pkgutil.get_data("sb3_mimic.export.pidog.onboard", "policy.onnx")
    except OSError:
        model = None
    if model is None:
        raise BadInputError("this program carries no policy; name one by --policy")
    return model


def _open_log(path: Path | None) -> Any:
    if path is None:
        return nullcontext()
    try:
        return path.open("x", newline="")
    except OSError as error:
        raise BadInputError(f"{path}: cannot be made ({error.strerror})") from error


def _connect() -> Any:
    try:
        from pidog import Pidog
    except ImportError as error:
        raise BadInputError(
            "the vendor's software, pidog, is not installed here; away from the robot, give "
            "recorded samples by --imu"
        ) from error
    return Pidog()


def _report_failure(status: int, what: object) -> int:
    print(f"policy: {what}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
