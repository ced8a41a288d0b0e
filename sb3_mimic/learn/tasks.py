"""What can be trained and with which settings: a registry that another package can add to.

Light on purpose (no torch, no simulator), so that ``--help`` can print every robot's defaults.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sb3_mimic.errors import InputError
from sb3_mimic.learn.motions import Motions, given, several
from sb3_mimic.names import unknown_name


@dataclass(frozen=True)
class Hyperparameters:
    """Settings of an on-policy algorithm.

    The fields are what PPO and TRPO share; ``extra`` holds what only one of them knows.

    Attributes:
        n_envs: Parallel environments.
        rollout_size: Samples per update, over all environments; ``n_steps`` follows from it, so
            that another number of environments leaves the size of an update alone.
        batch_size: Samples per gradient step (TRPO: of the critic).
        learning_rate: Adam's step size (TRPO: of the critic).
        linear_decay: Whether the learning rate falls linearly to zero over the training.
        desired_kl: Divergence of an update above which PPO's learning rate is lowered, see
            :class:`sb3_mimic.learn.algorithms.AdaptiveRate`; None leaves the rate alone.
        gamma: Discount per control step.
        gae_lambda: λ of the generalized advantage estimate.
        log_std_init: Log standard deviation of the normalized action without cloning.
        log_std_final: What the log standard deviation has come down to in the end, see
            :class:`sb3_mimic.learn.callbacks.NoiseCeilingCallback`; None leaves it to training.
        hidden_sizes: Hidden layers of the actor and of the critic.
        activation: A name in :data:`sb3_mimic.learn.policies.ACTIVATIONS`.
        actor_inputs: How many of the observation's first numbers the actor reads, while the critic
            reads all (`sb3_mimic.learn.asymmetric`); None for all.
        image_extractor: ``module:Class`` of the features extractor for image observations; None
            takes SB3's ``NatureCNN``.
        extra: Further keyword arguments of the algorithm's constructor.
    """

    n_envs: int
    rollout_size: int
    batch_size: int
    learning_rate: float
    linear_decay: bool
    gamma: float
    gae_lambda: float
    log_std_init: float
    hidden_sizes: tuple[int, ...]
    activation: str
    actor_inputs: int | None = None
    image_extractor: str | None = None
    desired_kl: float | None = None
    log_std_final: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("n_envs", "rollout_size", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if not math.isfinite(self.log_std_init):
            raise InputError(f"log_std_init must be finite, got {self.log_std_init}")
        if self.desired_kl is not None and not 0 < self.desired_kl < math.inf:
            raise InputError(f"desired_kl must be positive and finite, got {self.desired_kl}")
        if self.log_std_final is not None and not self.log_std_final <= self.log_std_init:
            raise InputError(
                f"log_std_final must not be above log_std_init, {self.log_std_init}: "
                f"{self.log_std_final}"
            )
        if not self.hidden_sizes or min(self.hidden_sizes) < 1:
            raise InputError(f"hidden_sizes must be positive, got {self.hidden_sizes}")

    @property
    def n_steps(self) -> int:
        """Steps per environment and update."""
        return max(1, self.rollout_size // self.n_envs)

    def updated(self, changes: Mapping[str, Any]) -> "Hyperparameters":
        """A copy with changes; names that are no field go to ``extra``."""
        names = {f.name for f in fields(self)}
        own = {name: value for name, value in changes.items() if name in names}
        extra = {name: value for name, value in changes.items() if name not in names}
        return replace(self, **own, extra={**self.extra, **extra})


@dataclass(frozen=True)
class CloningSettings:
    """Settings of behavior cloning.

    Attributes:
        batch_size: Samples per gradient step.
        learning_rate: Adam's step size.
        l2_weight: Weight of half the sum of all squared weights in the loss.
        state_weight: Weight of the next state's squared difference, next to the action's; 0 is
            plain cloning. See :mod:`sb3_mimic.learn.dynamics`.
        validation_fraction: Part of the demonstrations held out, by whole trajectories.
        patience: Epochs without a better validation error after which cloning stops.
        log_std_bounds: Range for the log standard deviation that is set from the residual.
    """

    batch_size: int = 256
    learning_rate: float = 1e-3
    l2_weight: float = 0.0
    state_weight: float = 0.0
    validation_fraction: float = 0.1
    patience: int = 20
    log_std_bounds: tuple[float, float] = (-3.5, -1.5)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size must be at least 1, got {self.batch_size}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}")
        for name in ("l2_weight", "state_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be finite and not negative: {getattr(self, name)}")
        if not 0 <= self.validation_fraction < 1:
            raise InputError(
                f"validation_fraction must lie in [0, 1), got {self.validation_fraction}"
            )
        if self.patience < 1:
            raise InputError(f"patience must be at least 1, got {self.patience}")
        low, high = self.log_std_bounds
        if not low <= high:
            raise InputError(f"log_std_bounds must be (low, high), got {self.log_std_bounds}")


@dataclass(frozen=True)
class WarmStartSettings:
    """The handover from a clone to reinforcement learning; see ``docs/handover.md``.

    Each part can be switched off by itself.

    Attributes:
        residual_noise: Whether exploration begins with the noise that cloning left, within
            :attr:`CloningSettings.log_std_bounds`; else with SB3's default, a log standard
            deviation of 0.
        gate: Part of its deterministic return that the clone must keep with noise; the noise is
            lowered until it does. 0: no gate.
        gate_episodes: Episodes over which either is measured.
        noise_step: What the log standard deviation rises by after another 32 training episodes, up
            to the lower of :attr:`CloningSettings.log_std_bounds`, while they keep most of the best
            return, and falls by where they do not. 0: it stays as the gate left it.
        critic_rollouts: Updates in which only the critic learns, at most.
        explained_variance: What the critic must explain of the returns' variance for the actor to
            be freed before that, after two updates at the earliest.
        critic_epochs: Passes over each later rollout that the critic makes by itself, with a step
            size of its own (not TRPO, which has one). 0: none.
        ramp_updates: Updates over which step sizes grow to their own after the actor is freed:
            learning rate, clip range and target KL (TRPO: target KL). 0: at once.
        ramp_start: Part of them that the first update has.
        bc_weight: Step size of further cloning between updates, in parts of cloning's own. 0: none.
        bc_decay: What that is multiplied by after each update.
        bc_batches: Batches of demonstrations between two updates.
        update_normalizer: Whether observation statistics go on being collected.
        collapse: Training stops, and the best policy so far is restored, when the mean return of
            the last 32 training episodes has lost this part of its best, and that without noise
            too. 0: never.
        collapse_patience: Rollouts in a row that this must last.
    """

    residual_noise: bool = True
    gate: float = 0.8
    gate_episodes: int = 16
    noise_step: float = 0.1
    critic_rollouts: int = 5
    explained_variance: float = 0.8
    critic_epochs: int = 2
    ramp_updates: int = 10
    ramp_start: float = 0.1
    bc_weight: float = 0.1
    bc_decay: float = 0.8
    bc_batches: int = 8
    update_normalizer: bool = False
    collapse: float = 0.5
    collapse_patience: int = 5

    def __post_init__(self) -> None:
        for name in ("gate", "ramp_start", "bc_decay", "collapse"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("critic_rollouts", "critic_epochs", "noise_step", "ramp_updates", "bc_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} must be finite and not negative: {getattr(self, name)}")
        if not self.explained_variance > -math.inf:
            raise InputError(f"explained_variance must be a number: {self.explained_variance}")
        for name in ("gate_episodes", "bc_batches", "collapse_patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if type(entry.default) is int and value != int(value):
                raise InputError(f"{entry.name} must be a whole number, got {value}")

    @classmethod
    def none(cls) -> "WarmStartSettings":
        """No handover: the clone goes into reinforcement learning as SB3's defaults have it."""
        return cls(
            residual_noise=False,
            gate=0.0,
            noise_step=0.0,
            critic_rollouts=0,
            critic_epochs=0,
            ramp_updates=0,
            bc_weight=0.0,
            update_normalizer=True,
            collapse=0.0,
        )


