"""``report.html``: settings, curves and results of runs, in one file that needs no network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion import load_motion
from sb3_mimic.report import charts
from sb3_mimic.report.performance import Performance, film, perform
from sb3_mimic.report.published import Published, find_published
from sb3_mimic.report.record import Group, RunRecord, group_by_experiment, read_record
from sb3_mimic.tasks.motions import as_tuple
from sb3_mimic.training.run import RunFolder

# All videos together [bytes]: with base64 and Plotly's script the page stays below 15 MB.
_VIDEO_BYTES = 6_500_000
_VIDEO_SECONDS = 5.0

# Figures of an evaluation: their names on the page, and their format.
_FIGURES: Mapping[str, tuple[str, str]] = {
    "normalized_return": ("normalized return", ".3f"),
    "normalized_return_stochastic": ("normalized return, stochastic actions", ".3f"),
    "mean_reward": ("mean return of the environment", ".2f"),
    "mean_ep_length": ("mean episode length [steps]", ".1f"),
    "survival_s": ("survival [s]", ".2f"),
    "joint_error_rad": ("joint error [rad]", ".4f"),
    "mpjpe_mm": ("mean position error of the joints, relative to the root [mm]", ".1f"),
    "mpjpe_global_mm": ("the same in the world [mm]", ".0f"),
    "root_drift_m": ("root drift at the end [m]", ".3f"),
    "forward_speed_mps": ("forward speed [m/s]", ".3f"),
    "push_forward_N": ("push survived at all moments, forward [N]", ".0f"),
    "push_sideways_N": ("push survived at all moments, sideways [N]", ".0f"),
    "push_forward_median_N": ("push survived at half of them, forward [N]", ".0f"),
    "push_sideways_median_N": ("push survived at half of them, sideways [N]", ".0f"),
}


# The standard deviation over the episodes that is shown beside a figure.
_SPREADS: Mapping[str, str] = {
    "normalized_return": "normalized_return_std",
    "mean_reward": "std_reward",
}


@dataclass(frozen=True)
class Clip:
    """A video on the page.

    Attributes:
        title: Its title.
        data: Its address, ``data:video/mp4;base64,…``; empty if it is too large to be embedded.
        path: Its file.
    """

    title: str
    data: str
    path: str


@dataclass(frozen=True)
class Row:
    """A line of a table: its name, and a cell for each column."""

    name: str
    cells: tuple[str, ...]


def write_report(
    runs: Sequence[RunFolder],
    output: Path,
    *,
    seconds: float = _VIDEO_SECONDS,
    films: bool = True,
) -> Path:
    """Writes the page of a run, or one that compares several.

    A run may still be going: the page shows what there is. The last model performs once for the
    video, the tracking errors and the contacts; the video is kept in the run's ``videos/`` and made
    again only when the model is a newer one.

    Args:
        runs: At least one. Runs that differ in their seed alone are shown as mean and spread.
        output: The ``.html`` to write, which is replaced.
        seconds: Length of a performance.
        films: Whether videos are made; those that are there are shown in any case.

    Returns:
        ``output``.

    Raises:
        InputError: If a run's settings cannot be read, or the file cannot be written.
    """
    names = _run_names(runs)
    records = [_open_record(run, names[run.path], seconds, films) for run in runs]
    text = render(records)
    try:
        with atomic_path(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror or error})") from error
    return output


def render(records: Sequence[RunRecord]) -> str:
    """The page of some runs, as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    groups = group_by_experiment(records)
    learning = charts.learning_charts(groups)
    others = charts.other_charts(groups)
    tracking = charts.tracking_charts(groups)
    environment = Environment(
        loader=PackageLoader("sb3_mimic.report"), autoescape=True, undefined=StrictUndefined
    )
    page: str = environment.get_template("report.html.j2").render(
        title=" · ".join(group.label for group in groups),
        records=records,
        groups=groups,
        facts=[_facts(record) for record in records],
        learning=learning,
        others=others,
        tracking=tracking,
        figures=charts.figures_to_json([*learning, *others, *tracking]),
        evaluation=_evaluation_table(groups),
        videos=_videos(records),
        settings=_settings_table(records),
        versions=_versions_table(records),
        made=f"{datetime.now().astimezone():%Y-%m-%d %H:%M}",
        plotly=Markup(get_plotlyjs()),
    )
    return page


