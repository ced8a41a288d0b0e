"""Trajectory optimization with the simulation's derivatives: iLQR with sampled line search."""

from sb3_mimic.refinement.ilqr.improve import (
    Improvement,
    ImproveSettings,
    improve,
    resume,
    smooth_noise,
)
from sb3_mimic.refinement.ilqr.lqr import linearize, solve_lqr
from sb3_mimic.refinement.ilqr.plan import Plan, Policies, rollout_plan, rollout_policies

__all__ = [
    "ImproveSettings",
    "Improvement",
    "Plan",
    "Policies",
    "improve",
    "linearize",
    "resume",
    "rollout_plan",
    "rollout_policies",
    "smooth_noise",
    "solve_lqr",
]
