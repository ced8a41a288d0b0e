"""State regularization: action errors weighed by what they do to the next state.

Plain cloning counts an error of 0.01 the same in every action element. Its effect on the body
differs: a neck may turn, a stance ankle may not. The term added here is the mean squared difference
between the next states that the predicted and the demonstrated action lead to.

A simulator has no gradient that an optimizer could follow, so a forward model takes its place. It
is fitted to the demonstrations' own transitions before cloning and frozen. Both actions go through
it, so that its error about a state cancels as far as it does not depend on the action. The model's
answer to the action counts. It is right only as far as the demonstrations tell the action's effect
from that of the state by which the demonstrator chose the action.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch as th
from imitation.algorithms.bc import BCTrainingMetrics, BehaviorCloningLossCalculator
from imitation.data.types import Trajectory
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from sb3_mimic.policies.parameters import log_std_parameter
from sb3_mimic.policies.randomness import fork_randomness

# Added to variances: a floor of 0.01 on the standard deviation, in the element's own unit, as in
# NormalizeObservations.
_EPSILON = 1e-4
# Of the linear part, relative to inputs of unit variance: next to nothing where the data determine
# the coefficients, and a choice among equals where an action follows from the observation.
_RIDGE = 1e-4
_ROUNDING = 1e-6
_HIDDEN = 256
_BATCH_SIZE = 256
_LEARNING_RATE = 1e-3
_N_EPOCHS = 50
_PATIENCE = 10


class ForwardModel(nn.Module):
    """Next observation from observation and action: ``obs + change(obs, action)``.

    The change is a linear map plus a network with one hidden layer, both of normalized inputs. An
    input that does not vary in the data has weight 0: nothing is known about its effect.

    Args:
        observations: Shape (n, n_obs); only their moments matter, as for the others.
        actions: Shape (n, nu).
        next_observations: Shape (n, n_obs).
    """

    input_mean: th.Tensor
    input_gain: th.Tensor
    change_mean: th.Tensor
    change_scale: th.Tensor
    state_scale: th.Tensor

    def __init__(
        self, observations: th.Tensor, actions: th.Tensor, next_observations: th.Tensor
    ) -> None:
        super().__init__()
        inputs = th.cat((observations, actions), dim=1).double()
        change = next_observations.double() - observations.double()
        var = inputs.var(dim=0, unbiased=False)
        next_var = next_observations.double().var(dim=0, unbiased=False)
        for name, value in (
            ("input_mean", inputs.mean(dim=0)),
            ("input_gain", var.sqrt() / (var + _EPSILON)),
            ("change_mean", change.mean(dim=0)),
            ("change_scale", change.std(dim=0, unbiased=False)),
            ("state_scale", (next_var + _EPSILON).sqrt()),
        ):
            self.register_buffer(name, value.float())
        n_in, n_out = inputs.shape[1], change.shape[1]
        self.linear = nn.Linear(n_in, n_out, bias=False, device=observations.device)
        self.net = nn.Sequential(nn.Linear(n_in, _HIDDEN), nn.ELU(), nn.Linear(_HIDDEN, n_out))
        for parameter in self.net[2].parameters():  # the linear map alone, to begin with
            nn.init.zeros_(parameter)
        self.to(observations.device)

    def forward(self, observations: th.Tensor, actions: th.Tensor) -> th.Tensor:
        """The next observations.

        Args:
            observations: Shape (n, n_obs).
            actions: Shape (n, nu).

        Returns:
            Shape (n, n_obs).
        """
        return observations + self.change_mean + self._change(observations, actions)

    def consistency(
        self, observations: th.Tensor, predicted: th.Tensor, demonstrated: th.Tensor
    ) -> th.Tensor:
        """How far apart two actions lead, in standard deviations of the next observation.

        Args:
            observations: Shape (n, n_obs).
            predicted: Actions that carry the gradient, shape (n, nu).
            demonstrated: Actions that they are compared with, shape (n, nu).

        Returns:
            Mean square over samples and elements, a scalar.
        """
        with th.no_grad():
            meant = self._change(observations, demonstrated)
        apart = (self._change(observations, predicted) - meant) / self.state_scale
        return apart.square().mean()

    def error(
        self, observations: th.Tensor, actions: th.Tensor, next_observations: th.Tensor
    ) -> float:
        """Mean squared error in the units of :meth:`consistency`."""
        with th.no_grad():
            missed = self(observations, actions) - next_observations
        return float((missed / self.state_scale).square().mean())

    def normalize(self, observations: th.Tensor, actions: th.Tensor) -> th.Tensor:
        """Maps inputs to zero mean and about unit variance, shape (n, n_obs + nu)."""
        return (th.cat((observations, actions), dim=1) - self.input_mean) * self.input_gain

    def _change(self, observations: th.Tensor, actions: th.Tensor) -> th.Tensor:
        """The change but for its mean, shape (n, n_obs)."""
        inputs = self.normalize(observations, actions)
        change: th.Tensor = (self.linear(inputs) + self.net(inputs)) * self.change_scale
        return change


@dataclass(frozen=True)
class ForwardFit:
    """A fitted forward model and how good it is.

    Attributes:
        model: Frozen.
        error: Mean squared error of the next observation over the held-out transitions, in squares
            of each element's standard deviation; over the training transitions where nothing is
            held out.
        persistence_error: The same of the guess that the observation stays as it is.
    """

    model: ForwardModel
    error: float
    persistence_error: float


def fit_forward_model(
    train: Sequence[Trajectory],
    held_out: Sequence[Trajectory] = (),
    *,
    seed: int = 0,
    device: th.device | str = "cpu",
) -> ForwardFit:
    """Fits a forward model to the transitions of demonstrations.

    The linear part is fitted by ridge regression, then the network to the remainder; the weights of
    the lowest held-out error are kept. torch's global random numbers are left alone.

    Args:
        train: Trajectories of vector observations, at least one.
        held_out: Trajectories to choose and to judge the model by; none: the training ones.
        seed: Seeds the network's weights and the order of the samples.
        device: Where the model shall lie.

    Returns:
        The frozen model and its error.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> shift = rng.uniform(-1, 1, (200, 1))
        >>> path = np.cumsum(np.vstack((np.zeros((1, 1)), shift)), axis=0)
        >>> walk = Trajectory(path, shift, None, terminal=False)  # an action shifts the state
        >>> fit = fit_forward_model([walk])
        >>> fit.error < fit.persistence_error
        True
    """
    samples = _transitions(train, device)
    judged = _transitions(held_out, device) if held_out else samples
    with fork_randomness(seed):
        model = ForwardModel(*samples)
    observations, actions, next_observations = samples
    inputs = model.normalize(observations, actions)
    change = next_observations - observations - model.change_mean
    # Divided by the scale; 0 for an element whose change is always the same but for rounding.
    target = change * model.change_scale / (model.change_scale.square() + _ROUNDING**2)
    _solve_linear(model, inputs, target)
    _train_network(model, inputs, target, judged, seed)
    model.requires_grad_(False).zero_grad()
    persistence = (judged[2] - judged[0]) / model.state_scale
    return ForwardFit(model, model.error(*judged), float(persistence.square().mean()))


@dataclass(frozen=True)
class StateRegularizedMetrics(BCTrainingMetrics):
    """BC's metrics of a batch, for its log, and the term that was added.

    Attributes:
        state_consistency: See :meth:`ForwardModel.consistency`; without its weight.
    """

    state_consistency: th.Tensor


@dataclass(frozen=True)
class StateRegularizedLoss(BehaviorCloningLossCalculator):
    """BC's loss plus the weighed consistency of the next state.

    BC's likelihood is the action's mean squared error times a constant that follows from the
    policy's noise. The term is multiplied by the same constant, so that a weight of 1 means
    "mean squared error of the action plus that of the next state" whatever the noise.

    Attributes:
        model: Frozen.
        state_weight: Weight of the term.
    """

    model: ForwardModel
    state_weight: float

    def __call__(  # type: ignore[override]
        self, policy: ActorCriticPolicy, obs: th.Tensor, acts: th.Tensor
    ) -> StateRegularizedMetrics:
        """The loss of a batch.

        Args:
            policy: The policy that is cloned into.
            obs: Shape (n, n_obs).
            acts: Demonstrated actions, shape (n, nu).
        """
        metrics = super().__call__(policy, obs, acts)
        term = self.model.consistency(obs, policy.get_distribution(obs).mode(), acts)
        loss = metrics.loss + self.state_weight * _likelihood_scale(policy) * term
        return StateRegularizedMetrics(
            **{**vars(metrics), "loss": loss}, state_consistency=term.detach()
        )


def _likelihood_scale(policy: ActorCriticPolicy) -> float:
    """The factor of the mean squared error in the negative log likelihood."""
    log_std = log_std_parameter(policy)
    return 1.0 if log_std is None else float((-2 * log_std.detach()).exp().sum() / 2)


def _transitions(
    trajectories: Sequence[Trajectory], device: th.device | str
) -> tuple[th.Tensor, th.Tensor, th.Tensor]:
    """Observations, actions and next observations of all steps."""
    observations = [np.asarray(t.obs) for t in trajectories]
    parts = (
        np.concatenate([obs[:-1] for obs in observations]),
        np.concatenate([t.acts for t in trajectories]),
        np.concatenate([obs[1:] for obs in observations]),
    )
    obs, acts, following = (th.as_tensor(p, dtype=th.float32, device=device) for p in parts)
    return obs, acts, following


def _solve_linear(model: ForwardModel, inputs: th.Tensor, target: th.Tensor) -> None:
    x, y = inputs.double(), target.double()
    ridge = _RIDGE * len(x) * th.eye(x.shape[1], dtype=x.dtype, device=x.device)
    with th.no_grad():
        model.linear.weight.copy_(th.linalg.solve(x.T @ x + ridge, x.T @ y).T)


def _train_network(
    model: ForwardModel,
    inputs: th.Tensor,
    target: th.Tensor,
    judged: tuple[th.Tensor, th.Tensor, th.Tensor],
    seed: int,
) -> None:
    """Trains the network on the remainder of the linear map, and keeps its best weights."""
    remainder = target - model.linear(inputs).detach()
    optimizer = th.optim.Adam(model.net.parameters(), lr=_LEARNING_RATE, fused=True)
    generator = th.Generator().manual_seed(seed)
    best_error, best_epoch = model.error(*judged), -1
    best_weights = copy.deepcopy(model.net.state_dict())
    for epoch in range(_N_EPOCHS):
        order = th.randperm(len(remainder), generator=generator)
        for start in range(0, len(remainder), _BATCH_SIZE):
            batch = order[start : start + _BATCH_SIZE]
            loss = (model.net(inputs[batch]) - remainder[batch]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        error = model.error(*judged)
        if error < best_error:
            best_error, best_epoch = error, epoch
            best_weights = copy.deepcopy(model.net.state_dict())
        elif epoch - best_epoch >= _PATIENCE:
            break
    model.net.load_state_dict(best_weights)
