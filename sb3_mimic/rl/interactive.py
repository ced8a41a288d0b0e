"""Imitation that acts in the environment: DAgger, GAIL and AIRL, by imitation's own trainers.

Each begins with a clone and works on the policy inside an SB3 model, as
:func:`sb3_mimic.cloning.bc.pretrain` does.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from imitation.algorithms.adversarial.airl import AIRL
from imitation.algorithms.adversarial.gail import GAIL
from imitation.algorithms.bc import BC
from imitation.algorithms.dagger import LinearBetaSchedule, SimpleDAggerTrainer
from imitation.data.types import Trajectory
from imitation.rewards.reward_nets import BasicRewardNet, BasicShapedRewardNet
from imitation.util import logger as imitation_logger
from imitation.util.networks import RunningNorm
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from sb3_mimic.cloning.bc import freeze_for_cloning
from sb3_mimic.cloning.residual import compute_residual, set_log_std
from sb3_mimic.cloning.samples import demonstration_tensors
from sb3_mimic.demos.storage import hide_datasets_output
from sb3_mimic.errors import InputError
from sb3_mimic.policies.threads import training_threads
from sb3_mimic.rl.algorithms import check_on_policy
from sb3_mimic.rl.callbacks import AdaptiveRateCallback
from sb3_mimic.rl.nearest import NearestDemonstration
from sb3_mimic.rl.sb3_hooks import (
    get_dagger_trajectories,
    override_learning_rate,
    unwrap_next_update,
)
from sb3_mimic.rl.warm_start import CriticWarmupCallback
from sb3_mimic.tasks import CloningSettings

Method = Literal["gail", "airl"]
Progress = Callable[[int, int], None]
"""Called with the number of environment steps done and that of all."""

# The entries of an info that imitation needs: it stores every info.
_KEPT_INFOS = ("terminal_observation", "TimeLimit.truncated", "episode")
# Epochs over all that was collected, in each of DAgger's rounds: imitation's own number.
_DAGGER_EPOCHS = 4
# Transitions of the demonstrations that the discriminator sees at once.
_DISCRIMINATOR_BATCH = 1024


class ProgressVecEnv(VecEnvWrapper):
    """Environments that count their steps, since imitation's trainers report no progress.

    ``infos`` are reduced to the entries that imitation needs, since it stores all of them.

    Args:
        venv: The environments.
        total_timesteps: Steps to be done.
        progress: Called at every step.
    """

    def __init__(self, venv: VecEnv, total_timesteps: int, progress: Progress) -> None:
        super().__init__(venv)
        self._done, self._total = 0, total_timesteps
        self._progress = progress

    def reset(self) -> VecEnvObs:
        """Starts new episodes."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Steps."""
        observations, rewards, dones, infos = self.venv.step_wait()
        kept = [{name: info[name] for name in _KEPT_INFOS if name in info} for info in infos]
        self._done = min(self._done + self.num_envs, self._total)
        self._progress(self._done, self._total)
        return observations, rewards, dones, kept


