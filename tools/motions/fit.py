"""Least-squares fit of a clip to published curves, ground contact and possible ground forces.

Every joint and the root are Fourier series over the cycle, so the loop closes exactly and
velocities are smooth. The required centre of pressure comes from MuJoCo's inverse dynamics of the
robot, armature and masses included.
"""

from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from motions.problem import COORDINATES, FitProblem
from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion import MotionClip
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, wxyz

ASSETS = Path(__file__).resolve().parents[2] / "assets"
GRAVITY = 9.81
NODES = 64  # points of the cycle at which the fit is judged


class Fit:
    """Least-squares fit of a clip.

    Args:
        problem: What the clip is to be like.
    """

    def __init__(self, problem: FitProblem) -> None:
        self.problem = problem
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
        corners = np.array(
            [self._on_ground(w) for w in (problem.heel, problem.heel, problem.toe, problem.toe)]
        )
        left = np.roll(corners, round(problem.shift * NODES), axis=1)
        #: Whether a corner of a foot is on the ground: (node, foot, corner).
        self.contact = np.stack([corners, left]).transpose(2, 0, 1)
        # Rises and falls between toe-off and heel strike.
        swing = ((self.phase - problem.toe[1]) % 1.0) / max(
            1 - problem.toe[1] + problem.heel[0], 1e-9
        )
        bump = np.sin(np.pi * np.clip(swing, 0, 1)) ** 2 * problem.clearance
        self.clearance = np.stack([bump, np.roll(bump, round(problem.shift * NODES))], axis=1)
        self.reference = np.concatenate([s.reference(self.phase) for s in problem.series])
        self.sigma = self._deviations()
        self.roughness = self._roughness()

    def _on_ground(self, window: tuple[float, float]) -> NDArray[np.bool_]:
        begin, end = window
        if end - begin >= 1:
            return np.ones(NODES, dtype=bool)
        return ((self.phase - begin) % 1.0) <= (end - begin)

    def _periodic_derivative(self) -> FloatArray:
        """Matrix that differentiates a periodic function by time, from its values at the nodes."""
        frequency = np.fft.fftfreq(NODES, 1 / NODES)
        frequency[NODES // 2] = 0
        factor = 2j * np.pi * frequency[:, None] / self.problem.period
        return np.fft.ifft(factor * np.fft.fft(np.eye(NODES), axis=0), axis=0).real

    def _deviations(self) -> FloatArray:
        """Deviation from the reference that counts as one, ``(series · nodes,)`` [rad or m]."""
        sigma = [
            np.full(NODES, s.sigma if s.targets[0][0] in COORDINATES[:3] else np.radians(s.sigma))
            for s in self.problem.series
        ]
        return np.concatenate(sigma)

    def _roughness(self) -> FloatArray:
        """Weight of each unknown that keeps its jerk low."""
        weights = []
        for series in self.problem.series:
            scale = self.problem.jerk * (0.25 if series.targets[0][0] in COORDINATES[:3] else 1)
            for harmonic in series.harmonics:
                # The mean square jerk of a·cos(ωt) is (ω³·a)²/2.
                omega = 2 * np.pi * harmonic / self.problem.period
                weight = omega**3 / scale * np.sqrt(NODES / 2)
                weights += [weight] * (1 if harmonic == 0 else 2)
        return np.array(weights)

    def design(self, phase: FloatArray, order: int) -> FloatArray:
        """Matrix (phases · coordinates, unknowns) of the coordinates or their time derivatives."""
        columns = []
        omega = 2 * np.pi / self.problem.period
        for series in self.problem.series:
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
        firsts = [COORDINATES.index(series.targets[0][0]) for series in self.problem.series]
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
        q[:, 0] += self.problem.speed * self.phase * self.problem.period
        v[:, 0] += self.problem.speed
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
        """Everything that is to be small, each divided by the size that counts as one."""
        problem = self.problem
        qpos = self.motion(unknowns)[0]
        corners, force, moment = self.physics(unknowns)
        steady = corners.copy()
        steady[..., 0] -= (problem.speed * problem.period * self.phase)[:, None, None]
        velocity = np.tensordot(self.derivative, steady, axes=1)
        velocity[..., 0] += problem.speed
        height = corners[..., 2]
        middle = corners.mean(axis=2)[..., 1] - np.array([-1, 1]) * problem.foot_y
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
        """Excess of hinges over their limits less 2° [rad]."""
        low, high = self.model.jnt_range[1:].T + np.radians([[2], [-2]])
        over: FloatArray = np.maximum(0, hinges - high) + np.maximum(0, low - hinges)
        return over.ravel()

    def impossible_wrench(
        self, corners: FloatArray, force: FloatArray, moment: FloatArray, root: FloatArray
    ) -> FloatArray:
        """The part of force and moment that the ground cannot give, or air in flight."""
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
        design, target = self.tracking / self.sigma[:, None], self.reference / self.sigma
        unknowns = np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], np.float64)
        for dynamics in (0.0, 0.3, 1.0):
            result = least_squares(
                self.residuals, unknowns, args=(dynamics,), max_nfev=40, ftol=1e-5, xtol=1e-6
            )
            unknowns = result.x
        return unknowns

    def clip(self, unknowns: FloatArray) -> MotionClip:
        """The motion at the problem's rate, first and last frame the same."""
        n_frames = round(self.problem.period * self.problem.fps) + 1
        phase = np.arange(n_frames) / (n_frames - 1)
        q = (self.design(phase, 0) @ unknowns).reshape(n_frames, len(COORDINATES))
        q[-1] = q[0]
        q[:, 0] += self.problem.speed * phase * self.problem.period - q[0, 0]
        quaternion = continuous_signs(wxyz(Rotation.from_euler("ZYX", q[:, 3:6])))
        return MotionClip(
            fps=self.problem.fps,
            root_position=q[:, :3],
            root_quaternion=quaternion,
            joint_angles=q[:, 6:],
            joint_names=CHARACTER.hinge_names,
            loop=True,
            name=self.problem.name,
            source="tools/make_motions.py",
        )
