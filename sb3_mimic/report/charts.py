"""The page's figures, made with Plotly: curves with their spread, tracking errors, contacts.

Names come from users: Plotly takes a subset of HTML in its texts, so every one is escaped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.report.curves import Series
from sb3_mimic.report.performance import Performance
from sb3_mimic.report.record import Group

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


# Okabe and Ito's colors, told apart by nearly everyone.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c00", "#444444")
_STEPS = "environment steps"
# Curves that a chart of their own shows; the others come below, as they are.
_SHOWN = (
    "rollout/ep_rew_mean",
    "rollout/ep_len_mean",
    "eval/",
    "reward/",
    "train/approx_kl",
    "train/kl_divergence_loss",
    "train/explained_variance",
    "train/std",
    "train/critic_only",
)


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure with its heading.

    Attributes:
        key: Its id on the page.
        title: Heading.
        note: What there is to know when reading it.
        figure: Plotly's.
    """

    key: str
    title: str
    note: str
    figure: "Figure"


def learning_charts(groups: Sequence[Group]) -> list[Chart]:
    """What was learned, over environment steps; only what was logged."""
    charts = [_returns(groups), _survival(groups), _reward_terms(groups)]
    kl = ("train/approx_kl", "train/kl_divergence_loss")
    charts += [
        _curve(groups, "kl", "KL divergence", "How far an update moves the policy.", kl),
        _curve(
            groups,
            "explained-variance",
            "Explained variance",
            "Of the returns, by the critic: 1 is all of it, 0 no better than their mean.",
            ("train/explained_variance",),
        ),
        _curve(
            groups,
            "log-std",
            "Log standard deviation",
            "Of the actions, whose range is [−1, 1]: the noise that training explores with.",
            ("train/std",),
            np.log,
        ),
        _cloning(groups),
    ]
    return [chart for chart in charts if chart is not None]


def other_charts(groups: Sequence[Group]) -> list[Chart]:
    """Every other scalar of the logs, those of the user's own callbacks among them."""
    tags = sorted({tag for g in groups for r in g.records for tag in r.curves.scalars})
    charts = (
        _curve(groups, f"other-{number}", tag, "", (tag,))
        for number, tag in enumerate(tags)
        if not tag.startswith(_SHOWN)
    )
    return [chart for chart in charts if chart is not None]


def tracking_charts(groups: Sequence[Group]) -> list[Chart]:
    """How closely the reference is followed, and when feet are on the ground."""
    charts = [_joint_errors(groups), _disturbed(groups)]
    records = [record for group in groups for record in group.records]
    seen = [record.performance for record in records if record.performance is not None]
    if len(records) == 1 and seen:
        charts += [_error_over_time(seen[0]), _drift(seen[0]), _contacts(seen[0])]
    return [chart for chart in charts if chart is not None]


def _figure(x_title: str, y_title: str, **layout: Any) -> "Figure":
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(
        template="plotly_white",
        margin={"l": 56, "r": 12, "t": 12, "b": 44},
        height=340,
        font={"size": 12},
        hovermode="x unified",
        hoverdistance=-1,  # however far apart the points are: there is always a nearest one
        hoverlabel={"namelength": -1},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        xaxis={"title": x_title},
        yaxis={"title": y_title, "exponentformat": "e"},
    )
    figure.update_layout(**layout)
    return figure


def _returns(groups: Sequence[Group]) -> Chart | None:
    figure = _figure(_STEPS, "return of an episode")
    drawn = False
    for number, group in enumerate(groups):
        color = _COLORS[number % len(_COLORS)]
        name = _named(group, groups, "training")
        drawn |= _add(figure, group, "rollout/ep_rew_mean", name, color)
        name = _named(group, groups, "evaluation")
        drawn |= _add_evaluation(figure, group, "mean_reward", name, color)
        name = _named(group, groups, "clone")
        drawn |= _add_clone(figure, group, "mean_reward", name, color)
    note = (
        "The environment's own reward, summed. Training explores, and its episodes may end earlier "
        "than those of the evaluations, which are deterministic."
    )
    return Chart("return", "Return", note, _handed_over(figure, groups)) if drawn else None


