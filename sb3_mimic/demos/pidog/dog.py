"""Dog clips as gaits of PiDog: the dog's feet, scaled into the reach of PiDog's legs."""

from pathlib import Path
from typing import Final

import numpy as np
from scipy.interpolate import CubicSpline

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.pidog.gaits import Gait
from sb3_mimic.envs.pidog.legs import (
    HIP_TO_KNEE,
    KNEE_TO_TIP,
    SERVO_LIMIT,
    STAND,
    forward_kinematics,
    inverse_kinematics,
)
from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.deepmimic.dog import read_dog3d
from sb3_mimic.motion.retarget.quadruped import FootPaths, foot_paths

#: Fastest allowed turn of a servo [rad/s]: the vendor's limit for legs, 428 degrees a second.
SERVO_SPEED: Final = float(np.deg2rad(428))

#: Distances of a tip from its hip that leave the knee some way to either end [m].
_REACH: Final = (HIP_TO_KNEE + KNEE_TO_TIP) * np.array([0.33, 0.985])

#: Sizes of the steps relative to the dog's, in the order in which they are tried.
_STEPS: Final = np.linspace(1.0, 0.1, 91)

#: Strides over the gait's own for which legs have to reach: those that `Gait` allows.
_STRIDES: Final = (-1.0, 1.25)

#: Stride of the inner legs in the tightest turn, as the vendor's trot has it.
_INNER: Final = 0.5

#: Phases at which a gait is checked.
_PHASES: Final = np.arange(200) / 200


def dog_gait(path: str | Path) -> Gait:
    """Turns one of DeepMimic's dog clips into a gait of PiDog.

    The feet's paths, in the planes of PiDog's legs, are scaled by the height of the hips and put
    around the tips of the vendor's standing pose. Where a leg would not reach, the steps of all
    four are made smaller, and so they are where a servo could not keep up with the clip's tempo.

    Args:
        path: The file, ``dog3d_*.txt``.

    Returns:
        The gait, with the file's name.

    Raises:
        InputError: If the file cannot be read, is no dog's, or PiDog's legs cannot do it.
    """
    motion = read_dog3d(path)
    paths = foot_paths(motion)
    for step in _STEPS:
        steps = _Steps(paths, float(step))
        if steps.are_possible(paths.period):
            return Gait(motion.name, paths.period, steps, _INNER)
    raise InputError(
        f"{path}: PiDog's legs cannot do a tenth of this dog's steps at their tempo, "
        f"{paths.period:.2f} s a cycle"
    )


class _Steps:
    """A dog's steps in PiDog's legs, as a gait's cycle.

    Args:
        paths: The dog's feet.
        size: Size of the steps relative to the dog's.
    """

    def __init__(self, paths: FootPaths, size: float) -> None:
        self._stand = forward_kinematics(STAND[::2], STAND[1::2])
        height = -float(np.mean(self._stand[1]))
        both = size * height * np.stack([paths.forward, paths.lift], axis=-1)
        closed = np.concatenate([both, both[:1]])
        self._paths = CubicSpline(np.linspace(0, 1, len(closed)), closed, bc_type="periodic")

    def __call__(self, phase: FloatArray, strides: FloatArray) -> FloatArray:
        """Left-sign angles (..., 8) [rad] at phases (...) with strides (..., 4)."""
        hip, knee = inverse_kinematics(*self._targets(phase, strides))
        angles: FloatArray = np.stack([hip, knee], axis=-1).reshape(*np.shape(phase), 8)
        return angles

    def are_possible(self, period: float) -> bool:
        """Whether legs reach and servos turn as far and as fast as it takes."""
        for stride in _STRIDES:
            distance = np.hypot(*self._targets(_PHASES, np.full((len(_PHASES), 4), stride)))
            if not ((distance > _REACH[0]) & (distance < _REACH[1])).all():
                return False
        angles = self(_PHASES, np.ones((len(_PHASES), 4)))
        turns = np.abs(np.diff(angles, axis=0, append=angles[:1])) * len(_PHASES)
        return bool(np.abs(angles).max() < SERVO_LIMIT and turns.max() < SERVO_SPEED * period)

    def _targets(self, phase: FloatArray, strides: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Forward and upward coordinates of the tips from their hips (..., 4) [m]."""
        forward, lift = np.moveaxis(self._paths(phase), -1, 0)
        return self._stand[0] + strides * forward, self._stand[1] + lift
