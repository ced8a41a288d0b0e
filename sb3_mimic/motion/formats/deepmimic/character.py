"""DeepMimic's motion files (``humanoid3d_*.txt``): JSON, y-up, quaternions wxyz.

A file has ``Loop`` ("wrap" or "none") and ``Frames``, 44 numbers each: duration [s], root position,
root quaternion, then a quaternion for each ball joint and an angle for each knee and elbow. The
clip lasts the sum of all durations but the last. Format: github.com/xbpeng/DeepMimic, README.

Real files have quaternions of norm 0.58 to 1.12, signs that flip between frames, a frame of doubled
duration and further keys; the reader accepts all of that. It refuses a file that cannot be a motion
with file, frame and column.
"""

import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.formats.axes import (
    quaternions_to_y_up,
    quaternions_to_z_up,
    to_y_up,
    to_z_up,
)
from sb3_mimic.motion.formats.deepmimic.document import (
    LOOP,
    UNIFORM_TOLERANCE,
    frame_durations,
    is_loop,
    read_document,
    read_rows,
    unit_quaternions,
)
from sb3_mimic.motion.hinges import hinges_to_rotation, rotation_to_hinges
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.spatial import continuous_signs, rotation, rotation_spline, wxyz

#: Most frames that unequal durations may be resampled to, over those in the file: a single huge
#: duration is a fault and must not fill the memory.
_MOST_FILLED: Final = 10

#: Norm of a quaternion that differs from 1 by more than a file's digits; and by so much that it
#: may not be the rotation it was.
_NORM_TOLERANCE: Final = (1e-3, 0.1)

#: Keys of a motion file that are used.
_KNOWN_KEYS: Final = frozenset({"Loop", "Frames"})

#: Decimals written; positions to a nanometre.
_DECIMALS: Final = 9


_BALLS: Final = tuple(joint.name for joint in CHARACTER.actuated if joint.is_ball)

#: Joints in the order of the columns.
_COLUMN_ORDER: Final = (
    *("chest", "neck"),
    *("right_hip", "right_knee", "right_ankle", "right_shoulder", "right_elbow"),
    *("left_hip", "left_knee", "left_ankle", "left_shoulder", "left_elbow"),
)


def _layout() -> tuple[dict[str, slice], tuple[str, ...]]:
    """Columns of each part of a row, and a name for each column."""
    widths = [("duration", 1), ("root_position", 3), ("root", 4)]
    widths += [(name, 4 if name in _BALLS else 1) for name in _COLUMN_ORDER]
    columns: dict[str, slice] = {}
    names: list[str] = []
    for part, width in widths:
        columns[part] = slice(len(names), len(names) + width)
        suffixes = {1: [""], 3: [" x", " y", " z"], 4: [" w", " x", " y", " z"]}[width]
        names += [part + suffix for suffix in suffixes]
    return columns, tuple(names)


_COLUMNS, _COLUMN_NAMES = _layout()
_ROW: Final = len(_COLUMN_NAMES)
_QUATERNIONS: Final = ("root", *_BALLS)


