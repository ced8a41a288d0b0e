"""The humanoid's joints and hinges, shared by the motion files and the MuJoCo model.

The character is DeepMimic's (Peng et al. 2018, ``humanoid3d``): 12 actuated joints, 8 of them ball
joints. The model turns a ball joint by three hinges, and three hinges have a singular middle angle
at ±90°. Their order is therefore chosen per joint so that real motion stays away from it:

- chest y z x, neck z x y, ankle y x z: the middle hinge is the axis the body turns least about
  (twist of the lower spine, tilt of the head, inversion of the foot).
- hip x z y: regular when sitting, crawling and in the splits; singular only with the knee's axis
  pointing fore and aft (cross-legged).
- shoulder y z x: regular in a T-pose, with the arm forward (crawl, punch), overhead and waving;
  singular when the forearm of a bent elbow points exactly sideways (arms crossed). The other
  orders are singular in a T-pose (y x z, z x y) or with the arm forward (x y z, z y x), or a
  looping clip (dance_a) winds once around their singularity and cannot be closed (x z y).

The orders were compared on DeepMimic's clips and on CMU arms; the figures are in docs/motions.md.
Frames are z-up, +x forward, +y left; metres and radians.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.errors import InputError


@dataclass(frozen=True)
class Joint:
    """One joint of the skeleton; it moves the body of the same name.

    Attributes:
        name: Name of the joint and of the body it moves.
        parent: Name of the parent body.
        offset: Position of the joint in the parent body's frame [m].
        axes: Hinge axes, outermost first: three of "x", "y", "z" for a ball joint (hinges named
            ``<joint>_x`` …), "-y" for a single hinge (named as the joint), "" for a fixed body.
    """

    name: str
    parent: str
    offset: tuple[float, float, float]
    axes: str

    @property
    def is_ball(self) -> bool:
        """Whether the joint is a ball joint made of three hinges."""
        return len(self.axes) == 3

    @property
    def hinges(self) -> tuple[str, ...]:
        """Names of the joint's hinges, outermost first."""
        if self.is_ball:
            return tuple(f"{self.name}_{axis}" for axis in self.axes)
        return (self.name,) if self.axes else ()


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


#: The joints in the model's order. MuJoCo numbers a body's descendants before its next sibling, so
#: the arms come before the legs; DeepMimic's files have another order.
SKELETON: Final[tuple[Joint, ...]] = (
    Joint("chest", "root", (0.0, 0.0, 0.236151), "yzx"),
    Joint("neck", "chest", (0.0, 0.0, 0.223894), "zxy"),
    *_arm("right", -1.0),
    *_arm("left", +1.0),
    *_leg("right", -1.0),
    *_leg("left", +1.0),
)

#: Joints that move: all but the wrists.
ACTUATED: Final[tuple[Joint, ...]] = tuple(joint for joint in SKELETON if joint.axes)

#: The 28 hinges in order, as in ``qpos[7:]``.
HINGE_NAMES: Final[tuple[str, ...]] = tuple(name for joint in ACTUATED for name in joint.hinges)

#: Columns of each actuated joint's hinges in an array of hinge angles.
HINGE_SLICES: Final[dict[str, slice]] = {
    joint.name: slice(
        HINGE_NAMES.index(joint.hinges[0]), HINGE_NAMES.index(joint.hinges[0]) + len(joint.hinges)
    )
    for joint in ACTUATED
}

#: Corners of a foot's sole in the ankle's frame [m], heel first: the lower face of the foot's box,
#: 0.177 × 0.09 × 0.055 m centred at (0.045, 0, −0.0225).
SOLE_CORNERS: Final[tuple[tuple[float, float, float], ...]] = (
    (-0.0435, -0.045, -0.05),
    (-0.0435, 0.045, -0.05),
    (0.1335, -0.045, -0.05),
    (0.1335, 0.045, -0.05),
)

#: Height of a foot's box [m].
FOOT_HEIGHT: Final = 0.055

#: The spheres that bodies are made of, by body: centres in the body's frame [m] and their radius
#: [m]. A capsule has one at either end. Feet are boxes: ``SOLE_CORNERS``.
SPHERES: Final[dict[str, tuple[tuple[tuple[float, float, float], ...], float]]] = {
    "root": (((0.0, 0.0, 0.07),), 0.09),
    "chest": (((0.0, 0.0, 0.12),), 0.11),
    "neck": (((0.0, 0.0, 0.175),), 0.1025),
    **{
        f"{side}_{joint}": (centres, radius)
        for side in ("right", "left")
        for joint, centres, radius in (
            ("shoulder", ((0.0, 0.0, -0.05), (0.0, 0.0, -0.23)), 0.045),
            ("elbow", ((0.0, 0.0, -0.0525), (0.0, 0.0, -0.1875)), 0.04),
            ("wrist", ((0.0, 0.0, 0.0),), 0.04),
            ("hip", ((0.0, 0.0, -0.06), (0.0, 0.0, -0.36)), 0.055),
            ("knee", ((0.0, 0.0, -0.045), (0.0, 0.0, -0.355)), 0.05),
        )
    },
}

#: Mass of each body [kg] and its centre in the body's frame [m].
MASSES: Final[dict[str, tuple[float, tuple[float, float, float]]]] = {
    "root": (6.0, (0.0, 0.0, 0.07)),
    "chest": (14.0, (0.0, 0.0, 0.12)),
    "neck": (2.0, (0.0, 0.0, 0.175)),
    **{
        f"{side}_{joint}": (mass, centre)
        for side in ("right", "left")
        for joint, mass, centre in (
            ("shoulder", 1.5, (0.0, 0.0, -0.14)),
            ("elbow", 1.0, (0.0, 0.0, -0.12)),
            ("wrist", 0.5, (0.0, 0.0, 0.0)),
            ("hip", 4.5, (0.0, 0.0, -0.21)),
            ("knee", 3.0, (0.0, 0.0, -0.2)),
            ("ankle", 1.0, (0.045, 0.0, -0.0225)),
        )
    },
}


def require_humanoid(joint_names: tuple[str, ...], what: str) -> None:
    """Checks that a clip's joints are the humanoid's.

    Args:
        joint_names: The clip's joint names.
        what: What needs them, for the message: "writing a DeepMimic file".

    Raises:
        InputError: If the names are not ``HINGE_NAMES``.
    """
    if joint_names != HINGE_NAMES:
        raise InputError(
            f"{what} needs the humanoid's {len(HINGE_NAMES)} hinges, this clip has "
            f"{len(joint_names)} joints: {', '.join(joint_names[:4])}, …"
        )


def mirror_columns() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """How hinge angles change when left and right are exchanged (y → −y).

    Mirroring at the x-z plane keeps rotations about y and turns the others around, and the sides
    swap. The result holds for products of hinges because both sides list them in the same order.

    Returns:
        ``(columns, signs)``, both of shape (28,): mirrored = angles[:, columns] · signs.
    """
    swap = {"left": "right", "right": "left"}
    columns = []
    signs = []
    for name in HINGE_NAMES:
        side, _, rest = name.partition("_")
        columns.append(HINGE_NAMES.index(f"{swap[side]}_{rest}" if side in swap else name))
        signs.append(-1.0 if name.endswith(("_x", "_z")) else 1.0)
    return np.array(columns, dtype=np.intp), np.array(signs)
