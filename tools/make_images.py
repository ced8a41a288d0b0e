"""Makes the pictures of README.md: a short GIF of a robot moving, drawn by the package itself.

    python tools/make_images.py humanoid                     the built-in walk as it is, no physics
    python tools/make_images.py humanoid outputs/my_run      a trained policy, a run or a .zip
    python tools/make_images.py humanoid my_clip.txt         another clip
    python tools/make_images.py g1 outputs/my_g1             another robot
    python tools/make_images.py pidog                        the sine gait under physics
    python tools/make_images.py pidog outputs/my_dog         a trained policy

Writes docs/images/<robot>.gif unless --output names another file.
"""

import argparse
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sb3_mimic.envs import TrackingEnv
from sb3_mimic.envs.pidog.gaits import GAITS, Gait, make_gait
from sb3_mimic.envs.pidog.hardware import CONTROL_RATE
from sb3_mimic.io import atomic_path
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.report.video import frames_per_second, rollout_frames
from sb3_mimic.tasks import Capability, find_tracking_spec, get_task
from sb3_mimic.training.trained import open_trained

ROOT = Path(__file__).resolve().parents[1]
Frame = NDArray[np.uint8]

# GIF counts time in hundredths of a second.
_TICK = 0.01


class GaitPolicy:
    """Plays a gait from its start, open loop."""

    def __init__(self, gait: Gait) -> None:
        self._gait = gait
        self._steps = 0

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """The gait's next action, whatever the observation."""
        del observation, episode_start, deterministic
        action = self._gait.actions(self._steps / CONTROL_RATE)
        self._steps += 1
        return action.clip(-1.0, 1.0), state


@dataclass(frozen=True)
class Shot:
    """The rate and size of the pictures, and the part of a rollout that they show."""

    start: float
    seconds: float
    fps: float
    width: int
    height: int

    def every(self, rate: float) -> int:
        """Of how many pictures at a rate [Hz] one is taken."""
        return max(1, round(rate / self.fps))


def clip_frames(robot: str, motion: str, shot: Shot) -> tuple[list[Frame], float]:
    """Pictures of a clip as it is, going round if it loops, and their rate."""
    env = TrackingEnv(motion, robot=find_tracking_spec(robot), width=shot.width, height=shot.height)
    times = np.arange(round(shot.seconds * shot.fps)) / shot.fps
    poses = env.reference.at(times)[:, env.reference.rows.qpos]
    frames = [env.draw_state(qpos) for qpos in poses]
    env.close()
    return frames, shot.fps


def policy_frames(
    policy: Policy, env_id: str, env_kwargs: dict[str, Any], shot: Shot
) -> tuple[list[Frame], float]:
    """Pictures of a rollout without its start, and their rate."""
    size: dict[str, Any] = {"width": shot.width, "height": shot.height}
    options = {"phase": 0.0} if "motion" in env_kwargs else None
    with closing(gym.make(env_id, render_mode="rgb_array", **size, **env_kwargs)) as env:
        rate = frames_per_second(env)
        every = shot.every(rate)
        first, n_steps = round(shot.start * rate), round((shot.start + shot.seconds) * rate)
        frames = rollout_frames(policy, env, n_steps, seed=0, options=options)
        taken = [f for i, f in enumerate(frames) if i >= first and i % every == 0]
    return taken, rate / every


def write_gif(path: Path, frames: list[Frame], fps: float, colors: int) -> None:
    """Writes frames of one palette without dithering, which makes them small and still."""
    sample = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)]))
    # The palette that covers the colors furthest apart: the robot is few of the pixels.
    palette = sample.quantize(colors, method=Image.Quantize.MAXCOVERAGE)
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    with atomic_path(path) as temporary:
        images[0].save(
            temporary,
            save_all=True,
            append_images=images[1:],
            duration=10 * round(1 / fps / _TICK),
            loop=0,
            optimize=True,
        )


def main() -> None:
    """Makes one picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("robot", choices=("humanoid", "g1", "pidog"))
    parser.add_argument(
        "source", nargs="?", help="run, .zip, clip or gait; else the default motion"
    )
    parser.add_argument("--output", type=Path)
    parser.add_argument("--start", type=float, default=1.0, help="left out of a rollout [s]")
    parser.add_argument("--seconds", type=float, default=3.2)
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--width", type=int, default=400)
    parser.add_argument("--height", type=int, default=300)
    parser.add_argument("--colors", type=int, default=64)
    args = parser.parse_args()

    shot = Shot(args.start, args.seconds, args.fps, args.width, args.height)

    task = get_task(args.robot)
    source = args.source or str(task.motion)
    path = Path(source)
    if path.is_dir() or path.suffix == ".zip":
        trained = open_trained(path, env=args.robot)
        frames, fps = policy_frames(trained.policy, trained.env_id, trained.env_kwargs, shot)
    elif source in GAITS and not task.can(Capability.TRACKING):
        frames, fps = policy_frames(GaitPolicy(make_gait(source)), task.env_id, {}, shot)
    else:
        frames, fps = clip_frames(args.robot, source, shot)

    output = args.output or ROOT / "docs" / "images" / f"{args.robot}.gif"
    write_gif(output, frames, fps, args.colors)
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
