"""A training job from top to bottom: collect, clone, hand over, fine-tune, evaluate, film."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from imitation.data.types import Trajectory
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.cloning.pretrain import pretrain, set_log_std
from sb3_mimic.demos.storage import save_demonstrations
from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.make import make_envs, transpose_images
from sb3_mimic.envs.core.opengl import has_display
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.policies.saved import (
    PretrainedPolicy,
    load_weights,
    read_pretrained,
    save_model,
    save_weights,
)
from sb3_mimic.report.video import record_rollout, show_rollout
from sb3_mimic.rl.algorithms import check_device, get_algorithm, make_model
from sb3_mimic.rl.callbacks import NoiseCeilingCallback, load_callback
from sb3_mimic.rl.callbacks.motion_sampling import MotionSamplingCallback
from sb3_mimic.rl.callbacks.push_limits import PushLimitsCallback
from sb3_mimic.rl.finetune import FineTuneSettings, fine_tune
from sb3_mimic.rl.warm_start import warm_start
from sb3_mimic.tasks import Capability, Hyperparameters
from sb3_mimic.tasks.motions import means, several
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.run import RunFolder, default_name
from sb3_mimic.training.sources import Source, load_for, refinement_options
from sb3_mimic.training.trained import model_file

# Seeds of evaluation and of demonstrations differ from those of the training environments.
_EVAL_SEED_OFFSET = 100_000
_EVAL_ENVS = 16
_VIDEO_SECONDS = 10.0
_PREVIEW_SECONDS = 5.0
_REPORT_SECONDS = 5.0


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
    """An interrupt during a job, whose run can be gone on with.

    Attributes:
        run: The folder of the run.
    """

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self.run = run


def train(
    config: TrainConfig,
    *,
    say: Callable[[str], None] = lambda _: None,
    progress_bar: bool = True,
) -> TrainResult:
    """Runs a training job, or goes on with one.

    Args:
        config: What is asked for.
        say: Told, in a sentence each, what is going on.
        progress_bar: Whether to show progress bars.

    Raises:
        InputError: If something asked for cannot be had; before anything is written.
        TrainingInterrupted: After an interrupt, once a checkpoint is saved.
    """
    if config.resume is not None:
        run, config = _open_run(config.resume, config)
        job = _Job.prepare(config, run, say)
        run.update_config("train", config.changeable())  # for the next time that it is resumed
    else:
        config = config.resolved()
        run = RunFolder.new(_run_path(config))
        job = _Job.prepare(config, run, say)
        RunFolder.create(run.path, job.describe())
        if config.resolved_preset is not None:
            run.write_text(run.preset, config.resolved_preset.text)
    say(f"run folder: {run.path}")
    if config.resolved_preset is not None:
        say(f"preset: {config.preset}")
    try:
        return _train(job, run, say, progress_bar)
    except KeyboardInterrupt as interrupt:
        raise TrainingInterrupted(run) from interrupt


def _train(
    job: "_Job", run: RunFolder, say: Callable[[str], None], progress_bar: bool
) -> TrainResult:
    """The job itself, once its input is known to be good."""
    config = job.config
    films = job.films(say)
    envs = make_envs(
        job.env_id,
        job.hyperparameters.n_envs,
        seed=config.seed,
        env_kwargs=job.training_env_kwargs,
        monitor=run.monitor(),
    )
    eval_envs = make_envs(
        job.env_id,
        _EVAL_ENVS,
        seed=config.seed + _EVAL_SEED_OFFSET,
        env_kwargs={**job.env_kwargs, **config.task.eval_env_kwargs},
    )
    try:
        model = _resumed_model(run, config, envs, say)
        if model is None:
            model = job.new_model(envs, run.tensorboard)
            if config.uses_bc:
                _clone(job, run, model, say, progress_bar)
        _reinforce(job, run, model, eval_envs, films, say, progress_bar)
    finally:
        envs.close()
        eval_envs.close()

    say("evaluating")
    evaluation = job.evaluate(model)
    _note(run, {"num_timesteps": model.num_timesteps, "model": evaluation})
    if films:
        say("filming")
    final = run.videos / "final.mp4"
    video = _filmed(job, model, final, say, final=True) if films else None
    say("writing the report")
    return TrainResult(run, evaluation, video, _report(run, films, say))


@dataclass(frozen=True)
class _Job:
    """A resolved configuration and what was read and checked for it."""

    config: TrainConfig
    env_kwargs: dict[str, Any]
    source: Source
    demonstrations: Sequence[Trajectory]
    pretrained: PretrainedPolicy | None
    callback: BaseCallback | None

    @classmethod
    def prepare(cls, config: TrainConfig, run: RunFolder, say: Callable[[str], None]) -> "_Job":
        """Reads and collects all input: what is wrong with it shows before anything is written."""
        get_algorithm(config.algo).load_class()
        check_device(config.resolved_device)
        env_kwargs = config.task.env_kwargs(config.motion, use_camera=config.use_camera)
        source = Source(
            task=config.task,
            motion=config.motion,
            n_episodes=config.n_demo_episodes or config.task.n_demo_episodes,
            seed=config.seed,
            env_kwargs=env_kwargs,
            demos=config.demos,
            expert=config.expert,
            allow_pickle=config.allow_pickle,
            options=refinement_options(
                config.task,
                config.refine_method,
                config.refine_iterations,
                config.load_refined_actions,
            ),
        )
        callback = None if config.callback is None else load_callback(config.callback)
        # What the run began with is needed no more once it has a model of its own.
        begun = run.latest_checkpoint() is not None or run.clone.is_file()
        given = None if begun else config.pretrained_model
        pretrained = None if given is None else read_pretrained(model_file(given))
        job = cls(config, env_kwargs, source, (), pretrained, callback)
        with closing(make_envs(job.env_id, 1, env_kwargs=job.training_env_kwargs)) as envs:
            if pretrained is not None:
                job.new_model(envs, None)
            envs.reset()  # what a camera lacks shows here
        if config.uses_bc and not begun:
            return replace(job, demonstrations=job.collect(run, say))
        return job

    def collect(self, run: RunFolder, say: Callable[[str], None]) -> Sequence[Trajectory]:
        """The demonstrations: those of an earlier attempt of this run, or new ones."""
        if run.demos.is_dir():
            return load_for(self.env_id, self.env_kwargs, run.demos)
        start = time.perf_counter()
        trajectories = self.source.collect()
        say(
            f"{len(trajectories)} demonstrations, {sum(len(t) for t in trajectories)} transitions, "
            f"in {time.perf_counter() - start:.1f} s"
        )
        return trajectories

    @property
    def env_id(self) -> str:
        return self.config.task.env_id

    @property
    def training_env_kwargs(self) -> dict[str, Any]:
        return {**self.env_kwargs, **self.config.training_env_kwargs}

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The algorithm's settings; the network of bare weights is read off them."""
        settings = self.config.hyperparameters()
        if self.pretrained is not None and self.pretrained.hidden_sizes is not None:
            settings = replace(settings, hidden_sizes=self.pretrained.hidden_sizes)
        return settings

    def describe(self) -> dict[str, Any]:
        """The settings for ``config.yaml``."""
        hyperparameters = asdict(self.hyperparameters)
        hyperparameters["hidden_sizes"] = list(hyperparameters["hidden_sizes"])
        return {
            "train": self.config.to_dict(),
            "env": {"id": self.env_id, "kwargs": self.env_kwargs},
            "training_env_kwargs": self.config.training_env_kwargs,
            "hyperparameters": hyperparameters,
        }

    def new_model(self, envs: VecEnv, tensorboard_log: Path | None) -> OnPolicyAlgorithm:
        """A fresh model, with the weights to start from where some were given."""
        model = make_model(
            self.config.algo,
            envs,
            self.hyperparameters,
            seed=self.config.seed,
            device=self.config.resolved_device,
            tensorboard_log=tensorboard_log,
            policy_kwargs=None if self.pretrained is None else self.pretrained.policy_kwargs,
        )
        if self.pretrained is not None:
            load_weights(model.policy, self.pretrained)
        return model

    def handover(
        self, run: RunFolder, eval_envs: VecEnv, say: Callable[[str], None]
    ) -> list[BaseCallback]:
        """The callbacks that carry a clone into reinforcement learning; none from scratch."""
        if self.config.from_scratch:
            return []
        settings = self.config.warm_start()
        demonstrations = self.demonstrations
        if settings.bc_weight > 0 and not demonstrations and run.demos.is_dir():
            demonstrations = load_for(self.env_id, self.env_kwargs, run.demos)
        return warm_start(
            settings,
            demonstrations=demonstrations,
            eval_env=transpose_images(eval_envs),
            cloning=self.config.task.cloning,
            seed=self.config.seed,
            say=say,
        )

    def exploration(self) -> list[BaseCallback]:
        """The callback that lowers the noise on the way; none where it is to stay."""
        settings = self.hyperparameters
        if settings.log_std_final is None:
            return []
        return [NoiseCeilingCallback(settings.log_std_init, settings.log_std_final)]

    def evaluate(self, model: Policy) -> dict[str, float]:
        return evaluate(
            model,
            self.env_id,
            self.env_kwargs,
            n_episodes=self.config.resolved_n_eval_episodes,
            seed=self.config.seed + _EVAL_SEED_OFFSET,
        )

    def films(self, say: Callable[[str], None]) -> bool:
        """Whether pictures can be had on this machine."""
        # A task of the user's may not be made to be drawn, which fails in as many ways.
        try:
            with closing(gym.make(self.env_id, render_mode="rgb_array", **self.env_kwargs)) as env:
                env.reset(seed=0)
                env.render()
        except Exception as error:
            say(f"no videos: {error}")
            return False
        return True

    def film(self, model: Policy, path: Path, *, final: bool) -> Path:
        """A video; on the way a short and small one, since training waits for it."""
        return record_rollout(
            model,
            self.env_id,
            self.env_kwargs if final else {**self.env_kwargs, **self.config.task.video_env_kwargs},
            path,
            seconds=_VIDEO_SECONDS if final else _PREVIEW_SECONDS / len(self._starts()),
            draft=not final,
            seed=self.config.seed,
            options=self._starts(),
        )

    def show(self, model: Policy) -> None:
        show_rollout(
            model,
            self.env_id,
            self.env_kwargs,
            seconds=_PREVIEW_SECONDS,
            seed=self.config.seed,
            options=self._starts()[0],
        )

    def _starts(self) -> list[dict[str, Any]]:
        """Reset options of videos: each clip from its first frame."""
        if not self.config.task.can(Capability.TRACKING):
            return [{}]
        n_motions = len(several(self.config.motion))
        if n_motions < 2:
            return [{"phase": 0.0}]
        return [{"phase": 0.0, "motion": index} for index in range(n_motions)]

    def sampling(self, envs: VecEnv | None) -> list[BaseCallback]:
        """The callback that draws clips and starts by difficulty, where there is any to draw."""
        if self.config.motion_sampling == "uniform":
            return []
        if not self.config.task.can(Capability.TRACKING) or find_tracking_batch(envs) is None:
            return []
        return [MotionSamplingCallback()]

    def pushing(self) -> list[BaseCallback]:
        """The callback that lets pushes grow with what the policy stands, where there are any."""
        return [PushLimitsCallback()] if self.config.push_force > 0 else []


