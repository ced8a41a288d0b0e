"""What every registered method of refinement promises, on every kind of robot."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import FrozenInstanceError, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.tracking import Reference, TrackingSpec
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip
from sb3_mimic.refinement import METHODS, Method, RefinedActions, load_reference, register_method
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint
from sb3_mimic.refinement.methods import ProgressCallback, get_method, ignore_progress
from sb3_mimic.refinement.problem import TrackingProblem, quantize
from sb3_mimic.refinement.run import refine_reference

# As little work as shows what is asked, for whichever of them a method knows.
LITTLE = {"iterations": 1, "samples": 4, "horizon": 6, "execute": 4, "polish": 1}


@dataclass(frozen=True)
class NoiseSettings:
    """Settings of the method that is registered from outside."""

    noise: float = 0.01


def solve_noise(
    problem: TrackingProblem,
    settings: NoiseSettings,
    seed: int,
    progress: ProgressCallback,
    checkpoint: Checkpoint,
) -> FloatArray:
    """Follows the reference, with noise."""
    rng = np.random.default_rng(seed)
    progress(1, 1, 0.0)
    return quantize(rng.normal(0.0, settings.noise, (problem.n_steps, problem.nu)))


def largest_action(problem: TrackingProblem, settings: NoiseSettings) -> dict[str, float]:
    return {"noise": settings.noise, "joints": float(problem.nu)}


OUTSIDE = Method("noise", "noise", solve_noise, NoiseSettings, largest_action)


@pytest.fixture(params=[*METHODS, OUTSIDE.name])
def method(request: pytest.FixtureRequest) -> Iterator[Method]:
    register_method(OUTSIDE)
    yield get_method(request.param)
    del METHODS[OUTSIDE.name]


@pytest.fixture(scope="module", params=["default", "biped"])
def reference(
    request: pytest.FixtureRequest,
    step_clip: MotionClip,
    knee_bend: MotionClip,
    biped_spec: TrackingSpec,
) -> Reference:
    """Half a second for the default robot, or for one that is not in the package."""
    if request.param == "default":
        return load_reference(step_clip)
    return load_reference(knee_bend, biped_spec.load())


def little(method: Method) -> dict[str, Any]:
    return {name: LITTLE[name] for name in method.setting_names() if name in LITTLE}


def solve(
    reference: Reference,
    method: Method,
    seed: int = 0,
    n_threads: int = 1,
    progress: ProgressCallback = ignore_progress,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FloatArray:
    settings = method.settings(**little(method))
    with closing(TrackingProblem(reference, n_threads=n_threads)) as problem:
        return method.solve(problem, settings, seed, progress, checkpoint)


def refined(reference: Reference, method: Method, **options: Any) -> RefinedActions:
    settings = little(method)
    return refine_reference(reference, method.name, settings=settings, n_threads=1, **options)


def test_actions_are_those_that_an_environment_takes(reference: Reference, method: Method) -> None:
    actions = solve(reference, method)
    assert actions.shape == (15, len(reference.robot.joint_names))
    np.testing.assert_array_equal(actions, quantize(actions))


def test_seed_and_threads(reference: Reference, method: Method) -> None:
    first = solve(reference, method)
    np.testing.assert_array_equal(solve(reference, method, n_threads=2), first)
    if not method.random:
        np.testing.assert_array_equal(solve(reference, method, seed=1), first)


def test_another_seed_gives_other_actions(step_clip: MotionClip, method: Method) -> None:
    if method.random:
        reference = load_reference(step_clip)
        first = solve(reference, method)
        others = (solve(reference, method, seed) for seed in range(1, 4))
        assert any(not np.array_equal(first, other) for other in others)


def test_progress_ends_within_its_steps(step_clip: MotionClip, method: Method) -> None:
    calls: list[tuple[int, int, float]] = []
    solve(load_reference(step_clip), method, progress=lambda *call: calls.append(call))
    assert calls
    assert all(0 < done <= steps and cost >= 0 for done, steps, cost in calls)
    assert len({steps for _, steps, _ in calls}) == 1


def test_a_finished_checkpoint_gives_the_same_actions(
    step_clip: MotionClip, method: Method, tmp_path: Path
) -> None:
    reference = load_reference(step_clip)
    stored = Checkpoint(tmp_path / "progress.npz", {})
    first = solve(reference, method, checkpoint=stored)
    np.testing.assert_array_equal(solve(reference, method, checkpoint=stored), first)


def test_a_replay_tells_how_good_they_are(reference: Reference, method: Method) -> None:
    result = refined(reference, method, seed=3)
    provenance = result.provenance
    assert provenance is not None
    assert result.actions.dtype == np.float32
    assert (provenance.method, provenance.seed) == (method.name, 3)
    assert provenance.robot == reference.robot.name
    assert 0 < provenance.metrics["survived_fraction"] <= 1
    assert set(provenance.pd_metrics) <= set(provenance.metrics)
    assert json.loads(json.dumps(asdict(provenance))) == asdict(provenance)


def test_settings_are_frozen_and_have_defaults(method: Method) -> None:
    settings = method.settings()
    assert {field.name for field in fields(settings)} == set(method.setting_names())
    assert json.loads(json.dumps(asdict(settings))) == asdict(settings)
    for name in method.setting_names():
        with pytest.raises(FrozenInstanceError):
            setattr(settings, name, 1)


def test_unknown_settings_are_refused(step_clip: MotionClip, method: Method) -> None:
    with pytest.raises(InputError, match=f"unknown setting of the method {method.name} 'speed'"):
        refine_reference(load_reference(step_clip), method.name, settings={"speed": 1})


def test_metrics_of_a_methods_own_are_in_the_provenance(step_clip: MotionClip) -> None:
    register_method(OUTSIDE)
    try:
        provenance = refined(load_reference(step_clip), OUTSIDE).provenance
    finally:
        del METHODS[OUTSIDE.name]
    assert provenance is not None
    assert provenance.metrics["noise"] == 0.01
    assert provenance.metrics["joints"] == 28
