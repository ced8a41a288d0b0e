"""A training job: a resolved configuration, and everything that was read and checked for it."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from imitation.data.types import Trajectory
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.policies.saved import PretrainedPolicy, load_weights, read_pretrained
from sb3_mimic.rl.algorithms import get_algorithm
from sb3_mimic.rl.callbacks import load_callback
from sb3_mimic.rl.models import check_device, make_model, resolve_actor_inputs
from sb3_mimic.tasks import Hyperparameters, Task
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.sources import Source, load_demonstrations_for, refinement_options
from sb3_mimic.training.trained import find_model_file

#: Called with a sentence on what the job does.
Log = Callable[[str], None]

#: Seeds of evaluation and of demonstrations differ from those of the training environments.
EVAL_SEED_OFFSET = 100_000


@dataclass(frozen=True)
class Job:
    """What a stage of training needs.

    Attributes:
        config: The resolved configuration.
        task: Its task, with the preset's changes.
        run: The folder of the run.
        env_kwargs: Keyword arguments of the environment that the policy is measured in.
        hyperparameters: The algorithm's settings.
        source: The source of the demonstrations.
        demonstrations: The demonstrations to clone; empty where nothing is cloned.
        pretrained: The policy to start from instead.
        callback: The user's own callback.
        log: Called with a sentence on each stage.
        progress_bar: Whether to show progress bars.
    """

    config: TrainConfig
    task: Task
    run: RunFolder
    env_kwargs: dict[str, Any]
    hyperparameters: Hyperparameters
    source: Source
    demonstrations: Sequence[Trajectory]
    pretrained: PretrainedPolicy | None
    callback: BaseCallback | None
    log: Log
    progress_bar: bool

    @property
    def env_id(self) -> str:
        """Gymnasium id of the environment."""
        return self.task.env_id

    @property
    def training_env_kwargs(self) -> dict[str, Any]:
        """Keyword arguments of the training environments."""
        return {**self.env_kwargs, **self.config.training_env_kwargs}

    @property
    def n_bc_epochs(self) -> int:
        """Epochs of behavior cloning, at most."""
        return int(self.config.n_bc_epochs or 0)

    @property
    def n_rl_timesteps(self) -> int:
        """Environment steps of reinforcement learning."""
        return int(self.config.n_rl_timesteps or 0)

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

    def saved_demonstrations(self) -> Sequence[Trajectory]:
        """The demonstrations in the run's folder."""
        return load_demonstrations_for(self.env_id, self.env_kwargs, self.run.demos)

    def evaluate(self, model: Policy) -> dict[str, float]:
        """Evaluates a policy by the protocol."""
        return evaluate(
            model,
            self.env_id,
            self.env_kwargs,
            n_episodes=self.config.resolved_n_eval_episodes,
            seed=self.config.seed + EVAL_SEED_OFFSET,
        )


def prepare_job(config: TrainConfig, run: RunFolder, log: Log, *, progress_bar: bool) -> Job:
    """Reads and collects all input of a job; nothing is written yet.

    Args:
        config: The resolved configuration.
        run: The folder of the run; it need not exist.
        log: Called with a sentence on each stage.
        progress_bar: Whether to show progress bars.

    Raises:
        InputError: If something asked for cannot be had.
    """
    get_algorithm(config.algo).load_class()
    check_device(config.resolved_device)
    task = config.task
    source = _make_source(config, task)
    callback = None if config.callback is None else load_callback(config.callback)
    # A run that has a model of its own no longer needs what it began with.
    has_begun = run.latest_checkpoint() is not None or run.clone.is_file()
    start = None if has_begun else config.pretrained_model
    pretrained = None if start is None else read_pretrained(find_model_file(start))
    hyperparameters = config.hyperparameters()
    if pretrained is not None and pretrained.hidden_sizes is not None:
        # Bare weights say nothing of their network but their shapes.
        hyperparameters = replace(hyperparameters, hidden_sizes=pretrained.hidden_sizes)
    job = Job(
        config=config,
        task=task,
        run=run,
        env_kwargs=source.env_kwargs,
        hyperparameters=hyperparameters,
        source=source,
        demonstrations=(),
        pretrained=pretrained,
        callback=callback,
        log=log,
        progress_bar=progress_bar,
    )
    with closing(make_envs(job.env_id, 1, env_kwargs=job.training_env_kwargs)) as envs:
        job = replace(job, hyperparameters=resolve_actor_inputs(hyperparameters, envs))
        if pretrained is not None:
            job.new_model(envs, None)
        envs.reset()  # a camera that cannot draw fails here
    if config.uses_bc and not has_begun:
        return replace(job, demonstrations=_collect(job))
    return job


def _make_source(config: TrainConfig, task: Task) -> Source:
    return Source(
        task=task,
        motion=config.motion,
        n_episodes=config.n_demo_episodes or task.n_demo_episodes,
        seed=config.seed,
        env_kwargs=task.env_kwargs(
            config.motion, use_camera=config.use_camera, robot_file=config.robot_file
        ),
        demos=config.demos,
        expert=config.expert,
        allow_pickle=config.allow_pickle,
        options=refinement_options(
            task, config.refine_method, config.refine_iterations, config.load_refined_actions
        ),
    )


def _collect(job: Job) -> Sequence[Trajectory]:
    """The demonstrations: those of an earlier attempt of this run, or new ones."""
    if job.run.demos.is_dir():
        return job.saved_demonstrations()
    start = time.perf_counter()
    trajectories = job.source.collect()
    job.log(
        f"{len(trajectories)} demonstrations, {sum(len(t) for t in trajectories)} transitions, "
        f"in {time.perf_counter() - start:.1f} s"
    )
    return trajectories
