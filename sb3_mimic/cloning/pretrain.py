"""Behavior cloning: imitation's ``BC`` on the policy inside a freshly built model.

Nothing is copied afterwards: the policy that was cloned is the one that reinforcement learning goes
on with, its own optimizer untouched. What BC does not do by itself is done around it: the
normalizer takes its statistics from the demonstrations, whole trajectories are held out, the
weights of the best validation error are kept, and the policy's noise is set from what is left of
the error.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch as th
from gymnasium import spaces
from imitation.algorithms.bc import BC
from imitation.data.types import Trajectory
from imitation.util import logger as imitation_logger
from numpy.typing import NDArray
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecTransposeImage
from tqdm import trange

from sb3_mimic.cloning.dynamics import ForwardFit, StateRegularizedLoss, fit_forward_model
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.errors import InputError
from sb3_mimic.policies.normalizer import normalizers
from sb3_mimic.policies.parameters import is_critic_parameter, log_std_parameter
from sb3_mimic.policies.threads import training_threads
from sb3_mimic.tasks import CloningSettings

# Samples whose error is computed at once, which bounds the memory that images take; also about how
# many training samples the training error is taken over.
_CHUNK = 4096


@dataclass(frozen=True)
class PretrainResult:
    """What cloning did.

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


#: From the observations of an environment to those of a policy.
Observed = Callable[[NDArray[Any]], NDArray[Any]]


