"""Reinforcement learning of a cloned or fresh model, with the usual callbacks set up."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    ConvertCallback,
    EvalCallback,
)
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.type_aliases import MaybeCallback
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.core.make import transpose_images
from sb3_mimic.errors import InputError
from sb3_mimic.policies.normalizer import normalizers
from sb3_mimic.policies.saved import save_model
from sb3_mimic.rl.algorithms import check_on_policy
from sb3_mimic.rl.callbacks import (
    AdaptiveRateCallback,
    AtomicCheckpointCallback,
    NormalizerCallback,
    RewardTermsCallback,
    SaveModelCallback,
    StaggerCallback,
    ThreadsCallback,
    UniformStartsEvalCallback,
    VideoCallback,
)
from sb3_mimic.rl.callbacks.progress import HistogramCallback, ProgressCallback


class RunFiles(Protocol):
    """Files of a training, as :class:`sb3_mimic.training.run.RunFolder` has them.

    Attributes:
        CHECKPOINT_PREFIX: First part of the names of checkpoints.
    """

    CHECKPOINT_PREFIX: ClassVar[str]

    @property
    def path(self) -> Path:
        """The folder."""

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""

    @property
    def best_model(self) -> Path:
        """The zip of the best model."""

    @property
    def evaluations(self) -> Path:
        """SB3's file of evaluations."""

    def checkpoint(self, timesteps: int) -> Path:
        """The zip of the checkpoint at a number of environment steps."""


