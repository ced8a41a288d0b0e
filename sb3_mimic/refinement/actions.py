"""Refined actions as a file: the actions, their states, and their provenance.

An ``.npz`` without pickle: ``actions (T, nu)`` in [-1, 1] for residual control, the default,
``qpos (T + 1, nq)``, ``qvel (T + 1, nv)``, and a JSON string ``provenance``. The environment takes
actions as float32, so they are stored so, and a replay gives the stored states to the last bit.
"""

import json
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.tracking.reference import Reference
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path, check_new

_ARRAYS = ("actions", "qpos", "qvel")


@dataclass(frozen=True)
class Provenance:
    """The clip, robot and method of actions, and their metrics.

    Attributes:
        clip: Name of the clip.
        clip_digest: `MotionClip.digest` of the clip that was tracked, its seam closed.
        robot: Name of the robot.
        robot_digest: ``Robot.digest``.
        method: Name of the method.
        settings: The method's settings.
        seed: Seed of everything random.
        cycles: How often a looping clip goes round.
        seconds: Wall time that it took [s].
        versions: Of Python and the packages.
        metrics: `ReplayMetrics` of the actions, and metrics of the method's own.
        pd_metrics: `ReplayMetrics` of plain PD extraction.
    """

    clip: str
    clip_digest: str
    robot: str
    robot_digest: str
    method: str
    settings: dict[str, Any]
    seed: int
    cycles: int
    seconds: float
    versions: dict[str, str]
    metrics: dict[str, Any] = field(default_factory=dict)
    pd_metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RefinedActions:
    """Actions for a clip, and the states they lead through.

    Attributes:
        actions: Float32 ``(T, nu)`` in [-1, 1].
        qpos: Positions ``(T + 1, nq)``, from the reference's first state on; None for bare actions.
        qvel: Velocities ``(T + 1, nv)``; None for bare actions.
        provenance: Their clip, robot and method; None for bare actions.
    """

    actions: NDArray[np.float32]
    qpos: FloatArray | None = None
    qvel: FloatArray | None = None
    provenance: Provenance | None = None


def save_actions(path: Path, refined: RefinedActions) -> None:
    """Writes refined actions, whole or not at all.

    Args:
        path: File to write, ``.npz``; it must not exist.
        refined: Actions with states and provenance.

    Raises:
        InputError: If the file is there already or cannot be written.
        ValueError: If the actions are bare.
    """
    if refined.qpos is None or refined.qvel is None or refined.provenance is None:
        raise ValueError("bare actions have no states and no provenance to be saved with")
    check_new(path, ".npz")
    try:
        with atomic_path(path) as temporary:
            np.savez_compressed(
                temporary,
                actions=refined.actions,
                qpos=refined.qpos,
                qvel=refined.qvel,
                provenance=np.array(json.dumps(asdict(refined.provenance))),
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


def load_actions(path: Path) -> RefinedActions:
    """Reads actions: an ``.npz`` of `save_actions`, or an ``.npy`` of bare actions ``(T, nu)``.

    Raises:
        InputError: If it is not there, or holds something else.
    """
    if path.suffix not in (".npz", ".npy"):
        raise InputError(
            f"{path}: must be an .npz of refined actions or an .npy of bare actions (T, nu)"
        )
    try:
        loaded = np.load(path, allow_pickle=False)
        if path.suffix == ".npy":
            return RefinedActions(_validate_actions(path, loaded))
        with loaded as arrays:
            missing = [name for name in (*_ARRAYS, "provenance") if name not in arrays]
            if missing:
                raise InputError(f"{path}: holds no {missing[0]!r}, so it is no file of actions")
            actions, qpos, qvel = (arrays[name] for name in _ARRAYS)
            text = str(arrays["provenance"])
    except FileNotFoundError as error:
        raise InputError(f"{path}: does not exist") from error
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as NumPy arrays ({error})") from error
    actions = _validate_actions(path, actions)
    for name, array in (("qpos", qpos), ("qvel", qvel)):
        if not (
            np.issubdtype(array.dtype, np.floating)
            and array.ndim == 2
            and len(array) == len(actions) + 1
            and np.isfinite(array).all()
        ):
            raise InputError(
                f"{path}: {name} must be {len(actions) + 1} rows of finite numbers, one more than "
                f"there are actions; it is {array.dtype} of shape {array.shape}"
            )
    return RefinedActions(
        actions, qpos.astype(np.float64), qvel.astype(np.float64), _provenance(path, text)
    )


def check_fits(refined: RefinedActions, reference: Reference) -> None:
    """Refuses actions that were made for another clip or another robot.

    Of bare actions only the shape is known.

    Args:
        refined: The actions.
        reference: The reference that they are to reproduce.

    Raises:
        InputError: If they do not belong together.
    """
    robot, clip, provenance = reference.robot, reference.clip, refined.provenance
    if provenance is not None:
        if provenance.robot_digest != robot.digest:
            raise InputError(
                f"the actions were made for the robot {provenance.robot!r} "
                f"({provenance.robot_digest[:12]}), this is {robot.name!r} "
                f"({robot.digest[:12]}); refine the clip again"
            )
        if provenance.clip_digest != clip.digest:
            raise InputError(
                f"the actions were made for the clip {provenance.clip!r} "
                f"({provenance.clip_digest[:12]}), this is {clip.name!r} "
                f"({clip.digest[:12]}); refine this clip, or name the other"
            )
    joints = len(robot.joint_names)
    if refined.actions.shape[1] != joints:
        raise InputError(
            f"the actions have {refined.actions.shape[1]} numbers a step, {robot.name} takes "
            f"{joints}"
        )


def _validate_actions(path: Path, actions: NDArray[Any]) -> NDArray[np.float32]:
    if not (np.issubdtype(actions.dtype, np.floating) and actions.ndim == 2 and actions.size):
        raise InputError(
            f"{path}: actions must be floating-point numbers of shape (T, nu), they are "
            f"{actions.dtype} of shape {actions.shape}"
        )
    largest = float(np.abs(actions).max())
    if not largest <= 1.0:
        raise InputError(f"{path}: actions must lie within [-1, 1]; the largest is {largest:g}")
    return actions.astype(np.float32)


def _provenance(path: Path, text: str) -> Provenance:
    try:
        values = json.loads(text)
        cycles = values["cycles"]
        provenance = Provenance(**{f.name: values[f.name] for f in fields(Provenance)})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path}: its provenance is not of the form that `sb3-mimic refine` writes ({error})"
        ) from error
    if not isinstance(cycles, int) or cycles < 1:
        raise InputError(f"{path}: cycles must be at least 1, it is {cycles!r}")
    return provenance
