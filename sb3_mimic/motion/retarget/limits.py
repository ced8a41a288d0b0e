"""The humanoid's joint limits, from its model file and without a simulator."""

from functools import cache
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sb3_mimic.motion.skeleton import HINGE_NAMES


@cache
def humanoid_limits() -> NDArray[np.float64]:
    """Lower and upper limit of each hinge, (28, 2) [rad], read-only, in ``HINGE_NAMES``' order."""
    text = files("sb3_mimic.assets").joinpath("humanoid.xml").read_text(encoding="utf-8")
    model = ElementTree.fromstring(text)
    defaults = {
        entry.get("class"): joint.get("range")
        for entry in model.iter("default")
        if (joint := entry.find("joint")) is not None
    }
    ranges = {
        joint.get("name"): joint.get("range") or defaults[joint.get("class")]
        for joint in model.iter("joint")
        if joint.get("name")
    }
    limits = np.array([(ranges[name] or "").split() for name in HINGE_NAMES], dtype=np.float64)
    limits.flags.writeable = False
    return limits
