"""Trajectory optimization with the simulation's derivatives: iLQR with sampled line search.

Each iteration linearizes the physics around a plan by finite differences, solves the resulting
linear-quadratic tracking problem backwards (Li & Todorov 2004, iLQR; Tassa et al. 2012,
https://doi.org/10.1109/IROS.2012.6386025, for the regularization), and tries the resulting feedback
policies forwards under the real physics, all in one batch: several step sizes, several dampings,
and noise. Contact makes the physics kinked, and where the linear model misleads, one of the noisy
trials usually finds the way on. Feedback keeps every trial near the plan, so that a second of
motion can be improved as a whole although its open-loop dynamics is unstable.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.checkpoint import Snapshot
from sb3_mimic.refinement.ilqr.lqr import linearize, solve_lqr
from sb3_mimic.refinement.ilqr.plan import Plan, Policies, rollout_policies
from sb3_mimic.refinement.problem import TrackingProblem

# Added to the Hessian of the actions: the first value, the factors tried around the present one,
# and the factor by which it grows when no trial is better.
_DAMPING = 1e-3
_DAMPING_FACTORS = np.array([0.1, 1.0, 10.0])
_DAMPING_GROWTH = 30.0
_DAMPING_RANGE = (1e-7, 1e3)
# Parts of the open-loop change of the actions.
_STEP_SIZES = np.array([1.0, 0.6, 0.3, 0.1])
_NOISY_STEP_SIZES = np.array([1.0, 0.6, 0.3, 0.0])
# Noise of the trials in parts of the present noise, and the factor by which that shrinks.
_NOISE_SCALES = np.array([1.0, 0.3, 0.1])
_NOISE_DECAY = 0.7
# Control steps between knots of the noise, linear in between.
_KNOTS = 3
# Half width of the part of a long plan that a noisy trial changes [control steps]: a trial that
# touches a whole clip almost surely spoils some of it.
_WINDOW = 10.0
# The best trials of each segment of so many control steps are put together to further trials.
_SEGMENT = 8
_MIXTURES = 3


@dataclass(frozen=True)
class ImproveSettings:
    """Settings of the improvement of a plan.

    Attributes:
        iterations: Linearizations, at most.
        samples: Noisy trials per iteration.
        noise: Standard deviation of the noise at its knots, in actions.
        tolerance: Improvement in parts of the cost below which an iteration counts as failed.
        patience: Failed iterations in a row after which the iterations end.
        enough: Mean cost of a step at which they end too; 0.003 is some 0.01 rad at every hinge.

    Raises:
        InputError: If a number is out of range.
    """

    iterations: int = 30
    samples: int = 48
    noise: float = 0.1
    tolerance: float = 0.01
    patience: int = 4
    enough: float = 0.003

    def __post_init__(self) -> None:
        for name in ("iterations", "samples", "noise", "tolerance", "enough"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.patience < 1:
            raise InputError(f"patience must be at least 1, got {self.patience}")


@dataclass(frozen=True)
class Improvement:
    """A plan that is being improved, between two iterations.

    Attributes:
        plan: The best plan so far.
        noise: Standard deviation of the next trials' noise at its knots.
        damping: Number added to the Hessian of the actions.
        iterations: Linearizations so far.
        failures: Failed iterations in a row.
    """

    plan: Plan
    noise: float
    damping: float = _DAMPING
    iterations: int = 0
    failures: int = 0

    def snapshot(self, stage: str) -> Snapshot:
        """The improvement as a checkpoint holds it."""
        plan = self.plan
        return Snapshot(
            stage,
            {"actions": plan.actions, "states": plan.states, "costs": plan.costs},
            {
                "noise": self.noise,
                "damping": self.damping,
                "iterations": self.iterations,
                "failures": self.failures,
            },
        )

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> "Improvement":
        """The improvement that a snapshot was taken of."""
        return cls(Plan(**snapshot.arrays), **snapshot.values)


@dataclass(frozen=True)
class _Trial:
    plan: Plan
    damping: float
    noisy: bool


def improve(
    problem: TrackingProblem,
    state: FloatArray,
    plan: Plan,
    start: int,
    settings: ImproveSettings,
    rng: np.random.Generator,
    on_iteration: Callable[[Improvement], None] | None = None,
) -> Plan:
    """A plan that costs less, or the same one.

    Args:
        problem: The tracking problem.
        state: First state of the plan, ``(nq + nv,)``.
        plan: The plan so far.
        start: Its first control step.
        settings: See :class:`ImproveSettings`.
        rng: Draws the noise.
        on_iteration: Called after each iteration.
    """
    first = Improvement(plan, settings.noise)
    return resume(problem, state, first, start, settings, rng, on_iteration)


def resume(
    problem: TrackingProblem,
    state: FloatArray,
    improvement: Improvement,
    start: int,
    settings: ImproveSettings,
    rng: np.random.Generator,
    on_iteration: Callable[[Improvement], None] | None = None,
) -> Plan:
    """As `improve`, from an improvement that was interrupted."""
    plan, noise = improvement.plan, improvement.noise
    damping, failures = improvement.damping, improvement.failures
    jacobians: tuple[FloatArray, FloatArray] | None = None
    for iteration in range(improvement.iterations, settings.iterations):
        if failures >= settings.patience or plan.costs.mean() <= settings.enough:
            break
        if jacobians is None:
            jacobians = linearize(problem, state, plan, start)
        dampings = np.clip(damping * _DAMPING_FACTORS, *_DAMPING_RANGE)
        policies = solve_lqr(problem, plan, jacobians, start, dampings)
        trial = _best_trial(
            problem, state, plan, policies, dampings, start, settings.samples, noise, rng
        )
        saved = plan.cost - trial.plan.cost
        failures = 0 if saved > settings.tolerance * plan.cost else failures + 1
        if saved > 0:
            plan, damping, jacobians = trial.plan, trial.damping, None
        else:
            damping = min(damping * _DAMPING_GROWTH, _DAMPING_RANGE[1])
        if saved <= 0 or not trial.noisy:
            noise *= _NOISE_DECAY
        if on_iteration is not None:
            on_iteration(Improvement(plan, noise, damping, iteration + 1, failures))
    return plan


def smooth_noise(n: int, horizon: int, size: int, rng: np.random.Generator) -> FloatArray:
    """Noise ``(n, horizon, size)`` of unit variance at its knots and linear between them."""
    knots = rng.standard_normal((n, (horizon - 1) // _KNOTS + 2, size))
    index, rest = np.divmod(np.arange(horizon), _KNOTS)
    fraction = (rest / _KNOTS)[:, None]
    return np.asarray(knots[:, index] * (1 - fraction) + knots[:, index + 1] * fraction)


def _best_trial(
    problem: TrackingProblem,
    state: FloatArray,
    plan: Plan,
    policies: Policies,
    dampings: FloatArray,
    start: int,
    samples: int,
    noise: float,
    rng: np.random.Generator,
) -> _Trial:
    """The cheapest of all trials: step sizes times policies, noisy ones, and mixtures of them."""
    m, horizon, nu = policies.offsets.shape
    plain = m * len(_STEP_SIZES)
    which = np.concatenate(
        (np.repeat(np.arange(m), len(_STEP_SIZES)), rng.integers(m, size=samples))
    )
    sizes = np.concatenate((np.tile(_STEP_SIZES, m), rng.choice(_NOISY_STEP_SIZES, size=samples)))
    offsets = sizes[:, None, None] * policies.offsets[which]
    scales = noise * rng.choice(_NOISE_SCALES, size=(samples, 1, 1))
    offsets[plain:] += scales * smooth_noise(samples, horizon, nu, rng)
    if horizon > 3 * _WINDOW:
        centers = rng.uniform(0, horizon, size=(samples, 1, 1))
        distance = (np.arange(horizon)[:, None] - centers) / _WINDOW
        offsets[plain:] *= np.exp(-np.square(distance) / 2)
    trials = Policies(offsets, policies.gains[which])
    states, actions = rollout_policies(problem, state, plan, trials, start)
    costs = problem.costs(states, actions, start)

    mixed = _mixtures(plan, trials, costs)
    mixed_states, mixed_actions = rollout_policies(problem, state, plan, mixed, start)
    mixed_costs = problem.costs(mixed_states, mixed_actions, start)
    totals = np.concatenate((costs.sum(axis=1), mixed_costs.sum(axis=1)))
    best = int(np.argmin(totals))
    n = len(costs)
    if best < n:
        best_plan = Plan(actions[best], states[best], costs[best])
        return _Trial(best_plan, float(dampings[which[best]]), best >= plain)
    best -= n
    best_plan = Plan(mixed_actions[best], mixed_states[best], mixed_costs[best])
    return _Trial(best_plan, float(dampings[m // 2]), True)


def _mixtures(plan: Plan, trials: Policies, costs: FloatArray) -> Policies:
    """Policies that are put together of the trials that were best in each segment.

    The first takes the best trial of each segment, the second the second best, and so on; where
    none was better than the plan, the plan stays.
    """
    horizon = costs.shape[1]
    edges = np.arange(0, horizon, _SEGMENT)
    by_segment = np.nan_to_num(np.add.reduceat(costs, edges, axis=1), nan=np.inf)
    order = np.argsort(by_segment, axis=0)[:_MIXTURES]
    better = np.take_along_axis(by_segment, order, axis=0) < np.add.reduceat(plan.costs, edges)
    segment, step = np.arange(horizon) // _SEGMENT, np.arange(horizon)
    trial = order[:, segment]
    offsets = np.where(better[:, segment, None], trials.offsets[trial, step], 0.0)
    return Policies(offsets, trials.gains[trial, step])
