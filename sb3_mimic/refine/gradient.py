"""Trajectory optimization over the whole clip at once, from the actions of inverse dynamics on."""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.refine.checkpoint import NOWHERE, Checkpoint
from sb3_mimic.refine.ilqr import Improvement, ImproveSettings, follow, go_on
from sb3_mimic.refine.invdyn import inverse_dynamics_actions
from sb3_mimic.refine.methods import Report
from sb3_mimic.refine.problem import TrackingProblem


@dataclass(frozen=True)
class GradientSettings(ImproveSettings):
    """How the plan is improved; see :class:`~sb3_mimic.refine.ilqr.ImproveSettings`."""


def solve_gradient(
    problem: TrackingProblem,
    settings: GradientSettings,
    seed: int,
    report: Report,
    checkpoint: Checkpoint = NOWHERE,
) -> FloatArray:
    """Actions ``(n_steps, nu)``: those of inverse dynamics, improved over the whole clip at once.

    Args:
        problem: The tracking problem.
        settings: See :class:`GradientSettings`.
        seed: Seeds the noise.
        report: Told the iterations done.
        checkpoint: Keeps the progress of each iteration.
    """
    rng = np.random.default_rng(seed)
    found = checkpoint.load(rng)
    if found is None:
        first = follow(problem, problem.start, inverse_dynamics_actions(problem), 0)
        begun = Improvement(first, settings.noise)
    else:
        begun = Improvement.restored(found)

    def keep(now: Improvement) -> None:
        checkpoint.save(now.snapshot("whole"), rng)
        report(now.iterations, settings.iterations, now.plan.cost)

    return go_on(problem, problem.start, begun, 0, settings, rng, keep).actions
