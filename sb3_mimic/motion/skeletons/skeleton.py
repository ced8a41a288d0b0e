"""A skeleton of joints and hinges with the body on it, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.skeletons.tree import JointTree

Point = tuple[float, float, float]


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
    offset: Point
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


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A figure: its joints, and the shapes and masses of the bodies that they move.

    Frames are z-up, +x forward, +y left; meters, kilograms, radians.

    Attributes:
        name: What messages call it.
        joints: The joints, parents before their children; the root ("root") has none.
        limits: Lower and upper limit of each hinge [rad], by hinge.
        sole_corners: Corners of a foot's sole in the ankle's frame [m], heel first; right and left
            are alike.
        foot_height: Height of a foot's box over its sole [m].
        spheres: The spheres that bodies other than feet are made of, by body: centers in the body's
            frame [m] and their radius [m]. A capsule has one at either end.
        masses: Mass of each body [kg] and its center in the body's frame [m], by body.
        tips: Ends of the bones that no joint follows, by their last joint, in its frame [m].
    """

    name: str
    joints: tuple[Joint, ...]
    limits: Mapping[str, tuple[float, float]]
    sole_corners: tuple[Point, Point, Point, Point]
    foot_height: float
    spheres: Mapping[str, tuple[tuple[Point, ...], float]]
    masses: Mapping[str, tuple[float, Point]]
    tips: Mapping[str, Point]

    @cached_property
    def actuated(self) -> tuple[Joint, ...]:
        """The joints that move, in order."""
        return tuple(joint for joint in self.joints if joint.axes)

    @cached_property
    def hinge_names(self) -> tuple[str, ...]:
        """Names of all hinges in order, the columns of ``MotionClip.joint_angles``."""
        return tuple(name for joint in self.actuated for name in joint.hinges)

    @cached_property
    def hinge_slices(self) -> dict[str, slice]:
        """Columns of each actuated joint's hinges in an array of hinge angles, by joint."""
        slices = {}
        for joint in self.actuated:
            first = self.hinge_names.index(joint.hinges[0])
            slices[joint.name] = slice(first, first + len(joint.hinges))
        return slices

    @cached_property
    def joint_range(self) -> FloatArray:
        """Lower and upper limit of each hinge (nj, 2) [rad], read-only, as ``hinge_names``."""
        limits = np.array([self.limits[name] for name in self.hinge_names])
        limits.flags.writeable = False
        return limits

    @cached_property
    def offsets(self) -> dict[str, FloatArray]:
        """Position of each joint in its parent body's frame (3,) [m], by joint."""
        return {joint.name: np.array(joint.offset) for joint in self.joints}

    @cached_property
    def mirror_columns(self) -> tuple[IndexArray, FloatArray]:
        """Permutation and signs of the hinge angles under a mirror (y → −y).

        ``(columns, signs)``, both of shape (nj,): mirrored = angles[:, columns] · signs. Mirroring
        at the x-z plane keeps rotations about y and reverses the others, and the sides swap. The
        result holds for products of hinges because both sides list them in the same order.
        """
        swap = {"left": "right", "right": "left"}
        columns = []
        signs = []
        for name in self.hinge_names:
            side, _, rest = name.partition("_")
            mirrored = f"{swap[side]}_{rest}" if side in swap else name
            columns.append(self.hinge_names.index(mirrored))
            signs.append(-1.0 if name.endswith(("_x", "_z")) else 1.0)
        return np.array(columns, dtype=np.intp), np.array(signs)

    @cached_property
    def tree(self) -> JointTree:
        """All joints, those without hinges included, and the tips, as ``<joint>_end``."""
        names, parents, offsets, end_site = ["root"], [-1], [(0.0, 0.0, 0.0)], [False]
        for joint in self.joints:
            parents.append(names.index(joint.parent))
            names.append(joint.name)
            offsets.append(joint.offset)
            end_site.append(False)
            if joint.name in self.tips:
                parents.append(len(names) - 1)
                names.append(f"{joint.name}_end")
                offsets.append(self.tips[joint.name])
                end_site.append(True)
        return JointTree(tuple(names), np.array(parents), np.array(offsets), np.array(end_site))

    def require_hinges(self, joint_names: tuple[str, ...], purpose: str) -> None:
        """Checks that a clip's joints are this skeleton's hinges.

        Args:
            joint_names: The clip's joint names.
            purpose: What needs them, for the message: "writing a DeepMimic file".

        Raises:
            InputError: If the names are not ``hinge_names``.
        """
        if joint_names != self.hinge_names:
            raise InputError(
                f"{purpose} needs the {self.name}'s {len(self.hinge_names)} hinges, this clip has "
                f"{len(joint_names)} joints: {', '.join(joint_names[:4])}, …"
            )
