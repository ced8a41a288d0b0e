"""A clip to refined actions: checked, refined, replayed, measured."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sb3_mimic.envs.tracking.reference import Reference, reference_for
from sb3_mimic.envs.tracking.spec import TrackingRobot
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip
from sb3_mimic.names import unknown_name
from sb3_mimic.refinement.actions import Provenance, RefinedActions
from sb3_mimic.refinement.checkpoint import Checkpoint
from sb3_mimic.refinement.feasibility import check_refinable
from sb3_mimic.refinement.methods import (
    DEFAULT_METHOD,
    Method,
    ProgressCallback,
    get_method,
    ignore_progress,
)
from sb3_mimic.refinement.methods.pd import PdSettings, solve_pd
from sb3_mimic.refinement.problem import TrackingProblem
from sb3_mimic.refinement.replay import ReplayMetrics, figures, measure, replay, single_step_errors
from sb3_mimic.tasks import DEFAULT_TASK, load_tracking_robot
from sb3_mimic.versions import versions

# Packages whose versions decide the actions to the last bit.
_DECISIVE = ("sb3-mimic", "mujoco", "numpy")


def load_reference(
    motion: str | Path | MotionClip, robot: TrackingRobot | str | None = None
) -> Reference:
    """The reference that a tracking environment makes of a motion.

    Args:
        motion: Name of a built-in clip, path of a clip file, or a clip.
        robot: The robot, or the name of the task that it belongs to; the default task's without it.

    Raises:
        InputError: If it cannot be read.
    """
    if not isinstance(robot, TrackingRobot):
        robot = load_tracking_robot(robot or DEFAULT_TASK)
    return reference_for(motion, robot)


def require_refinable(reference: Reference) -> None:
    """Refuses a clip that no actions can reproduce.

    Raises:
        InputError: If the clip has errors; the message names each with its remedy.
    """
    findings = check_refinable(reference)
    if findings:
        reasons = "; ".join(f"{finding.message}: {finding.advice}" for finding in findings)
        raise InputError(
            f"no actions can reproduce the motion {reference.clip.name!r} as it is: {reasons}"
        )


def refine(
    motion: str | Path | MotionClip,
    method: str = DEFAULT_METHOD,
    *,
    robot: TrackingRobot | str | None = None,
    cycles: int = 1,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
    checkpoint: Path | None = None,
    log: Callable[[str], None] | None = None,
    n_threads: int | None = None,
) -> RefinedActions:
    """Finds actions under which a robot reproduces a clip under physics.

    Args:
        motion: Name of a built-in clip, path of a clip file, or a clip.
        method: Name of the method, see `sb3_mimic.refinement.methods`.
        robot: The robot, or the name of the task that it belongs to; the default task's without it.
        cycles: How often a looping clip goes round.
        seed: Seed of everything random.
        settings: Changes to the method's default settings.
        progress: Called with steps done, steps in all, and the cost so far.
        checkpoint: File (.npz) in which the slow methods keep their progress. They go on from a
            file of the same clip, robot, settings, seed and versions, and find the same actions to
            the last bit. The file stays there in the end.
        log: Called with a sentence that says whether an existing ``checkpoint`` is used.
        n_threads: Physics threads, which do not change the result; by default one per core.

    Returns:
        The actions, the states they lead through, and their provenance with the metrics of their
        replay and of plain PD extraction.

    Raises:
        InputError: If a name, number or clip cannot be used, or if no actions can reproduce the
            clip.

    Example:
        >>> from sb3_mimic import refine
        >>> refined = refine("squat", method="feedback")
        >>> refined.actions.shape
        (90, 28)
        >>> refined.provenance.metrics["survived_fraction"]
        1.0
    """
    reference = load_reference(motion, robot)
    require_refinable(reference)
    return refine_reference(
        reference,
        method,
        cycles=cycles,
        seed=seed,
        settings=settings,
        progress=progress,
        checkpoint=checkpoint,
        log=log,
        n_threads=n_threads,
    )


def refine_reference(
    reference: Reference,
    method: str = DEFAULT_METHOD,
    *,
    cycles: int = 1,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
    checkpoint: Path | None = None,
    log: Callable[[str], None] | None = None,
    n_threads: int | None = None,
) -> RefinedActions:
    """As `refine`, for a reference that is known to be refinable.

    Args:
        reference: The clip for the robot, as `load_reference` makes it.
        method: As of `refine`; so are the others.
        cycles: How often a looping clip goes round.
        seed: Seed of everything random.
        settings: Changes to the method's default settings.
        progress: Called with steps done, steps in all, and the cost so far.
        checkpoint: File (.npz) of the progress.
        log: Called with a sentence that says whether an existing file is used.
        n_threads: Physics threads.

    Raises:
        InputError: If a name or number cannot be used.
    """
    entry = get_method(method)
    options = _settings(entry, settings or {})
    if cycles < 1 or (cycles > 1 and not reference.loop):
        raise InputError(
            f"cycles={cycles} must be at least 1"
            if cycles < 1
            else f"cycles={cycles}: {reference.clip.name!r} does not loop, so it is performed once"
        )
    with closing(TrackingProblem(reference, cycles, n_threads=n_threads)) as problem:
        store = Checkpoint(checkpoint, _key(reference, method, options, seed, cycles), log)
        solution = entry.solve(problem, options, seed, progress or ignore_progress, store)
        actions = solution.astype(np.float32)
        seconds = store.seconds
        method_metrics = entry.measure(problem, options)
    result = replay(reference, actions, cycles)
    single = single_step_errors(reference, actions, cycles, n_threads)
    clip, robot = reference.clip, reference.robot
    return RefinedActions(
        actions,
        result.qpos,
        result.qvel,
        Provenance(
            clip=clip.name,
            clip_digest=clip.digest,
            robot=robot.name,
            robot_digest=robot.digest,
            method=method,
            settings=asdict(options),
            seed=seed,
            cycles=cycles,
            seconds=seconds,
            versions=versions(),
            metrics=figures(reference, result, float(single.mean())).as_dict() | method_metrics,
            pd_metrics=measure_pd(reference, cycles, n_threads=n_threads).as_dict(),
        ),
    )


def refinement_key(
    reference: Reference,
    method: str,
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    cycles: int = 1,
) -> dict[str, Any]:
    """Everything that decides the actions of a refinement to the last bit, as JSON holds it.

    Raises:
        InputError: If there is no such method or setting.
    """
    return _key(reference, method, _settings(get_method(method), settings or {}), seed, cycles)


def _key(reference: Reference, method: str, options: Any, seed: int, cycles: int) -> dict[str, Any]:
    """See `refinement_key`; of settings that are complete."""
    installed = versions()
    return {
        "clip": reference.clip.digest,
        "robot": reference.robot.digest,
        "method": method,
        "settings": asdict(options),
        "seed": seed,
        "cycles": cycles,
        "versions": {name: installed[name] for name in _DECISIVE if name in installed},
    }


def measure_pd(
    reference: Reference, cycles: int = 1, *, n_threads: int | None = None, **options: Any
) -> ReplayMetrics:
    """The metrics of plain PD extraction, with which everything is compared.

    Args:
        reference: The clip.
        cycles: How often a looping clip goes round.
        n_threads: Physics threads.
        **options: As of `measure`.
    """
    with closing(TrackingProblem(reference, cycles, n_threads=n_threads)) as problem:
        actions = solve_pd(problem, PdSettings(), 0, ignore_progress)
    return measure(reference, actions, cycles, n_threads=n_threads, **options)


def _settings(method: Method, changes: Mapping[str, Any]) -> Any:
    names = method.setting_names()
    for name in changes:
        if name not in names:
            raise unknown_name(f"setting of the method {method.name}", name, names)
    return method.settings(**changes)
