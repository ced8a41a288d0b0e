"""Checks of OpenGL and of the display."""

import os

from sb3_mimic.doctor.check import Check, ProbeError, probe

BACKENDS = ("egl", "osmesa", "glfw")
"""The values of ``MUJOCO_GL``, in the order of preference without a display."""

_DRAW = """
import json, mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><light pos='0 0 3'/><geom size='.1' rgba='1 0 0 1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 32, 32)
renderer.update_scene(data)
picture = renderer.render()
try:
    from OpenGL import GL
    name = GL.glGetString(GL.GL_RENDERER).decode()
except Exception:
    name = ""
print(json.dumps([int(picture.max()), name]))
import os
os._exit(0)  # some drivers crash on the way out
"""

_WINDOW = """
import json, glfw
if not glfw.init():
    raise OSError("the display cannot be opened")
glfw.window_hint(glfw.VISIBLE, False)
if not glfw.create_window(16, 16, "", None, None):
    raise OSError("no window can be opened")
print(json.dumps(True))
"""

_LIBRARIES = (
    "apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri and MUJOCO_GL=egl, or libosmesa6 and "
    "MUJOCO_GL=osmesa"
)


def check_graphics() -> list[Check]:
    """Draws a picture with each backend, and tries to open a window."""
    works: dict[str, str] = {}
    fails: dict[str, str] = {}
    for backend in BACKENDS:
        try:
            brightest, renderer = probe(_DRAW, {"MUJOCO_GL": backend})
        except ProbeError as error:
            fails[backend] = str(error)
            continue
        if brightest > 0:
            works[backend] = renderer
        else:
            fails[backend] = "the picture is black"
    return [_pictures(works, fails), _selected_backend(works, fails), _window()]


def _pictures(works: dict[str, str], fails: dict[str, str]) -> Check:
    shown = [
        *(f"{backend} works" + (f" ({name})" if name else "") for backend, name in works.items()),
        *(f"{backend} does not: {why}" for backend, why in fails.items()),
    ]
    if works:
        return Check("OpenGL", "ok", "; ".join(shown))
    return Check(
        "OpenGL",
        "error",
        "no OpenGL library can draw: no videos, no camera; " + "; ".join(shown),
        _LIBRARIES,
    )


def _selected_backend(works: dict[str, str], fails: dict[str, str]) -> Check:
    """The backend that ``MUJOCO_GL`` names, or the default."""
    selected = os.environ.get("MUJOCO_GL", "")
    if selected == "disabled":
        return Check(
            "MUJOCO_GL", "warning", "disabled: no videos, no camera", "unset it to have them"
        )
    another = f"MUJOCO_GL={next(iter(works))}" if works else _LIBRARIES
    if not selected:
        default = _default_backend()
        if default in works or not works:
            return Check("MUJOCO_GL", "ok", f"not set: {default} is taken")
        return Check(
            "MUJOCO_GL", "error", f"not set: {default} is taken and does not work", another
        )
    if selected in works:
        return Check("MUJOCO_GL", "ok", selected)
    why = fails.get(selected, f"must be one of {', '.join(BACKENDS)}")
    return Check(
        "MUJOCO_GL",
        "error",
        f"{selected}: {why}; MuJoCo does not load or draw with it",
        f"unset it, or {another}",
    )


def _default_backend() -> str:
    # The environments choose when they are imported.
    return str(
        probe(
            "import json, os, sb3_mimic.envs\n"
            "print(json.dumps(os.environ.get('MUJOCO_GL', 'glfw')))"
        )
    )


def _window() -> Check:
    # Imported late: the package that it is in sets MUJOCO_GL.
    from sb3_mimic.envs.core.opengl import has_display

    advice = "sb3-mimic play writes a video without --window"
    if not has_display():
        return Check("display", "warning", "there is none: no windows", advice)
    try:
        probe(_WINDOW)
    except ProbeError as error:
        return Check("display", "error", f"one is named, but {error}", f"unset DISPLAY; {advice}")
    return Check("display", "ok", "windows can be opened")
