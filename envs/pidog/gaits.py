"""PiDog's hardcoded gaits: servo angles as functions of the phase, the stride and the turn.

A gait is a pure function from the phase of its cycle to eight left-sign servo angles (see
`sb3_mimic.envs.pidog.legs`). Three are built in:

- ``sine``: the sine trot of the imitation guide, diagonal legs in phase. The default, since it is
  the only one that walks well in the model (``bench/gaits.py``, ``docs/pidog.md``).
- ``trot`` and ``walk``: the vendor's, as foot targets that its software turns into servo angles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.pidog.legs import STAND, inverse_kinematics, to_servo
from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name

ACTION_SCALE: Final = float(np.pi / 4)
"""Servo angle that an action of 1 adds to the standing pose [rad]; it covers all built-in gaits."""

SINE_FREQUENCY: Final = 2.75
"""Default frequency of the sine gait [Hz]: the fastest that fell in no condition measured."""

# Phases of the legs' sines at the start of a cycle: left front with right hind, and half a cycle
# later right front with left hind. Started a quarter in, with all knees bent alike, a robot at rest
# never tripped in its first steps at 2.5 and 2.75 Hz, at any friction and mass of the benchmark; of
# the other twelfths of the cycle, each tripped it somewhere.
_DIAGONAL: Final = np.array([0.25, 0.75, 0.75, 0.25])

_LEFT: Final = np.array([True, False, True, False])


@dataclass(frozen=True)
class Gait:
    """A periodic gait.

    Attributes:
        name: Its name in ``--motion``.
        period: Length of a cycle [s].
        cycle: Maps phases in [0, 1), shape (...), and the strides of the four legs over the gait's
            own, shape (..., 4), to left-sign angles [rad], shape (..., 8).
        inner: Stride of the inner legs in the tightest turn, over the stride of the outer ones.
    """

    name: str
    period: float
    cycle: Callable[[FloatArray, FloatArray], FloatArray]
    inner: float

    def left_sign_angles(
        self, time: ArrayLike, speed: ArrayLike = 1.0, turn: ArrayLike = 0.0
    ) -> FloatArray:
        """The gait's angles.

        Args:
            time: Times [s], shape (...).
            speed: Stride over the gait's own, clipped to [-1, 1.25]: 0 marks time, -1 walks
                backward. Broadcast against ``time``, as ``turn``.
            turn: From -1, the tightest turn to the right, to 1, to the left; clipped.

        Returns:
            Left-sign angles [rad], shape (..., 8).
        """
        phase = np.mod(np.asarray(time, np.float64) / self.period, 1.0)
        speed = np.clip(np.asarray(speed, np.float64), -1.0, 1.25)
        turn = np.clip(np.asarray(turn, np.float64), -1.0, 1.0)
        phase, speed, turn = np.broadcast_arrays(phase, speed, turn)
        toward_inside = np.where(_LEFT, turn[..., None], -turn[..., None]).clip(0.0, 1.0)
        strides = speed[..., None] * (1 - (1 - self.inner) * toward_inside)
        return self.cycle(phase, strides)

    def servo_angles(
        self, time: ArrayLike, speed: ArrayLike = 1.0, turn: ArrayLike = 0.0
    ) -> FloatArray:
        """Servo angles [rad], shape (..., 8); arguments as for `left_sign_angles`."""
        return to_servo(self.left_sign_angles(time, speed, turn))

    def actions(self, time: ArrayLike, speed: ArrayLike = 1.0, turn: ArrayLike = 0.0) -> FloatArray:
        """The environment's actions, shape (..., 8); arguments as for `left_sign_angles`."""
        return (self.left_sign_angles(time, speed, turn) - STAND) / ACTION_SCALE


def sine_cycle(phase: FloatArray, strides: FloatArray) -> FloatArray:
    """The sine trot: hip ∓(0.2 sin t − 0.1), knee ∓(0.4 cos t − 0.2), in units of 45 degrees.

    The numbers are the imitation guide's. It names neither signs nor standing pose; of the four
    choices of sign around the vendor's standing pose only minus for both walks forward. The stride
    scales the hip's swing; the knee lifts the foot all the same.

    Args:
        phase: Shape (...).
        strides: Shape (..., 4).

    Returns:
        Left-sign angles [rad], shape (..., 8).
    """
    angle = 2 * np.pi * (phase[..., None] + _DIAGONAL)
    offsets = np.stack((0.1 - 0.2 * strides * np.sin(angle), 0.2 - 0.4 * np.cos(angle)), axis=-1)
    return STAND + ACTION_SCALE * offsets.reshape(*phase.shape, 8)


def _trot_targets() -> tuple[FloatArray, FloatArray]:
    """Targets ``(6, 4)`` of the four tips in the trot's frames [mm], from the vendor's software.

    y + backward and z down from the hip.
    """
    y = [
        (28.0, -38.7, -28.7, 38.0),
        (-22.0, -5.3, 4.7, -12.0),
        (-72.0, 28.0, 38.0, -62.0),
        (-38.7, 28.0, 38.0, -28.7),
        (-5.3, -22.0, -12.0, 4.7),
        (28.0, -72.0, -62.0, 38.0),
    ]
    z = [
        (80.0, 80.0, 80.0, 80.0),
        (70.0, 80.0, 80.0, 70.0),
        (60.0, 80.0, 80.0, 60.0),
        (80.0, 80.0, 80.0, 80.0),
        (80.0, 70.0, 70.0, 80.0),
        (80.0, 60.0, 60.0, 80.0),
    ]
    return np.array(y), np.array(z)


