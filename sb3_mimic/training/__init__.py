"""The training job: configuration, demonstrations, run folder, policies that are shared."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.training.config import TrainConfig as TrainConfig
    from sb3_mimic.training.pipeline import TrainingInterrupted as TrainingInterrupted
    from sb3_mimic.training.pipeline import TrainResult as TrainResult
    from sb3_mimic.training.pipeline import train as train
    from sb3_mimic.training.run import RunFolder as RunFolder
    from sb3_mimic.training.trained import open_trained as open_trained

_ROOM = "sb3_mimic.training"

__getattr__ = lazy_exports(
    __name__,
    {
        "RunFolder": f"{_ROOM}.run",
        "TrainConfig": f"{_ROOM}.config",
        "TrainResult": f"{_ROOM}.pipeline",
        "TrainingInterrupted": f"{_ROOM}.pipeline",
        "open_trained": f"{_ROOM}.trained",
        "train": f"{_ROOM}.pipeline",
    },
)

__all__ = [
    "RunFolder",
    "TrainConfig",
    "TrainResult",
    "TrainingInterrupted",
    "open_trained",
    "train",
]
