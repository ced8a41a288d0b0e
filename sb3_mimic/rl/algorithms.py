"""The algorithms by name, and models built with a task's settings.

PPO and TRPO are entries like any other; another package adds its own with
:func:`register_algorithm`. Every entry is an on-policy algorithm of SB3's kind, because cloning
trains an actor-critic policy in place.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from gymnasium import spaces
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.utils import get_device
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name
from sb3_mimic.policies.asymmetric import AsymmetricPolicy
from sb3_mimic.policies.normalizer import ACTIVATIONS, NormalizeObservations
from sb3_mimic.tasks import Hyperparameters


@dataclass(frozen=True)
class Algorithm:
    """A registered algorithm.

    Attributes:
        name: What ``--algo`` calls it.
        entry_point: ``module:Class``, imported when first used.
        defaults: Keyword arguments of the constructor that differ from the class's own defaults.
    """

    name: str
    entry_point: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def load_class(self) -> type[OnPolicyAlgorithm]:
        """Imports the class.

        Raises:
            InputError: If it is no on-policy algorithm of SB3's kind.
        """
        module, _, attribute = self.entry_point.partition(":")
        cls = getattr(import_module(module), attribute)
        if not (isinstance(cls, type) and issubclass(cls, OnPolicyAlgorithm)):
            raise InputError(
                f"algorithm {self.name!r} ({self.entry_point}) must be a subclass of SB3's "
                "OnPolicyAlgorithm: cloning needs an actor-critic policy"
            )
        return cls


ALGORITHMS: dict[str, Algorithm] = {}


def register_algorithm(
    name: str,
    cls: type[OnPolicyAlgorithm] | str,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Adds an algorithm, or replaces the one of the same name.

    Args:
        name: What ``--algo`` calls it.
        cls: The class, or ``module:Class``.
        defaults: Keyword arguments of its constructor, which a task's settings override.

    Example:
        >>> from stable_baselines3 import A2C
        >>> register_algorithm("a2c", A2C)
        >>> get_algorithm("a2c").load_class().__name__
        'A2C'
        >>> del ALGORITHMS["a2c"]
    """
    entry_point = cls if isinstance(cls, str) else f"{cls.__module__}:{cls.__qualname__}"
    ALGORITHMS[name] = Algorithm(name, entry_point, dict(defaults or {}))


