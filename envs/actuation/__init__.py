"""Actuations by name: what an action asks of a robot's motors.

>>> from sb3_mimic.envs.actuation import ACTUATIONS
>>> sorted(ACTUATIONS)[:2]
['pd', 'residual']
"""

from sb3_mimic.envs.actuation.base import Actuation, JointActuation, Target
from sb3_mimic.envs.actuation.servos import PD, ResidualPD, Torque, servo_target
from sb3_mimic.envs.actuation.stable_pd import StablePD
from sb3_mimic.names import unknown_name

#: What ``control=`` of an environment can be.
ACTUATIONS: dict[str, type[Actuation]] = {}


def register_actuation(name: str, actuation: type[Actuation]) -> None:
    """Adds an actuation, or replaces the one of the same name.

    Args:
        name: What ``control=`` calls it.
        actuation: A subclass of `Actuation`.

    Example:
        >>> class Weak(Torque):
        ...     '''Motors at a tenth of their torque.'''
        >>> register_actuation("weak", Weak)
        >>> del ACTUATIONS["weak"]
    """
    ACTUATIONS[name] = actuation


def get_actuation(name: str) -> type[Actuation]:
    """Finds an actuation by its name.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name not in ACTUATIONS:
        raise unknown_name("control", name, ACTUATIONS)
    return ACTUATIONS[name]


register_actuation("residual", ResidualPD)
register_actuation("pd", PD)
register_actuation("torque", Torque)
register_actuation("stable_pd", StablePD)

__all__ = [
    "ACTUATIONS",
    "PD",
    "Actuation",
    "JointActuation",
    "ResidualPD",
    "StablePD",
    "Target",
    "Torque",
    "get_actuation",
    "register_actuation",
    "servo_target",
]
