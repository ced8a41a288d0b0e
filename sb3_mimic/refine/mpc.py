"""Receding-horizon planning: the default method.

A plan of some .8 s is improved by sampled iLQR (:mod:`sb3_mimic.refine.ilqr`), its first quarter
of a second is executed, and the rest is where the next plan starts from: elites live on from segment to
segment. The horizon has to be long enough to prepare a take-off; what is executed is short enough
that every action was planned with half a second behind it in view. Where a plan runs into trouble, the
planner goes back and tries again with more effort. In the end the whole clip is polished as one
plan, which costs little and finds what no window could: the speed of the run-up from which the
jump would have landed right.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.refine.ilqr import ImproveSettings, Plan, follow, improve
from sb3_mimic.refine.invdyn import inverse_dynamics_actions
from sb3_mimic.refine.methods import Report
from sb3_mimic.refine.problem import TrackingProblem

FloatArray = NDArray[np.float64]

# Cost per step above which a plan is in trouble: the root is a radian or .3 m off, say. Plans that
# follow acrobatics closely cost up to .4.
_TROUBLE = 1.0
# Segments to go back when in trouble, and how often that may happen in all per segment of the clip.
_BACK = 3
_BACKTRACKS = 0.5


@dataclass(frozen=True)
class MpcSettings:
    """How the planner works.

    Attributes:
        horizon: Control steps planned ahead.
        execute: Control steps executed of each plan.
        iterations: Iterations per plan, at most.
        samples: Noisy trials per iteration.
        noise: Standard deviation of their noise at its knots, in actions.
        polish: Iterations over the whole clip in the end, at most.
    """

    horizon: int = 24
    execute: int = 8
    iterations: int = 3
    samples: int = 48
    noise: float = 0.1
    polish: int = 10


def solve_mpc(
    problem: TrackingProblem,
    settings: MpcSettings,
    seed: int,
    report: Report,
) -> FloatArray:
    """Actions ``(n_steps, nu)`` that follow the clip.

    Args:
        problem: The tracking problem.
        settings: See :class:`MpcSettings`.
        seed: Seeds the noise.
        report: Told how many of how many control steps are done, and the cost so far.
    """
    rng = np.random.default_rng(seed)
    total = problem.n_steps + settings.polish
    plan = _plan_through(problem, settings, rng, lambda done, cost: report(done, total, cost))
    whole = ImproveSettings(settings.polish, settings.samples, settings.noise)
    polished = improve(
        problem,
        problem.start,
        plan,
        0,
        whole,
        rng,
        lambda done, cost: report(problem.n_steps + done, total, cost),
    )
    return polished.actions


def _plan_through(
    problem: TrackingProblem,
    settings: MpcSettings,
    rng: np.random.Generator,
    report: Callable[[int, float], None],
) -> Plan:
    each = ImproveSettings(settings.iterations, settings.samples, settings.noise, patience=2)
    # What was executed, and with it the plan it was the beginning of.
    executed: list[Plan] = []
    plans: list[Plan] = []
    backtracks = int(np.ceil(_BACKTRACKS * problem.n_steps / settings.execute))
    effort = 1
    # Where a plan knows nothing yet: what the reference needs of the motors. A clip that does not
    # loop ends with its last step.
    n_known = problem.n_steps + (settings.horizon if problem.reference.loop else 0)
    known = inverse_dynamics_actions(problem, n_steps=n_known)
    guess = np.zeros((0, problem.nu))
    while (step := sum(len(part.actions) for part in executed)) < problem.n_steps:
        state = executed[-1].states[-1] if executed else problem.start
        horizon = settings.horizon
        if not problem.reference.loop:
            horizon = min(horizon, problem.n_steps - step)
        actions = known[step : step + horizon].copy()
        actions[: len(guess)] = guess[:horizon]
        plan = follow(problem, state, actions, step)
        # The first plan has no predecessor.
        more = effort if executed else 3 * effort
        plan = improve(
            problem, state, plan, step, replace(each, iterations=more * each.iterations), rng
        )
        if plan.cost > _TROUBLE * horizon and executed and backtracks:
            backtracks -= 1
            effort = 3
            back = min(_BACK, len(executed))
            guess = plans[-back].actions
            del executed[-back:], plans[-back:]
            continue
        effort = 1
        plans.append(plan)
        executed.append(_part(plan, slice(0, min(settings.execute, problem.n_steps - step))))
        guess = plan.actions[settings.execute :]
        report(step + len(executed[-1].actions), sum(part.cost for part in executed))
    return Plan(
        np.concatenate([part.actions for part in executed]),
        np.concatenate([part.states for part in executed]),
        np.concatenate([part.costs for part in executed]),
    )


def _part(plan: Plan, steps: slice) -> Plan:
    return Plan(plan.actions[steps], plan.states[steps], plan.costs[steps])
