"""Progress of a training in one line: phase, return, survival, time left."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch as th
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.rl.sb3_hooks import get_total_timesteps

# Between two lines where there is no bar [s]; the first comes earlier, to show that it runs.
_EVERY, _FIRST = 60.0, 10.0
# SB3's loggers that have no place for a distribution.
_NO_NUMBER = ("stdout", "log", "json", "csv")


class ProgressCallback(BaseCallback):
    """Shows the progress of a training: on a terminal as a bar, elsewhere as a line now and then.

    This must be the last of the callbacks: the log of the others for a rollout tells the phase.

    Args:
        log: Called with a line every minute; None shows a bar on stderr instead.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(self, log: Callable[[str], None] | None = None, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._log = log
        self._bar: Any = None
        self._task: Any = None
        self._phase = ""
        self._first = self._total = 0
        self._started = self._due = 0.0

    def _on_training_start(self) -> None:
        self._phase = type(self.model).__name__
        self._first = self.model.num_timesteps
        # Of this call of `learn`, as SB3's own bar counts.
        self._total = max(1, get_total_timesteps(self.model) - self._first)
        self._started = time.perf_counter()
        self._due = self._started + _FIRST
        if self._log is None:
            self._open_bar()

    def _on_step(self) -> bool:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._log is not None and time.perf_counter() >= self._due:
            self._due = time.perf_counter() + _EVERY
            self._log(self.line())
        return True

    def _on_rollout_end(self) -> None:
        alone = self.logger.name_to_value.get("train/critic_only", 0.0)
        name = type(self.model).__name__
        self._phase = f"{name}, critic alone" if alone else name
        if self._bar is not None:
            self._bar.update(self._task, description=self._phase, figures=self._figures())

    def _on_training_end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def line(self) -> str:
        """The progress as a sentence."""
        done, total = self._done, self._total
        spent = time.perf_counter() - self._started
        parts = [f"{self._phase}: {done:,} of {total:,} steps ({done / total:.0%})"]
        parts += [self._figures()] if self._figures() else []
        if done:
            parts.append(f"{_duration(spent * (total - done) / done)} left")
        return ", ".join(parts)

    @property
    def _done(self) -> int:
        """Steps of this call of `learn`; SB3 trains whole rollouts and goes a little further."""
        return min(self.model.num_timesteps - self._first, self._total)

    def _figures(self) -> str:
        """Return and survival of the last hundred episodes; empty before the first has ended."""
        episodes = self.model.ep_info_buffer
        if not episodes:
            return ""
        returns = np.mean([episode["r"] for episode in episodes])
        length = float(np.mean([episode["l"] for episode in episodes]))
        dt = self._control_step()
        survival = f"{length:.0f} steps" if dt is None else f"{length * dt:.1f} s"
        return f"return {returns:.4g}, survival {survival}"

    def _control_step(self) -> float | None:
        """Length of a control step [s]; None in environments of other packages."""
        dt = getattr(getattr(self.training_env.unwrapped, "batched", None), "dt", None)
        return None if dt is None else float(dt)

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(self._phase, total=self._total, figures="")
        self._bar.start()


class HistogramCallback(BaseCallback):
    """Logs the distributions of the actions and returns of a rollout, for TensorBoard.

    ``rollout/actions`` and ``rollout/returns``, now and then, since each is as large as a hundred
    numbers.

    Args:
        every: Environment steps between two of them.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(self, every: int, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.every = every
        self._next = 0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.num_timesteps < self._next:
            return
        self._next = self.num_timesteps + self.every
        buffer = self.model.rollout_buffer
        for name in ("actions", "returns"):
            values = th.as_tensor(np.asarray(getattr(buffer, name)).ravel())
            self.logger.record(f"rollout/{name}", values, exclude=_NO_NUMBER)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
