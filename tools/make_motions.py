"""Makes the built-in clips of assets/motions from published gait analysis.

    python tools/make_motions.py [walk run squat wave]

The published mean joint angles of walking and running, and key poses of a squat, are what the
motion is pulled towards; every joint and the root are Fourier series over the cycle, so the loop
closes exactly and velocities are smooth. A least-squares fit finds the series that stay close to
the published curves and at the same time

- keep every part of a sole that is on the ground at rest and at height zero, and the others above,
- need no force or moment between body and world that feet cannot give: the required centre of
  pressure lies under the feet on the ground, and in flight there is none at all. They come from
  MuJoCo's inverse dynamics of the humanoid, armature and masses included.

Sources, all of healthy adults; rounded, read at the percent of the gait cycle given:
    D. A. Winter, The Biomechanics and Motor Control of Human Gait, 2nd ed., 1991: hip, knee and
        ankle in walking at natural cadence.
    J. Perry, Gait Analysis, 1992: pelvis (obliquity, rotation) and trunk in walking.
    M. P. Murray, S. B. Sepic, E. J. Barnard, Phys. Ther. 47, 1967: arm swing in walking.
    T. F. Novacheck, The biomechanics of running, Gait & Posture 7, 1998: running.
    R. F. Escamilla, Knee biomechanics of the dynamic squat exercise, Med. Sci. Sports Exerc. 33,
        2001: range of hip, knee and ankle in the squat.
    T. Flash, N. Hogan, The coordination of arm movements, J. Neurosci. 5, 1985: minimum-jerk
        profile, used for the squat and for raising the arm.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion import MotionClip, write_deepmimic
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import sole_corners
from sb3_mimic.spatial import continuous_signs, wxyz

Curve = Callable[[FloatArray], FloatArray]

ASSETS = Path(__file__).resolve().parents[1] / "assets"
GRAVITY = 9.81
NODES = 64  # points of the cycle at which the fit is judged


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


def both(
    name: str, harmonics: Sequence[int], reference: Curve, sigma: float, shift: float
) -> Series:
    """A series of the right limb that the left one follows, mirrored and shifted."""
    sign = -1.0 if name.endswith(("_x", "_z")) else 1.0
    targets = ((f"right_{name}", 1.0, 0.0), (f"left_{name}", sign, shift))
    return Series(harmonics, reference, sigma, targets)


def one(name: str, harmonics: Sequence[int], reference: Curve, sigma: float) -> Series:
    """A series of one coordinate."""
    return Series(harmonics, reference, sigma, ((name, 1.0, 0.0),))


@dataclass(frozen=True)
class Task:
    """What to fit.

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


