"""All that the package relies on in Stable-Baselines3 beyond its documented interface.

SB3 tells callbacks about steps and rollouts, but not about updates, and keeps some counts to
itself. Each function here stands for one such detail, and its docstring names the code of SB3 (or
of sb3-contrib and imitation, which build on it) that it relies on. ``tests/rl/test_sb3_hooks.py``
checks every one of them with PPO and TRPO on each supported version.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.policies.parameters import is_critic_parameter

if TYPE_CHECKING:
    from imitation.algorithms.dagger import DAggerTrainer
    from imitation.data.types import Trajectory

# Instance attributes that stand in for methods of the class while an update is wrapped.
_REPLACED = ("train", "_excluded_save_params")


def count_updates(model: OnPolicyAlgorithm) -> int:
    """Number of updates that make up a model's environment steps.

    ``learn`` begins this count anew unless ``reset_num_timesteps=False``; see `count_train_calls`.
    """
    return int(model.num_timesteps // (model.n_steps * model.n_envs))


def count_train_calls(model: OnPolicyAlgorithm) -> int:
    """SB3's own count of updates, which no ``learn`` begins anew.

    Relies on ``BaseAlgorithm._n_updates``: 0 in a fresh model, raised by each ``train`` (by PPO
    once for every epoch), and saved with the model.
    """
    return model._n_updates


def get_total_timesteps(model: OnPolicyAlgorithm) -> int:
    """Environment steps at which the present ``learn`` will end.

    Relies on ``BaseAlgorithm._total_timesteps``, which ``_setup_learn`` sets before callbacks are
    told that training starts; where training is resumed it includes the steps made before.
    """
    return model._total_timesteps


def get_progress_remaining(model: OnPolicyAlgorithm) -> float:
    """The argument of SB3's schedules at present, from 1 at the start to 0 at the end.

    Relies on ``BaseAlgorithm._current_progress_remaining``, which ``learn`` sets after each rollout
    and before its update.
    """
    return model._current_progress_remaining


def get_approx_kl(model: OnPolicyAlgorithm) -> float | None:
    """The divergence that the last update logged; None where none was logged, or it is zero.

    Relies on PPO logging ``train/approx_kl`` in ``train``, and on ``learn`` dumping the log only
    after the next rollout. imitation's logger puts the generator's name before the key.
    """
    for name, value in model.logger.name_to_value.items():
        if name.endswith("train/approx_kl") and value:
            return float(value)
    return None


def has_trust_region(model: OnPolicyAlgorithm) -> bool:
    """Whether the algorithm is of TRPO's kind.

    Relies on sb3-contrib's ``TRPO.line_search_max_iter``.
    """
    return hasattr(model, "line_search_max_iter")


def get_checkpoint_path(callback: CheckpointCallback, prefix: str = "", extension: str = "") -> str:
    """The path of a checkpoint at the present step.

    Relies on ``CheckpointCallback._checkpoint_path``.

    Args:
        callback: Any of SB3's checkpoint callbacks.
        prefix: What SB3 calls the kind of checkpoint, as ``vecnormalize_``; empty for the model.
        extension: Extension of the file without a dot.
    """
    return callback._checkpoint_path(prefix, extension=extension)


def store_in_model(model: OnPolicyAlgorithm, name: str, value: Any) -> None:
    """Keeps a value in a model's zip; `read_from_model` gives it back, also after loading.

    Relies on ``BaseAlgorithm.save``, which writes every attribute of the instance that is not
    excluded, and on ``load``, which restores them all.
    """
    vars(model)[name] = value


def read_from_model(model: OnPolicyAlgorithm, name: str, default: Any = None) -> Any:
    """A value kept by `store_in_model`, or the default."""
    return vars(model).get(name, default)


@contextmanager
def override_attributes(owner: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Gives an algorithm or a schedule other settings for a while.

    Relies on ``lr_schedule``, ``clip_range`` and ``target_kl`` being attributes of the instance
    that ``train`` reads each time.

    Args:
        owner: An algorithm, or a schedule that is an object.
        values: Attributes of the instance by name, all of which exist.
    """
    usual = {name: vars(owner)[name] for name in values}
    vars(owner).update(values)
    try:
        yield
    finally:
        vars(owner).update(usual)


