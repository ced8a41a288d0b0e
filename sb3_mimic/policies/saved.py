"""Models on disk: written whole or not at all, read with an error that says what is wrong.

An SB3 zip can run code when its settings are read (they are pickled): it is only ever loaded from
a path the user names. Weights alone (``.pth``) are read with ``weights_only=True``.
"""

import inspect
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch as th
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.save_util import load_from_zip_file
from stable_baselines3.common.utils import get_device

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path

# A policy is rebuilt from these entries. Everything else in a zip (schedules, last observations, …)
# is left alone, which also makes zips of other Python and NumPy versions readable.
_POLICY_DATA = ("policy_class", "policy_kwargs", "observation_space", "action_space", "use_sde")


@dataclass(frozen=True)
class PretrainedPolicy:
    """Weights to start from.

    Attributes:
        path: Where they were read.
        weights: The policy's ``state_dict``.
        policy_kwargs: The network as the zip describes it; None for bare weights.
    """

    path: Path
    weights: Mapping[str, th.Tensor]
    policy_kwargs: Mapping[str, Any] | None

    @property
    def hidden_sizes(self) -> tuple[int, ...] | None:
        """Widths of the actor's hidden layers, read off the weights; None where it has none."""
        layer = re.compile(r"mlp_extractor\.policy_net\.\d+\.weight")
        sizes = tuple(w.shape[0] for name, w in self.weights.items() if layer.fullmatch(name))
        return sizes or None


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Writes an SB3 zip that is complete whenever it is there."""
    with atomic_path(path) as temporary:
        model.save(temporary)


def save_weights(policy: BasePolicy, path: Path) -> None:
    """Writes the policy's ``state_dict``, the normalizer's statistics among it."""
    with atomic_path(path) as temporary:
        th.save(policy.state_dict(), temporary)


def read_pretrained(path: Path, device: str = "cpu") -> PretrainedPolicy:
    """Reads weights to start from.

    Args:
        path: An SB3 zip of any on-policy algorithm, or a ``.pth`` with a policy's ``state_dict``.
        device: Where the tensors go.

    Raises:
        InputError: If the file is missing, or holds neither.
    """
    _require_file(path)
    if path.suffix == ".zip":
        data, weights = _read_zip(path, device)
        return PretrainedPolicy(path, weights, data["policy_kwargs"])
    if path.suffix != ".pth":
        raise InputError(f"{path}: a pretrained model is an SB3 .zip or a .pth of its policy")
    try:
        weights = th.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: no weights could be read; a state_dict saved by torch.save is needed"
        ) from error
    if not isinstance(weights, Mapping) or not all(
        isinstance(value, th.Tensor) for value in weights.values()
    ):
        raise InputError(f"{path}: holds {type(weights).__name__}, not a policy's state_dict")
    return PretrainedPolicy(path, weights, None)


def load_weights(policy: BasePolicy, pretrained: PretrainedPolicy) -> None:
    """Puts weights into a policy of the same shape.

    Raises:
        InputError: If a tensor is missing, unknown or of another shape, naming both shapes.
    """
    own = policy.state_dict()
    for name, tensor in own.items():
        if name not in pretrained.weights:
            raise InputError(
                f"{pretrained.path}: has no {name}, which this environment's policy needs with "
                f"shape {tuple(tensor.shape)}"
            )
        given = tuple(pretrained.weights[name].shape)
        if given != tuple(tensor.shape):
            raise InputError(
                f"{pretrained.path}: {name} has shape {given}, but this environment's policy "
                f"needs {tuple(tensor.shape)}"
            )
    unknown = [name for name in pretrained.weights if name not in own]
    if unknown:
        raise InputError(
            f"{pretrained.path}: has {unknown[0]}, which this environment's policy has not"
        )
    policy.load_state_dict(dict(pretrained.weights))


def load_policy(path: Path, device: str = "cpu") -> BasePolicy:
    """Rebuilds the policy of any SB3 model, whatever algorithm trained it.

    Only the policy: enough to act, evaluate and demonstrate.

    Args:
        path: An SB3 zip.
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        InputError: If the file is missing or no SB3 model.

    Example:
        >>> import numpy as np
        >>> from stable_baselines3 import PPO
        >>> PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64).save("model.zip")
        >>> load_policy(Path("model.zip")).predict(np.zeros((5, 3)))[0].shape
        (5, 1)
    """
    _require_file(path)
    data, weights = _read_zip(path, device)
    cls = data["policy_class"]
    kwargs = dict(data["policy_kwargs"])
    if "use_sde" in inspect.signature(cls.__init__).parameters:
        kwargs.setdefault("use_sde", data.get("use_sde", False))
    policy: BasePolicy = cls(
        data["observation_space"], data["action_space"], _no_learning, **kwargs
    )
    load_weights(policy, PretrainedPolicy(path, weights, kwargs))
    policy.set_training_mode(False)
    return policy.to(get_device(device))


def read_timesteps(path: Path) -> int | None:
    """The number of environment steps behind an SB3 zip; None if it is no whole SB3 zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            return int(json.loads(archive.read("data"))["num_timesteps"])
    except (OSError, zipfile.BadZipFile, KeyError, ValueError):
        return None


def _require_file(path: Path) -> None:
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"{path}: {kind}; an SB3 model file is needed")


def _read_zip(path: Path, device: str) -> tuple[dict[str, Any], Mapping[str, th.Tensor]]:
    """The settings of a zip's policy and its weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            keys = json.loads(archive.read("data")).keys()
        unused = {key: None for key in keys if key not in _POLICY_DATA}
        data, parameters, _ = load_from_zip_file(path, custom_objects=unused, device=device)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError) as error:
        raise InputError(f"{path}: is no model saved by Stable-Baselines3") from error
    except ImportError as error:
        raise InputError(f"{path}: needs {error.name}, which is not installed") from error
    if data is None or "policy" not in parameters or not set(_POLICY_DATA[:4]) <= data.keys():
        raise InputError(f"{path}: is no model saved by Stable-Baselines3")
    weights: Any = parameters["policy"]  # SB3 calls a state_dict a tensor
    return data, weights


def _no_learning(_: float) -> float:
    """The learning-rate schedule of a policy that only acts."""
    return 0.0