@dataclass(frozen=True)
class Task:
    """A robot's environment and the settings that fit it.

    Attributes:
        name: What ``--env`` calls it.
        env_id: Gymnasium id of the environment.
        motion: Default motion; None where the task has none.
        motion_in_env: Whether the environment takes the motion as ``motion=``; else it matters to
            the demonstrations alone.
        has_camera: Whether the environment takes ``use_camera=``.
        n_demo_episodes: Default number of demonstration episodes.
        n_bc_epochs: Default number of cloning epochs.
        n_rl_timesteps: Default number of environment steps of reinforcement learning.
        visualize_freq: Default number of steps between videos.
        hyperparameters: Settings shared by all algorithms.
        env_options: Keyword arguments of all of its environments, but for those with a camera.
        training_env_kwargs: What training environments do otherwise.
        eval_env_kwargs: What environments for evaluations during training do otherwise.
        video_env_kwargs: What environments that are filmed on the way take, as a small size.
        algorithm_settings: What an algorithm changes of them, by its name.
        cloning: Settings of cloning.
        warm_start: Settings of the handover.
    """

    name: str
    env_id: str
    motion: str | None
    motion_in_env: bool
    has_camera: bool
    n_demo_episodes: int
    n_bc_epochs: int
    n_rl_timesteps: int
    visualize_freq: int
    hyperparameters: Hyperparameters
    env_options: Mapping[str, Any] = field(default_factory=dict)
    training_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    eval_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    video_env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    algorithm_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cloning: CloningSettings = field(default_factory=CloningSettings)
    warm_start: WarmStartSettings = field(default_factory=WarmStartSettings)

    def hyperparameters_for(self, algo: str) -> Hyperparameters:
        """The task's settings for one algorithm."""
        return self.hyperparameters.updated(self.algorithm_settings.get(algo, {}))

    def env_kwargs(self, motion: Motions | None, *, use_camera: bool = False) -> dict[str, Any]:
        """Keyword arguments of ``gym.make`` for one or several motions and an observation.

        Raises:
            InputError: If a camera is asked for where there is none, or several motions where the
                environment does not take them.
        """
        if len(several(motion)) > 1 and not self.motion_in_env:
            raise InputError(
                f"the {self.name} performs one gait, not {len(several(motion))}; give one --motion"
            )
        if use_camera and not self.has_camera:
            raise InputError(f"the {self.name} has no camera to use")
        kwargs = {} if use_camera else dict(self.env_options)
        if self.motion_in_env and motion is not None:
            kwargs["motion"] = given(several(motion))
        if use_camera:
            kwargs["use_camera"] = True
        return kwargs


