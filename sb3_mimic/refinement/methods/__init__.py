"""The methods of refinement by name. Light: a method's module is imported on first use.

The contract of a method; ``tests/refinement/test_method_contract.py`` checks it for each of them:

- The solver gives actions ``(n_steps, nu)`` within [-1, 1], each a float32 number
  (`sb3_mimic.refinement.problem.quantize`), for any robot that tracks clips.
- The same problem, settings and seed give the same actions to the last bit, on any number of
  threads. With ``random=False`` the seed does not matter.
- The solver calls ``progress`` at least once, with never more steps done than there are in all.
- Settings are a frozen dataclass with a default for every field, and JSON can hold them.
- A solver that saves checkpoints gives the same actions when it goes on from one.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from sb3_mimic.names import unknown_name

if TYPE_CHECKING:
    from sb3_mimic.arrays import FloatArray
    from sb3_mimic.refinement.checkpoint import Checkpoint
    from sb3_mimic.refinement.problem import TrackingProblem

#: Called often with the steps done, the steps in all, and the cost so far.
ProgressCallback = Callable[[int, int, float], None]

#: The method that is used where none is named.
DEFAULT_METHOD = "mpc"


class Solver(Protocol):
    """The function of a method: finds actions that follow a clip."""

    def __call__(
        self,
        problem: "TrackingProblem",
        settings: Any,
        seed: int,
        progress: ProgressCallback,
        checkpoint: "Checkpoint",
    ) -> "FloatArray":
        """Gives actions ``(n_steps, nu)``.

        Args:
            problem: The tracking problem: states, physics and costs.
            settings: An instance of the method's settings class.
            seed: Seed of everything random.
            progress: To be called with steps done, steps in all, and the cost so far.
            checkpoint: Keeps the progress of a slow method; others leave it alone.
        """


@dataclass(frozen=True)
class Method:
    """One way to find actions.

    Functions and classes can be named as ``module:name``, which is imported on first use.

    Attributes:
        name: Its name.
        description: One line about it.
        solver: The `Solver`.
        settings_class: The class of its settings, a frozen dataclass with defaults throughout.
        metrics: A function of problem and settings that gives metrics of the method's own, a
            ``dict[str, float]``; None for none.
        random: Whether it finds other actions with another seed.
    """

    name: str
    description: str
    solver: str | Solver
    settings_class: str | type
    metrics: "str | Callable[[TrackingProblem, Any], dict[str, float]] | None" = None
    random: bool = True

    def solve(
        self,
        problem: "TrackingProblem",
        settings: Any,
        seed: int,
        progress: ProgressCallback,
        checkpoint: "Checkpoint",
    ) -> "FloatArray":
        """Runs the solver; see `Solver`."""
        actions: FloatArray = _load(self.solver)(problem, settings, seed, progress, checkpoint)
        return actions

    def settings(self, **changes: Any) -> Any:
        """Its settings: the defaults, apart from some changes."""
        return _load(self.settings_class)(**changes)

    def setting_names(self) -> tuple[str, ...]:
        """Names of its settings."""
        return tuple(f.name for f in fields(_load(self.settings_class)))

    def measure(self, problem: "TrackingProblem", settings: Any) -> dict[str, float]:
        """Metrics of the method's own; empty where it has none."""
        return {} if self.metrics is None else dict(_load(self.metrics)(problem, settings))


#: The methods by their names; see `register_method`.
METHODS: dict[str, Method] = {}


def register_method(method: Method) -> None:
    """Adds a method, or replaces the one of the same name.

    Example:
        >>> register_method(Method("mine", "a test", "my_methods:solve", "my_methods:Settings"))
        >>> get_method("mine").description
        'a test'
        >>> del METHODS["mine"]
    """
    METHODS[method.name] = method


def get_method(name: str) -> Method:
    """The method of a name.

    Raises:
        InputError: If there is none of that name.
    """
    if name not in METHODS:
        raise unknown_name("refinement method", name, METHODS)
    return METHODS[name]


def ignore_progress(done: int, steps: int, cost: float) -> None:
    """A `ProgressCallback` that does nothing."""
    del done, steps, cost


def _load(entry: Any) -> Any:
    if not isinstance(entry, str):
        return entry
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)


def _own(
    name: str, settings: str, description: str, metrics: str | None = None, *, random: bool = False
) -> Method:
    """A method of this package: a module of its own, whose solver is called after it."""
    module = f"{__name__}.{name}"
    return Method(
        name,
        description,
        f"{module}:solve_{name}",
        f"{module}:{settings}",
        metrics and f"{module}:{metrics}",
        random,
    )


for _method in (
    _own("pd", "PdSettings", "plain PD extraction, the baseline"),
    _own("feedback", "FeedbackSettings", "error feedback over whole passes"),
    _own("invdyn", "InverseDynamicsSettings", "torques by inverse dynamics", "root_residual"),
    _own("gradient", "GradientSettings", "iLQR through the simulation's derivatives", random=True),
    _own("mpc", "MpcSettings", "receding-horizon sampling, polished by gradient", random=True),
):
    register_method(_method)
