"""Dog clips as gaits of PiDog."""

import json
from pathlib import Path

import numpy as np
import pytest

from sb3_mimic.demos.pidog.dog import SERVO_SPEED, dog_gait
from sb3_mimic.demos.pidog.gait import collect_gait
from sb3_mimic.envs.pidog.legs import SERVO_LIMIT, forward_kinematics
from sb3_mimic.errors import InputError
from sb3_mimic.motion.formats.deepmimic.dog import read_dog3d
from sb3_mimic.motion.retarget.quadruped import foot_paths

CLIPS = ("dog3d_trot.txt", "dog3d_pace.txt")


@pytest.mark.parametrize("clip", CLIPS)
def test_the_dog_walks_on_the_ground(motions_dir: Path, clip: str) -> None:
    motion = read_dog3d(motions_dir / "deepmimic" / clip)
    positions = motion.positions()
    assert motion.fps == pytest.approx(60, abs=0.01)
    # Tips of fingers and toes are the boxes' joints, some centimetres above their soles.
    assert 0 < positions[..., 2].min() < 0.05
    assert positions[-1, 0, 0] - positions[0, 0, 0] > 0.8
    # Each foot stands for a moment, which is 1 to 3 m/s slower than the body goes.
    for name in ("left_finger", "right_finger", "left_toe", "right_toe"):
        path = positions[:, motion.tree.index(name), :2]
        assert np.linalg.norm(np.diff(path, axis=0), axis=1).min() * motion.fps < 0.3


@pytest.mark.parametrize("clip", CLIPS)
def test_gaits_keep_to_the_servos_and_to_the_dogs_feet(motions_dir: Path, clip: str) -> None:
    path = motions_dir / "deepmimic" / clip
    gait = dog_gait(path)
    times = np.linspace(0, gait.period, 400)
    angles = gait.left_sign_angles(times)
    assert np.abs(angles).max() < SERVO_LIMIT
    assert np.abs(np.gradient(angles, times, axis=0)).max() < 1.02 * SERVO_SPEED
    np.testing.assert_allclose(angles[0], angles[-1], atol=1e-9)
    paths = foot_paths(read_dog3d(path))
    assert gait.period == paths.period
    at = gait.left_sign_angles(np.arange(len(paths.lift)) / len(paths.lift) * gait.period)
    x, z = forward_kinematics(at[:, ::2], at[:, 1::2])
    # The same movement, smaller: x over the dog's forward is one number for all legs.
    for ours, dogs in ((x, paths.forward), (z, paths.lift)):
        centred = ours - ours.mean(axis=0), dogs - dogs.mean(axis=0)
        scales = (centred[0] * centred[1]).sum(axis=0) / (centred[1] ** 2).sum(axis=0)
        np.testing.assert_allclose(scales, scales[0], rtol=1e-6)
        assert scales[0] > 0


def test_a_clip_is_a_source_of_demonstrations(motions_dir: Path) -> None:
    path = motions_dir / "deepmimic" / "dog3d_pace.txt"
    (episode,) = collect_gait("sb3_mimic/PiDog-v0", path, 1, env_kwargs={"episode_seconds": 1.0})
    assert episode.acts.shape[1] == 8
    assert np.abs(episode.acts).max() <= 1
    assert episode.acts.std(axis=0).min() > 0.01


def test_other_files_are_refused(motions_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which is a clip of DeepMimic's humanoid3d, not of dog3d"):
        dog_gait(str(motions_dir / "deepmimic" / "humanoid3d_walk.txt"))
    with pytest.raises(InputError, match="cannot be read"):
        dog_gait(str(tmp_path / "nothing.txt"))
    document = json.loads((motions_dir / "deepmimic" / "dog3d_trot.txt").read_text())
    document["Frames"][3][4:8] = [0, 0, 0, 0]
    (tmp_path / "dog.txt").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"frame 3.*quaternion of root is zero"):
        dog_gait(str(tmp_path / "dog.txt"))
