"""The policy in onnxruntime."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.export.pidog.onboard.errors import BadInputError

FloatArray = NDArray[np.float64]


class Policy:
    """An exported policy in onnxruntime.

    Args:
        model: The ONNX file's bytes.

    Raises:
        BadInputError: If it is no policy that observes only what the robot knows.
    """

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
            entries = self._session.get_modelmeta().custom_metadata_map
            servo = json.loads(entries["sb3_mimic"])["servo"]
            self.history = int(servo["history"])
            self.clock_frequency = float(servo["clock_frequency"])
            self.rate_limit = float(servo["rate_limit"])
        except Exception as error:  # a class for each cause, all onnxruntime's own
            raise BadInputError(
                "no policy for the robot could be read; it must be exported with --servo "
                f"({error!r})"
            ) from error

    def __call__(self, observation: NDArray[np.float32]) -> FloatArray:
        """The action ``(8,)`` in [-1, 1] for an observation ``(14 k + 4,)``."""
        action = self._session.run(["action"], {"observation": observation[None]})[0][0]
        return np.asarray(action, np.float64)
