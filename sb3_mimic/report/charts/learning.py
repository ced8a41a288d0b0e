"""Charts over environment steps: returns, survival, the algorithm's own figures."""

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.report.charts.figures import (
    COLORS,
    Chart,
    add_band,
    add_scalar,
    curve_name,
    merge_curves,
    new_figure,
)
from sb3_mimic.report.curves import Series
from sb3_mimic.report.record import Group

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_STEPS = "environment steps"
# Curves that a chart of their own shows; the others come below, as they are.
_CHARTED = (
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


def learning_charts(groups: Sequence[Group]) -> list[Chart]:
    """Charts of learning over environment steps, of the scalars that were logged."""
    charts = [_return_chart(groups), _survival_chart(groups), _reward_term_chart(groups)]
    kl = ("train/approx_kl", "train/kl_divergence_loss")
    charts += [
        _scalar_chart(groups, "kl", "KL divergence", "How far an update moves the policy.", kl),
        _scalar_chart(
            groups,
            "explained-variance",
            "Explained variance",
            "Of the returns, by the critic: 1 is all of it, 0 no better than their mean.",
            ("train/explained_variance",),
        ),
        _scalar_chart(
            groups,
            "log-std",
            "Log standard deviation",
            "Of the actions, whose range is [−1, 1]: the noise that training explores with.",
            ("train/std",),
            np.log,
        ),
        _cloning_chart(groups),
    ]
    return [chart for chart in charts if chart is not None]


def other_charts(groups: Sequence[Group]) -> list[Chart]:
    """Every other scalar of the logs, those of the user's own callbacks among them."""
    tags = sorted({tag for g in groups for r in g.records for tag in r.curves.scalars})
    charts = (
        _scalar_chart(groups, f"other-{number}", tag, "", (tag,))
        for number, tag in enumerate(tags)
        if not tag.startswith(_CHARTED)
    )
    return [chart for chart in charts if chart is not None]


def _return_chart(groups: Sequence[Group]) -> Chart | None:
    figure = new_figure(_STEPS, "return of an episode")
    drawn = False
    for number, group in enumerate(groups):
        color = COLORS[number % len(COLORS)]
        name = curve_name(group, groups, "training")
        drawn |= add_scalar(figure, group, "rollout/ep_rew_mean", name, color)
        name = curve_name(group, groups, "evaluation")
        drawn |= _add_evaluation(figure, group, "mean_reward", name, color)
        name = curve_name(group, groups, "clone")
        drawn |= _add_clone(figure, group, "mean_reward", name, color)
    note = (
        "The environment's own reward, summed. Training explores, and its episodes may end earlier "
        "than those of the evaluations, which are deterministic."
    )
    return Chart("return", "Return", note, _mark_handover(figure, groups)) if drawn else None


def _survival_chart(groups: Sequence[Group]) -> Chart | None:
    rate = _control_rate(groups)
    unit, scale = ("s", 1 / rate) if rate else ("steps", 1.0)
    figure = new_figure(_STEPS, f"length of an episode [{unit}]")
    drawn = False

    def to_unit(values: FloatArray) -> FloatArray:
        return values * scale

    for number, group in enumerate(groups):
        color = COLORS[number % len(COLORS)]
        name = curve_name(group, groups, "training")
        drawn |= add_scalar(figure, group, "rollout/ep_len_mean", name, color, to_unit)
        name = curve_name(group, groups, "evaluation")
        drawn |= _add_evaluation(figure, group, "mean_ep_length", name, color, to_unit)
        name = curve_name(group, groups, "clone")
        drawn |= _add_clone(figure, group, "mean_ep_length", name, color, to_unit)
    note = "How long the body stays up, until the end of an episode at most."
    return Chart("survival", "Survival", note, _mark_handover(figure, groups)) if drawn else None


def _reward_term_chart(groups: Sequence[Group]) -> Chart | None:
    tags = sorted(
        {t for g in groups for r in g.records for t in r.curves.scalars if t.startswith("reward/")}
    )
    if not tags:
        return None
    figure = new_figure(_STEPS, "mean of a step")
    dashes = ("solid", "dash", "dot", "dashdot")
    for number, tag in enumerate(tags):
        color = COLORS[number % len(COLORS)]
        term = tag.removeprefix("reward/").replace("_", " ")
        for other, group in enumerate(groups):
            dash = dashes[other % len(dashes)]
            add_scalar(figure, group, tag, curve_name(group, groups, term), color, dash=dash)
    note = "The terms as they are weighted; their sum is the reward of a step."
    return Chart("reward-terms", "Reward terms", note, _mark_handover(figure, groups))


def _scalar_chart(
    groups: Sequence[Group],
    key: str,
    title: str,
    note: str,
    tags: tuple[str, ...],
    change: Callable[[FloatArray], FloatArray] = lambda values: values,
) -> Chart | None:
    """A chart of one scalar; of several tags each run has the first that it logged."""
    figure = new_figure(_STEPS, "")
    drawn = False
    for number, group in enumerate(groups):
        color = COLORS[number % len(COLORS)]
        tag = next(
            (t for t in tags if any(t in record.curves.scalars for record in group.records)), None
        )
        if tag is not None:
            drawn |= add_scalar(figure, group, tag, group.label, color, change)
    return Chart(key, title, note, _mark_handover(figure, groups)) if drawn else None


def _cloning_chart(groups: Sequence[Group]) -> Chart | None:
    figure = new_figure("epoch", "mean squared error of the action", yaxis_type="log")
    drawn = False
    for number, group in enumerate(groups):
        color = COLORS[number % len(COLORS)]
        for tag, name, dash in (
            ("bc/train_mse", "training", "dot"),
            ("bc/validation_mse", "validation", "solid"),
        ):
            curves = [r.curves.cloning[tag] for r in group.records if tag in r.curves.cloning]
            drawn |= add_band(figure, curves, curve_name(group, groups, name), color, dash)
    note = "Held out are whole demonstrations. The weights of the best validation error are kept."
    return Chart("cloning", "Behavior cloning", note, figure) if drawn else None


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
    merged = merge_curves(curves)
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


def _mark_handover(figure: "Figure", groups: Sequence[Group]) -> "Figure":
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
