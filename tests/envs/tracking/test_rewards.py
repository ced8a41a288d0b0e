"""DeepMimic's reward: its value on the reference, its terms, and each term by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.tracking.rewards import REWARDS, JointWeights, Pose, released_reward

N, BALLS, HINGES = 6, 8, 4
WEIGHTS = JointWeights(
    1.0, np.array([0.5, 0.3, 0.5, 0.2, 0.3, 0.5, 0.2, 0.3]), np.array([0.3, 0.2, 0.3, 0.2])
)


def random_rotations(rng: np.random.Generator, *shape: int) -> FloatArray:
    q = rng.normal(size=(*shape, 4))
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def random_pose(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    return Pose(
        root_position=rng.normal(size=(N, 3)),
        root_rotation=random_rotations(rng, N),
        root_velocity=rng.normal(size=(N, 3)),
        root_angular_velocity=rng.normal(size=(N, 3)),
        ball_rotations=random_rotations(rng, N, BALLS),
        ball_velocities=rng.normal(size=(N, BALLS, 3)),
        hinge_angles=rng.normal(size=(N, HINGES)),
        hinge_velocities=rng.normal(size=(N, HINGES)),
        end_effectors=rng.normal(size=(N, 4, 3)) * 0.1,
        com=rng.normal(size=(N, 3)),
        com_velocity=rng.normal(size=(N, 3)),
    )


@pytest.mark.parametrize("name", sorted(REWARDS))
def test_is_one_on_the_reference(name: str) -> None:
    pose = random_pose(0)
    terms = REWARDS[name](pose, pose, WEIGHTS)
    np.testing.assert_allclose(sum(terms.values()), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(REWARDS))
def test_lies_between_zero_and_one(name: str) -> None:
    terms = REWARDS[name](random_pose(1), random_pose(2), WEIGHTS)
    for values in terms.values():
        assert values.shape == (N,)
        assert (values >= 0).all()
    assert (np.sum(list(terms.values()), axis=0) <= 1).all()


def angle(a: FloatArray, b: FloatArray) -> float:
    """Geodesic angle by another route than the one under test."""
    first, second = (Rotation.from_quat(np.roll(q, -1)) for q in (a, b))
    return float((first.inv() * second).magnitude())


def test_released_reward_recomputed_by_hand() -> None:
    body, reference = random_pose(3), random_pose(4)
    terms = released_reward(body, reference, WEIGHTS)
    total_weight = 1.0 + WEIGHTS.balls.sum() + WEIGHTS.hinges.sum()
    for i in range(N):
        root_angle = angle(body.root_rotation[i], reference.root_rotation[i])
        pose, velocity = root_angle**2, 0.0
        spin = ((body.root_angular_velocity[i] - reference.root_angular_velocity[i]) ** 2).sum()
        velocity += spin
        for j, weight in enumerate(WEIGHTS.balls):
            pose += weight * angle(body.ball_rotations[i, j], reference.ball_rotations[i, j]) ** 2
            velocity += (
                weight * ((body.ball_velocities[i, j] - reference.ball_velocities[i, j]) ** 2).sum()
            )
        for j, weight in enumerate(WEIGHTS.hinges):
            pose += weight * (body.hinge_angles[i, j] - reference.hinge_angles[i, j]) ** 2
            rate_error = body.hinge_velocities[i, j] - reference.hinge_velocities[i, j]
            velocity += weight * rate_error**2
        ends = ((body.end_effectors[i] - reference.end_effectors[i]) ** 2).sum()
        root = (
            ((body.root_position[i] - reference.root_position[i]) ** 2).sum()
            + 0.1 * root_angle**2
            + 0.01 * ((body.root_velocity[i] - reference.root_velocity[i]) ** 2).sum()
            + 0.001 * spin
        )
        com = 0.1 * ((body.com_velocity[i] - reference.com_velocity[i]) ** 2).sum()
        expected = {
            "pose": 0.5 * np.exp(-2 * pose / total_weight),
            "velocity": 0.05 * np.exp(-0.1 * velocity / total_weight),
            "end_effector": 0.15 * np.exp(-10 * ends),
            "root": 0.2 * np.exp(-5 * root),
            "com": 0.1 * np.exp(-10 * com),
        }
        assert set(expected) == set(terms)
        for name, value in expected.items():
            np.testing.assert_allclose(terms[name][i], value, rtol=1e-9, err_msg=name)
