"""Curves over a cycle: published joint angles, and shapes that describe others.

Sources, all of healthy adults; rounded, read at the percent of the gait cycle given:
    D. A. Winter, The Biomechanics and Motor Control of Human Gait, 2nd ed., 1991: hip, knee and
        ankle in walking at natural cadence.
    T. F. Novacheck, The biomechanics of running, Gait & Posture 7, 1998: running.
    T. Flash, N. Hogan, The coordination of arm movements, J. Neurosci. 5, 1985: minimum-jerk
        profile, used for the squat and for raising the arm.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.interpolate import CubicSpline

from sb3_mimic.arrays import FloatArray

#: Values [rad or m] at phases of the cycle, 0 to 1.
Curve = Callable[[FloatArray], FloatArray]

# Degrees over percent of the gait cycle, from heel strike. Flexion and dorsiflexion positive.
# fmt: off
WINTER_HIP = {
    0: 20, 10: 16, 20: 8, 30: 0, 40: -6, 50: -10, 54: -10, 60: -5, 70: 8, 80: 18, 86: 22, 94: 21,
}
WINTER_KNEE = {
    0: 4, 5: 11, 14: 20, 20: 19, 30: 12, 40: 8, 50: 16, 60: 40, 66: 57, 72: 65, 78: 60, 86: 33,
    92: 11, 97: 2,
}
WINTER_ANKLE = {
    0: 0, 6: -5, 10: -3, 20: 4, 30: 7, 44: 10, 50: 6, 54: 0, 62: -19, 66: -18, 76: -4, 86: 1,
    94: 0,
}
NOVACHECK_HIP = {
    0: 36, 10: 31, 20: 17, 30: 1, 37: -8, 42: -9, 50: 0, 60: 22, 70: 42, 80: 50, 90: 45,
}
NOVACHECK_KNEE = {
    0: 18, 8: 35, 15: 43, 20: 42, 30: 28, 37: 20, 42: 25, 50: 48, 60: 80, 68: 92, 75: 85, 85: 50,
    92: 23, 96: 16,
}
NOVACHECK_ANKLE = {
    0: 5, 5: 8, 12: 19, 20: 25, 27: 14, 33: -8, 38: -22, 45: -18, 55: -6, 70: 0, 85: 6, 95: 7,
}
# fmt: on


def table(degrees: Mapping[int, float]) -> Curve:
    """A periodic spline [rad] through degrees at percents of the cycle."""
    phase = np.array([*degrees, 100]) / 100
    values = np.radians([*degrees.values(), degrees[0]])
    spline = CubicSpline(phase, values, bc_type="periodic")
    return lambda at: spline(at % 1.0)


def swing(mean: float, amplitude: float, peak: float = 0.0, harmonic: int = 1) -> Curve:
    """A cosine about a mean, in degrees, largest at phase ``peak``; gives [rad]."""
    return lambda at: np.radians(mean + amplitude * np.cos(2 * np.pi * harmonic * (at - peak)))


def constant(degrees: float) -> Curve:
    """A constant angle; gives [rad]."""
    return swing(degrees, 0.0)


def minimum_jerk(at: FloatArray, begin: float, end: float) -> FloatArray:
    """Flash and Hogan's profile from 0 before ``begin`` to 1 after ``end``."""
    s = np.clip((at - begin) / (end - begin), 0, 1)
    return s**3 * (10 - 15 * s + 6 * s**2)


def between(low: float, high: float, share: Curve) -> Curve:
    """From low to high by a share in 0 to 1, in degrees; gives [rad]."""
    return lambda at: np.radians(low + (high - low) * share(at))