def read_deepmimic(path: str | Path) -> MotionClip:
    """Reads a DeepMimic file of the character.

    Quaternions are normalised and the frames brought to z-up; frames of unequal duration are
    resampled (rotations as rotations) to the usual one of the file. Ball joints become hinges on
    one continuous branch (``rotation_to_hinges``).

    Args:
        path: The file.

    Returns:
        The clip as it is in the file: a loop's last pose need not be its first (``close_loop``),
        and hinge angles may exceed the limits of the model.

    Raises:
        InputError: If the file cannot be read, is not JSON, lacks a key, has rows of a wrong
            length (those of the dog's files are named as such), numbers that are not finite, a
            zero quaternion or a duration that is not positive.
    """
    path = Path(path)
    document = read_document(path)
    loop = is_loop(path, document)
    rows = read_rows(path, document, "humanoid3d", _COLUMN_NAMES)
    durations = frame_durations(path, rows)
    times = np.concatenate([[0.0], np.cumsum(durations)])
    position = to_z_up(rows[:, _COLUMNS["root_position"]])
    rotations = {name: rotation(_quaternions(path, rows, name)) for name in _QUATERNIONS}
    hinges = {
        joint.name: rows[:, _COLUMNS[joint.name]]
        for joint in CHARACTER.actuated
        if not joint.is_ball
    }

    usual = float(np.median(durations))
    if np.abs(durations / usual - 1).max() > UNIFORM_TOLERANCE:
        if times[-1] > _MOST_FILLED * len(times) * usual:
            frame = int(durations.argmax())
            raise InputError(
                f"{path}: frame {frame}, column 0 (duration) is {durations[frame]:g} s, too long "
                f"beside the {usual:g} s that are usual in this file"
            )
        uniform = np.linspace(0.0, times[-1], max(1, round(times[-1] / usual)) + 1)
        position = CubicSpline(times, position)(uniform)
        hinges = {name: CubicSpline(times, angles)(uniform) for name, angles in hinges.items()}
        rotations = {
            name: rotation_spline(times, path_of)(uniform) for name, path_of in rotations.items()
        }
        times = uniform

    angles = np.empty((len(times), len(CHARACTER.hinge_names)))
    for joint in CHARACTER.actuated:
        angles[:, CHARACTER.hinge_slices[joint.name]] = (
            rotation_to_hinges(rotations[joint.name], joint.axes, closed=loop)
            if joint.is_ball
            else hinges[joint.name]
        )
    return MotionClip(
        fps=(len(times) - 1) / times[-1],
        root_position=position,
        root_quaternion=continuous_signs(wxyz(rotations["root"])),
        joint_angles=angles,
        joint_names=CHARACTER.hinge_names,
        loop=loop,
        name=path.stem,
        source=str(path),
    )


def write_deepmimic(clip: MotionClip, path: str | Path) -> None:
    """Writes a clip as a DeepMimic file of the character, which ``read_deepmimic`` reads back.

    Numbers have 9 decimals. Every frame has the duration 1/fps, the last one included, as in
    DeepMimic's looping files it does not count.

    Args:
        clip: A clip of the character.
        path: The file; it is replaced as a whole or not at all.

    Raises:
        InputError: If the clip is not the character's.
    """
    CHARACTER.require_hinges(clip.joint_names, "writing a DeepMimic file")
    rows = np.empty((clip.n_frames, _ROW))
    rows[:, _COLUMNS["duration"]] = 1 / clip.fps
    rows[:, _COLUMNS["root_position"]] = to_y_up(clip.root_position)
    rows[:, _COLUMNS["root"]] = quaternions_to_y_up(clip.root_quaternion)
    for joint in CHARACTER.actuated:
        angles = clip.joint_angles[:, CHARACTER.hinge_slices[joint.name]]
        if joint.is_ball:
            quaternions = continuous_signs(wxyz(hinges_to_rotation(angles, joint.axes)))
            rows[:, _COLUMNS[joint.name]] = quaternions_to_y_up(quaternions)
        else:
            rows[:, _COLUMNS[joint.name]] = angles
    loop = next(key for key, value in LOOP.items() if value == clip.loop)
    # + 0.0 turns −0.0 into 0.0.
    frames = ",\n".join(json.dumps(row) for row in (rows.round(_DECIMALS) + 0.0).tolist())
    with atomic_path(path) as temporary:
        temporary.write_text(
            f'{{\n"Loop": "{loop}",\n"Frames":\n[\n{frames}\n]\n}}\n', encoding="utf-8"
        )


