"""A viewer in the browser, for machines without a display: viser shows a performer.

One thread performs and sends. viser calls back from threads of its own when something is clicked;
the callbacks only record the request.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.report.performers import Performer

if TYPE_CHECKING:
    import trimesh


# Length of the history that one can look back on [s].
_HISTORY = 20.0
# Between two updates of the line of text [s].
_TEXT_INTERVAL = 0.5
_GHOST_COLOR, _GHOST_OPACITY = (89, 191, 115), 0.35
# Geometries of higher groups are for collisions; MuJoCo's viewers leave them out, too.
_VISIBLE_GROUPS = 3
_DEFAULT_COLOR = (0.5, 0.5, 0.5, 1.0)  # of MJCF
_DIRECTIONS = {"forward": (1.0, 0.0), "back": (-1.0, 0.0), "left": (0.0, 1.0), "right": (0.0, -1.0)}


@dataclass(frozen=True, eq=False)
class _Frame:
    """A moment of the performance."""

    time: float
    qpos: FloatArray
    ghost_qpos: FloatArray | None


class WebViewer:
    """A performance in the browser: pause, step, look back, push, with the reference as a ghost.

    Args:
        performer: The performer.
        host: Address to listen at; ``127.0.0.1`` admits this machine alone.
        port: Port; if it is taken, the next free one.
        ghost: Whether the reference is shown from the start.

    Attributes:
        updates: How many moments were sent.

    Raises:
        InputError: If viser is not installed, or the address cannot be used.
    """

    def __init__(
        self, performer: Performer, *, host: str = "127.0.0.1", port: int = 8080, ghost: bool = True
    ) -> None:
        try:
            import viser
        except ImportError as error:
            raise InputError(
                "the viewer in the browser needs viser: pip install 'sb3-mimic[viewer]'"
            ) from error
        self.performer = performer
        self.updates = 0
        self._rate = performer.robot.control_rate
        self._history: deque[_Frame] = deque(maxlen=round(_HISTORY * self._rate))
        self._paused = False
        self._pending_steps = 0
        self._pushes: list[FloatArray] = []
        self._restart_requested = False
        self._last_text_update = 0.0
        try:
            self._server = viser.ViserServer(host=host, port=port, verbose=False)
        except OSError as error:
            raise InputError(f"cannot listen at {host}:{port} ({error.strerror})") from error
        self._data = mujoco.MjData(performer.robot.model)
        self._make_scene()
        self._make_controls(ghost)
        self._record_frame()

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{self._server.get_host()}:{self._server.get_port()}"

    def run(self, is_running: Callable[[], bool] = lambda: True) -> None:
        """Performs in real time.

        Args:
            is_running: Asked before every step; the viewer ends when it is false.
        """
        due = time.perf_counter()
        while is_running():
            self._advance()
            self._send(self._selected_frame())
            due = max(due + 1 / self._rate, time.perf_counter() - 1 / self._rate)
            time.sleep(max(0.0, due - time.perf_counter()))

    def close(self) -> None:
        """Stops listening."""
        self._server.stop()

    def _make_scene(self) -> None:
        model, scene = self.performer.robot.model, self._server.scene
        scene.set_up_direction("+z")
        # The world moves under a robot that stays in the middle of the picture.
        self._world = scene.add_frame("/world", show_axes=False)
        tall = max(float(model.qpos0[2]), 0.05)
        scene.add_grid(
            "/world/floor",
            infinite_grid=True,
            cell_size=tall / 2,
            section_size=2 * tall,
            fade_distance=25 * tall,
        )
        self._bodies: list[tuple[int, Any]] = []
        self._ghosts: list[tuple[int, Any]] = []
        for body in range(1, model.nbody):
            mesh = body_mesh(model, body)
            if mesh is None:
                continue
            name = f"/world/robot/{body}"
            self._bodies.append((body, scene.add_mesh_trimesh(name, mesh)))
            ghost = scene.add_mesh_simple(
                f"/world/ghost/{body}",
                np.asarray(mesh.vertices),
                np.asarray(mesh.faces),
                color=_GHOST_COLOR,
                opacity=_GHOST_OPACITY,
                cast_shadow=False,
            )
            self._ghosts.append((body, ghost))
        camera = self._server.initial_camera
        camera.position = (0.8 * tall, -3.2 * tall, 1.5 * tall)
        camera.look_at = (0.0, 0.0, tall)
        camera.near = tall / 50

    def _make_controls(self, ghost: bool) -> None:
        gui = self._server.gui
        self._text = gui.add_markdown("")
        pause = gui.add_button("Pause")
        step = gui.add_button("Step")
        restart = gui.add_button("Restart")
        self._back = gui.add_slider(
            "seconds ago", min=-_HISTORY, max=0.0, step=round(1 / self._rate, 4), initial_value=0.0
        )
        self._follow = gui.add_checkbox("follow", True)
        self._show_ghost = gui.add_checkbox("ghost", ghost)
        self._show_ghost.visible = self.performer.ghost_qpos is not None
        mass = float(self.performer.robot.model.body_mass.sum())
        # A fifth of a meter per second more or less is felt, one throws nearly anybody.
        strength = gui.add_slider(
            "push [N·s]", min=0.0, max=round(mass), step=mass / 50, initial_value=mass / 5
        )
        push = gui.add_button_group("push", tuple(_DIRECTIONS))

        @pause.on_click
        def _(_: Any) -> None:
            self._paused = not self._paused
            self._back.value = 0.0  # type: ignore[misc] # viser's handles are typed as read-only
            pause.label = "Play" if self._paused else "Pause"

        @step.on_click
        def _(_: Any) -> None:
            self._paused = True
            pause.label = "Play"
            self._pending_steps += 1

        @restart.on_click
        def _(_: Any) -> None:
            self._restart_requested = True

        @self._back.on_update
        def _(_: Any) -> None:
            if self._back.value < 0:
                self._paused = True
                pause.label = "Play"

        @push.on_click
        def _(_: Any) -> None:
            self._pushes.append(strength.value * np.array(_DIRECTIONS[push.value]))

    def _advance(self) -> None:
        """Carries out the requests, and one control step unless the performance is paused."""
        if self._restart_requested:
            self._restart_requested = False
            self.performer.restart()
            self._history.clear()
            self._record_frame()
        while self._pushes:
            self.performer.push(self._pushes.pop())
        if self._pending_steps:
            self._pending_steps -= 1
            if self._back.value < 0:
                later = min(0.0, self._back.value + 1 / self._rate)
                self._back.value = later  # type: ignore[misc]
                return
        elif self._paused:
            return
        self.performer.step()
        self._record_frame()

    def _record_frame(self) -> None:
        performer = self.performer
        self._history.append(_Frame(performer.time, performer.qpos, performer.ghost_qpos))

    def _selected_frame(self) -> _Frame:
        """The frame to show: the latest, or the one at the slider's time."""
        back = round(-self._back.value * self._rate)
        return self._history[max(0, len(self._history) - 1 - back)]

    def _send(self, frame: _Frame) -> None:
        ghost = frame.ghost_qpos if self._show_ghost.value else None
        with self._server.atomic():
            if self._follow.value:
                self._world.position = (-frame.qpos[0], -frame.qpos[1], 0.0)
            self._place(self._bodies, frame.qpos)
            if ghost is not None:
                self._place(self._ghosts, ghost)
            for _, handle in self._ghosts:
                handle.visible = ghost is not None
        self.updates += 1
        now = time.perf_counter()
        if now - self._last_text_update > _TEXT_INTERVAL:
            self._last_text_update = now
            self._text.content = (
                f"{_escape_markdown(self.performer.name)}: {frame.time:.1f} s, "
                f"ended or fell {self.performer.restarts} times"
            )

    def _place(self, handles: list[tuple[int, Any]], qpos: FloatArray) -> None:
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self.performer.robot.model, self._data)
        for body, handle in handles:
            handle.position = self._data.xpos[body]
            handle.wxyz = self._data.xquat[body]


