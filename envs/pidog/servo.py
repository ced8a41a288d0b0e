"""PiDog's servos: the way of a target from an action to the shaft, and the actuation made of it.

A servo of the model follows its target with a torque-speed line and saturation, which MuJoCo
expresses. Four effects on the target it cannot express: the rate limit of the vendor's driver, the
resolution of the PWM, the play of the gears and the delay of the bus. The angles of `Servo`, `send`
and `delay_targets` are left-sign angles in degrees; all arrays have the batch as their first axis.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.actuation import Actuation, Target, register_actuation
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.envs.pidog.gaits import ACTION_SCALE
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE, RATE_LIMIT, limit_rate
from sb3_mimic.envs.pidog.legs import SERVO_LIMIT, STAND, to_servo
from sb3_mimic.errors import InputError

_DEGREES = (-hardware.SERVO_DEGREES, hardware.SERVO_DEGREES)


@dataclass(frozen=True)
class Servo:
    """The real servo's way with a target; a number that is 0 switches its effect off.

    Attributes:
        rate_limit: Fastest change of the target [degrees/s]: the vendor's limit for the legs.
        tick: Resolution of the target [degrees]: 4096 ticks of 20 ms, of which 500 to 2500 µs are
            180 degrees (robot-hat).
        backlash: Play of the gears [degrees] (servo sheet, at most 0.36).
        latency: Time from the action to the servo's reaction [s]: 3 to 25 ms on the robot's bus.
    """

    rate_limit: float = RATE_LIMIT
    tick: float = 0.44
    backlash: float = 0.36
    latency: float = 0.014

    def __post_init__(self) -> None:
        for name in ("rate_limit", "tick", "backlash", "latency"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(
                    f"the servo's {name}={getattr(self, name)} must be finite and not negative"
                )


def send(
    target: FloatArray, sent: FloatArray, shaft: FloatArray, servo: Servo, seconds: float
) -> tuple[FloatArray, FloatArray]:
    """One target on its way through driver, PWM and gears.

    Args:
        target: Wanted angles ``(n, 8)``.
        sent: Targets that the driver sent last, ``(n, 8)``.
        shaft: Angles to which the gears passed the last targets on, ``(n, 8)``.
        servo: The servo.
        seconds: Time since the last target.

    Returns:
        The new ``sent`` and ``shaft``.
    """
    if servo.rate_limit:
        target = limit_rate(target, sent, seconds, servo.rate_limit)
    ticks = servo.tick * np.rint(target / servo.tick) if servo.tick else target
    # Inside the play the gears turn without the shaft.
    return target, np.clip(shaft, ticks - servo.backlash / 2, ticks + servo.backlash / 2)


def delay_targets(past: FloatArray, delay: IndexArray, substeps: int) -> FloatArray:
    """Targets as they arrive within a control step, each held for as long as it was on its way.

    Args:
        past: The last k targets, ``(n, k, 8)``, one a control step, the newest last.
        delay: Physics steps until a target arrives, ``(n,)``, at most ``(k - 1) * substeps``.
        substeps: Physics steps per control step.

    Returns:
        The target in force at each physics step, ``(n, substeps, 8)``.
    """
    # Physics step s sees the newest target of at least `delay` physics steps before it.
    back = -((np.arange(substeps) - delay[:, None]) // substeps)
    newest = past.shape[1] - 1
    return np.asarray(past[np.arange(len(past))[:, None], newest - np.maximum(back, 0)])


class PiDogServos(Actuation):
    """Targets of the legs' servos around standing, and of head and tail over their whole range.

    An action of zeros stands. With a `Servo`, targets go through its rate limit, resolution, play
    and delay on their way; without one they arrive at once.

    Args:
        robot: PiDog.
        n_envs: Number of environments.
        servo: Effects on a target; None for none.
        max_latency: Longest delay that a target will have [s].

    Attributes:
        latency: Delay of each robot's targets, ``(n,)`` [s]; it may be set when an episode begins.
        zero_offset: Offset of each servo's zero, ``(n, 8)`` [degrees]; likewise.
        sent: Targets that the driver sent last, left sign, ``(n, 8)`` [degrees].
    """

    def __init__(
        self, robot: Robot, n_envs: int, servo: Servo | None = None, max_latency: float = 0.0
    ) -> None:
        super().__init__(robot, n_envs)
        self.servo = servo
        self.latency = np.full(n_envs, 0.0 if servo is None else servo.latency)
        self.zero_offset = np.zeros((n_envs, 8))
        n_past = 1 + int(np.ceil(max_latency * CONTROL_RATE - 1e-9))
        self.sent = np.zeros((n_envs, 8))
        self._shafts = np.zeros((n_envs, n_past, 8))
        # Head and tail: an action of 1 is the upper limit, of -1 the lower one.
        self._head_limits = robot.model.actuator_ctrlrange[8:].T.copy()

    @property
    def action_names(self) -> tuple[str, ...]:
        """The servos' names: the legs', then those of head and tail."""
        return self.robot.joint_names

    @property
    def action_scaling(self) -> dict[str, Any]:
        """See `Actuation.action_scaling`: left-sign angle = offset + scale · action."""
        return {
            "control": "servo angles of the legs, left sign, clipped to 90 degrees",
            "unit": "rad",
            "scale": [ACTION_SCALE] * 8,
            "offset": STAND.tolist(),
        }

    def start(self, indices: IndexArray) -> None:
        """The legs stand when an episode begins."""
        self.sent[indices] = hardware.STAND_DEGREES
        self._shafts[indices] = hardware.STAND_DEGREES

    def controls(self, actions: FloatArray, target: Target | None) -> FloatArray:
        """Servo angles [rad], ``(n, nu)``, or with a servo ``(n, substeps, nu)``."""
        legs, head = actions[:, :8], actions[:, 8:]
        head = np.where(head < 0, -self._head_limits[0], self._head_limits[1]) * head
        if self.servo is None:
            wanted = np.clip(STAND + ACTION_SCALE * legs, -SERVO_LIMIT, SERVO_LIMIT)
            return np.concatenate((to_servo(wanted), head), axis=1)
        self.sent, shaft = send(
            hardware.left_sign_degrees(legs),
            self.sent,
            self._shafts[:, -1],
            self.servo,
            1 / self.robot.control_rate,
        )
        self._shafts = hardware.push(self._shafts, shaft)
        substeps = self.robot.substeps
        delay = np.rint(self.latency * (CONTROL_RATE * substeps)).astype(np.intp)
        arrived = delay_targets(self._shafts, delay, substeps) + self.zero_offset[:, None]
        legs = to_servo(np.deg2rad(np.clip(arrived, *_DEGREES)))
        return np.concatenate((legs, np.repeat(head[:, None], substeps, axis=1)), axis=2)


register_actuation("pidog_servos", PiDogServos)
