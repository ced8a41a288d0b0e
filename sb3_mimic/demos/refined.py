"""Demonstrations from refined actions: the clip under physics, and recoveries from disturbances.

The first pass is the refined clip itself: simulated states and the actions that lead through them.
The others start beside it, in a disturbed state at a random step, and are disturbed on the way.
Each of their states carries the undisturbed action as its label (Laskey et al. 2017, DART,
https://arxiv.org/abs/1703.09327). That action is the feedback law of the linearized tracking
problem, which is cheap and smooth.
"""

import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from imitation.data.types import TrajectoryWithRew
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray, IndexArray
from sb3_mimic.demos.passes import to_trajectories
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.envs.core.manifold import difference, displace, random_tangents
from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.envs.tracking.reference import Reference, pose_at
from sb3_mimic.errors import InputError
from sb3_mimic.motion import MotionClip
from sb3_mimic.refinement.actions import RefinedActions, check_fits, load_actions
from sb3_mimic.refinement.cache import refine_cached
from sb3_mimic.refinement.ilqr import Plan, linearize, rollout_plan, solve_lqr
from sb3_mimic.refinement.methods import DEFAULT_METHOD, get_method
from sb3_mimic.refinement.problem import TrackingProblem, TrackingWeights, has_servos, quantize

# `Refinement.method` for no refinement.
NO_METHOD = "none"
# How long a loop is followed [s].
_SECONDS = 2.5
# Passes that run at once; more only need more memory.
_BATCH = 64
# Length of a disturbed pass [s].
_PASS_SECONDS = 2.0
# Weights of the feedback law: small for the place of the body, large for its motion, with actions
# small enough for the linearization to hold. A body that was pushed off must take the step that it
# needs now; tracking's own weights pull it back to the place of the clip, and it falls. A random
# search over six clips found them; docs/design.md, "Demonstrations from a clip", compares.
_LAW_WEIGHTS = TrackingWeights(
    root_ground=1.0,
    root_height=6.0,
    root_angle=2.0,
    joint=0.2,
    root_velocity=1.0,
    root_angular_velocity=0.005,
    joint_velocity=0.0005,
    action=0.35,
)
# Cost of a state above which a pass is lost, and its labels with it.
_LOST_COST = 3.0
# Seeds tried for actions that keep the body on its feet to the end, and how far apart they are.
_MAX_TRIES, _SEED_STEP = 3, 10_000
# Batches in a row that may be lost at once, all of them.
_MAX_EMPTY_BATCHES = 50


@dataclass(frozen=True)
class Refinement:
    """The source of the refined actions that demonstrations are made of.

    Attributes:
        method: Name of the method that finds them; ``none``: plain PD labels instead.
        iterations: The method's iterations; None for its own number.
        actions: File of refined actions to use instead.

    Raises:
        InputError: If there is no such method, it does not iterate, or the settings contradict each
            other.
    """

    method: str = DEFAULT_METHOD
    iterations: int | None = None
    actions: Path | None = None

    def __post_init__(self) -> None:
        if self.method == NO_METHOD:
            if self.iterations is not None or self.actions is not None:
                raise InputError("--refine-method none leaves nothing to iterate or to load")
            return
        if self.iterations is None:
            get_method(self.method)
        elif self.iterations < 1:
            raise InputError(f"--refine-iterations must be at least 1, got {self.iterations}")
        elif "iterations" not in get_method(self.method).setting_names():
            raise InputError(f"--refine-iterations: the method {self.method!r} does not iterate")

    def find(self, reference: Reference, seed: int) -> RefinedActions:
        """Loads the actions for a reference, or refines it; the cache keeps them.

        A loop goes round for some seconds, so that the demonstrations hold the cycle that it
        settles into. Now and then a search loses the body on the way (DeepMimic's run, one seed of
        three). It is then repeated with further seeds, and the actions that go furthest are taken.
        """
        if self.actions is not None:
            return load_actions(self.actions)
        cycles = math.ceil(_SECONDS / reference.duration) if reference.loop else 1
        changes = {} if self.iterations is None else {"iterations": self.iterations}
        tries = _MAX_TRIES if get_method(self.method).random else 1
        candidates: list[RefinedActions] = []
        for number in range(tries):
            each = seed + number * _SEED_STEP
            candidates.append(
                refine_cached(reference, self.method, cycles=cycles, seed=each, settings=changes)
            )
            if _survived_fraction(candidates[-1]) == 1.0:
                break
        return max(candidates, key=_survived_fraction)


def _survived_fraction(refined: RefinedActions) -> float:
    """The part of the clip before the first fall; 0 for bare actions."""
    provenance = refined.provenance
    return 0.0 if provenance is None else float(provenance.metrics.get("survived_fraction", 0.0))


