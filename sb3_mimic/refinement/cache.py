"""Refined actions of earlier times, in the user's cache folder.

A file's name is a digest of everything that decides its actions: clip, robot, method, settings,
seed, cycles and the versions of the packages that compute. Actions that cannot be read from there
are computed again.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sb3_mimic.cache import cache_folder
from sb3_mimic.envs.tracking.reference import Reference
from sb3_mimic.errors import InputError
from sb3_mimic.refinement.actions import RefinedActions, load_actions, save_actions
from sb3_mimic.refinement.methods import DEFAULT_METHOD
from sb3_mimic.refinement.run import refine_reference, refinement_key, require_refinable


def refine_cached(
    reference: Reference,
    method: str = DEFAULT_METHOD,
    *,
    cycles: int = 1,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> RefinedActions:
    """As `refine_reference`, but computed once for the same arguments.

    Args:
        reference: The clip for the robot.
        method: Name of the method.
        cycles: How often a looping clip goes round.
        seed: Seed of everything random.
        settings: Changes to the method's default settings.

    Raises:
        InputError: If a name or number cannot be used, or if no actions can reproduce the clip.
    """
    key = refinement_key(reference, method, settings=settings, seed=seed, cycles=cycles)
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = cache_folder() / "refined" / f"{digest[:32]}.npz"
    if path.is_file():
        with suppress(InputError):  # a damaged file is no reason not to work
            return load_actions(path)
    require_refinable(reference)
    refined = refine_reference(reference, method, cycles=cycles, seed=seed, settings=settings)
    with suppress(InputError, OSError):
        path.unlink(missing_ok=True)
        save_actions(path, refined)
    return refined
