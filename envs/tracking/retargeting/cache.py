"""Clips of the character on a robot, retargeted once for everything that is the same.

An environment makes its reference anew, and a training job makes many environments. What was
retargeted is kept in memory, and in the user's cache folder for the next process. Whatever cannot
be read or written there is computed.
"""

import hashlib
import json
import zipfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from sb3_mimic.cache import cache_folder
from sb3_mimic.envs.tracking.retargeting.retarget import FitReport, RetargetedClip, retarget_clip
from sb3_mimic.envs.tracking.retargeting.skeleton_map import SkeletonMap
from sb3_mimic.envs.tracking.spec import TrackingRobot
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion import MotionClip
from sb3_mimic.motion.skeletons.sides import SIDES

# To be raised whenever retargeting gives something else for the same clip.
_REVISION = 1

_in_memory: dict[str, RetargetedClip] = {}


def fit_clip(clip: MotionClip, robot: TrackingRobot) -> RetargetedClip:
    """A clip of the character on a robot; its name and source stay.

    Args:
        clip: The clip.
        robot: The robot, whose `TrackingSpec` has a map of the skeleton.

    Raises:
        InputError: If the specification has none, or the clip and the robot do not fit.
    """
    mapping = robot.spec.skeleton
    if mapping is None:
        raise InputError(
            f"{robot.name}: its TrackingSpec has no skeleton, so that clips of the character "
            "cannot be put on it"
        )
    key = _key(clip, robot, mapping)
    if key not in _in_memory:
        path = cache_folder() / "retargeted" / f"{key[:32]}.npz"
        found = _read(path, clip)
        if found is None:
            found = retarget_clip(clip, robot.model, mapping)
            with suppress(OSError, InputError):
                _write(path, found)
        _in_memory[key] = found
    found = _in_memory[key]
    return replace(found, clip=replace(found.clip, name=clip.name, source=clip.source))


def _key(clip: MotionClip, robot: TrackingRobot, mapping: SkeletonMap) -> str:
    """Digest (hex) of what decides the result."""
    parts = {
        "revision": _REVISION,
        "clip": clip.digest,
        "robot": robot.digest,
        "bodies": dict(mapping.bodies),
        "posture": dict(mapping.posture),
        "soles": {side: np.asarray(corners).tolist() for side, corners in mapping.soles.items()},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write(path: Path, found: RetargetedClip) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = found.clip
    report = asdict(replace(found.report, error_mean={}, error_max={}))
    report |= {name: dict(getattr(found.report, name)) for name in ("error_mean", "error_max")}
    arrays: dict[str, Any] = {
        "qpos": clip.qpos,
        "fps": clip.fps,
        "joint_names": np.array(clip.joint_names),
        "report": json.dumps(report),
        **{f"contact_{side}": found.contacts[side] for side in SIDES},
    }
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def _read(path: Path, clip: MotionClip) -> RetargetedClip | None:
    """What was written there; None where nothing whole is."""
    try:
        with np.load(path, allow_pickle=False) as data:
            qpos = data["qpos"]
            return RetargetedClip(
                MotionClip(
                    fps=float(data["fps"]),
                    root_position=qpos[:, :3],
                    root_quaternion=qpos[:, 3:7],
                    joint_angles=qpos[:, 7:],
                    joint_names=tuple(map(str, data["joint_names"])),
                    loop=clip.loop,
                    name=clip.name,
                    source=clip.source,
                ),
                FitReport(**json.loads(str(data["report"]))),
                {side: data[f"contact_{side}"] for side in SIDES},
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, InputError):
        return None
