"""PD extraction: for each frame the torque that would carry its pose to the next.

The torque is ``kp (q_next - q) - kd q̇`` in the reference's own states; the replay is open loop. The
formula damps against zero velocity, so it holds back every moving joint, and it ignores the ground.
It is the baseline that the other methods are compared with.
"""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.actuation import servo_target
from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT, Checkpoint
from sb3_mimic.refinement.methods import ProgressCallback
from sb3_mimic.refinement.problem import TrackingProblem, quantize


@dataclass(frozen=True)
class PdSettings:
    """The extraction has no settings."""


def solve_pd(
    problem: TrackingProblem,
    settings: PdSettings,
    seed: int,
    progress: ProgressCallback,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> FloatArray:
    """Actions ``(n_steps, nu)`` of the plain formula.

    Args:
        problem: The tracking problem.
        settings: See :class:`PdSettings`.
        seed: Not used.
        progress: Called once.
        checkpoint: Not used.
    """
    del settings, seed, checkpoint
    robot = problem.reference.robot
    states = problem.target(np.arange(problem.n_steps + 1))
    angles, rates = states[:, 7 : 7 + problem.nu], states[:, -problem.nu :]
    torque = pd_torque(robot.kp, robot.kd, angles[:-1], rates[:-1], angles[1:])
    target = servo_target(robot, angles[:-1], rates[:-1], torque)
    progress(problem.n_steps, problem.n_steps, 0.0)
    return actions_for_target(problem, target)


def pd_torque(
    kp: FloatArray,
    kd: FloatArray,
    angles: FloatArray,
    rates: FloatArray,
    next_angles: FloatArray,
    next_rates: FloatArray | float = 0.0,
) -> FloatArray:
    """Torque (n, nu) [N·m] that pulls hinges towards the next pose.

    Args:
        kp: Stiffness (nu,) [N·m/rad].
        kd: Damping (nu,) [N·m·s/rad].
        angles: Hinge angles now (n, nu) [rad].
        rates: Hinge rates now (n, nu) [rad/s].
        next_angles: Those of the next pose.
        next_rates: The velocity that is damped against: 0 in the plain formula, the next pose's
            with feed-forward.
    """
    return kp * (next_angles - angles) + kd * (next_rates - rates)


def actions_for_target(problem: TrackingProblem, target: FloatArray) -> FloatArray:
    """The actions (n, nu) that ask for servo targets [rad] from step 0 on, as bounds allow."""
    times = np.arange(1, len(target) + 1, dtype=np.float64) * problem.dt
    neutral = problem.actuation.neutral(problem.pose(times))
    robot = problem.reference.robot
    return quantize((target - neutral) * robot.kp / robot.torque_limit)
