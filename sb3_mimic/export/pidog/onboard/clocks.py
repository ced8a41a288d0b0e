"""Time, and a steady beat in it."""

from __future__ import annotations

import time

from sb3_mimic.envs.pidog import hardware

PERIOD = 1 / hardware.CONTROL_RATE
"""Time between two commands [s]."""


class Clock:
    """The time of the machine."""

    def now(self) -> float:
        """Seconds since some start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)


class RecordedClock(Clock):
    """The time of a recording, which passes as fast as it is read."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds since the start."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self._now += seconds


class Metronome:
    """Wakes every 20 ms, however long the work in between takes."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._next = clock.now()

    def wait(self) -> float:
        """Sleeps until the next beat; gives how late it woke [s].

        Beats that were missed altogether are left out: commands do not come in a burst.
        """
        self._next += PERIOD
        now = self.clock.now()
        if now < self._next:
            self.clock.sleep(self._next - now)
        late = max(0.0, self.clock.now() - self._next)
        if late > PERIOD:
            self._next = self.clock.now()
        return late
