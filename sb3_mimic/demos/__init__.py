"""Sources of demonstrations, as trajectories of ``imitation``.

Gaits, motion clips and trained models; all in the environment's own spaces, checked, saved and
loaded with imitation's own serialization.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sb3_mimic.errors import InputError

if TYPE_CHECKING:
    from imitation.data.types import TrajectoryWithRew

# Environment id -> ``module:function``, called as ``f(env_id, motion, n_episodes, seed=…,
# env_kwargs=…)``; another package can add its own.
COLLECTORS: dict[str, str] = {
    "sb3_mimic/HumanoidMimic-v0": "sb3_mimic.demos.mocap:collect_mocap",
    "sb3_mimic/PiDog-v0": "sb3_mimic.demos.gait:collect_gait",
    "sb3_mimic/PiDogHardware-v0": "sb3_mimic.demos.gait:collect_gait",
}


def collect_demonstrations(
    env_id: str,
    motion: str | Path | Sequence[str | Path],
    n_episodes: int,
    *,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> "list[TrajectoryWithRew]":
    """Collects demonstrations of a motion in an environment, in the way its robot has.

    Args:
        env_id: Gymnasium id with an entry in :data:`COLLECTORS`.
        motion: A clip or several (humanoid), or a gait (PiDog), by name or file.
        n_episodes: Passes over each clip, or episodes of the gait.
        seed: Seeds everything random.
        env_kwargs: Further keyword arguments of the environment.
        **options: Further arguments of the robot's collector, as ``settings`` of
            :func:`sb3_mimic.demos.mocap.collect_mocap`.

    Returns:
        The trajectories, in the environment's spaces.

    Raises:
        InputError: If there is no collector for the environment, or it cannot use what it is given.

    Example:
        >>> len(collect_demonstrations("sb3_mimic/HumanoidMimic-v0", "walk", 2))
        2
    """
    name = env_id.rpartition(":")[2]
    if name not in COLLECTORS:
        raise InputError(
            f"there is no source of demonstrations for {env_id!r}; give saved ones or an expert"
        )
    module, _, function = COLLECTORS[name].partition(":")
    collect = getattr(import_module(module), function)
    trajectories: list[TrajectoryWithRew] = collect(
        env_id, motion, n_episodes, seed=seed, env_kwargs=env_kwargs, **options
    )
    return trajectories
