"""Performers, to be filmed or shown: a policy, refined actions or a clip, step by step."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.envs.tracking.spec import TrackingSpec
from sb3_mimic.policies.protocol import Policy
from sb3_mimic.refinement.actions import RefinedActions, check_fits
from sb3_mimic.report.video import LARGEST_RATE, write_video
from sb3_mimic.spatial import heading


class Performer(ABC):
    """A robot that performs.

    Args:
        env: The environment that it performs in; closed with it.
        name: Name of the policy, the actions or the clip.

    Attributes:
        restarts: How often the performance started again because it ended or the robot fell.
    """

    def __init__(self, env: MimicEnv, name: str) -> None:
        self.env = env
        self.name = name
        self.robot = env.batched.robot
        self.restarts = 0
        self._steps = 0

    @property
    def time(self) -> float:
        """Time since the start [s]."""
        return self._steps / self.robot.control_rate

    @property
    @abstractmethod
    def qpos(self) -> FloatArray:
        """Positions, ``(nq,)``."""

    @property
    def ghost_qpos(self) -> FloatArray | None:
        """Positions of the reference, ``(nq,)``; None where there is none beside the robot."""
        return None

    @abstractmethod
    def restart(self) -> None:
        """Goes to the start."""

    @abstractmethod
    def advance(self) -> bool:
        """One control step; returns whether the performance goes on."""

    def step(self) -> None:
        """One control step; a performance that ended starts again."""
        self._steps += 1
        if not self.advance():
            self.restarts += 1
            self.restart()

    def push(self, impulse: FloatArray) -> None:  # noqa: B027 (a clip cannot be pushed)
        """Changes the momentum as a short push does.

        Args:
            impulse: Forward and to the left, in the heading frame of the root, ``(2,)`` [N·s].
        """

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()


class _SimulatedPerformer(Performer):
    """A performer that physics moves."""

    @property
    def qpos(self) -> FloatArray:
        """Positions, ``(nq,)``."""
        return self.env.qpos.copy()

    @property
    def ghost_qpos(self) -> FloatArray | None:
        """Positions of the reference, ``(nq,)``; None where there is none beside the robot."""
        env = self.env
        return env.reference_qpos.copy() if isinstance(env, TrackingEnv) else None

    def push(self, impulse: FloatArray) -> None:
        """Changes the momentum, as a short push does."""
        mass = float(self.robot.model.body_mass.sum())
        cos, sin = heading(self.qpos[3:7])
        turn = np.array([[cos, -sin], [sin, cos]])
        qvel = self.env.qvel.copy()
        # The velocities of the joints are relative to the root: the whole body gets faster.
        qvel[:2] += turn @ impulse / mass
        self.env.set_state(self.qpos, qvel)


class PolicyPerformer(_SimulatedPerformer):
    """A policy, deterministic.

    Args:
        policy: The policy.
        env: The environment that it was trained for.
        name: Its name.
        options: Options of every reset.
        seed: Seed of the first episode.
    """

    def __init__(
        self,
        policy: Policy,
        env: MimicEnv,
        name: str,
        *,
        options: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(env, name)
        self._policy = policy
        self._options = options
        self._observation, _ = env.reset(seed=seed, options=options)

    def restart(self) -> None:
        """Goes to the start."""
        self._steps = 0
        self._observation, _ = self.env.reset(options=self._options)

    def advance(self) -> bool:
        """One control step of the policy; it ends with the episode."""
        action, _ = self._policy.predict(self._observation, deterministic=True)
        self._observation, _, terminated, truncated, _ = self.env.step(action)
        return not (terminated or truncated)

    def push(self, impulse: FloatArray) -> None:
        """Changes the momentum; the policy sees it."""
        super().push(impulse)
        self._observation = self.env.batched.observe(np.zeros(1, np.intp))[0]


class ActionsPerformer(_SimulatedPerformer):
    """Refined actions, open loop from the reference's first state.

    Args:
        refined: The actions.
        motion: The clip that they are for, by name or file.
        name: Their name.
        robot: The robot that performs; by default the one that their provenance names, or, where
            they have none, the default task's.
        robot_file: MJCF file of the robot in place of its own.

    Raises:
        InputError: If they are for another clip or robot.
    """

    env: TrackingEnv

    def __init__(
        self,
        refined: RefinedActions,
        motion: str,
        name: str,
        robot: TrackingSpec | str | None = None,
        robot_file: Path | None = None,
    ) -> None:
        if robot is None and refined.provenance is not None:
            robot = refined.provenance.robot
        env = TrackingEnv(motion, robot=robot, robot_file=robot_file, early_termination="none")
        check_fits(refined, env.reference)
        super().__init__(env, name)
        self._actions = refined.actions
        self.restart()

    def restart(self) -> None:
        """Goes to the start."""
        self._steps = 0
        self.env.reset(seed=0, options={"phase": 0.0})

    def advance(self) -> bool:
        """One control step, up to the last action."""
        self.env.step(self._actions[self._steps - 1])
        return self._steps < len(self._actions)


class ClipPerformer(Performer):
    """A clip itself, without physics.

    Args:
        motion: Name or file.
        robot: The robot that performs; by default the default task's.
        robot_file: MJCF file of the robot in place of its own.

    Raises:
        InputError: If there is no such clip or robot.
    """

    env: TrackingEnv

    def __init__(
        self,
        motion: str,
        robot: TrackingSpec | str | None = None,
        robot_file: Path | None = None,
    ) -> None:
        env = TrackingEnv(motion, robot=robot, robot_file=robot_file)
        super().__init__(env, env.reference.clip.name)

    @property
    def qpos(self) -> FloatArray:
        """Positions of the clip now, ``(nq,)``."""
        reference = self.env.reference
        row: FloatArray = reference.at(np.array([self.time]))[0, reference.rows.qpos]
        return row

    def restart(self) -> None:
        """Goes to the start."""
        self._steps = 0

    def advance(self) -> bool:
        """The next moment of the clip; a loop has no end."""
        return self.env.reference.loop or self.time <= self.env.reference.duration


def film(performer: Performer, path: Path, *, seconds: float, ghost: bool = True) -> Path:
    """Records a performance in real time.

    Args:
        performer: The performer.
        path: The mp4 to write.
        seconds: Length.
        ghost: Whether the reference is drawn as well, as a transparent body.

    Returns:
        ``path``.

    Raises:
        InputError: If pictures cannot be had on this machine.
    """
    rate = performer.robot.control_rate
    every = math.ceil(rate / LARGEST_RATE)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for step in range(round(seconds * rate)):
            if step % every == 0:
                yield performer.env.draw_state(
                    performer.qpos, performer.ghost_qpos if ghost else None
                )
            performer.step()

    write_video(path, pictures(), rate / every)
    return path


def show(performer: Performer, *, seconds: float, ghost: bool = True) -> None:
    """Shows a performance in a window, in real time, until its end or the window's.

    Args:
        performer: The performer.
        seconds: Length.
        ghost: Whether the reference is drawn as well, as a transparent body.

    Raises:
        InputError: If there is no display.
    """
    dt = 1 / performer.robot.control_rate
    due = time.perf_counter()
    for _ in range(round(seconds / dt)):
        if not performer.env.show_state(performer.qpos, performer.ghost_qpos if ghost else None):
            return
        performer.step()
        due += dt
        time.sleep(max(0.0, due - time.perf_counter()))