class Fit:
    """Least-squares fit of a task."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.phase = np.arange(NODES) / NODES
        self.model = mujoco.MjModel.from_xml_path(str(ASSETS / "humanoid.xml"))
        # Inverse dynamics without contact tells what the world would have to give.
        self.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
        self.data = mujoco.MjData(self.model)
        self.weight = float(self.model.body_mass.sum()) * GRAVITY
        self.feet = [self.model.body(f"{side}_ankle").id for side in ("right", "left")]
        self.value = self.design(self.phase, 0)
        self.rate = self.design(self.phase, 1)
        self.acceleration = self.design(self.phase, 2)
        self.tracking = self.tracking_design()
        self.derivative = self._periodic_derivative()
        corners = np.array([self._on_ground(w) for w in (task.heel, task.heel, task.toe, task.toe)])
        left = np.roll(corners, round(task.shift * NODES), axis=1)
        #: Whether a corner of a foot is on the ground: (node, foot, corner).
        self.contact = np.stack([corners, left]).transpose(2, 0, 1)
        # Rises and falls between toe-off and heel strike.
        swing = ((self.phase - task.toe[1]) % 1.0) / max(1 - task.toe[1] + task.heel[0], 1e-9)
        bump = np.sin(np.pi * np.clip(swing, 0, 1)) ** 2 * task.clearance
        self.clearance = np.stack([bump, np.roll(bump, round(task.shift * NODES))], axis=1)
        self.reference = np.concatenate([s.reference(self.phase) for s in task.series])

    def _on_ground(self, window: tuple[float, float]) -> NDArray[np.bool_]:
        begin, end = window
        if end - begin >= 1:
            return np.ones(NODES, dtype=bool)
        return ((self.phase - begin) % 1.0) <= (end - begin)

    def _periodic_derivative(self) -> FloatArray:
        """Matrix that differentiates a periodic function by time, from its values at the nodes."""
        frequency = np.fft.fftfreq(NODES, 1 / NODES)
        frequency[NODES // 2] = 0
        factor = 2j * np.pi * frequency[:, None] / self.task.period
        return np.fft.ifft(factor * np.fft.fft(np.eye(NODES), axis=0), axis=0).real

    def design(self, phase: FloatArray, order: int) -> FloatArray:
        """Matrix (phases · coordinates, unknowns) of the coordinates or their time derivatives."""
        columns = []
        omega = 2 * np.pi / self.task.period
        for series in self.task.series:
            for harmonic in series.harmonics:
                # Derivatives turn the phase by a quarter each and scale by k·ω.
                turns = (0.0,) if harmonic == 0 else (0.0, -0.25)
                for turn in turns:
                    column = np.zeros((len(phase), len(COORDINATES)))
                    for name, sign, shift in series.targets:
                        angle = 2 * np.pi * (harmonic * (phase + shift) + turn + 0.25 * order)
                        scale = (harmonic * omega) ** order
                        column[:, COORDINATES.index(name)] = sign * scale * np.cos(angle)
                    columns.append(column.ravel())
        return np.stack(columns, axis=1)

    def tracking_design(self) -> FloatArray:
        """Matrix (series · nodes, unknowns) of the series themselves."""
        rows = self.value.reshape(NODES, len(COORDINATES), -1)
        firsts = [COORDINATES.index(series.targets[0][0]) for series in self.task.series]
        return np.concatenate([rows[:, first] for first in firsts])

    def motion(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """qpos, qvel, qacc at the nodes."""
        shape = (NODES, len(COORDINATES))
        q, v, a = (
            (matrix @ unknowns).reshape(shape)
            for matrix in (self.value, self.rate, self.acceleration)
        )
        q = q.copy()
        v = v.copy()
        q[:, 0] += self.task.speed * self.phase * self.task.period
        v[:, 0] += self.task.speed
        yaw_rate, pitch_rate, roll_rate = v[:, 3:6].T
        pitch, roll = q[:, 4], q[:, 5]
        angular = np.stack(
            [
                roll_rate - yaw_rate * np.sin(pitch),
                pitch_rate * np.cos(roll) + yaw_rate * np.cos(pitch) * np.sin(roll),
                -pitch_rate * np.sin(roll) + yaw_rate * np.cos(pitch) * np.cos(roll),
            ],
            axis=1,
        )
        quaternion = wxyz(Rotation.from_euler("ZYX", q[:, 3:6]))
        qpos = np.concatenate([q[:, :3], quaternion, q[:, 6:]], axis=1)
        qvel = np.concatenate([v[:, :3], angular, v[:, 6:]], axis=1)
        qacc = np.concatenate([a[:, :3], self.derivative @ angular, a[:, 6:]], axis=1)
        return qpos, qvel, qacc

    def physics(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Corners (node, foot, corner, 3), and force and moment about the origin from the world."""
        qpos, qvel, qacc = self.motion(unknowns)
        corners = np.empty((NODES, 2, 4, 3))
        force = np.empty((NODES, 3))
        moment = np.empty((NODES, 3))
        sole = np.array(CHARACTER.sole_corners)
        data = self.data
        for node in range(NODES):
            data.qpos[:], data.qvel[:], data.qacc[:] = qpos[node], qvel[node], qacc[node]
            mujoco.mj_inverse(self.model, data)
            for foot, body in enumerate(self.feet):
                corners[node, foot] = data.xpos[body] + sole @ data.xmat[body].reshape(3, 3).T
            force[node] = data.qfrc_inverse[:3]
            root = data.xmat[1].reshape(3, 3) @ data.qfrc_inverse[3:6]
            moment[node] = np.cross(qpos[node, :3], force[node]) + root
        return corners, force, moment

    def residuals(self, unknowns: FloatArray, dynamics: float) -> FloatArray:
        """All that is to be small, each divided by what counts as one."""
        task = self.task
        qpos = self.motion(unknowns)[0]
        corners, force, moment = self.physics(unknowns)
        steady = corners.copy()
        steady[..., 0] -= (task.speed * task.period * self.phase)[:, None, None]
        velocity = np.tensordot(self.derivative, steady, axes=1)
        velocity[..., 0] += task.speed
        height = corners[..., 2]
        middle = corners.mean(axis=2)[..., 1] - np.array([-1, 1]) * task.foot_y
        parts = [
            (self.tracking @ unknowns - self.reference) / self.sigma,
            self.roughness * unknowns,
            velocity[self.contact][:, :2].ravel() / 0.01,
            height[self.contact] / 0.001,
            np.minimum(0, height - self.clearance[:, :, None])[~self.contact] / 0.002,
            middle[self.contact.any(axis=2)] / 0.01,
            self.over_limits(qpos[:, 7:]) / np.radians(1),
            dynamics * self.impossible_wrench(corners, force, moment, qpos[:, :3]),
        ]
        residuals: FloatArray = np.concatenate(parts) / np.sqrt(NODES)
        return residuals

    def over_limits(self, hinges: FloatArray) -> FloatArray:
        """By how much hinges come closer to their limits than 2° [rad]."""
        low, high = self.model.jnt_range[1:].T + np.radians([[2], [-2]])
        over: FloatArray = np.maximum(0, hinges - high) + np.maximum(0, low - hinges)
        return over.ravel()

    def impossible_wrench(
        self, corners: FloatArray, force: FloatArray, moment: FloatArray, root: FloatArray
    ) -> FloatArray:
        """What feet on the ground cannot give, or air in flight."""
        margin = 0.01  # of the centre of pressure to the sole's edge [m]
        supported = self.contact.any(axis=(1, 2))
        flat = np.where(self.contact[..., None], corners, np.nan).reshape(NODES, -1, 3)[supported]
        low = np.nanmin(flat[..., :2], axis=1) + margin
        high = np.nanmax(flat[..., :2], axis=1) - margin
        fx, fy, fz = force[supported].T
        mx, my, mz = moment[supported].T
        centimetre = self.weight * 0.01
        # The centre of pressure is (−my, mx) / fz; written without the division.
        parts = [
            np.maximum(0, low[:, 0] * fz + my) / centimetre,
            np.maximum(0, -my - high[:, 0] * fz) / centimetre,
            np.maximum(0, low[:, 1] * fz - mx) / centimetre,
            np.maximum(0, mx - high[:, 1] * fz) / centimetre,
            np.maximum(0, np.hypot(fx, fy) - 0.6 * fz) / 20,
            np.maximum(0, 0.1 * self.weight - fz) / 20,
        ]
        # Moment about the vertical through the centre of pressure, from the feet's friction.
        free = mz - (-my * fy - mx * fx) / np.maximum(fz, 0.2 * self.weight)
        parts.append(np.maximum(0, np.abs(free) - 10) / 5)
        flight = ~supported
        parts.append(force[flight].ravel() / 10)
        about_root = moment[flight] - np.cross(root[flight], force[flight])
        parts.append(about_root.ravel() / 5)
        return np.concatenate(parts)

    def solve(self) -> FloatArray:
        """The fitted unknowns."""
        sigma = [
            np.full(NODES, s.sigma if s.targets[0][0] in COORDINATES[:3] else np.radians(s.sigma))
            for s in self.task.series
        ]
        self.sigma = np.concatenate(sigma)
        roughness = []
        for series in self.task.series:
            scale = self.task.jerk * (0.25 if series.targets[0][0] in COORDINATES[:3] else 1)
            for harmonic in series.harmonics:
                # The mean square jerk of a·cos(ωt) is (ω³·a)²/2.
                omega = 2 * np.pi * harmonic / self.task.period
                weight = omega**3 / scale * np.sqrt(NODES / 2)
                roughness += [weight] * (1 if harmonic == 0 else 2)
        self.roughness = np.array(roughness)
        unknowns: FloatArray = np.linalg.lstsq(
            self.tracking / self.sigma[:, None], self.reference / self.sigma, rcond=None
        )[0]
        for dynamics in (0.0, 0.3, 1.0):
            result = least_squares(
                self.residuals, unknowns, args=(dynamics,), max_nfev=40, ftol=1e-5, xtol=1e-6
            )
            unknowns = result.x
        return unknowns

    def clip(self, unknowns: FloatArray) -> MotionClip:
        """The motion at the task's rate, first and last frame the same."""
        n_frames = round(self.task.period * self.task.fps) + 1
        phase = np.arange(n_frames) / (n_frames - 1)
        q = (self.design(phase, 0) @ unknowns).reshape(n_frames, len(COORDINATES))
        q[-1] = q[0]
        q[:, 0] += self.task.speed * phase * self.task.period - q[0, 0]
        quaternion = continuous_signs(wxyz(Rotation.from_euler("ZYX", q[:, 3:6])))
        return MotionClip(
            fps=self.task.fps,
            root_position=q[:, :3],
            root_quaternion=quaternion,
            joint_angles=q[:, 6:],
            joint_names=CHARACTER.hinge_names,
            loop=True,
            name=self.task.name,
            source="tools/make_motions.py",
        )


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
        both("shoulder_y", (0, 1, 2), swing(-mean, amplitude), 2, shift),
        both("shoulder_z", (0, 1), constant(12), 2, shift),
        both("shoulder_x", (0, 1), constant(-8), 2, shift),
        both("elbow", (0, 1, 2), swing(elbow, -bend, 0.05), 2, shift),
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
        one("root_yaw", (1, 3, 5), swing(0, rotation), 1),
        one("root_roll", (1, 3, 5), swing(0, -obliquity, 0.14), 1),
        one("root_pitch", (0, 2, 4), constant(lean), 1),
        one("chest_y", (0, 2), constant(lean), 1),
        one("chest_z", (1, 3), swing(0, -turn), 1.5),
        one("chest_x", (1, 3), swing(0, 1.2 * obliquity, 0.14), 1.5),
        one("neck_z", (1,), swing(0, counter), 1),
        one("neck_x", (1,), swing(0, -0.2 * obliquity, 0.14), 1),
        one("neck_y", (0,), constant(-1.5 * lean), 1),
    ]


