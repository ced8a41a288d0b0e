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
from sb3_mimic.envs.core.manifold import difference, displace
from sb3_mimic.errors import InputError
from sb3_mimic.refine.checkpoint import Snapshot
from sb3_mimic.refine.problem import TrackingProblem, quantized

# Step of the finite differences. Contacts are stiff: 1e-4 m of penetration is another regime, and
# with steps of 1e-4 the iterations stall at several times the cost.
_EPSILON = 1e-6
# Control steps linearized in one batch, which bounds the memory of a long clip.
_LINEARIZED_AT_ONCE = 64
# Added to the Hessian of the actions: what the first iteration starts from, the factors tried
# around the present one, and what it grows by when no trial is better.
_DAMPING = 1e-3
_DAMPING_FACTORS = np.array([0.1, 1.0, 10.0])
_DAMPING_GROWTH = 30.0
_DAMPING_RANGE = (1e-7, 1e3)
# Parts of the open-loop change of the actions.
_STEP_SIZES = np.array([1.0, 0.6, 0.3, 0.1])
_NOISY_STEP_SIZES = np.array([1.0, 0.6, 0.3, 0.0])
# Noise of the trials in parts of the present noise, and what that shrinks by.
_NOISE_SCALES = np.array([1.0, 0.3, 0.1])
_NOISE_DECAY = 0.7
# Control steps between knots of the noise, linear in between.
_KNOTS = 3
# Half width of what a noisy trial changes in a plan much longer than that [control steps]: one
# that touches a whole clip almost surely spoils some of it.
_WINDOW = 10.0
# The best trials of each segment of so many control steps are put together to further trials.
_SEGMENT = 8
_MIXTURES = 3


