"""The Stable-Baselines3 interface: a native ``VecEnv`` over a batch of n."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker  # type: ignore[attr-defined]
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.env import MimicEnv


class RewardTerms(Mapping[str, float]):
    """The reward terms of one environment: a view of the batch's arrays, made in no time.

    Args:
        terms: Name of each term and its values in all environments, ``(n,)``.
        index: The environment.
    """

    __slots__ = ("_index", "_terms")

    def __init__(self, terms: Mapping[str, NDArray[np.float64]], index: int) -> None:
        self._terms = terms
        self._index = index

    def __getitem__(self, name: str) -> float:
        return float(self._terms[name][self._index])

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)

    def __repr__(self) -> str:
        return repr(dict(self))


class NativeVecEnv(VecEnv):
    """n environments of one task as an SB3 ``VecEnv``, with no Python loop over the physics.

    Follows SB3's conventions: episodes reset themselves, the last observation of an ended episode
    is ``infos[i]["terminal_observation"]``, a time limit shows as
    ``infos[i]["TimeLimit.truncated"]``, environment i is seeded with ``seed + i``.

    Attributes:
        spec: What the environments were made of, as Gymnasium's registry has it.
        reward_terms: Name of each reward term and its values in the last step, ``(n,)``.

    Args:
        env: A `MimicEnv` of one environment, for rendering and for attributes; closed with this.
        batched: The same task for n environments.
    """

    def __init__(self, env: MimicEnv, batched: BatchedEnv) -> None:
        self.env = env
        self.batched = batched
        self.spec = env.spec
        self.reward_terms: dict[str, NDArray[np.float64]] = {}
        self._generators = [np.random.default_rng() for _ in range(batched.n_envs)]
        self._actions = np.zeros((batched.n_envs, *batched.action_space.shape), np.float32)
        super().__init__(batched.n_envs, batched.observation_space, batched.action_space)

    def reset(self) -> VecEnvObs:
        """Starts a new episode in every environment."""
        for index, seed in enumerate(self._seeds):
            if seed is not None:
                # Gymnasium's generator: environment i is the single environment of that seed.
                self._generators[index], _ = gym.utils.seeding.np_random(seed)
        observations = self.batched.reset(np.arange(self.num_envs), self._generators, self._options)
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def stagger_episodes(self) -> None:
        """Lets the present episodes end by time one after another instead of all at once.

        For training: statistics over the last episodes then say the same at any time. Each of the
        present episodes is truncated at another step, evenly spread; later ones have their whole
        length.
        """
        self.batched.stagger()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions ``(n, nu)`` of the next step."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every environment; those that end start anew."""
        step = self.batched.step(self._actions)
        self.reward_terms = step.reward_terms
        infos: list[dict[str, Any]] = [
            {"reward_terms": RewardTerms(step.reward_terms, index), "TimeLimit.truncated": False}
            for index in range(self.num_envs)
        ]
        observations = step.observations
        dones = step.terminated | step.truncated
        ended = np.flatnonzero(dones)
        if len(ended):
            for index in ended:
                infos[index]["terminal_observation"] = observations[index].copy()
                infos[index]["TimeLimit.truncated"] = bool(step.truncated[index])
                self.reset_infos[index] = {}
            observations[ended] = self.batched.reset(
                ended, [self._generators[i] for i in ended], [{}] * len(ended)
            )
        return observations, step.rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        """Frees threads and renderer."""
        self.batched.close()
        self.env.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """A picture of every environment, as ``VecVideoRecorder`` asks for."""
        return [self.env.draw_state(qpos) for qpos in self.batched.qpos]

    def render(self, mode: str | None = None) -> NDArray[np.uint8] | None:
        """A picture of the first environments as a grid, or the window of the first one."""
        if self.render_mode == "human":
            self.env.show_state(self.batched.qpos[0])
            return None
        return super().render(mode=mode)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the environments: each one's own state, all else the same for all."""
        chosen = self._get_indices(indices)
        if attr_name in self.env.state_attributes:
            values = getattr(self.batched, self.env.state_attributes[attr_name])
            own = [values[index] for index in chosen]
            return [value.copy() if isinstance(value, np.ndarray) else value for value in own]
        value = getattr(self.env, attr_name)
        return [value for _ in chosen]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Not to be had: the environments are rows of arrays, not objects.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"the environments of a NativeVecEnv have no attribute {attr_name!r} of their own; "
            "pass it to make_native_vec_env, or use make_vec_env"
        )

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Not to be had: the environments are rows of arrays, not objects.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"the environments of a NativeVecEnv have no method {method_name!r} to call; "
            "use make_vec_env"
        )

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Nothing wraps an environment of a batch."""
        return [False for _ in self._get_indices(indices)]


def make_native_vec_env(
    env_id: str,
    n_envs: int = 1,
    seed: int | None = None,
    n_threads: int | None = None,
    **env_kwargs: Any,
) -> NativeVecEnv:
    """Makes n environments that step in one batch, like SB3's ``make_vec_env`` but native.

    Args:
        env_id: An id registered by this package, or by another for a `MimicEnv`.
        n_envs: Number of environments.
        seed: Environment i is seeded with ``seed + i``.
        n_threads: Physics threads; by default one per core.
        **env_kwargs: What `gymnasium.make` takes for this environment.

    Returns:
        The environments, not yet reset. For episode statistics wrap them in SB3's ``VecMonitor``.

    Raises:
        ValueError: If the environment is not a `MimicEnv`, or is wrapped (``max_episode_steps``);
            or if none is asked for.

    Example:
        >>> from sb3_mimic.envs import make_native_vec_env
        >>> env = make_native_vec_env("sb3_mimic/HumanoidMimic-v0", n_envs=8, seed=0, motion="walk")
        >>> env.reset().shape[0]
        8
        >>> env.close()
    """
    if n_envs < 1:
        raise ValueError(f"the number of environments must be at least 1, got {n_envs}")
    made = gym.make(env_id, **env_kwargs)
    env = made.unwrapped
    if not isinstance(env, MimicEnv):
        raise ValueError(
            f"{env_id} is no sb3_mimic environment: use make_vec_env of Stable-Baselines3"
        )
    wrapper = find_unsupported_wrapper(made)
    if wrapper is not None:
        raise ValueError(
            f"{env_id} as asked is wrapped in {wrapper}, which nothing in a batch is: use "
            "make_vec_env of Stable-Baselines3"
        )
    vec_env = NativeVecEnv(env, env.make_batch(n_envs, n_threads))
    if seed is not None:
        vec_env.seed(seed)
    return vec_env


def find_unsupported_wrapper(env: gym.Env[Any, Any]) -> str | None:
    """Name of a wrapper that a batch would leave out; None without one.

    Args:
        env: As `gymnasium.make` gives it: what Gymnasium checks is no change.
    """
    while isinstance(env, gym.Wrapper):
        if not isinstance(env, (OrderEnforcing, PassiveEnvChecker)):
            return type(env).__name__
        env = env.env
    return None