def inspect_deepmimic(path: str | Path) -> list[Finding]:
    """Lists what ``read_deepmimic`` corrects in a file, or leaves out.

    Frames are those of the file, times the sums of its durations.

    Args:
        path: The file.

    Returns:
        At most one finding of each kind: ``quaternion_norm``, ``quaternion_sign``,
        ``uneven_durations``, ``unknown_keys``.

    Raises:
        InputError: As ``read_deepmimic``.
    """
    path = Path(path)
    document = read_document(path)
    rows = read_rows(path, document, "humanoid3d", _COLUMN_NAMES)
    durations = frame_durations(path, rows)
    times = np.concatenate([[0.0], np.cumsum(durations)])
    findings = []

    raw = {name: rows[:, _COLUMNS[name]] for name in _QUATERNIONS}
    norms = {name: np.linalg.norm(quaternions, axis=1) for name, quaternions in raw.items()}
    off = {name: np.abs(norm - 1) for name, norm in norms.items()}
    worst = max(off, key=lambda name: float(off[name].max()))
    frame = int(off[worst].argmax())
    if off[worst][frame] > _NORM_TOLERANCE[0]:
        value = float(norms[worst][frame])
        count = sum(int((error > _NORM_TOLERANCE[0]).sum()) for error in off.values())
        findings.append(
            Finding(
                code="quaternion_norm",
                severity="warning" if off[worst][frame] > _NORM_TOLERANCE[1] else "info",
                frame=frame,
                time=float(times[frame]),
                joint=worst,
                value=value,
                unit="",
                n_frames=count,
                message=f"{count} quaternions are not unit; that of {worst} has the norm "
                f"{value:.3f} in frame {frame}",
                advice="they are normalized on reading; far from 1, look at the pose of that frame",
            )
        )

    flips = {name: _sign_flips(quaternions) for name, quaternions in raw.items()}
    worst = max(flips, key=lambda name: len(flips[name]))
    if len(flips[worst]):
        frame = int(flips[worst][0])
        count = sum(len(found) for found in flips.values())
        findings.append(
            Finding(
                code="quaternion_sign",
                severity="info",
                frame=frame,
                time=float(times[frame]),
                joint=worst,
                value=float(count),
                unit="",
                n_frames=count,
                message=f"quaternions change their sign between frames {count} "
                f"{'time' if count == 1 else 'times'}, that of {worst} before frame {frame}",
                advice="the signs are made continuous on reading",
            )
        )

    usual = float(np.median(durations))
    uneven = np.abs(durations / usual - 1) > UNIFORM_TOLERANCE
    if uneven.any():
        frame = int(np.abs(durations / usual - 1).argmax())
        findings.append(
            Finding(
                code="uneven_durations",
                severity="warning",
                frame=frame,
                time=float(times[frame]),
                joint=None,
                value=float(durations[frame]),
                unit="s",
                n_frames=int(uneven.sum()),
                message=f"frame {frame} lasts {durations[frame]:.4g} s, "
                f"{durations[frame] / usual:.2f} times the usual {usual:.4g} s; "
                f"{int(uneven.sum())} of {len(durations)} durations are not the usual one",
                advice="the clip is resampled to the usual duration; check that the pause is meant",
            )
        )

    unknown = sorted(set(document) - _KNOWN_KEYS)
    if unknown:
        findings.append(
            Finding(
                code="unknown_keys",
                severity="info",
                frame=0,
                time=0.0,
                joint=None,
                value=float(len(unknown)),
                unit="",
                n_frames=0,
                message=f"the file has further keys: {', '.join(unknown[:6])}"
                + (", …" if len(unknown) > 6 else ""),
                advice="they are not used, and not in a file that is written",
            )
        )
    return findings


def _sign_flips(quaternions: FloatArray) -> NDArray[np.intp]:
    """Frames before which quaternions (T, 4) change to the other half of the sphere."""
    return np.flatnonzero(np.einsum("ti,ti->t", quaternions[1:], quaternions[:-1]) < 0) + 1


def _quaternions(path: Path, rows: FloatArray, name: str) -> FloatArray:
    """Unit quaternions wxyz (T, 4) of a joint, in the z-up frame."""
    return quaternions_to_z_up(unit_quaternions(path, rows, _COLUMNS[name], name))
