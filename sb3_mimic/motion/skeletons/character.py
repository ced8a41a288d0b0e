"""The character: the figure that all clips of the library are of.

It is DeepMimic's (Peng et al. 2018): 12 actuated joints, 8 of them ball joints. A ball joint is
turned by three hinges, and three hinges have a singular middle angle at ±90°. Their order is
therefore chosen per joint so that real motion stays away from it:

- chest y z x, neck z x y, ankle y x z: the middle hinge is the axis the body turns least about
  (twist of the lower spine, tilt of the head, inversion of the foot).
- hip x z y: regular when sitting, crawling and in the splits; singular only with the knee's axis
  pointing fore and aft (cross-legged).
- shoulder y z x: regular in a T-pose, with the arm forward (crawl, punch), overhead and waving;
  singular when the forearm of a bent elbow points exactly sideways (arms crossed). The other
  orders are singular in a T-pose (y x z, z x y) or with the arm forward (x y z, z y x), or a
  looping clip (dance_a) winds once around their singularity and cannot be closed (x z y).

The orders were compared on DeepMimic's clips and on CMU arms; the figures are in docs/motions.md.
"""

from typing import Final

from sb3_mimic.motion.skeletons.skeleton import Joint, Point, Skeleton


def _arm(side: str, lateral: float) -> tuple[Joint, ...]:
    """The joints of an arm; ``lateral`` is +1 on the left and −1 on the right."""
    return (
        Joint(f"{side}_shoulder", "chest", (-0.02405, 0.18311 * lateral, 0.2435), "yzx"),
        Joint(f"{side}_elbow", f"{side}_shoulder", (0.0, 0.0, -0.274788), "-y"),
        Joint(f"{side}_wrist", f"{side}_elbow", (0.0, 0.0, -0.258947), ""),
    )


def _leg(side: str, lateral: float) -> tuple[Joint, ...]:
    """The joints of a leg; ``lateral`` is +1 on the left and −1 on the right."""
    return (
        Joint(f"{side}_hip", "root", (0.0, 0.084887 * lateral, 0.0), "xzy"),
        Joint(f"{side}_knee", f"{side}_hip", (0.0, 0.0, -0.421546), "-y"),
        Joint(f"{side}_ankle", f"{side}_knee", (0.0, 0.0, -0.409870), "yxz"),
    )


# MuJoCo numbers a body's descendants before its next sibling, so the arms come before the legs;
# DeepMimic's files have another order.
_JOINTS: Final = (
    Joint("chest", "root", (0.0, 0.0, 0.236151), "yzx"),
    Joint("neck", "chest", (0.0, 0.0, 0.223894), "zxy"),
    *_arm("right", -1.0),
    *_arm("left", +1.0),
    *_leg("right", -1.0),
    *_leg("left", +1.0),
)

# What real clips reach and a little more; the right side's are mirrored to the left.
_LIMITS: Final = {
    **{f"chest_{axis}": (-1.2, 1.2) for axis in "yzx"},
    "neck_z": (-1.4, 1.4),
    "neck_x": (-1.0, 1.0),
    "neck_y": (-1.0, 1.0),
    "right_shoulder_y": (-3.6, 1.6),
    "right_shoulder_z": (-2.3, 1.8),
    "right_shoulder_x": (-3.14, 1.8),
    "left_shoulder_y": (-3.6, 1.6),
    "left_shoulder_z": (-1.8, 2.3),
    "left_shoulder_x": (-1.8, 3.14),
    "right_hip_x": (-1.6, 1.2),
    "right_hip_z": (-1.3, 1.3),
    "right_hip_y": (-2.7, 1.2),
    "left_hip_x": (-1.2, 1.6),
    "left_hip_z": (-1.3, 1.3),
    "left_hip_y": (-2.7, 1.2),
    **{
        f"{side}_{hinge}": limits
        for side in ("right", "left")
        for hinge, limits in (
            ("elbow", (0.0, 3.14)),
            ("knee", (-3.14, 0.0)),
            ("ankle_y", (-1.57, 1.57)),
            ("ankle_x", (-1.0, 1.0)),
            ("ankle_z", (-1.0, 1.0)),
        )
    },
}

# The lower face of the foot's box, 0.177 × 0.09 × 0.055 m centered at (0.045, 0, −0.0225).
_SOLE_CORNERS: Final[tuple[Point, Point, Point, Point]] = (
    (-0.0435, -0.045, -0.05),
    (-0.0435, 0.045, -0.05),
    (0.1335, -0.045, -0.05),
    (0.1335, 0.045, -0.05),
)

_SPHERES: Final[dict[str, tuple[tuple[Point, ...], float]]] = {
    "root": (((0.0, 0.0, 0.07),), 0.09),
    "chest": (((0.0, 0.0, 0.12),), 0.11),
    "neck": (((0.0, 0.0, 0.175),), 0.1025),
    **{
        f"{side}_{joint}": (centers, radius)
        for side in ("right", "left")
        for joint, centers, radius in (
            ("shoulder", ((0.0, 0.0, -0.05), (0.0, 0.0, -0.23)), 0.045),
            ("elbow", ((0.0, 0.0, -0.0525), (0.0, 0.0, -0.1875)), 0.04),
            ("wrist", ((0.0, 0.0, 0.0),), 0.04),
            ("hip", ((0.0, 0.0, -0.06), (0.0, 0.0, -0.36)), 0.055),
            ("knee", ((0.0, 0.0, -0.045), (0.0, 0.0, -0.355)), 0.05),
        )
    },
}

_MASSES: Final[dict[str, tuple[float, Point]]] = {
    "root": (6.0, (0.0, 0.0, 0.07)),
    "chest": (14.0, (0.0, 0.0, 0.12)),
    "neck": (2.0, (0.0, 0.0, 0.175)),
    **{
        f"{side}_{joint}": (mass, center)
        for side in ("right", "left")
        for joint, mass, center in (
            ("shoulder", 1.5, (0.0, 0.0, -0.14)),
            ("elbow", 1.0, (0.0, 0.0, -0.12)),
            ("wrist", 0.5, (0.0, 0.0, 0.0)),
            ("hip", 4.5, (0.0, 0.0, -0.21)),
            ("knee", 3.0, (0.0, 0.0, -0.2)),
            ("ankle", 1.0, (0.045, 0.0, -0.0225)),
        )
    },
}


def _tips() -> dict[str, Point]:
    """The top of the head, the fingertips and the tips of the toes."""
    (head,), radius = _SPHERES["neck"]
    tips: dict[str, Point] = {"neck": (head[0], head[1], head[2] + radius)}
    for side in ("right", "left"):
        tips[f"{side}_wrist"] = (0.0, 0.0, -_SPHERES[f"{side}_wrist"][1])
        tips[f"{side}_ankle"] = (_SOLE_CORNERS[-1][0], 0.0, _SOLE_CORNERS[-1][2])
    return tips


#: The figure of DeepMimic's clips, whose 28 hinges a `MotionClip` of it has.
CHARACTER: Final = Skeleton(
    name="character",
    joints=_JOINTS,
    limits=_LIMITS,
    sole_corners=_SOLE_CORNERS,
    foot_height=0.055,
    spheres=_SPHERES,
    masses=_MASSES,
    tips=_tips(),
)
