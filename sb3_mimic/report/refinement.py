"""A picture of a replay beside its clip: bodies, errors, drift and contacts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.core.rendering import Renderer, RenderOptions
from sb3_mimic.envs.tracking.reference import Reference
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.skeletons.sides import joint_sides, mirror_pairs
from sb3_mimic.refinement.replay import Replay
from sb3_mimic.report.labels import short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FRAMES = 6
_WIDTH, _HEIGHT = 400, 400
# Between two of them [pixels].
_GAP = 6
# How far the ghost stands beside the body, in the direction that is left in the picture [m].
_BESIDE = -0.65

_REPLAY, _CLIP, _FALL = "#33658a", "#5fa777", "#b3262e"
_ROOT_ANGLE = "#e08e45"
# Of the joints, in their order and then from the start again.
_COLORS = ("#444444", "#9a9a9a", "#33658a", "#b3262e", "#c9a227", "#6aa5c9", "#e08e45")
# Lines of the legend that fit beside the errors in a column.
_LEGEND_ROWS = 14


def plot_replay(done: Replay, reference: Reference, path: Path) -> None:
    """Draws a replay beside its clip: frames, joint errors, root drift, feet on the ground.

    Where there is no OpenGL the frames are left out.

    Args:
        done: The replay.
        reference: The clip that it reproduces.
        path: File to write, ``.png``.

    Raises:
        InputError: If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = np.linspace(0, done.n_steps, _FRAMES).round().astype(np.intp)
    pictures = _pictures(done, reference, steps)
    heights = [3.0, 1.4, 0.9]
    if pictures is not None:
        # As high as the strip of frames is at this width.
        heights.insert(0, 12.0 * pictures.shape[0] / pictures.shape[1])
    figure = Figure(figsize=(13.0, sum(heights) + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes: list[Axes] = list(
        figure.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights})
    )
    times = np.arange(done.n_steps + 1) / reference.robot.control_rate
    if pictures is not None:
        _draw_pictures(axes.pop(0), pictures, times[steps])
    errors, drift, feet = axes
    _draw_errors(errors, done, times)
    _draw_drift(drift, done, times)
    _draw_contacts(feet, done, reference.robot.feet, times)
    for ax in axes:
        ax.set_xlim(0.0, float(times[-1]))
        ax.spines[["top", "right"]].set_visible(False)
        if done.n_survived < done.n_steps:
            ax.axvline(float(times[done.n_survived]), color=_FALL, linewidth=1, linestyle=":")
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    feet.set_xlabel("time [s]")
    figure.suptitle(_title(done, reference), fontsize=13)
    try:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=110)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _title(done: Replay, reference: Reference) -> str:
    survived = done.n_survived
    rate = reference.robot.control_rate
    fate = "no fall" if survived == done.n_steps else f"falls after {survived / rate:.2f} s"
    return (
        f"{reference.clip.name}, open loop for {done.n_steps / rate:.2f} s: {fate}, "
        f"joint error {done.joint_error.mean():.3f} rad, "
        f"root drift at most {done.root_drift.max():.2f} m"
    )


def _pictures(
    done: Replay, reference: Reference, steps: NDArray[np.intp]
) -> NDArray[np.uint8] | None:
    """The body and, beside it, its reference at some steps, in a row; None without OpenGL."""
    renderer = Renderer(
        reference.robot.model, RenderOptions(width=_WIDTH, height=_HEIGHT, shadows=False)
    )
    try:
        row = []
        for step in steps:
            ghost = done.reference_qpos[step].copy()
            ghost[0] += _BESIDE
            picture = renderer.draw(done.qpos[step], ghost)
            row.append(np.pad(picture, ((0, 0), (0, _GAP), (0, 0)), constant_values=255))
        return np.concatenate(row, axis=1)
    except InputError:
        return None
    finally:
        renderer.close()


def _draw_pictures(ax: Any, pictures: NDArray[np.uint8], times: NDArray[np.float64]) -> None:
    ax.imshow(pictures)
    ax.set_xticks(
        (np.arange(len(times)) + 0.5) * (_WIDTH + _GAP), [f"{time:.2f} s" for time in times]
    )
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("replay, and the clip as a ghost beside it", fontsize=10, loc="left")


def _draw_errors(ax: Any, done: Replay, times: NDArray[np.float64]) -> None:
    styles = _joint_styles(done.joint_names)
    for name, error, (color, line) in zip(
        done.joint_names, done.joint_error.T, styles, strict=True
    ):
        ax.plot(
            times[1:],
            error,
            color=color,
            linestyle=line,
            linewidth=1.2,
            label=name.replace("_", " "),
        )
    ax.plot(times[1:], done.joint_error.mean(axis=1), color="black", linewidth=2.5, label="mean")
    ax.set_ylabel("joint error [rad]")
    ax.set_ylim(bottom=0.0)
    ax.legend(
        fontsize=8,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        ncols=1 + len(styles) // _LEGEND_ROWS,
    )


def _joint_styles(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Color and line of each joint: both sides have the same color, the left is dashed."""
    pairs = np.minimum(np.arange(len(names)), mirror_pairs(names)).tolist()
    order = list(dict.fromkeys(pairs))
    return [
        (_COLORS[order.index(pair) % len(_COLORS)], "--" if side == "left" else "-")
        for pair, side in zip(pairs, joint_sides(names), strict=True)
    ]


def _draw_drift(ax: Any, done: Replay, times: NDArray[np.float64]) -> None:
    ax.plot(times[1:], done.root_drift, color=_REPLAY, linewidth=2, label="root drift [m]")
    ax.plot(times[1:], done.root_angle, color=_ROOT_ANGLE, label="root angle [rad]")
    ax.set_ylabel("root")
    ax.set_ylim(bottom=0.0)
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _draw_contacts(
    ax: Any, done: Replay, feet: tuple[str, ...], times: NDArray[np.float64]
) -> None:
    """A bar for each foot and body while it is on the ground."""
    for i in range(len(feet)):
        for down, color, offset in (
            (done.reference_contact[:, i], _CLIP, 0.2),
            (done.contact[:, i], _REPLAY, -0.2),
        ):
            ax.fill_between(
                times,
                len(feet) - i + offset - 0.17,
                len(feet) - i + offset + 0.17,
                where=down,
                step="post",
                color=color,
                linewidth=0,
                label=("clip", "replay")[offset < 0] if i == 0 else None,
            )
    labels = [f"{name} foot" for name in short_names(feet)]
    ax.set_yticks(np.arange(len(feet), 0, -1), labels)
    ax.set_ylim(0.5, len(feet) + 0.5)
    ax.legend(
        title="on the ground",
        title_fontsize=8,
        fontsize=8,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )
