"""Robots that imitate clips, by name. Light: no simulator."""

from importlib import import_module
from typing import TYPE_CHECKING

from sb3_mimic.names import unknown_name

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.spec import TrackingSpec

#: Name -> the robot's `TrackingSpec`, or ``module:attribute`` that is imported when first used.
TRACKING_SPECS: "dict[str, TrackingSpec | str]" = {}


def register_tracking_spec(name: str, spec: "TrackingSpec | str") -> None:
    """Adds a robot that imitates clips, or replaces the one of the same name.

    Args:
        name: What ``robot=`` of `TrackingEnv` calls it.
        spec: The robot, or ``module:attribute``.
    """
    TRACKING_SPECS[name] = spec


def get_tracking_spec(name: str) -> "TrackingSpec":
    """Finds a robot that imitates clips by its name.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name not in TRACKING_SPECS:
        raise unknown_name("robot", name, TRACKING_SPECS)
    spec = TRACKING_SPECS[name]
    if isinstance(spec, str):
        module, _, attribute = spec.partition(":")
        loaded: TrackingSpec = getattr(import_module(module), attribute)
        return loaded
    return spec