class ShuffledBatches:
    """Batches of a fixed set of samples in an order that changes with every pass.

    The tensors lie ready on the policy's device: 2 to 3.6 times faster per batch than the loader
    that BC makes of transitions. The last, incomplete batch of a pass is left out, as BC does; with
    another order in every pass no sample is lost.

    Args:
        observations: Shape ``(n, *observation shape)``.
        actions: Shape (n, nu).
        batch_size: At most n.
        seed: Seeds the order.
    """

    def __init__(
        self, observations: th.Tensor, actions: th.Tensor, batch_size: int, seed: int
    ) -> None:
        self.observations = observations
        self.actions = actions
        self.batch_size = batch_size
        self._generator = th.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[Mapping[str, th.Tensor]]:
        n = len(self.actions)
        order = th.randperm(n, generator=self._generator).to(self.actions.device)
        for start in range(0, n - self.batch_size + 1, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield {"obs": self.observations[chosen], "acts": self.actions[chosen]}


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
        model: Freshly built, as by :func:`sb3_mimic.rl.models.make_model`. Its critic and
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
        >>> from sb3_mimic import collect_demonstrations, make_model
        >>> from sb3_mimic.envs.core.make import make_envs
        >>> from sb3_mimic.tasks import get_task
        >>> task = get_task("pidog")
        >>> demonstrations = collect_demonstrations(task.env_id, "sine", 2)
        >>> envs = make_envs(task.env_id, 2)
        >>> model = make_model("ppo", envs, task.hyperparameters_for("ppo"), seed=0)
        >>> result = pretrain(model, demonstrations, 1, progress_bar=False)
        >>> result.n_train, result.n_validation
        (1000, 1000)
    """
    settings = settings or CloningSettings()
    if n_epochs < 0:
        raise InputError(f"the number of cloning epochs must not be negative, got {n_epochs}")
    _check(demonstrations, model)
    observed = _own_observations(model)
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
    train_set = _tensors(train, policy, observed)
    validation_set = _tensors(held_out, policy, observed) if held_out else None
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
    residual = residual_of(policy, *(validation_set or train_set))
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


def split_trajectories(
    trajectories: Sequence[Trajectory], fraction: float, seed: int
) -> tuple[list[Trajectory], list[Trajectory]]:
    """Splits into training and validation by whole trajectories.

    Neighboring steps are nearly the same sample; split by steps, the validation error would only
    repeat the training error.

    Args:
        trajectories: At least one.
        fraction: Part held out, rounded to trajectories; at least one is, where the fraction is
            positive and there are two.
        seed: Decides which.

    Returns:
        The training and the validation trajectories, each in the order given.
    """
    n = len(trajectories)
    n_held_out = 0 if fraction == 0 or n < 2 else min(n - 1, max(1, round(n * fraction)))
    held_out = set(np.random.default_rng(seed).permutation(n)[:n_held_out].tolist())
    return (
        [t for i, t in enumerate(trajectories) if i not in held_out],
        [t for i, t in enumerate(trajectories) if i in held_out],
    )


def set_log_std(
    policy: ActorCriticPolicy, residual: NDArray[np.float64], bounds: tuple[float, float]
) -> NDArray[np.float64] | None:
    """Sets the policy's noise to the residual of cloning, within bounds.

    As much noise as the demonstrations leave unexplained: with SB3's default (log-std 0) a clone
    that works deterministically falls at once when it explores.

    Args:
        policy: The cloned policy.
        residual: Root mean squared error of each action element, shape (nu,).
        bounds: Range of the log standard deviation.

    Returns:
        The values set, shape (nu,); None where the policy is no diagonal Gaussian, or its noise
        depends on the state (gSDE): it stays as it was then.
    """
    parameter = log_std_parameter(policy)
    if parameter is None:
        return None
    tiny = np.finfo(np.float64).tiny
    log_std = np.clip(np.log(np.maximum(residual, tiny)), *bounds)
    with th.no_grad():
        parameter.copy_(th.from_numpy(log_std))
    return log_std


def demonstration_tensors(
    trajectories: Sequence[Trajectory], model: OnPolicyAlgorithm
) -> tuple[th.Tensor, th.Tensor]:
    """All samples as the model's policy takes them, on its device.

    Args:
        trajectories: In the spaces of the model's environment, one at least.
        model: With its environment.

    Returns:
        Observations ``(n, ...)`` and actions ``(n, nu)``.

    Raises:
        InputError: If they do not fit the model, or its policy is none that can be cloned into.
    """
    _check(trajectories, model)
    return _tensors(trajectories, model.policy, _own_observations(model))


def _check(trajectories: Sequence[Trajectory], model: OnPolicyAlgorithm) -> None:
    """Refuses what cannot be cloned into a model."""
    policy: Any = model.policy
    if not isinstance(policy, ActorCriticPolicy) or hasattr(policy, "lstm_actor"):
        raise InputError(
            "cloning needs an actor-critic policy without memory, as of PPO, TRPO or A2C, not "
            f"{type(model).__name__}'s {type(policy).__name__}"
        )
    env = model.get_env()
    if env is None:
        raise InputError("the model has no environment; build it with one before cloning")
    own = env.venv if isinstance(env, VecTransposeImage) else env
    check_trajectories(trajectories, own.observation_space, env.action_space, "the demonstrations")


def _own_observations(model: OnPolicyAlgorithm) -> Observed:
    """From an environment's observations to those that its wrappers of SB3's show the policy.

    Demonstrations have an image's colors last, and nothing of theirs is normalized.
    """
    env, normalize = model.get_env(), model.get_vec_normalize_env()

    def observed(observations: NDArray[Any]) -> NDArray[Any]:
        if isinstance(env, VecTransposeImage):
            observations = np.asarray(env.transpose_observations(observations))
        if normalize is not None:
            observations = np.asarray(normalize.normalize_obs(observations))
        return observations

    return observed


def _tensors(
    trajectories: Sequence[Trajectory],
    policy: ActorCriticPolicy,
    observed: Observed,
) -> tuple[th.Tensor, th.Tensor]:
    """All samples as tensors on the policy's device, as the policy has observations and actions."""
    observations = observed(np.concatenate([np.asarray(t.obs[:-1]) for t in trajectories]))
    actions = np.concatenate([t.acts for t in trajectories])
    if policy.squash_output:
        actions = np.asarray(policy.scale_action(actions))
    space = policy.observation_space
    as_image = isinstance(space, spaces.Box) and is_image_space(space)
    return (
        th.as_tensor(observations, dtype=None if as_image else th.float32, device=policy.device),
        th.as_tensor(actions, dtype=th.float32, device=policy.device),
    )


def _fit(
    bc: BC,
    n_epochs: int,
    patience: int,
    train_set: tuple[th.Tensor, th.Tensor],
    validation_set: tuple[th.Tensor, th.Tensor],
    progress_bar: bool,
) -> tuple[list[float], list[float], int]:
    """Runs the epochs and leaves the best weights in the policy."""
    policy = bc.policy
    log: Logger = bc.logger
    frozen = freeze_for_cloning(policy)
    stride = -(-len(train_set[1]) // _CHUNK)
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
            train_error.append(_mean_squared_error(policy, *train_sample))
            validation_error.append(_mean_squared_error(policy, *validation_set))
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


def _squared_errors(
    policy: ActorCriticPolicy, observations: th.Tensor, actions: th.Tensor
) -> NDArray[np.float64]:
    """Mean squared error of each element of the deterministic action, shape (nu,)."""
    policy.set_training_mode(False)
    total = th.zeros(actions.shape[1:], dtype=th.float64)
    with th.no_grad():
        for start in range(0, len(actions), _CHUNK):
            part = slice(start, start + _CHUNK)
            predicted = policy.get_distribution(observations[part]).mode()
            total += (predicted - actions[part]).double().square().sum(dim=0).cpu()
    result: NDArray[np.float64] = (total / len(actions)).numpy()
    return result


def _mean_squared_error(
    policy: ActorCriticPolicy, observations: th.Tensor, actions: th.Tensor
) -> float:
    return float(_squared_errors(policy, observations, actions).mean())


def residual_of(
    policy: ActorCriticPolicy, observations: th.Tensor, actions: th.Tensor
) -> NDArray[np.float64]:
    """Root mean squared error of each element of the deterministic action, shape (nu,)."""
    residual: NDArray[np.float64] = np.sqrt(_squared_errors(policy, observations, actions))
    return residual
