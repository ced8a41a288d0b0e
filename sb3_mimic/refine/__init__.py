"""Actions that reproduce a clip under physics, and whether there can be any.

What needs a simulator is imported when it is first asked for.

>>> from sb3_mimic.refine import refine
>>> refine("squat", method="pd").provenance.method
'pd'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sb3_mimic.refine.actions import Provenance as Provenance
    from sb3_mimic.refine.actions import RefinedActions as RefinedActions
    from sb3_mimic.refine.actions import check_fits as check_fits
    from sb3_mimic.refine.actions import load_actions as load_actions
    from sb3_mimic.refine.actions import save_actions as save_actions
    from sb3_mimic.refine.feasibility import check_refinable as check_refinable
    from sb3_mimic.refine.methods import METHODS as METHODS
    from sb3_mimic.refine.methods import Method as Method
    from sb3_mimic.refine.methods import register_method as register_method
    from sb3_mimic.refine.replay import ReplayMetrics as ReplayMetrics
    from sb3_mimic.refine.replay import measure as measure
    from sb3_mimic.refine.run import load_reference as load_reference
    from sb3_mimic.refine.run import refine as refine

# Public name -> module that defines it. `replay` is the module's name here, whose function is not.
_LAZY = {
    "METHODS": "methods",
    "Method": "methods",
    "Provenance": "actions",
    "RefinedActions": "actions",
    "ReplayMetrics": "replay",
    "check_fits": "actions",
    "check_refinable": "feasibility",
    "load_actions": "actions",
    "load_reference": "run",
    "measure": "replay",
    "refine": "run",
    "register_method": "methods",
    "save_actions": "actions",
}

__all__ = [
    "METHODS",
    "Method",
    "Provenance",
    "RefinedActions",
    "ReplayMetrics",
    "check_fits",
    "check_refinable",
    "load_actions",
    "load_reference",
    "measure",
    "refine",
    "register_method",
    "save_actions",
]


def __getattr__(name: str) -> Any:
    """Imports a public name on first use (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value
