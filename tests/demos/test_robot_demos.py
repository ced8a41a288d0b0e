"""Demonstrations of clips by robots of other bodies, in every actuation that can ask for them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.demos import collect_demonstrations
from sb3_mimic.demos.mocap import collect_mocap
from sb3_mimic.demos.refined import RefinedSettings, Refinement, collect_refined, tracking_env
from sb3_mimic.envs.actuation import ACTUATIONS, Actuation, Target, register_actuation
from sb3_mimic.envs.tracking import TrackingSpec
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip
from sb3_mimic.refinement import RefinedActions, refine

TRACKING = "sb3_mimic/Tracking-v0"


class Pairs(Actuation):
    """One number for both legs: less than one a joint."""

    @property
    def action_names(self) -> tuple[str, ...]:
        return self.robot.joint_names[:5]

    def controls(self, actions: FloatArray, target: Target | None) -> FloatArray:
        return np.tile(actions, (1, 2))


@pytest.fixture
def pairs() -> Iterator[str]:
    register_actuation("pairs", Pairs)
    yield "pairs"
    del ACTUATIONS["pairs"]


@pytest.fixture(scope="module")
def refined(biped_spec: TrackingSpec, knee_bend: MotionClip) -> RefinedActions:
    return refine(knee_bend, "invdyn", robot=biped_spec.load())


def test_a_retargeted_clip_is_demonstrated(
    robots_dir: Path, step_clip: MotionClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path))
    kwargs = {"robot_file": robots_dir / "unitree_g1" / "g1.xml"}
    for options in ({}, {"refinement": Refinement("invdyn")}):
        passes = collect_demonstrations(
            "sb3_mimic/G1Mimic-v0",
            step_clip,
            4,
            env_kwargs=kwargs,
            **options,  # type: ignore[arg-type]
        )
        assert len(passes) == 4
        assert len(passes[0]) == 15
        assert {one.acts.shape[1] for one in passes} == {29}


@pytest.mark.parametrize("control", ["residual", "pd", "torque", "stable_pd"])
def test_every_actuation_of_joints_takes_pd_labels(
    biped_spec: TrackingSpec, knee_bend: MotionClip, control: str
) -> None:
    kwargs = {"robot": biped_spec, "control": control}
    passes = collect_mocap(TRACKING, knee_bend, 3, env_kwargs=kwargs)
    assert len(passes[0]) == 15
    assert {one.acts.shape[1] for one in passes} == {10}


def test_servo_targets_give_the_same_motion(
    biped_spec: TrackingSpec, knee_bend: MotionClip, refined: RefinedActions
) -> None:
    residual, absolute = (
        collect_refined(
            TRACKING, knee_bend, 1, refined, env_kwargs={"robot": biped_spec, "control": control}
        )[0]
        for control in ("residual", "pd")
    )
    np.testing.assert_array_equal(residual.acts, refined.actions)
    assert np.abs(absolute.acts - residual.acts).max() > 0.01
    first = slice(0, 10)  # later the soles slip on the last bit of an action
    np.testing.assert_allclose(
        np.asarray(absolute.obs)[first], np.asarray(residual.obs)[first], atol=1e-3
    )


@pytest.mark.parametrize("control", ["torque", "stable_pd"])
def test_actuations_without_servos_cannot_ask_for_refined_actions(
    biped_spec: TrackingSpec, knee_bend: MotionClip, refined: RefinedActions, control: str
) -> None:
    kwargs: dict[str, Any] = {"robot": biped_spec, "control": control}
    with pytest.raises(InputError, match=f"control='{control}'.*refine-method none"):
        collect_refined(TRACKING, knee_bend, 1, refined, env_kwargs=kwargs)
    with pytest.raises(InputError, match=f"control='{control}'.*refine-method none"):
        collect_mocap(TRACKING, knee_bend, 1, env_kwargs=kwargs, refinement=Refinement("pd"))


def test_actuations_that_do_not_drive_joint_by_joint_are_refused(
    biped_spec: TrackingSpec, knee_bend: MotionClip, refined: RefinedActions, pairs: str
) -> None:
    kwargs: dict[str, Any] = {"robot": biped_spec, "control": pairs}
    with pytest.raises(InputError, match=r"control='pairs'.*joint by joint"):
        collect_mocap(TRACKING, knee_bend, 1, env_kwargs=kwargs)
    with pytest.raises(InputError, match=r"control='pairs'.*joint by joint"):
        collect_refined(TRACKING, knee_bend, 1, refined, env_kwargs=kwargs)


def test_disturbances_have_a_number_for_each_joint(
    biped_spec: TrackingSpec, knee_bend: MotionClip, refined: RefinedActions
) -> None:
    passes = collect_refined(
        TRACKING,
        knee_bend,
        5,
        refined,
        env_kwargs={"robot": biped_spec},
        settings=RefinedSettings(spread=0.01),
    )
    starts = np.array([np.asarray(one.obs)[0] for one in passes[1:]])
    assert len(np.unique(starts, axis=0)) == 4


def test_environments_without_clips_are_refused() -> None:
    with (
        closing(gym.make("Pendulum-v1")) as env,
        pytest.raises(InputError, match="Pendulum-v1 does not track clips"),
    ):
        tracking_env(env)
