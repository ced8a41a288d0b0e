"""Which parts of a robot follow which of the character's bodies, and what they are like at rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.geometry import Spheres, collision_spheres, sole_corners
from sb3_mimic.envs.tracking.retargeting.kinematics import Pose, Skeleton
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.names import unknown_name
from sb3_mimic.spatial import rotation, wxyz

#: The character's bodies that a map may name, and those that it must.
PARTS: Final = ("root", *(joint.name for joint in CHARACTER.joints))
REQUIRED: Final = (
    "root",
    *(f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle")),
)


@dataclass(frozen=True)
class SkeletonMap:
    """Which parts of a robot follow which of the character's bodies.

    Attributes:
        bodies: Name of a body or site of the robot for each of the character's bodies. A part's
            origin should be the centre of the joint that moves it, as the character's is: a hip
            where its axes meet, an ankle, a wrist. Needed are ``REQUIRED``; what is missing of the
            rest (chest, neck, shoulders, elbows, wrists) is not followed. A wrist needs a shoulder
            and an elbow.
        posture: Angles [rad] towards which hinges are drawn that the motion leaves open, by name;
            of the others 0 or the nearest angle within the limits.
        soles: Corners of the soles in the ankles' axes at rest, forward, left and up (4, 3) [m],
            heel first, by "left" and "right"; from the collision shapes of the feet if not given.

    Raises:
        InputError: At construction, for parts that the character does not have, or missing ones.
    """

    bodies: Mapping[str, str]
    posture: Mapping[str, float] = field(default_factory=dict)
    soles: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bodies", "posture", "soles"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for part in self.bodies:
            if part not in PARTS:
                raise unknown_name("body of the character", part, PARTS)
        needed = list(REQUIRED)
        for side in SIDES:
            if f"{side}_wrist" in self.bodies or f"{side}_elbow" in self.bodies:
                needed.append(f"{side}_shoulder")
            if f"{side}_wrist" in self.bodies:
                needed.append(f"{side}_elbow")
        missing = [part for part in needed if part not in self.bodies]
        if missing:
            raise InputError(
                f"the map of a robot needs {', '.join(missing)}; it has {', '.join(self.bodies)}"
            )
        for side, corners in self.soles.items():
            if side not in SIDES or np.shape(corners) != (4, 3):
                raise InputError(
                    "soles are four corners each for 'left' and 'right', got "
                    f"{side!r} with shape {np.shape(corners)}"
                )

    def __reduce__(self) -> "tuple[type[SkeletonMap], tuple[dict[str, Any], ...]]":
        """What it was made of: its read-only mappings cannot be copied or pickled."""
        return SkeletonMap, (dict(self.bodies), dict(self.posture), dict(self.soles))


class MappedRobot:
    """A robot's parts and their rest pose, turned to face +x.

    Attributes:
        skeleton: Its hinges.
        parts: Index of each mapped part among ``bodies`` and ``offsets``.
        bodies: Body that each part belongs to (p,).
        offsets: Place of each part in its body's frame (p, 3) [m].
        places: Place of each part at rest, seen from the middle of the hips [m].
        rest: Pose at rest (nq,), hinges at 0 as ``qpos0`` has them.
        turns: Orientation of each part's body at rest (3, 3).
        posture: Angles towards which hinges are drawn (nj,) [rad].
        soles: Corners of the soles in the axes at rest (4, 3) [m], by side.
        spheres: What collides.
        scale: Length of the legs in the character's.
        arm_scale: Length of the arms in the character's.
    """

    def __init__(self, model: mujoco.MjModel, mapping: SkeletonMap) -> None:
        self.skeleton = Skeleton(model)
        self.parts = {part: index for index, part in enumerate(mapping.bodies)}
        found = [_part(model, name) for name in mapping.bodies.values()]
        self.bodies = np.array([body for body, _ in found], dtype=np.intp)
        self.offsets = np.array([offset for _, offset in found])
        self.rest = model.qpos0.copy()
        pose, points = self._at_rest()
        across = points[self.parts["left_hip"]] - points[self.parts["right_hip"]]
        heading = Rotation.from_euler("z", -np.arctan2(-across[0], across[1]))
        self.rest[3:7] = wxyz(heading * rotation(self.rest[3:7]))
        pose, points = self._at_rest()
        middle = (points[self.parts["left_hip"]] + points[self.parts["right_hip"]]) / 2
        self.places = {part: points[index] - middle for part, index in self.parts.items()}
        self.root_offset = self.rest[:3] - middle
        self.turns = {part: pose.frames[0, self.bodies[i]] for part, i in self.parts.items()}
        self.posture = self._posture(mapping)
        self.spheres: Spheres = collision_spheres(model)
        self.soles = {}
        for side in SIDES:
            index = self.parts[f"{side}_ankle"]
            given = mapping.soles.get(side)
            self.soles[side] = (
                sole_corners(pose, self.spheres, int(self.bodies[index]), points[index])
                if given is None
                else np.asarray(given, dtype=np.float64)
            )
        self.scale = self._length("hip", "knee", "ankle")
        has_arms = any(f"{side}_wrist" in self.parts for side in SIDES)
        self.arm_scale = self._length("shoulder", "elbow", "wrist") if has_arms else self.scale

    def at_rest(self, hips: FloatArray, frames: FloatArray) -> FloatArray:
        """Poses (T, nq) at rest but for the root: middle of the hips (T, 3) and turns (T, 3, 3)."""
        rest = rotation(self.rest[3:7])
        turned = wxyz(Rotation.from_matrix(frames) * rest)
        hinges = np.broadcast_to(self.posture, (len(hips), len(self.posture)))
        return np.concatenate([hips + frames @ self.root_offset, turned, hinges], axis=1)

    def bone(self, upper: str, lower: str) -> float:
        """Length from one part to another at rest [m]."""
        return float(np.linalg.norm(self.places[lower] - self.places[upper]))

    def sole(self, side: str) -> tuple[int, FloatArray]:
        """A foot's body, and the middle of its sole's hind and front edge in its frame (2, 3)."""
        ankle = f"{side}_ankle"
        edges = self.soles[side].reshape(2, 2, 3).mean(axis=1)
        own: FloatArray = self.offsets[self.parts[ankle]] + edges @ self.turns[ankle]
        return int(self.bodies[self.parts[ankle]]), own

    def _at_rest(self) -> tuple[Pose, FloatArray]:
        pose = self.skeleton.pose(self.rest[None])
        return pose, pose.points(self.bodies, self.offsets)[0]

    def _posture(self, mapping: SkeletonMap) -> FloatArray:
        names = self.skeleton.hinge_names
        posture = self.rest[7:].copy()
        for name, angle in mapping.posture.items():
            if name not in names:
                raise unknown_name("hinge of the robot", name, names)
            posture[names.index(name)] = angle
        clipped: FloatArray = np.clip(posture, *self.skeleton.limits.T)
        return clipped

    def _length(self, *parts: str) -> float:
        """Length of both limbs' two bones at rest in the character's."""
        own = theirs = 0.0
        offsets = CHARACTER.offsets
        for side in SIDES:
            names = [f"{side}_{part}" for part in parts]
            if names[-1] not in self.parts:
                continue
            for upper, lower in pairwise(names):
                own += self.bone(upper, lower)
                theirs += float(np.linalg.norm(offsets[lower]))
        if own == 0:
            raise InputError(
                f"the robot's {', '.join(parts)} lie in one place, so that it has no size"
            )
        return own / theirs


def _part(model: mujoco.MjModel, name: str) -> tuple[int, FloatArray]:
    """The body and the place in its frame (3,) of a body or site."""
    body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
    if body > 0:
        return body, np.zeros(3)
    site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, name)
    if site >= 0:
        return int(model.site_bodyid[site]), model.site_pos[site].copy()
    bodies = [model.body(index).name for index in range(1, model.nbody)]
    sites = [model.site(index).name for index in range(model.nsite)]
    raise unknown_name("body or site of the robot", name, [*bodies, *sites])
