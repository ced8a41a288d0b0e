"""Checkpoints: the progress of a refinement in a file, from which an interrupted one goes on.

The file is an ``.npz`` without pickle. It holds a method's arrays and a JSON string with its
numbers, the state of its random generator and the *key*: clip, robot, method, settings and
versions. A file of another key is not used. A refinement that goes on from a file gives the same
actions, to the last bit, as one without an interruption.
"""

import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path

_STATE = "state"
# Errors of reading a file that is no checkpoint.
_MALFORMED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of a method, apart from its random generator.

    Attributes:
        stage: Part of the method that the state belongs to.
        arrays: Arrays of numbers.
        values: Numbers and lists, as JSON holds them.
    """

    stage: str
    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any]


class Checkpoint:
    """A file in which a method keeps its progress.

    Args:
        path: The file, ``.npz``; None for nowhere.
        key: Everything that decides the actions, as JSON holds it; files of another key are not
            used.
        log: Called with a sentence that says whether the file is used, or why it is not.
    """

    def __init__(
        self,
        path: Path | None = None,
        key: Mapping[str, Any] | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        self._key = json.loads(json.dumps(key))
        self._log = log
        self._start = time.perf_counter()
        self._seconds_before = 0.0

    @property
    def seconds(self) -> float:
        """Wall time spent, before an interruption too [s]."""
        return self._seconds_before + time.perf_counter() - self._start

    def load(self, rng: np.random.Generator) -> Snapshot | None:
        """Reads the progress, and sets the random generator to its state of that time.

        Args:
            rng: A generator of the same kind as the one that was saved.

        Returns:
            None where there is no file, or none that can be used.
        """
        if self.path is None or not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as loaded:
                arrays = {name: loaded[name] for name in loaded}
            state = json.loads(str(arrays.pop(_STATE)))
            snapshot = Snapshot(state["stage"], arrays, state["values"])
            key, seconds, generator = state["key"], float(state["seconds"]), state["generator"]
            differs = [name for name, value in self._key.items() if key.get(name) != value]
            if not differs:
                rng.bit_generator.state = generator
        except _MALFORMED as error:
            self._write_log(f"{self.path}: cannot be gone on from ({error}); starting anew")
            return None
        if differs:
            self._write_log(
                f"{self.path}: is the progress of another refinement ({', '.join(differs)} "
                f"{'differs' if len(differs) == 1 else 'differ'}); starting anew"
            )
            return None
        self._seconds_before = seconds
        self._write_log(f"{self.path}: going on after {seconds:.0f} s")
        return snapshot

    def save(self, snapshot: Snapshot, rng: np.random.Generator) -> None:
        """Writes the progress, whole or not at all, in place of earlier progress.

        Raises:
            InputError: If it cannot be written.
        """
        if self.path is None:
            return
        state = {
            "stage": snapshot.stage,
            "values": snapshot.values,
            "key": self._key,
            "seconds": self.seconds,
            "generator": rng.bit_generator.state,
        }
        arrays: dict[str, Any] = {**snapshot.arrays, _STATE: np.array(json.dumps(state))}
        try:
            with atomic_path(self.path) as temporary:
                np.savez(temporary, **arrays)
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be written ({error.strerror or error})"
            ) from error

    def _write_log(self, sentence: str) -> None:
        if self._log is not None:
            self._log(sentence)


#: A checkpoint that keeps nothing.
NO_CHECKPOINT = Checkpoint()