@dataclass(frozen=True)
class RefinedSettings:
    """Settings of demonstrations that are made of refined actions.

    Attributes:
        spread: Standard deviation of the first states; see
            :func:`sb3_mimic.envs.core.manifold.random_tangents`.
        action_noise: Standard deviation of the noise on the executed action.

    Raises:
        InputError: If a number is negative.
    """

    spread: float = 0.03
    action_noise: float = 0.1

    def __post_init__(self) -> None:
        for name in ("spread", "action_noise"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class _FeedbackLaw:
    """A refined clip of ``T`` control steps with the feedback that keeps near it."""

    plan: Plan
    before: FloatArray
    gains: FloatArray

    def actions(self, steps: IndexArray, states: FloatArray) -> FloatArray:
        """Actions ``(n, nu)`` in states ``(n, nq + nv)`` at control steps ``(n,)``."""
        deviation = difference(states, self.before[steps])
        feedback = (self.gains[steps] @ deviation[..., None])[..., 0]
        return quantize(self.plan.actions[steps] + feedback)


def collect_refined(
    env_id: str,
    motion: str | Path | MotionClip,
    n_episodes: int,
    refined: RefinedActions,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    settings: RefinedSettings | None = None,
) -> list[TrajectoryWithRew]:
    """Makes demonstrations of refined actions in a tracking environment's spaces.

    Args:
        env_id: Gymnasium id of a :class:`TrackingEnv`.
        motion: The environment's ``motion=``.
        n_episodes: Passes, at least 1: the first undisturbed and whole, the others disturbed and of
            two seconds.
        refined: Actions for the motion.
        seed: Seeds the disturbances.
        env_kwargs: Further keyword arguments of the environment.
        settings: See :class:`RefinedSettings`.

    Returns:
        One trajectory per pass; a disturbed one ends early where the body falls or is lost.

    Raises:
        InputError: If the environment does not track clips or does not drive servos, if the actions
            are for another clip or robot, or if a setting is out of range.
    """
    settings = settings or RefinedSettings()
    if n_episodes < 1:
        raise InputError(f"the number of demonstration episodes must be positive, got {n_episodes}")
    with closing(gym.make(env_id, motion=motion, **(env_kwargs or {}))) as made:
        env = tracking_env(made)
        check_takes_servo_targets(env.batched)
        check_fits(refined, env.reference)
        rng = np.random.default_rng(seed)
        cycles = _cycles(env, refined)
        law = _feedback_law(env.reference, cycles, refined)
        with closing(TrackingProblem(env.reference, cycles)) as problem:
            passes = _run_passes(env, problem, law, 1, rng, settings, disturbed=False)
            n_empty = 0
            while len(passes) < n_episodes:
                n = min(_BATCH, n_episodes - len(passes))
                more = _run_passes(env, problem, law, n, rng, settings, disturbed=True)
                passes += more
                n_empty = 0 if more else n_empty + 1
                if n_empty == _MAX_EMPTY_BATCHES:
                    raise InputError(
                        f"motion {motion}: the refined actions keep no disturbed body near the "
                        "clip, not for one step; refine it with another seed or with more "
                        "iterations, or clone plain PD labels (--refine-method none)"
                    )
        check_trajectories(passes, env.observation_space, env.action_space, f"motion {motion}")
    return passes


def tracking_env(env: gym.Env[Any, Any]) -> TrackingEnv:
    """The tracking environment under wrappers.

    Raises:
        InputError: If it is another.
    """
    if not isinstance(env.unwrapped, TrackingEnv):
        name = type(env.unwrapped).__name__ if env.spec is None else env.spec.id
        raise InputError(f"{name} does not track clips: it is no TrackingEnv")
    return env.unwrapped


def check_takes_servo_targets(batch: TrackingBatch) -> None:
    """Checks that an environment's actions can ask for the targets of PD servos.

    Raises:
        InputError: If its actuation has not one number a joint, depends on the state within a
            control step, or drives other actuators.
    """
    if batch.joint_actuation.feedback or not has_servos(batch.robot):
        raise InputError(
            "refined actions are targets of PD servos, which "
            f"control={batch.options.control!r} cannot ask for; choose another control, or "
            "--refine-method none"
        )


def _cycles(env: TrackingEnv, refined: RefinedActions) -> int:
    """Whole cycles that the actions go round."""
    if not env.reference.loop:
        return 1
    seconds = len(refined.actions) / env.batched.robot.control_rate
    return max(1, int(seconds / env.reference.duration + 1e-3))


def _feedback_law(reference: Reference, cycles: int, refined: RefinedActions) -> _FeedbackLaw:
    with closing(TrackingProblem(reference, cycles, _LAW_WEIGHTS)) as problem:
        actions = refined.actions[: problem.n_steps].astype(np.float64)
        plan = rollout_plan(problem, problem.start, actions, 0)
        jacobians = linearize(problem, problem.start, plan, 0)
        steps = _steps_with_last_cycle_twice(reference, problem)
        states = plan.states[steps]
        states[len(actions) :, :2] += reference.cycle_offset
        longer = Plan(plan.actions[steps], states, plan.costs[steps])
        by_state, by_action = (block[steps] for block in jacobians)
        policies = solve_lqr(problem, longer, (by_state, by_action), 0, np.zeros(1))
        before = np.concatenate((problem.start[None], plan.states[:-1]))
    return _FeedbackLaw(plan, before, policies.gains[0, : len(actions)])


def _steps_with_last_cycle_twice(reference: Reference, problem: TrackingProblem) -> IndexArray:
    """Control steps of the clip, and of a loop its last cycle once more.

    Without the repetition the feedback of a loop's last steps would look at nothing beyond the end.
    """
    steps = np.arange(problem.n_steps)
    if not reference.loop:
        return steps
    return np.concatenate((steps, steps[-round(reference.duration / problem.dt) :]))


def _run_passes(
    env: TrackingEnv,
    problem: TrackingProblem,
    law: _FeedbackLaw,
    n: int,
    rng: np.random.Generator,
    settings: RefinedSettings,
    *,
    disturbed: bool,
) -> list[TrajectoryWithRew]:
    """The refined clip from its first state on, or shorter passes beside it."""
    reference, last = env.reference, problem.n_steps
    length = min(round(_PASS_SECONDS / problem.dt), last) if disturbed else last
    starts = np.zeros(n, np.intp)
    states = law.before[starts]
    if disturbed:
        starts = rng.integers(0, last - length // 2, size=n)
        states = displace(law.before[starts], random_tangents(n, problem.nv, settings.spread, rng))
    times = starts.astype(np.float64) * problem.dt
    # The environment counts cycles, and with them the ground covered, from the start of an episode.
    shift = reference.cycle(times)[:, None] * reference.cycle_offset
    phases = np.minimum(reference.phase(times), np.nextafter(1.0, 0.0))
    batch = env.make_batch(n)
    try:
        everyone = np.arange(n)
        batch.reset(everyone, [rng] * n, [{"phase": float(phase)} for phase in phases])
        for index in everyone:
            qpos, qvel = states[index, : -problem.nv], states[index, -problem.nv :]
            qpos[:2] -= shift[index]
            batch.set_state(int(index), qpos, qvel)
        observations, actions, rewards = [batch.observe(everyone)], [], []
        lengths, running = np.zeros(n, np.int64), np.ones(n, np.bool_)
        terminal = np.zeros(n, np.bool_)
        for i in range(length):
            steps = np.minimum(starts + i, last - 1)
            now = np.concatenate((batch.qpos, batch.qvel), axis=1)
            now[:, :2] += shift
            running &= ~_find_lost(problem, now, steps) & (starts + i < last)
            if not running.any():
                break
            labels = law.actions(steps, now)
            executed = labels
            if disturbed:
                executed = quantize(labels + rng.normal(0.0, settings.action_noise, labels.shape))
            actions.append(_env_actions(batch, problem, labels))
            step = batch.step(_env_actions(batch, problem, executed))
            rewards.append(step.rewards)
            observations.append(step.observations)
            lengths += running
            terminal |= running & step.terminated
            running &= ~(step.terminated | step.truncated)
    finally:
        batch.close()
    return to_trajectories(observations, actions, rewards, lengths, terminal)


def _find_lost(
    problem: TrackingProblem, states: FloatArray, steps: IndexArray
) -> NDArray[np.bool_]:
    """Which states ``(n, nq + nv)`` are too far off to be worth a label, ``(n,)``."""
    deviation = np.square(difference(states, problem.target(steps)))
    cost = (deviation * problem.error_weights(steps)).sum(axis=1) / 2
    lost: NDArray[np.bool_] = ~(cost <= _LOST_COST)
    return lost


def _env_actions(batch: TrackingBatch, problem: TrackingProblem, actions: FloatArray) -> FloatArray:
    """Actions ``(n, nu)`` of the tracking problem as actions of the environment's actuation."""
    if type(batch.actuation) is type(problem.actuation):
        return actions
    pose = pose_at(batch.reference, batch.times + batch.dt)
    controls = problem.actuation.controls(actions, pose)
    return np.clip(batch.actions_for(controls), -1.0, 1.0)
