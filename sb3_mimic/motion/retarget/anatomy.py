"""A skeleton's motion seen as a body's: where its joints are and how its parts are turned.

Files differ in which way bones point and in the pose that no rotation stands for (T-pose, A-pose,
arms hanging). Nothing here depends on that: limbs are positions, and the axes of knees and elbows
are where the limbs bend. Pelvis, chest, head and feet are turned relative to a pose in which the
figure stands: the rest pose if it is one, otherwise the most upright frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.retarget.mapping import JointMapping
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.motion.skeletons.tree import forward_kinematics
from sb3_mimic.spatial import rotation

UP: Final = np.array([0.0, 0.0, 1.0])

#: Angle from the vertical up to which pelvis to head, and hip to ankle, count as standing [rad].
STANDING: Final = (np.deg2rad(25), np.deg2rad(40))

#: From the middle of the character's hips to its chest joint, and on to the middle between its
#: shoulders [m].
TO_CHEST: Final = next(
    np.array(joint.offset) for joint in CHARACTER.joints if joint.name == "chest"
)
TO_SHOULDERS: Final = next(
    np.array(joint.offset) * (1.0, 0.0, 1.0)
    for joint in CHARACTER.joints
    if joint.name == "left_shoulder"
)

#: A trunk that leans more than this all the time is bent, not built that way [rad].
BUILD: Final = np.deg2rad(15)

#: Angle of a shin from the vertical from which its foot is not flat [rad]: CMU's rest poses have
#: legs splayed by 20°, with the feet at right angles to them.
SPLAYED: Final = np.deg2rad(8)

#: A rest pose that faces an axis of the file to within this faces it exactly [rad].
SNAP: Final = np.deg2rad(10)

#: Sine of the bend of a knee or elbow below and above which the axis is the one fixed in the upper
#: bone, and the one that is seen.
BENT: Final = (0.15, 0.4)

#: A limb whose sine of the bend is less than this on average (root mean square) is never bent.
NEVER_BENT: Final = 0.03


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A body's motion, T frames.

    Attributes:
        positions: Joint positions (T, 3) [m] by part: those of `JointMapping`, "root" being the
            middle between the hips.
        frames: Orientations (T, 3, 3), columns forward, left and up of the standing part, of
            "root", "chest", "neck" (the head), "right_ankle" and "left_ankle" (the feet).
        axes: Axes of "right_knee", "left_knee", "right_elbow" and "left_elbow" (T, 3), unit, to the
            left of a figure whose limbs hang.
        standing: What "standing" was taken from: "the rest pose" or "frame N".
        flat_feet: Whether the feet were flat on the ground then, which those of splayed legs are
            not.
    """

    positions: Mapping[str, FloatArray]
    frames: Mapping[str, FloatArray]
    axes: Mapping[str, FloatArray]
    standing: str
    flat_feet: bool

    def transform(self, turn: FloatArray, scale: float, shift: FloatArray) -> "Anatomy":
        """The body turned by a matrix (3, 3), scaled, and shifted by (3,) or (T, 3) [m]."""
        return replace(
            self,
            positions={k: scale * v @ turn.T + shift for k, v in self.positions.items()},
            frames={part: turn @ frame for part, frame in self.frames.items()},
            axes={joint: axis @ turn.T for joint, axis in self.axes.items()},
        )


