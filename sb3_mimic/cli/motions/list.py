"""``sb3-mimic motions list``: which clips there are."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MotionsList:
    """List the built-in clips."""

    json: bool = False
    """As JSON."""

    def run(self) -> int:
        """Prints a line a clip."""
        from sb3_mimic.motion import list_motions

        found = list_motions()
        if self.json:
            print(json.dumps([asdict(info) for info in found], indent=2))
            return 0
        width = max((len(info.name) for info in found), default=0)
        for info in found:
            kind = "loop" if info.loop else "once"
            print(
                f"{info.name:<{width}}  {info.duration:6.2f} s  {info.n_frames:5d} frames  "
                f"{info.fps:5.1f} Hz  {kind}  {info.speed:5.2f} m/s"
            )
        return 0
