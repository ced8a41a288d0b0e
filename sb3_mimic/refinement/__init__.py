"""Refinement: actions that reproduce a clip under physics, and whether there can be any.

Modules that need a simulator are imported on first use.

>>> from sb3_mimic import refine
>>> refine("squat", method="pd").provenance.method
'pd'
"""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.refinement.actions import Provenance as Provenance
    from sb3_mimic.refinement.actions import RefinedActions as RefinedActions
    from sb3_mimic.refinement.actions import check_fits as check_fits
    from sb3_mimic.refinement.actions import load_actions as load_actions
    from sb3_mimic.refinement.actions import save_actions as save_actions
    from sb3_mimic.refinement.checkpoint import NO_CHECKPOINT as NO_CHECKPOINT
    from sb3_mimic.refinement.checkpoint import Checkpoint as Checkpoint
    from sb3_mimic.refinement.feasibility import check_refinable as check_refinable
    from sb3_mimic.refinement.feasibility import dynamic_findings as dynamic_findings
    from sb3_mimic.refinement.methods import METHODS as METHODS
    from sb3_mimic.refinement.methods import Method as Method
    from sb3_mimic.refinement.methods import register_method as register_method
    from sb3_mimic.refinement.problem import TrackingProblem as TrackingProblem
    from sb3_mimic.refinement.problem import quantize as quantize
    from sb3_mimic.refinement.replay import ReplayMetrics as ReplayMetrics
    from sb3_mimic.refinement.replay import measure as measure
    from sb3_mimic.refinement.run import load_reference as load_reference
    from sb3_mimic.refinement.run import refine as refine
    from sb3_mimic.refinement.run import refine_reference as refine_reference

_ROOM = "sb3_mimic.refinement"

# `replay` and `feasibility` are modules here, so their functions of these names are not exported.
__getattr__ = lazy_exports(
    __name__,
    {
        "METHODS": f"{_ROOM}.methods",
        "NO_CHECKPOINT": f"{_ROOM}.checkpoint",
        "Checkpoint": f"{_ROOM}.checkpoint",
        "Method": f"{_ROOM}.methods",
        "Provenance": f"{_ROOM}.actions",
        "RefinedActions": f"{_ROOM}.actions",
        "ReplayMetrics": f"{_ROOM}.replay",
        "TrackingProblem": f"{_ROOM}.problem",
        "check_fits": f"{_ROOM}.actions",
        "check_refinable": f"{_ROOM}.feasibility",
        "dynamic_findings": f"{_ROOM}.feasibility",
        "load_actions": f"{_ROOM}.actions",
        "load_reference": f"{_ROOM}.run",
        "measure": f"{_ROOM}.replay",
        "quantize": f"{_ROOM}.problem",
        "refine": f"{_ROOM}.run",
        "refine_reference": f"{_ROOM}.run",
        "register_method": f"{_ROOM}.methods",
        "save_actions": f"{_ROOM}.actions",
    },
)

__all__ = [
    "METHODS",
    "NO_CHECKPOINT",
    "Checkpoint",
    "Method",
    "Provenance",
    "RefinedActions",
    "ReplayMetrics",
    "TrackingProblem",
    "check_fits",
    "check_refinable",
    "dynamic_findings",
    "load_actions",
    "load_reference",
    "measure",
    "quantize",
    "refine",
    "refine_reference",
    "register_method",
    "save_actions",
]