def walk() -> Task:
    """Walking at 1.3 m/s, a stride in 32/30 s (112 steps a minute)."""
    return Task(
        name="walk",
        period=32 / 30,
        fps=60,
        speed=1.2,
        series=(
            one("root_x", (2, 4, 6), constant(0), 0.02),
            one("root_y", (1, 3, 5), lambda at: -0.02 * np.cos(2 * np.pi * (at - 0.3)), 0.01),
            one("root_z", (0, 2, 4, 6, 8), lambda at: 0.855 + 0.0 * at, 0.05),
            *gait_trunk(rotation=4, obliquity=4, lean=2, counter=4),
            both("hip_y", range(11), lambda at: -table(WINTER_HIP)(at), 3, 0.5),
            both("knee", range(11), lambda at: -table(WINTER_KNEE)(at), 4, 0.5),
            both("ankle_y", range(11), lambda at: -table(WINTER_ANKLE)(at), 4, 0.5),
            both("hip_x", range(5), swing(0, 4, 0.25), 3, 0.5),
            both("hip_z", range(5), constant(-6), 3, 0.5),
            both("ankle_x", range(5), constant(0), 3, 0.5),
            both("ankle_z", range(4), constant(0), 3, 0.5),
            *gait_arms(shift=0.5, amplitude=16, mean=-8, elbow=24, bend=10),
        ),
        heel=(0.0, 0.39),
        toe=(0.07, 0.6),
        shift=0.5,
        clearance=0.03,
        foot_y=0.05,
        jerk=1200.0,
    )


