"""Charts of tracking: errors, drift, contacts, disturbed starts."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.report.charts.figures import COLORS, Chart, add_band, new_figure
from sb3_mimic.report.curves import Series
from sb3_mimic.report.labels import short_names
from sb3_mimic.report.performance import Performance
from sb3_mimic.report.record import Group


def tracking_charts(groups: Sequence[Group]) -> list[Chart]:
    """Charts of the tracking errors and of the contacts of the feet."""
    charts = [_joint_error_chart(groups), _perturbation_chart(groups)]
    records = [record for group in groups for record in group.records]
    seen = [record.performance for record in records if record.performance is not None]
    if len(records) == 1 and seen:
        charts += [_error_over_time_chart(seen[0]), _drift_chart(seen[0]), _contact_chart(seen[0])]
    return [chart for chart in charts if chart is not None]


def _joint_error_chart(groups: Sequence[Group]) -> Chart | None:
    found: dict[str, FloatArray] = {}
    names: tuple[str, ...] = ()
    for group in groups:
        measured = [
            record.performance.episode_errors
            for record in group.records
            if record.performance is not None and len(record.performance.episode_errors)
        ]
        if measured:
            found[group.label] = np.concatenate(measured)
            names = next(r.performance.joint_names for r in group.records if r.performance)
    if not found:
        return None
    figure = new_figure(
        "mean angle from the reference [rad]",
        "",
        hovermode="closest",
        barmode="group",
        height=60 + 26 * len(names) * max(1, len(found)),
        yaxis={"autorange": "reversed"},
        showlegend=len(found) > 1,
    )
    for number, (label, errors) in enumerate(found.items()):
        figure.add_bar(
            y=[name.replace("_", " ") for name in names],
            x=errors.mean(axis=0),
            error_x={"array": errors.std(axis=0), "thickness": 1, "width": 3},
            orientation="h",
            name=escape(label),
            marker_color=COLORS[number % len(COLORS)],
            hovertemplate="%{y}: %{x:.3f} ± %{error_x.array:.3f} rad",
        )
    note = (
        "Over eight episodes from start phases spread evenly, each up to its fall; the lines are "
        "one standard deviation over the episodes."
    )
    return Chart("joint-errors", "Tracking error of each joint", note, figure)


def _perturbation_chart(groups: Sequence[Group]) -> Chart | None:
    """Survival from first states beside the reference."""
    figure = new_figure("disturbance of the first state [rad]", "survival [s]")
    drawn = False
    for number, group in enumerate(groups):
        curves = []
        for record in group.records:
            measured = record.robustness.get("perturbation")
            if isinstance(measured, dict):
                spreads, survival = (measured.get(key, []) for key in ("spreads", "survival"))
                curves.append(Series(np.array(spreads, float), np.array(survival, float)))
        drawn |= add_band(figure, curves, group.label, COLORS[number % len(COLORS)], "solid")
    note = "Mean time until the fall or the end of the episode (`sb3-mimic evaluate --perturb`)."
    return Chart("disturbed", "Disturbed starts", note, figure) if drawn else None


def _error_over_time_chart(performance: Performance) -> Chart | None:
    if not performance.joint_names:
        return None
    figure = new_figure("time [s]", "", hovermode="closest")
    figure.add_heatmap(
        x=performance.times[1:],
        y=[name.replace("_", " ") for name in performance.joint_names],
        z=performance.joint_error.T,
        colorscale="Viridis",
        zmin=0.0,
        colorbar={"title": "rad", "thickness": 10},
        hovertemplate="%{y}, %{x:.2f} s: %{z:.3f} rad<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    note = "The episode of the video, from the clip's first frame" + _describe_end(performance)
    return Chart("error-over-time", "Tracking error over time", note, figure)


def _drift_chart(performance: Performance) -> Chart | None:
    if not len(performance.root_drift):
        return None
    figure = new_figure("time [s]", "distance over the ground [m]", height=260)
    figure.add_scatter(
        x=performance.times[1:],
        y=performance.root_drift,
        name="root drift",
        line={"color": COLORS[0]},
        hovertemplate="%{y:.3f} m",
    )
    note = "Of the root from the reference, which is not moved along with it here."
    return Chart("drift", "Root drift", note, figure)


def _contact_chart(performance: Performance) -> Chart | None:
    rows: dict[str, NDArray[np.int8]] = {}
    for number, name in enumerate(short_names(performance.robot.feet)):
        if performance.model_contact is not None:
            key = f"{name}, {performance.model_name}"
            rows[key] = performance.model_contact[:, number].astype(np.int8)
        rows[f"{name}, policy"] = performance.contact[:, number].astype(np.int8) * 2
    figure = new_figure("time [s]", "", hovermode="closest", height=80 + 30 * len(rows))
    figure.add_heatmap(
        x=performance.times,
        y=[escape(name) for name in rows],
        z=np.array(list(rows.values())),
        text=[["on the ground" if down else "in the air" for down in row] for row in rows.values()],
        colorscale=[[0, "#e8edf2"], [0.5, COLORS[2]], [1, COLORS[0]]],
        zmin=0,
        zmax=2,
        ygap=3,
        showscale=False,
        hovertemplate="%{y}, %{x:.2f} s: %{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    note = "When a foot is on the ground, or nearly so" + _describe_end(performance)
    return Chart("contacts", "Contacts of the feet", note, figure)


def _describe_end(performance: Performance) -> str:
    steps = len(performance.qpos) - 1
    if performance.n_survived >= steps:
        return "; no fall."
    return f"; it falls after {performance.n_survived / performance.robot.control_rate:.2f} s."