def get_algorithm(name: str) -> Algorithm:
    """Finds an algorithm by its name.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name not in ALGORITHMS:
        raise unknown_name("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]


register_algorithm("ppo", "stable_baselines3:PPO", {"n_epochs": 10, "clip_range": 0.2})
register_algorithm("trpo", "sb3_contrib:TRPO", {"target_kl": 0.01, "n_critic_updates": 10})


@dataclass(frozen=True)
class LinearDecay:
    """A schedule of SB3's kind that falls from ``initial`` to zero with the remaining progress.

    A class and not a closure, so that a zip stores a reference to it instead of byte code.
    """

    initial: float

    def __call__(self, progress_remaining: float) -> float:
        """The value at ``progress_remaining``, which goes from 1 to 0."""
        return self.initial * progress_remaining


class AdaptiveRate:
    """A schedule that stays below ``most`` where updates move the policy further than they should.

    ``most``, constant or falling linearly to zero, times a factor in [.01, 1]. After each update
    the factor goes with the square root of the divergence asked for over the divergence met, which
    grows with the square of a step; up by half at most, down to a third. It begins small: how far a
    step of Adam's moves a policy depends on the network that cloning left, by orders of magnitude
    (DeepMimic's walk, a rate of 3e-4: a divergence of .2 for a clone of PD labels, of 85 for one of
    refined actions).

    The idea is that of Schulman et al. 2017, section 4 (https://arxiv.org/abs/1707.06347), on the
    learning rate instead of a penalty.

    Args:
        most: What is never exceeded.
        linear_decay: Whether that falls with the remaining progress.
        desired_kl: The divergence an update should make.
    """

    #: Part of ``most`` that it begins at.
    start: ClassVar = 0.1
    # The update that it was told of last.
    _told = -1

    def __init__(self, most: float, linear_decay: bool, desired_kl: float) -> None:
        self.most = most
        self.linear_decay = linear_decay
        self.desired_kl = desired_kl
        self.factor = self.start

    def __call__(self, progress_remaining: float) -> float:
        """The rate at ``progress_remaining``, which goes from 1 to 0."""
        return self.factor * self.most * (progress_remaining if self.linear_decay else 1.0)

    def adapt(self, kl: float, update: int) -> None:
        """Takes note of the divergence that an update made, once however often it is told.

        Args:
            kl: The divergence.
            update: Number of the update.
        """
        if update == self._told:
            return
        self._told = update
        change = math.sqrt(self.desired_kl / max(kl, 1e-9))
        self.factor = min(1.0, max(0.01, self.factor * min(1.5, max(1 / 3, change))))


def check_device(device: str) -> None:
    """Checks the name of a device.

    Raises:
        InputError: If it is neither ``auto`` nor one that torch knows.
    """
    try:
        get_device(device)
    except RuntimeError as error:
        raise InputError(f"device {device!r} must be cpu, cuda, cuda:<number> or auto") from error


def policy_settings(
    observation_space: spaces.Space[Any], hyperparameters: Hyperparameters
) -> tuple[str | type[ActorCriticPolicy], dict[str, Any]]:
    """The ``policy`` and ``policy_kwargs`` that an SB3 on-policy algorithm is built with.

    Args:
        observation_space: Images (uint8 boxes) get SB3's ``CnnPolicy``, every other box the
            ``MlpPolicy`` behind :class:`NormalizeObservations`, or with ``actor_inputs`` the
            :class:`~sb3_mimic.policies.asymmetric.AsymmetricPolicy`.
        hyperparameters: Network sizes, activation and initial log standard deviation.

    Returns:
        The policy's alias, or its class, and its keyword arguments.

    Raises:
        InputError: If the space is no box, or the activation has no such name.
    """
    if not isinstance(observation_space, spaces.Box):
        raise InputError(
            f"the policy needs a Box observation space, got {type(observation_space).__name__}"
        )
    if hyperparameters.activation not in ACTIVATIONS:
        raise InputError(
            f"unknown activation {hyperparameters.activation!r}; there are {', '.join(ACTIVATIONS)}"
        )
    sizes = list(hyperparameters.hidden_sizes)
    kwargs: dict[str, Any] = {
        "net_arch": {"pi": sizes, "vf": sizes},
        "activation_fn": ACTIVATIONS[hyperparameters.activation],
        "log_std_init": hyperparameters.log_std_init,
        # SB3's own epsilon; one pass over all parameters takes a quarter of the time.
        "optimizer_kwargs": {"eps": 1e-5, "fused": True},
    }
    if is_image_space(observation_space):
        if hyperparameters.image_extractor is not None:
            module, _, name = hyperparameters.image_extractor.partition(":")
            kwargs["features_extractor_class"] = getattr(import_module(module), name)
        return "CnnPolicy", kwargs
    kwargs["features_extractor_class"] = NormalizeObservations
    if hyperparameters.actor_inputs is not None:
        return AsymmetricPolicy, {**kwargs, "n_actor": hyperparameters.actor_inputs}
    return "MlpPolicy", kwargs


def make_model(
    algo: str,
    env: VecEnv,
    hyperparameters: Hyperparameters,
    *,
    seed: int | None = None,
    device: str = "auto",
    tensorboard_log: Path | None = None,
    policy_kwargs: Mapping[str, Any] | None = None,
) -> OnPolicyAlgorithm:
    """Builds a fresh model.

    Args:
        algo: A registered name.
        env: The training environments; their number decides the steps per update, see
            :class:`Hyperparameters`.
        hyperparameters: The settings. Of the common ones an algorithm takes those that its
            constructor knows (A2C has no ``batch_size``).
        seed: Seeds the weights, SB3's generators and the environments.
        device: ``cpu``, ``cuda`` or ``auto``.
        tensorboard_log: Folder for TensorBoard; None logs nothing.
        policy_kwargs: The network, where it is that of an existing model; else from the
            hyperparameters.

    Raises:
        InputError: If the algorithm or the device is unknown, or the algorithm does not know one of
            the settings in ``extra``.

    Example:
        >>> from stable_baselines3.common.env_util import make_vec_env
        >>> from sb3_mimic.tasks import get_task
        >>> envs = make_vec_env("Pendulum-v1", 2)
        >>> type(make_model("trpo", envs, get_task("pidog").hyperparameters_for("trpo"))).__name__
        'TRPO'
    """
    check_device(device)
    algorithm = get_algorithm(algo)
    cls = algorithm.load_class()
    known = inspect.signature(cls.__init__).parameters
    extra = {**algorithm.defaults, **hyperparameters.extra}
    for name in extra:
        if name not in known:
            raise unknown_name(f"setting of {algo}", name, known.keys() - {"self"})
    policy, kwargs = policy_settings(env.observation_space, hyperparameters)
    common = {
        "learning_rate": _schedule(hyperparameters, adapts="clip_range" in known),
        "n_steps": max(1, hyperparameters.rollout_size // env.num_envs),
        "batch_size": hyperparameters.batch_size,
        "gamma": hyperparameters.gamma,
        "gae_lambda": hyperparameters.gae_lambda,
    }
    settings = {name: value for name, value in common.items() if name in known} | extra
    if "batch_size" in settings:
        settings["batch_size"] = min(settings["batch_size"], settings["n_steps"] * env.num_envs)
    return cls(
        policy,
        env,
        policy_kwargs=dict(kwargs if policy_kwargs is None else policy_kwargs),
        seed=seed,
        device=device,
        tensorboard_log=None if tensorboard_log is None else str(tensorboard_log),
        **settings,
    )


def _schedule(
    hyperparameters: Hyperparameters, *, adapts: bool
) -> float | Callable[[float], float]:
    rate, decays = hyperparameters.learning_rate, hyperparameters.linear_decay
    if adapts and hyperparameters.desired_kl is not None:
        return AdaptiveRate(rate, decays, hyperparameters.desired_kl)
    return LinearDecay(rate) if decays else rate
