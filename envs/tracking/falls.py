"""Which bodies may not touch the ground, and where their lowest points are."""

import numpy as np

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.envs.tracking.reference import ReferenceSet, ground_points


def fall_points(references: ReferenceSet) -> tuple[IndexArray, FloatArray]:
    """Sensor columns ``(m,)`` and, by clip, radii ``(k, m)`` of what must not touch the ground.

    A body that may touch it in one clip and not in another has no radius in the first: what is
    infinitely small touches nothing. See `ground_points`.
    """
    robot = references.robot
    lowest = [reference.lowest_points() for reference in references.references]
    columns, radii = [], []
    for body, (heights, sizes) in ground_points(robot).items():
        allowed = np.array([low[body] < robot.spec.near_ground for low in lowest])
        if body not in robot.feet and not allowed.all():
            columns.append(heights)
            radii.append(np.where(allowed[:, None], -np.inf, sizes))
    if not columns:
        return np.zeros(0, np.intp), np.zeros((len(references), 0))
    return np.concatenate(columns), np.concatenate(radii, axis=1)
