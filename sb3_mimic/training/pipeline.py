"""A training job from top to bottom: collect, clone, hand over, fine-tune, evaluate, film."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.cloning import pretrain, set_log_std
from sb3_mimic.demos.storage import save_demonstrations
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.policies.saved import save_model, save_weights
from sb3_mimic.rl.finetune import FineTuneSettings, fine_tune
from sb3_mimic.training import films
from sb3_mimic.training.callbacks import training_callbacks
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.figures import format_figures
from sb3_mimic.training.job import EVAL_SEED_OFFSET, Job, Log, prepare_job
from sb3_mimic.training.resume import open_run, resume_model
from sb3_mimic.training.run import RunFolder, default_name

#: Environments of evaluations during training.
EVAL_ENVS = 16
#: Length of the videos in the report [s].
REPORT_SECONDS = 5.0


@dataclass(frozen=True)
class TrainResult:
    """What a job leaves.

    Attributes:
        run: Its folder.
        evaluation: Figures of the final model.
        video: The final video; None where pictures cannot be had.
        report: The page about it all; None where it could not be made.
    """

    run: RunFolder
    evaluation: dict[str, float]
    video: Path | None
    report: Path | None


class TrainingInterrupted(KeyboardInterrupt):
    """An interrupt during a job, whose run can be continued.

    Attributes:
        run: The folder of the run.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run


def train(
    config: TrainConfig, *, log: Log = lambda _: None, progress_bar: bool = True
) -> TrainResult:
    """Runs a training job, or continues one.

    Args:
        config: What is asked for.
        log: Called with a sentence on each stage.
        progress_bar: Whether to show progress bars.

    Raises:
        InputError: If something asked for cannot be had; before anything is written.
        TrainingInterrupted: After an interrupt, once a checkpoint is saved.
    """
    job = _start(config, log, progress_bar)
    log(f"run folder: {job.run.path}")
    if job.config.resolved_preset is not None:
        log(f"preset: {job.config.preset}")
    try:
        return _train(job)
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(job.run) from interrupt


def _start(config: TrainConfig, log: Log, progress_bar: bool) -> Job:
    """The job, its input known to be good and its folder there."""
    if config.resume is not None:
        run, config = open_run(config.resume, config)
        job = prepare_job(config, run, log, progress_bar=progress_bar)
        # For the next time that it is resumed.
        run.update_config("train", config.changeable_values())
        return job
    config = config.resolved()
    name = config.experiment_name or default_name(config.task.name, config.algo)
    run = RunFolder.new(config.output_dir / name)
    job = prepare_job(config, run, log, progress_bar=progress_bar)
    RunFolder.create(run.path, job.describe())
    if config.resolved_preset is not None:
        run.write_text(run.preset, config.resolved_preset.text)
    return job


def _train(job: Job) -> TrainResult:
    filmed = films.can_film(job)
    model = _learn(job, filmed)
    job.log("evaluating")
    evaluation = job.evaluate(model)
    _add_figures(job.run, {"num_timesteps": model.num_timesteps, "model": evaluation})
    if filmed:
        job.log("filming")
    video = films.film_final(job, model) if filmed else None
    job.log("writing the report")
    return TrainResult(job.run, evaluation, video, write_run_report(job.run, filmed, job.log))


def _learn(job: Job, filmed: bool) -> OnPolicyAlgorithm:
    """The trained model: cloned, handed over and fine-tuned."""
    run, seed = job.run, job.config.seed
    envs = make_envs(
        job.env_id,
        job.hyperparameters.n_envs,
        seed=seed,
        env_kwargs=job.training_env_kwargs,
        monitor=run.monitor(),
    )
    eval_envs = make_envs(
        job.env_id,
        EVAL_ENVS,
        seed=seed + EVAL_SEED_OFFSET,
        env_kwargs={**job.env_kwargs, **job.task.eval_env_kwargs},
    )
    try:
        model = resume_model(run, job.config, envs, job.log)
        if model is None:
            model = job.new_model(envs, run.tensorboard)
            if job.config.uses_bc:
                _clone(job, model)
        _fine_tune(job, model, eval_envs, filmed)
    finally:
        envs.close()
        eval_envs.close()
    return model


def _clone(job: Job, model: OnPolicyAlgorithm) -> None:
    """Clones, saves demonstrations and clone, and evaluates it."""
    run = job.run
    if not run.demos.is_dir():
        save_demonstrations(run.demos, job.demonstrations, job.source.provenance())
    start = time.perf_counter()
    result = pretrain(
        model,
        job.demonstrations,
        job.n_bc_epochs,
        settings=job.task.cloning,
        seed=job.config.seed,
        log_dir=run.tensorboard / "bc",
        progress_bar=job.progress_bar,
    )
    if not job.config.warm_start().residual_noise:
        set_log_std(model.policy, np.ones(len(result.residual)), (0.0, 0.0))
    save_model(model, run.clone)
    save_weights(model.policy, run.clone_weights)
    if result.validation_error:
        job.log(
            f"cloned in {time.perf_counter() - start:.1f} s: best epoch {result.best_epoch + 1} of "
            f"{len(result.validation_error)}, validation error "
            f"{result.validation_error[result.best_epoch]:.2e}"
        )
    else:
        job.log("cloned for 0 epochs: the policy has only the demonstrations' normalizer and noise")
    evaluation = job.evaluate(model)
    _add_figures(run, {"clone": evaluation})
    job.log("clone: " + format_figures(evaluation))


def _fine_tune(job: Job, model: OnPolicyAlgorithm, eval_envs: VecEnv, filmed: bool) -> None:
    """Fine-tunes up to the number of steps asked for, and saves the model."""
    config, run = job.config, job.run
    remaining = job.n_rl_timesteps - model.num_timesteps
    if remaining > 0:
        job.log(f"{config.algo} for {remaining} steps")
        fine_tune(
            model,
            remaining,
            training_callbacks(job, model.get_env(), eval_envs),
            settings=FineTuneSettings(
                n_eval_episodes=eval_envs.num_envs, update_normalizer=config.from_scratch
            ),
            run=run,
            eval_env=eval_envs,
            record=films.preview_recorder(job) if filmed else None,
            visualize_freq=int(config.visualize_freq or 0),
            progress_bar=job.progress_bar,
            log=job.log,
            resume=model.num_timesteps > 0,
        )
    if remaining > 0 or not run.model.is_file():
        save_model(model, run.model)


def write_run_report(run: RunFolder, filmed: bool, log: Log) -> Path | None:
    """Writes the run's page; None where it fails, since the training it tells of is saved.

    Args:
        run: The run.
        filmed: Whether pictures can be had.
        log: Called with the reason where there is no page.
    """
    from sb3_mimic.report.page import write_report

    try:
        seconds = min(films.VIDEO_SECONDS, REPORT_SECONDS)
        return write_report([run], run.report, seconds=seconds, films=filmed)
    except Exception as error:
        log(f"no report: {type(error).__name__}: {error}")
        return None


def _add_figures(run: RunFolder, figures: dict[str, Any]) -> None:
    """Adds to the run's figures; those of the clone stay when a run is resumed."""
    known = {}
    if run.evaluation.is_file():
        with suppress(ValueError):  # a file of another hand is replaced
            known = json.loads(run.evaluation.read_text(encoding="utf-8"))
    run.write_text(run.evaluation, json.dumps({**known, **figures}, indent=2) + "\n")
