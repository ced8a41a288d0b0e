"""The least that acts in an environment."""

from typing import Any, Protocol

from numpy.typing import NDArray


class Policy(Protocol):
    """An object that acts: an SB3 model or policy, or anything with its ``predict``."""

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """The action for an observation."""
