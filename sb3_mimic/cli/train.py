"""``sb3-mimic train``: the whole pipeline."""

import shlex
import sys
from dataclasses import dataclass, fields

from sb3_mimic.training.config import TrainConfig


@dataclass(frozen=True)
class Train(TrainConfig):
    """Collect demonstrations, clone them, fine-tune by reinforcement learning, evaluate, film."""

    def __post_init__(self) -> None:
        """Checked when it runs: an error within the parser would come in its own frame."""

    def run(self) -> int:
        """Runs the job and prints where its results are."""
        config = TrainConfig(**{f.name: getattr(self, f.name) for f in fields(TrainConfig)})
        from sb3_mimic.training.figures import format_figures
        from sb3_mimic.training.pipeline import TrainingInterrupted, train

        try:
            result = train(config, log=_print, progress_bar=sys.stderr.isatty())
        except TrainingInterrupted as interrupt:
            path = shlex.quote(str(interrupt.run.path))
            print(f"\nstopped; continue with: sb3-mimic train --resume {path}", file=sys.stderr)
            return 130
        run = result.run
        print(format_figures(result.evaluation))
        print(f"model:      {run.model}")
        print(f"evaluation: {run.evaluation}")
        if result.video is not None:
            print(f"video:      {result.video}")
        if result.report is not None:
            print(f"report:     {result.report}")
        return 0


def _print(sentence: str) -> None:
    print(sentence, flush=True)
