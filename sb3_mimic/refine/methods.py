"""The methods of refinement by name. Light: a method's module is imported when it is asked for.

A method is a function of a :class:`~sb3_mimic.refine.problem.TrackingProblem`, its settings, a
seed, a `Report` and a :class:`~sb3_mimic.refine.checkpoint.Checkpoint`, that gives actions
``(n_steps, nu)`` in [-1, 1], each a float32 number.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from sb3_mimic.names import unknown_name

#: Called often with the steps done, the steps in all, and the cost so far.
Report = Callable[[int, int, float], None]

#: The method that is used where none is named.
DEFAULT_METHOD = "mpc"


@dataclass(frozen=True)
class Method:
    """One way to find actions.

    Attributes:
        name: Its name.
        description: What it does, one line.
        solver: ``module:function`` of the method.
        settings_class: ``module:class`` of its settings, a dataclass with defaults throughout.
        findings: ``module:function`` of problem and settings that gives more figures, a
            ``dict[str, float]``; empty for none.
        random: Whether it finds other actions with another seed.
    """

    name: str
    description: str
    solver: str
    settings_class: str
    findings: str = ""
    random: bool = True

    def solve(self, *arguments: Any) -> Any:
        """Runs it on problem, settings, seed, report, checkpoint: actions ``(n_steps, nu)``."""
        return _load(self.solver)(*arguments)

    def settings(self, **changes: Any) -> Any:
        """Its settings, the defaults but for some changes."""
        return _load(self.settings_class)(**changes)

    def setting_names(self) -> tuple[str, ...]:
        """Names of its settings."""
        return tuple(f.name for f in fields(_load(self.settings_class)))

    def tell(self, *arguments: Any) -> dict[str, float]:
        """What else it finds, from problem and settings."""
        return dict(_load(self.findings)(*arguments)) if self.findings else {}


def _entry(
    name: str, settings_class: str, description: str, findings: str = "", *, random: bool = False
) -> Method:
    module = f"sb3_mimic.refine.{name}"
    return Method(
        name,
        description,
        f"{module}:solve_{name}",
        f"{module}:{settings_class}",
        f"{module}:{findings}" if findings else "",
        random,
    )


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


for _method in (
    _entry("pd", "PdSettings", "plain PD extraction, the baseline"),
    _entry("feedback", "FeedbackSettings", "error feedback over whole passes"),
    _entry("invdyn", "InverseDynamicsSettings", "torques by inverse dynamics", "root_residual"),
    _entry(
        "gradient", "GradientSettings", "iLQR through the simulation's derivatives", random=True
    ),
    _entry("mpc", "MpcSettings", "receding-horizon sampling, polished by gradient", random=True),
):
    register_method(_method)


def _load(entry: str) -> Any:
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)
