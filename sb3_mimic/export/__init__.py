"""Policies as files that run without Stable-Baselines3: ONNX and TorchScript.

The observation's normalizer and the clipping of actions are inside the graph, what an observation
and an action mean is written into the file, and no file is written whose actions are not those of
SB3's ``predict``.
"""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.export.files import load_exported as load_exported
    from sb3_mimic.export.policy import ExportResult as ExportResult
    from sb3_mimic.export.policy import export_policy as export_policy

__getattr__ = lazy_exports(
    __name__,
    {
        "ExportResult": "sb3_mimic.export.policy",
        "export_policy": "sb3_mimic.export.policy",
        "load_exported": "sb3_mimic.export.files",
    },
)

__all__ = [
    "ExportResult",
    "export_policy",
    "load_exported",
]
