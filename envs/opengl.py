"""Which OpenGL MuJoCo draws with on a machine without a display."""

import ctypes
import os
import sys


def has_display() -> bool:
    """Whether a window can be opened: always outside Linux, there if a display server is named."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def choose_backend() -> None:
    """Sets ``MUJOCO_GL`` where it is not set and MuJoCo's own choice, GLFW, cannot work.

    MuJoCo reads the variable when it is imported, and fails to import where it names a library
    that is not there; so one is named only if it loads.
    """
    if has_display() or "MUJOCO_GL" in os.environ:
        return
    for backend, library in (("egl", "libEGL.so.1"), ("osmesa", "libOSMesa.so.8")):
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        os.environ["MUJOCO_GL"] = backend
        return
