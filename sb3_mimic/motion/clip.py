"""A motion clip: root path and joint angles, checked at construction and immutable."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, rotation_spline, wxyz

#: Last pose equal to first [rad, m], up to the rounding of a file's digits.
CLOSED_TOLERANCE: Final = 1e-6

#: Frames taken over from the neighboring cycles on either side when the root's rotation is
#: splined. The influence of a spline's end falls by 2 − √3 a frame: 1e-9 after 16.
_SEAM_PADDING: Final = 16


@dataclass(frozen=True, eq=False)
class MotionClip:
    """Root path and joint angles at a uniform rate; arrays are read-only.

    World frame z-up, +x forward, +y left; metres, radians.

    Attributes:
        fps: Frames per second; frame i is at time i / fps.
        root_position: Root position (T, 3) [m].
        root_quaternion: Root orientation wxyz (T, 4), unit, without sign flips between frames.
        joint_angles: Hinge angles (T, nj) [rad], in the order of ``joint_names``.
        joint_names: Names of the hinges.
        loop: Whether the motion goes round: the last frame is the first of the next cycle, moved
            on by ``cycle_displacement``.
        name: Short name, such as "walk".
        source: Where the clip came from: a path, or "built-in".

    Raises:
        InputError: At construction, for wrong shapes, fewer than two frames, numbers that are not
            finite, or quaternions that are not unit or flip their sign.

    Example:
        >>> from sb3_mimic.motion import load_motion
        >>> walk = load_motion("walk")
        >>> walk.sample([0.0, 0.5]).shape
        (2, 35)
    """

    fps: float
    root_position: FloatArray
    root_quaternion: FloatArray
    joint_angles: FloatArray
    joint_names: tuple[str, ...]
    loop: bool
    name: str
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", float(self.fps))
        object.__setattr__(self, "joint_names", tuple(self.joint_names))
        for field in ("root_position", "root_quaternion", "joint_angles"):
            array = np.array(getattr(self, field), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        self._check()

    def _check(self) -> None:
        """Raises InputError for anything that is not a clip."""
        where = f"clip {self.name!r}"
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"{where}: fps must be positive, got {self.fps}")
        if len(set(self.joint_names)) != len(self.joint_names):
            raise InputError(f"{where}: joint names must differ from each other")
        n_frames = len(self.root_position) if self.root_position.ndim else 0
        shapes = {
            "root_position": (n_frames, 3),
            "root_quaternion": (n_frames, 4),
            "joint_angles": (n_frames, len(self.joint_names)),
        }
        for field, shape in shapes.items():
            array: FloatArray = getattr(self, field)
            if array.shape != shape:
                raise InputError(f"{where}: {field} must have shape {shape}, got {array.shape}")
            if not np.isfinite(array).all():
                frame = int(np.argwhere(~np.isfinite(array))[0, 0])
                raise InputError(f"{where}: {field} is not finite at frame {frame}")
        if n_frames < 2:
            raise InputError(f"{where}: a motion needs at least 2 frames, got {n_frames}")
        norms = np.linalg.norm(self.root_quaternion, axis=1)
        if np.abs(norms - 1).max() > 1e-6:
            frame = int(np.abs(norms - 1).argmax())
            raise InputError(
                f"{where}: the root quaternion of frame {frame} must be a unit quaternion, "
                f"its norm is {norms[frame]:.6g}"
            )
        steps = np.einsum("ti,ti->t", self.root_quaternion[1:], self.root_quaternion[:-1])
        if steps.min() < 0:
            raise InputError(
                f"{where}: the root quaternion changes its sign after frame {int(steps.argmin())}"
            )

    @property
    def n_frames(self) -> int:
        """Number of frames T."""
        return len(self.root_position)

    @property
    def duration(self) -> float:
        """Time from the first frame to the last [s]; of a loop, the time of a cycle."""
        return (self.n_frames - 1) / self.fps

    @property
    def times(self) -> FloatArray:
        """Times of the frames (T,) [s]."""
        return np.arange(self.n_frames) / self.fps

    @cached_property
    def qpos(self) -> FloatArray:
        """Generalized positions (T, 7 + nj): root position, root quaternion wxyz, hinge angles."""
        qpos = np.concatenate([self.root_position, self.root_quaternion, self.joint_angles], axis=1)
        qpos.flags.writeable = False
        return qpos

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the numbers and joint names, whatever the clip's name and source."""
        header = f"{self.fps!r} {self.loop} {self.n_frames} {' '.join(self.joint_names)}\n"
        return hashlib.sha256(header.encode() + self.qpos.astype("<f8").tobytes()).hexdigest()

    @property
    def cycle_displacement(self) -> FloatArray:
        """Displacement of a loop in a cycle (3,) [m], horizontal; (0, 0, 0) if not a loop.

        Heights and headings do not add up over the cycles, as in DeepMimic.
        """
        if not self.loop:
            return np.zeros(3)
        displacement = self.root_position[-1] - self.root_position[0]
        return np.array([displacement[0], displacement[1], 0.0])

    @cached_property
    def closed(self) -> bool:
        """Whether the clip is a loop whose last pose is its first, moved on."""
        moved = self.root_position[-1] - self.cycle_displacement - self.root_position[0]
        turned = rotation(self.root_quaternion[0]).inv() * rotation(self.root_quaternion[-1])
        bent = self.joint_angles[-1] - self.joint_angles[0]
        mismatch = max(np.abs(moved).max(), turned.magnitude(), np.abs(bent).max(initial=0.0))
        return self.loop and bool(mismatch <= CLOSED_TOLERANCE)

    def sample(self, times: ArrayLike) -> FloatArray:
        """Poses at any times, by a spline with continuous velocity and acceleration.

        Positions and hinges follow cubic splines, the root's orientation the spline of Park and
        Ravani on rotations. A closed loop goes on over its seam without a kink: the time may be
        any, and in cycle k the root is moved on by k cycle displacements. Other clips hold their
        first and last pose outside their duration.

        Args:
            times: Times (m,) [s].

        Returns:
            ``qpos`` (m, 7 + nj); quaternions are unit, their sign continues over the seam.

        Raises:
            InputError: If the times are not finite numbers, or lie outside the duration of a loop
                that is not closed (see ``close_loop``).
        """
        at = np.atleast_1d(np.asarray(times, dtype=np.float64))
        if at.ndim != 1 or not np.isfinite(at).all():
            raise InputError("times must be a flat array of finite numbers")
        if len(at) == 0:
            return np.empty((0, 7 + len(self.joint_names)))
        if self.closed:
            cycle = np.floor(at / self.duration)
            at = np.clip(at - cycle * self.duration, 0.0, self.duration)
        else:
            slack = 1e-9 * max(1.0, self.duration)
            if self.loop and (at.min() < -slack or at.max() > self.duration + slack):
                raise InputError(
                    f"clip {self.name!r} loops but its last pose is not its first, so it cannot be "
                    "sampled beyond its ends; close it first (sb3_mimic.motion.close_loop)"
                )
            cycle = np.zeros(len(at))
            at = np.clip(at, 0.0, self.duration)
        vectors, orientations = self._splines
        values = vectors(at)
        values[:, :3] += np.outer(at / self.duration + cycle, self.cycle_displacement)
        quaternions = wxyz(orientations(at))
        nearest = np.clip(np.rint(at * self.fps), 0, self.n_frames - 1).astype(np.intp)
        same_half = np.einsum("ti,ti->t", quaternions, self.root_quaternion[nearest]) >= 0
        quaternions = np.where(same_half[:, None], quaternions, -quaternions)
        if self.closed and self.root_quaternion[0] @ self.root_quaternion[-1] < 0:
            # A cycle with a full turn: each one ends on the other sign.
            quaternions = np.where((cycle % 2 == 0)[:, None], quaternions, -quaternions)
        return np.concatenate([values[:, :3], quaternions, values[:, 3:]], axis=1)

    @cached_property
    def _splines(self) -> tuple[Any, Any]:
        """Splines of (position less the steady drift of a loop, hinges) and of the orientation."""
        drift = np.outer(np.linspace(0.0, 1.0, self.n_frames), self.cycle_displacement)
        values = np.concatenate([self.root_position - drift, self.joint_angles], axis=1)
        times = self.times
        if not self.closed:
            return CubicSpline(times, values), rotation_spline(
                times, rotation(self.root_quaternion)
            )
        values[-1] = values[0]
        pad = min(self.n_frames - 1, _SEAM_PADDING)
        before = self.root_quaternion[-1 - pad : -1]
        after = self.root_quaternion[1 : 1 + pad]
        padded = np.concatenate([before, self.root_quaternion, after])
        padded_times = np.arange(-pad, self.n_frames + pad) / self.fps
        cyclic = CubicSpline(times, values, bc_type="periodic")
        return cyclic, rotation_spline(padded_times, rotation(padded))

    def resample(self, fps: float | None = None, *, n_frames: int | None = None) -> "MotionClip":
        """The same motion at another rate.

        The duration is kept exactly, so that cycles stay cycles; the rate is therefore the nearest
        one that divides it into whole frames.

        Args:
            fps: Rate [1/s]; or
            n_frames: Number of frames, at least 2.

        Returns:
            The clip sampled at ``n_frames`` equally spaced times.

        Raises:
            InputError: If not exactly one of the two is given, or it is out of range.
        """
        if (fps is None) == (n_frames is None):
            raise InputError("resample needs either fps or n_frames")
        if fps is not None:
            if not (np.isfinite(fps) and fps > 0):
                raise InputError(f"fps must be positive, got {fps}")
            n_frames = max(1, round(self.duration * fps)) + 1
        if n_frames is None or n_frames < 2:
            raise InputError(f"n_frames must be at least 2, got {n_frames}")
        qpos = self.sample(np.linspace(0.0, self.duration, n_frames))
        return replace(
            self,
            fps=(n_frames - 1) / self.duration,
            root_position=qpos[:, :3],
            root_quaternion=continuous_signs(qpos[:, 3:7]),
            joint_angles=qpos[:, 7:],
        )

    def mirror(self) -> "MotionClip":
        """The motion in the mirror: left and right exchanged, y → −y.

        Raises:
            InputError: If the clip is not the character's.
        """
        CHARACTER.require_hinges(self.joint_names, "mirroring")
        columns, signs = CHARACTER.mirror_columns
        return replace(
            self,
            root_position=self.root_position * (1, -1, 1),
            root_quaternion=self.root_quaternion * (1, -1, 1, -1),
            joint_angles=self.joint_angles[:, columns] * signs,
            name=f"{self.name}_mirrored",
        )