def find_anatomy(motion: SkeletalMotion, mapping: JointMapping) -> Anatomy:
    """Reads a body's motion off a skeleton's.

    Raises:
        InputError: If the mapping does not fit the skeleton, has left and right the wrong way
            round, or limbs without length.
    """
    joints = mapping.indices(motion.tree)
    world, turned = motion.positions(), rotation(motion.orientations()).as_matrix()
    positions = _parts(world, joints)
    _require_limbs(positions, mapping)
    rest, rest_turned = _rest_pose(motion)
    pose, pose_turned, standing = _parts(rest, joints), rest_turned[0], "the rest pose"
    if not _uprightness(pose)[0] < 1:
        frame = int(_uprightness(positions).argmin())
        pose = {part: path[frame : frame + 1] for part, path in positions.items()}
        pose_turned, standing = turned[frame], f"frame {frame}"
    standing_frames = _standing_frames({part: path[0] for part, path in pose.items()}, mapping)
    frames = {
        part: turned[:, joints[part]] @ pose_turned[joints[part]].T @ frame
        for part, frame in standing_frames.items()
    }
    axes = {}
    for side in SIDES:
        for upper, joint, end, body, sign in (
            ("hip", "knee", "ankle", "root", 1.0),
            ("shoulder", "elbow", "wrist", "chest", -1.0),
        ):
            limb = [positions[f"{side}_{part}"] for part in (upper, joint, end)]
            axes[f"{side}_{joint}"] = _bend_axis(
                limb, turned[:, joints[f"{side}_{upper}"]], frames[body], sign
            )
    shins = [pose[f"{side}_knee"][0] - pose[f"{side}_ankle"][0] for side in SIDES]
    flat_feet = max(float(_angle_to(shin, UP)) for shin in shins) < SPLAYED
    return Anatomy(positions, frames, axes, standing, flat_feet)


def straighten_trunk(body: Anatomy) -> Anatomy:
    """Turns the trunk upright where the shoulders are over the hips as the character's are.

    Skeletons have their hips before or behind the spine by centimetres, and some have vertebrae
    missing, so that what the file calls upright leans. The lean that is usual in the motion is
    taken out of pelvis and chest.
    """
    pelvis, chest = body.frames["root"], body.frames["chest"]
    shoulders = (body.positions["right_shoulder"] + body.positions["left_shoulder"]) / 2
    seen = np.einsum("tij,ti->tj", pelvis, shoulders - body.positions["root"])
    own = TO_CHEST + np.einsum("tij,ti->tj", pelvis, chest @ TO_SHOULDERS)
    leans = np.arctan2(seen[:, 0], seen[:, 2]) - np.arctan2(own[:, 0], own[:, 2])
    lean = float(np.median((leans + np.pi) % (2 * np.pi) - np.pi))
    if abs(lean) > BUILD:
        return body
    cos, sin = np.cos(lean), np.sin(lean)
    back = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    return replace(body, frames={**body.frames, "root": pelvis @ back, "chest": chest @ back})


def heading(frame: FloatArray) -> FloatArray:
    """Direction in which a body faces (..., 2), unit, from its orientation (..., 3, 3).

    Its forward axis seen from above; lying on the back or the belly, the direction of its up axis.
    """
    forward, up = frame[..., :2, 0], frame[..., :2, 2]
    lying = np.abs(frame[..., 2, 0])[..., None]
    tilted = np.sign(-frame[..., 2, 0])[..., None] * up
    way = np.where(lying > 0.9, tilted, forward)
    return _normalize(way)


def _parts(world: FloatArray, joints: Mapping[str, int]) -> dict[str, FloatArray]:
    positions = {part: world[:, joint] for part, joint in joints.items()}
    positions["root"] = (positions["right_hip"] + positions["left_hip"]) / 2
    return positions


def _rest_pose(motion: SkeletalMotion) -> tuple[FloatArray, FloatArray]:
    """Positions (1, J, 3) and orientations (1, J, 3, 3) with no joint turned."""
    still = np.zeros((1, motion.tree.n_joints, 4))
    still[..., 0] = 1
    positions, orientations = forward_kinematics(motion.tree, np.zeros((1, 3)), still)
    return positions, rotation(orientations).as_matrix()


def _uprightness(positions: Mapping[str, FloatArray]) -> FloatArray:
    """Deviation of each frame from standing (T,); up to 1 the figure stands."""
    trunk = _angle_to(positions["neck"] - positions["root"], UP) / STANDING[0]
    legs = [
        _angle_to(positions[f"{side}_hip"] - positions[f"{side}_{part}"], UP) / STANDING[1]
        for side in SIDES
        for part in ("knee", "ankle")
    ]
    farthest: FloatArray = np.max([trunk, *legs], axis=0)
    return farthest


