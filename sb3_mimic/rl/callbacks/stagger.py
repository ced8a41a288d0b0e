"""A callback that spreads the ends of the first episodes over time."""

from stable_baselines3.common.callbacks import BaseCallback


class StaggerCallback(BaseCallback):
    """Spreads the ends of the first training episodes over time.

    See :meth:`sb3_mimic.envs.NativeVecEnv.stagger_episodes`; other environments are left alone.

    Args:
        verbose: As SB3's.
    """

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        stagger = getattr(self.training_env, "stagger_episodes", None)
        if stagger is not None:
            stagger()
