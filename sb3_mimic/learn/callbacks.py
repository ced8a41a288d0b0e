"""Callbacks of SB3's kind that fine-tuning adds to SB3's own."""

import os
import sys
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, EvalCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.learn.algorithms import AdaptiveRate
from sb3_mimic.learn.policies import log_std_parameter, moments, normalizers
from sb3_mimic.learn.sampling import humanoids
from sb3_mimic.learn.saved import save_model
from sb3_mimic.learn.threads import worth_threads


class NormalizerCallback(BaseCallback):
    """Moves the policy's observation statistics between updates, never inside one.

    The observations of a rollout are taken at its end and merged at the start of the next: between
    the two lies the update, which must see the statistics that the actions were sampled with.

    Args:
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._pending: tuple[NDArray[np.float64], NDArray[np.float64], int] | None = None

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self._pending is None:
            return
        for layer in normalizers(self.model.policy):
            layer.merge(*self._pending)
        self._pending = None

    def _on_rollout_end(self) -> None:
        if normalizers(self.model.policy):
            observations = np.asarray(self.model.rollout_buffer.observations)
            self._pending = moments(observations.reshape(-1, *observations.shape[2:]))


class AdaptiveRateCallback(BaseCallback):
    """Tells a model's :class:`AdaptiveRate` how far each update went; others have nothing to learn.

    An update of the critic alone makes no divergence, and tells nothing.
    """

    model: OnPolicyAlgorithm

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        adapt_rate(self.model)


def adapt_rate(model: OnPolicyAlgorithm) -> None:
    """Tells a model's :class:`AdaptiveRate` how far its last update went, if it has not been told.

    Args:
        model: Whose update has just been logged; a dump comes only after the next rollout.
    """
    rate = model.learning_rate
    if not isinstance(rate, AdaptiveRate):
        return
    # imitation's logger puts the generator's name before the key.
    for name, value in model.logger.name_to_value.items():
        if name.endswith("train/approx_kl") and value:
            rate.adapt(float(value), model._n_updates)


class NoiseCeilingCallback(BaseCallback):
    """Lowers exploration's noise in the later part of a training, by a ceiling that falls evenly.

    PPO and TRPO hardly move the noise themselves, and under noise that stays a policy that could
    perform the whole motion learns from the falls that the noise makes. Early on it is needed.

    Args:
        first: The ceiling of the log standard deviation where it begins to fall.
        last: At the end.
        begin: Part of the training without a ceiling.
        verbose: As SB3's.
    """

    model: OnPolicyAlgorithm

    def __init__(self, first: float, last: float, begin: float = 0.4, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.first = first
        self.last = last
        self.begin = begin

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        log_std = log_std_parameter(self.model.policy)
        done = self.model.num_timesteps / self.model._total_timesteps
        if log_std is None or done < self.begin:
            return
        fallen = (done - self.begin) / (1 - self.begin)
        with th.no_grad():
            log_std.clamp_(max=self.first + (self.last - self.first) * fallen)


class ThreadsCallback(BaseCallback):
    """Leaves the cores to who works: to physics in a rollout, to PyTorch in an update.

    PyTorch has one thread while environments step, and those that the network is worth, of those it
    had before, while it learns; see :mod:`sb3_mimic.learn.threads`.

    Args:
        verbose: As SB3's.
    """

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._n_threads = th.get_num_threads()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        th.set_num_threads(1)

    def _on_rollout_end(self) -> None:
        th.set_num_threads(worth_threads(self.model.policy, self._n_threads))

    def _on_training_end(self) -> None:
        th.set_num_threads(self._n_threads)


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


class AtomicCheckpointCallback(CheckpointCallback):
    """SB3's checkpoints, each complete whenever it is there.

    A run killed while it writes one would otherwise leave half a zip as its latest checkpoint.
    """

    def _on_step(self) -> bool:
        if self.n_calls % self.save_freq:
            return True
        path = Path(self._checkpoint_path(extension="zip"))
        save_model(self.model, path)
        normalize = self.model.get_vec_normalize_env()
        if self.save_vecnormalize and normalize is not None:
            statistics = self._checkpoint_path("vecnormalize_", extension="pkl")
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


class EvenStartsEvalCallback(EvalCallback):
    """SB3's evaluation, whose episodes begin at phases spread evenly over the clip.

    Environment i of n begins at phase i / n, every time, as the protocol's do of clips that loop
    (those that end are trained from anywhere, and so evaluated here, while the protocol begins at
    their first frame); of several clips it performs the i-th, beginning over. Drawn starts would
    choose the best model by their luck as well: where two of 32 starts fall, none of 16 episodes
    may, or three. Where a robot has no clip the starts are the environment's own. Arguments are
    SB3's; with as many episodes as environments all of them are even. What SB3 keeps of the
    evaluations is written whole or not at all.
    """

    def _on_step(self) -> bool:
        if self.eval_freq <= 0 or self.n_calls % self.eval_freq:
            return super()._on_step()
        envs = self.eval_env.unwrapped
        batch = humanoids(envs)
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


class VideoCallback(BaseCallback):
    """Calls a recorder every so many environment steps.

    Args:
        record: Called with the model and the number of steps done.
        every: Environment steps between two calls, at least 1.
        verbose: As SB3's.
    """

    def __init__(self, record: Callable[[Any, int], None], every: int, verbose: int = 0) -> None:
        super().__init__(verbose)
        self.record = record
        self.every = every
        self._next = every

    def _on_training_start(self) -> None:
        self._next = (self.num_timesteps // self.every + 1) * self.every

    def _on_step(self) -> bool:
        if self.num_timesteps >= self._next:
            self._next = (self.num_timesteps // self.every + 1) * self.every
            self.record(self.model, self.num_timesteps)
        return True


def load_callback(spec: str) -> BaseCallback:
    """Makes a user's callback.

    Args:
        spec: ``module:factory``; the factory is called without arguments. Modules are also looked
            for in the working directory.

    Raises:
        InputError: If there is no such factory, or it gives no SB3 callback.
    """
    module_name, colon, factory_name = spec.partition(":")
    if not (module_name and colon and factory_name):
        raise InputError(f"--callback {spec!r} must be module:factory")
    here = os.getcwd()  # noqa: PTH109 - an entry of sys.path is a string
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        factory = getattr(import_module(module_name), factory_name)
    except ModuleNotFoundError as error:
        raise InputError(f"--callback {spec!r}: there is no module {error.name!r}") from error
    except AttributeError as error:
        raise InputError(
            f"--callback {spec!r}: module {module_name!r} has no {factory_name!r}"
        ) from error
    callback = factory()
    if not isinstance(callback, BaseCallback):
        raise InputError(
            f"--callback {spec!r} gave a {type(callback).__name__}, not a callback of SB3's kind"
        )
    return callback
