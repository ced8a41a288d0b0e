"""The callbacks of a job's reinforcement learning, each where the job asks for it."""

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.core.make import transpose_images
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.rl.callbacks import NoiseCeilingCallback
from sb3_mimic.rl.callbacks.motion_sampling import MotionSamplingCallback
from sb3_mimic.rl.callbacks.push_limits import PushLimitsCallback
from sb3_mimic.rl.warm_start import warm_start
from sb3_mimic.tasks import Capability
from sb3_mimic.training.job import Job


def training_callbacks(
    job: Job, training_envs: VecEnv | None, eval_envs: VecEnv
) -> list[BaseCallback]:
    """The callbacks of a job in the order they run; the user's own is the last.

    Args:
        job: The job.
        training_envs: The model's environments.
        eval_envs: Environments that the handover measures the policy in.
    """
    return [
        *_handover(job, eval_envs),
        *_exploration(job),
        *_motion_sampling(job, training_envs),
        *_pushes(job),
        *([] if job.callback is None else [job.callback]),
    ]


def _handover(job: Job, eval_envs: VecEnv) -> list[BaseCallback]:
    """The callbacks that carry a clone into reinforcement learning; none from scratch."""
    if job.config.from_scratch:
        return []
    settings = job.config.warm_start()
    demonstrations = job.demonstrations
    if settings.bc_weight > 0 and not demonstrations and job.run.demos.is_dir():
        demonstrations = job.saved_demonstrations()
    return warm_start(
        settings,
        demonstrations=demonstrations,
        eval_env=transpose_images(eval_envs),
        cloning=job.task.cloning,
        seed=job.config.seed,
        log=job.log,
    )


def _exploration(job: Job) -> list[BaseCallback]:
    """The callback that lowers the noise on the way; none where it is to stay."""
    settings = job.hyperparameters
    if settings.log_std_final is None:
        return []
    return [NoiseCeilingCallback(settings.log_std_init, settings.log_std_final)]


def _motion_sampling(job: Job, training_envs: VecEnv | None) -> list[BaseCallback]:
    """The callback that draws clips and starts by difficulty, where there are any to draw."""
    if job.config.motion_sampling == "uniform" or not job.task.can(Capability.TRACKING):
        return []
    # A task may lie in a wrapper, and then steps in SB3's own environments.
    return [] if find_tracking_batch(training_envs) is None else [MotionSamplingCallback()]


def _pushes(job: Job) -> list[BaseCallback]:
    """The callback of the pushes' curriculum, where training pushes."""
    return [PushLimitsCallback()] if job.config.push_force > 0 else []
