"""The built-in clips: walk, run, squat and wave.

Sources beside those of `motions.curves`, all of healthy adults:
    J. Perry, Gait Analysis, 1992: pelvis (obliquity, rotation) and trunk in walking.
    M. P. Murray, S. B. Sepic, E. J. Barnard, Phys. Ther. 47, 1967: arm swing in walking.
    R. F. Escamilla, Knee biomechanics of the dynamic squat exercise, Med. Sci. Sports Exerc. 33,
        2001: range of hip, knee and ankle in the squat.
"""

import numpy as np

from motions.curves import (
    NOVACHECK_ANKLE,
    NOVACHECK_HIP,
    NOVACHECK_KNEE,
    WINTER_ANKLE,
    WINTER_HIP,
    WINTER_KNEE,
    between,
    constant,
    minimum_jerk,
    swing,
    table,
)
from motions.problem import FitProblem, Series, limb_pair, single
from sb3_mimic.arrays import FloatArray


def gait_arms(
    shift: float, amplitude: float, mean: float, elbow: float, bend: float
) -> list[Series]:
    """Arms that swing against the legs: furthest back at heel strike of the same side.

    Args:
        shift: Phase by which the left side follows.
        amplitude: Amplitude of shoulder flexion [deg].
        mean: Mean shoulder flexion [deg].
        elbow: Mean elbow flexion [deg].
        bend: Amplitude of elbow flexion, largest when the arm is in front [deg].
    """
    return [
        limb_pair("shoulder_y", (0, 1, 2), swing(-mean, amplitude), 2, shift),
        limb_pair("shoulder_z", (0, 1), constant(12), 2, shift),
        limb_pair("shoulder_x", (0, 1), constant(-8), 2, shift),
        limb_pair("elbow", (0, 1, 2), swing(elbow, -bend, 0.05), 2, shift),
    ]


def gait_trunk(rotation: float, obliquity: float, lean: float, counter: float) -> list[Series]:
    """Pelvis that turns with the leading leg and drops on the swing side; trunk against it.

    Args:
        rotation: Amplitude of pelvic rotation [deg].
        obliquity: Amplitude of pelvic obliquity [deg].
        lean: Forward lean of pelvis and of thorax upon it [deg].
        counter: Amplitude of the thorax's rotation in space, against the pelvis [deg].
    """
    turn = rotation + counter
    return [
        single("root_yaw", (1, 3, 5), swing(0, rotation), 1),
        single("root_roll", (1, 3, 5), swing(0, -obliquity, 0.14), 1),
        single("root_pitch", (0, 2, 4), constant(lean), 1),
        single("chest_y", (0, 2), constant(lean), 1),
        single("chest_z", (1, 3), swing(0, -turn), 1.5),
        single("chest_x", (1, 3), swing(0, 1.2 * obliquity, 0.14), 1.5),
        single("neck_z", (1,), swing(0, counter), 1),
        single("neck_x", (1,), swing(0, -0.2 * obliquity, 0.14), 1),
        single("neck_y", (0,), constant(-1.5 * lean), 1),
    ]


def walk() -> FitProblem:
    """Walking at 1.3 m/s, a stride in 32/30 s (112 steps a minute)."""
    return FitProblem(
        name="walk",
        period=32 / 30,
        fps=60,
        speed=1.2,
        series=(
            single("root_x", (2, 4, 6), constant(0), 0.02),
            single("root_y", (1, 3, 5), lambda at: -0.02 * np.cos(2 * np.pi * (at - 0.3)), 0.01),
            single("root_z", (0, 2, 4, 6, 8), lambda at: 0.855 + 0.0 * at, 0.05),
            *gait_trunk(rotation=4, obliquity=4, lean=2, counter=4),
            limb_pair("hip_y", range(11), lambda at: -table(WINTER_HIP)(at), 3, 0.5),
            limb_pair("knee", range(11), lambda at: -table(WINTER_KNEE)(at), 4, 0.5),
            limb_pair("ankle_y", range(11), lambda at: -table(WINTER_ANKLE)(at), 4, 0.5),
            limb_pair("hip_x", range(5), swing(0, 4, 0.25), 3, 0.5),
            limb_pair("hip_z", range(5), constant(-6), 3, 0.5),
            limb_pair("ankle_x", range(5), constant(0), 3, 0.5),
            limb_pair("ankle_z", range(4), constant(0), 3, 0.5),
            *gait_arms(shift=0.5, amplitude=16, mean=-8, elbow=24, bend=10),
        ),
        heel=(0.0, 0.39),
        toe=(0.07, 0.6),
        shift=0.5,
        clearance=0.03,
        foot_y=0.05,
        jerk=1200.0,
    )


def run() -> FitProblem:
    """Running at 3 m/s, a stride in 0.7 s (171 steps a minute), on the ground 37% of it."""
    return FitProblem(
        name="run",
        period=0.7,
        fps=60,
        speed=3.0,
        series=(
            single("root_x", (2, 4, 6), constant(0), 0.02),
            single("root_y", (1, 3, 5), constant(0), 0.01),
            single("root_z", (0, 2, 4, 6, 8), lambda at: 0.85 + 0.0 * at, 0.05),
            *gait_trunk(rotation=5, obliquity=4, lean=6, counter=8),
            limb_pair("hip_y", range(11), lambda at: -table(NOVACHECK_HIP)(at), 4, 0.5),
            limb_pair("knee", range(11), lambda at: -table(NOVACHECK_KNEE)(at), 5, 0.5),
            limb_pair("ankle_y", range(11), lambda at: -table(NOVACHECK_ANKLE)(at), 6, 0.5),
            limb_pair("hip_x", range(5), swing(4, 4, 0.18), 3, 0.5),
            limb_pair("hip_z", range(5), constant(-3), 3, 0.5),
            limb_pair("ankle_x", range(5), constant(0), 3, 0.5),
            limb_pair("ankle_z", range(4), constant(0), 3, 0.5),
            *gait_arms(shift=0.5, amplitude=28, mean=-8, elbow=90, bend=15),
        ),
        heel=(0.0, 0.20),
        toe=(0.03, 0.37),
        shift=0.5,
        clearance=0.04,
        foot_y=0.03,
        jerk=4200.0,
    )


