"""A picture of a motion: a film strip of its skeleton, joint angles, feet and their contacts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.figure import StickFigure, clip_figure, skeletal_figure
from sb3_mimic.motion.skeletal import SkeletalMotion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_POSES = 10
_WIDTH = 14.0
#: From which the figures are seen: so far in front of their right side, and from above [rad].
_TURN, _TILT = 0.6, 0.12

_SIDES = {"right": "#b3262e", "left": "#33658a", "middle": "#444444"}
_AXES = {"x": "#b3262e", "y": "#3c8d53", "z": "#33658a"}


def plot_motion(motion: MotionClip | SkeletalMotion, path: str | Path) -> None:
    """Draws a motion: its skeleton at ten times, its joint angles, its feet.

    Of a clip all hinges are drawn, of another skeleton by how much its joints turn from rest.

    Args:
        motion: A clip of the character, or a motion of any skeleton.
        path: File to write, ``.png``, ``.pdf`` or ``.svg``.

    Raises:
        InputError: If the clip is not the character's, or the file cannot be written.
    """
    path = Path(path)
    figure = draw_motion(motion)
    try:
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=100)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error


def draw_motion(motion: MotionClip | SkeletalMotion) -> "Figure":
    """The same as a matplotlib figure, to be shown or changed.

    Raises:
        InputError: If the clip is not the character's.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = clip_figure(motion) if isinstance(motion, MotionClip) else skeletal_figure(motion)
    strip, extent = _strip(drawn)
    # As high as the strip is at this width.
    heights = [_WIDTH * 0.96 * extent[1] / extent[0], 2.0, 2.0, 1.6, 0.25 + 0.25 * len(drawn.feet)]
    figure = Figure(figsize=(_WIDTH, sum(heights) + 1.4), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(5, 4, height_ratios=heights)
    figure.suptitle(drawn.title, fontsize=13)
    _draw_strip(figure.add_subplot(grid[0, :]), drawn, strip)
    panels = [figure.add_subplot(grid[1 + i // 4, i % 4]) for i in range(8)]
    joints = iter(drawn.angles.items())
    for panel, (joint, lines) in zip(panels, joints, strict=False):
        _draw_angles(panel, drawn.times, joint, lines)
    _draw_root(panels[7], drawn)
    for panel in panels[len(drawn.angles) : 7]:
        panel.set_axis_off()
    heights_axes, contacts = figure.add_subplot(grid[3, :]), figure.add_subplot(grid[4, :])
    _draw_feet(heights_axes, contacts, drawn)
    for ax in (*panels, heights_axes, contacts):
        ax.set_xlim(0.0, float(drawn.times[-1]))
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    for ax in panels[:4]:
        ax.tick_params(labelbottom=False)
    heights_axes.tick_params(labelbottom=False)
    return figure


def _strip(drawn: StickFigure) -> tuple[FloatArray, tuple[float, float]]:
    """Points of the poses in the picture (poses, n, 2) [m], and how wide and high they are."""
    frames = np.linspace(0, len(drawn.times) - 1, _POSES).round().astype(np.intp)
    points = drawn.points[frames] - [0.0, 0.0, drawn.ground]
    points[..., :2] -= points[:, :1, :2]
    forward = drawn.forward
    along = points[..., :2] @ forward
    right = points[..., :2] @ [forward[1], -forward[0]]
    across = along * np.cos(_TURN) + right * np.sin(_TURN)
    toward = right * np.cos(_TURN) - along * np.sin(_TURN)
    seen = np.stack([across, points[..., 2] * np.cos(_TILT) - toward * np.sin(_TILT)], axis=-1)
    widths = np.ptp(seen[..., 0], axis=1)
    step = max(0.55, 1.08 * float(widths.max()))
    seen[..., 0] += step * np.arange(_POSES)[:, None]
    seen[..., 0] -= seen[..., 0].min() - 0.1 * step
    high = float(seen[..., 1].max()) + 0.15
    return seen, (step * (_POSES - 1) + float(widths[-1]) + 0.2 * step, high + 0.25)


def _draw_strip(ax: "Axes", drawn: StickFigure, strip: FloatArray) -> None:
    order = {"left": 0, "middle": 1, "right": 2}
    bones = sorted(drawn.bones, key=lambda bone: order[bone[2]])
    ax.axhline(0.0, color="#bbbbbb", linewidth=1, zorder=0)
    for pose in strip:
        for start, end, side in bones:
            ax.plot(
                *pose[[start, end]].T,
                color=_SIDES[side],
                linewidth=2.4,
                solid_capstyle="round",
                zorder=1 + order[side],
            )
    frames = np.linspace(0, len(drawn.times) - 1, _POSES).round().astype(np.intp)
    ax.set_xticks(
        [float(pose[0, 0]) for pose in strip], [f"{drawn.times[f]:.2f} s" for f in frames]
    )
    ax.set_yticks([])
    ax.tick_params(length=0, labelsize=9)
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal")
    hinges = any(axis in _AXES for lines in drawn.angles.values() for axis in lines)
    angles = "angles of the hinges about x red, y green, z blue" if hinges else "angles from rest"
    ax.set_title(
        f"right red, left blue; below, the right is solid, the left dashed; {angles}",
        fontsize=9,
        loc="left",
    )


def _draw_angles(ax: "Axes", times: FloatArray, joint: str, lines: dict[str, FloatArray]) -> None:
    """The lines of a joint: hinges in the colors of their axes, or a line a side."""
    for label, line in lines.items():
        side, axis = label.split() if " " in label else (label, label)
        color = _AXES.get(axis) or _SIDES[side]
        style = "--" if side == "left" else "-"
        ax.plot(times, line, color=color, linestyle=style, linewidth=1.3)
    ax.set_title(f"{joint.replace('_', ' ')} [rad]", fontsize=9, loc="left")


def _draw_root(ax: "Axes", drawn: StickFigure) -> None:
    root = drawn.points[:, 0]
    rate = 1 / (drawn.times[1] - drawn.times[0])
    speed = np.linalg.norm(np.gradient(root[:, :2], axis=0), axis=1) * rate
    ax.plot(drawn.times, speed, color=_AXES["x"], linewidth=1.3, label="speed [m/s]")
    ax.plot(
        drawn.times, root[:, 2] - drawn.ground, color="#444444", linewidth=1.3, label="height [m]"
    )
    ax.set_title("root", fontsize=9, loc="left")
    ax.set_ylim(bottom=0.0)
    ax.legend(fontsize=7, frameon=False, loc="best")


def _draw_feet(heights: "Axes", contacts: "Axes", drawn: StickFigure) -> None:
    for row, (name, foot) in enumerate(drawn.feet.items()):
        color: Any = _SIDES.get(name, _SIDES["middle"])
        heights.plot(drawn.times, foot.height, color=color, linewidth=1.5, label=f"{name} foot")
        for down, alpha in ((foot.low, 0.3), (foot.stands, 1.0)):
            contacts.fill_between(
                drawn.times,
                -row - 0.35,
                -row + 0.35,
                where=down.tolist(),
                step="mid",
                color=color,
                alpha=alpha,
                linewidth=0,
            )
    heights.axhline(0.0, color="#bbbbbb", linewidth=1)
    heights.set_title("height of the lowest point of each foot [m]", fontsize=9, loc="left")
    if drawn.feet:
        heights.legend(fontsize=8, frameon=False, loc="upper right")
    contacts.set_yticks(-np.arange(len(drawn.feet)), list(drawn.feet))
    contacts.set_ylim(0.5 - max(1, len(drawn.feet)), 0.5)
    contacts.set_title(
        "near the ground: dark where the foot rests, light where it moves",
        fontsize=9,
        loc="left",
    )
    contacts.set_xlabel("time [s]", fontsize=9)
