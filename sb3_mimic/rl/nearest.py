"""The nearest demonstrated state as an expert that can be asked anywhere."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from imitation.data.types import Trajectory
from imitation.policies.base import NonTrainablePolicy
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

# Least standard deviation [the element's unit]: elements that hardly move count no more than this.
_LEAST_STD = 1e-2


class NearestDemonstration(NonTrainablePolicy):
    """Acts as the demonstration did in the state that is nearest to the one observed.

    Distances are those of observations, each element in its own standard deviation over the
    demonstrations. Where the observation tells the time within the motion, as a phase or a past
    action does, the nearest state is the nearest frame of the motion. Off the demonstrations the
    label continues the motion; it is not a recovery.

    Args:
        demonstrations: Trajectories with vector observations.
        env: Environments of the same spaces.
    """

    def __init__(self, demonstrations: Sequence[Trajectory], env: VecEnv) -> None:
        super().__init__(observation_space=env.observation_space, action_space=env.action_space)
        observations = np.concatenate([np.asarray(t.obs[:-1]) for t in demonstrations])
        self._actions = np.concatenate([t.acts for t in demonstrations]).astype(np.float32)
        self._scale = np.maximum(observations.std(axis=0), _LEAST_STD)
        # Distances to all of them are one product of matrices. A tree prunes little in tens of
        # dimensions: beside the demonstrations it is as fast, a standard deviation off them twenty
        # times as slow.
        known = observations / self._scale
        self._minus_twice_known = np.ascontiguousarray(-2 * known.T)
        self._squares = np.square(known).sum(axis=1)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], None]:
        """Actions of the nearest demonstrated states; see SB3's ``predict``."""
        del state, episode_start, deterministic
        # |a - b|² less |a|², which is the same for every b.
        distances = np.asarray(observation) / self._scale @ self._minus_twice_known
        distances += self._squares
        actions: NDArray[np.float32] = self._actions[distances.argmin(axis=1)]
        return actions, None

    def _choose_action(self, obs: Any) -> NDArray[np.float32]:
        return self.predict(obs)[0]
