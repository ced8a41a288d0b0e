"""``sb3-mimic play``: a video, or a window, of a policy or a clip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.learn.config import optional


@dataclass(frozen=True)
class Play:
    """Film a run, an SB3 model or a motion clip; or show it in a window."""

    what: tyro.conf.Positional[str]
    """Folder of a run, an SB3 .zip, or a clip by name or file."""
    output: Annotated[Path | None, optional("PATH")] = None
    """Video to write (.mp4); without it play.mp4 in the run's videos/, or <name>.mp4 here."""
    seconds: float = 10.0
    """Length [s]."""
    window: bool = False
    """Show it in a window instead; needs a display."""
    env: Annotated[str | None, optional("NAME")] = None
    """Robot or environment id of a bare .zip; a run knows its own."""
    motion: Annotated[str | None, optional("NAME|PATH")] = None
    """Motion to perform instead of the run's."""
    use_camera: bool = False
    """The policy of a bare .zip observes through the camera (pidog)."""
    seed: int = 0
    """Seed of the episode."""
    device: str = "cpu"
    """cpu, cuda or auto."""

    def run(self) -> int:
        """Films or shows."""
        if not self.seconds > 0:
            raise InputError(f"--seconds must be positive, got {self.seconds}")
        if self.output is not None and self.output.suffix != ".mp4":
            raise InputError(f"--output {self.output} must end in .mp4")
        path = Path(self.what)
        written = self._policy(path) if path.is_dir() or path.suffix == ".zip" else self._clip()
        if written is not None:
            print(written)
        return 0

    def _policy(self, path: Path) -> Path | None:
        from sb3_mimic.learn.run import RunFolder
        from sb3_mimic.learn.trained import open_trained
        from sb3_mimic.report.video import record_rollout, show_rollout

        trained = open_trained(
            path,
            env=self.env,
            motion=self.motion,
            use_camera=self.use_camera,
            device=self.device,
        )
        # A clip is performed from its first frame.
        options = {"phase": 0.0} if "motion" in trained.env_kwargs else None
        if self.window:
            show_rollout(
                trained.policy,
                trained.env_id,
                trained.env_kwargs,
                seconds=self.seconds,
                seed=self.seed,
                options=options,
            )
            return None
        beside = RunFolder(path).videos / "play.mp4" if path.is_dir() else Path(f"{path.stem}.mp4")
        return record_rollout(
            trained.policy,
            trained.env_id,
            trained.env_kwargs,
            self.output or beside,
            seconds=self.seconds,
            seed=self.seed,
            options=options,
        )

    def _clip(self) -> Path | None:
        from sb3_mimic.report.video import record_clip, show_clip

        if self.window:
            show_clip(self.what, seconds=self.seconds)
            return None
        target = self.output or Path(f"{Path(self.what).stem}.mp4")
        return record_clip(self.what, target, seconds=self.seconds)
