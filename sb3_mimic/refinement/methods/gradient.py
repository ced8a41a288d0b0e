"""Trajectory optimization over the whole clip at once, from the actions of inverse dynamics on."""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint
from sb3_mimic.refinement.ilqr import Improvement, ImproveSettings, resume, rollout_plan
from sb3_mimic.refinement.methods import ProgressCallback
from sb3_mimic.refinement.methods.invdyn import inverse_dynamics_actions
from sb3_mimic.refinement.problem import TrackingProblem


@dataclass(frozen=True)
class GradientSettings(ImproveSettings):
    """Settings of the improvement; see :class:`~sb3_mimic.refinement.ilqr.ImproveSettings`."""


def solve_gradient(
    problem: TrackingProblem,
    settings: GradientSettings,
    seed: int,
    progress: ProgressCallback,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FloatArray:
    """Actions ``(n_steps, nu)``: those of inverse dynamics, improved over the whole clip at once.

    Args:
        problem: The tracking problem.
        settings: See :class:`GradientSettings`.
        seed: Seeds the noise.
        progress: Called after each iteration.
        checkpoint: Written after each iteration.
    """
    rng = np.random.default_rng(seed)
    snapshot = checkpoint.load(rng)
    if snapshot is None:
        first = rollout_plan(problem, problem.start, inverse_dynamics_actions(problem), 0)
        improvement = Improvement(first, settings.noise)
    else:
        improvement = Improvement.from_snapshot(snapshot)

    def on_iteration(now: Improvement) -> None:
        checkpoint.save(now.snapshot("whole"), rng)
        progress(now.iterations, settings.iterations, now.plan.cost)

    return resume(problem, problem.start, improvement, 0, settings, rng, on_iteration).actions