def _survival(groups: Sequence[Group]) -> Chart | None:
    rate = _control_rate(groups)
    unit, scale = ("s", 1 / rate) if rate else ("steps", 1.0)
    figure = _figure(_STEPS, f"length of an episode [{unit}]")
    drawn = False

    def in_units(values: FloatArray) -> FloatArray:
        return values * scale

    for number, group in enumerate(groups):
        color = _COLORS[number % len(_COLORS)]
        name = _named(group, groups, "training")
        drawn |= _add(figure, group, "rollout/ep_len_mean", name, color, in_units)
        name = _named(group, groups, "evaluation")
        drawn |= _add_evaluation(figure, group, "mean_ep_length", name, color, in_units)
        name = _named(group, groups, "clone")
        drawn |= _add_clone(figure, group, "mean_ep_length", name, color, in_units)
    note = "How long the body stays up, until the end of an episode at most."
    return Chart("survival", "Survival", note, _handed_over(figure, groups)) if drawn else None


def _reward_terms(groups: Sequence[Group]) -> Chart | None:
    tags = sorted(
        {t for g in groups for r in g.records for t in r.curves.scalars if t.startswith("reward/")}
    )
    if not tags:
        return None
    figure = _figure(_STEPS, "mean of a step")
    dashes = ("solid", "dash", "dot", "dashdot")
    for number, tag in enumerate(tags):
        color = _COLORS[number % len(_COLORS)]
        term = tag.removeprefix("reward/").replace("_", " ")
        for other, group in enumerate(groups):
            dash = dashes[other % len(dashes)]
            _add(figure, group, tag, _named(group, groups, term), color, dash=dash)
    note = "The terms as they are weighted; their sum is the reward of a step."
    return Chart("reward-terms", "Reward terms", note, _handed_over(figure, groups))


def _curve(
    groups: Sequence[Group],
    key: str,
    title: str,
    note: str,
    tags: tuple[str, ...],
    change: Callable[[FloatArray], FloatArray] = lambda values: values,
) -> Chart | None:
    """A chart of one scalar; of several tags each run has the first that it logged."""
    figure = _figure(_STEPS, "")
    drawn = False
    for number, group in enumerate(groups):
        color = _COLORS[number % len(_COLORS)]
        tag = next(
            (t for t in tags if any(t in record.curves.scalars for record in group.records)), None
        )
        if tag is not None:
            drawn |= _add(figure, group, tag, group.label, color, change)
    return Chart(key, title, note, _handed_over(figure, groups)) if drawn else None


def _cloning(groups: Sequence[Group]) -> Chart | None:
    figure = _figure("epoch", "mean squared error of the action", yaxis_type="log")
    drawn = False
    for number, group in enumerate(groups):
        color = _COLORS[number % len(_COLORS)]
        for tag, name, dash in (
            ("bc/train_mse", "training", "dot"),
            ("bc/validation_mse", "validation", "solid"),
        ):
            curves = [r.curves.cloning[tag] for r in group.records if tag in r.curves.cloning]
            drawn |= _add_band(figure, curves, _named(group, groups, name), color, dash)
    note = "Held out are whole demonstrations. The weights of the best validation error are kept."
    return Chart("cloning", "Behavior cloning", note, figure) if drawn else None


def _add(
    figure: "Figure",
    group: Group,
    tag: str,
    name: str,
    color: str,
    change: Callable[[FloatArray], FloatArray] = lambda values: values,
    *,
    dash: str = "solid",
) -> bool:
    curves = [
        Series(curve.steps, change(curve.values))
        for record in group.records
        if (curve := record.curves.scalars.get(tag)) is not None
    ]
    return _add_band(figure, curves, name, color, dash)


def _named(group: Group, groups: Sequence[Group], what: str) -> str:
    return what if len(groups) == 1 else f"{group.label}: {what}"


