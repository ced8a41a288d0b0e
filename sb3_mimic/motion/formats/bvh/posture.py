"""The up axis and the height of a BVH file's figure, which the format does not state."""

from typing import Final, Literal

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.formats.bvh.frames import RawMotion
from sb3_mimic.motion.skeletons.tree import JointTree, forward_kinematics

#: Frames that are looked at to tell the up axis and the unit.
_SAMPLED: Final = 64

#: How much longer than along y the figure is along z where z is up.
_TALLER: Final = 1.3

# Upright figures are this many times less alike along the vertical than front and back are: 0.11 to
# 0.2 of their size against 0.03 to 0.04 in CMU's and a game engine's files.
_LESS_ALIKE: Final = 2.0

# Width over the largest extent from which a figure at rest has two sides.
_BROAD: Final = 0.1

_AXES: Final[tuple[Literal["x", "y", "z"], ...]] = ("x", "y", "z")


def find_up_axis(raw: RawMotion) -> Literal["x", "y", "z"]:
    """The axis along which the figure at rest is least its own mirror image.

    Bodies are alike on both sides, and front and back differ by little, but heads are no feet.
    Where the rest pose shows no two sides, as where all bones lie along one line, z is up if the
    figure is taller along z than along y and its lowest point stays level: a four-legged figure is
    longer along z in a y-up file, too, but then its lowest point along z goes where it walks.
    """
    errors, extent = _mirror_errors(raw), _rest_extent(raw)
    side = int(errors.argmin())
    second, first = np.sort(errors)[1:]
    if first > _LESS_ALIKE * second and extent[side] > _BROAD * extent.max():
        return _AXES[int(errors.argmax())]
    positions = _sampled_positions(raw)
    low, high = np.percentile(positions.min(axis=1), [5, 95], axis=0)
    level = high - low
    return "z" if extent[2] > _TALLER * extent[1] and level[2] < level[1] else "y"


def figure_height(raw: RawMotion, up: Literal["y", "z"]) -> float:
    """Height of the figure, at rest or moving: some files' rest pose is a star or a heap."""
    axis = "xyz".index(up)
    moving = np.median(np.ptp(_sampled_positions(raw)[..., axis], axis=1))
    return float(max(_rest_extent(raw)[axis], moving))


def _sampled_positions(raw: RawMotion) -> FloatArray:
    """Joint positions in some frames, in the file's axes and unit."""
    tree = JointTree(
        raw.names,
        np.array([joint.parent for joint in raw.joints]),
        raw.offsets,
        np.array([joint.end_site for joint in raw.joints]),
    )
    count = min(_SAMPLED, len(raw.root_position))
    frames = np.unique(np.linspace(0, len(raw.root_position) - 1, count).astype(int))
    return forward_kinematics(tree, raw.root_position[frames], raw.rotations[frames])[0]


def _rest_positions(raw: RawMotion) -> FloatArray:
    """Joint positions of the unturned figure, the root at the origin (J, 3)."""
    rest = np.zeros_like(raw.offsets)
    for index, joint in enumerate(raw.joints[1:], start=1):
        rest[index] = rest[joint.parent] + raw.offsets[index]
    return rest


def _rest_extent(raw: RawMotion) -> FloatArray:
    """Size of the box around the unturned figure along x, y, z."""
    extent: FloatArray = np.ptp(_rest_positions(raw), axis=0)
    return extent


def _mirror_errors(raw: RawMotion) -> FloatArray:
    """Difference of the figure at rest from its mirror images along x, y and z (3,).

    Mean distance of a joint's image from the nearest joint, in parts of the figure's size.
    """
    rest = _rest_positions(raw)
    size = max(float(np.linalg.norm(np.ptp(rest, axis=0))), 1e-9)
    images = rest * (1 - 2 * np.eye(3))[:, None]
    distances = np.linalg.norm(images[:, :, None] - rest, axis=-1)
    errors: FloatArray = distances.min(axis=2).mean(axis=1) / size
    return errors
