"""Videos of rollouts as mp4 files."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v2 as imageio
import numpy as np
from numpy.typing import NDArray

from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.policies.protocol import Policy

#: Videos leave out pictures beyond this rate [Hz]: without a GPU each costs as much as many steps.
LARGEST_RATE = 30.0

# Type of the box of an MP4 file without which no frame is found.
_INDEX = b"moov"


def write_video(path: Path, frames: Iterable[NDArray[np.uint8]], fps: float) -> None:
    """Writes an mp4 (H.264) that is complete whenever it is there.

    Args:
        path: The file, which is replaced.
        frames: Pictures ``(height, width, 3)``, all of one size.
        fps: Frames per second.

    Raises:
        InputError: If it cannot be written.
    """
    with atomic_path(path) as temporary:
        # Even sides suffice for H.264's 4:2:0; imageio would scale to multiples of 16. As a context
        # of its own it would not end ffmpeg after an error.
        writer = imageio.get_writer(temporary, fps=fps, macro_block_size=2)
        try:
            with closing(writer):
                for frame in frames:
                    writer.append_data(frame)
        except OSError as error:  # of the pipe to an ffmpeg that has ended
            raise InputError(f"{path}: ffmpeg cannot write it") from error
        # imageio ignores ffmpeg's exit status, and ffmpeg writes the index of the frames last.
        if not temporary.is_file() or _INDEX not in temporary.read_bytes():
            raise InputError(f"{path}: ffmpeg cannot write it whole; is there space left?")


def rollout_frames(
    policy: Policy,
    env: gym.Env[Any, Any],
    n_steps: int,
    *,
    every: int = 1,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """The pictures of a rollout, deterministic; an episode that ends is followed by a new one.

    Args:
        policy: The policy.
        env: With ``render_mode="rgb_array"``.
        n_steps: Control steps.
        every: Control steps from a picture to the next.
        seed: Seed of the first episode.
        options: Options of every reset.

    Yields:
        Pictures ``(height, width, 3)``, each before its step.
    """
    observation, _ = env.reset(seed=seed, options=options)
    for step in range(n_steps):
        if step % every == 0:
            yield env.render()  # type: ignore[misc]
        action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            observation, _ = env.reset(options=options)


def record_rollout(
    policy: Policy,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    path: Path,
    *,
    seconds: float = 10.0,
    draft: bool = False,
    seed: int | None = None,
    options: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
) -> Path:
    """Records a rollout as a video in real time.

    Args:
        policy: The policy.
        env_id: Gymnasium id.
        env_kwargs: Its keyword arguments, without ``render_mode``; those for the size of pictures
            among them.
        path: The mp4 to write.
        seconds: Length.
        draft: Whether pictures are drawn without shadows, reflections and smooth edges: without a
            GPU at a tenth of the cost.
        seed: Seed of the first episode.
        options: Options of every reset; several are shown one after another, each for ``seconds``.

    Returns:
        ``path``.

    Raises:
        InputError: If pictures cannot be had on this machine.
    """
    with closing(gym.make(env_id, render_mode="rgb_array", **env_kwargs)) as env:
        if draft:
            _simplify(env)
        rate = frames_per_second(env)
        every = math.ceil(rate / LARGEST_RATE)
        scenes = options if isinstance(options, Sequence) else [options]
        frames = (
            rollout_frames(
                policy, env, round(seconds * rate), every=every, seed=seed, options=scene
            )
            for scene in scenes
        )
        write_video(path, chain.from_iterable(frames), rate / every)
    return path


def show_rollout(
    policy: Policy,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    *,
    seconds: float,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
) -> None:
    """Shows a rollout in a window, in real time.

    Args:
        policy: The policy.
        env_id: Gymnasium id.
        env_kwargs: Its keyword arguments, without ``render_mode``.
        seconds: Length.
        seed: Seed of the first episode.
        options: Options of every reset.

    Raises:
        InputError: If there is no display.
    """
    with closing(gym.make(env_id, render_mode="human", **env_kwargs)) as env:
        step = 1 / frames_per_second(env)
        observation, _ = env.reset(seed=seed, options=options)
        due = time.perf_counter()
        for _ in range(round(seconds / step)):
            action, _ = policy.predict(observation, deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
            env.render()
            if terminated or truncated:
                observation, _ = env.reset(options=options)
            due += step
            time.sleep(max(0.0, due - time.perf_counter()))


def _simplify(env: gym.Env[Any, Any]) -> None:
    """Makes pictures of an environment of this package cheap; before its first one."""
    if isinstance(env.unwrapped, MimicEnv):
        model = env.unwrapped.batched.robot.model
        model.vis.quality.offsamples = 0
        model.light_castshadow[:] = False
        model.mat_reflectance[:] = 0.0


def frames_per_second(env: gym.Env[Any, Any]) -> float:
    """The environment's own rate of pictures [Hz]; Gymnasium's usual 30 where it names none."""
    return float(env.metadata.get("render_fps") or 30)
