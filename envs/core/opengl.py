"""Which OpenGL MuJoCo draws with on a machine without a display."""

import ctypes
import os
import sys

from sb3_mimic.errors import InputError


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


def check_backend() -> None:
    """Imports MuJoCo where its rendering library is named: a bad choice fails there.

    Raises:
        InputError: If MuJoCo cannot be imported with the library that ``MUJOCO_GL`` names.
    """
    chosen = os.environ.get("MUJOCO_GL")
    if not chosen:
        return
    try:
        import mujoco  # noqa: F401
    except Exception as error:  # a library's own, as various as the libraries
        raise InputError(
            f"MUJOCO_GL={chosen} cannot be used on this machine ({error}); set it to disabled, "
            "which goes without pictures, or to egl, osmesa or glfw, whose library must be there"
        ) from error
