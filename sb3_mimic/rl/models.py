"""Models built with a task's settings."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium import spaces
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.utils import get_device
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name
from sb3_mimic.policies.asymmetric import AsymmetricPolicy
from sb3_mimic.policies.normalizer import ACTIVATIONS, NormalizeObservations
from sb3_mimic.rl.algorithms import AdaptiveRate, LinearDecay, get_algorithm
from sb3_mimic.tasks import TASKS, Hyperparameters

# SB3's usual defaults, for algorithms whose constructor does not know one of these settings.
_SB3_DEFAULTS: dict[str, Any] = {
    "n_steps": 2048,
    "batch_size": 64,
    "learning_rate": 3e-4,
    "gamma": 0.99,
    "gae_lambda": 0.95,
}


def check_device(device: str) -> None:
    """Checks the name of a device.

    Raises:
        InputError: If it is neither ``auto`` nor one that torch knows.
    """
    try:
        get_device(device)
    except RuntimeError as error:
        raise InputError(f"device {device!r} must be cpu, cuda, cuda:<number> or auto") from error


def resolve_actor_inputs(hyperparameters: Hyperparameters, env: VecEnv) -> Hyperparameters:
    """The settings with ``actor_inputs="auto"`` replaced by what fits an environment.

    Args:
        hyperparameters: The settings.
        env: Environments whose ``n_actor`` says how many numbers a policy may act on. Images have
            no such part.

    Raises:
        InputError: If the environments have no ``n_actor``.
    """
    if hyperparameters.actor_inputs != "auto":
        return hyperparameters
    if is_image_space(env.observation_space):
        return replace(hyperparameters, actor_inputs=None)
    try:
        (n_actor,) = env.get_attr("n_actor", [0])
    except AttributeError as error:
        raise InputError(
            "actor_inputs='auto' needs an environment with n_actor; give a number"
        ) from error
    return replace(hyperparameters, actor_inputs=n_actor)


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


def find_hyperparameters(algo: str, env: VecEnv) -> Hyperparameters:
    """The settings of the registered task that the environments belong to, else SB3's own defaults.

    Args:
        algo: A registered name.
        env: The training environments.

    Raises:
        InputError: If the algorithm is unknown.
    """
    env_id = _find_env_id(env)
    for task in TASKS.values():
        if task.env_id == env_id:
            return task.hyperparameters_for(algo)
    parameters = inspect.signature(get_algorithm(algo).load_class().__init__).parameters
    defaults = {
        name: parameters[name].default if name in parameters else usual
        for name, usual in _SB3_DEFAULTS.items()
    }
    return Hyperparameters(
        n_envs=env.num_envs,
        rollout_size=defaults.pop("n_steps") * env.num_envs,
        linear_decay=False,
        log_std_init=0.0,
        hidden_sizes=(64, 64),
        activation="tanh",
        **defaults,
    )


def make_model(
    algo: str,
    env: VecEnv | gym.Env[Any, Any],
    hyperparameters: Hyperparameters | None = None,
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
        hyperparameters: The settings; None for those of :func:`find_hyperparameters`. Of the common
            ones an algorithm takes those that its constructor knows (A2C has no ``batch_size``).
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
        >>> model = make_model("trpo", make_vec_env("Pendulum-v1", 2))
        >>> type(model).__name__, model.n_steps
        ('TRPO', 2048)
    """
    if not isinstance(env, VecEnv):
        single = env
        env = DummyVecEnv([lambda: Monitor(single)])
    if hyperparameters is None:
        hyperparameters = find_hyperparameters(algo, env)
    check_device(device)
    algorithm = get_algorithm(algo)
    cls = algorithm.load_class()
    known = inspect.signature(cls.__init__).parameters
    extra = {**algorithm.defaults, **hyperparameters.extra}
    for name in extra:
        if name not in known:
            raise unknown_name(f"setting of {algo}", name, known.keys() - {"self"})
    hyperparameters = resolve_actor_inputs(hyperparameters, env)
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


def _find_env_id(env: VecEnv) -> str | None:
    """The Gymnasium id of environments that were made by one."""
    try:
        spec = env.get_attr("spec", [0])[0]
    except (AttributeError, NotImplementedError):  # a VecEnv of the user's own
        return None
    return getattr(spec, "id", None)


def _schedule(
    hyperparameters: Hyperparameters, *, adapts: bool
) -> float | Callable[[float], float]:
    rate, decays = hyperparameters.learning_rate, hyperparameters.linear_decay
    if adapts and hyperparameters.desired_kl is not None:
        return AdaptiveRate(rate, decays, hyperparameters.desired_kl)
    return LinearDecay(rate) if decays else rate