def _add_band(figure: "Figure", curves: Sequence[Series], name: str, color: str, dash: str) -> bool:
    """A line; of several runs their mean, and a band of one standard deviation around it."""
    curves = [curve for curve in curves if len(curve.steps)]
    if not curves:
        return False
    merged = merge(curves)
    if merged.spread is not None:
        _add_spread(figure, merged, name, color)
    figure.add_scatter(
        x=merged.steps,
        y=merged.values,
        name=escape(name),
        mode="lines" if len(merged.steps) > 1 else "markers",
        line={"color": color, "dash": dash, "width": 2},
        hovertemplate="%{y:.4g}",
    )
    return True


def merge(curves: Sequence[Series]) -> Series:
    """Several runs' curves as one: mean and standard deviation, at the steps of all of them.

    Between its own steps a run is interpolated; before its first and after its last it does not
    count.
    """
    if len(curves) == 1:
        return curves[0]
    steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    rows = np.array(
        [np.interp(steps, curve.steps, curve.values, left=np.nan, right=np.nan) for curve in curves]
    )
    return Series(steps, np.nanmean(rows, axis=0), np.nanstd(rows, axis=0))


def _add_spread(figure: "Figure", series: Series, name: str, color: str) -> None:
    if series.spread is None:
        return
    edges = (series.values + series.spread, (series.values - series.spread)[::-1])
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    figure.add_scatter(
        x=np.concatenate((series.steps, series.steps[::-1])),
        y=np.concatenate(edges),
        name=escape(name),
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},.15)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )


def _add_evaluation(
    figure: "Figure",
    group: Group,
    key: str,
    name: str,
    color: str,
    change: Callable[[FloatArray], FloatArray] = lambda values: values,
) -> bool:
    """Evaluations on the way: the spread of a single run is that over its episodes."""
    curves = [
        Series(curve.steps, change(curve.values), change(curve.spread))
        for record in group.records
        if (curve := record.curves.evaluation.get(key)) is not None and curve.spread is not None
    ]
    if not curves:
        return False
    merged = merge(curves)
    spread = np.zeros_like(merged.values) if merged.spread is None else merged.spread
    figure.add_scatter(
        x=merged.steps,
        y=merged.values,
        error_y={"array": spread, "thickness": 1, "width": 3},
        name=escape(name),
        mode="markers+lines",
        marker={"color": color, "symbol": "square", "size": 7},
        line={"color": color, "dash": "dot", "width": 1},
        hovertemplate="%{y:.4g} ± %{error_y.array:.2g}",
    )
    return True


def _add_clone(
    figure: "Figure",
    group: Group,
    key: str,
    name: str,
    color: str,
    change: Callable[[FloatArray], FloatArray] = lambda values: values,
) -> bool:
    """The clone, where training starts from."""
    found = [record.clone[key] for record in group.records if key in record.clone]
    if not found:
        return False
    values = change(np.array(found, np.float64))
    figure.add_scatter(
        x=[0],
        y=[float(values.mean())],
        name=escape(name),
        mode="markers",
        marker={"color": color, "symbol": "diamond", "size": 11, "line": {"width": 1}},
        hovertemplate="%{y:.4g}",
    )
    return True


def _handed_over(figure: "Figure", groups: Sequence[Group]) -> "Figure":
    """Marks where the critic learned alone, and from where on the cloned actor learns."""
    steps = {record.handover for group in groups for record in group.records} - {None}
    for step in sorted(s for s in steps if s is not None):
        figure.add_vrect(x0=0, x1=step, fillcolor="#888", opacity=0.12, line_width=0)
        figure.add_vline(x=step, line={"color": "#555", "width": 1, "dash": "dash"})
    if len(steps) == 1:
        figure.add_annotation(
            x=steps.pop(),
            y=1,
            yref="paper",
            text="handover",
            showarrow=False,
            xanchor="left",
            yanchor="top",
            xshift=3,
            font={"size": 11, "color": "#555"},
        )
    return figure


