"""What lies between an action and a servo's shaft, as functions of batched arrays.

A servo of the model follows its target with a torque-speed line and saturation, which MuJoCo
expresses. What it cannot express happens to the target on its way: the rate limit of the vendor's
driver, the resolution of the PWM, the play of the gears and the delay of the bus. All angles here
are left-sign angles in degrees, all arrays have the batch as their first axis.
"""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.pidog.hardware import RATE_LIMIT, limit_rate
from sb3_mimic.errors import InputError


@dataclass(frozen=True)
class Servo:
    """The real servo's way with a target; a number that is 0 switches its effect off.

    Attributes:
        rate_limit: Fastest change of the target [degrees/s]: the vendor's limit for the legs.
        tick: Resolution of the target [degrees]: 4096 ticks of 20 ms, of which 500 to 2500 µs are
            180 degrees (robot-hat).
        backlash: Play of the gears [degrees] (servo sheet, at most .36).
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
        sent: What the driver sent last, ``(n, 8)``.
        shaft: Where the gears passed the last target on to, ``(n, 8)``.
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


def delayed(past: FloatArray, delay: IndexArray, substeps: int) -> FloatArray:
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