def run() -> Task:
    """Running at 3 m/s, a stride in .7 s (171 steps a minute), on the ground 37% of it."""
    return Task(
        name="run",
        period=0.7,
        fps=60,
        speed=3.0,
        series=(
            one("root_x", (2, 4, 6), constant(0), 0.02),
            one("root_y", (1, 3, 5), constant(0), 0.01),
            one("root_z", (0, 2, 4, 6, 8), lambda at: 0.85 + 0.0 * at, 0.05),
            *gait_trunk(rotation=5, obliquity=4, lean=6, counter=8),
            both("hip_y", range(11), lambda at: -table(NOVACHECK_HIP)(at), 4, 0.5),
            both("knee", range(11), lambda at: -table(NOVACHECK_KNEE)(at), 5, 0.5),
            both("ankle_y", range(11), lambda at: -table(NOVACHECK_ANKLE)(at), 6, 0.5),
            both("hip_x", range(5), swing(4, 4, 0.18), 3, 0.5),
            both("hip_z", range(5), constant(-3), 3, 0.5),
            both("ankle_x", range(5), constant(0), 3, 0.5),
            both("ankle_z", range(4), constant(0), 3, 0.5),
            *gait_arms(shift=0.5, amplitude=28, mean=-8, elbow=90, bend=15),
        ),
        heel=(0.0, 0.20),
        toe=(0.03, 0.37),
        shift=0.5,
        clearance=0.04,
        foot_y=0.03,
        jerk=4200.0,
    )


