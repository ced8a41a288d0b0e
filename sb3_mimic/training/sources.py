"""Where a job's demonstrations come from: a motion, a trained model, or a file."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
from imitation.data.types import Trajectory

from sb3_mimic.demos import collect_demonstrations
from sb3_mimic.demos.expert import collect_expert
from sb3_mimic.demos.minari import PREFIX, load_minari
from sb3_mimic.demos.refined import Refinement
from sb3_mimic.demos.storage import load_demonstrations
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.errors import InputError
from sb3_mimic.policies.saved import load_policy
from sb3_mimic.tasks import Capability, Task
from sb3_mimic.tasks.motions import Motions
from sb3_mimic.training.options import flag
from sb3_mimic.training.trained import find_model_file

_EXPERT_ENVS = 16


def refinement_options(
    task: Task, method: str, iterations: int | None, actions: Path | None
) -> dict[str, Any]:
    """The options of a :class:`Source` that say how its clip is refined.

    Args:
        task: The task.
        method: Name of a method; a task without clips to refine has no use for it.
        iterations: The method's iterations; None for its own number.
        actions: File of refined actions to use instead.

    Raises:
        InputError: If the options contradict each other, or the task has no clips to refine.
    """
    for name, value in (("load_refined_actions", actions), ("refine_iterations", iterations)):
        if value is not None:
            task.require(Capability.REFINEMENT, flag(name))
    if not task.can(Capability.REFINEMENT):
        return {}
    return {"refinement": Refinement(method, iterations, actions)}


@dataclass(frozen=True)
class Source:
    """A source of demonstrations.

    Attributes:
        task: The robot and its environment.
        motion: Clip or gait; or several clips, whose demonstrations make one set.
        n_episodes: Number of episodes to collect, of each clip.
        seed: Seed of everything random.
        env_kwargs: Keyword arguments of the environment.
        demos: Saved demonstrations to load instead.
        expert: Trained model to roll out instead.
        allow_pickle: Whether ``demos`` may be a pickle.
        options: Further arguments of the task's own collector.
    """

    task: Task
    motion: Motions | None
    n_episodes: int
    seed: int
    env_kwargs: dict[str, Any]
    demos: Path | None = None
    expert: Path | None = None
    allow_pickle: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def collect(self) -> Sequence[Trajectory]:
        """Collects or loads the demonstrations.

        Raises:
            InputError: If they cannot be had, or do not fit the environment.
        """
        if self.demos is not None:
            return load_demonstrations_for(
                self.task.env_id, self.env_kwargs, self.demos, allow_pickle=self.allow_pickle
            )
        if self.expert is not None:
            return self._roll_out(self.expert)
        if self.motion is None:
            raise InputError(f"the {self.task.name} has no motion to collect; give saved ones")
        others = {name: value for name, value in self.env_kwargs.items() if name != "motion"}
        return collect_demonstrations(
            self.task,
            self.motion,
            self.n_episodes,
            seed=self.seed,
            env_kwargs=others,
            **self.options,
        )

    def provenance(self) -> dict[str, Any]:
        """Origin, seed, environment, and the digests of its robot and clip."""
        found: dict[str, Any] = {"env_id": self.task.env_id, "env_kwargs": self.env_kwargs}
        if self.demos is not None:
            found |= {"source": "saved", "path": str(self.demos)}
        elif self.expert is not None:
            found |= {"source": "expert", "path": str(self.expert), "seed": self.seed}
        else:
            found |= {"source": "motion", "motion": self.motion, "seed": self.seed}
            found |= {name: str(value) for name, value in self.options.items()}
        with closing(gym.make(self.task.env_id, **self.env_kwargs)) as env:
            if isinstance(env.unwrapped, MimicEnv):
                found["robot_sha256"] = env.unwrapped.batched.robot.digest
            if isinstance(env.unwrapped, TrackingEnv):
                clips = [each.clip for each in env.unwrapped.batched.references.references]
                found["clip_sha256"] = (
                    clips[0].digest
                    if len(clips) == 1
                    else {clip.name: clip.digest for clip in clips}
                )
        return found

    def _roll_out(self, expert: Path) -> Sequence[Trajectory]:
        policy = load_policy(find_model_file(expert))
        envs = make_envs(
            self.task.env_id, min(self.n_episodes, _EXPERT_ENVS), env_kwargs=self.env_kwargs
        )
        try:
            return collect_expert(policy, envs, self.n_episodes, seed=self.seed)
        finally:
            envs.close()


def load_demonstrations_for(
    env_id: str, env_kwargs: Mapping[str, Any], path: Path, *, allow_pickle: bool = False
) -> Sequence[Trajectory]:
    """Loads saved demonstrations for an environment; see :func:`load_demonstrations`.

    A path ``minari:ID`` is a dataset of Minari; see :func:`sb3_mimic.demos.minari.load_minari`.
    """
    with closing(gym.make(env_id, **env_kwargs)) as env:
        if (name := path.as_posix()).startswith(PREFIX):
            dataset_id = name.removeprefix(PREFIX)
            return load_minari(dataset_id, env.observation_space, env.action_space)
        return load_demonstrations(
            path, env.observation_space, env.action_space, allow_pickle=allow_pickle
        )
