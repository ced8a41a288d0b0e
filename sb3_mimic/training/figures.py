"""Figures of an evaluation as text. Light: no torch, no simulator."""

from collections.abc import Mapping

from sb3_mimic.tasks.motions import mean_figures


def format_figures(figures: Mapping[str, float]) -> str:
    """An evaluation as one line; of several motions the means alone.

    Example:
        >>> format_figures({"survival_s": 15.0, "walk/survival_s": 20.0, "run/survival_s": 10.0})
        'survival_s 15'
    """
    return ", ".join(f"{name} {value:.4g}" for name, value in mean_figures(figures).items())