def _open_run(path: Path, asked: TrainConfig) -> tuple[RunFolder, TrainConfig]:
    """The run to go on with, and its settings with what was asked for now."""
    run = RunFolder.open(path)
    saved = run.read_config().get("train")
    if not isinstance(saved, dict):
        raise InputError(f"{run.config}: was not written by a training job")
    if run.preset.is_file():
        saved["preset"] = str(run.preset)
    return run, TrainConfig.from_dict(saved, run.config).resumed_with(asked).resolved()


def _run_path(config: TrainConfig) -> Path:
    name = config.experiment_name or default_name(config.env, config.algo)
    return config.output_dir / name


def _resumed_model(
    run: RunFolder, config: TrainConfig, envs: VecEnv, say: Callable[[str], None]
) -> OnPolicyAlgorithm | None:
    """The model to go on with: the latest whole checkpoint, or the clone; None in a new run."""
    latest = run.latest_checkpoint()
    if latest is not None:
        path, timesteps = latest
    elif run.clone.is_file():
        path, timesteps = run.clone, 0
    else:
        return None
    say(f"going on from {path} ({timesteps} steps)")
    model = (
        get_algorithm(config.algo)
        .load_class()
        .load(path, env=envs, device=config.resolved_device, tensorboard_log=str(run.tensorboard))
    )
    batch = getattr(envs.unwrapped, "batched", None)
    if isinstance(batch, BatchedEnv):  # its curriculum, if it has one, goes on
        batch.total_steps[:] = timesteps // envs.num_envs
    # Neither the episodes over again that the run began with, nor those of evaluations.
    model.set_random_seed(_seed_of_resumption(config.seed, timesteps))
    return model