TASKS: dict[str, Task] = {}


def register_task(task: Task) -> None:
    """Adds a task, or replaces the one of the same name."""
    TASKS[task.name] = task


def get_task(name: str) -> Task:
    """Finds a task by its name or by its environment's id, also with a module in front of it.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name in TASKS:
        return TASKS[name]
    for task in TASKS.values():
        if task.env_id == name.rpartition(":")[2]:
            return task
    raise unknown_name("environment", name, TASKS)


register_task(
    Task(
        name="humanoid",
        env_id="sb3_mimic/HumanoidMimic-v0",
        motion="walk",
        motion_in_env=True,
        has_camera=False,
        n_demo_episodes=200,
        n_bc_epochs=100,
        n_rl_timesteps=3_000_000,
        visualize_freq=1_000_000,
        hyperparameters=Hyperparameters(
            n_envs=128,
            rollout_size=8192,
            batch_size=1024,
            learning_rate=3e-4,
            linear_decay=True,
            gamma=0.97,
            gae_lambda=0.95,
            log_std_init=-2.0,
            log_std_final=-3.2,
            hidden_sizes=(512, 256),
            activation="elu",
        ),
        algorithm_settings={
            # Clones of refined actions differ in how far a step moves them by orders of magnitude.
            "ppo": {"n_epochs": 5, "desired_kl": 0.2},
            # The whole rollout in the Fisher matrix: with a quarter of it the steps point nowhere
            # and nothing is learned, at any target KL tried (.1, .4).
            "trpo": {
                "learning_rate": 1e-3,
                "target_kl": 0.05,
                "cg_max_steps": 15,
                "n_critic_updates": 10,
            },
        },
        # Ended by falls alone, bodies learn to catch themselves; short, so that more of the samples
        # are starts (docs/training.md, "Starts that are hard").
        training_env_kwargs={"early_termination": "fall", "episode_seconds": 5.0},
        eval_env_kwargs={"motion_order": "in_turn"},
        video_env_kwargs={"width": 320, "height": 240},
        # Clones of the feed-forward actions leave next to no residual: the lower bound is what
        # training explores with.
        cloning=CloningSettings(log_std_bounds=(-2.3, -1.5)),
    )
)
register_task(
    Task(
        name="pidog",
        env_id="sb3_mimic/PiDog-v0",
        motion="sine",
        motion_in_env=False,
        has_camera=True,
        n_demo_episodes=50,
        n_bc_epochs=200,
        n_rl_timesteps=500_000,
        visualize_freq=50_000,
        hyperparameters=Hyperparameters(
            n_envs=16,
            rollout_size=4096,
            batch_size=512,
            learning_rate=1e-4,
            linear_decay=False,
            gamma=0.99,
            gae_lambda=0.95,
            log_std_init=-1.0,
            hidden_sizes=(128, 128),
            activation="elu",
            image_extractor="sb3_mimic.learn.camera:PictureAndMeasurements",
        ),
        algorithm_settings={
            "ppo": {"n_epochs": 5, "target_kl": 0.02},
            "trpo": {"learning_rate": 1e-3, "n_critic_updates": 5},
        },
        video_env_kwargs={"width": 320, "height": 240},
        # Clones of a gait leave little residual as well; with a learning rate of 3e-4 the walk is
        # lost within 100 000 steps, and with less noise than this nothing is gained.
        cloning=CloningSettings(log_std_bounds=(-2.3, -1.5)),
    )
)
# The same robot as it leaves the simulator: hardware observations, randomized, with a critic that
# sees more. Gradients are taken over many robots at once; with 16 environments two thirds of the
# time were Python around them.
register_task(
    replace(
        get_task("pidog"),
        name="pidog-hardware",
        env_options={"privileged": True},
        env_id="sb3_mimic/PiDogHardware-v0",
        n_bc_epochs=40,
        n_rl_timesteps=2_000_000,
        visualize_freq=500_000,
        hyperparameters=replace(
            get_task("pidog").hyperparameters,
            n_envs=128,
            rollout_size=16384,
            batch_size=4096,
            # At a rate that stays, noise grows from 1.5 M samples on, and falls with it.
            learning_rate=1e-3,
            linear_decay=True,
            actor_inputs=74,
        ),
        algorithm_settings={
            **get_task("pidog").algorithm_settings,
            # With so little noise a divergence is a small step: from .02 nothing was gained in 1 M
            # samples, from .1 a tenth of the return in .6 M.
            "ppo": {"n_epochs": 5, "desired_kl": 0.1},
        },
        # Past actions are observed, so noise comes back: with a standard deviation of .1 three in
        # four of the clone's episodes end in a fall.
        cloning=CloningSettings(log_std_bounds=(-3.5, -1.5)),
    )
)
