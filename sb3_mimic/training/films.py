"""Videos of a job. Training matters more: whatever is wrong with a video, it goes on."""

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import gymnasium as gym

from sb3_mimic.envs.core.opengl import has_display
from sb3_mimic.errors import InputError
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.report.video import record_rollout, show_rollout
from sb3_mimic.tasks import Capability
from sb3_mimic.tasks.motions import as_tuple
from sb3_mimic.training.job import Job

#: Length of the final video [s].
VIDEO_SECONDS = 10.0
#: Length of a video during training, or in a window [s].
PREVIEW_SECONDS = 5.0


def can_film(job: Job) -> bool:
    """Whether pictures of the task can be had on this machine; the log says why not."""
    # A task of the user's may not be made to be drawn, which fails in as many ways.
    try:
        with closing(gym.make(job.env_id, render_mode="rgb_array", **job.env_kwargs)) as env:
            env.reset(seed=0)
            env.render()
    except Exception as error:
        job.log(f"no videos: {error}")
        return False
    return True


def film_final(job: Job, model: Policy) -> Path | None:
    """The final video; None where it fails."""
    return _film_safely(job, model, job.run.videos / "final.mp4", final=True)


def preview_recorder(job: Job) -> Callable[[Any, int], None]:
    """A function of model and timesteps that films a preview, and shows it on a display."""

    def record(model: Any, timesteps: int) -> None:
        _film_safely(job, model, job.run.videos / f"step_{timesteps}.mp4", final=False)
        if has_display():
            # A machine may have a display and yet no window: training goes on without.
            with suppress(InputError, RuntimeError):
                _show(job, model)

    return record


def _film_safely(job: Job, model: Policy, path: Path, *, final: bool) -> Path | None:
    try:
        return film(job, model, path, final=final)
    except Exception as error:
        job.log(f"no video: {type(error).__name__}: {error}")
        return None


def film(job: Job, model: Policy, path: Path, *, final: bool) -> Path:
    """Films a policy.

    Args:
        job: The job.
        model: The policy.
        path: Video to write.
        final: Whether it is the final video; else it is short and small, since training waits.
    """
    starts = _starts(job)
    return record_rollout(
        model,
        job.env_id,
        job.env_kwargs if final else {**job.env_kwargs, **job.task.video_env_kwargs},
        path,
        seconds=VIDEO_SECONDS if final else PREVIEW_SECONDS / len(starts),
        draft=not final,
        seed=job.config.seed,
        options=starts,
    )


def _show(job: Job, model: Policy) -> None:
    show_rollout(
        model,
        job.env_id,
        job.env_kwargs,
        seconds=PREVIEW_SECONDS,
        seed=job.config.seed,
        options=_starts(job)[0],
    )


def _starts(job: Job) -> list[dict[str, Any]]:
    """Reset options of videos: each clip from its first frame."""
    if not job.task.can(Capability.TRACKING):
        return [{}]
    n_motions = len(as_tuple(job.config.motion))
    if n_motions < 2:
        return [{"phase": 0.0}]
    return [{"phase": 0.0, "motion": index} for index in range(n_motions)]