def _seed_of_resumption(seed: int, timesteps: int) -> int:
    """A seed of its own for each step count that a run is resumed at."""
    return int(np.random.SeedSequence((seed, timesteps)).generate_state(1)[0] >> 1)


def _clone(
    job: _Job,
    run: RunFolder,
    model: OnPolicyAlgorithm,
    say: Callable[[str], None],
    progress_bar: bool,
) -> None:
    """Clones, saves demonstrations and clone, and evaluates it."""
    if not run.demos.is_dir():
        save_demonstrations(run.demos, job.demonstrations, job.source.provenance())
    start = time.perf_counter()
    result = pretrain(
        model,
        job.demonstrations,
        int(job.config.n_bc_epochs or 0),
        settings=job.config.task.cloning,
        seed=job.config.seed,
        log_dir=run.tensorboard / "bc",
        progress_bar=progress_bar,
    )
    if not job.config.warm_start().residual_noise:
        set_log_std(model.policy, np.ones(len(result.residual)), (0.0, 0.0))
    save_model(model, run.clone)
    save_weights(model.policy, run.clone_weights)
    if result.validation_error:
        say(
            f"cloned in {time.perf_counter() - start:.1f} s: best epoch {result.best_epoch + 1} of "
            f"{len(result.validation_error)}, validation error "
            f"{result.validation_error[result.best_epoch]:.2e}"
        )
    else:
        say("cloned for 0 epochs: the policy has the demonstrations' normalizer and noise alone")
    evaluation = job.evaluate(model)
    _note(run, {"clone": evaluation})
    say("clone: " + figures(evaluation))


