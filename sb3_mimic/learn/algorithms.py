"""The algorithms by name, and models built with a task's settings.

PPO and TRPO are entries like any other; another package adds its own with
:func:`register_algorithm`. Every entry is an on-policy algorithm of SB3's kind, because cloning
trains an actor-critic policy in place.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.utils import get_device
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.errors import InputError
from sb3_mimic.learn.policies import policy_settings
from sb3_mimic.learn.tasks import Hyperparameters
from sb3_mimic.names import unknown_name


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


def check_device(device: str) -> None:
    """Checks the name of a device.

    Raises:
        InputError: If it is neither ``auto`` nor one that torch knows.
    """
    try:
        get_device(device)
    except RuntimeError as error:
        raise InputError(f"device {device!r} must be cpu, cuda, cuda:<number> or auto") from error


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
        >>> from sb3_mimic.learn.tasks import get_task
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
    rate = hyperparameters.learning_rate
    common = {
        "learning_rate": LinearDecay(rate) if hyperparameters.linear_decay else rate,
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
