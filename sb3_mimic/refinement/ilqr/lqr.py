"""The linear-quadratic tracking problem around a plan: derivatives, and the optimal feedback."""

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.manifold import difference, displace
from sb3_mimic.refinement.ilqr.plan import Plan, Policies, states_before
from sb3_mimic.refinement.problem import TrackingProblem

# Step of the finite differences. Contacts are stiff: 1e-4 m of penetration is another regime, and
# with steps of 1e-4 the iterations stall at several times the cost.
_EPSILON = 1e-6
# Control steps linearized in one batch, which bounds the memory of a long clip.
_LINEARIZED_AT_ONCE = 64


def linearize(
    problem: TrackingProblem, state: FloatArray, plan: Plan, start: int
) -> tuple[FloatArray, FloatArray]:
    """Derivatives of each state of a plan by the one before it, and by the action.

    One-sided finite differences over a whole control step, all of them in one batch.

    Returns:
        Shapes ``(horizon, 2 nv, 2 nv)`` and ``(horizon, 2 nv, nu)``.
    """
    before = states_before(state, plan)
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


def solve_lqr(
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
        at_bound = ((action >= 1.0) & (q_u < 0)) | ((action <= -1.0) & (q_u > 0))
        free = ~at_bound
        system = tracking + ridge
        system *= free[:, :, None] & free[:, None, :]
        system[:, np.arange(nu), np.arange(nu)] += at_bound
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
