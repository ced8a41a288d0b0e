"""Figures of DeepMimic, to stand beside a run's own where the clip is one of its clips.

Peng, Abbeel, Levine, van de Panne, DeepMimic, ACM Trans. Graph. 37(4), 2018: samples and normalized
return per skill (tables in section 9), and the largest push of 0.2 s at the root that was survived.
"""

from dataclasses import dataclass

import numpy as np

from sb3_mimic.motion import MotionClip

# Two of DeepMimic's clips differ by far more than this, the same clip read twice by far less.
_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Published:
    """What DeepMimic reports for a skill.

    Attributes:
        skill: Its name there.
        samples: Millions of environment steps.
        normalized_return: In [0, 1].
        push_forward: Largest push survived, forward [N]; None where none is reported.
        push_sideways: The same, sideways [N].
    """

    skill: str
    samples: float
    normalized_return: float
    push_forward: float | None = None
    push_sideways: float | None = None

    def figures(self) -> dict[str, float]:
        """By the names that an evaluation has them under."""
        found = {
            "normalized_return": self.normalized_return,
            "push_forward_N": self.push_forward,
            "push_sideways_N": self.push_sideways,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class _Content:
    """What tells a clip from others, whatever it is called.

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


# Measured on the clips of github.com/xbpeng/DeepMimic, as this package reads them.
_CLIPS = (
    (_Content(1.2666, 0.8619, 0.2704, 1.2432), Published("walk", 61, 0.985, 240, 300)),
    (_Content(0.8000, 0.8260, 0.5896, 2.8454), Published("run", 53, 0.951, 720, 300)),
    (_Content(0.8333, 0.8711, 0.5808, 2.3336), Published("jog", 51, 0.951)),
    (_Content(1.7666, 0.8351, 0.4533, 1.2837), Published("jump", 86, 0.947)),
    (_Content(3.0332, 0.4367, 0.6667, 0.7131), Published("getup_facedown", 49, 0.885)),
    (_Content(1.6166, 0.8270, 0.6988, 1.4187), Published("dance_a", 67, 0.863)),
    (_Content(1.5333, 0.8226, 0.7216, 1.4335), Published("kick", 50, 0.854)),
    (_Content(1.7500, 0.8722, 0.5743, 1.6115), Published("backflip", 72, 0.729, 440, 100)),
    (_Content(4.4167, 0.8609, 0.4647, 3.0642), Published("spin", 191, 0.664)),
)


def published_for(clip: MotionClip) -> Published | None:
    """DeepMimic's figures for a clip, by what is in it; None where it is none of its clips."""
    steps = np.diff(clip.root_position[:, :2], axis=0)
    found = (
        clip.duration,
        clip.root_position[:, 2].mean(),
        np.sqrt(np.square(clip.joint_angles).mean()),
        np.hypot(*steps.T).sum(),
    )
    for content, published in _CLIPS:
        known = (content.duration, content.height, content.angle, content.path)
        if np.allclose(found, known, rtol=_TOLERANCE, atol=0.0):
            return published
    return None