def override_learning_rate(
    model: OnPolicyAlgorithm, schedule: Callable[[float], float]
) -> AbstractContextManager[None]:
    """Lets another schedule decide the learning rate of updates for a while.

    Relies on ``BaseAlgorithm._update_learning_rate`` reading ``lr_schedule``, which only
    ``_setup_model`` sets.
    """
    return override_attributes(model, {"lr_schedule": schedule})


@contextmanager
def train_critic_only(model: OnPolicyAlgorithm, learning_rate: float) -> Iterator[None]:
    """Lets updates move the critic and leave the actor bit for bit as it is.

    Relies on the following:

    - Algorithms of PPO's kind take the gradient of one loss that reaches both: a parameter that
      asks for no gradient has none, and Adam leaves it alone.
    - TRPO asks for the actor's gradients by name, so its trust region is closed instead
      (``target_kl = 0``): the line search fails, the actor is reverted, the critic is trained.

    Args:
        model: The model.
        learning_rate: The critic's in algorithms of PPO's kind; TRPO's is the critic's anyway.
    """
    if has_trust_region(model):
        with override_attributes(model, {"target_kl": 0.0}):
            yield
        return
    actor = [
        parameter
        for name, parameter in model.policy.named_parameters()
        if parameter.requires_grad and not is_critic_parameter(name)
    ]
    with override_learning_rate(model, lambda _: learning_rate):
        try:
            for parameter in actor:
                parameter.requires_grad_(False)
            yield
        finally:
            for parameter in actor:
                parameter.requires_grad_(True)


class _WrappedUpdate:
    """Stands in for an algorithm's ``train`` once; see `wrap_next_update`."""

    def __init__(
        self, model: OnPolicyAlgorithm, context: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.model = model
        self.context = context

    def __call__(self) -> None:
        unwrap_next_update(self.model)
        with self.context():
            self.model.train()

    def excluded_save_params(self) -> list[str]:
        return [*type(self.model)._excluded_save_params(self.model), *_REPLACED]


def wrap_next_update(
    model: OnPolicyAlgorithm, context: Callable[[], AbstractContextManager[None]]
) -> None:
    """Has an algorithm's next update, and no other, run within a context.

    SB3 tells callbacks neither when an update begins, after all that is done at the end of a
    rollout, nor when it fails. So a stand-in for ``train`` is set as an attribute of the instance,
    and removes itself when it is called. A model that is saved before or after the update holds the
    settings of ordinary training, and no stand-in.

    Relies on ``OnPolicyAlgorithm.learn`` calling ``self.train()`` after each rollout, and on
    ``BaseAlgorithm.save`` leaving out what ``self._excluded_save_params()`` names.

    Args:
        model: Whose update it is.
        context: Entered right before the update and left right after it, whatever ends it.
    """
    update = _WrappedUpdate(model, context)
    vars(model).update({"train": update, "_excluded_save_params": update.excluded_save_params})


def unwrap_next_update(model: OnPolicyAlgorithm) -> None:
    """Makes a model's next update an ordinary one again, if `wrap_next_update` had changed it."""
    if isinstance(vars(model).get("train"), _WrappedUpdate):
        for name in _REPLACED:
            del vars(model)[name]


def get_dagger_trajectories(trainer: "DAggerTrainer") -> list["Trajectory"]:
    """All trajectories that DAgger has cloned, the demonstrations among them.

    Relies on imitation's ``DAggerTrainer._all_demos``.
    """
    return [trajectory for trajectory in trainer._all_demos if len(trajectory) > 0]