def _control_rate(groups: Sequence[Group]) -> float | None:
    """Control steps per second, where all runs have the same [Hz]."""
    rates = {
        record.performance.robot.control_rate if record.performance else None
        for group in groups
        for record in group.records
    }
    return rates.pop() if len(rates) == 1 else None


def _joint_errors(groups: Sequence[Group]) -> Chart | None:
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
    figure = _figure(
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
            marker_color=_COLORS[number % len(_COLORS)],
            hovertemplate="%{y}: %{x:.3f} ± %{error_x.array:.3f} rad",
        )
    note = (
        "Over eight episodes from start phases spread evenly, each up to its fall; the lines are "
        "one standard deviation over the episodes."
    )
    return Chart("joint-errors", "Tracking error of each joint", note, figure)


def _disturbed(groups: Sequence[Group]) -> Chart | None:
    """Survival from first states beside the reference."""
    figure = _figure("disturbance of the first state [rad]", "survival [s]")
    drawn = False
    for number, group in enumerate(groups):
        curves = []
        for record in group.records:
            measured = record.robustness.get("perturbation")
            if isinstance(measured, dict):
                spreads, survival = (measured.get(key, []) for key in ("spreads", "survival"))
                curves.append(Series(np.array(spreads, float), np.array(survival, float)))
        drawn |= _add_band(figure, curves, group.label, _COLORS[number % len(_COLORS)], "solid")
    note = "Mean time until the fall or the end of the episode (`sb3-mimic evaluate --perturb`)."
    return Chart("disturbed", "Disturbed starts", note, figure) if drawn else None


def _error_over_time(performance: Performance) -> Chart | None:
    if not performance.joint_names:
        return None
    figure = _figure("time [s]", "", hovermode="closest")
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
    note = "The episode of the video, from the clip's first frame" + _fate(performance)
    return Chart("error-over-time", "Tracking error over time", note, figure)


def _drift(performance: Performance) -> Chart | None:
    if not len(performance.root_drift):
        return None
    figure = _figure("time [s]", "distance over the ground [m]", height=260)
    figure.add_scatter(
        x=performance.times[1:],
        y=performance.root_drift,
        name="root drift",
        line={"color": _COLORS[0]},
        hovertemplate="%{y:.3f} m",
    )
    note = "Of the root from the reference, which is not moved along with it here."
    return Chart("drift", "Root drift", note, figure)


def _contacts(performance: Performance) -> Chart | None:
    rows: dict[str, NDArray[np.int8]] = {}
    for number, foot in enumerate(performance.robot.feet):
        name = foot.partition("_")[0]
        if performance.model_contact is not None:
            key = f"{name}, {performance.model_name}"
            rows[key] = performance.model_contact[:, number].astype(np.int8)
        rows[f"{name}, policy"] = performance.contact[:, number].astype(np.int8) * 2
    figure = _figure("time [s]", "", hovermode="closest", height=80 + 30 * len(rows))
    figure.add_heatmap(
        x=performance.times,
        y=[escape(name) for name in rows],
        z=np.array(list(rows.values())),
        text=[["on the ground" if down else "in the air" for down in row] for row in rows.values()],
        colorscale=[[0, "#e8edf2"], [0.5, _COLORS[2]], [1, _COLORS[0]]],
        zmin=0,
        zmax=2,
        ygap=3,
        showscale=False,
        hovertemplate="%{y}, %{x:.2f} s: %{text}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    note = "When a foot is on the ground, or nearly so" + _fate(performance)
    return Chart("contacts", "Contacts of the feet", note, figure)


def _fate(performance: Performance) -> str:
    steps = len(performance.qpos) - 1
    if performance.n_survived >= steps:
        return "; no fall."
    return f"; it falls after {performance.n_survived / performance.robot.control_rate:.2f} s."


def as_json(charts: Sequence[Chart]) -> dict[str, Mapping[str, Any]]:
    """The figures by key: what Plotly's script draws from."""
    return {chart.key: json.loads(chart.figure.to_json()) for chart in charts}
