"""The viewer in the browser: what is asked for is done, thirty times a second."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import mujoco
import numpy as np
import pytest

from sb3_mimic.cli import main
from sb3_mimic.envs.humanoid import HumanoidMimicEnv, load_humanoid
from sb3_mimic.envs.pidog.model import load_pidog
from sb3_mimic.errors import InputError
from sb3_mimic.report.performers import ClipPerformer, PolicyPerformer

pytest.importorskip("viser", reason="VIEWER NOT TESTED: no viser; pip install viser")

from sb3_mimic.report.viewer import WebViewer, body_mesh


class Still:
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros(28, np.float32), None


@pytest.fixture
def viewer() -> Iterator[WebViewer]:
    env = HumanoidMimicEnv("walk")
    performer = PolicyPerformer(Still(), env, "still_*walk*", options={"phase": 0.0})
    with closing(performer), closing(WebViewer(performer, port=18080)) as viewer:
        yield viewer


@contextmanager
def running(viewer: WebViewer) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=viewer.run, args=(lambda: not stop.is_set(),))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("load", [load_humanoid, load_pidog])
def test_bodies_are_as_large_as_their_geometries(load: Any) -> None:
    model = load().model
    seen = 0
    for body in range(1, model.nbody):
        mesh = body_mesh(model, body)
        shown = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body]
        shown = [g for g in shown if model.geom_group[g] < 3 and model.geom_rgba[g, 3] > 0]
        if mesh is None:
            assert not shown
            continue
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for geom in shown:
            corners = extremes(model, geom)
            low, high = np.minimum(low, corners[0]), np.maximum(high, corners[1])
        size = (high - low).max()
        # Round bodies are polyhedra, a little smaller.
        np.testing.assert_allclose(mesh.bounds, [low, high], atol=0.02 * size)
        seen += 1
    assert seen >= 10


def extremes(model: mujoco.MjModel, geom: int) -> tuple[np.ndarray, np.ndarray]:
    """The box around a geometry along its body's axes: from its support function."""
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
    axes = turn.reshape(3, 3)  # rows: the body's axes in the geometry's frame
    size, kind = model.geom_size[geom], model.geom_type[geom]
    reach = {
        mujoco.mjtGeom.mjGEOM_SPHERE: lambda: np.full(3, size[0]),
        mujoco.mjtGeom.mjGEOM_CAPSULE: lambda: size[0] + size[1] * np.abs(axes[:, 2]),
        mujoco.mjtGeom.mjGEOM_BOX: lambda: np.abs(axes) @ size,
        mujoco.mjtGeom.mjGEOM_ELLIPSOID: lambda: np.linalg.norm(axes * size, axis=1),
        mujoco.mjtGeom.mjGEOM_CYLINDER: lambda: (
            size[0] * np.linalg.norm(axes[:, :2], axis=1) + size[1] * np.abs(axes[:, 2])
        ),
    }[mujoco.mjtGeom(kind)]()  # type: ignore[no-untyped-call]
    center = model.geom_pos[geom]
    return center - reach, center + reach


def test_it_pauses_steps_and_looks_back(viewer: WebViewer) -> None:
    states = [viewer.performer.qpos]
    for _ in range(30):
        viewer._advance()
        states.append(viewer.performer.qpos)
    np.testing.assert_array_equal(viewer._selected_frame().qpos, states[-1])
    viewer._paused = True
    viewer._advance()
    np.testing.assert_array_equal(viewer.performer.qpos, states[-1])
    viewer._back.value = -10 / 30  # type: ignore[misc]
    np.testing.assert_array_equal(viewer._selected_frame().qpos, states[-11])
    viewer._pending_steps = 1
    viewer._advance()  # forward in what was, not in time
    np.testing.assert_array_equal(viewer._selected_frame().qpos, states[-10])
    np.testing.assert_array_equal(viewer.performer.qpos, states[-1])
    viewer._back.value = 0.0  # type: ignore[misc]
    viewer._pending_steps = 1
    viewer._advance()
    assert viewer.performer.time == pytest.approx(31 / 30)
    viewer._back.value = -20.0  # type: ignore[misc]  # further than there is
    np.testing.assert_array_equal(viewer._selected_frame().qpos, states[0])


