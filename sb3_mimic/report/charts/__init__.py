"""The page's figures, made with Plotly."""

from sb3_mimic.report.charts.figures import Chart, figures_to_json, merge_curves
from sb3_mimic.report.charts.learning import learning_charts, other_charts
from sb3_mimic.report.charts.tracking import tracking_charts

__all__ = [
    "Chart",
    "figures_to_json",
    "learning_charts",
    "merge_curves",
    "other_charts",
    "tracking_charts",
]
