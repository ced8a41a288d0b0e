"""Demonstrations checked, saved, loaded, and collected from a trained model."""

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from imitation.data import serialize
from imitation.data.types import Trajectory, TrajectoryWithRew
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from sb3_mimic.demos import collect_demonstrations
from sb3_mimic.demos.expert import collect_expert
from sb3_mimic.demos.storage import load_demonstrations, read_provenance, save_demonstrations
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.errors import InputError

OBSERVATIONS = spaces.Box(-np.inf, np.inf, (4,), np.float32)
ACTIONS = spaces.Box(-1.0, 1.0, (2,), np.float32)
IMAGES = spaces.Box(0, 255, (8, 6, 3), np.uint8)


def trajectories(
    lengths: list[int], seed: int = 0, space: spaces.Box = OBSERVATIONS
) -> list[TrajectoryWithRew]:
    rng = np.random.default_rng(seed)
    made = []
    for length in lengths:
        shape = (length + 1, *space.shape)
        image = space.dtype == np.uint8
        obs = rng.integers(0, 256, shape) if image else rng.normal(size=shape)
        made.append(
            TrajectoryWithRew(
                obs=obs.astype(space.dtype),
                acts=rng.uniform(-1, 1, (length, 2)).astype(np.float32),
                infos=None,
                terminal=bool(rng.integers(2)),
                rews=rng.normal(size=length).astype(np.float32),
            )
        )
    return made


@pytest.mark.smoke
@pytest.mark.parametrize("space", [OBSERVATIONS, IMAGES], ids=["numbers", "images"])
def test_saved_then_loaded_is_the_same_to_the_last_bit(tmp_path: Path, space: spaces.Box) -> None:
    saved = trajectories([5, 1, 9], space=space)
    save_demonstrations(tmp_path / "demos", saved, {"source": "test"})
    loaded = load_demonstrations(tmp_path / "demos", space, ACTIONS)
    assert len(loaded) == 3
    for before, after in zip(saved, loaded, strict=True):
        assert isinstance(after, TrajectoryWithRew)
        for name in ("obs", "acts", "rews"):
            one, two = getattr(before, name), getattr(after, name)
            assert one.dtype == two.dtype
            np.testing.assert_array_equal(one, two)
        assert before.terminal == after.terminal


def test_the_format_is_imitations_own(tmp_path: Path) -> None:
    saved = trajectories([5, 3])
    save_demonstrations(tmp_path / "demos", saved, {"source": "test", "seed": 1})
    loaded = serialize.load_with_rewards(tmp_path / "demos")
    np.testing.assert_allclose(loaded[1].rews, saved[1].rews)
    provenance = read_provenance(tmp_path / "demos")
    assert provenance["n_transitions"] == 8
    assert provenance["seed"] == 1
    returns = [t.rews.sum() for t in saved]
    assert provenance["mean_return"] == pytest.approx(np.mean(returns))


def test_demonstrations_are_not_overwritten(tmp_path: Path) -> None:
    save_demonstrations(tmp_path / "demos", trajectories([2]), {})
    with pytest.raises(InputError, match="exists already"):
        save_demonstrations(tmp_path / "demos", trajectories([3]), {})
    assert read_provenance(tmp_path / "demos")["n_transitions"] == 2


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_demonstrations(tmp_path / "demos", trajectories([2]), {"bad": object()})
    assert list(tmp_path.iterdir()) == []


def test_demonstrations_without_rewards_are_read(tmp_path: Path) -> None:
    bare = [Trajectory(t.obs, t.acts, None, t.terminal) for t in trajectories([4, 2])]
    serialize.save(tmp_path / "demos", bare)
    assert len(load_demonstrations(tmp_path / "demos", OBSERVATIONS, ACTIONS)) == 2
    assert read_provenance(tmp_path / "demos") == {}


def test_a_pickle_is_loaded_only_when_it_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "expert_demos.pkl"
    with path.open("wb") as file:
        pickle.dump(trajectories([4, 2]), file)
    with pytest.raises(InputError, match=r"can run any code .* --allow-pickle"):
        load_demonstrations(path, OBSERVATIONS, ACTIONS)
    with pytest.warns(DeprecationWarning, match="old pickle"):
        loaded = load_demonstrations(path, OBSERVATIONS, ACTIONS, allow_pickle=True)
    assert [len(t) for t in loaded] == [4, 2]


