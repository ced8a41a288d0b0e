"""Guesses which joint is which part of a body, for skeletons of no known family."""

import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.skeletons.sides import SIDES
from sb3_mimic.motion.skeletons.tree import JointTree

#: What joints of the limbs are called without their side, the surest first. A bare "leg" or "arm"
#: is the thigh or the shin depending on what else there is, so those come last.
_WORDS: Final = {
    "hip": ("upleg", "upperleg", "legupper", "thigh", "upperthigh", "femur", "hip", "leg"),
    "knee": ("lowleg", "lowerleg", "leglower", "shin", "shank", "calf", "tibia", "knee", "leg"),
    "ankle": ("ankle", "foot"),
    "toe": ("toebase", "toe", "toes", "ball", "foottoe"),
    "shoulder": ("uparm", "upperarm", "armupper", "humerus", "shldr", "arm", "shoulder"),
    "elbow": ("forearm", "lowarm", "lowerarm", "armlower", "radius", "ulna", "elbow"),
    "wrist": ("wrist", "hand", "palm"),
}

_SIDE_WORDS: Final = {"l": "left", "left": "left", "r": "right", "right": "right"}

#: Bones shorter than this share of the figure are no limbs: helpers at the place of a joint.
_SHORT: Final = 0.01

#: Bones at least this share of the longest of their chain are thigh, shin, upper arm or forearm.
_LONG: Final = 0.5


def guess_by_names(tree: JointTree) -> dict[str, str]:
    """Joints by part, as far as their names tell; chest and root from where limbs come together."""
    sided: dict[str, dict[str, int]] = {side: {} for side in SIDES}
    plain: dict[str, int] = {}
    for index, name in enumerate(tree.names):
        if tree.end_site[index]:
            continue
        side, word = split_name(name)
        (sided[side] if side else plain).setdefault(word, index)
    found: dict[str, int] = {}
    for side in SIDES:
        for part, words in _WORDS.items():
            taken = set(found.values())
            for word in words:
                if word in sided[side] and sided[side][word] not in taken:
                    found[f"{side}_{part}"] = sided[side][word]
                    break
    if "head" in plain:
        found["neck"] = plain["head"]
    found |= _meeting_points(tree, found)
    return {part: tree.names[index] for part, index in found.items()}


def split_name(name: str) -> tuple[str | None, str]:
    """Side ("left", "right" or None) and the rest of a name: "mixamorig:LeftUpLeg", "thigh_L"."""
    bare = re.split(r"[:|]", name)[-1]
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", bare)
    words = [word.lower() for word in words]
    side = None
    for place in (0, -1):
        if words and words[place] in _SIDE_WORDS:
            side = _SIDE_WORDS[words.pop(place)]
            break
    rest = "".join(words)
    if side is None:
        for word in ("left", "right", "l", "r"):
            known = any(rest == word + part for parts in _WORDS.values() for part in parts)
            if known or (len(word) > 1 and rest.startswith(word)):
                return _SIDE_WORDS[word], rest.removeprefix(word)
    return side, rest


def guess_by_shape(tree: JointTree) -> dict[str, str]:
    """Joints by part from the tree and its rest pose alone; empty where it is no such body.

    The pelvis is the first joint from which two chains end far below it, the chest the first above
    it with a head and two arms. A limb's joints lie at the ends of its last two long bones. Left is
    where the toes' direction and up say it is.
    """
    rest = tree.rest_positions
    size = float(np.ptp(rest, axis=0).max())
    pelvis, legs = _pelvis(tree, rest, size)
    if pelvis < 0:
        return {}
    chest, head, arms = _chest(tree, rest, size, pelvis, {joint for leg in legs for joint in leg})
    limbs = [_limb(tree, chain, size) for chain in (*legs, *arms)]
    if chest < 0 or any(len(limb) < 3 for limb in limbs):
        return {}
    forward = sum(rest[leg[-1]] - rest[limb[2]] for leg, limb in zip(legs, limbs, strict=False))
    left = np.cross((0.0, 0.0, 1.0), forward)
    branching = [joint for joint in head if len(tree.children(joint)) > 1]
    turning = [joint for joint in head if not tree.end_site[joint]]
    found = {"root": pelvis, "chest": chest, "neck": (branching[:1] or turning[-1:] or head[:1])[0]}
    for names, pair in (
        (("hip", "knee", "ankle", "toe"), limbs[:2]),
        (("shoulder", "elbow", "wrist"), limbs[2:]),
    ):
        order = sorted(pair, key=lambda limb: float(rest[limb[:3]].mean(axis=0) @ left))
        for side, limb in zip(SIDES, order, strict=True):
            found |= {f"{side}_{part}": joint for part, joint in zip(names, limb, strict=False)}
    return {part: tree.names[index] for part, index in found.items()}


