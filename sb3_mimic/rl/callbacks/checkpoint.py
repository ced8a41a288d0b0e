"""Checkpoints and models that are complete whenever they are there."""

from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback

from sb3_mimic.io import atomic_path
from sb3_mimic.policies.saved import save_model
from sb3_mimic.rl.sb3_hooks import get_checkpoint_path


class AtomicCheckpointCallback(CheckpointCallback):
    """SB3's checkpoints, each complete whenever it is there.

    A run killed while it writes one would otherwise leave half a zip as its latest checkpoint.
    """

    def _on_step(self) -> bool:
        if self.n_calls % self.save_freq:
            return True
        path = Path(get_checkpoint_path(self, extension="zip"))
        save_model(self.model, path)
        normalize = self.model.get_vec_normalize_env()
        if self.save_vecnormalize and normalize is not None:
            statistics = get_checkpoint_path(self, "vecnormalize_", "pkl")
            with atomic_path(statistics) as temporary:
                normalize.save(str(temporary))
        return True


class SaveModelCallback(BaseCallback):
    """Saves the model whenever it is triggered: for ``EvalCallback``'s new best model.

    Args:
        path: The zip to write.
        verbose: As SB3's.
    """

    def __init__(self, path: Path, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.path = path

    def _on_step(self) -> bool:
        save_model(self.model, self.path)
        return True
