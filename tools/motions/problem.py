"""The problem that a fit solves: curves, contacts and weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from motions.curves import Curve
from sb3_mimic.motion.skeletons import CHARACTER

#: The root's six coordinates come first: R = Rz(yaw) · Ry(pitch) · Rx(roll).
COORDINATES = (
    "root_x",
    "root_y",
    "root_z",
    "root_yaw",
    "root_pitch",
    "root_roll",
    *CHARACTER.hinge_names,
)


@dataclass(frozen=True)
class Series:
    """One unknown Fourier series and the coordinates that follow it.

    Attributes:
        harmonics: Its harmonics, 0 for the mean.
        reference: The published curve [rad or m].
        sigma: Deviation from it that counts as one [degrees; metres for root_x, _y, _z].
        targets: (coordinate, sign, shift of the phase) of each coordinate.
    """

    harmonics: Sequence[int]
    reference: Curve
    sigma: float
    targets: tuple[tuple[str, float, float], ...]


def limb_pair(
    name: str, harmonics: Sequence[int], reference: Curve, sigma: float, shift: float
) -> Series:
    """A series of the right limb that the left one follows, mirrored and shifted."""
    sign = -1.0 if name.endswith(("_x", "_z")) else 1.0
    targets = ((f"right_{name}", 1.0, 0.0), (f"left_{name}", sign, shift))
    return Series(harmonics, reference, sigma, targets)


def single(name: str, harmonics: Sequence[int], reference: Curve, sigma: float) -> Series:
    """A series of one coordinate."""
    return Series(harmonics, reference, sigma, ((name, 1.0, 0.0),))


@dataclass(frozen=True)
class FitProblem:
    """The curves, contacts and weights of one clip.

    Attributes:
        name: Name of the clip.
        period: Time of the cycle [s].
        fps: Rate of the clip [1/s].
        speed: Forward speed [m/s].
        series: The unknowns.
        heel: Phases during which the right heel is on the ground, (from, to).
        toe: The same of the forefoot.
        shift: Phase by which the left foot follows.
        clearance: Height of the sole's corners in mid swing [m].
        foot_y: Distance of the sole's middle from the path in stance [m].
        jerk: Root mean square jerk of an angle that counts as one [rad/s³]; of a length a quarter
            of it [m/s³]. Keeps high harmonics low.
    """

    name: str
    period: float
    fps: int
    speed: float
    series: tuple[Series, ...]
    heel: tuple[float, float]
    toe: tuple[float, float]
    shift: float
    clearance: float
    foot_y: float
    jerk: float
