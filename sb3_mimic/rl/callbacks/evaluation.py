"""Evaluations during training, from starts spread evenly over the clip."""

from stable_baselines3.common.callbacks import EvalCallback

from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.io import atomic_path


class UniformStartsEvalCallback(EvalCallback):
    """SB3's evaluation, whose episodes begin at phases spread evenly over the clip.

    Environment i of n begins at phase i / n, every time. The protocol does the same with clips that
    loop; clips that end are trained from any phase, and so evaluated here, while the protocol
    begins at their first frame. Of several clips environment i performs the i-th, in turn. With
    drawn starts the best model would be chosen by luck as well: where two of 32 starts fall, none
    of 16 episodes may, or three. Environments that track no clip begin as they do by themselves.
    Arguments are SB3's; with as many episodes as environments the starts are evenly spread. SB3's
    file of evaluations is written whole or not at all.
    """

    def _on_step(self) -> bool:
        if self.eval_freq <= 0 or self.n_calls % self.eval_freq:
            return super()._on_step()
        envs = self.eval_env.unwrapped
        batch = find_tracking_batch(envs)
        if batch is not None:
            n, n_motions = envs.num_envs, len(batch.references)
            envs.set_options([{"phase": i / n, "motion": i % n_motions} for i in range(n)])
        kept = self.log_path
        if kept is None:
            return super()._on_step()
        with atomic_path(f"{kept}.npz") as temporary:
            self.log_path = str(temporary)
            try:
                return super()._on_step()
            finally:
                self.log_path = kept