def _run_names(runs: Sequence[RunFolder]) -> dict[Path, str]:
    """Name of each run: its folder's, or the path where two folders have the same name."""
    short = {run.path: run.path.resolve().name for run in runs}
    taken = list(short.values())
    return {p: name if taken.count(name) == 1 else str(p) for p, name in short.items()}


def _open_record(run: RunFolder, name: str, seconds: float, films: bool) -> RunRecord:
    """Reads a run and lets its last model perform."""
    from sb3_mimic.training.trained import open_trained

    notes = []
    performance: Performance | None = None
    published: Published | None = None
    try:
        trained = open_trained(run.path)
    except InputError as error:
        notes.append(f"No video, tracking or contacts: {error}")
    else:
        asked = _mapping(run.read_config().get("train"))
        cloned = asked.get("motion") if "motion" not in trained.env_kwargs else None
        env_kwargs = dict(trained.env_kwargs)
        if len(motions := as_tuple(env_kwargs.get("motion"))) > 1:
            env_kwargs["motion"] = motions[0]
            notes.append(f"Video, tracking and contacts are of the first clip, {motions[0]}.")
        try:
            performance = perform(
                trained.policy, trained.env_id, env_kwargs, motion=cloned, seconds=seconds
            )
        except InputError as error:
            notes.append(f"No video, tracking or contacts: {error}")
        if performance is not None and films:
            notes += _film(performance, _side_by_side_path(run), trained.path)
        published = _published_figures(trained.env_kwargs.get("motion"))
    return read_record(run, name=name, performance=performance, published=published, notes=notes)


def _side_by_side_path(run: RunFolder) -> Path:
    return run.videos / "side_by_side.mp4"


def _film(performance: Performance, path: Path, model: Path) -> list[str]:
    """Films a performance unless the model's video is there; returns what went wrong."""
    if path.is_file() and path.stat().st_mtime >= model.stat().st_mtime:
        return []
    try:
        film(performance, path)
    except (InputError, OSError) as error:
        return [f"No video: {error}"]
    return []


def _published_figures(motion: Any) -> Published | None:
    try:
        return find_published(load_motion(motion)) if isinstance(motion, str) else None
    except InputError:
        return None


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    """The run in a few lines."""
    settings, curves = record.settings, record.curves
    environment = _mapping(record.config.get("env"))
    motions = as_tuple(settings.get("motion") or _mapping(environment.get("kwargs")).get("motion"))
    asked = settings.get("n_rl_timesteps")
    state = "finished" if record.finished else "not finished: this is what there is so far"
    done = f"{record.timesteps:,}"
    if not record.finished and isinstance(asked, int):
        done += f" of {asked:,}"
    facts = [
        ("run", record.name),
        ("state", state),
        ("environment", str(environment.get("id", ""))),
        ("motion", ", ".join(Path(motion).name for motion in motions)),
        ("way", _training_method(settings)),
        ("algorithm", str(settings.get("algo", "")).upper()),
        ("seed", str(settings.get("seed", ""))),
        ("environment steps", done),
        ("training episodes", f"{curves.n_episodes:,}" if curves.n_episodes else ""),
        ("time of reinforcement learning", _format_duration(curves.wall_time)),
    ]
    return [(name, value) for name, value in facts if value]


def _training_method(settings: Mapping[str, Any]) -> str:
    if not settings:
        return ""
    if settings.get("pretrained_model"):
        return "from a pretrained model"
    if settings.get("skip_bc"):
        return "from scratch"
    return "cloned, then fine-tuned" if settings.get("n_rl_timesteps") else "cloned"