def _pelvis(tree: JointTree, rest: FloatArray, size: float) -> tuple[int, list[list[int]]]:
    """The joint that two legs hang from, and the legs; -1 where there is none."""
    for joint in range(tree.n_joints):
        chains = [_longest_chain(tree, child) for child in tree.children(joint)]
        legs = [chain for chain in chains if rest[chain[-1], 2] < rest[joint, 2] - 0.25 * size]
        if len(legs) >= 2:
            return joint, sorted(legs, key=lambda chain: float(rest[chain[-1], 2]))[:2]
    return -1, []


def _chest(
    tree: JointTree, rest: FloatArray, size: float, pelvis: int, in_legs: set[int]
) -> tuple[int, list[int], list[list[int]]]:
    """The joint that a head and two arms hang from, the head and the arms; -1 where none is."""
    for joint in range(tree.n_joints):
        line = {joint, *tree.ancestors(joint)}
        if pelvis not in line or line & in_legs:
            continue
        branches = [child for child in tree.children(joint) if child not in in_legs]
        chains = [_longest_chain(tree, child) for child in branches]
        chains = [chain for chain in chains if _length(tree, chain) > 0.05 * size]
        if len(chains) >= 3:
            out = [float(np.linalg.norm(rest[c[-1], :2] - rest[joint, :2])) for c in chains]
            head = chains.pop(int(np.argmin(out)))
            return joint, head, sorted(chains, key=lambda chain: -_length(tree, chain))[:2]
    return -1, [], []


def _meeting_points(tree: JointTree, found: dict[str, int]) -> dict[str, int]:
    """The root, where the legs come together, and the chest, where the arms do."""
    points = {}
    for part, limb in (("root", "hip"), ("chest", "shoulder")):
        pair = [found.get(f"{side}_{limb}") for side in SIDES]
        if pair[0] is not None and pair[1] is not None:
            others = set(tree.ancestors(pair[1]))
            common = [joint for joint in tree.ancestors(pair[0]) if joint in others]
            if common:
                points[part] = common[0]
    return points


def _longest_chain(tree: JointTree, joint: int) -> list[int]:
    """The joints from one to the end that is farthest along the bones."""
    tails = [_longest_chain(tree, child) for child in tree.children(joint)]
    return [joint, *max(tails, key=lambda tail: _length(tree, tail), default=[])]


def _length(tree: JointTree, chain: Iterable[int]) -> float:
    """Length of the bones that lead to a chain's joints [m]."""
    return float(sum(np.linalg.norm(tree.offsets[joint]) for joint in chain))


def _limb(tree: JointTree, chain: list[int], size: float) -> list[int]:
    """Joints at the ends of the last two long bones in a row of a chain, and the one after them."""
    lengths = [float(np.linalg.norm(tree.offsets[joint])) for joint in chain]
    joints = [j for i, j in enumerate(chain) if i == 0 or lengths[i] > _SHORT * size]
    bones = [float(np.linalg.norm(tree.offsets[joint])) for joint in joints[1:]]
    least = _LONG * max(bones, default=0.0)
    pairs = [i for i in range(len(bones) - 1) if min(bones[i], bones[i + 1]) >= least]
    if not pairs:
        return []
    return [joint for joint in joints[pairs[-1] : pairs[-1] + 4] if not tree.end_site[joint]]
