"""A run: standing up, calibrating, walking, lying down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.pidog import hardware
from sb3_mimic.export.pidog.onboard.clocks import PERIOD, Clock, Metronome
from sb3_mimic.export.pidog.onboard.errors import BadInputError, EmergencyStopError
from sb3_mimic.export.pidog.onboard.imu import Sensor, Tilt
from sb3_mimic.export.pidog.onboard.log import Log
from sb3_mimic.export.pidog.onboard.policy import Policy
from sb3_mimic.export.pidog.onboard.robots import Robot, VendorRobot

FloatArray = NDArray[np.float64]

LIE_DEGREES = hardware.vendor_degrees(np.tile([45.0, -45.0], 4))
"""The vendor's servo angles in the pose in which the robot powers up [degrees]."""

POSTURE_RATE = 60.0
"""Speed of the servos while the robot stands up and lies down [degrees/s]."""


@dataclass(frozen=True)
class Settings:
    """Settings of a run.

    Attributes:
        forward: Commanded forward velocity [m/s].
        yaw_rate: Commanded yaw rate, left + [rad/s].
        seconds: Length of the run, without standing up and calibrating [s].
        calibration: How long the sensor's bias is measured [s].
        max_tilt: Tilt that stops the robot [degrees].
        max_age: Age of the newest sample that stops the robot [s].
    """

    forward: float = 0.2
    yaw_rate: float = 0.0
    seconds: float = 10.0
    calibration: float = 1.0
    max_tilt: float = 45.0
    max_age: float = 0.2


@dataclass(frozen=True)
class Summary:
    """Figures of a run.

    Attributes:
        steps: Number of commands.
        inference_ms: Median and largest time of the policy [ms].
        late_ms: Median and largest lateness of a command [ms].
    """

    steps: int
    inference_ms: tuple[float, float]
    late_ms: tuple[float, float]


def walk(policy: Policy, robot: Robot, settings: Settings, clock: Clock, log: Log) -> Summary:
    """A run from the first calibration sample to the last command; the robot stands already.

    Args:
        policy: The policy.
        robot: Standing still.
        settings: Command, length and limits of the run.
        clock: Of the machine, or of a recording.
        log: Takes every sample.

    Returns:
        Figures of the run; it is shorter where a recording ends.

    Raises:
        EmergencyStopError: If the robot must not go on.
    """
    metronome, tilt = Metronome(clock), Tilt()
    sensor = Sensor(robot, clock, settings.max_age)
    begin = clock.now()
    inference, lateness = [], []
    try:
        readings = []
        for _ in range(round(settings.calibration / PERIOD)):
            sensor.read()
            readings.append(sensor.raw)
            log.write(clock.now() - begin, "calibration", sensor.raw)
            metronome.wait()
        if readings:
            sensor.calibrate(np.array(readings))

        command = (settings.forward, settings.yaw_rate)
        sent = hardware.vendor_degrees(robot.positions())
        late = 0.0
        for step in range(round(settings.seconds / PERIOD)):
            sample = sensor.read()
            tilted = tilt.update(sample)
            if tilted > settings.max_tilt:
                raise EmergencyStopError(f"the robot is tilted by {tilted:.0f} degrees")
            if step == 0:
                actions, samples = hardware.start(sample, policy.history)
            else:
                samples = hardware.push(samples, sample)
            observation = hardware.observe(actions, samples, step, command, policy.clock_frequency)
            start = time.perf_counter()
            action = policy(observation)
            inference.append(1e3 * (time.perf_counter() - start))
            if not np.isfinite(action).all():
                raise EmergencyStopError("the policy gave an action that is no number")
            wanted = hardware.left_sign_degrees(action)
            sent = hardware.limit_rate(wanted, sent, PERIOD, policy.rate_limit)
            degrees = hardware.vendor_degrees(sent)
            robot.write(degrees)
            actions = hardware.push(actions, action)
            log.write(
                clock.now() - begin,
                "walk",
                sensor.raw,
                tilt=tilted,
                forward=command[0],
                yaw_rate=command[1],
                action=action,
                servo=degrees,
                inference_ms=inference[-1],
                late_ms=1e3 * late,
            )
            lateness.append(1e3 * late)
            late = metronome.wait()
    except StopIteration:  # the recording ends
        pass
    if not inference:
        raise BadInputError("the recording ends before the first step")
    return Summary(len(inference), _median_and_largest(inference), _median_and_largest(lateness))


def move_to(robot: Robot, degrees: FloatArray, clock: Clock, rate: float = POSTURE_RATE) -> None:
    """Moves the servos slowly.

    Args:
        robot: The robot.
        degrees: The vendor's servo angles to reach, ``(8,)`` [degrees].
        clock: The machine's.
        rate: How fast [degrees/s].
    """
    metronome = Metronome(clock)
    while np.abs(degrees - robot.positions()).max() > 1e-6:
        robot.write(hardware.limit_rate(degrees, robot.positions(), PERIOD, rate))
        metronome.wait()


def run_on_robot(policy: Policy, dog: Any, settings: Settings, log: Log, dry: bool) -> Summary:
    """Stands up, walks and lies down; it lies down whatever happens in between.

    Args:
        policy: The policy.
        dog: A ``pidog.Pidog``.
        settings: Command, length and limits of the run.
        log: Takes every sample.
        dry: Whether the servos are left alone.
    """
    clock, robot = Clock(), VendorRobot(dog, dry)
    try:
        if not dry:
            move_to(robot, hardware.vendor_degrees(hardware.STAND_DEGREES), clock)
            clock.sleep(0.5)  # until it no longer sways
        return walk(policy, robot, settings, clock, log)
    finally:
        try:
            if not dry:
                move_to(robot, LIE_DEGREES, clock)
        finally:
            robot.close()


def _median_and_largest(values: list[float]) -> tuple[float, float]:
    return float(np.median(values)), float(max(values))
