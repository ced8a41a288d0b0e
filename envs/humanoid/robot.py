"""The DeepMimic-style humanoid that imitates a clip, or any of several."""

from typing import ClassVar

from sb3_mimic.envs.tracking.env import TrackingEnv
from sb3_mimic.envs.tracking.spec import TrackingRobot, TrackingSpec
from sb3_mimic.motion.skeletons import CHARACTER

# Weights of the pose error, DeepMimic's `DiffWeight`; the wrists' is 0.
_WEIGHTS = {
    "root": 1.0,
    "chest": 0.5,
    "neck": 0.3,
    "hip": 0.5,
    "knee": 0.3,
    "ankle": 0.2,
    "shoulder": 0.3,
    "elbow": 0.2,
}

#: The humanoid of ``assets/humanoid.xml``: clips are of its own skeleton.
HUMANOID = TrackingSpec(
    name="humanoid",
    mjcf="humanoid.xml",
    feet=("right_ankle", "left_ankle"),
    end_effectors=("right_ankle", "right_wrist", "left_ankle", "left_wrist"),
    joints=CHARACTER.actuated,
    joint_weights={
        "root": _WEIGHTS["root"],
        **{joint.name: _WEIGHTS[joint.name.rpartition("_")[2]] for joint in CHARACTER.actuated},
    },
)


class HumanoidMimicEnv(TrackingEnv):
    """The humanoid imitates one or several motion clips: ``sb3_mimic/HumanoidMimic-v0``.

    13 bodies, 45 kg, nq 35, nv 34, 28 actions; 30 control steps a second. Arguments are those of
    `TrackingEnv`. Observations have 182 numbers with ``observation="reference"``, 71 with ``phase``
    and 56 with ``joints``.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/HumanoidMimic-v0", motion="walk")
        >>> observation, info = env.reset(seed=0, options={"phase": 0.0})
        >>> observation.shape, env.action_space.shape
        ((182,), (28,))
        >>> env.close()
    """

    spec_of_class: ClassVar[TrackingSpec | None] = HUMANOID


def load_humanoid(control: str = "residual") -> TrackingRobot:
    """Loads the humanoid; its actuators are those that a control drives."""
    return HUMANOID.load(control)
