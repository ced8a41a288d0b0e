"""Pictures of a robot: off screen, or in MuJoCo's own window."""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.opengl import has_display
from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name


@dataclass(frozen=True)
class RenderOptions:
    """How pictures are taken.

    Attributes:
        width: Width [pixels].
        height: Height [pixels].
        camera: Name of a camera of the model.
        shadows: Whether shadows are drawn; they cost more than all the rest.
    """

    width: int = 640
    height: int = 480
    camera: str = "track"
    shadows: bool = True


class Renderer:
    """Draws states of one model.

    The OpenGL context is made at the first picture, so that an environment with a render mode can
    be made, copied and sent to another process where there is none.

    Args:
        model: The model.
        options: Size and camera.

    Raises:
        InputError: If the model has no such camera.
    """

    def __init__(self, model: mujoco.MjModel, options: RenderOptions) -> None:
        cameras = [model.camera(index).name for index in range(model.ncam)]
        if options.camera not in cameras:
            raise unknown_name("camera", options.camera, cameras)
        self._model = model
        self._options = options
        self._data = mujoco.MjData(model)
        self._renderer: mujoco.Renderer | None = None
        self._ghost: mujoco.MjData | None = None
        self._viewer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Without context and window: a copy opens its own."""
        return {**vars(self), "_renderer": None, "_viewer": None}

    def draw(self, qpos: FloatArray, ghost_qpos: FloatArray | None = None) -> NDArray[np.uint8]:
        """One picture.

        Args:
            qpos: Positions, shape ``(nq,)``.
            ghost_qpos: Positions of a transparent second body, such as the reference.

        Returns:
            Shape ``(height, width, 3)``.

        Raises:
            InputError: If no OpenGL context can be had.
        """
        renderer = self._open()
        self._pose(self._data, qpos)
        renderer.update_scene(self._data, camera=self._options.camera)
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = self._options.shadows
        renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = self._options.shadows
        if ghost_qpos is not None:
            self._add_ghost(renderer.scene, ghost_qpos)
        picture: NDArray[np.uint8] = renderer.render()
        return picture

    def show(self, qpos: FloatArray, ghost_qpos: FloatArray | None = None) -> bool:
        """Shows a state in a window, in real time as far as the caller is fast enough.

        Args:
            qpos: Positions, shape ``(nq,)``.
            ghost_qpos: Positions of a transparent second body, such as the reference.

        Returns:
            Whether the window is open; its user may have closed it.

        Raises:
            InputError: If there is no display.
        """
        if self._viewer is None:
            if not has_display():
                raise InputError(
                    "render_mode 'human' needs a display, and neither DISPLAY nor WAYLAND_DISPLAY "
                    "is set; use render_mode 'rgb_array', or record a video"
                )
            import mujoco.viewer  # loads GLFW, which fails without a display

            self._viewer = mujoco.viewer.launch_passive(self._model, self._data)
        if not self._viewer.is_running():
            return False
        with self._viewer.lock():
            self._pose(self._data, qpos)
            self._viewer.user_scn.ngeom = 0
            if ghost_qpos is not None:
                self._add_ghost(self._viewer.user_scn, ghost_qpos)
        self._viewer.sync()
        return True

    def close(self) -> None:
        """Frees the OpenGL context and closes the window."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None

    def _open(self) -> mujoco.Renderer:
        if self._renderer is None:
            # Else a picture is no larger than the model's file has it.
            buffer = self._model.vis.global_
            buffer.offwidth = max(buffer.offwidth, self._options.width)
            buffer.offheight = max(buffer.offheight, self._options.height)
            try:
                self._renderer = mujoco.Renderer(
                    self._model, self._options.height, self._options.width
                )
            except Exception as error:
                raise InputError(
                    f"no OpenGL context for pictures ({error}); on a machine without a display "
                    "install libegl1 or libosmesa6 and set MUJOCO_GL=egl or MUJOCO_GL=osmesa"
                ) from error
        return self._renderer

    def _pose(self, data: mujoco.MjData, qpos: FloatArray) -> None:
        data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, data)
        mujoco.mj_comPos(self._model, data)
        mujoco.mj_camlight(self._model, data)

    def _add_ghost(self, scene: mujoco.MjvScene, qpos: FloatArray) -> None:
        if self._ghost is None:
            self._ghost = mujoco.MjData(self._model)
        self._pose(self._ghost, qpos)
        first = scene.ngeom
        mujoco.mjv_addGeoms(
            self._model,
            self._ghost,
            mujoco.MjvOption(),
            mujoco.MjvPerturb(),
            mujoco.mjtCatBit.mjCAT_DYNAMIC,
            scene,
        )
        for geom in scene.geoms[first : scene.ngeom]:
            geom.matid = -1
            geom.rgba[:] = (0.35, 0.75, 0.45, 0.35)
