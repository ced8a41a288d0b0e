"""``sb3-mimic motions plot``: a picture of a motion."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from sb3_mimic.io import check_new
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from sb3_mimic.motion.clip import MotionClip
    from sb3_mimic.motion.skeletal import SkeletalMotion

_SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class MotionsPlot:
    """Draw a motion: film strip of its skeleton, joint angles, height and contact of its feet.

    A BVH or AMC file is drawn as the file has it, on its own skeleton.
    """

    motion: tyro.conf.Positional[str]
    """Name or file of the motion."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"]), optional("PATH")] = None
    """Picture to write (.png, .pdf or .svg), which must not exist; without it <name>.png here."""

    def run(self) -> int:
        """Draws it."""
        from sb3_mimic.report.motion import plot_motion

        motion = _load(self.motion)
        output = self.output or Path(f"{motion.name}.png")
        check_new(output, *_SUFFIXES)
        plot_motion(motion, output)
        print(output)
        return 0


def _load(motion: str) -> "MotionClip | SkeletalMotion":
    """The motion on its own skeleton."""
    from sb3_mimic.motion.formats import is_skeletal, load_skeletal
    from sb3_mimic.motion.sources.library import builtin_names, load_motion, motion_path

    if motion not in builtin_names():
        path = motion_path(motion)
        if is_skeletal(path):
            return load_skeletal(path)
    return load_motion(motion)