def squat() -> FitProblem:
    """A squat to about parallel thighs in 3 s, arms brought forward."""
    many = range(9)

    def depth(at: FloatArray) -> FloatArray:
        return minimum_jerk(at, 0.06, 0.46) - minimum_jerk(at, 0.50, 0.92)

    return FitProblem(
        name="squat",
        period=3.0,
        fps=30,
        speed=0.0,
        series=(
            single("root_x", many, lambda at: -0.2 * depth(at), 0.05),
            single("root_z", many, lambda at: 0.87 - 0.4 * depth(at), 0.1),
            single("root_pitch", many, between(0, 28, depth), 2),
            single("chest_y", many, between(2, 16, depth), 2),
            single("neck_y", many, between(0, -28, depth), 2),
            limb_pair("hip_x", many, constant(-5), 4, 0),
            limb_pair("hip_z", many, constant(-14), 4, 0),
            limb_pair("hip_y", many, between(-5, -108, depth), 3, 0),
            limb_pair("knee", many, between(-8, -105, depth), 3, 0),
            limb_pair("ankle_y", many, between(-3, -25, depth), 3, 0),
            limb_pair("ankle_x", many, constant(0), 4, 0),
            limb_pair("ankle_z", many, constant(0), 4, 0),
            limb_pair("shoulder_y", many, between(0, -125, depth), 3, 0),
            limb_pair("shoulder_z", many, between(12, 5, depth), 2, 0),
            limb_pair("shoulder_x", many, between(-8, -3, depth), 2, 0),
            limb_pair("elbow", many, between(18, 12, depth), 2, 0),
        ),
        heel=(0.0, 1.0),
        toe=(0.0, 1.0),
        shift=0.0,
        clearance=0.0,
        foot_y=0.15,
        jerk=1200.0,
    )


def wave() -> FitProblem:
    """Standing and waving the right hand four times in 4 s, weight shifted a little to the left."""
    few, many = range(7), range(17)

    def raised(at: FloatArray) -> FloatArray:
        return minimum_jerk(at, 0.05, 0.27) - minimum_jerk(at, 0.70, 0.93)

    def waving(at: FloatArray) -> FloatArray:
        envelope = minimum_jerk(at, 0.17, 0.29) - minimum_jerk(at, 0.65, 0.78)
        return envelope * np.sin(2 * np.pi * 8 * (at - 0.22))

    def abduction(at: FloatArray) -> FloatArray:
        return np.radians(-8 - 52 * raised(at) - 6 * waving(at))

    def elbow(at: FloatArray) -> FloatArray:
        return np.radians(15 + 80 * raised(at) + 22 * waving(at))

    legs = [
        single(f"{side}_{hinge}", few, constant(degrees * (sign if hinge[-1] in "xz" else 1)), 2)
        for side, sign in (("right", 1), ("left", -1))
        for hinge, degrees in (
            *(("hip_x", -2), ("hip_z", -8), ("hip_y", -4), ("knee", -6)),
            *(("ankle_y", -2), ("ankle_x", 2), ("ankle_z", 0)),
        )
    ]
    return FitProblem(
        name="wave",
        period=4.0,
        fps=30,
        speed=0.0,
        series=(
            single("root_x", few, lambda at: 0 * at, 0.02),
            single("root_y", few, lambda at: 0.02 * raised(at), 0.005),
            single("root_z", few, lambda at: 0.87 + 0 * at, 0.1),
            single("root_yaw", few, between(0, -3, raised), 1),
            single("root_pitch", few, constant(1), 1),
            single("root_roll", few, between(0, 1.5, raised), 1),
            single("chest_x", many, lambda at: np.radians(-3 * raised(at) + 1.5 * waving(at)), 1),
            single("chest_y", few, constant(1), 1),
            single("chest_z", few, between(0, -4, raised), 1),
            single("neck_z", few, between(0, -8, raised), 1),
            single("neck_x", few, between(0, 5, raised), 1),
            single("neck_y", few, constant(-2), 1),
            single("right_shoulder_y", many, between(0, -82, raised), 2),
            single("right_shoulder_z", many, lambda at: np.radians(12 - 10 * raised(at)), 2),
            single("right_shoulder_x", many, abduction, 2),
            single("right_elbow", many, elbow, 2),
            single("left_shoulder_y", few, between(0, 3, raised), 2),
            single("left_shoulder_z", few, constant(-12), 2),
            single("left_shoulder_x", few, constant(9), 2),
            single("left_elbow", few, constant(15), 2),
            *legs,
        ),
        heel=(0.0, 1.0),
        toe=(0.0, 1.0),
        shift=0.0,
        clearance=0.0,
        foot_y=0.1,
        jerk=4000.0,
    )


PROBLEMS = {"walk": walk, "run": run, "squat": squat, "wave": wave}
