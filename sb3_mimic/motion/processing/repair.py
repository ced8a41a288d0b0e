"""Repairing what `sb3_mimic.motion.lint` finds, where it can be done without guessing."""

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.ndimage import convolve1d, maximum_filter1d

from sb3_mimic.arrays import FloatArray
from sb3_mimic.motion.clip import MotionClip
from sb3_mimic.motion.hinges import rotation_to_hinges
from sb3_mimic.motion.lint.measures import ground_level, joint_quaternions
from sb3_mimic.motion.lint.sudden import Event, expected_pose, find_spikes
from sb3_mimic.motion.processing.loop import close_loop
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.skeletons.kinematics import lowest_points
from sb3_mimic.spatial import continuous_signs, rotation

#: Height error of the ground that is left alone [m]: contact itself gives way by as much.
GROUND_TOLERANCE: Final = 0.005

#: Time [s] over which a push against the ground is held on either side, and smoothed: 5 cm cost at
#: most 2 m/s².
PUSH_TIME: Final = 0.2

#: Excess over a joint's limit that is left alone [rad].
LIMIT_TOLERANCE: Final = 1e-3

#: Distance to a limit from which an angle that will exceed it is eased in [rad].
LIMIT_MARGIN: Final = 0.05

#: Rounds after which repairing ends. The second finds what the first uncovered, such as a spike
#: at the seam that only a closed loop shows; it has never taken more than three.
_ROUNDS: Final = 6

#: Frames named in a change.
_NAMED: Final = 5


def repair(clip: MotionClip, joint_range: FloatArray | None = None) -> tuple[MotionClip, list[str]]:
    """Repairs spikes, the seam of a loop, joint limits and the height of the ground.

    - A frame off for itself is put on the cubic through its neighbors.
    - The seam of a loop is closed (`close_loop`).
    - Angles of a hinge that exceeds its limit are eased into it: x becomes
      l − m exp(−(x − l + m)/m) beyond l − m, so that the speed has no jump where it begins.
    - A clip that lies too low or high as a whole is moved vertically; frames that are still under
      the ground are pushed up, smoothly in time.

    Repairing a repaired clip changes nothing. What would take a guess is left: teleports, hovering,
    wrong rates, sliding feet, repeated frames.

    Args:
        clip: A clip of the character.
        joint_range: Lower and upper limit of each hinge, (nj, 2) [rad], in the clip's order;
            without it limits are not looked at.

    Returns:
        The repaired clip, and what was changed, one sentence each; the same clip and an empty list
        where there was nothing to repair.

    Raises:
        InputError: If the clip is not the character's.
    """
    CHARACTER.require_hinges(clip.joint_names, "repairing a clip")
    changes: list[str] = []
    for _ in range(_ROUNDS):
        clip, changed = _round(clip, joint_range)
        if not changed:
            break
        changes += changed
    return clip, changes


def _round(clip: MotionClip, joint_range: FloatArray | None) -> tuple[MotionClip, list[str]]:
    """One pass of all repairs; the ground comes last because the others move the feet."""
    changes = []
    spikes = find_spikes(clip)
    if spikes:
        clip = _remove_spikes(clip, spikes)
        frames = sorted({spike.frame for spike in spikes})
        named = ", ".join(map(str, frames[:_NAMED])) + (", …" if len(frames) > _NAMED else "")
        worst = max(spikes, key=lambda spike: spike.value)
        unit = "m" if worst.joint == "root position" else "rad"
        changes.append(
            f"spikes: {'frame' if len(frames) == 1 else f'{len(frames)} frames:'} {named} put "
            f"between the neighbors ({worst.joint} was off by {worst.value:.2f} {unit})"
        )
    if clip.loop and not clip.closed:
        clip, seam = close_loop(clip)
        joint, angle = seam.worst
        changes.append(
            f"seam: {angle:.3f} rad ({joint}) and {seam.height:+.3f} m of height blended out over "
            f"{seam.blend_time:.2f} s on either side"
        )
    if joint_range is not None:
        clip, limited = _limit_angles(clip, joint_range)
        changes += limited
    clip, grounded = _put_on_ground(clip)
    return clip, changes + grounded


