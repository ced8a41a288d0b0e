"""What a task can do. A stage of training asks for a capability, never for a robot."""

from enum import StrEnum


class Capability(StrEnum):
    """One thing that a task's environment or demonstrations can do."""

    TRACKING = "tracking"
    """The environment is a `TrackingEnv`: it takes ``motion=`` with one or several clips, and
    ``reset(options={"phase": …})``."""
    REFINEMENT = "refinement"
    """Its clips can be refined: the collector takes ``refinement=`` and ``settings=``, as
    :func:`sb3_mimic.demos.mocap.collect_mocap` does."""
    PUSHES = "pushes"
    """Training can push the robot: the environment takes ``push_force=``."""
    CAMERA = "camera"
    """The robot has a camera to observe through: the environment takes ``use_camera=``."""

    @property
    def phrase(self) -> str:
        """The predicate of a sentence about tasks: "track clips"."""
        return _PHRASES[self]


_PHRASES = {
    Capability.TRACKING: "track clips",
    Capability.REFINEMENT: "have clips to refine",
    Capability.PUSHES: "can be pushed",
    Capability.CAMERA: "have a camera",
}
