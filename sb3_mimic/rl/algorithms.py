"""The algorithms by name, and schedules of their learning rates.

PPO and TRPO are entries like any other; another package adds its own with
:func:`register_algorithm`. Every entry is an on-policy algorithm of SB3's kind, because cloning
trains an actor-critic policy in place.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from sb3_mimic.errors import InputError
from sb3_mimic.names import unknown_name


@dataclass(frozen=True)
class Algorithm:
    """A registered algorithm.

    Attributes:
        name: Name in the registry, as ``--algo`` takes it.
        entry_point: ``module:Class``, imported when first used.
        defaults: Keyword arguments of the constructor that differ from the class's own defaults.
    """

    name: str
    entry_point: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def load_class(self) -> type[OnPolicyAlgorithm]:
        """Imports the class.

        Raises:
            InputError: If it is no on-policy algorithm of SB3's kind.
        """
        module, _, attribute = self.entry_point.partition(":")
        cls = getattr(import_module(module), attribute)
        if not (isinstance(cls, type) and issubclass(cls, OnPolicyAlgorithm)):
            raise InputError(
                f"algorithm {self.name!r} ({self.entry_point}) must be a subclass of SB3's "
                "OnPolicyAlgorithm: cloning needs an actor-critic policy"
            )
        return cls


ALGORITHMS: dict[str, Algorithm] = {}


def register_algorithm(
    name: str,
    cls: type[OnPolicyAlgorithm] | str,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Adds an algorithm, or replaces the one of the same name.

    Args:
        name: Name in the registry, as ``--algo`` takes it.
        cls: The class, or ``module:Class``.
        defaults: Keyword arguments of its constructor, which a task's settings override.

    Example:
        >>> from stable_baselines3 import A2C
        >>> register_algorithm("a2c", A2C)
        >>> get_algorithm("a2c").load_class().__name__
        'A2C'
        >>> del ALGORITHMS["a2c"]
    """
    entry_point = cls if isinstance(cls, str) else f"{cls.__module__}:{cls.__qualname__}"
    ALGORITHMS[name] = Algorithm(name, entry_point, dict(defaults or {}))


def get_algorithm(name: str) -> Algorithm:
    """Finds an algorithm by its name.

    Raises:
        InputError: If there is none; it names the nearest.
    """
    if name not in ALGORITHMS:
        raise unknown_name("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]


register_algorithm("ppo", "stable_baselines3:PPO", {"n_epochs": 10, "clip_range": 0.2})
register_algorithm("trpo", "sb3_contrib:TRPO", {"target_kl": 0.01, "n_critic_updates": 10})


@dataclass(frozen=True)
class LinearDecay:
    """A schedule of SB3's kind that falls from ``initial`` to zero with the remaining progress.

    A class and not a closure, so that a zip stores a reference to it instead of byte code.
    """

    initial: float

    def __call__(self, progress_remaining: float) -> float:
        """The value at ``progress_remaining``, which goes from 1 to 0."""
        return self.initial * progress_remaining


class AdaptiveRate:
    """A schedule that stays below ``most`` where updates move the policy further than they should.

    The rate is ``most``, constant or falling linearly to zero, times a factor in [0.01, 1]. After
    each update the factor is multiplied by the square root of the desired divergence over the
    measured one, which grows with the square of a step; by 1.5 at most and by 1/3 at least. The
    factor begins small: how far a step of Adam's moves a policy depends on the network that cloning
    left, by orders of magnitude (DeepMimic's walk, a rate of 3e-4: a divergence of 0.2 for a clone
    of PD labels, of 85 for one of refined actions).

    The idea is that of Schulman et al. 2017, section 4 (https://arxiv.org/abs/1707.06347), on the
    learning rate instead of a penalty.

    Args:
        most: The largest rate.
        linear_decay: Whether the largest rate falls with the remaining progress.
        desired_kl: The divergence an update should make.
    """

    #: The factor at first.
    start: ClassVar = 0.1
    # Number of the update that the factor was last adapted to.
    _last_update = -1

    def __init__(self, most: float, linear_decay: bool, desired_kl: float) -> None:
        self.most = most
        self.linear_decay = linear_decay
        self.desired_kl = desired_kl
        self.factor = self.start

    def __call__(self, progress_remaining: float) -> float:
        """The rate at ``progress_remaining``, which goes from 1 to 0."""
        return self.factor * self.most * (progress_remaining if self.linear_decay else 1.0)

    def adapt(self, kl: float, update: int) -> None:
        """Adapts the factor to the divergence of an update, once however often this is called.

        Args:
            kl: The divergence.
            update: Number of the update.
        """
        if update == self._last_update:
            return
        self._last_update = update
        change = math.sqrt(self.desired_kl / max(kl, 1e-9))
        self.factor = min(1.0, max(0.01, self.factor * min(1.5, max(1 / 3, change))))


def check_on_policy(model: object, purpose: str) -> None:
    """Checks that a model is one that this package can train.

    Args:
        model: The model.
        purpose: The purpose that the message names, as its subject.

    Raises:
        InputError: If its algorithm is not on-policy.
    """
    if not isinstance(model, OnPolicyAlgorithm):
        raise InputError(
            f"{purpose} is for on-policy algorithms such as PPO and TRPO, not "
            f"{type(model).__name__}"
        )
