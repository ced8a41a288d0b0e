"""PiDog, SunFounder's small quadruped with its eight leg servos, as a Gymnasium environment.

The parts: the model (`pidog_model`), the servos' way with a target (`pidog_servo`), the sensors
(`pidog_sensors`), what the robot's own computer knows (`pidog_hardware`: the layout of hardware
observations and the way from actions to servo degrees, shared with the robot), randomization
(`pidog_randomization`), tasks and rewards (`pidog_tasks`), gaits (`pidog_gaits`), and the batch
that puts them together (`pidog_batch`).
"""

from functools import partial
from typing import Any

from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.rendering import RenderOptions
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.pidog.batch import PiDogBatch, check_command
from sb3_mimic.envs.pidog.hardware import CLOCK_FREQUENCY, HISTORY
from sb3_mimic.envs.pidog.model import load_pidog
from sb3_mimic.envs.pidog.randomization import ModelBank, Randomization, make_bank
from sb3_mimic.envs.pidog.sensors import Imu
from sb3_mimic.envs.pidog.servo import Servo
from sb3_mimic.envs.pidog.tasks import Commands, PiDogOptions, PiDogReward


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
        task: ``walk``, ``velocity``, ``recover`` or ``imitate``.
        observation: ``full`` or ``hardware``.
        use_camera: Whether the head camera's picture is observed as well. The observation is then
            one uint8 image of 85 rows, 84 columns and 3 channels: the picture, and under it a row
            that carries the numbers (`sb3_mimic.envs.pidog.measurements`). An image and not a
            dictionary, since imitation 1.0.1 cannot save dictionary observations.
        floor_friction: Friction coefficient between the robot and the floor; .6 without it.
        mass: Mass of the robot [kg]; all bodies are scaled alike; .78 without it.
        servo_torque: Stall torque of the servos [N·m]; .141 without it.
        reward: Weights of the reward's terms.
        episode_seconds: Length of an episode [s].
        gait: What ``imitate`` imitates: ``trot``, ``walk`` or ``sine``.
        commands: What the velocity task asks for.
        command: Forward velocity [m/s] and yaw rate [rad/s] that it always asks for instead.
        history: Actions and inertial samples in a hardware observation.
        clock_frequency: Of the hardware observation's clock [Hz]; in ``imitate`` it is the gait's.
        privileged: Whether the observation ends with what only a simulation knows.
        sensors: Any of ``ultrasonic`` (distance [m], valid; 2), ``touch`` (one of five; 5) and
            ``sound`` (heard, cosine, sine of the direction; 3).
        imu: The inertial sensor of hardware observations.
        servo: What lies between an action and a servo: rate limit, resolution, play, delay.
            Without it a servo gets its target at once and exactly.
        randomization: Ranges that each episode draws from: `Randomization()` for the published
            ones.
        curriculum_steps: Control steps of one environment over which the randomization grows from
            nothing to its ranges; for training environments.
        variant: ``standard``, or ``heldback``: another model of the same robot, to evaluate on.
        head_and_tail: Whether head and tail have their servos; else they are welded.
        wall: Distance of a wall ahead of the start [m].
        render_mode: ``human``, ``rgb_array``, ``rgb_array_list`` or None.
        width: Width of pictures [pixels].
        height: Height of pictures [pixels].
        camera: ``track`` (from the side) or ``head_camera``.

    Raises:
        InputError: If an option cannot be used.

    Example:
        >>> import gymnasium as gym, sb3_mimic
        >>> env = gym.make("sb3_mimic/PiDog-v0")
        >>> observation, info = env.reset(seed=0)
        >>> observation.shape, env.action_space.shape
        ((30,), (8,))
        >>> env.close()
    """

    batched: PiDogBatch

    def __init__(
        self,
        *,
        task: str = "walk",
        observation: str = "full",
        use_camera: bool = False,
        floor_friction: float | None = None,
        mass: float | None = None,
        servo_torque: float | None = None,
        reward: PiDogReward | None = None,
        episode_seconds: float = 20.0,
        gait: str = "trot",
        commands: Commands | None = None,
        command: tuple[float, float] | None = None,
        history: int = HISTORY,
        clock_frequency: float = CLOCK_FREQUENCY,
        privileged: bool = False,
        sensors: tuple[str, ...] = (),
        imu: Imu | None = None,
        servo: Servo | None = None,
        randomization: Randomization | None = None,
        curriculum_steps: int = 0,
        variant: str = "standard",
        head_and_tail: bool = False,
        wall: float | None = None,
        render_mode: str | None = None,
        width: int = 640,
        height: int = 480,
        camera: str = "track",
    ) -> None:
        if command is not None:
            forward, yaw = check_command(command).tolist()
            command = (forward, yaw)
        options = PiDogOptions(
            use_camera=use_camera,
            reward=reward or PiDogReward(),
            episode_seconds=episode_seconds,
            task=task,
            gait=gait,
            commands=commands or Commands(),
            command=command,
            observation=observation,
            history=history,
            clock_frequency=clock_frequency,
            privileged=privileged,
            sensors=tuple(sensors),
            imu=imu or Imu(),
            servo=servo,
            randomization=randomization,
            curriculum_steps=curriculum_steps,
            wall=wall,
        )
        robot = load_pidog(
            floor_friction,
            mass,
            servo_torque=servo_torque,
            variant=variant,
            head_and_tail=head_and_tail,
            uneven=randomization is not None and randomization.uneven,
            wall=wall,
        )
        bank = None if randomization is None else make_bank(robot, randomization)
        super().__init__(
            partial(_make_batch, robot, options, bank),
            render_mode,
            RenderOptions(width, height, camera),
        )

    @property
    def n_actor(self) -> int:
        """Numbers of the observation that a policy may act on: all but the privileged ones."""
        layout = self.batched.observation_layout
        return sum(part.size for part in layout if part.name != "privileged")

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

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "task": "velocity",
            "observation": "hardware",
            "servo": Servo(),
            "randomization": Randomization(),
        }
        super().__init__(**(defaults | options))


def _make_batch(
    robot: Robot,
    options: PiDogOptions,
    bank: ModelBank | None,
    n_envs: int,
    n_threads: int | None,
) -> PiDogBatch:
    return PiDogBatch(robot, options, n_envs, n_threads, bank)