def body_mesh(model: mujoco.MjModel, body: int) -> "trimesh.Trimesh | None":
    """The visible surface of a body, in its own frame; None if nothing of it is visible.

    Args:
        model: The model.
        body: Number of the body.
    """
    import trimesh

    parts = []
    first = int(model.body_geomadr[body])
    for geom in range(first, first + int(model.body_geomnum[body])):
        color = _color(model, geom)
        if model.geom_group[geom] >= _VISIBLE_GROUPS or color[3] == 0:
            continue
        mesh = _geom_mesh(model, geom)
        if mesh is None:
            continue
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        place = np.eye(4)
        place[:3, :3], place[:3, 3] = turn.reshape(3, 3), model.geom_pos[geom]
        mesh.apply_transform(place)
        mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=(255 * color).astype(int))
        parts.append(mesh)
    joined: Any = trimesh.util.concatenate(parts) if parts else None
    return joined if isinstance(joined, trimesh.Trimesh) else None


def _geom_mesh(model: mujoco.MjModel, geom: int) -> "trimesh.Trimesh | None":
    """The surface of a geometry in its own frame; None for planes and the like."""
    from trimesh import Trimesh, creation

    kind, size = model.geom_type[geom], model.geom_size[geom]
    mesh: Any = None
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        mesh = creation.icosphere(subdivisions=3, radius=size[0])
    elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        mesh = creation.capsule(radius=size[0], height=2 * size[1], count=(20, 20))
    elif kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        mesh = creation.cylinder(radius=size[0], height=2 * size[1], sections=24)
    elif kind == mujoco.mjtGeom.mjGEOM_BOX:
        mesh = creation.box(extents=2 * size)
    elif kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        mesh = creation.icosphere(subdivisions=3)
        mesh.apply_scale(size)
    elif kind == mujoco.mjtGeom.mjGEOM_MESH:
        number = model.geom_dataid[geom]
        vertex, face = model.mesh_vertadr[number], model.mesh_faceadr[number]
        mesh = Trimesh(
            model.mesh_vert[vertex : vertex + model.mesh_vertnum[number]],
            model.mesh_face[face : face + model.mesh_facenum[number]],
            process=False,
        )
    return None if mesh is None else Trimesh(mesh.vertices, mesh.faces, process=False)


def _color(model: mujoco.MjModel, geom: int) -> FloatArray:
    """Color of a geometry, its material's unless it has its own, ``(4,)`` in [0, 1]."""
    color = np.asarray(model.geom_rgba[geom], np.float64)
    material = int(model.geom_matid[geom])
    if material >= 0 and np.allclose(color, _DEFAULT_COLOR):
        color = np.asarray(model.mat_rgba[material], np.float64)
    return color


def _escape_markdown(name: str) -> str:
    """A name in which no character means anything to Markdown."""
    return "".join(c if c.isalnum() or c in " _-." else " " for c in name).replace("_", r"\_")