def _reinforce(
    job: _Job,
    run: RunFolder,
    model: OnPolicyAlgorithm,
    eval_envs: VecEnv,
    films: bool,
    say: Callable[[str], None],
    progress_bar: bool,
) -> None:
    """Fine-tunes up to the number of steps asked for, and saves the model."""
    config = job.config
    remaining = int(config.n_rl_timesteps or 0) - model.num_timesteps
    resumed = model.num_timesteps > 0
    settings = FineTuneSettings(
        n_eval_episodes=eval_envs.num_envs, update_normalizer=config.from_scratch
    )

    def record(current: Any, timesteps: int) -> None:
        _filmed(job, current, run.videos / f"step_{timesteps}.mp4", say, final=False)
        if has_display():
            # A machine may have a display and yet no window: training goes on without.
            with suppress(InputError, RuntimeError):
                job.show(current)

    if remaining > 0:
        say(f"{config.algo} for {remaining} steps")
        fine_tune(
            model,
            remaining,
            [
                *job.handover(run, eval_envs, say),
                *job.exploration(),
                *job.sampling(model.get_env()),
                *job.pushing(),
                *([] if job.callback is None else [job.callback]),
            ],
            settings=settings,
            run=run,
            eval_env=eval_envs,
            record=record if films else None,
            visualize_freq=int(config.visualize_freq or 0),
            progress_bar=progress_bar,
            say=say,
            resume=resumed,
        )
    if remaining > 0 or not run.model.is_file():
        save_model(model, run.model)


def _filmed(
    job: _Job, model: Policy, path: Path, say: Callable[[str], None], *, final: bool
) -> Path | None:
    """A video; None where there is none. Whatever is wrong with it, training matters more."""
    try:
        return job.film(model, path, final=final)
    except Exception as error:
        say(f"no video: {type(error).__name__}: {error}")
        return None


def _report(run: RunFolder, films: bool, say: Callable[[str], None]) -> Path | None:
    """The run's page. Whatever is wrong with it, the training it tells of is done and saved."""
    from sb3_mimic.report.page import write_report

    try:
        seconds = min(_VIDEO_SECONDS, _REPORT_SECONDS)
        return write_report([run], run.report, seconds=seconds, films=films)
    except Exception as error:
        say(f"no report: {type(error).__name__}: {error}")
        return None


def _note(run: RunFolder, found: dict[str, Any]) -> None:
    """Adds to the run's figures; those of the clone stay when a run is resumed."""
    known = {}
    if run.evaluation.is_file():
        with suppress(ValueError):  # written by another hand: what is found now is worth more
            known = json.loads(run.evaluation.read_text(encoding="utf-8"))
    run.write_text(run.evaluation, json.dumps({**known, **found}, indent=2) + "\n")


def figures(evaluation: dict[str, float]) -> str:
    """An evaluation as one line; of several motions the means alone."""
    return ", ".join(f"{name} {value:.4g}" for name, value in means(evaluation).items())