def _walk_targets() -> tuple[FloatArray, FloatArray]:
    """Targets ``(49, 4)`` of the four tips in the walk's frames [mm], as `_trot_targets`.

    Eight sections of six frames and a closing one. In every second section one leg swings, in the
    order LF, RH, RF, LH: forward by 80 mm along half a cosine while it rises evenly by 20 mm.
    Otherwise the foot moves evenly backward on the ground, through the 42 frames of the seven
    other sections (numbers from the vendor's software).
    """
    n_swing, n_stance, step, lift, height = 6, 42, 80.0, 20.0, 80.0
    foremost = np.array([-65.0, -65.0, -35.0, -35.0])
    swing_starts = np.array([0, 24, 36, 12])
    frame = np.arange(n_swing + n_stance)[:, None]
    since = np.mod(frame - swing_starts, n_swing + n_stance)
    swing = np.minimum(since / (n_swing - 1), 1.0)
    stance = np.maximum(since - (n_swing - 1), 0) / n_stance
    y = foremost + step * np.where(since < n_swing, (1 + np.cos(np.pi * swing)) / 2, stance)
    z = np.where(since < n_swing, height - lift * swing, height)
    # The closing frame repeats the last one.
    return np.vstack((y, y[-1:])), np.vstack((z, z[-1:]))


class FootTargets:
    """A cycle of the vendor's foot targets; called as ``Gait.cycle``.

    The vendor's servo driver moves all servos evenly from frame to frame, in whole steps of 10 ms,
    in 1000 − 9.9 · 98 ms at its speed 98 or in the time that the largest change takes at 428
    degrees per second, whichever is longer. That makes the trot's published cycle of 540 ms
    exactly, and 1280 ms of the walk's 1270 ms. Other strides keep that timing.

    Args:
        y: Targets ``(frames, 4)`` [mm], + backward from the hip.
        z: Targets ``(frames, 4)`` [mm], downward.
    """

    def __init__(self, y: FloatArray, z: FloatArray) -> None:
        self._y, self._z = np.vstack((y, y[:1])), np.vstack((z, z[:1]))
        self._center = (y.max(axis=0) + y.min(axis=0)) / 2
        own = self._angles(np.arange(len(self._y)), np.ones((len(self._y), 4)))
        largest = np.rad2deg(np.abs(np.diff(own, axis=0)).max(axis=1))
        milliseconds = np.maximum(1000 - 9.9 * 98, 1000 * largest / 428)
        ends = np.concatenate(([0.0], np.cumsum(10 * np.floor(milliseconds / 10))))
        self._ends: FloatArray = ends / ends[-1]

    def __call__(self, phase: FloatArray, strides: FloatArray) -> FloatArray:
        """Left-sign angles [rad], shape (..., 8), as `sine_cycle`."""
        frame = np.searchsorted(self._ends, phase, side="right") - 1
        first, last = self._angles(frame, strides), self._angles(frame + 1, strides)
        start, end = self._ends[frame], self._ends[frame + 1]
        return np.asarray(first + ((phase - start) / (end - start))[..., None] * (last - first))

    def _angles(self, frame: NDArray[np.intp], strides: FloatArray) -> FloatArray:
        """Angles (..., 8) at frames (...), strides about the middle of each foot's way."""
        y = self._center + strides * (self._y[frame] - self._center)
        hip, knee = inverse_kinematics(-1e-3 * y, -1e-3 * self._z[frame])
        return np.stack((hip, knee), axis=-1).reshape(*np.shape(frame), 8)


GAITS: Final[Mapping[str, Gait]] = {
    gait.name: gait
    for gait in (
        Gait("sine", 1 / SINE_FREQUENCY, sine_cycle, inner=0.0),
        # The vendor halves the inner stride in a trot's turn, and takes 0.3 of it in a walk's.
        Gait("trot", 0.54, FootTargets(*_trot_targets()), inner=0.5),
        Gait("walk", 1.27, FootTargets(*_walk_targets()), inner=0.3),
    )
}
"""The built-in gaits by name."""


def make_gait(name: str, frequency: float | None = None) -> Gait:
    """Finds a gait by its name.

    Args:
        name: ``sine``, ``trot`` or ``walk``.
        frequency: Cycles per second [Hz], if not the gait's own.

    Raises:
        InputError: If there is no such gait, or the frequency is not positive.
    """
    if name not in GAITS:
        raise unknown_name("gait", name, GAITS)
    gait = GAITS[name]
    if frequency is None:
        return gait
    if not frequency > 0:
        raise InputError(f"the gait's frequency must be positive, got {frequency}")
    return Gait(name, 1 / frequency, gait.cycle, gait.inner)
