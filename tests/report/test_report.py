"""report.html: what a run's logs say, one file, whatever state the run is in."""

import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.logger import configure

from sb3_mimic.cli import main
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.report import page
from sb3_mimic.report.charts import merge_curves
from sb3_mimic.report.curves import Series, read_curves
from sb3_mimic.report.page import write_report
from sb3_mimic.report.performance import feet_on_ground, perform
from sb3_mimic.report.published import find_published
from sb3_mimic.report.record import group_by_experiment, read_record
from sb3_mimic.tasks import TASKS, Task
from sb3_mimic.training import films, pipeline
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.run import RunFolder

HOSTILE = "<script>alert(1)</script><b onmouseover=alert(2)>&amp;\"'"


class Page(HTMLParser):
    """What of a page matters here."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._script = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        (self.scripts if self._script else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def figures(self) -> dict[str, Any]:
        """Plotly's figures by key."""
        found: dict[str, Any] = json.loads(next(s for s in self.scripts if s.startswith("{")))
        return found

    @property
    def videos(self) -> list[str]:
        return [str(attributes["src"]) for tag, attributes in self.tags if tag == "video"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real runs, small ones: the humanoid, with what another seed might have given, and PiDog."""
    folder = tmp_path_factory.mktemp("outputs")
    small = {"n_envs": 4, "rollout_size": 128, "batch_size": 64, "hidden_sizes": (16, 16)}
    env_kwargs = Task.env_kwargs
    with pytest.MonkeyPatch.context() as patch:
        for name in ("humanoid", "pidog"):
            task = TASKS[name]
            changed = replace(
                task,
                hyperparameters=task.hyperparameters.updated(small),
                training_env_kwargs={**task.training_env_kwargs, "episode_seconds": 1.0},
            )
            patch.setitem(TASKS, name, changed)
        patch.setattr(
            Task, "env_kwargs", lambda *a, **k: {**env_kwargs(*a, **k), "episode_seconds": 1.0}
        )
        patch.setattr(pipeline, "EVAL_ENVS", 2)
        patch.setattr(pipeline, "REPORT_SECONDS", 0.5)
        # The videos of the pipeline are test_cli.py's; the page makes its own.
        patch.setattr(films, "can_film", lambda _: True)
        patch.setattr(films, "film", lambda *_, **__: None)
        for env in ("humanoid", "pidog"):
            pipeline.train(
                TrainConfig(
                    env=env,
                    seed=1,
                    refine_method="none",
                    n_demo_episodes=2,
                    n_bc_epochs=3,
                    n_rl_timesteps=768,
                    n_eval_episodes=2,
                    output_dir=folder,
                    experiment_name=f"{env}_1",
                ),
                progress_bar=False,
            )
    shutil.copytree(folder / "humanoid_1", folder / "humanoid_2")
    change(folder / "humanoid_2" / "config.yaml", "train", seed=2)
    change(folder / "humanoid_2" / "evaluation.json", "model", survival_s=0.25)
    return folder


def change(path: Path, part: str, **values: Any) -> None:
    """Changes some values of a part of a YAML or JSON file."""
    content = yaml.safe_load(path.read_text())
    content[part].update(values)
    path.write_text(json.dumps(content))  # which is YAML as well


def test_a_run_ends_with_its_page(runs: Path) -> None:
    run = RunFolder(runs / "humanoid_1")
    assert run.report.stat().st_size < 15e6
    read = Page(run.report)
    expected = {
        "return",
        "survival",
        "reward-terms",
        "kl",
        "explained-variance",
        "log-std",
        "cloning",
        "joint-errors",
        "error-over-time",
        "drift",
        "contacts",
    }
    assert expected <= set(read.figures)
    assert {tag["data-figure"] for _, tag in read.tags if "data-figure" in tag} == set(read.figures)
    assert len(read.videos) == 1
    assert read.videos[0].startswith("data:video/mp4;base64,")
    figures = json.loads(run.evaluation.read_text())["model"]
    assert f"survival [s] {json.loads(run.evaluation.read_text())['clone']['survival_s']:.2f}" in (
        read.text
    )
    assert f"{figures['joint_error_rad']:.4f}" in read.text
    for part in ("reference on the left", "cloned, then fine-tuned", "stable-baselines3", "768"):
        assert part in read.text


def test_nothing_is_fetched(runs: Path) -> None:
    for run in runs.iterdir():
        read = Page(run / "report.html")
        for _, attributes in read.tags:
            for name in ("src", "href", "srcset", "action", "poster"):
                assert (attributes.get(name) or "data:").startswith("data:"), attributes


def test_the_curves_are_those_of_the_logs(runs: Path) -> None:
    run = RunFolder(runs / "humanoid_1")
    curves = read_curves(run)
    returns = curves.scalars["rollout/ep_rew_mean"]
    assert returns.steps.tolist() == [128, 256, 384, 512, 640, 768]
    with np.load(run.evaluations) as saved:
        evaluation = curves.evaluation["mean_reward"]
        np.testing.assert_array_equal(evaluation.steps, saved["timesteps"])
        np.testing.assert_allclose(evaluation.values, saved["results"].mean(axis=1))
    assert (
        len(curves.cloning["bc/validation_mse"].steps) == 2
    )  # the first number is of the second epoch
    lines = (run.path / "monitor.csv").read_text().splitlines()
    assert curves.n_episodes == len(lines) - 2
    terms = [curve for tag, curve in curves.scalars.items() if tag.startswith("reward/")]
    assert len(terms) == 5
    drawn = Page(run.report).figures["return"]["data"]
    assert [trace["name"] for trace in drawn] == ["training", "evaluation", "clone"]


def test_the_handover_is_where_the_actor_begins_to_learn(runs: Path) -> None:
    record = read_record(RunFolder(runs / "humanoid_1"), name="a", performance=None, published=None)
    most = TASKS["humanoid"].warm_start.critic_rollouts
    # Two updates of the critic alone at least.
    assert record.handover in [(rollouts + 1) * 128 for rollouts in range(2, most + 1)]
    shapes = Page(runs / "humanoid_1" / "report.html").figures["return"]["layout"]["shapes"]
    assert {shape["x1"] for shape in shapes} == {record.handover}


def test_the_command_repeats_the_run(runs: Path) -> None:
    run = RunFolder(runs / "pidog_1")
    record = read_record(run, name="a", performance=None, published=None)
    words = record.command.split()
    assert words[:2] == ["sb3-mimic", "train"]
    asked = dict(zip(words[2::2], words[3::2], strict=True))
    assert asked["--env"] == "pidog"
    assert asked["--seed"] == "1"
    assert asked["--total-rl-timesteps"] == "768"
    assert "--learning-rate" not in asked  # the robot's own


def test_seeds_are_averaged_and_experiments_kept_apart(runs: Path, tmp_path: Path) -> None:
    names = ("humanoid_1", "humanoid_2", "pidog_1")
    output = write_report([RunFolder(runs / name) for name in names], tmp_path / "c.html")
    read = Page(output)
    assert "(2 seeds)" in read.text
    records = [
        read_record(RunFolder(runs / name), name=name, performance=None, published=None)
        for name in names
    ]
    groups = group_by_experiment(records)
    assert [len(group.records) for group in groups] == [2, 1]
    assert groups[1].label == "pidog_1"
    values = [record.model["survival_s"] for record in records[:2]]
    assert f"{np.mean(values):.2f} ± {np.std(values):.2f}" in read.text
    assert len(read.videos) == 3


def test_pushes_and_disturbed_starts_are_shown_where_they_were_measured(
    runs: Path, tmp_path: Path
) -> None:
    shutil.copytree(runs / "humanoid_1", tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    measured = {
        "push_forward_N": 110.0,
        "perturbation": {"spreads": [0.0, 0.1], "survival": [20.0, 3.5]},
    }
    run.robustness.write_text(json.dumps(measured))
    read = Page(write_report([run], run.report))
    assert "push survived at all moments, forward [N] 110" in read.text
    assert read.figures["disturbed"]["data"][0]["name"] == "run"


@pytest.mark.parametrize("what", ["config only", "going", "cut off", "no model", "damaged"])
def test_a_run_shows_what_there_is(what: str, runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    shutil.copytree(runs / "humanoid_1", path)
    run = RunFolder(path)
    run.evaluation.unlink()
    run.model.unlink()
    if what == "config only":
        for entry in path.iterdir():
            if entry.name != "config.yaml":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elif what == "cut off":
        (events,) = run.tensorboard.glob("ppo_1/events.*")
        events.write_bytes(events.read_bytes()[:-7])
        run.evaluations.write_bytes(run.evaluations.read_bytes()[:100])
    elif what == "no model":
        shutil.rmtree(run.checkpoints)
        run.clone.unlink()
    elif what == "damaged":
        run.evaluation.write_text("[1, 2")
        run.versions.write_text("null")
    assert main(["report", str(path)]) == 0
    read = Page(run.report)
    assert "not finished" in read.text
    assert ("No video, tracking or contacts" in read.text) == (what in ("config only", "no model"))
    assert ("return" in read.figures) == (what != "config only")


def test_names_are_text_and_nothing_else(runs: Path, tmp_path: Path) -> None:
    names = [HOSTILE.replace("/", "∕"), "`${1}` </title> %y {{ 7 * 7 }}".replace("/", "∕")]
    copies = []
    for name, source in zip(names, ("humanoid_1", "pidog_1"), strict=True):
        shutil.copytree(runs / source, tmp_path / name)
        settings = {"experiment_name": HOSTILE, HOSTILE: HOSTILE}
        change(tmp_path / name / "config.yaml", "train", **settings)
        copies.append(RunFolder(tmp_path / name))
    plain = Page(write_report([RunFolder(runs / "humanoid_1")], tmp_path / "plain.html"))
    read = Page(write_report(copies, tmp_path / "hostile.html"))
    assert sum(tag == "script" for tag, _ in read.tags) == sum(t == "script" for t, _ in plain.tags)
    assert not any("onmouseover" in attributes for _, attributes in read.tags)
    assert HOSTILE in " ".join(read.texts)
    for name in names:
        assert name in " ".join(read.texts)
    for figure in read.figures.values():
        for trace in figure["data"]:
            assert "<" not in str(trace.get("name", ""))


def test_the_video_is_made_once_for_a_model(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(runs / "humanoid_2")
    video = run.videos / "side_by_side.mp4"
    before = video.stat().st_mtime_ns

    def refuse(*_: Any) -> None:
        raise AssertionError("filmed again")

    monkeypatch.setattr(page, "film", refuse)
    write_report([run], run.report)
    assert video.stat().st_mtime_ns == before
    run.model.touch()
    with pytest.raises(AssertionError, match="filmed again"):
        write_report([run], run.report)


def test_a_failed_report_does_not_fail_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(page, "write_report", fail)
    said: list[str] = []
    assert pipeline.write_run_report(RunFolder(tmp_path), False, said.append) is None
    assert said == ["no report: RuntimeError: no luck"]


def test_the_command_refuses_and_overwrites_nothing(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = str(runs / "humanoid_1")
    assert main(["report", run, "--output", "a.html"]) == 0
    assert capsys.readouterr().out.strip() == "a.html"
    for arguments, sentence in (
        ([run, "--output", "a.html"], "exists already"),
        ([run, "--output", "a.txt"], "must end in .html"),
        ([str(tmp_path)], "is no run"),
        ([], "at least one run"),
    ):
        assert main(["report", *arguments]) == 2
        assert sentence in capsys.readouterr().err
    assert main(["report", run, "--output", "a.html", "--force"]) == 0


Points = st.lists(st.tuples(st.integers(0, 50), st.floats(-1e6, 1e6)), min_size=1, max_size=30)


@given(Points)
def test_a_curve_goes_on_where_a_run_was_resumed(points: list[tuple[int, float]]) -> None:
    from sb3_mimic.report.curves import _Point, _series

    series = _series(
        [_Point(float(time), step, value) for time, (step, value) in enumerate(points)]
    )
    assert (np.diff(series.steps) > 0).all()
    # The last word on a step is the one that counts, and nothing after the last step is left.
    assert series.steps[-1] == points[-1][0]
    assert series.values[-1] == points[-1][1]
    last = {step: value for step, value in points}  # noqa: C416 - the last of each step
    for step, value in zip(series.steps, series.values, strict=True):
        assert last[int(step)] == value


Values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)


@given(Values, st.integers(1, 4), st.randoms())
def test_merging_runs_is_their_mean(values: list[float], n: int, random: Any) -> None:
    steps = np.arange(len(values), dtype=float)
    curves = [Series(steps, np.array(values) + i) for i in range(n)]
    random.shuffle(curves)
    merged = merge_curves(curves)
    np.testing.assert_allclose(merged.values, np.array(values) + (n - 1) / 2, atol=1e-9)
    if n > 1:
        assert merged.spread is not None
        np.testing.assert_allclose(merged.spread, np.std(np.arange(n)), atol=1e-9)


def test_a_run_that_ended_early_does_not_count_after_its_end() -> None:
    long = Series(np.arange(5.0), np.ones(5))
    short = Series(np.arange(3.0), np.zeros(3))
    merged = merge_curves([long, short])
    np.testing.assert_allclose(merged.values, [0.5, 0.5, 0.5, 1, 1])


def test_csv_logs_are_read_where_there_are_no_events(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", {})
    logger = configure(str(run.path), ["csv"])
    for step in (10, 20, 30):
        logger.record("rollout/ep_rew_mean", step / 2)
        logger.record("time/total_timesteps", step)
        if step > 10:
            logger.record("train/std", 0.1)
        logger.dump(step)
    logger.close()
    scalars = read_curves(run).scalars
    assert scalars["rollout/ep_rew_mean"].steps.tolist() == [10, 20, 30]
    assert scalars["rollout/ep_rew_mean"].values.tolist() == [5, 10, 15]
    assert scalars["train/std"].steps.tolist() == [20, 30]


def test_known_clips_are_known_by_their_content(motions_dir: Path) -> None:
    found = {}
    for path in sorted((motions_dir / "deepmimic").glob("humanoid3d_*.txt")):
        published = find_published(load_motion(str(path)))
        found[path.stem.removeprefix("humanoid3d_")] = published and published.skill
    assert len(found) >= 9
    assert all(skill == name for name, skill in found.items())
    for name in ("walk", "run", "squat", "wave"):  # this package's own
        assert find_published(load_motion(name)) is None


class Still:
    """Asks for the reference."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros((len(observation), 28), np.float32), None


def test_a_performance_is_measured_until_it_falls() -> None:
    env = "sb3_mimic/HumanoidMimic-v0"
    seen = perform(Still(), env, {"motion": "walk"}, seconds=4)
    assert seen is not None
    # Plain PD targets fall within seconds: that much is known of them.
    assert 0 < seen.n_survived < len(seen.qpos) - 1
    assert np.isfinite(seen.joint_error[: seen.n_survived]).all()
    assert np.isnan(seen.joint_error[seen.n_survived :]).all()
    np.testing.assert_array_equal(seen.qpos[0], seen.model_qpos[0])  # type: ignore[index]
    assert seen.root_drift[0] < 0.05
    again = perform(Still(), env, {"motion": "walk"}, seconds=4)
    assert again is not None
    np.testing.assert_array_equal(seen.qpos, again.qpos)
    # Feet: none in the air, both of someone who stands.
    stands = seen.qpos[:2].copy()
    stands[1, 2] += 1.0
    assert not feet_on_ground(seen.robot, stands)[1].any()
    walking = seen.model_contact
    assert walking is not None
    assert 0.5 < walking.mean() < 0.9


def test_settings_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        write_report([RunFolder(tmp_path)], tmp_path / "a.html")


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "mobile"), [(1280, 900, False), (390, 844, True)])
def test_the_page_works_in_a_browser(
    width: int, height: int, mobile: bool, chromium: Any, runs: Path
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": height}, is_mobile=mobile, has_touch=mobile
    )
    view = context.new_page()
    complaints: list[str] = []
    view.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    view.on("pageerror", lambda error: complaints.append(str(error)))
    view.on("requestfailed", lambda request: complaints.append(request.url[:80]))
    view.goto((runs / "humanoid_1" / "report.html").resolve().as_uri())
    drawn = 0
    tabs = view.query_selector_all("[role=tab]")
    assert len(tabs) == 4
    for tab in tabs:
        tab.click()
        panel = view.query_selector(f"#{tab.get_attribute('aria-controls')}")
        assert panel.is_visible()
        assert len(view.query_selector_all("[role=tabpanel]:visible")) == 1
        # No part is wider than the screen.
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        for place in panel.query_selector_all(".figure"):
            place.scroll_into_view_if_needed()
            place.wait_for_selector(".main-svg, .draglayer", state="attached")
            assert _answers_to_hover(view, place), place.get_attribute("data-figure")
            drawn += 1
    assert drawn == len(Page(runs / "humanoid_1" / "report.html").figures)
    tabs[0].click()
    video = view.query_selector("video")
    plays = (
        "v => new Promise(f => { v.ontimeupdate = () => v.currentTime > .1 && f(true); v.play() })"
    )
    assert video.evaluate(plays)
    assert complaints == []
    context.close()


def _answers_to_hover(view: Any, place: Any) -> bool:
    """Whether a label shows when the pointer is somewhere on a figure."""
    box = place.query_selector(".nsewdrag").bounding_box()
    assert box["width"] > 150
    for across, down in ((0.4, 0.5), (0.1, 0.45), (0.02, 0.53)):
        x, y = box["x"] + box["width"] * across, box["y"] + box["height"] * down
        view.mouse.move(x - 5, y)
        view.mouse.move(x, y)
        view.wait_for_timeout(150)  # Plotly's own delay
        if place.query_selector(".hoverlayer .hovertext, .hoverlayer .legend"):
            return True
    return False