@dataclass(frozen=True)
class FineTuneSettings:
    """Settings of evaluations, checkpoints and statistics during training.

    Attributes:
        eval_freq: Environment steps between two evaluations; one at least is made.
        n_eval_episodes: Episodes of each.
        save_freq: Environment steps between two checkpoints, the most that a killed run loses.
        update_normalizer: Whether observation statistics are collected on the way; None: where the
            model has none, neither from cloning nor from earlier training.
    """

    eval_freq: int = 100_000
    n_eval_episodes: int = 16
    save_freq: int = 100_000
    update_normalizer: bool | None = None

    def __post_init__(self) -> None:
        for name in ("eval_freq", "n_eval_episodes", "save_freq"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")


def fine_tune(
    model: OnPolicyAlgorithm,
    total_timesteps: int,
    callback: MaybeCallback = None,
    *,
    settings: FineTuneSettings | None = None,
    run: RunFiles | None = None,
    eval_env: VecEnv | None = None,
    record: Callable[[Any, int], None] | None = None,
    visualize_freq: int = 0,
    progress_bar: bool = True,
    log: Callable[[str], None] | None = None,
    resume: bool = False,
) -> OnPolicyAlgorithm:
    """Trains a model with its own algorithm; ``learn`` with the usual callbacks set up.

    Args:
        model: With its training environments, cloned or fresh.
        total_timesteps: Environment steps to train for; where training is resumed, from now on.
        callback: A callback, several, or a function, as SB3's ``learn`` takes them. They run after
            the others; after cloning pass those of :func:`sb3_mimic.rl.warm_start.warm_start`.
        settings: See :class:`FineTuneSettings`.
        run: Where checkpoints, the best model and evaluations go; without it nothing is written.
        eval_env: Environments for the evaluations; without them there are none.
        record: Called with the model and the number of steps every ``visualize_freq`` steps.
        visualize_freq: 0 never calls it.
        progress_bar: Whether to show a bar on stderr, with return, survival and time left.
        log: Called with the same as a line every minute, where no bar is shown.
        resume: Whether the model's count of steps goes on instead of starting at 0.

    Returns:
        The model.

    Raises:
        InputError: If ``total_timesteps`` is negative, or the algorithm is not on-policy.
        KeyboardInterrupt: After an interrupt, once a checkpoint is saved.

    Example:
        >>> from stable_baselines3 import PPO
        >>> model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64)
        >>> fine_tune(model, 64, progress_bar=False).num_timesteps
        64
    """
    check_on_policy(model, "fine-tuning")
    if total_timesteps < 0:
        raise InputError(f"the number of timesteps must not be negative, got {total_timesteps}")
    if total_timesteps == 0:
        return model
    callbacks = CallbackList(
        _callbacks(
            model,
            total_timesteps,
            settings or FineTuneSettings(),
            run,
            eval_env,
            VideoCallback(record, visualize_freq) if record and visualize_freq > 0 else None,
            progress_bar,
        )
        + _as_callbacks(callback)
        + ([ProgressCallback(None if progress_bar else log)] if progress_bar or log else [])
    )
    begun = model.num_timesteps if resume else 0
    try:
        model.learn(
            total_timesteps,
            callback=callbacks,
            tb_log_name=type(model).__name__.lower(),
            reset_num_timesteps=not resume,
        )
    except BaseException as error:
        if callbacks.locals:  # training had started: bars are closed, a frozen actor is freed
            callbacks.on_training_end()
        if run is not None and isinstance(error, KeyboardInterrupt):
            # Nothing has been learned yet of what was collected since the last update.
            rollout = model.n_steps * model.n_envs
            model.num_timesteps = begun + (model.num_timesteps - begun) // rollout * rollout
            save_model(model, run.checkpoint(model.num_timesteps))
        raise
    return model


def _as_callbacks(callback: MaybeCallback) -> list[BaseCallback]:
    """Callbacks in all forms that SB3's ``learn`` takes, as a list."""
    if callback is None:
        return []
    if isinstance(callback, (list, tuple)):
        return [each for one in callback for each in _as_callbacks(one)]
    return [callback if isinstance(callback, BaseCallback) else ConvertCallback(callback)]


def _callbacks(
    model: OnPolicyAlgorithm,
    total_timesteps: int,
    settings: FineTuneSettings,
    run: RunFiles | None,
    eval_env: VecEnv | None,
    video: VideoCallback | None,
    progress_bar: bool,
) -> list[BaseCallback]:
    """The callbacks in the order they run."""
    # SB3 trains whole rollouts, so that is how far it goes at least.
    rollout = model.n_steps * model.n_envs
    last = -(-total_timesteps // rollout) * rollout

    def calls(timesteps: int) -> int:
        return max(1, min(timesteps, last) // model.n_envs)

    callbacks: list[BaseCallback] = [
        ThreadsCallback(),
        StaggerCallback(),
        RewardTermsCallback(),
        HistogramCallback(settings.eval_freq),
        AdaptiveRateCallback(),
    ]
    update = settings.update_normalizer
    if update is None:
        update = all(int(layer.count) == 0 for layer in normalizers(model.policy))
    if update:
        callbacks.append(NormalizerCallback())
    if run is not None:
        callbacks.append(
            AtomicCheckpointCallback(
                calls(settings.save_freq), str(run.checkpoints), name_prefix=run.CHECKPOINT_PREFIX
            )
        )
    if eval_env is not None:
        callbacks.append(
            _evaluation(
                run, eval_env, calls(settings.eval_freq), settings, verbose=not progress_bar
            )
        )
    if video is not None:
        callbacks.append(video)
    return callbacks


def _evaluation(
    run: RunFiles | None,
    eval_env: VecEnv,
    eval_freq: int,
    settings: FineTuneSettings,
    *,
    verbose: bool,
) -> EvalCallback:
    """SB3's evaluation, going on where the run's earlier ones ended."""
    callback = UniformStartsEvalCallback(
        transpose_images(eval_env),
        callback_on_new_best=None if run is None else SaveModelCallback(run.best_model),
        n_eval_episodes=settings.n_eval_episodes,
        eval_freq=eval_freq,
        log_path=None if run is None else str(run.path),
        verbose=int(verbose),
    )
    if run is not None and run.evaluations.is_file():
        _restore(callback, run.evaluations, settings.n_eval_episodes)
    return callback


def _restore(callback: EvalCallback, path: Path, n_episodes: int) -> None:
    """Takes over earlier evaluations, so that a worse model does not become the best one.

    Raises:
        InputError: If they cannot be read, or were over another number of episodes: SB3 keeps all
            in one array.
    """
    try:
        with np.load(path) as saved:
            timesteps, results, lengths = (
                saved[name].tolist() for name in ("timesteps", "results", "ep_lengths")
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: cannot be read; without it (remove it) the best model is chosen anew"
        ) from error
    if results and len(results[0]) != n_episodes:
        raise InputError(
            f"{path}: its evaluations were over {len(results[0])} episodes each, and cannot go on "
            f"with n_eval_episodes={n_episodes}"
        )
    callback.evaluations_timesteps = timesteps
    callback.evaluations_results = results
    callback.evaluations_length = lengths
    callback.best_mean_reward = max(float(np.mean(r)) for r in results)