def minimum_jerk(at: FloatArray, begin: float, end: float) -> FloatArray:
    """Flash and Hogan's profile from 0 before ``begin`` to 1 after ``end``."""
    s = np.clip((at - begin) / (end - begin), 0, 1)
    return s**3 * (10 - 15 * s + 6 * s**2)


def between(low: float, high: float, share: Curve) -> Curve:
    """From low to high by a share in 0 to 1, in degrees; gives [rad]."""
    return lambda at: np.radians(low + (high - low) * share(at))


def squat() -> Task:
    """A squat to about parallel thighs in 3 s, arms brought forward."""
    many = range(9)

    def depth(at: FloatArray) -> FloatArray:
        return minimum_jerk(at, 0.06, 0.46) - minimum_jerk(at, 0.50, 0.92)

    return Task(
        name="squat",
        period=3.0,
        fps=30,
        speed=0.0,
        series=(
            one("root_x", many, lambda at: -0.2 * depth(at), 0.05),
            one("root_z", many, lambda at: 0.87 - 0.4 * depth(at), 0.1),
            one("root_pitch", many, between(0, 28, depth), 2),
            one("chest_y", many, between(2, 16, depth), 2),
            one("neck_y", many, between(0, -28, depth), 2),
            both("hip_x", many, constant(-5), 4, 0),
            both("hip_z", many, constant(-14), 4, 0),
            both("hip_y", many, between(-5, -108, depth), 3, 0),
            both("knee", many, between(-8, -105, depth), 3, 0),
            both("ankle_y", many, between(-3, -25, depth), 3, 0),
            both("ankle_x", many, constant(0), 4, 0),
            both("ankle_z", many, constant(0), 4, 0),
            both("shoulder_y", many, between(0, -125, depth), 3, 0),
            both("shoulder_z", many, between(12, 5, depth), 2, 0),
            both("shoulder_x", many, between(-8, -3, depth), 2, 0),
            both("elbow", many, between(18, 12, depth), 2, 0),
        ),
        heel=(0.0, 1.0),
        toe=(0.0, 1.0),
        shift=0.0,
        clearance=0.0,
        foot_y=0.15,
        jerk=1200.0,
    )


