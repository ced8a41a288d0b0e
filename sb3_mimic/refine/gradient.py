"""Trajectory optimization over the whole clip at once, from the actions of inverse dynamics on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.refine.ilqr import ImproveSettings, follow, improve
from sb3_mimic.refine.invdyn import inverse_dynamics_actions
from sb3_mimic.refine.methods import Report
from sb3_mimic.refine.problem import TrackingProblem

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class GradientSettings(ImproveSettings):
    """How the plan is improved; see :class:`~sb3_mimic.refine.ilqr.ImproveSettings`."""


def solve_gradient(
    problem: TrackingProblem, settings: GradientSettings, seed: int, report: Report
) -> FloatArray:
    """Actions ``(n_steps, nu)``: those of inverse dynamics, improved over the whole clip at once.

    Args:
        problem: The tracking problem.
        settings: See :class:`GradientSettings`.
        seed: Seeds the noise.
        report: Told the iterations done.
    """
    first = follow(problem, problem.start, inverse_dynamics_actions(problem), 0)
    plan = improve(
        problem,
        problem.start,
        first,
        0,
        settings,
        np.random.default_rng(seed),
        lambda done, cost: report(done, settings.iterations, cost),
    )
    return plan.actions
