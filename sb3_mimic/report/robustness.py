"""The picture of a perturbation curve."""

from pathlib import Path
from typing import TYPE_CHECKING

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path

if TYPE_CHECKING:
    from sb3_mimic.evaluation.robustness import PerturbationCurve

_SURVIVAL, _FRACTION = "#33658a", "#b3262e"


def plot_perturbation(curve: "PerturbationCurve", title: str, path: Path) -> None:
    """Draws survival against the size of the first disturbance.

    Args:
        curve: The curve.
        title: What was measured.
        path: File to write, ``.png``.

    Raises:
        InputError: If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left = figure.subplots()
    left.plot(curve.spreads, curve.survival, "o-", color=_SURVIVAL)
    left.set_xlabel("standard deviation of the first hinge angles and root tilt [rad]")
    left.set_ylabel("mean survival [s]", color=_SURVIVAL)
    left.set_ylim(0.0, 1.05 * curve.full)
    right = left.twinx()
    right.plot(curve.spreads, 100 * curve.survived, "s--", color=_FRACTION)
    right.set_ylabel("episodes without a fall [%]", color=_FRACTION)
    right.set_ylim(0.0, 105.0)
    left.set_title(title, fontsize=11)
    left.grid(alpha=0.3)
    try:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=110)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