@dataclass(frozen=True)
class ImproveSettings:
    """How a plan is improved.

    Attributes:
        iterations: Linearizations, at most.
        samples: Noisy trials per iteration.
        noise: Standard deviation of the noise at its knots, in actions.
        tolerance: Improvement in parts of the cost below which an iteration counts as failed.
        patience: Failed iterations in a row after which the iterations end.
        enough: Mean cost of a step at which they end too; .003 is some .01 rad at every hinge.

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
class Plan:
    """Actions from a state on, and what they lead to.

    Attributes:
        actions: ``(horizon, nu)``, each a float32 number in [-1, 1].
        states: States after each of them, ``(horizon, nq + nv)``.
        costs: Cost of each step, ``(horizon,)``.
    """

    actions: FloatArray
    states: FloatArray
    costs: FloatArray

    @property
    def cost(self) -> float:
        """Cost of the whole plan."""
        return float(self.costs.sum())


@dataclass(frozen=True)
class Improvement:
    """How far the improvement of a plan has come.

    Attributes:
        plan: The best plan so far.
        noise: Standard deviation of the next trials' noise at its knots.
        damping: What is added to the Hessian of the actions.
        iterations: Linearizations so far.
        failures: Failed iterations in a row.
    """

    plan: Plan
    noise: float
    damping: float = _DAMPING
    iterations: int = 0
    failures: int = 0

    def snapshot(self, stage: str) -> Snapshot:
        """As it is kept in a file."""
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
    def restored(cls, snapshot: Snapshot) -> "Improvement":
        """What `snapshot` was taken of."""
        return cls(Plan(**snapshot.arrays), **snapshot.values)


@dataclass(frozen=True)
class Policies:
    """n feedback policies around one plan: ``a = plan + offset + gain · deviation from the plan``.

    Attributes:
        offsets: ``(n, horizon, nu)``.
        gains: ``(n, horizon, nu, 2 nv)``.
    """

    offsets: FloatArray
    gains: FloatArray


@dataclass(frozen=True)
class _Trial:
    plan: Plan
    damping: float
    noisy: bool


def follow(problem: TrackingProblem, state: FloatArray, actions: FloatArray, start: int) -> Plan:
    """The plan that actions ``(horizon, nu)`` from a state ``(nq + nv,)`` are."""
    actions = quantized(actions)
    states = problem.rollout(state[None], actions[None], start)
    return Plan(actions, states[0], problem.costs(states, actions[None], start)[0])


def improve(
    problem: TrackingProblem,
    state: FloatArray,
    plan: Plan,
    start: int,
    settings: ImproveSettings,
    rng: np.random.Generator,
    report: Callable[[Improvement], None] | None = None,
) -> Plan:
    """A plan that costs less, or the same one.

    Args:
        problem: The tracking problem.
        state: Where the plan begins, ``(nq + nv,)``.
        plan: The plan so far.
        start: Its first control step.
        settings: See :class:`ImproveSettings`.
        rng: Draws the noise.
        report: Told after each iteration how far it has come.
    """
    begun = Improvement(plan, settings.noise)
    return go_on(problem, state, begun, start, settings, rng, report)


def go_on(
    problem: TrackingProblem,
    state: FloatArray,
    begun: Improvement,
    start: int,
    settings: ImproveSettings,
    rng: np.random.Generator,
    report: Callable[[Improvement], None] | None = None,
) -> Plan:
    """As `improve`, from where an improvement had come."""
    plan, noise, damping, failures = begun.plan, begun.noise, begun.damping, begun.failures
    jacobians: tuple[FloatArray, FloatArray] | None = None
    for iteration in range(begun.iterations, settings.iterations):
        if failures >= settings.patience or plan.costs.mean() <= settings.enough:
            break
        if jacobians is None:
            jacobians = linearize(problem, state, plan, start)
        dampings = np.clip(damping * _DAMPING_FACTORS, *_DAMPING_RANGE)
        policies = solve(problem, plan, jacobians, start, dampings)
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
        if report is not None:
            report(Improvement(plan, noise, damping, iteration + 1, failures))
    return plan


def linearize(
    problem: TrackingProblem, state: FloatArray, plan: Plan, start: int
) -> tuple[FloatArray, FloatArray]:
    """Derivatives of each state of a plan by the one before it, and by the action.

    One-sided finite differences over a whole control step, all of them in one batch.

    Returns:
        Shapes ``(horizon, 2 nv, 2 nv)`` and ``(horizon, 2 nv, nu)``.
    """
    before = _before(state, plan)
    blocks = [
        _linearize(problem, before[block], plan.actions[block], start + block.start)
        for first in range(0, len(before), _LINEARIZED_AT_ONCE)
        for block in [slice(first, first + _LINEARIZED_AT_ONCE)]
    ]
    by_state, by_action = zip(*blocks, strict=True)
    return np.concatenate(by_state), np.concatenate(by_action)


def _linearize(
    problem: TrackingProblem, before: FloatArray, actions: FloatArray, start: int
) -> tuple[FloatArray, FloatArray]:
    horizon, nx, nu = len(actions), 2 * problem.nv, problem.nu
    states = np.repeat(before[:, None], 1 + nx + nu, axis=1)
    states[:, 1 : 1 + nx] = displace(states[:, 1 : 1 + nx], np.eye(nx) * _EPSILON)
    disturbed = np.repeat(actions[:, None], 1 + nx + nu, axis=1)
    disturbed[:, 1 + nx :] += np.eye(nu) * _EPSILON
    steps = np.repeat(start + np.arange(horizon), 1 + nx + nu)
    after = problem.rollout(
        states.reshape(-1, problem.nx), disturbed.reshape(-1, 1, nu), steps
    ).reshape(horizon, 1 + nx + nu, problem.nx)
    columns = np.swapaxes(difference(after[:, 1:], after[:, :1]) / _EPSILON, 1, 2)
    return columns[..., :nx], columns[..., nx:]


def solve(
    problem: TrackingProblem,
    plan: Plan,
    jacobians: tuple[FloatArray, FloatArray],
    start: int,
    dampings: FloatArray,
) -> Policies:
    """The feedback policies that are optimal for the linearized problem, one per damping ``(m,)``.

    Actions at a bound that want to go beyond it stay there and get no feedback.
    """
    by_state, by_action = jacobians
    horizon, nu, nx = len(plan.actions), problem.nu, 2 * problem.nv
    weights = problem.error_weights(start + 1 + np.arange(horizon))
    gradients = weights * problem.errors(plan.states[None], start)[0]
    m = len(dampings)
    opens, gains = np.zeros((m, horizon, nu)), np.zeros((m, horizon, nu, nx))
    value, slope = np.zeros((m, nx, nx)), np.zeros((m, nx))
    diagonal, action_weight = np.arange(nx), problem.weights.action
    ridge = (action_weight + dampings)[:, None, None] * np.eye(nu)
    for i in range(horizon - 1, -1, -1):
        value[:, diagonal, diagonal] += weights[i]
        slope += gradients[i]
        f, b, action = by_state[i], by_action[i], plan.actions[i]
        value_b = value @ b
        q_u = slope @ b + action_weight * action
        tracking = b.T @ value_b
        q_uu = tracking + action_weight * np.eye(nu)
        q_ux = value_b.transpose(0, 2, 1) @ f
        held = ((action >= 1.0) & (q_u < 0)) | ((action <= -1.0) & (q_u > 0))
        free = ~held
        system = tracking + ridge
        system *= free[:, :, None] & free[:, None, :]
        system[:, np.arange(nu), np.arange(nu)] += held
        right = np.concatenate((q_u[..., None], q_ux), axis=2) * free[..., None]
        solution = -np.linalg.solve(system, right)
        k, gain = solution[..., 0], solution[..., 1:]
        opens[:, i], gains[:, i] = k, gain
        transposed = gain.transpose(0, 2, 1)
        uu_k = (q_uu @ k[..., None])[..., 0]
        slope = (
            slope @ f
            + (transposed @ (uu_k + q_u)[..., None])[..., 0]
            + (q_ux.transpose(0, 2, 1) @ k[..., None])[..., 0]
        )
        cross = transposed @ q_ux
        value = f.T @ value @ f + transposed @ q_uu @ gain + cross + cross.transpose(0, 2, 1)
        value = (value + value.transpose(0, 2, 1)) / 2
    return Policies(opens, gains)


def smooth_noise(n: int, horizon: int, size: int, rng: np.random.Generator) -> FloatArray:
    """Noise ``(n, horizon, size)`` of unit variance at its knots and linear between them."""
    knots = rng.standard_normal((n, (horizon - 1) // _KNOTS + 2, size))
    index, rest = np.divmod(np.arange(horizon), _KNOTS)
    fraction = (rest / _KNOTS)[:, None]
    return np.asarray(knots[:, index] * (1 - fraction) + knots[:, index + 1] * fraction)


def run(
    problem: TrackingProblem, state: FloatArray, plan: Plan, policies: Policies, start: int
) -> tuple[FloatArray, FloatArray]:
    """Runs feedback policies around a plan under physics, all from one state.

    Args:
        problem: The tracking problem.
        state: Where they begin, ``(nq + nv,)``.
        plan: The plan.
        policies: n of them.
        start: First control step.

    Returns:
        The states ``(n, horizon, nq + nv)`` and the actions taken ``(n, horizon, nu)``.
    """
    n, horizon, nu = policies.offsets.shape
    nominal = _before(state, plan)
    now = np.repeat(state[None], n, axis=0)
    states, actions = np.empty((n, horizon, problem.nx)), np.empty((n, horizon, nu))
    for i in range(horizon):
        deviation = difference(now, nominal[i])
        feedback = (policies.gains[:, i] @ deviation[..., None])[..., 0]
        # A trial that is lost stays lost, at an infinite cost.
        asked = np.nan_to_num(plan.actions[i] + policies.offsets[:, i] + feedback, nan=0.0)
        actions[:, i] = quantized(asked)
        now = problem.rollout(now, actions[:, i : i + 1], start + i)[:, 0]
        states[:, i] = now
    return states, actions


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
    states, actions = run(problem, state, plan, trials, start)
    costs = problem.costs(states, actions, start)

    mixed = _mixtures(plan, trials, costs)
    mixed_states, mixed_actions = run(problem, state, plan, mixed, start)
    mixed_costs = problem.costs(mixed_states, mixed_actions, start)
    totals = np.concatenate((costs.sum(axis=1), mixed_costs.sum(axis=1)))
    best = int(np.argmin(totals))
    n = len(costs)
    if best < n:
        found = Plan(actions[best], states[best], costs[best])
        return _Trial(found, float(dampings[which[best]]), best >= plain)
    best -= n
    found = Plan(mixed_actions[best], mixed_states[best], mixed_costs[best])
    return _Trial(found, float(dampings[m // 2]), True)


def _mixtures(plan: Plan, trials: Policies, costs: FloatArray) -> Policies:
    """Policies that do in each segment what one of the trials that were best there did.

    The first takes the best trial of each segment, the second the second best, and so on; where
    none was better than the plan, the plan is kept.
    """
    horizon = costs.shape[1]
    edges = np.arange(0, horizon, _SEGMENT)
    by_segment = np.nan_to_num(np.add.reduceat(costs, edges, axis=1), nan=np.inf)
    order = np.argsort(by_segment, axis=0)[:_MIXTURES]
    better = np.take_along_axis(by_segment, order, axis=0) < np.add.reduceat(plan.costs, edges)
    segment, step = np.arange(horizon) // _SEGMENT, np.arange(horizon)
    chosen = order[:, segment]
    offsets = np.where(better[:, segment, None], trials.offsets[chosen, step], 0.0)
    return Policies(offsets, trials.gains[chosen, step])


def _before(state: FloatArray, plan: Plan) -> FloatArray:
    """The states before each action of a plan that begins at a state."""
    return np.concatenate((state[None], plan.states[:-1]))
