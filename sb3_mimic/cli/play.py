"""``sb3-mimic play``: a video, a window or a page, of a policy, refined actions or a clip."""

import math
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.tasks import find_tracking_spec
from sb3_mimic.tasks.settings import DEVICE
from sb3_mimic.training.options import RobotFileOption, ZipUseCameraOption, optional, policy_path
from sb3_mimic.training.shipped import resolve_run_path, shipped_names

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.spec import TrackingSpec
    from sb3_mimic.report.performers import Performer
    from sb3_mimic.training.trained import Trained


@dataclass(frozen=True)
class Play:
    """Film a run, an SB3 model, refined actions or a motion clip; or show it.

    A robot that tracks a clip is drawn with its reference as a transparent ghost. A video is
    written unless --window or --web is given.
    """

    what: Annotated[
        tyro.conf.Positional[str],
        policy_path(
            "Folder of a run, an SB3 .zip, a bundled policy ({shipped}), an .npz of refined "
            "actions, or a clip by name or file."
        ),
    ]
    output: Annotated[Path | None, optional("PATH")] = None
    """Video to write (.mp4); by default play.mp4 in the run's videos/, or <name>.mp4 here."""
    seconds: float = 10.0
    """Length of a video or in a window [s]."""
    window: bool = False
    """Show it in a window instead; needs a display."""
    web: bool = False
    """Show it in the browser instead: pause, step, look back, push. Needs the extra [viewer]."""
    host: str = "127.0.0.1"
    """With --web: address to listen at; 0.0.0.0 lets other machines look too."""
    port: int = 8080
    """With --web: port; if it is taken, the next free one."""
    no_ghost: bool = False
    """Leave the reference out."""
    env: Annotated[str | None, optional("NAME")] = None
    """Task or environment id of a bare .zip, or of the robot that performs a clip; a run knows its
    own."""
    motion: Annotated[str | None, optional("NAME|PATH")] = None
    """Motion to perform instead of the run's; of a run of several one by its clip's name, without
    it the first. Of refined actions the clip, if it is a file."""
    use_camera: ZipUseCameraOption = False
    robot_file: RobotFileOption = None
    seed: int = 0
    """Seed of the episode."""
    device: str = DEVICE
    """cpu, cuda or auto."""

    def run(self) -> int:
        """Films or shows."""
        if not 0 < self.seconds < math.inf:
            raise InputError(f"--seconds must be positive and finite, got {self.seconds}")
        if self.output is not None:
            check_new(self.output, ".mp4")
        if self.window and self.web:
            raise InputError("--window and --web are two places to show it in; give one")
        if not 0 < self.port < 65536:
            raise InputError(f"--port must be 1 to 65535, got {self.port}")
        path = resolve_run_path(Path(self.what))
        if path.is_dir() or path.suffix == ".zip":
            return self._play_policy(path)
        asked = {"--use-camera": self.use_camera}
        asked["--motion"] = self.motion is not None and path.suffix != ".npz"
        if contradiction := next((flag for flag, given in asked.items() if given), None):
            raise InputError(
                f"{self.what}: is no run and no .zip, so that {contradiction} is not for it"
            )
        default_path = Path(f"{path.stem}.mp4")
        if path.suffix == ".npz":
            return self._perform(self._open_actions(path), default_path)
        return self._perform(self._open_clip(path), default_path)

    def _open_clip(self, path: Path) -> "Performer":
        from sb3_mimic.report.performers import ClipPerformer

        try:
            return ClipPerformer(self.what, self._robot(), self.robot_file)
        except InputError as error:
            if path.exists():
                raise
            known = ", ".join(shipped_names())
            raise InputError(f"{error}; or give the name of a trained policy: {known}") from error

    def _open_actions(self, path: Path) -> "Performer":
        from sb3_mimic.refinement.actions import load_actions
        from sb3_mimic.report.performers import ActionsPerformer

        refined = load_actions(path)
        made = refined.provenance
        motion = self.motion or (None if made is None else made.clip)
        if motion is None:
            raise InputError(f"{path}: does not say which clip it is for; give it by --motion")
        return ActionsPerformer(refined, motion, path.stem, self._robot(), self.robot_file)

    def _robot(self) -> "TrackingSpec | None":
        """The robot that was asked for by its task; None for the default."""
        return None if self.env is None else find_tracking_spec(self.env)

    def _play_policy(self, path: Path) -> int:
        import gymnasium as gym

        from sb3_mimic.envs.core.env import MimicEnv
        from sb3_mimic.envs.tracking.env import TrackingEnv
        from sb3_mimic.report.performers import PolicyPerformer
        from sb3_mimic.training.run import RunFolder
        from sb3_mimic.training.trained import open_trained

        trained = open_trained(
            path, env=self.env, motion=self.motion, use_camera=self.use_camera, device=self.device
        )
        own = Path(self.what).is_dir()  # not one that comes with the package
        default_path = RunFolder(path).videos / "play.mp4" if own else Path(f"{path.stem}.mp4")
        env = gym.make(trained.env_id, **trained.env_kwargs).unwrapped
        if not isinstance(env, MimicEnv):
            env.close()  # type: ignore[no-untyped-call]
            return self._play_other_env(trained, default_path)
        # A clip is performed from its first frame.
        options: dict[str, Any] = {"phase": 0.0} if "motion" in trained.env_kwargs else {}
        if isinstance(env, TrackingEnv) and len(env.motion_names) > 1:
            options["motion"] = 0
        name = path.resolve().name
        performer = PolicyPerformer(trained.policy, env, name, options=options, seed=self.seed)
        return self._perform(performer, default_path)

    def _perform(self, performer: "Performer", default_path: Path) -> int:
        from sb3_mimic.report.performers import film, show

        with closing(performer):
            if self.web:
                self._serve(performer)
            elif self.window:
                show(performer, seconds=self.seconds, ghost=not self.no_ghost)
            else:
                path = self.output or default_path
                print(film(performer, path, seconds=self.seconds, ghost=not self.no_ghost))
        return 0

    def _serve(self, performer: "Performer") -> None:
        from sb3_mimic.report.viewer import WebViewer

        viewer = WebViewer(performer, host=self.host, port=self.port, ghost=not self.no_ghost)
        with closing(viewer):
            print(viewer.url, flush=True)
            print("Ctrl-C ends it", file=sys.stderr)
            try:
                viewer.run()
            except KeyboardInterrupt:
                return

    def _play_other_env(self, trained: "Trained", default_path: Path) -> int:
        """A policy for an environment of another package, with that environment's own pictures."""
        from sb3_mimic.report.video import record_rollout, show_rollout

        if self.web:
            raise InputError(f"--web shows this package's robots, and {trained.env_id} is none")
        what = (trained.policy, trained.env_id, trained.env_kwargs)
        if self.window:
            show_rollout(*what, seconds=self.seconds, seed=self.seed)
        else:
            path = self.output or default_path
            print(record_rollout(*what, path, seconds=self.seconds, seed=self.seed))
        return 0
