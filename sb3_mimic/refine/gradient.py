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
from numpy.typing import NDArray

from sb3_mimic.envs.manifold import difference, displace
from sb3_mimic.refine.problem import TrackingProblem

FloatArray = NDArray[np.float64]

# Step of the finite differences. Contacts are stiff: 1e-4 m of penetration is another regime, and
# with steps of 1e-4 the iterations stall at several times the cost.
_EPSILON = 1e-6
_STEP_SIZES = np.array([1.0, 0.6, 0.3, 0.1])
_DAMPING_FACTORS = np.array([0.1, 1.0, 10.0])
_DAMPING_RANGE = (1e-7, 1e3)
_NOISE_SCALES = np.array([1.0, 0.3, 0.1])
# Control steps between knots of the noise, linear in between.
_KNOTS = 3


@dataclass(frozen=True)
class GradientSettings:
    """How a plan is improved.

    Attributes:
        iterations: Linearizations, at most.
        samples: Noisy trials per iteration.
        noise: Standard deviation of the noise at its knots, in actions.
        tolerance: Relative improvement below which the iterations end.
    """

    iterations: int = 3
    samples: int = 36
    noise: float = 0.1
    tolerance: float = 0.02
    patience: int = 2
    window: float = 0.0


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
class Policies:
    """m linear feedback policies around one plan: ``a = plan + step size · open + gain · Δx``.

    Attributes:
        open: ``(m, horizon, nu)``.
        gain: ``(m, horizon, nu, 2 nv)``.
    """

    open: FloatArray
    gain: FloatArray


def quantized(actions: FloatArray) -> FloatArray:
    """Actions clipped to [-1, 1] and rounded to float32, in which they are stored and executed."""
    return np.clip(actions, -1.0, 1.0).astype(np.float32).astype(np.float64)


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
    settings: GradientSettings,
    rng: np.random.Generator,
) -> Plan:
    """A plan that costs less, or the same one.

    Args:
        problem: The tracking problem.
        state: Where the plan begins, ``(nq + nv,)``.
        plan: The plan so far.
        start: Its first control step.
        settings: See :class:`GradientSettings`.
        rng: Draws the noise.
    """
    damping, noise = 1e-3, settings.noise
    stale = 0
    for _ in range(settings.iterations):
        if not stale:
            jacobians = linearize(problem, state, plan, start)
        dampings = np.clip(damping * _DAMPING_FACTORS, *_DAMPING_RANGE)
        policies = solve(problem, plan, jacobians, start, dampings)
        better, chosen, noisy = _best_trial(
            problem, state, plan, policies, start, settings.samples, noise, rng, settings.window
        )
        gain = plan.cost - better.cost
        if gain > 0:
            stop = gain < settings.tolerance * plan.cost
            plan, stale = better, 0
            damping = float(dampings[chosen])
            if not noisy:
                noise *= 0.7
            if stop:
                break
        else:
            stale += 1
            if stale >= settings.patience:
                break
            damping = min(damping * 30.0, _DAMPING_RANGE[1])
            noise *= 0.5
    return plan


def linearize(
    problem: TrackingProblem, state: FloatArray, plan: Plan, start: int
) -> tuple[FloatArray, FloatArray]:
    """Derivatives of each state of a plan by the one before it, and by the action.

    One-sided finite differences over a whole control step, all of them in one batch.

    Returns:
        Shapes ``(horizon, 2 nv, 2 nv)`` and ``(horizon, 2 nv, nu)``.
    """
    horizon, nx, nu = len(plan.actions), 2 * problem.nv, problem.nu
    before = np.concatenate((state[None], plan.states[:-1]))
    states = np.repeat(before[:, None], 1 + nx + nu, axis=1)
    states[:, 1 : 1 + nx] = displace(states[:, 1 : 1 + nx], np.eye(nx) * _EPSILON)
    actions = np.repeat(plan.actions[:, None], 1 + nx + nu, axis=1)
    actions[:, 1 + nx :] += np.eye(nu) * _EPSILON
    steps = np.repeat(start + np.arange(horizon), 1 + nx + nu)
    after = problem.rollout(
        states.reshape(-1, problem.nx), actions.reshape(-1, 1, nu), steps
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
        q_uu = b.T @ value_b + action_weight * np.eye(nu)
        q_ux = value_b.transpose(0, 2, 1) @ f
        held = ((action >= 1.0) & (q_u < 0)) | ((action <= -1.0) & (q_u > 0))
        free = ~held
        system = q_uu - action_weight * np.eye(nu) + ridge
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


def _best_trial(
    problem: TrackingProblem,
    state: FloatArray,
    plan: Plan,
    policies: Policies,
    start: int,
    samples: int,
    noise: float,
    rng: np.random.Generator,
    window: float = 0.0,
) -> tuple[Plan, int, bool]:
    """The cheapest of all trials, the policy it came from, and whether it had noise."""
    m = len(policies.open)
    horizon, nu = plan.actions.shape
    which = np.concatenate((np.repeat(np.arange(m), len(_STEP_SIZES)), rng.integers(m, size=samples)))
    sizes = np.concatenate(
        (np.tile(_STEP_SIZES, m), rng.choice(np.append(_STEP_SIZES[:-1], 0.0), size=samples))
    )
    disturbance = np.zeros((len(which), horizon, nu))
    disturbance[m * len(_STEP_SIZES) :] = (
        noise
        * rng.choice(_NOISE_SCALES, size=(samples, 1, 1))
        * smooth_noise(samples, horizon, nu, rng)
    )
    bump = np.ones((len(which), horizon, 1))
    if window:
        center = rng.uniform(0, horizon, size=(samples, 1, 1))
        bump[m * len(_STEP_SIZES) :] = np.exp(-0.5 * ((np.arange(horizon)[:, None] - center) / window) ** 2)
    disturbance = plan.actions + (disturbance + sizes[:, None, None] * policies.open[which]) * bump
    before = np.concatenate((state[None], plan.states[:-1]))
    states, actions = run(problem, state, disturbance, policies.gain[which], before, start)
    costs = problem.costs(states, actions, start)
    best = int(np.argmin(costs.sum(axis=1)))
    return Plan(actions[best], states[best], costs[best]), int(which[best]), bool(best >= 12)


def run(
    problem: TrackingProblem,
    state: FloatArray,
    actions: FloatArray,
    gains: FloatArray,
    nominal: FloatArray,
    start: int,
) -> tuple[FloatArray, FloatArray]:
    """Runs n feedback policies from one state.

    Args:
        problem: The tracking problem.
        state: Where they begin, ``(nq + nv,)``.
        actions: What each does on the nominal states, ``(n, horizon, nu)``.
        gains: Change of the action by deviation, ``(n, horizon, nu, 2 nv)``.
        nominal: States before each action, ``(horizon, nq + nv)``.
        start: First control step.

    Returns:
        The states ``(n, horizon, nq + nv)`` and the actions taken ``(n, horizon, nu)``.
    """
    n, horizon, _ = actions.shape
    now = np.repeat(state[None], n, axis=0)
    states = np.empty((n, horizon, problem.nx))
    taken = np.empty_like(actions)
    for i in range(horizon):
        deviation = difference(now, nominal[i])
        feedback = (gains[:, i] @ deviation[..., None])[..., 0]
        # A trial that is lost stays lost, at an infinite cost.
        taken[:, i] = np.nan_to_num(quantized(actions[:, i] + feedback), nan=0.0)
        now = problem.rollout(now, taken[:, i : i + 1], start + i)[:, 0]
        states[:, i] = now
    return states, taken