def dagger(
    model: OnPolicyAlgorithm,
    demonstrations: Sequence[Trajectory],
    total_timesteps: int,
    *,
    expert: BasePolicy | BaseAlgorithm | None = None,
    settings: CloningSettings | None = None,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> int:
    """Clones an expert in the states that the clone itself comes into (DAgger).

    imitation's ``SimpleDAggerTrainer``: rounds in which expert and clone take turns, the expert
    less and less, every state being labelled by the expert; after each the clone is trained on all
    of them. Ross, Gordon & Bagnell 2011, https://arxiv.org/abs/1011.0686.

    Args:
        model: Cloned by :func:`sb3_mimic.cloning.bc.pretrain`, with its environments.
        demonstrations: The demonstrations that it was cloned from; they stay in the data.
        total_timesteps: Environment steps to collect, at least.
        expert: The policy that labels states; None asks the nearest demonstrated state,
            :class:`sb3_mimic.rl.nearest.NearestDemonstration`.
        settings: Batch and step size, and bounds of the noise set at the end.
        seed: Seed of everything random.
        progress: Called at every step with the number done and that of all.

    Returns:
        The number of transitions cloned in the end, the demonstrations' among them.

    Raises:
        InputError: If the number of steps is not positive, or observations are images.
    """
    settings = settings or CloningSettings()
    env = _vector_env(model, total_timesteps)
    env.seed(seed)
    rng = np.random.default_rng(seed)
    cloner = BC(
        observation_space=env.observation_space,
        action_space=env.action_space,
        rng=rng,
        policy=model.policy,
        batch_size=settings.batch_size,
        optimizer_kwargs={"lr": settings.learning_rate, "fused": True},
        ent_weight=0.0,
        l2_weight=settings.l2_weight,
        device=model.device,
        custom_logger=imitation_logger.configure(None, format_strs=[]),
    )
    frozen = freeze_for_cloning(model.policy)
    try:
        with TemporaryDirectory() as scratch, hide_datasets_output():
            trainer = SimpleDAggerTrainer(
                venv=ProgressVecEnv(env, total_timesteps, progress),
                scratch_dir=scratch,
                expert_policy=expert or NearestDemonstration(demonstrations, env),  # type: ignore[arg-type]
                expert_trajs=list(demonstrations),
                rng=rng,
                bc_trainer=cloner,
                custom_logger=imitation_logger.configure(None, format_strs=[]),
                # The expert acts in the first round alone (Ross, Gordon & Bagnell 2011,
                # https://arxiv.org/abs/1011.0686, section 4.1): in imitation's 15 rounds, of an
                # episode of every environment each, the clone would hardly ever act.
                beta_schedule=LinearBetaSchedule(1),
            )
            with warnings.catch_warnings(), training_threads(model.policy):
                # BC logs its loss without detaching it.
                warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
                trainer.train(
                    total_timesteps,
                    bc_train_kwargs={
                        "n_epochs": _DAGGER_EPOCHS,
                        "progress_bar": False,
                        # Else episodes are run for a log that nobody reads.
                        "log_rollouts_venv": None,
                    },
                )
            collected = get_dagger_trajectories(trainer)
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
    residual = compute_residual(model.policy, *demonstration_tensors(collected, model))
    set_log_std(model.policy, residual, settings.log_std_bounds)
    return sum(len(t) for t in collected)


def adversarial(
    model: OnPolicyAlgorithm,
    demonstrations: Sequence[Trajectory],
    total_timesteps: int,
    method: Method = "gail",
    *,
    critic_rollouts: int = 5,
    log_dir: Path | None = None,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> OnPolicyAlgorithm:
    """Trains a model against a discriminator that tells its transitions from the demonstrations'.

    imitation's ``GAIL`` (Ho & Ermon 2016, https://arxiv.org/abs/1606.03476) or ``AIRL`` (Fu, Luo &
    Levine 2018, https://arxiv.org/abs/1710.11248). The environment's own reward is not used, but
    its falls end episodes, so these vary in length. That tells the policy something that is not in
    the demonstrations: GAIL's rewards are positive, so that staying upright pays by itself, while
    AIRL's may be negative and a fall an escape. Environments that never end early, such as those
    that track clips with ``early_termination="none"``, are free of it. The learning rate does not
    decay.

    Args:
        model: Fresh or, better, cloned by :func:`sb3_mimic.cloning.bc.pretrain`, with its
            environments.
        demonstrations: The demonstrations to imitate.
        total_timesteps: Environment steps, one rollout of the model at least.
        method: ``gail`` or ``airl``.
        critic_rollouts: Updates in which only the critic learns, of a reward that is new to it.
        log_dir: Folder for TensorBoard; None logs nothing.
        seed: Seed of the discriminator's batches.
        progress: Called at every step with the number done and that of all.

    Returns:
        The model.

    Raises:
        InputError: If there are fewer steps than a rollout has, or observations are images.
    """
    env = _vector_env(model, total_timesteps)
    rollout = model.n_steps * model.n_envs
    if total_timesteps < rollout:
        raise InputError(
            f"the number of timesteps must be at least that of a rollout, {rollout}, got "
            f"{total_timesteps}"
        )
    env.seed(seed)
    trainer_class = GAIL if method == "gail" else AIRL
    net_class = BasicRewardNet if method == "gail" else BasicShapedRewardNet
    n_transitions = sum(len(t) for t in demonstrations)
    trainer = trainer_class(
        demonstrations=list(demonstrations),
        demo_batch_size=min(_DISCRIMINATOR_BATCH, n_transitions),
        venv=ProgressVecEnv(env, total_timesteps, progress),
        gen_algo=model,
        reward_net=net_class(
            env.observation_space, env.action_space, normalize_input_layer=RunningNorm
        ),
        gen_replay_buffer_capacity=2 * rollout,
        n_disc_updates_per_round=4,
        allow_variable_horizon=True,
        custom_logger=imitation_logger.configure(
            log_dir, format_strs=[] if log_dir is None else ["tensorboard"]
        ),
    )
    warmup = CriticWarmupCallback(critic_rollouts, 0.5)
    own = [AdaptiveRateCallback(), warmup]
    log_rewards = trainer.gen_callback
    # SB3's learn takes any callback there; imitation's annotation is narrower than need be.
    trainer.gen_callback = CallbackList(  # type: ignore[assignment]
        own if log_rewards is None else [log_rewards, *own]
    )
    schedule = model.lr_schedule
    try:
        # imitation learns a rollout at a time, the end of which is the end of every decay.
        with training_threads(model.policy), override_learning_rate(model, lambda _: schedule(1.0)):
            trainer.train(total_timesteps)
    finally:
        unwrap_next_update(model)
        model.set_env(env)
    return model


def _vector_env(model: OnPolicyAlgorithm, total_timesteps: int) -> VecEnv:
    """The model's environments, which must have vector observations."""
    check_on_policy(model, "imitation in the environment")
    if total_timesteps < 1:
        raise InputError(f"the number of timesteps must be positive, got {total_timesteps}")
    env: Any = model.get_env()
    if env is None or len(env.observation_space.shape or ()) != 1:
        raise InputError("the model needs environments with vector observations, not images")
    if model.get_vec_normalize_env() is not None:
        raise InputError(
            "the model's environments must not be normalized by VecNormalize, as the "
            "demonstrations are not; let the policy normalize (NormalizeObservations)"
        )
    checked: VecEnv = env
    return checked
