"""The error that cloning leaves, and the noise that follows from it."""

import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy

from sb3_mimic.policies.parameters import log_std_parameter

# Samples whose error is computed at once, which bounds the memory that images take.
_CHUNK = 4096


def compute_residual(
    policy: ActorCriticPolicy, observations: th.Tensor, actions: th.Tensor
) -> NDArray[np.float64]:
    """Root mean squared error of each element of the deterministic action, shape (nu,)."""
    residual: NDArray[np.float64] = np.sqrt(_squared_errors(policy, observations, actions))
    return residual


def mean_squared_error(
    policy: ActorCriticPolicy, observations: th.Tensor, actions: th.Tensor
) -> float:
    """Mean squared error of the deterministic action over samples and elements."""
    return float(_squared_errors(policy, observations, actions).mean())


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