def _standing_frames(
    pose: Mapping[str, FloatArray], mapping: JointMapping
) -> dict[str, FloatArray]:
    """Orientations of the parts of a standing figure, columns forward, left, up."""
    across = sum(
        _project_to_ground(pose[f"left_{p}"] - pose[f"right_{p}"]) for p in ("hip", "shoulder")
    )
    left = _normalize(_project_to_ground(np.asarray(across)))
    quarter = np.pi / 2
    angle = np.arctan2(left[1], left[0])
    if abs(angle - quarter * np.round(angle / quarter)) < SNAP:
        angle = quarter * np.round(angle / quarter)
        left = np.array([np.cos(angle), np.sin(angle), 0.0])
    forward = np.cross(left, UP)
    body = np.stack([forward, left, UP], axis=-1)
    frames = {"root": body, "chest": body, "neck": body}
    for side in SIDES:
        frames[f"{side}_ankle"] = body
        if f"{side}_toe" in pose:
            toe = _project_to_ground(pose[f"{side}_toe"] - pose[f"{side}_ankle"])
            if np.linalg.norm(toe) > 1e-6:
                toe = _normalize(toe)
                frames[f"{side}_ankle"] = np.stack([toe, np.cross(UP, toe), UP], axis=-1)
    ahead = [frames[f"{side}_ankle"][:, 0] @ forward for side in SIDES]
    if max(ahead) < 0:
        raise InputError(
            f"mapping {mapping.origin}: the toes point backwards, so left and right are the wrong "
            f"way round (left_hip is {mapping.joints['left_hip']!r})"
        )
    return frames


def _bend_axis(
    limb: list[FloatArray], turned: FloatArray, body: FloatArray, sign: float
) -> FloatArray:
    """Axis of a knee (sign 1) or elbow (sign −1) in the world (T, 3).

    Where the limb is bent it is the normal of its plane. In the upper bone's own frame that is
    nearly constant, which tells the axis where the limb is straight. A limb that is never bent has
    the axis of its body, carried along with the bone the shortest way.
    """
    upper, lower = _normalize(limb[1] - limb[0]), _normalize(limb[2] - limb[1])
    seen = sign * np.cross(upper, lower)
    bend = np.linalg.norm(seen, axis=-1)
    usual = np.einsum("tij,ti,t->j", turned, seen, bend)
    bent = float(np.sqrt(np.mean(bend**2))) > NEVER_BENT
    fixed = turned @ _normalize(usual) if bent else _carry_axis(body, upper)
    weight = np.clip((bend - BENT[0]) / (BENT[1] - BENT[0]), 0, 1)[:, None]
    axis = weight * _normalize(seen) + (1 - weight) * fixed
    return _normalize(axis)


def _carry_axis(body: FloatArray, bone: FloatArray) -> FloatArray:
    """The body's left axis, turned with a bone from hanging to its direction the shortest way."""
    left, down = body[..., 1], -body[..., 2]
    normal = np.cross(down, bone)
    cosine = np.einsum("ti,ti->t", down, bone)[:, None]
    along = np.einsum("ti,ti->t", normal, left)[:, None]
    carried: FloatArray = (
        cosine * left + np.cross(normal, left) + along * normal / np.maximum(1 + cosine, 1e-6)
    )
    return carried


def _require_limbs(positions: Mapping[str, FloatArray], mapping: JointMapping) -> None:
    for side in SIDES:
        for upper, lower in (
            ("hip", "knee"),
            ("knee", "ankle"),
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
        ):
            start, end = f"{side}_{upper}", f"{side}_{lower}"
            if np.linalg.norm(positions[end][0] - positions[start][0]) < 1e-6:
                raise InputError(
                    f"mapping {mapping.origin}: {start} ({mapping.joints[start]!r}) and {end} "
                    f"({mapping.joints[end]!r}) lie at the same place"
                )


def _project_to_ground(vector: FloatArray) -> FloatArray:
    return vector * (1.0, 1.0, 0.0)


def _normalize(vectors: FloatArray) -> FloatArray:
    unit: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return unit


def _angle_to(vectors: FloatArray, axis: FloatArray) -> FloatArray:
    """Angle (T,) between vectors (T, 3) and an axis (3,) [rad]."""
    angles: FloatArray = np.arccos(np.clip(_normalize(vectors) @ axis, -1.0, 1.0))
    return angles
