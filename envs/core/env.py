"""The Gymnasium interface: a batch of one."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import gymnasium as gym
import mujoco
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.batched import PRIVILEGED, BatchedEnv
from sb3_mimic.envs.core.rendering import Renderer, RenderOptions
from sb3_mimic.errors import InputError

RENDER_MODES = ("human", "rgb_array", "rgb_array_list")


class MimicEnv(gym.Env[NDArray[Any], NDArray[np.float32]]):
    """A `gymnasium.Env` over a `BatchedEnv` of one environment; one class per task derives from it.

    Args:
        make_batched: Makes the task for a number of environments and of physics threads.
        render_mode: ``human``, ``rgb_array``, ``rgb_array_list`` or None.
        render_options: Size and camera of the pictures.

    Raises:
        InputError: If the render mode is unknown.
    """

    #: Attributes that are an environment's own state, and the batch's that hold everyone's.
    state_attributes: ClassVar[Mapping[str, str]] = {"qpos": "qpos", "qvel": "qvel"}
    metadata = {"render_modes": list(RENDER_MODES)}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(
        self,
        make_batched: Callable[[int, int | None], BatchedEnv],
        render_mode: str | None = None,
        render_options: RenderOptions | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise InputError(
                f"render_mode {render_mode!r} must be one of {', '.join(RENDER_MODES)}"
            )
        self._make_batched = make_batched
        self.batched = batched = make_batched(1, 1)
        self.observation_space = batched.observation_space
        self.action_space = batched.action_space
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": round(batched.robot.control_rate)}
        self._render_options = render_options or RenderOptions()
        self._renderer: Renderer | None = None
        self._frames: list[NDArray[np.uint8]] = []

    @property
    def qpos(self) -> FloatArray:
        """Positions ``(nq,)``, read-only."""
        return _read_only(self.batched.qpos[0])

    @property
    def qvel(self) -> FloatArray:
        """Velocities ``(nv,)``, read-only."""
        return _read_only(self.batched.qvel[0])

    @property
    def n_actor(self) -> int:
        """Numbers of the observation that a policy may act on: all but the privileged ones."""
        layout = self.batched.observation_layout
        return sum(part.size for part in layout if part.name != PRIVILEGED)

    @property
    def model(self) -> mujoco.MjModel:
        """The robot's MuJoCo model, as Gymnasium's MuJoCo environments have it."""
        return self.batched.robot.model

    @property
    def data(self) -> mujoco.MjData:
        """The present state as MuJoCo's data, with everything that follows from it computed.

        It is made anew at each access: `set_state` changes the state, writing into it does not.
        """
        data, layout, state = mujoco.MjData(self.model), self.batched.layout, self.batched.states[0]
        data.time = state[0]
        data.qpos[:], data.qvel[:] = state[layout.qpos], state[layout.qvel]
        mujoco.mj_forward(self.model, data)
        return data

    def set_state(self, qpos: FloatArray, qvel: FloatArray) -> None:
        """Puts the robot into a state, as Gymnasium's MuJoCo environments do.

        Args:
            qpos: Positions, shape ``(nq,)``.
            qvel: Velocities, shape ``(nv,)``.

        Raises:
            InputError: If a shape is wrong or a number is not finite.
        """
        qpos, qvel = np.asarray(qpos, np.float64), np.asarray(qvel, np.float64)
        model = self.batched.robot.model
        if qpos.shape != (model.nq,) or qvel.shape != (model.nv,):
            raise InputError(
                f"set_state needs qpos of shape ({model.nq},) and qvel of shape ({model.nv},), "
                f"not {qpos.shape} and {qvel.shape}"
            )
        if not (np.isfinite(qpos).all() and np.isfinite(qvel).all()):
            raise InputError("set_state needs finite numbers")
        self.batched.set_state(0, qpos, qvel)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Starts an episode. The task's own page says which ``options`` it takes."""
        super().reset(seed=seed)
        observation = self.batched.reset(np.zeros(1, np.intp), [self.np_random], [options or {}])[0]
        self._frames.clear()
        self._after_change()
        return observation, {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """One control step. ``info["reward_terms"]`` holds the terms the reward is the sum of."""
        step = self.batched.step(np.asarray(action)[None])
        self._after_change()
        info = {"reward_terms": {name: float(term[0]) for name, term in step.reward_terms.items()}}
        return (
            step.observations[0],
            float(step.rewards[0]),
            bool(step.terminated[0]),
            bool(step.truncated[0]),
            info,
        )

    def render(self) -> Any:
        """The picture of the render mode, ``(height, width, 3)`` uint8, or a list of them."""
        if self.render_mode == "rgb_array":
            return self._draw()
        if self.render_mode == "rgb_array_list":
            frames, self._frames = self._frames, []
            return frames
        return None

    def make_batch(self, n_envs: int, n_threads: int | None = None) -> BatchedEnv:
        """The same task for ``n_envs`` environments; `NativeVecEnv` is made of it."""
        return self._make_batched(n_envs, n_threads)

    def draw_state(
        self, qpos: FloatArray, ghost_qpos: FloatArray | None = None
    ) -> NDArray[np.uint8]:
        """A picture ``(height, width, 3)`` of any positions ``(nq,)``, and a transparent ghost."""
        return self._open_renderer().draw(qpos, ghost_qpos)

    def show_state(self, qpos: FloatArray, ghost_qpos: FloatArray | None = None) -> bool:
        """Shows any positions ``(nq,)`` in the window; gives whether the window is still open."""
        return self._open_renderer().show(qpos, ghost_qpos)

    def close(self) -> None:
        """Frees the renderer and the physics threads."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
        self.batched.close()

    def _after_change(self) -> None:
        if self.render_mode == "human":
            self.show_state(self.batched.qpos[0])
        elif self.render_mode == "rgb_array_list":
            self._frames.append(self._draw())

    def _draw(self) -> NDArray[np.uint8]:
        return self.draw_state(self.batched.qpos[0])

    def _open_renderer(self) -> Renderer:
        if self._renderer is None:
            self._renderer = Renderer(self.batched.robot.model, self._render_options)
        return self._renderer


def _read_only(array: FloatArray) -> FloatArray:
    view = array.view()
    view.setflags(write=False)
    return view
