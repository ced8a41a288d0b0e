"""Unitree G1 (29 joints, 33 kg) that imitates clips.

The model is MuJoCo Menagerie's (``g1_mjlab``). Motors, gains and reflected inertias are those of
mjlab (mujocolab/mjlab, ``asset_zoo/robots/unitree_g1``), after Unitree's data sheets.
"""

import os
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from sb3_mimic.envs.core.motors import Motor
from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.envs.tracking.retargeting.skeleton_map import SkeletonMap
from sb3_mimic.envs.tracking.spec import TrackingSpec
from sb3_mimic.errors import InputError
from sb3_mimic.extras import require

# Natural frequency [rad/s] and damping ratio of the joints' PD laws.
_FREQUENCY: Final = 2 * np.pi * 10
_DAMPING_RATIO: Final = 2.0


def reflected_inertia(
    rotors: tuple[float, float, float], gears: tuple[float, float, float]
) -> float:
    """Inertia of a two-stage planetary gear as its output feels it [kg·m²].

    Args:
        rotors: Inertia of the rotor and of the two stages' carriers [kg·m²].
        gears: Ratio before each of them; the first is 1.
    """
    return rotors[0] * (gears[1] * gears[2]) ** 2 + rotors[1] * gears[2] ** 2 + rotors[2]


def _motor(armature: float, torque_limit: float) -> Motor:
    return Motor(
        kp=armature * _FREQUENCY**2,
        kd=2 * _DAMPING_RATIO * armature * _FREQUENCY,
        torque_limit=torque_limit,
        armature=armature,
    )


_5020: Final = reflected_inertia((0.139e-4, 0.017e-4, 0.169e-4), (1, 3.56, 4.5))
_7520_14: Final = reflected_inertia((0.489e-4, 0.098e-4, 0.533e-4), (1, 4.5, 3.18))
_7520_22: Final = reflected_inertia((0.489e-4, 0.109e-4, 0.738e-4), (1, 4.5, 5))
_4010: Final = reflected_inertia((0.068e-4, 0.0, 0.0), (1, 5, 5))

MOTORS: Final = {
    r".*_(elbow|shoulder_pitch|shoulder_roll|shoulder_yaw|wrist_roll)_joint": _motor(_5020, 25.0),
    r".*_hip_(pitch|yaw)_joint|waist_yaw_joint": _motor(_7520_14, 88.0),
    r".*_(hip_roll|knee)_joint": _motor(_7520_22, 139.0),
    r".*_wrist_(pitch|yaw)_joint": _motor(_4010, 5.0),
    # Two motors in a linkage.
    r"waist_(pitch|roll)_joint|.*_ankle_(pitch|roll)_joint": _motor(2 * _5020, 50.0),
}

_PARTS: Final = {
    "hip": "hip_roll_link",
    "knee": "knee_link",
    "ankle": "ankle_roll_link",
    "shoulder": "shoulder_roll_link",
    "elbow": "elbow_link",
    "wrist": "wrist_yaw_link",
}

#: Which of its bodies follow which of the character's.
SKELETON_MAP: Final = SkeletonMap(
    bodies={
        "root": "pelvis",
        "chest": "torso_link",
        **{
            f"{side}_{part}": f"{side}_{link}"
            for side in ("left", "right")
            for part, link in _PARTS.items()
        },
    },
)


def find_model() -> Path:
    """The MJCF of MuJoCo Menagerie: from ``$MENAGERIE_ROOT``, or by the package mujoco-menagerie.

    Raises:
        InputError: If it is not there, with the ways to get it.
    """
    if root := os.environ.get("MENAGERIE_ROOT"):
        folder = Path(root) / "unitree_g1"
        for name in ("g1_mjlab.xml", "g1.xml"):
            if (folder / name).is_file():
                return folder / name
        raise InputError(f"MENAGERIE_ROOT={root}: there is no {folder / 'g1_mjlab.xml'}")
    ways = "give a file by --robot-file, or a checkout of MuJoCo Menagerie by MENAGERIE_ROOT"
    try:
        require("robots", "mujoco_menagerie")
    except InputError as error:
        raise InputError(f"{error}; or {ways}") from error
    import mujoco_menagerie

    try:
        return Path(mujoco_menagerie.get("unitree_g1").xml("g1_mjlab"))
    except mujoco_menagerie.MenagerieError as error:
        raise InputError(f"the model of G1 cannot be downloaded ({error}); {ways}") from error


G1: Final = TrackingSpec(
    name="g1",
    mjcf=find_model,
    feet=("right_ankle_roll_link", "left_ankle_roll_link"),
    end_effectors=(
        "right_ankle_roll_link",
        "right_wrist_yaw_link",
        "left_ankle_roll_link",
        "left_wrist_yaw_link",
    ),
    joint_weights={
        "root": 1.0,
        "waist_.*|.*_hip_.*": 0.5,
        ".*_(knee|shoulder_.*)_joint": 0.3,
        ".*_(ankle_.*|elbow)_joint": 0.2,
        ".*_wrist_.*": 0.05,
    },
    motors=MOTORS,
    # Eight physics steps in a control step, as the character has.
    timestep=1 / 240,
    skeleton=SKELETON_MAP,
)


class G1MimicEnv(TrackingEnv):
    """Unitree G1 imitates one or several motion clips: ``sb3_mimic/G1Mimic-v0``.

    30 bodies, 33 kg, nq 36, nv 35, 29 actions; 30 control steps a second. Arguments are those of
    `TrackingEnv`.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/G1Mimic-v0", motion="walk")  # doctest: +SKIP
        >>> env.action_space.shape  # doctest: +SKIP
        (29,)
    """

    spec_of_class: ClassVar[TrackingSpec | None] = G1