def test_what_is_sent_is_what_is_seen(viewer: WebViewer) -> None:
    model = viewer.performer.robot.model
    for _ in range(20):
        viewer._advance()
    frame = viewer._selected_frame()
    viewer._send(frame)
    data = mujoco.MjData(model)
    assert frame.ghost_qpos is not None
    for handles, qpos in ((viewer._bodies, frame.qpos), (viewer._ghosts, frame.ghost_qpos)):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        for body, handle in handles:
            np.testing.assert_allclose(handle.position, data.xpos[body])
            np.testing.assert_allclose(handle.wxyz, data.xquat[body])
            assert handle.visible
    np.testing.assert_allclose(viewer._world.position, [-frame.qpos[0], -frame.qpos[1], 0])
    viewer._show_ghost.value = False  # type: ignore[misc]
    viewer._send(frame)
    assert not any(handle.visible for _, handle in viewer._ghosts)


def test_an_update_costs_little(viewer: WebViewer) -> None:
    start = time.process_time()
    for _ in range(60):
        viewer._advance()
        viewer._send(viewer._selected_frame())
    spent = (time.process_time() - start) / 60
    assert spent < 1 / 30, "more than a core for thirty updates a second"


def test_a_clip_has_no_ghost() -> None:
    with (
        closing(ClipPerformer("walk")) as performer,
        closing(WebViewer(performer, port=18090)) as viewer,
    ):
        assert not viewer._show_ghost.visible
        viewer._advance()
        viewer._send(viewer._selected_frame())


def test_without_viser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with (
        closing(ClipPerformer("walk")) as performer,
        pytest.raises(InputError, match=r"sb3-mimic\[viewer\]"),
    ):
        WebViewer(performer)


def test_the_command_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "sb3_mimic", "play", "walk", "--web", "--port", "18100"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.startswith("http://")).strip()
        assert b"<html" in urllib.request.urlopen(url, timeout=30).read().lower()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()


def test_options_that_do_not_go_together_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, sentence in (
        (["walk", "--web", "--window"], "give one"),
        (["walk", "--web", "--port", "0"], "--port must be"),
    ):
        assert main(["play", *arguments]) == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_it_works_in_a_browser(chromium: Any, viewer: WebViewer) -> None:
    page = chromium.new_page(viewport={"width": 1000, "height": 700})
    complaints: list[str] = []
    received = [0]
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def count(_: Any) -> None:
        received[0] += 1

    page.on("websocket", lambda socket: socket.on("framereceived", count))
    with running(viewer):
        page.goto(viewer.url)
        page.get_by_role("button", name="Pause").wait_for(timeout=30_000)
        page.wait_for_timeout(2000)
        updates, start = viewer.updates, time.perf_counter()
        page.wait_for_timeout(4000)
        rate = (viewer.updates - updates) / (time.perf_counter() - start)
        assert rate > 27, "thirty updates a second are meant"
        assert received[0] > 30
        page.get_by_role("button", name="Pause").click()
        until(page, lambda: viewer._paused)
        at = viewer.performer.time
        page.get_by_role("button", name="Step").click()
        until(page, lambda: viewer.performer.time == pytest.approx(at + 1 / 30))
        box = page.locator("input[inputmode]:visible").first
        box.fill("-1")
        box.press("Enter")
        until(page, lambda: viewer._back.value == pytest.approx(-1.0, abs=0.04))
        assert viewer._selected_frame() is not viewer._history[-1]
        shown = page.screenshot()
        page.get_by_label("ghost").click(force=True)
        until(page, lambda: not viewer._show_ghost.value)
        page.wait_for_timeout(1500)
        assert page.screenshot() != shown
        page.get_by_role("button", name="Play").click()
        until(page, lambda: not viewer._paused)
        pushed: list[np.ndarray] = []
        push = viewer.performer.push

        def note(impulse: np.ndarray) -> None:
            pushed.append(impulse)
            push(impulse)

        viewer.performer.push = note  # type: ignore[method-assign]
        page.get_by_text("forward", exact=True).click()
        until(page, lambda: bool(pushed))
        np.testing.assert_allclose(pushed[0], [9.0, 0.0])
    assert complaints == []
    page.close()


def until(page: Any, condition: Any) -> None:
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen")