def _remove_spikes(clip: MotionClip, spikes: list[Event]) -> MotionClip:
    """Each spike on the curve through its neighbors.

    Where several joints are off together the whole pose is replaced: one joint then makes up for
    another, as a chest does for a pelvis that was fitted wrong.
    """
    by_frame: dict[int, list[str]] = {}
    for spike in spikes:
        by_frame.setdefault(spike.frame, []).append(spike.joint)
    whole = {frame for frame, joints in by_frame.items() if len(joints) > 1}

    def frames_of(joint: str) -> list[int]:
        return sorted(whole | {frame for frame, joints in by_frame.items() if joint in joints})

    angles = clip.joint_angles.copy()
    quaternions = joint_quaternions(clip)
    orientation = clip.root_quaternion
    for joint in CHARACTER.actuated:
        frames = frames_of(joint.name)
        columns = CHARACTER.hinge_slices[joint.name]
        if not frames:
            continue
        if joint.is_ball:
            path = _replace_frames(clip, quaternions[joint.name], frames)
            # The spike may have led onto another branch, so that the path is followed anew.
            angles[:, columns] = rotation_to_hinges(rotation(path), joint.axes, closed=clip.loop)
        else:
            angles[:, columns] = _replace_frames(clip, angles[:, columns], frames)
    if frames_of("root"):
        orientation = continuous_signs(_replace_frames(clip, orientation, frames_of("root")))
    position = clip.root_position
    if frames_of("root position"):
        drift = np.outer(np.linspace(0.0, 1.0, clip.n_frames), clip.cycle_displacement)
        position = drift + _replace_frames(clip, position - drift, frames_of("root position"))
    return replace(clip, root_position=position, root_quaternion=orientation, joint_angles=angles)


def _replace_frames(clip: MotionClip, signal: FloatArray, frames: list[int]) -> FloatArray:
    """A signal (T, k) with some frames on the curve through their neighbors; quaternions unit."""
    replaced = signal.copy()
    replaced[frames] = expected_pose(clip, signal)[frames]
    if signal.shape[1] == 4:
        replaced[frames] /= np.linalg.norm(replaced[frames], axis=1, keepdims=True)
    return replaced


def _limit_angles(clip: MotionClip, joint_range: FloatArray) -> tuple[MotionClip, list[str]]:
    """Hinges that exceed a limit eased into it."""
    low, high = np.asarray(joint_range, dtype=np.float64).T
    angles = clip.joint_angles.copy()
    changes = []
    for column, name in enumerate(clip.joint_names):
        over = float((angles[:, column] - high[column]).max())
        under = float((low[column] - angles[:, column]).max())
        if over > LIMIT_TOLERANCE:
            angles[:, column] = ease_into_limit(angles[:, column], high[column])
        if under > LIMIT_TOLERANCE:
            angles[:, column] = -ease_into_limit(-angles[:, column], -low[column])
        if max(over, under) > LIMIT_TOLERANCE:
            n_frames = int((angles[:, column] != clip.joint_angles[:, column]).sum())
            changes.append(
                f"limits: {name} eased into its range, it was up to {max(over, under):.3f} rad "
                f"beyond; {n_frames} frames changed"
            )
    return (replace(clip, joint_angles=angles) if changes else clip), changes


def ease_into_limit(angles: FloatArray, limit: float) -> FloatArray:
    """Angles that approach an upper limit and do not exceed it."""
    beyond = np.maximum(angles - (limit - LIMIT_MARGIN), 0.0)
    eased: FloatArray = angles - beyond + LIMIT_MARGIN * -np.expm1(-beyond / LIMIT_MARGIN)
    return eased


def _put_on_ground(clip: MotionClip) -> tuple[MotionClip, list[str]]:
    """The clip's lowest contact on the ground and nothing under it."""
    changes = []
    position = clip.root_position.copy()
    lowest = np.min(list(lowest_points(clip).values()), axis=0)
    level = ground_level(lowest)
    if abs(level) > GROUND_TOLERANCE:
        position[:, 2] -= level
        lowest = lowest - level
        changes.append(
            f"ground: the whole clip {'raised' if level < 0 else 'lowered'} by {abs(level):.3f} m"
        )
    if lowest.min() < -GROUND_TOLERANCE:
        push = smooth_upper_envelope(
            np.maximum(-lowest, 0.0), round(PUSH_TIME * clip.fps), clip.closed
        )
        position[:, 2] += push
        changes.append(
            f"ground: frames under it pushed up by at most {push.max():.3f} m, "
            f"{int((push > GROUND_TOLERANCE).sum())} frames by more than {GROUND_TOLERANCE:g} m"
        )
    return (replace(clip, root_position=position) if changes else clip), changes


def smooth_upper_envelope(depth: FloatArray, reach: int, closed: bool) -> FloatArray:
    """A smooth signal nowhere below depths (T,) ≥ 0, equal to them at the deepest.

    The largest depth within ``reach`` frames, averaged over as many: every value that is averaged
    has the frame itself in its window, so that none is below its depth.
    """
    signal = depth[:-1] if closed else depth
    reach = max(1, min(reach, (len(signal) - 1) // 2))
    mode = "wrap" if closed else "nearest"
    kernel = np.hanning(2 * reach + 3)[1:-1]
    largest = maximum_filter1d(signal, size=2 * reach + 1, mode=mode)
    cover: FloatArray = convolve1d(largest, kernel / kernel.sum(), mode=mode)
    cover = np.maximum(cover, signal)  # but for rounding it is
    return np.append(cover, cover[0]) if closed else cover
