"""Parts of the page's figures: axes, curves with their spread, colors.

Names come from users: Plotly takes a subset of HTML in its texts, so every one is escaped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.report.curves import Series
from sb3_mimic.report.record import Group

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


# Okabe and Ito's colors, told apart by nearly everyone.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c00", "#444444")


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


def new_figure(x_title: str, y_title: str, **layout: Any) -> "Figure":
    """An empty figure with the page's looks, and what of Plotly's layout differs."""
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


def add_scalar(
    figure: "Figure",
    group: Group,
    tag: str,
    name: str,
    color: str,
    change: Callable[[FloatArray], FloatArray] = lambda values: values,
    *,
    dash: str = "solid",
) -> bool:
    """Draws a scalar of a group's logs, changed; gives whether there was one."""
    curves = [
        Series(curve.steps, change(curve.values))
        for record in group.records
        if (curve := record.curves.scalars.get(tag)) is not None
    ]
    return add_band(figure, curves, name, color, dash)


def curve_name(group: Group, groups: Sequence[Group], what: str) -> str:
    """Name of a curve, with its group's where there are several."""
    return what if len(groups) == 1 else f"{group.label}: {what}"


def add_band(figure: "Figure", curves: Sequence[Series], name: str, color: str, dash: str) -> bool:
    """A line; of several runs their mean, and a band of one standard deviation around it.

    Returns:
        Whether there was anything to draw.
    """
    curves = [curve for curve in curves if len(curve.steps)]
    if not curves:
        return False
    merged = merge_curves(curves)
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


def merge_curves(curves: Sequence[Series]) -> Series:
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


def figures_to_json(charts: Sequence[Chart]) -> dict[str, Mapping[str, Any]]:
    """The figures by key: what Plotly's script draws from."""
    return {chart.key: json.loads(chart.figure.to_json()) for chart in charts}