@pytest.mark.parametrize("kind", ["missing", "empty folder", "other pickle", "no pickle"])
def test_what_holds_no_demonstrations_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "demos"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "other pickle":
        path.write_bytes(pickle.dumps(["a", "b"]))
    elif kind == "no pickle":
        path.write_bytes(b"hello")
    with pytest.raises(InputError, match=str(path)):
        load_demonstrations(path, OBSERVATIONS, ACTIONS, allow_pickle=True)


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    field=st.sampled_from(["obs", "acts", "rews"]),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    data=st.data(),
)
def test_a_number_that_is_not_finite_is_found_and_named(
    lengths: list[int], field: str, value: float, data: st.DataObject
) -> None:
    made = trajectories(lengths)
    check_trajectories(made, OBSERVATIONS, ACTIONS, "demos")
    index = data.draw(st.integers(0, len(made) - 1))
    array: Any = np.array(getattr(made[index], field))
    step = data.draw(st.integers(0, len(array) - 1))
    array[step] = value
    made[index] = replace(made[index], **{field: array})
    with pytest.raises(
        InputError, match=f"demos: trajectory {index}: .* step {step} is not finite"
    ):
        check_trajectories(made, OBSERVATIONS, ACTIONS, "demos")


def test_actions_out_of_bounds_and_wrong_shapes_are_named() -> None:
    made = trajectories([3])
    acts = np.array(made[0].acts)
    acts[1, 1] = 1.5
    with pytest.raises(InputError, match=r"element 1 of step 1 is 1.5, outside \[-1, 1\]"):
        check_trajectories([replace(made[0], acts=acts)], OBSERVATIONS, ACTIONS, "demos")
    with pytest.raises(InputError, match=r"observations have shape \(4,\), .* have \(5,\)"):
        check_trajectories(made, spaces.Box(-np.inf, np.inf, (5,), np.float32), ACTIONS, "demos")
    with pytest.raises(InputError, match="hold no trajectory"):
        check_trajectories([], OBSERVATIONS, ACTIONS, "demos")
    with pytest.raises(InputError, match="Discrete"):
        check_trajectories(made, OBSERVATIONS, spaces.Discrete(2), "demos")


@pytest.mark.smoke
def test_an_expert_demonstrates_what_it_does() -> None:
    envs = make_vec_env("Pendulum-v1", 4, seed=0)
    expert = PPO("MlpPolicy", envs, n_steps=64, seed=0)
    shown = collect_expert(expert, envs, 3, seed=1)
    assert [len(t) for t in shown] == [200] * 3
    for trajectory in shown:
        said, _ = expert.predict(np.asarray(trajectory.obs)[:-1], deterministic=True)
        np.testing.assert_allclose(trajectory.acts, said, atol=1e-5)
    again = collect_expert(expert.policy, envs, 3, seed=1)
    for one, two in zip(shown, again, strict=True):
        np.testing.assert_array_equal(one.obs, two.obs)


def test_an_expert_of_another_environment_is_refused() -> None:
    envs = make_vec_env("Pendulum-v1", 1)
    other = PPO("MlpPolicy", "MountainCarContinuous-v0", n_steps=64)
    with pytest.raises(InputError, match=r"observations of shape \(2,\), .* \(3,\)"):
        collect_expert(other, envs, 1)
    with pytest.raises(InputError, match="must be positive"):
        collect_expert(other, envs, 0)


def test_an_environment_without_a_collector_is_refused() -> None:
    with pytest.raises(InputError, match="no source of demonstrations for 'Pendulum-v1'"):
        collect_demonstrations("Pendulum-v1", "walk", 1)


def test_provenance_is_plain_json(tmp_path: Path) -> None:
    save_demonstrations(tmp_path / "demos", trajectories([2]), {"motion": "walk"})
    text = (tmp_path / "demos" / "provenance.json").read_text()
    assert json.loads(text)["motion"] == "walk"
