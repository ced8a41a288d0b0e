"""Exports an SB3 model, and checks that the file acts as the model does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy

from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.errors import InputError
from sb3_mimic.export.description import Description, describe
from sb3_mimic.export.files import SUFFIXES, Format, Writer, load_exported
from sb3_mimic.export.graph import PolicyGraph, random_observations
from sb3_mimic.io import atomic_path
from sb3_mimic.policies.asymmetric import AsymmetricPolicy, extract_actor
from sb3_mimic.tasks import TASKS

TOLERANCE = 1e-5
"""Largest difference between an action of the file and SB3's; single precision leaves 1e-6."""

_N_PROBES = 256
_ROLLOUT_ENVS = 8


@dataclass(frozen=True)
class ExportResult:
    """The result of an export.

    Attributes:
        path: The file.
        description: The description in it.
    """

    path: Path
    description: Description

    @property
    def difference(self) -> float:
        """Largest difference from SB3's actions."""
        return float(self.description.parity["max_difference"])


def export_policy(
    policy: BasePolicy,
    model: Path,
    output: Path,
    *,
    file_format: Format = "onnx",
    env_id: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    for_robot: bool = False,
) -> ExportResult:
    """Writes a policy as a file that runs without SB3, if it acts as SB3 does.

    If the critic sees more than the actor, the file takes the actor's part of observations. The
    actions are compared one by one and in a batch: for observations of a rollout, if the
    environment is known, and for random ones that reach far beyond.

    Args:
        policy: The policy, on the processor; see :func:`sb3_mimic.policies.saved.load_policy`.
        model: The SB3 zip it was read from, for its name and its sha256.
        output: The file, which is replaced; its suffix is the format's.
        file_format: ``onnx`` or ``torchscript``.
        env_id: Gymnasium id of the environment, which the file then describes.
        env_kwargs: Its keyword arguments.
        for_robot: Whether the policy is to run on the robot's own computer; one that cannot is
            refused.

    Raises:
        InputError: If the policy cannot be exported, or cannot run where it is meant to, or the
            actions differ by more than 1e-5; then nothing is written.

    Example:
        >>> import numpy as np
        >>> from stable_baselines3 import PPO
        >>> zip_file = Path("model.zip")
        >>> model = PPO("MlpPolicy", "Pendulum-v1", n_steps=64, batch_size=64, device="cpu")
        >>> model.save(zip_file)
        >>> done = export_policy(model.policy, zip_file, Path("pendulum.onnx"))
        >>> load_exported(done.path).predict(np.zeros(3, np.float32))[0].shape
        (1,)
    """
    if output.suffix != SUFFIXES[file_format]:
        raise InputError(f"{output}: a file of {file_format} must end in {SUFFIXES[file_format]}")
    kwargs = dict(env_kwargs or {})
    if isinstance(policy, AsymmetricPolicy):
        policy, kwargs["privileged"] = extract_actor(policy), False
    graph = PolicyGraph(policy)
    description = describe(graph, model, env_id, kwargs)
    if for_robot and not description.servo:
        others = [
            f"--env {task.name}"
            for task in TASKS.values()
            if task.program_writer is not None and task.env_id != env_id
        ]
        raise InputError(
            f"{model}: observes what no robot measures; a program for the robot (--servo) needs a "
            f"policy that was trained on what its own sensors give ({' or '.join(others)})"
        )
    observations = random_observations(policy, _N_PROBES)
    if env_id is not None:
        observations = np.concatenate((_rollout(policy, env_id, kwargs), observations))
    writer = Writer.trace(graph, file_format)
    with atomic_path(output) as temporary:
        writer.write(temporary, description)
        difference = _difference(policy, temporary, observations)
        if not difference <= TOLERANCE:
            raise InputError(
                f"{output}: not written, since its actions would differ from SB3's by "
                f"{difference:.2g}, more than {TOLERANCE:.0e}"
            )
        parity = {"max_difference": difference, "observations": len(observations)}
        description = replace(description, parity=parity)
        writer.write(temporary, description)
    return ExportResult(output, description)


def _difference(policy: BasePolicy, path: Path, observations: NDArray[Any]) -> float:
    """Largest difference between the file's and SB3's actions, in a batch and one by one."""
    exported = load_exported(path)
    expected, _ = policy.predict(observations, deterministic=True)
    batch = exported.predict(observations)[0]
    singly = np.stack([exported.predict(observation)[0] for observation in observations])
    return float(max(np.abs(batch - expected).max(), np.abs(singly - expected).max()))


def _rollout(policy: BasePolicy, env_id: str, env_kwargs: Mapping[str, Any]) -> NDArray[Any]:
    """Observations of a rollout in which every other step is noisy, to reach more of them.

    Raises:
        InputError: If the policy is for other observations than the environment's.
    """
    envs = make_envs(env_id, _ROLLOUT_ENVS, seed=0, env_kwargs=env_kwargs)
    try:
        shape = envs.observation_space.shape or ()
        wanted = PolicyGraph(policy).input_shape
        if shape != wanted:
            raise InputError(
                f"the policy observes {wanted}, the environment {env_id} gives {shape}"
            )
        observations = [np.asarray(envs.reset())]
        for step in range(_N_PROBES // _ROLLOUT_ENVS - 1):
            actions, _ = policy.predict(observations[-1], deterministic=step % 2 == 0)
            observations.append(np.asarray(envs.step(actions)[0]))
        return np.concatenate(observations)
    finally:
        envs.close()
