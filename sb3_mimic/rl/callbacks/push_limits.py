"""A curriculum of push forces: they grow as the policy withstands them."""

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sb3_mimic.envs.tracking.batch import TrackingBatch
from sb3_mimic.envs.tracking.lookup import find_tracking_batch
from sb3_mimic.envs.tracking.pushes import PUSH_SIDES, LastPush, Pushes
from sb3_mimic.errors import InputError
from sb3_mimic.rl.sb3_hooks import read_from_model, store_in_model

# A body that is not down so long after a push began has withstood it [s].
_WITHSTOOD_AFTER = 1.5
# Only pushes above this part of the limit tell about it.
_NEAR = 0.5
# Pushes near a limit after which it is moved, and how far all or none of them move it.
_PUSHES, _STEP = 8, 0.2
# The part of near pushes that is withstood where a limit is right.
_WITHSTOOD = 0.5
# Limits begin at this part of the largest force, and stay above the other.
_FIRST, _LEAST = 0.5, 0.05
# Where a model keeps the limits, so that they are in its zip.
_SAVED = "push_limits"


class PushLimitsCallback(BaseCallback):
    """Keeps the largest pushes of training where half of them make the body fall.

    Pushes that are far too strong teach nothing, nor do pushes that are hardly felt. Each of 8
    directions around the body has a limit of its own. After 8 pushes between half of it and all of
    it, the limit is multiplied by ``1 + 0.2 (withstood - 0.5)``, where ``withstood`` is the part of
    them that the body withstood: it was not down 1.5 s after the push began. A push counts if
    neither the next one nor the end of the episode comes sooner than that. The idea is that of
    terrain that becomes rougher for those who master it (Rudin et al. 2021,
    https://arxiv.org/abs/2109.11978).
    The limits are an attribute of the model, ``push_limits``, and so saved with it: training that
    is resumed goes on with them.

    Args:
        verbose: As SB3's.

    Raises:
        InputError: When training starts, if nothing pushes the environments.
    """

    model: OnPolicyAlgorithm

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._withstood = np.zeros(PUSH_SIDES)
        self._counted = np.zeros(PUSH_SIDES)
        none = np.zeros(0, np.intp)
        self._last = LastPush(none, none, np.zeros(0), none)
        self._counts = np.zeros(0, np.bool_)

    def _on_training_start(self) -> None:
        _, pushes = _pushed(self.training_env)
        saved = read_from_model(self.model, _SAVED)
        first = np.full(PUSH_SIDES, _FIRST * pushes.force)
        pushes.limits = first if saved is None else np.minimum(saved, pushes.force)
        self._record_pushes()

    def _on_step(self) -> bool:
        batch, _ = _pushed(self.training_env)
        n_steps = round(_WITHSTOOD_AFTER / batch.dt)
        last = self._last
        dones: NDArray[np.bool_] = self.locals["dones"]
        cut = np.array([bool(i.get("TimeLimit.truncated")) for i in self.locals["infos"]])
        near = self._counts & (last.parts > _NEAR)
        fallen = near & dones & ~cut & (last.since + 1 < n_steps)
        standing = near & ~dones & (last.since + 1 == n_steps)
        np.add.at(self._withstood, last.sides[standing], 1.0)
        np.add.at(self._counted, last.sides[standing | fallen], 1.0)
        self._record_pushes()
        return True

    def _on_rollout_end(self) -> None:
        _, pushes = _pushed(self.training_env)
        enough = self._counted >= _PUSHES
        part = self._withstood[enough] / self._counted[enough]
        limits = pushes.limits.copy()
        limits[enough] *= 1 + _STEP * (part - _WITHSTOOD)
        pushes.limits = np.clip(limits, _LEAST * pushes.force, pushes.force)
        self._withstood[enough] = self._counted[enough] = 0.0
        store_in_model(self.model, _SAVED, pushes.limits.tolist())
        self.logger.record("pushes/forward_limit_N", float(pushes.limits[0]))
        sideways = pushes.limits[[PUSH_SIDES // 4, 3 * PUSH_SIDES // 4]].min()
        self.logger.record("pushes/sideways_limit_N", float(sideways))
        self.logger.record("pushes/mean_limit_N", float(pushes.limits.mean()))

    def _record_pushes(self) -> None:
        """Keeps the last pushes: an episode that ends is replaced within its step."""
        batch, pushes = _pushed(self.training_env)
        last = pushes.last(batch.steps)
        n_steps = round(_WITHSTOOD_AFTER / batch.dt)
        room = np.minimum(last.gaps, batch.time_limits - (batch.steps - last.since))
        self._last, self._counts = last, (last.since >= 0) & (room >= n_steps)


def _pushed(envs: VecEnv) -> tuple[TrackingBatch, Pushes]:
    batch = find_tracking_batch(envs)
    if batch is None or batch.pushes is None:
        raise InputError(
            "limits of pushes need a native batch of environments that track clips and are "
            "pushed; make them by make_native_vec_env, with push_force="
        )
    return batch, batch.pushes
