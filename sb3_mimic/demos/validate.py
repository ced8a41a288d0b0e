"""Demonstrations are checked before anything is learned from them.

imitation accepts NaNs and actions out of range without a word.
"""

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from imitation.data.types import Trajectory

from sb3_mimic.errors import InputError

# Actions are float32: a bound may be exceeded by its rounding.
_ACTION_TOLERANCE = 1e-6


def check_trajectories(
    trajectories: Sequence[Trajectory],
    observation_space: spaces.Space[object],
    action_space: spaces.Space[object],
    source: str,
) -> None:
    """Checks that demonstrations fit an environment's spaces and are finite.

    Args:
        trajectories: The demonstrations.
        observation_space: The environment's; a box.
        action_space: The environment's; a box.
        source: Name of the demonstrations in error messages, such as their file.

    Raises:
        InputError: If there are none, or one has another shape, a NaN, an infinity or an action
            out of bounds; it names the trajectory and the step.
    """
    if not isinstance(observation_space, spaces.Box) or not isinstance(action_space, spaces.Box):
        raise InputError(
            f"{source}: demonstrations need box spaces, the environment has "
            f"{type(observation_space).__name__} and {type(action_space).__name__}"
        )
    if len(trajectories) == 0:
        raise InputError(f"{source}: hold no trajectory")
    for index, trajectory in enumerate(trajectories):
        where = f"{source}: trajectory {index}"
        if not isinstance(trajectory, Trajectory):
            raise InputError(
                f"{where}: is a {type(trajectory).__name__}, not imitation's Trajectory"
            )
        observations = np.asarray(trajectory.obs)
        actions = np.asarray(trajectory.acts)
        _check_shape(where, "observations", observations, observation_space)
        _check_shape(where, "actions", actions, action_space)
        _check_finite(where, "observation", observations)
        _check_finite(where, "action", actions)
        if (rewards := getattr(trajectory, "rews", None)) is not None:
            _check_finite(where, "reward", np.asarray(rewards))
        outside = (actions < action_space.low - _ACTION_TOLERANCE) | (
            actions > action_space.high + _ACTION_TOLERANCE
        )
        if outside.any():
            step, element = np.argwhere(outside)[0][:2]
            raise InputError(
                f"{where}: action element {element} of step {step} is "
                f"{actions[step, element]:.6g}, outside "
                f"[{action_space.low[element]:.6g}, {action_space.high[element]:.6g}]"
            )


def _check_shape(where: str, what: str, array: np.ndarray, space: spaces.Box) -> None:
    if array.shape[1:] != space.shape:
        raise InputError(
            f"{where}: {what} have shape {array.shape[1:]}, the environment's have {space.shape}"
        )


def _check_finite(where: str, what: str, array: np.ndarray) -> None:
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        raise InputError(f"{where}: the {what} of step {int(np.argmax(bad))} is not finite")
