"""Evaluation: the protocol, episodes side by side, pushes and disturbed starts."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.evaluation.environments import PROTOCOL as PROTOCOL
    from sb3_mimic.evaluation.episodes import Episodes as Episodes
    from sb3_mimic.evaluation.episodes import run_episodes as run_episodes
    from sb3_mimic.evaluation.episodes import uniform_start_phases as uniform_start_phases
    from sb3_mimic.evaluation.protocol import evaluate as evaluate
    from sb3_mimic.evaluation.robustness import N_PHASES as N_PHASES
    from sb3_mimic.evaluation.robustness import SPREADS as SPREADS
    from sb3_mimic.evaluation.robustness import PerturbationCurve as PerturbationCurve
    from sb3_mimic.evaluation.robustness import PushTest as PushTest
    from sb3_mimic.evaluation.robustness import perturbation_curve as perturbation_curve
    from sb3_mimic.evaluation.robustness import push_test as push_test

# Public name -> module that defines it.
_LAZY = {
    "Episodes": "sb3_mimic.evaluation.episodes",
    "N_PHASES": "sb3_mimic.evaluation.robustness",
    "PROTOCOL": "sb3_mimic.evaluation.environments",
    "PerturbationCurve": "sb3_mimic.evaluation.robustness",
    "PushTest": "sb3_mimic.evaluation.robustness",
    "SPREADS": "sb3_mimic.evaluation.robustness",
    "evaluate": "sb3_mimic.evaluation.protocol",
    "perturbation_curve": "sb3_mimic.evaluation.robustness",
    "push_test": "sb3_mimic.evaluation.robustness",
    "run_episodes": "sb3_mimic.evaluation.episodes",
    "uniform_start_phases": "sb3_mimic.evaluation.episodes",
}

__all__ = [
    "N_PHASES",
    "PROTOCOL",
    "SPREADS",
    "Episodes",
    "PerturbationCurve",
    "PushTest",
    "evaluate",
    "perturbation_curve",
    "push_test",
    "run_episodes",
    "uniform_start_phases",
]

__getattr__ = lazy_exports(__name__, _LAZY)
