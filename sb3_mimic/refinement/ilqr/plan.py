"""Plans and feedback policies around them, and where they lead under physics."""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.manifold import difference
from sb3_mimic.refinement.problem import TrackingProblem, quantize


@dataclass(frozen=True)
class Plan:
    """Actions from a state on, and the states they lead to.

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
    """n feedback policies around one plan: ``a = plan + offset + gain · deviation from the plan``.

    Attributes:
        offsets: ``(n, horizon, nu)``.
        gains: ``(n, horizon, nu, 2 nv)``.
    """

    offsets: FloatArray
    gains: FloatArray


def rollout_plan(
    problem: TrackingProblem, state: FloatArray, actions: FloatArray, start: int
) -> Plan:
    """The plan of actions ``(horizon, nu)`` that begin in a state ``(nq + nv,)``."""
    actions = quantize(actions)
    states = problem.rollout(state[None], actions[None], start)
    return Plan(actions, states[0], problem.costs(states, actions[None], start)[0])


def rollout_policies(
    problem: TrackingProblem, state: FloatArray, plan: Plan, policies: Policies, start: int
) -> tuple[FloatArray, FloatArray]:
    """Performs feedback policies around a plan under physics, all from one state.

    Args:
        problem: The tracking problem.
        state: First state of all, ``(nq + nv,)``.
        plan: The plan.
        policies: n of them.
        start: First control step.

    Returns:
        The states ``(n, horizon, nq + nv)`` and the actions taken ``(n, horizon, nu)``.
    """
    n, horizon, nu = policies.offsets.shape
    nominal = states_before(state, plan)
    now = np.repeat(state[None], n, axis=0)
    states, actions = np.empty((n, horizon, problem.nx)), np.empty((n, horizon, nu))
    for i in range(horizon):
        deviation = difference(now, nominal[i])
        feedback = (policies.gains[:, i] @ deviation[..., None])[..., 0]
        # A trial that is lost stays lost, at an infinite cost.
        unbounded = np.nan_to_num(plan.actions[i] + policies.offsets[:, i] + feedback, nan=0.0)
        actions[:, i] = quantize(unbounded)
        now = problem.rollout(now, actions[:, i : i + 1], start + i)[:, 0]
        states[:, i] = now
    return states, actions


def states_before(state: FloatArray, plan: Plan) -> FloatArray:
    """The states before each action of a plan that begins at a state."""
    return np.concatenate((state[None], plan.states[:-1]))