def wave() -> Task:
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
        one(f"{side}_{hinge}", few, constant(degrees * (sign if hinge[-1] in "xz" else 1)), 2)
        for side, sign in (("right", 1), ("left", -1))
        for hinge, degrees in (
            *(("hip_x", -2), ("hip_z", -8), ("hip_y", -4), ("knee", -6)),
            *(("ankle_y", -2), ("ankle_x", 2), ("ankle_z", 0)),
        )
    ]
    return Task(
        name="wave",
        period=4.0,
        fps=30,
        speed=0.0,
        series=(
            one("root_x", few, lambda at: 0 * at, 0.02),
            one("root_y", few, lambda at: 0.02 * raised(at), 0.005),
            one("root_z", few, lambda at: 0.87 + 0 * at, 0.1),
            one("root_yaw", few, between(0, -3, raised), 1),
            one("root_pitch", few, constant(1), 1),
            one("root_roll", few, between(0, 1.5, raised), 1),
            one("chest_x", many, lambda at: np.radians(-3 * raised(at) + 1.5 * waving(at)), 1),
            one("chest_y", few, constant(1), 1),
            one("chest_z", few, between(0, -4, raised), 1),
            one("neck_z", few, between(0, -8, raised), 1),
            one("neck_x", few, between(0, 5, raised), 1),
            one("neck_y", few, constant(-2), 1),
            one("right_shoulder_y", many, between(0, -82, raised), 2),
            one("right_shoulder_z", many, lambda at: np.radians(12 - 10 * raised(at)), 2),
            one("right_shoulder_x", many, abduction, 2),
            one("right_elbow", many, elbow, 2),
            one("left_shoulder_y", few, between(0, 3, raised), 2),
            one("left_shoulder_z", few, constant(-12), 2),
            one("left_shoulder_x", few, constant(9), 2),
            one("left_elbow", few, constant(15), 2),
            *legs,
        ),
        heel=(0.0, 1.0),
        toe=(0.0, 1.0),
        shift=0.0,
        clearance=0.0,
        foot_y=0.1,
        jerk=4000.0,
    )


def report(clip: MotionClip) -> str:
    """What a clip is like between its frames, too."""
    fine = clip.resample(480.0)
    soles = np.concatenate(list(sole_corners(fine).values()), axis=1)
    height = soles[..., 2]
    speed = np.linalg.norm(np.gradient(soles[..., :2], 1 / fine.fps, axis=0), axis=-1)
    down = height < 0.002
    hinge_speed = np.abs(np.diff(fine.joint_angles, axis=0)).max() * fine.fps
    return (
        f"{clip.name}: {clip.n_frames} frames, {clip.duration:.3f} s, "
        f"{np.linalg.norm(clip.cycle_displacement) / clip.duration:.2f} m/s; "
        f"soles down to {1000 * height.min():.1f} mm, a corner on the ground slips at "
        f"{100 * speed[down].mean():.1f} cm/s (at most {100 * speed[down].max():.1f}); "
        f"in flight {(~down.any(axis=1)).mean():.0%}; hinges up to {hinge_speed:.1f} rad/s"
    )


def main(names: Sequence[str]) -> None:
    """Makes the clips asked for and prints what they are like."""
    tasks = {"walk": walk, "run": run, "squat": squat, "wave": wave}
    for name in names or tasks:
        fit = Fit(tasks[name]())
        clip = fit.clip(fit.solve())
        write_deepmimic(clip, ASSETS / "motions" / f"{name}.txt")
        print(report(clip))


if __name__ == "__main__":
    main(sys.argv[1:])
