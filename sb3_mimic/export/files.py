"""Exported files: written by torch, read by onnxruntime or torch, both with SB3's ``predict``."""

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch as th
from numpy.typing import NDArray

from sb3_mimic.errors import InputError
from sb3_mimic.export.description import INPUT, KEY, OUTPUT, Description
from sb3_mimic.export.graph import PolicyGraph
from sb3_mimic.extras import require

Format = Literal["onnx", "torchscript"]

SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "torchscript": ".pt"}

# Operators of the file: what onnxruntime 1.14 and later run, as a robot's older Python may have it.
_OPSET = 18


class ExportedPolicy(ABC):
    """A policy read from an exported file, with SB3's ``predict``.

    Attributes:
        description: The description in the file.
    """

    description: Description

    @abstractmethod
    def run(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """Actions ``(n, nu)`` for observations ``(n, *shape)`` of the right number type."""

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """The action for an observation, or those for a batch, as SB3's ``predict`` gives them.

        Args:
            observation: Of the environment, ``(*shape)`` or ``(n, *shape)``.
            state: Returned as it is; these policies have no memory.
            episode_start: Ignored.
            deterministic: Ignored; actions are always deterministic.

        Raises:
            InputError: If the observation has another shape.
        """
        del episode_start, deterministic
        expected = self.description.observation
        shape, array = tuple(expected["shape"]), np.asarray(observation, expected["dtype"])
        if array.shape == shape:
            return self.run(array[None])[0], state
        if array.shape[1:] != shape:
            raise InputError(f"the policy observes {shape} or a batch of it, not {array.shape}")
        return self.run(array), state


class OnnxPolicy(ExportedPolicy):
    """An ``.onnx`` file in onnxruntime, on one thread: these networks are small.

    Args:
        path: The file.

    Raises:
        InputError: If onnxruntime is not installed, or the file is none of this package's.
    """

    def __init__(self, path: Path) -> None:
        require("export", "onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own, a class for each cause
            raise InputError(f"{path}: cannot be read as ONNX ({error})") from error
        entries = self._session.get_modelmeta().custom_metadata_map
        self.description = _read_description(path, entries.get(KEY))

    def run(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """See :class:`ExportedPolicy`."""
        actions: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: observations})[0]
        return actions


class TorchScriptPolicy(ExportedPolicy):
    """A TorchScript file.

    Args:
        path: The file.

    Raises:
        InputError: If the file is none of this package's.
    """

    def __init__(self, path: Path) -> None:
        extra = {KEY: ""}
        try:
            with _suppress_warnings():
                self._module = th.jit.load(  # type: ignore[no-untyped-call]
                    str(path), map_location="cpu", _extra_files=extra
                )
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as TorchScript ({error})") from error
        self.description = _read_description(path, extra[KEY])

    @th.no_grad()
    def run(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """See :class:`ExportedPolicy`."""
        actions: NDArray[np.float32] = self._module(th.from_numpy(observations)).numpy()
        return actions


@dataclass(frozen=True)
class Writer:
    """Writes one graph with its description.

    Tracing takes seconds, the description is known after a first reading (it tells the parity):
    hence a graph is traced once and written as often as need be.
    """

    graph: Any
    format: Format

    @classmethod
    def trace(cls, graph: PolicyGraph, file_format: Format) -> "Writer":
        """Traces the graph.

        Raises:
            InputError: If what the format needs is not installed.
        """
        graph.eval()
        # Two, since a batch of one would be taken for a constant.
        example = graph.example(2)
        with th.no_grad(), _suppress_warnings():
            if file_format == "torchscript":
                # Frozen: the critic, which nothing computes with, stays out of the file.
                traced = th.jit.trace(graph, example)  # type: ignore[no-untyped-call]
                return cls(th.jit.freeze(traced), file_format)
            require("export", "onnx", "onnxscript", "onnxruntime")
            program = th.onnx.export(
                graph,
                (example,),
                dynamo=True,
                opset_version=_OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: th.export.Dim.DYNAMIC},),
                verbose=False,
            )
        return cls(program, file_format)

    def write(self, path: Path, description: Description) -> None:
        """Writes the file."""
        text = description.to_json()
        if self.format == "torchscript":
            with _suppress_warnings():
                th.jit.save(self.graph, str(path), _extra_files={KEY: text})
            return
        self.graph.model.metadata_props[KEY] = text
        self.graph.save(path, external_data=False)


def load_exported(path: str | Path) -> ExportedPolicy:
    """Reads an exported policy.

    Args:
        path: An ``.onnx`` or TorchScript (``.pt``) file of ``sb3-mimic export``.

    Returns:
        A policy with SB3's ``predict``, for :func:`sb3_mimic.evaluation.protocol.evaluate` and
        others.

    Raises:
        InputError: If there is no such file, or it is none of this package's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: does not exist; a file of sb3-mimic export is needed")
    if path.suffix == SUFFIXES["onnx"]:
        return OnnxPolicy(path)
    if path.suffix == SUFFIXES["torchscript"]:
        return TorchScriptPolicy(path)
    raise InputError(f"{path}: must end in {' or '.join(SUFFIXES.values())}")


def _read_description(path: Path, text: str | bytes | None) -> Description:
    if not text:
        raise InputError(f"{path}: has no description; a file of sb3-mimic export is needed")
    return Description.from_json(text.decode() if isinstance(text, bytes) else text)


@contextmanager
def _suppress_warnings() -> Iterator[None]:
    """Hides the exporters' warnings.

    TorchScript is deprecated, and asked for by name here; the other one warns of torchvision's
    operators and of a name within torch.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
