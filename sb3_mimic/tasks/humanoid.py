"""The humanoid's task."""

from sb3_mimic.tasks.capability import Capability
from sb3_mimic.tasks.robots import register_tracking_spec
from sb3_mimic.tasks.settings import CloningSettings, Hyperparameters
from sb3_mimic.tasks.task import Task, register_task

register_tracking_spec("humanoid", "sb3_mimic.envs.humanoid:HUMANOID")
TASK = Task(
    name="humanoid",
    env_id="sb3_mimic/HumanoidMimic-v0",
    motion="walk",
    motion_help="clip by name or file, or several for one policy",
    capabilities=frozenset({Capability.TRACKING, Capability.REFINEMENT, Capability.PUSHES}),
    collector="sb3_mimic.demos.mocap:collect_mocap",
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
register_task(TASK)
