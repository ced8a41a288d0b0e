"""DeepMimic's figures, to stand beside those of a run whose clip is one of its clips.

Peng, Abbeel, Levine, van de Panne, DeepMimic, ACM Trans. Graph. 37(4), 2018: samples and normalized
return per skill (tables in section 9), and the largest push of 0.2 s at the root that was survived.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sb3_mimic.motion import MotionClip

# Two of DeepMimic's clips differ by far more than this, the same clip read twice by far less.
_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Published:
    """DeepMimic's figures for a skill.

    Attributes:
        skill: Its name there.
        samples: Millions of environment steps.
        normalized_return: In [0, 1].
        push: Largest push survived, forward and sideways [N]; None where none is reported.
    """

    skill: str
    samples: int
    normalized_return: float
    push: tuple[int, int] | None = None

    def figures(self) -> dict[str, float]:
        """By the names that an evaluation has them under."""
        found = {"normalized_return": self.normalized_return}
        if self.push is not None:
            found["push_forward_N"], found["push_sideways_N"] = self.push
        return found


#: By skill, in the paper's order of returns.
SKILLS: Final = {
    published.skill: published
    for published in (
        Published("walk", 61, 0.985, (240, 300)),
        Published("run", 53, 0.951, (720, 300)),
        Published("jog", 51, 0.951),
        Published("jump", 86, 0.947),
        Published("crawl", 68, 0.932),
        Published("getup_facedown", 49, 0.885),
        Published("dance_a", 67, 0.863),
        Published("kick", 50, 0.854),
        Published("getup_faceup", 66, 0.838),
        Published("dance_b", 79, 0.822),
        Published("punch", 60, 0.812),
        Published("sideflip", 64, 0.805),
        Published("cartwheel", 51, 0.804, (200, 470)),
        Published("spinkick", 67, 0.748, (690, 600)),
        Published("roll", 81, 0.735),
        Published("backflip", 72, 0.729, (440, 100)),
        Published("spin", 191, 0.664),
    )
}


@dataclass(frozen=True)
class _Content:
    """Content that tells a clip from others, whatever its name.

    Attributes:
        duration: [s].
        height: Mean height of the root [m].
        angle: Root mean square of the hinges' angles [rad].
        path: Length of the root's path over the ground [m].
    """

    duration: float
    height: float
    angle: float
    path: float


# Measured on those clips of github.com/xbpeng/DeepMimic that are at hand, as this package reads
# them.
_CONTENTS: Final = {
    "walk": _Content(1.2666, 0.8619, 0.2704, 1.2432),
    "run": _Content(0.8000, 0.8260, 0.5896, 2.8454),
    "jog": _Content(0.8333, 0.8711, 0.5808, 2.3336),
    "jump": _Content(1.7666, 0.8351, 0.4533, 1.2837),
    "getup_facedown": _Content(3.0332, 0.4367, 0.6667, 0.7131),
    "dance_a": _Content(1.6166, 0.8270, 0.6988, 1.4187),
    "kick": _Content(1.5333, 0.8226, 0.7216, 1.4335),
    "backflip": _Content(1.7500, 0.8722, 0.5743, 1.6115),
    "spin": _Content(4.4167, 0.8609, 0.4647, 3.0642),
}


def find_published(clip: MotionClip) -> Published | None:
    """DeepMimic's figures for a clip, by what is in it; None where it is none of its clips."""
    steps = np.diff(clip.root_position[:, :2], axis=0)
    found = (
        clip.duration,
        clip.root_position[:, 2].mean(),
        np.sqrt(np.square(clip.joint_angles).mean()),
        np.hypot(*steps.T).sum(),
    )
    for skill, content in _CONTENTS.items():
        known = (content.duration, content.height, content.angle, content.path)
        if np.allclose(found, known, rtol=_TOLERANCE, atol=0.0):
            return SKILLS[skill]
    return None
