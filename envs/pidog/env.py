"""PiDog, SunFounder's small quadruped with its eight leg servos, as a Gymnasium environment.

The modules beside this one, from the robot to the task: the model, the legs' kinematics, the servos
and the sensors; ``hardware``, which holds what simulation and robot share (the layout of hardware
observations, and servo degrees from actions); randomization; gaits, commands, tasks with their
rewards, and observations; options; and the batch, which puts them together.
"""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, TypeGuard

from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.rendering import RenderOptions
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog.batch import PiDogBatch
from sb3_mimic.envs.pidog.model import ROBOT_NAME, load_pidog
from sb3_mimic.envs.pidog.options import PiDogOptions, option_parameters
from sb3_mimic.envs.pidog.randomization import ModelBank, Randomization, make_bank
from sb3_mimic.envs.pidog.servo import Servo


class PiDogEnv(MimicEnv):
    """PiDog: ``sb3_mimic/PiDog-v0``, which walks forward unless another task is asked for.

    0.78 kg, nq 15, nv 14, 8 actions; 50 control steps a second, 20 s an episode.

    An action a in [-1, 1]^8 asks for the servo angles stand + 45 degrees · a, clipped to the
    servos' ±90 degrees, in the order left front, right front, left hind, right hind, each hip and
    knee. Right legs are mirrored: the same numbers mean the same posture on either side, hip +
    swings the thigh backward, knee + extends the leg; a symmetric gait has symmetric actions. With
    ``head_and_tail`` four more actions follow, yaw, roll, pitch and tail, each over its range.

    Observations:

    - ``full``, the guide's, has 30 numbers, the legs' in the same order and signs: joint angles
      relative to the standing pose (8) [rad], joint velocities (8) [rad/s], the inertial sensor's
      angular velocity (3) [rad/s] and its up direction, the measured gravity turned round (3), and
      the last action (8). The velocity task adds the command (2), imitation the gait's phase as
      sine and cosine (2). Base velocity, height and heading are not observed, as no sensor of the
      robot measures them; a policy needs them for neither cloning nor fine-tuning
      (``docs/pidog.md``).
    - ``hardware`` has what the robot's computer knows, ``14 history + 4`` numbers, 74 by default:
      the last ``history`` commanded actions (8 each, normalized, newest last), as many inertial
      samples (accelerometer 3 [g], gyroscope 3 [rad/s], x forward, y left, z up, newest last), the
      clock (sine and cosine at ``clock_frequency``), and the velocity command (forward [m/s], yaw
      rate [rad/s]), as `sb3_mimic.envs.pidog.hardware` makes them, for the simulation and for the
      robot.

    After either come the numbers of ``sensors``, and last, with ``privileged``, 34 that only a
    simulation knows, for a critic (`sb3_mimic.policies.asymmetric`).

    Tasks:

    - ``walk``: forward, as fast as it goes.
    - ``velocity``: at a commanded forward velocity and yaw rate; the legs cannot step sideways.
      ``reset(options={"command": (0.2, 0.0)})`` fixes the episode's command.
    - ``recover``: from lying in any way to standing.
    - ``imitate``: the joint angles of ``gait``, and forward.

    An episode starts near the settled standing pose (``recover``: lying). It ends in failure when
    the torso tilts by more than 60 degrees or touches the floor, except in ``recover``.
    ``info["reward_terms"]`` holds the weighted terms of the reward.

    Args:
        render_mode: ``human``, ``rgb_array``, ``rgb_array_list`` or None.
        width: Width of pictures [pixels].
        height: Height of pictures [pixels].
        camera: ``track`` (from the side) or ``head_camera``.
        **options: The fields of `PiDogOptions` (task, observation, reward, servo, randomization, …)
            and of `ModelOptions` (friction, mass, variant, …), which describe each; None stands for
            the default.

    Raises:
        InputError: If there is no such option, or it cannot be used.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/PiDog-v0")
        >>> observation, info = env.reset(seed=0)
        >>> observation.shape, env.action_space.shape
        ((30,), (8,))
        >>> env.close()
    """

    #: Options that a class has by default in place of those of `PiDogOptions`.
    defaults: ClassVar[Mapping[str, Any]] = {}
    __signature__: ClassVar[inspect.Signature]
    batched: PiDogBatch

    def __init__(
        self,
        *,
        render_mode: str | None = None,
        width: int = 640,
        height: int = 480,
        camera: str = "track",
        **options: Any,
    ) -> None:
        asked = PiDogOptions.from_keywords(**{**self.defaults, **options})
        robot = load_pidog(asked, uneven=asked.uneven)
        bank = None if asked.randomization is None else make_bank(robot, asked.randomization)
        super().__init__(
            partial(_make_batch, robot, asked, bank),
            render_mode,
            RenderOptions(width, height, camera),
        )

    def make_batch(self, n_envs: int, n_threads: int | None = None) -> PiDogBatch:
        """The same task for ``n_envs`` environments; `NativeVecEnv` is made of it."""
        batched = self.batched
        return PiDogBatch(batched.robot, batched.options, n_envs, n_threads, batched.bank)


class PiDogHardwareEnv(PiDogEnv):
    """PiDog as it leaves the simulator: ``sb3_mimic/PiDogHardware-v0``.

    `PiDogEnv` with other defaults: the velocity task on hardware observations, with the servo's
    rate limit, resolution, play and delay, randomized.

    Args:
        **options: As for `PiDogEnv`.

    Raises:
        InputError: If an option cannot be used.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/PiDogHardware-v0", command=(0.2, 0.0))
        >>> observation, info = env.reset(seed=0)
        >>> observation.shape, observation[-2:].round(1).tolist()
        ((74,), [0.20000000298023224, 0.0])
        >>> env.close()
    """

    defaults: ClassVar[Mapping[str, Any]] = {
        "task": "velocity",
        "observation": "hardware",
        "servo": Servo(),
        "randomization": Randomization(),
    }


def is_pidog(env: object) -> TypeGuard[PiDogEnv]:
    """Whether an environment is a PiDog's, of whatever class."""
    robot = getattr(getattr(env, "batched", None), "robot", None)
    return getattr(robot, "name", None) == ROBOT_NAME


def _make_batch(
    robot: Robot,
    options: PiDogOptions,
    bank: ModelBank | None,
    n_envs: int,
    n_threads: int | None,
) -> PiDogBatch:
    return PiDogBatch(robot, options, n_envs, n_threads, bank)


def _signature(cls: type[PiDogEnv]) -> inspect.Signature:
    """The signature of a class, with every option in it, for ``help`` and editors."""
    pictures = [
        parameter
        for parameter in inspect.signature(cls.__init__).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return inspect.Signature([*option_parameters(cls.defaults), *pictures])


for _class in (PiDogEnv, PiDogHardwareEnv):
    _class.__signature__ = _signature(_class)
