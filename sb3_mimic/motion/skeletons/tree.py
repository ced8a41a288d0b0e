"""The joint tree of any skeleton, as motion files have it, and its forward kinematics."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sb3_mimic.arrays import BoolArray, FloatArray, IndexArray
from sb3_mimic.errors import InputError
from sb3_mimic.spatial import rotation, wxyz


@dataclass(frozen=True, eq=False)
class JointTree:
    """Joints and the bones between them; arrays are read-only.

    Attributes:
        names: Names of the joints (J,), all different.
        parents: Index of each joint's parent (J,); −1 for the root, which comes first. Parents come
            before their children.
        offsets: Position of each joint in its parent's frame (J, 3) [m], where no joint is turned
            also along the world's axes; the root's is zero.
        end_site: Whether a joint is a leaf that only marks a bone's end (J,) and never rotates: a
            BVH file's ``End Site``, the tip of an ASF file's last bone.

    Raises:
        InputError: At construction, for wrong shapes, names that are not unique, parents that come
            after their children, or numbers that are not finite.
    """

    names: tuple[str, ...]
    parents: IndexArray
    offsets: FloatArray
    end_site: BoolArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        freeze_arrays(self, parents=np.intp, offsets=np.float64, end_site=np.bool_)
        n_joints = len(self.names)
        for field, shape in {"parents": (n_joints,), "offsets": (n_joints, 3)}.items():
            if getattr(self, field).shape != shape:
                raise InputError(
                    f"a tree of {n_joints} joints needs {field} of shape {shape}, "
                    f"got {getattr(self, field).shape}"
                )
        if self.end_site.shape != (n_joints,) or n_joints == 0:
            raise InputError(f"a tree needs joints and end_site of shape ({n_joints},)")
        if len(set(self.names)) != n_joints:
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InputError(f"joint names must differ from each other, {twice!r} comes twice")
        if self.parents[0] != -1 or (self.parents[1:] < 0).any():
            raise InputError("the first joint must be the root, with parent -1, and the only one")
        late = np.flatnonzero(self.parents >= np.arange(n_joints))
        if len(late):
            raise InputError(f"joint {self.names[late[0]]!r} must come after its parent")
        if not np.isfinite(self.offsets).all():
            joint = int(np.argwhere(~np.isfinite(self.offsets))[0, 0])
            raise InputError(f"the offset of joint {self.names[joint]!r} is not finite")
        if self.offsets[0].any():
            raise InputError("the root's offset must be zero: its place is root_position")
        parental = np.flatnonzero(self.end_site[self.parents[1:]])
        if self.end_site[0] or len(parental):
            raise InputError("an end site cannot be the root or have children")

    @property
    def n_joints(self) -> int:
        """Number of joints J, end sites included."""
        return len(self.names)

    def index(self, name: str) -> int:
        """Index of a joint.

        Raises:
            InputError: If there is no such joint.
        """
        if name not in self.names:
            raise InputError(f"no joint {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def children(self, joint: int) -> list[int]:
        """Indices of a joint's children, in order."""
        return np.flatnonzero(self.parents == joint).tolist()

    def ancestors(self, joint: int) -> list[int]:
        """Indices of the joints above one, the nearest first."""
        found = []
        while (joint := int(self.parents[joint])) >= 0:
            found.append(joint)
        return found

    @cached_property
    def rest_positions(self) -> FloatArray:
        """Joint positions where no joint is turned, the root at the origin (J, 3) [m]."""
        positions = np.zeros((self.n_joints, 3))
        for joint in range(1, self.n_joints):
            positions[joint] = positions[self.parents[joint]] + self.offsets[joint]
        positions.flags.writeable = False
        return positions


def forward_kinematics(
    tree: JointTree, root_position: ArrayLike, rotations: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Positions and orientations of all joints.

    Args:
        tree: The skeleton of J joints.
        root_position: Root position (T, 3) [m].
        rotations: Local rotations, quaternions wxyz (T, J, 4).

    Returns:
        Positions (T, J, 3) [m] and orientations wxyz (T, J, 4) in the world.
    """
    local = np.asarray(rotations, dtype=np.float64)
    positions = np.empty((*local.shape[:2], 3))
    orientations = local.copy()
    positions[:, 0] = root_position
    offsets = tree.offsets.copy()  # scipy wants to be able to write to it
    world = {0: rotation(local[:, 0])}
    for joint in range(1, tree.n_joints):
        parent = int(tree.parents[joint])
        positions[:, joint] = positions[:, parent] + world[parent].apply(offsets[joint])
        if tree.end_site[joint]:
            orientations[:, joint] = orientations[:, parent]
        else:
            world[joint] = world[parent] * rotation(local[:, joint])
            orientations[:, joint] = wxyz(world[joint])
    return positions, orientations


def freeze_arrays(instance: object, **dtypes: type) -> None:
    """Sets fields of a frozen dataclass to read-only arrays of their types."""
    for field, dtype in dtypes.items():
        array: NDArray[Any] = np.array(getattr(instance, field), dtype=dtype)
        array.flags.writeable = False
        object.__setattr__(instance, field, array)
