"""Pushes at random moments of an episode, which a policy that trains with them learns to stand."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.spatial import from_heading_frame, heading

#: How long a push lasts [s], as in DeepMimic's test of robustness.
PUSH_SECONDS: Final = 0.2
#: Every so often comes one [s]: the body has recovered from the last, or is down.
PUSH_EVERY: Final = 2.0
#: Directions that are told apart, equal parts of the circle around the body; the first is centered
#: on forward, and they go on to the left.
PUSH_SIDES: Final = 8


@dataclass(frozen=True)
class LastPush:
    """The push that came last in each of n episodes.

    Attributes:
        since: Control steps since it began, ``(n,)``; -1 where none has come yet.
        sides: From which of the `PUSH_SIDES` directions, ``(n,)``.
        parts: Its force, as a part of the largest from there, ``(n,)`` in [0, 1].
        gaps: Control steps from its beginning to that of the next, ``(n,)``.
    """

    since: NDArray[np.int64]
    sides: NDArray[np.intp]
    parts: FloatArray
    gaps: NDArray[np.int64]


class Pushes:
    """One push in every two seconds of each environment's episode, at a random moment of them.

    It is horizontal, its direction anywhere around the body, its force anywhere up to the largest
    of that direction. All pushes of an episode are drawn when it starts, so that an environment's
    episode is the same in any batch.

    Args:
        n_envs: Number of environments.
        episode_steps: Control steps of an episode; in a longer one the pushes come over again.
        control_rate: Control steps a second [Hz].
        force: The largest force [N].

    Attributes:
        limits: The largest force from each direction of the pushes that begin from now on,
            ``(PUSH_SIDES,)`` [N]; at first ``force``. It may be set at any time.
    """

    def __init__(self, n_envs: int, episode_steps: int, control_rate: float, force: float) -> None:
        self.force = force
        self.limits = np.full(PUSH_SIDES, force)
        self._every = round(PUSH_EVERY * control_rate)
        self._length = round(PUSH_SECONDS * control_rate)
        n_pushes = -(-episode_steps // self._every)
        self._begins = np.zeros((n_envs, n_pushes), np.int64)
        self._parts = np.zeros((n_envs, n_pushes))
        self._sides = np.zeros((n_envs, n_pushes), np.intp)
        # Unit vectors in the heading frame, and the forces that act now in the world's.
        self._directions = np.zeros((n_envs, n_pushes, 3))
        self._acting = np.zeros((n_envs, 3))

    def draw(self, index: int, generator: np.random.Generator) -> None:
        """Draws the pushes of a new episode of one environment."""
        moment, part, turn = generator.random((3, self._begins.shape[1]))
        sides = np.floor(turn * PUSH_SIDES + 0.5).astype(np.intp) % PUSH_SIDES
        self._begins[index] = np.floor(moment * (self._every - self._length + 1))
        self._parts[index], self._sides[index] = part, sides
        self._directions[index, :, 0] = np.cos(2 * np.pi * turn)
        self._directions[index, :, 1] = np.sin(2 * np.pi * turn)

    def at(self, steps: NDArray[np.int64], rotations: FloatArray) -> FloatArray:
        """Forces ``(n, 3)`` [N] in the world frame at control steps ``(n,)`` of the episodes.

        Args:
            steps: Each episode's control step; one after the other, as a push keeps the direction
                in the world that it begins with.
            rotations: Quaternions of the roots, ``(n, 4)``, from whose heading directions count.
        """
        which, since = self._which(steps)
        begin = since == 0
        if begin.any():
            chosen = begin, which[begin]
            sizes = self.limits[self._sides[chosen]] * self._parts[chosen]
            forces = sizes[:, None] * self._directions[chosen]
            self._acting[begin] = from_heading_frame(heading(rotations[begin]), forces)
        pushed = (since >= 0) & (since < self._length)
        return np.where(pushed[:, None], self._acting, 0.0)

    def last(self, steps: NDArray[np.int64]) -> LastPush:
        """The push that came last before control steps ``(n,)`` of the episodes."""
        which, since = self._which(steps)
        everyone = np.arange(len(steps))
        before = np.maximum(steps // self._every - 1, 0) % self._begins.shape[1]
        earlier = since < 0
        none = earlier & (steps < self._every)
        gap = since + self._begins[everyone, which] - self._begins[everyone, before] + self._every
        which = np.where(earlier, before, which)
        since = np.where(earlier, gap, since)
        following = (which + 1) % self._begins.shape[1]
        begins = self._begins[everyone, which]
        return LastPush(
            since=np.where(none, -1, since),
            sides=self._sides[everyone, which],
            parts=self._parts[everyone, which],
            gaps=self._every + self._begins[everyone, following] - begins,
        )

    def _which(self, steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which push belongs to these two seconds, and steps since it began, below 0 before."""
        which, within = np.divmod(steps, self._every)
        which %= self._begins.shape[1]
        return which, within - self._begins[np.arange(len(steps)), which]
