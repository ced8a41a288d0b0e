"""How a run continues: its settings, its model, and a seed that repeats no episodes."""

from pathlib import Path

import numpy as np
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.errors import InputError
from sb3_mimic.rl.algorithms import get_algorithm
from sb3_mimic.training.config import TrainConfig
from sb3_mimic.training.job import Log
from sb3_mimic.training.run import RunFolder


def open_run(path: Path, asked: TrainConfig) -> tuple[RunFolder, TrainConfig]:
    """Opens the run to continue, and its resolved settings with the changes asked for now.

    Raises:
        InputError: If there is no run of a training job, or a setting cannot be changed.
    """
    run = RunFolder.open(path)
    saved = run.read_config().get("train")
    if not isinstance(saved, dict):
        raise InputError(f"{run.config}: was not written by a training job")
    if run.preset.is_file():
        saved["preset"] = str(run.preset)
    return run, TrainConfig.from_dict(saved, run.config).with_changes(asked).resolved()


def resume_model(
    run: RunFolder, config: TrainConfig, envs: VecEnv, log: Log
) -> OnPolicyAlgorithm | None:
    """The model to continue with: the latest whole checkpoint, or the clone; None in a new run.

    Args:
        run: The run.
        config: Its settings.
        envs: Training environments; their curricula continue where they were.
        log: Called with a sentence on what the run continues from.
    """
    latest = run.latest_checkpoint()
    if latest is not None:
        path, timesteps = latest
    elif run.clone.is_file():
        path, timesteps = run.clone, 0
    else:
        return None
    log(f"going on from {path} ({timesteps} steps)")
    model = (
        get_algorithm(config.algo)
        .load_class()
        .load(path, env=envs, device=config.resolved_device, tensorboard_log=str(run.tensorboard))
    )
    batch = getattr(envs.unwrapped, "batched", None)
    if isinstance(batch, BatchedEnv):
        batch.total_steps[:] = timesteps // envs.num_envs
    # Neither the episodes over again that the run began with, nor those of evaluations.
    model.set_random_seed(resumption_seed(config.seed, timesteps))
    return model


def resumption_seed(seed: int, timesteps: int) -> int:
    """A seed of its own for each step count that a run is resumed at."""
    return int(np.random.SeedSequence((seed, timesteps)).generate_state(1)[0] >> 1)
