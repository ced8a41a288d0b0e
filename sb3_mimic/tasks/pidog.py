"""PiDog's tasks: the simulated robot, and the one that leaves the simulator."""

from dataclasses import replace

from sb3_mimic.tasks.capability import Capability
from sb3_mimic.tasks.settings import CloningSettings, Hyperparameters
from sb3_mimic.tasks.task import Task, get_task, register_task

register_task(
    Task(
        name="pidog",
        env_id="sb3_mimic/PiDog-v0",
        motion="sine",
        motion_help="gait trot, walk or sine, or a dog's clip by file",
        capabilities=frozenset({Capability.CAMERA}),
        collector="sb3_mimic.demos.pidog.gait:collect_gait",
        program_writer="sb3_mimic.export.pidog.archive:write_program",
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
            image_extractor="sb3_mimic.policies.picture:PictureAndMeasurements",
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
            actor_inputs="auto",
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
