"""Settings of algorithms, cloning and the warm start. Light: no torch, no simulator."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from sb3_mimic.errors import InputError

#: Device of training and evaluation where none is asked for. Small networks gain nothing on a GPU.
DEVICE = "cpu"
#: Episodes of an evaluation.
N_EVAL_EPISODES = 32


@dataclass(frozen=True)
class Hyperparameters:
    """Settings of an on-policy algorithm.

    The fields are what PPO and TRPO share; ``extra`` holds what only one of them knows.

    Attributes:
        n_envs: Parallel environments.
        rollout_size: Samples per update, over all environments; ``n_steps`` follows from it, so
            that another number of environments leaves the size of an update alone.
        batch_size: Samples per gradient step (TRPO: of the critic).
        learning_rate: Adam's step size (TRPO: of the critic).
        linear_decay: Whether the learning rate falls linearly to zero over the training.
        desired_kl: Divergence of an update above which PPO's learning rate is lowered, see
            :class:`sb3_mimic.rl.algorithms.AdaptiveRate`; None leaves the rate alone.
        gamma: Discount per control step.
        gae_lambda: λ of the generalized advantage estimate.
        log_std_init: Log standard deviation of the normalized action without cloning.
        log_std_final: What the log standard deviation has come down to in the end, see
            :class:`sb3_mimic.rl.callbacks.noise_ceiling.NoiseCeilingCallback`; None leaves it to
            training.
        hidden_sizes: Hidden layers of the actor and of the critic.
        activation: A name in :data:`sb3_mimic.policies.normalizer.ACTIVATIONS`.
        actor_inputs: How many of the observation's first numbers the actor reads, while the critic
            reads all (`sb3_mimic.policies.asymmetric`). ``auto``: all that are not privileged, by
            the environment's ``n_actor``; None: all.
        image_extractor: ``module:Class`` of the features extractor for image observations; None
            takes SB3's ``NatureCNN``.
        extra: Further keyword arguments of the algorithm's constructor.
    """

    n_envs: int
    rollout_size: int
    batch_size: int
    learning_rate: float
    linear_decay: bool
    gamma: float
    gae_lambda: float
    log_std_init: float
    hidden_sizes: tuple[int, ...]
    activation: str
    actor_inputs: int | Literal["auto"] | None = None
    image_extractor: str | None = None
    desired_kl: float | None = None
    log_std_final: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("n_envs", "rollout_size", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if not math.isfinite(self.log_std_init):
            raise InputError(f"log_std_init must be finite, got {self.log_std_init}")
        if self.desired_kl is not None and not 0 < self.desired_kl < math.inf:
            raise InputError(f"desired_kl must be positive and finite, got {self.desired_kl}")
        if self.log_std_final is not None and not self.log_std_final <= self.log_std_init:
            raise InputError(
                f"log_std_final must not be above log_std_init, {self.log_std_init}: "
                f"{self.log_std_final}"
            )
        if not self.hidden_sizes or min(self.hidden_sizes) < 1:
            raise InputError(f"hidden_sizes must be positive, got {self.hidden_sizes}")

    @property
    def n_steps(self) -> int:
        """Steps per environment and update."""
        return max(1, self.rollout_size // self.n_envs)

    def updated(self, changes: Mapping[str, Any]) -> "Hyperparameters":
        """A copy with changes; names that are no field go to ``extra``."""
        names = {f.name for f in fields(self)}
        own = {name: value for name, value in changes.items() if name in names}
        extra = {name: value for name, value in changes.items() if name not in names}
        return replace(self, **own, extra={**self.extra, **extra})


@dataclass(frozen=True)
class CloningSettings:
    """Settings of behavior cloning.

    Attributes:
        batch_size: Samples per gradient step.
        learning_rate: Adam's step size.
        l2_weight: Weight of half the sum of all squared weights in the loss.
        state_weight: Weight of the next state's squared difference, next to the action's; 0 is
            plain cloning. See :mod:`sb3_mimic.cloning.dynamics`.
        validation_fraction: Part of the demonstrations held out, by whole trajectories.
        patience: Epochs without a better validation error after which cloning stops.
        log_std_bounds: Range for the log standard deviation that is set from the residual.
    """

    batch_size: int = 256
    learning_rate: float = 1e-3
    l2_weight: float = 0.0
    state_weight: float = 0.0
    validation_fraction: float = 0.1
    patience: int = 20
    log_std_bounds: tuple[float, float] = (-3.5, -1.5)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {self.batch_size}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}")
        for name in ("l2_weight", "state_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be finite and not negative: {getattr(self, name)}")
        if not 0 <= self.validation_fraction < 1:
            raise InputError(
                f"validation_fraction must lie in [0, 1), got {self.validation_fraction}"
            )
        if self.patience < 1:
            raise InputError(f"patience must be at least 1, got {self.patience}")
        low, high = self.log_std_bounds
        if not low <= high:
            raise InputError(f"log_std_bounds must be (low, high), got {self.log_std_bounds}")


@dataclass(frozen=True)
class WarmStartSettings:
    """The handover from a clone to reinforcement learning; see ``docs/handover.md``.

    Each part can be switched off by itself.

    Attributes:
        residual_noise: Whether exploration begins with the noise that cloning left, within
            :attr:`CloningSettings.log_std_bounds`; else with SB3's default, a log standard
            deviation of 0.
        gate: Part of its deterministic return that the clone must keep with noise; the noise is
            lowered until it does. 0: no gate.
        gate_episodes: Episodes over which either is measured.
        noise_step: What the log standard deviation rises by after another 32 training episodes, up
            to the lower of :attr:`CloningSettings.log_std_bounds`, while they keep most of the best
            return, and falls by where they do not. 0: it stays as the gate left it.
        critic_rollouts: Updates in which only the critic learns, at most.
        explained_variance: What the critic must explain of the returns' variance for the actor to
            be freed before that, after two updates at the earliest.
        critic_epochs: Passes over each later rollout that the critic makes by itself, with a step
            size of its own (not TRPO, which has one). 0: none.
        ramp_updates: Updates over which step sizes grow to their own after the actor is freed:
            learning rate, clip range and target KL (TRPO: target KL). 0: at once.
        ramp_start: Part of them that the first update has.
        bc_weight: Step size of further cloning between updates, in parts of cloning's own. 0: none.
        bc_decay: What that is multiplied by after each update.
        bc_batches: Batches of demonstrations between two updates.
        update_normalizer: Whether observation statistics go on being collected.
        collapse: Training stops, and the best policy so far is restored, when the mean return of
            the last 32 training episodes has lost this part of its best, and that without noise
            too. 0: never.
        collapse_patience: Rollouts in a row that this must last.
    """

    residual_noise: bool = True
    gate: float = 0.8
    gate_episodes: int = 16
    noise_step: float = 0.1
    critic_rollouts: int = 5
    explained_variance: float = 0.8
    critic_epochs: int = 2
    ramp_updates: int = 10
    ramp_start: float = 0.1
    bc_weight: float = 0.1
    bc_decay: float = 0.8
    bc_batches: int = 8
    update_normalizer: bool = False
    collapse: float = 0.5
    collapse_patience: int = 5

    def __post_init__(self) -> None:
        for name in ("gate", "ramp_start", "bc_decay", "collapse"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("critic_rollouts", "critic_epochs", "noise_step", "ramp_updates", "bc_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be finite and not negative: {getattr(self, name)}")
        if not self.explained_variance > -math.inf:
            raise InputError(f"explained_variance must be a number: {self.explained_variance}")
        for name in ("gate_episodes", "bc_batches", "collapse_patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if type(entry.default) is int and value != int(value):
                raise InputError(f"{entry.name} must be a whole number, got {value}")

    @classmethod
    def none(cls) -> "WarmStartSettings":
        """No handover: the clone goes into reinforcement learning as SB3's defaults have it."""
        return cls(
            residual_noise=False,
            gate=0.0,
            noise_step=0.0,
            critic_rollouts=0,
            critic_epochs=0,
            ramp_updates=0,
            bc_weight=0.0,
            update_normalizer=True,
            collapse=0.0,
        )
