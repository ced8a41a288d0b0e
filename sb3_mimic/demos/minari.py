"""Demonstrations as a Minari dataset, and from one.

`Minari <https://minari.farama.org>`_ keeps datasets of offline reinforcement learning in a folder
of the user (``MINARI_DATASETS_PATH``, else ``~/.minari/datasets``) and on a server.
"""

import json
import re
import shutil
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from imitation.data.types import Trajectory, TrajectoryWithRew

from sb3_mimic.demos.storage import cast_trajectory
from sb3_mimic.demos.validate import check_trajectories
from sb3_mimic.errors import InputError
from sb3_mimic.extras import require

PREFIX = "minari:"
"""Prefix of a Minari dataset's id where a path could stand as well."""

_ID = re.compile(r"([-\w]+/)*[-\w]+-v\d+")


def save_minari(
    dataset_id: str,
    trajectories: Sequence[Trajectory],
    env_id: str,
    env_kwargs: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """Saves demonstrations as a local Minari dataset.

    Its environment can be recovered from it. The metadata of each episode says whether it
    ``passed``, which is that it did not end by failure, and its ``return``.

    Args:
        dataset_id: As ``<env>/<motion>-v0``.
        trajectories: The demonstrations, in the environment's spaces.
        env_id: Gymnasium id of the environment.
        env_kwargs: Its keyword arguments.
        provenance: Source, seed, hashes; kept as JSON under ``sb3_mimic`` in the metadata.

    Raises:
        InputError: If Minari is not installed, the id is malformed or taken, or the demonstrations
            have no rewards.
    """
    check_new_dataset(dataset_id)
    rewarded = [t for t in trajectories if isinstance(t, TrajectoryWithRew)]
    if len(rewarded) < len(trajectories):
        raise InputError("a Minari dataset needs rewards, and these demonstrations have none")
    from minari.data_collector.episode_buffer import EpisodeBuffer
    from minari.storage.datasets_root_dir import get_dataset_path
    from minari.utils import create_dataset_from_buffers

    buffers = [
        EpisodeBuffer(
            observations=np.asarray(t.obs),
            actions=t.acts,
            rewards=t.rews,
            terminations=_flag_last(len(t), t.terminal),
            truncations=_flag_last(len(t), not t.terminal),
        )
        for t in rewarded
    ]
    try:
        with closing(gym.make(env_id, **env_kwargs)) as env, warnings.catch_warnings():
            # Author, link and scores, which are for datasets that are published.
            warnings.simplefilter("ignore", UserWarning)
            dataset = create_dataset_from_buffers(
                dataset_id,
                buffers,
                env=env,
                eval_env=env,
                description="Demonstrations collected by sb3-mimic.",
                requirements=["sb3-mimic"],
                data_format="arrow",
                jpeg_encoding=False,  # the camera's picture carries measurements
            )
            storage = dataset.storage
            storage.update_metadata({"sb3_mimic": json.dumps(dict(provenance), default=str)})
            storage.update_episode_metadata(
                [{"passed": not t.terminal, "return": float(t.rews.sum())} for t in rewarded]
            )
    except BaseException:
        shutil.rmtree(get_dataset_path(dataset_id), ignore_errors=True)
        raise


def load_minari(
    dataset_id: str, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> list[TrajectoryWithRew]:
    """Loads a local Minari dataset as demonstrations.

    Args:
        dataset_id: As ``<env>/<motion>-v0``; of any maker, if it fits the environment.
        observation_space: The environment's observation space.
        action_space: The environment's action space.

    Returns:
        The episodes. One is terminal where it did not end by truncation.

    Raises:
        InputError: If Minari is not installed, the dataset is not there or cannot be read, or it
            does not fit the environment.
    """
    require("hub", "minari")
    import minari

    source = f"{PREFIX}{dataset_id}"
    if not _ID.fullmatch(dataset_id):
        raise InputError(f"{source}: an id has the form name-v0 or group/name-v0")
    try:
        dataset = minari.load_dataset(dataset_id)
        episodes = [
            TrajectoryWithRew(
                obs=np.asarray(episode.observations),
                acts=np.asarray(episode.actions),
                infos=None,
                terminal=bool(episode.terminations[-1]),
                rews=np.asarray(episode.rewards, np.float64),
            )
            for episode in dataset
        ]
    except FileNotFoundError as error:
        raise InputError(
            f"{source}: is not on this machine; minari download {dataset_id} fetches published ones"
        ) from error
    except Exception as error:  # whatever a foreign dataset makes a reader raise
        raise InputError(f"{source}: cannot be read as demonstrations ({error})") from error
    cast = [cast_trajectory(t, observation_space, action_space) for t in episodes]
    check_trajectories(cast, observation_space, action_space, source)
    return cast


def check_new_dataset(dataset_id: str) -> None:
    """Checks that a dataset of this id can be made.

    Raises:
        InputError: If Minari is not installed, or the id is malformed or taken.
    """
    require("hub", "minari")
    from minari.storage.datasets_root_dir import get_dataset_path

    if not _ID.fullmatch(dataset_id):
        raise InputError(
            f"{dataset_id}: no id of a Minari dataset; one has the form name-v0 or group/name-v0"
        )
    if get_dataset_path(dataset_id).exists():
        raise InputError(f"the Minari dataset {dataset_id} exists already; choose another id")


def _flag_last(length: int, value: bool) -> np.ndarray:
    """``length`` times False, but for the last."""
    flags = np.zeros(length, np.bool_)
    flags[-1] = value
    return flags