def _format_duration(seconds: float) -> str:
    if seconds < 1:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _evaluation_table(groups: Sequence[Group]) -> tuple[list[str], list[Row]]:
    """Columns and lines: the clone, the trained model, and DeepMimic's figures of the skill."""
    columns: list[tuple[str, list[Mapping[str, Any]]]] = []
    for group in groups:
        for stage in ("clone", "model"):
            found = [getattr(record, stage) for record in group.records]
            found = [figures for figures in found if figures]
            if found:
                title = "trained" if stage == "model" else stage
                columns.append((title if len(groups) == 1 else f"{group.label}: {title}", found))
    known = [r.published for group in groups for r in group.records if r.published is not None]
    heads = [title for title, _ in columns]
    skills = {published.skill: published for published in known}
    heads += [
        f"DeepMimic, {published.skill}, {published.samples:g} M samples"
        for published in skills.values()
    ]
    names = {
        name: None
        for _, found in columns
        for figures in found
        for name, value in figures.items()
        if _is_number(value) and name.rpartition("/")[2] not in _SPREADS.values()
    }
    rows = []
    for name in sorted(names, key=_rank):
        motion, of, figure = name.rpartition("/")
        title, form = _FIGURES.get(figure, (figure.replace("_", " "), ".4g"))
        cells = [_cell(found, name, form) for _, found in columns]
        for published in skills.values():
            value = published.figures().get(name)
            cells.append("" if value is None else format(value, form))
        rows.append(Row(f"{motion}: {title}" if of else title, tuple(cells)))
    return heads, rows


def _cell(found: Sequence[Mapping[str, Any]], name: str, form: str) -> str:
    """A figure: its mean and spread over several runs; of a single one, over its episodes."""
    numbers = [float(figures[name]) for figures in found if _is_number(figures.get(name))]
    if not numbers:
        return ""
    spread: Any = float(np.std(numbers))
    if len(numbers) == 1:
        motion, of, figure = name.rpartition("/")
        spread = next(iter(found)).get(motion + of + _SPREADS.get(figure, ""))
    mean = format(float(np.mean(numbers)), form)
    return f"{mean} ± {format(spread, form)}" if _is_number(spread) else mean


def _rank(name: str) -> int:
    """Known figures first, in the order of the table."""
    known = list(_FIGURES)
    return known.index(name) if name in known else len(known)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _videos(records: Sequence[RunRecord]) -> list[Clip]:
    """The videos of the runs, as many as there is room for; the most telling ones first."""
    wanted: list[tuple[str, Path]] = []
    for record in records:
        path = _side_by_side_path(record.run)
        if path.is_file():
            beside = record.performance.model_name if record.performance else ""
            title = f"{beside} on the left, policy on the right" if beside else "policy"
            wanted.append((f"{record.name}: {title}", path))
    if len(records) == 1:
        (record,) = records
        on_the_way = sorted(record.run.videos.glob("step_*.mp4"), key=_step_of)
        wanted += [(f"after {_step_of(path):,} steps", path) for path in on_the_way]
    clips, left = [], _VIDEO_BYTES
    for title, path in wanted:
        content = path.read_bytes() if path.stat().st_size <= left else b""
        left -= len(content)
        encoded = base64.b64encode(content).decode("ascii")
        clips.append(Clip(title, f"data:video/mp4;base64,{encoded}" if content else "", str(path)))
    return clips


def _step_of(path: Path) -> int:
    digits = path.stem.removeprefix("step_")
    return int(digits) if digits.isdecimal() else 0


def _settings_table(records: Sequence[RunRecord]) -> list[Row]:
    """Every setting of every run, flags first."""
    holders: list[dict[str, Any]] = []
    for record in records:
        kwargs = _mapping(_mapping(record.config.get("env")).get("kwargs"))
        holders.append(
            {
                **record.settings,
                **{f"env: {name}": value for name, value in kwargs.items()},
                **{f"{name} (resolved)": value for name, value in record.hyperparameters.items()},
            }
        )
    return _table(holders)


def _versions_table(records: Sequence[RunRecord]) -> list[Row]:
    return _table([dict(record.versions) for record in records])


def _table(holders: Sequence[Mapping[str, Any]]) -> list[Row]:
    names = list(dict.fromkeys(name for holder in holders for name in holder))
    return [
        Row(name, tuple("" if h.get(name) is None else str(h[name]) for h in holders))
        for name in names
    ]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
