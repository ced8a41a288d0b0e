"""Error feedback over whole passes: iterative learning control.

Each pass performs the actions open loop. Every action is then corrected by the error of its joint
one step later (Arimoto et al. 1984, https://doi.org/10.1002/rob.4620010203). A pass that is worse
than the best one is discarded and the step halved, so the iterations cannot diverge. Errors after
the body lost its balance say nothing about the actions there, so corrections end shortly after the
loss. Only joints are fed back: a balance that is lost with every joint in place stays lost.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint
from sb3_mimic.refinement.methods import ProgressCallback, ignore_progress
from sb3_mimic.refinement.methods.invdyn import InverseDynamicsSettings, solve_invdyn
from sb3_mimic.refinement.methods.pd import PdSettings, solve_pd
from sb3_mimic.refinement.problem import TrackingProblem, quantize

#: Largest cost of a step: the time of a fall tells passes apart, the pose on the ground does not.
LOST_COST: Final = 10.0

# Track is lost where the root is further off: its height [m], its rotation [rad].
_LOST_HEIGHT, _LOST_ANGLE = 0.15, 0.6
# Control steps after that whose errors still count.
_AFTER = 3


@dataclass(frozen=True)
class FeedbackSettings:
    """Settings of the corrections.

    Attributes:
        alpha: Part of an error that is corrected in one pass, to begin with.
        iterations: Passes.

    Raises:
        InputError: If a number is out of range.
    """

    alpha: float = 0.5
    iterations: int = 10

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise InputError(f"alpha must be positive, got {self.alpha}")
        if self.iterations < 1:
            raise InputError(f"iterations must be at least 1, got {self.iterations}")


def solve_feedback(
    problem: TrackingProblem,
    settings: FeedbackSettings,
    seed: int,
    progress: ProgressCallback,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FloatArray:
    """Actions ``(n_steps, nu)`` of the best pass.

    It begins with the best of plain PD, feed-forward (actions of zeros) and inverse dynamics.

    Args:
        problem: The tracking problem.
        settings: See :class:`FeedbackSettings`.
        seed: Not used.
        progress: Called after each pass.
        checkpoint: Not used.
    """
    del checkpoint
    starts = (
        solve_pd(problem, PdSettings(), seed, ignore_progress),
        np.zeros((problem.n_steps, problem.nu)),
        solve_invdyn(problem, InverseDynamicsSettings(), seed, ignore_progress),
    )
    return correct(problem, np.stack(starts), settings, progress)


def correct(
    problem: TrackingProblem,
    starts: FloatArray,
    settings: FeedbackSettings,
    progress: ProgressCallback,
) -> FloatArray:
    """The best pass ``(n_steps, nu)``, never worse than the best start.

    Args:
        problem: The tracking problem.
        starts: Actions to begin with, ``(n, n_steps, nu)``; the best are taken.
        settings: See :class:`FeedbackSettings`.
        progress: Called after each pass.
    """
    scale = problem.actuation.scale
    total = problem.n_steps * settings.iterations
    best, errors, cost = _best_pass(problem, quantize(starts))
    alpha = settings.alpha
    for iteration in range(settings.iterations):
        # An angle that is too large gets a smaller target.
        change = -alpha * errors[:, 6 : problem.nv] / scale
        change[_usable_steps(errors) :] = 0.0
        trial, trial_errors, trial_cost = _best_pass(problem, quantize(best + change)[None])
        if trial_cost < cost:
            best, errors, cost = trial, trial_errors, trial_cost
        else:
            alpha /= 2
        progress((iteration + 1) * problem.n_steps, total, cost)
    return best


def _best_pass(
    problem: TrackingProblem, actions: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Of passes ``(n, n_steps, nu)`` the cheapest: actions, errors (n_steps, 2 nv), cost."""
    start = np.repeat(problem.start[None], len(actions), axis=0)
    states = problem.rollout(start, actions, 0)
    costs = np.minimum(problem.costs(states, actions, 0), LOST_COST).sum(axis=1)
    best = int(costs.argmin())
    return actions[best], problem.errors(states[best][None], 0)[0], float(costs[best])


def _usable_steps(errors: FloatArray) -> int:
    """Control steps until shortly after the body lost the track."""
    lost = (np.abs(errors[:, 2]) > _LOST_HEIGHT) | (
        np.linalg.norm(errors[:, 3:6], axis=1) > _LOST_ANGLE
    )
    return int(lost.argmax()) + _AFTER if lost.any() else len(errors)
