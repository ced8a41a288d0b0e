"""Receding-horizon planning: the default method.

Sampled iLQR (:mod:`sb3_mimic.refinement.ilqr`) improves a plan of some 0.8 s. Its first quarter of
a second is executed, and the next plan starts from the rest. The horizon is long enough to prepare
a take-off; the executed part is so short that every action was planned with half a second ahead in
view. Where a plan runs into trouble, the planner goes back and tries again with more effort. In the
end the whole clip is polished as one plan. This costs little and finds corrections that lie further
ahead than any window, such as the speed of a run-up.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint, Snapshot
from sb3_mimic.refinement.ilqr import (
    Improvement,
    ImproveSettings,
    Plan,
    improve,
    resume,
    rollout_plan,
)
from sb3_mimic.refinement.methods import ProgressCallback
from sb3_mimic.refinement.methods.invdyn import inverse_dynamics_actions
from sb3_mimic.refinement.problem import TrackingProblem

# Cost per step above which a plan is in trouble: the root is a radian or 0.3 m off, say. Plans that
# follow acrobatics closely cost up to 0.4.
_TROUBLE = 1.0
# Segments to go back when in trouble, and how often that may happen in all per segment of the clip.
_BACK = 3
_BACKTRACKS = 0.5
# Stages, as checkpoints name them.
_WINDOW, _POLISH = "window", "polish"


@dataclass(frozen=True)
class MpcSettings:
    """Settings of the planner.

    Attributes:
        horizon: Control steps planned ahead.
        execute: Control steps executed of each plan.
        iterations: Iterations per plan, at most.
        samples: Noisy trials per iteration.
        noise: Standard deviation of their noise at its knots, in actions.
        polish: Iterations over the whole clip in the end, at most.

    Raises:
        InputError: If a number is out of range, or less is planned than executed.
    """

    horizon: int = 24
    execute: int = 8
    iterations: int = 3
    samples: int = 48
    noise: float = 0.1
    polish: int = 10

    def __post_init__(self) -> None:
        for name in ("execute", "iterations"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("samples", "noise", "polish"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.horizon < self.execute:
            raise InputError(
                f"horizon={self.horizon} must not be shorter than the executed part of each plan, "
                f"{self.execute} control steps"
            )


@dataclass(frozen=True)
class WindowState:
    """The planner between two segments.

    Attributes:
        guess: Actions ``(n, nu)`` that the next plan starts from, as far as they are known.
        backtracks: How often it may still go back.
        plans: The plan of each segment, whose first steps were executed.
        effort: Factor of the next plan's iterations.
    """

    guess: FloatArray
    backtracks: int
    plans: tuple[Plan, ...] = ()
    effort: int = 1

    def snapshot(self) -> Snapshot:
        """The state as a checkpoint holds it."""
        arrays = {
            name: np.concatenate([getattr(plan, name) for plan in self.plans])
            for name in ("actions", "states", "costs")
        }
        return Snapshot(
            _WINDOW,
            arrays | {"guess": self.guess},
            {
                "lengths": [len(plan.actions) for plan in self.plans],
                "backtracks": self.backtracks,
                "effort": self.effort,
            },
        )

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> "WindowState":
        """The state that a snapshot was taken of."""
        arrays, values = snapshot.arrays, snapshot.values
        edges = np.cumsum(values["lengths"])[:-1]
        parts = (np.split(arrays[name], edges) for name in ("actions", "states", "costs"))
        plans = tuple(Plan(*part) for part in zip(*parts, strict=True))
        return cls(arrays["guess"], values["backtracks"], plans, values["effort"])


def solve_mpc(
    problem: TrackingProblem,
    settings: MpcSettings,
    seed: int,
    progress: ProgressCallback,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FloatArray:
    """Actions ``(n_steps, nu)`` that follow the clip.

    Args:
        problem: The tracking problem.
        settings: See :class:`MpcSettings`.
        seed: Seeds the noise.
        progress: Called after each segment and each iteration of the polishing.
        checkpoint: Written after each of them.
    """
    rng = np.random.default_rng(seed)
    total = problem.n_steps + settings.polish
    snapshot = checkpoint.load(rng)

    def on_segment(now: WindowState, done: int, cost: float) -> None:
        checkpoint.save(now.snapshot(), rng)
        progress(done, total, cost)

    def on_iteration(now: Improvement) -> None:
        checkpoint.save(now.snapshot(_POLISH), rng)
        progress(problem.n_steps + now.iterations, total, now.plan.cost)

    if snapshot is not None and snapshot.stage == _POLISH:
        improvement = Improvement.from_snapshot(snapshot)
    else:
        window = (
            _first_window(problem, settings)
            if snapshot is None
            else WindowState.from_snapshot(snapshot)
        )
        plan = _plan_through(problem, settings, window, rng, on_segment)
        improvement = Improvement(plan, settings.noise)
    whole = ImproveSettings(settings.polish, settings.samples, settings.noise)
    return resume(problem, problem.start, improvement, 0, whole, rng, on_iteration).actions


def _first_window(problem: TrackingProblem, settings: MpcSettings) -> WindowState:
    backtracks = int(np.ceil(_BACKTRACKS * problem.n_steps / settings.execute))
    return WindowState(np.zeros((0, problem.nu)), backtracks)


def _plan_through(
    problem: TrackingProblem,
    settings: MpcSettings,
    window: WindowState,
    rng: np.random.Generator,
    on_segment: Callable[[WindowState, int, float], None],
) -> Plan:
    """The plan of the whole clip, from a state of the window on.

    Args:
        problem: The tracking problem.
        settings: See :class:`MpcSettings`.
        window: State of the planner to go on from.
        rng: Draws the noise.
        on_segment: Called after each segment with the window, the control steps executed and their
            cost.
    """
    each = ImproveSettings(settings.iterations, settings.samples, settings.noise, patience=2)
    guess, backtracks, effort = window.guess, window.backtracks, window.effort
    # The executed parts, and the plans that they are the beginnings of.
    plans = list(window.plans)
    executed = [_executed(problem, settings, plan, i) for i, plan in enumerate(plans)]
    # Plans begin with the actions of inverse dynamics where they have none yet. A clip that does
    # not loop ends with its last step.
    n_known = problem.n_steps + (settings.horizon if problem.reference.loop else 0)
    known = inverse_dynamics_actions(problem, n_steps=n_known)
    while (step := sum(len(part.actions) for part in executed)) < problem.n_steps:
        state = executed[-1].states[-1] if executed else problem.start
        horizon = settings.horizon
        if not problem.reference.loop:
            horizon = min(horizon, problem.n_steps - step)
        actions = known[step : step + horizon].copy()
        actions[: len(guess)] = guess[:horizon]
        plan = rollout_plan(problem, state, actions, step)
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
        executed.append(_executed(problem, settings, plan, len(plans)))
        plans.append(plan)
        guess = plan.actions[settings.execute :]
        on_segment(
            WindowState(guess, backtracks, tuple(plans), effort),
            step + len(executed[-1].actions),
            sum(part.cost for part in executed),
        )
    return Plan(
        np.concatenate([part.actions for part in executed]),
        np.concatenate([part.states for part in executed]),
        np.concatenate([part.costs for part in executed]),
    )


def _executed(problem: TrackingProblem, settings: MpcSettings, plan: Plan, segment: int) -> Plan:
    """The beginning of a segment's plan that is executed."""
    end = min(settings.execute, problem.n_steps - segment * settings.execute)
    return Plan(plan.actions[:end], plan.states[:end], plan.costs[:end])
