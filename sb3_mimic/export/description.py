"""The description in an exported file: the meaning of its numbers, and where they come from."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym

from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.export.graph import PolicyGraph
from sb3_mimic.versions import versions

KEY = "sb3_mimic"
"""Name of the metadata entry, a JSON object: ONNX metadata, an extra file of TorchScript."""

INPUT, OUTPUT = "observation", "action"
"""Names of the graph's input and output."""


@dataclass(frozen=True)
class Servo:
    """Facts about a policy for the program that runs it on the robot's own computer.

    Attributes:
        history: Past actions and inertial samples in an observation.
        clock_frequency: Frequency of the clock in the observation [Hz].
        rate_limit: Fastest change of a servo's target [degrees/s].
    """

    history: int
    clock_frequency: float
    rate_limit: float


@dataclass(frozen=True)
class Description:
    """The metadata of an exported policy; its JSON form has the same names.

    Attributes:
        observation: ``shape`` of one, ``dtype``, and ``layout``: name, length and unit of each part
            in order; empty for environments of other packages.
        action: ``shape`` of one, ``low``, ``high``, and ``scaling``: what it asks of the robot.
        robot: ``name``, ``joints`` in the order of the actions, ``control_rate`` [Hz] and the
            sha256 of the MJCF; empty for other environments.
        env: ``id`` and ``kwargs`` of the environment; empty where it is not known.
        servo: A :class:`Servo`; empty for policies that cannot run on the robot's computer.
        model: ``file`` name and ``sha256`` of the SB3 zip.
        parity: Largest difference from SB3's ``predict`` and over how many observations.
        versions: Of the packages that the file was made with.
    """

    observation: Mapping[str, Any]
    action: Mapping[str, Any]
    robot: Mapping[str, Any]
    env: Mapping[str, Any]
    model: Mapping[str, Any]
    servo: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=versions)

    def to_json(self) -> str:
        """The description as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Description":
        """Reads what :meth:`to_json` wrote."""
        return cls(**json.loads(text))


def describe(
    graph: PolicyGraph, model: Path, env_id: str | None, env_kwargs: Mapping[str, Any]
) -> Description:
    """The description of a graph.

    Args:
        graph: The graph that is exported.
        model: The SB3 zip it was read from.
        env_id: Gymnasium id of its environment; None where it is not known.
        env_kwargs: The environment's keyword arguments.
    """
    observation = {"shape": list(graph.input_shape), "dtype": str(graph.input_dtype), "layout": []}
    space = graph.actor.action_space
    action = {
        "shape": list(space.shape or ()),
        "low": graph.low.tolist(),
        "high": graph.high.tolist(),
        "scaling": {},
    }
    robot: dict[str, Any] = {}
    env: dict[str, Any] = {}
    servo: dict[str, Any] = {}
    if env_id is not None:
        env = {"id": env_id, "kwargs": dict(env_kwargs)}
        with closing(gym.make(env_id, **env_kwargs)) as made:
            if isinstance(made.unwrapped, MimicEnv):
                batch = made.unwrapped.batched
                observation["layout"] = [asdict(part) for part in batch.observation_layout]
                action["scaling"] = batch.action_scaling
                servo = asdict(Servo(**batch.onboard)) if batch.onboard else {}
                robot = {
                    "name": batch.robot.name,
                    "joints": list(batch.robot.joint_names),
                    "control_rate": batch.robot.control_rate,
                    "mjcf_sha256": batch.robot.digest,
                }
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return Description(
        observation, action, robot, env, {"file": model.name, "sha256": digest}, servo
    )
