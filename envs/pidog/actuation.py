"""PiDog's servos as an actuation: from an action to what arrives at the motors."""

from typing import Any

import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.actuation import Actuation, Target, register_actuation
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.envs.pidog.gaits import ACTION_SCALE
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE
from sb3_mimic.envs.pidog.legs import SERVO_LIMIT, STAND, to_servo
from sb3_mimic.envs.pidog.servo import Servo, delayed, send

_DEGREES = (-hardware.SERVO_DEGREES, hardware.SERVO_DEGREES)


class PiDogServos(Actuation):
    """Targets of the legs' servos around standing, and of head and tail over their whole range.

    An action of zeros stands. With a `Servo`, targets go through its rate limit, resolution, play
    and delay on their way; without one they arrive at once.

    Args:
        robot: PiDog.
        n_envs: Number of environments.
        servo: What the servos do to a target; None for nothing.
        max_latency: Longest delay that a target will have [s].

    Attributes:
        latency: Delay of each robot's targets, ``(n,)`` [s]; it may be set when an episode begins.
        zero_offset: What each servo is off its zero, ``(n, 8)`` [degrees]; likewise.
    """

    def __init__(
        self, robot: Robot, n_envs: int, servo: Servo | None = None, max_latency: float = 0.0
    ) -> None:
        super().__init__(robot, n_envs)
        self.servo = servo
        self.latency = np.full(n_envs, 0.0 if servo is None else servo.latency)
        self.zero_offset = np.zeros((n_envs, 8))
        n_past = 1 + int(np.ceil(max_latency * CONTROL_RATE - 1e-9))
        self._sent = np.zeros((n_envs, 8))
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
        self._sent[indices] = hardware.STAND_DEGREES
        self._shafts[indices] = hardware.STAND_DEGREES

    def controls(self, actions: FloatArray, target: Target | None) -> FloatArray:
        """Servo angles [rad], ``(n, nu)``, or with a servo ``(n, substeps, nu)``."""
        legs, head = actions[:, :8], actions[:, 8:]
        head = np.where(head < 0, -self._head_limits[0], self._head_limits[1]) * head
        if self.servo is None:
            wanted = np.clip(STAND + ACTION_SCALE * legs, -SERVO_LIMIT, SERVO_LIMIT)
            return np.concatenate((to_servo(wanted), head), axis=1)
        self._sent, shaft = send(
            hardware.left_sign_degrees(legs),
            self._sent,
            self._shafts[:, -1],
            self.servo,
            1 / self.robot.control_rate,
        )
        self._shafts = hardware.push(self._shafts, shaft)
        substeps = self.robot.substeps
        delay = np.rint(self.latency * (CONTROL_RATE * substeps)).astype(np.intp)
        arrived = delayed(self._shafts, delay, substeps) + self.zero_offset[:, None]
        legs = to_servo(np.deg2rad(np.clip(arrived, *_DEGREES)))
        return np.concatenate((legs, np.repeat(head[:, None], substeps, axis=1)), axis=2)


register_actuation("pidog_servos", PiDogServos)
