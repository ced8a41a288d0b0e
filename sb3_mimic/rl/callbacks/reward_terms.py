"""The mean of each reward term, logged."""

from collections import defaultdict

from stable_baselines3.common.callbacks import BaseCallback


class RewardTermsCallback(BaseCallback):
    """Logs the mean of every reward term over each rollout as ``reward/<term>``.

    Reads ``reward_terms`` of a :class:`~sb3_mimic.envs.NativeVecEnv`, where all environments are
    one array, else ``info["reward_terms"]``; silent where an environment has none.

    Args:
        verbose: As SB3's.
    """

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._sums: dict[str, float] = defaultdict(float)
        self._n = 0

    def _on_step(self) -> bool:
        batched = getattr(self.training_env, "reward_terms", None)
        if batched is not None:
            for name, values in batched.items():
                self._sums[name] += float(values.sum())
            self._n += self.training_env.num_envs
            return True
        for info in self.locals["infos"]:
            terms = info.get("reward_terms")
            if terms is None:
                return True
            for name, value in terms.items():
                self._sums[name] += value
            self._n += 1
        return True

    def _on_rollout_end(self) -> None:
        for name, total in self._sums.items():
            self.logger.record(f"reward/{name}", total / self._n)
        self._sums.clear()
        self._n = 0
