"""Pushes at random moments of an episode, which a policy that trains with them learns to stand."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: How long a push lasts [s], as in DeepMimic's test of robustness.
PUSH_SECONDS: Final = 0.2
#: Every so often comes one [s]: the body has recovered from the last, or is down.
PUSH_EVERY: Final = 2.0


class Pushes:
    """One push in every two seconds of each environment's episode, at a random moment of them.

    It is horizontal, its direction anywhere, its force anywhere up to the largest. All pushes of an
    episode are drawn when it starts, so that an environment's episode is the same in any batch.

    Args:
        n_envs: Number of environments.
        episode_steps: Control steps of an episode; in a longer one the pushes come over again.
        control_rate: Control steps a second [Hz].
        force: The largest force [N].
    """

    def __init__(self, n_envs: int, episode_steps: int, control_rate: float, force: float) -> None:
        self.force = force
        self._every = round(PUSH_EVERY * control_rate)
        self._length = round(PUSH_SECONDS * control_rate)
        n_pushes = -(-episode_steps // self._every)
        self._begins = np.zeros((n_envs, n_pushes), np.int64)
        self._forces = np.zeros((n_envs, n_pushes, 2))

    def draw(self, index: int, generator: np.random.Generator) -> None:
        """Draws the pushes of a new episode of one environment."""
        moment, size, angle = generator.random((3, self._begins.shape[1]))
        self._begins[index] = np.floor(moment * (self._every - self._length + 1))
        self._forces[index, :, 0] = self.force * size * np.cos(2 * np.pi * angle)
        self._forces[index, :, 1] = self.force * size * np.sin(2 * np.pi * angle)

    def at(self, steps: NDArray[np.int64]) -> FloatArray:
        """Forces ``(n, 3)`` [N] in the world frame at control steps ``(n,)`` of the episodes."""
        everyone = np.arange(len(steps))
        which, within = np.divmod(steps, self._every)
        which %= self._begins.shape[1]
        since = within - self._begins[everyone, which]
        pushed = (since >= 0) & (since < self._length)
        forces = np.zeros((len(steps), 3))
        forces[pushed, :2] = self._forces[everyone, which][pushed]
        return forces
