"""Behavior cloning: imitation's ``BC`` on the policy inside a freshly built model.

Nothing is copied afterwards: reinforcement learning goes on with the policy that was cloned, its
own optimizer untouched. The rest happens around BC: the normalizer takes its statistics from the
demonstrations, whole trajectories are held out, the weights of the best validation error are kept,
and the policy's noise is set from the error that remains.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch as th
from imitation.algorithms.bc import BC
from imitation.data.types import Trajectory
from imitation.util import logger as imitation_logger
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from tqdm import trange

from sb3_mimic.cloning.dynamics import ForwardFit, StateRegularizedLoss, fit_forward_model
from sb3_mimic.cloning.residual import compute_residual, mean_squared_error, set_log_std
from sb3_mimic.cloning.samples import (
    Samples,
    ShuffledBatches,
    check_demonstrations,
    observation_map,
    split_trajectories,
    to_samples,
)
from sb3_mimic.errors import InputError
from sb3_mimic.policies.normalizer import normalizers
from sb3_mimic.policies.parameters import is_critic_parameter
from sb3_mimic.policies.threads import training_threads
from sb3_mimic.tasks import CloningSettings

# About how many training samples the training error is taken over.
_TRAIN_ERROR_SAMPLES = 4096


@dataclass(frozen=True)
class PretrainResult:
    """Results of cloning.

    Attributes:
        train_error: Mean squared error of the action at the end of each epoch, over at most
            4096 of the training samples, shape (n,).
        validation_error: The same over the held-out samples; over the training samples where
            nothing is held out.
        best_epoch: Epoch whose weights were kept, counted from 0; −1 if no epoch was run.
        n_train: Training samples.
        n_validation: Held-out samples.
        residual: Root mean squared error of each action element after cloning, shape (nu,).
        log_std: The log standard deviation set from it, shape (nu,); None where the policy has no
            diagonal Gaussian.
        forward_fit: The forward model behind the state's term of the loss; None without that term.
    """

    train_error: tuple[float, ...]
    validation_error: tuple[float, ...]
    best_epoch: int
    n_train: int
    n_validation: int
    residual: NDArray[np.float64]
    log_std: NDArray[np.float64] | None
    forward_fit: ForwardFit | None


def pretrain(
    model: OnPolicyAlgorithm,
    demonstrations: Sequence[Trajectory],
    n_epochs: int,
    *,
    settings: CloningSettings | None = None,
    seed: int = 0,
    log_dir: Path | None = None,
    progress_bar: bool = True,
) -> PretrainResult:
    """Clones demonstrations into a model's policy, in place.

    The loss is the negative log likelihood under a fixed standard deviation, that is the mean
    squared error of the action. BC would otherwise move the log standard deviation by a learning
    rate per batch, which leaves it wherever training happened to stop; here it is set afterwards
    from the residual (the data's variance, as DAPG does). Noise that depends on the state (gSDE)
    stays as it was.

    Args:
        model: Freshly built, as by :func:`sb3_mimic.make_model`. Its critic and
            its optimizer stay as they are.
        demonstrations: In the observation and action spaces of the model's environment; a
            ``VecNormalize`` around it is applied to them as it is now.
        n_epochs: Passes over the demonstrations, at most; 0 only sets the normalizer and the noise.
        settings: See :class:`CloningSettings`.
        seed: Decides the validation split and the order of the samples.
        log_dir: Folder for TensorBoard; None logs nothing.
        progress_bar: Whether to show one.

    Returns:
        The curves and the residual.

    Raises:
        InputError: If the demonstrations do not fit the model, ``n_epochs`` is negative, or
            ``settings.state_weight`` is set where observations are no vectors.

    Example:
        >>> from sb3_mimic import make_model
        >>> from stable_baselines3.common.env_util import make_vec_env
        >>> actions = np.zeros((40, 1), np.float32)
        >>> observations = np.random.default_rng(0).normal(size=(41, 3)).astype(np.float32)
        >>> demonstrations = [Trajectory(observations, actions, None, terminal=False)] * 4
        >>> model = make_model("ppo", make_vec_env("Pendulum-v1", 2), seed=0)
        >>> result = pretrain(model, demonstrations, 1, progress_bar=False)
        >>> result.n_train, result.n_validation
        (120, 40)
    """
    settings = settings or CloningSettings()
    if n_epochs < 0:
        raise InputError(f"the number of cloning epochs must not be negative, got {n_epochs}")
    check_demonstrations(demonstrations, model)
    observe = observation_map(model)
    shape = model.observation_space.shape or ()
    if settings.state_weight > 0 and len(shape) != 1:
        raise InputError(
            "the state's term of the cloning loss (state_weight) needs vector observations, those "
            f"of the environment have shape {shape}"
        )
    if settings.state_weight > 0 and model.get_vec_normalize_env() is not None:
        raise InputError(
            "the state's term of the cloning loss (state_weight) needs environments without "
            "VecNormalize"
        )
    policy = model.policy

    train, held_out = split_trajectories(demonstrations, settings.validation_fraction, seed)
    train_set = to_samples(train, policy, observe)
    validation_set = to_samples(held_out, policy, observe) if held_out else None
    for layer in normalizers(policy):
        layer.set_statistics(train_set[0].cpu().numpy())

    bc = BC(
        observation_space=model.observation_space,
        action_space=model.action_space,
        rng=np.random.default_rng(seed),
        policy=policy,
        batch_size=min(settings.batch_size, len(train_set[1])),
        optimizer_kwargs={"lr": settings.learning_rate, "fused": True},
        ent_weight=0.0,
        l2_weight=settings.l2_weight,
        device=model.device,
        custom_logger=imitation_logger.configure(
            log_dir, format_strs=[] if log_dir is None else ["tensorboard"]
        ),
    )
    batches: Iterable[Any] = ShuffledBatches(*train_set, bc.batch_size, seed)
    bc.set_demonstrations(batches)
    forward_fit = None
    if settings.state_weight > 0:
        forward_fit = fit_forward_model(train, held_out, seed=seed, device=policy.device)
        bc.loss_calculator = StateRegularizedLoss(
            ent_weight=0.0,
            l2_weight=settings.l2_weight,
            model=forward_fit.model,
            state_weight=settings.state_weight,
        )
    with training_threads(policy):
        train_error, validation_error, best_epoch = _fit(
            bc, n_epochs, settings.patience, train_set, validation_set or train_set, progress_bar
        )
    residual = compute_residual(policy, *(validation_set or train_set))
    return PretrainResult(
        train_error=tuple(train_error),
        validation_error=tuple(validation_error),
        best_epoch=best_epoch,
        n_train=len(train_set[1]),
        n_validation=0 if validation_set is None else len(validation_set[1]),
        residual=residual,
        log_std=set_log_std(policy, residual, settings.log_std_bounds),
        forward_fit=forward_fit,
    )


def freeze_for_cloning(policy: ActorCriticPolicy) -> list[th.nn.Parameter]:
    """Freezes the noise, and the critic, which BC's weight decay would shrink; returns them.

    ``requires_grad_(True)`` on each gives them back.
    """
    frozen = []
    for name, parameter in policy.named_parameters():
        # "log_std" also where it depends on the state (gSDE), and is not set afterwards.
        if parameter.requires_grad and (name == "log_std" or is_critic_parameter(name)):
            parameter.requires_grad_(False)
            frozen.append(parameter)
    return frozen


def _fit(
    bc: BC,
    n_epochs: int,
    patience: int,
    train_set: Samples,
    validation_set: Samples,
    progress_bar: bool,
) -> tuple[list[float], list[float], int]:
    """Runs the epochs and leaves the best weights in the policy."""
    policy = bc.policy
    log: Logger = bc.logger
    frozen = freeze_for_cloning(policy)
    stride = -(-len(train_set[1]) // _TRAIN_ERROR_SAMPLES)
    train_sample = (train_set[0][::stride], train_set[1][::stride])
    train_error: list[float] = []
    validation_error: list[float] = []
    best_epoch = -1
    best_weights = {name: value.clone() for name, value in policy.state_dict().items()}
    try:
        epochs = trange(n_epochs, unit="epoch", desc="cloning", disable=not progress_bar)
        for epoch in epochs:
            policy.set_training_mode(True)
            with warnings.catch_warnings():
                # BC logs its loss without detaching it.
                warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
                bc.train(n_epochs=1, progress_bar=False)
            train_error.append(mean_squared_error(policy, *train_sample))
            validation_error.append(mean_squared_error(policy, *validation_set))
            log.record("bc/train_mse", train_error[-1])
            log.record("bc/validation_mse", validation_error[-1])
            epochs.set_postfix(train=train_error[-1], validation=validation_error[-1])
            if best_epoch < 0 or validation_error[-1] < validation_error[best_epoch]:
                best_epoch = epoch
                best_weights = {name: value.clone() for name, value in policy.state_dict().items()}
            elif epoch - best_epoch >= patience:
                break
        epochs.close()
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
    policy.load_state_dict(best_weights)
    return train_error, validation_error, best_epoch
