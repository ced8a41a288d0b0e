"""Feasibility of a reference: the forces and torques that it needs, and whether they exist.

MuJoCo's inverse dynamics gives the generalized force that the reference's accelerations need at the
root and at every hinge. At the root only the ground can supply it. Nonnegative least squares finds
the forces at the points near the ground that come nearest to it within their friction cones; the
residual is missing. The hinges' torques follow.

The accelerations are differences over a control step: shorter ones see the noise of a recording.
"""

import copy
from dataclasses import dataclass, replace
from typing import Final

import mujoco
import numpy as np

from sb3_mimic.arrays import BoolArray, FloatArray, contiguous_runs
from sb3_mimic.envs.tracking.reference import Reference
from sb3_mimic.envs.tracking.spec import TrackingRobot
from sb3_mimic.motion.finding import Finding, Severity, errors, sort_by_severity
from sb3_mimic.motion.lint import lint
from sb3_mimic.motion.skeletons import CHARACTER
from sb3_mimic.motion.tolerances import GRAVITY
from sb3_mimic.refinement.ground import CONTACT_HEIGHT, GroundPoints, ground_force

#: Force [body weights] that a landing takes; and one that only a jump of the root from frame to
#: frame asks for. DeepMimic's clips need up to 7.5 (spin).
PEAK_FORCE: Final = (8.0, 30.0)

#: Force that the ground cannot give, averaged over the clip [body weights]. Below the first bound
#: it is noise, above the second it shows as drift and different landings, above the third nothing
#: of the motion is left. DeepMimic's clips miss up to 1.0 (backflip, at 16 Hz), and 2 to 9 when
#: played three times as fast.
MISSING_FORCE: Final = (0.2, 0.5, 4.0)

#: By how much a stretch without contact differs from free fall [m]; the body must be too high
#: for its legs to reach the ground [m] before that is hopeless.
BALLISTIC: Final = (0.10, 0.40)
OUT_OF_REACH: Final = 0.25

#: Pull towards the ground [body weights] for at least so long [s] that is not noise.
PULL: Final = 0.5
PULL_TIME: Final = 0.1

#: Torque in parts of a servo's limit for more than one control step: DeepMimic's clips need up to
#: 1.5 in half of the clips, 4 for an instant in the acrobatic ones.
TORQUE: Final = (1.25, 2.0)

#: The largest torque of any servo, in parts of its limit, that is exceeded half of the time:
#: DeepMimic's clips 0.1 to 0.9, and 2 to 5 when played three times as fast.
EFFORT: Final = (1.0, 4.0)


@dataclass(frozen=True, eq=False)
class Feasibility:
    """Forces and torques that a reference needs, at m times a control step apart.

    Attributes:
        times: Times (m,) [s].
        force: Force (m, 3) that the world has to give [body weights]: (0, 0, 1) standing, 0 in free
            fall, its height negative where the body would have to be pulled down.
        clearance: Height of the lowest point above the ground (m,) [m].
        missing_force: Part of ``force`` (m, 3) that the ground cannot give [body weights].
        missing_moment: Moment about the root (m, 3), in the root's frame, likewise [N·m].
        torques: Torque that each hinge needs (m, nu) [N·m] beside the ground's forces.
        torque_ratio: ``torques`` in parts of each servo's limit (m, nu).
    """

    times: FloatArray
    force: FloatArray
    clearance: FloatArray
    missing_force: FloatArray
    missing_moment: FloatArray
    torques: FloatArray
    torque_ratio: FloatArray

    @property
    def contact(self) -> BoolArray:
        """Whether anything is near enough to the ground to be pushed by it (m,)."""
        return self.clearance < CONTACT_HEIGHT


def feasibility(reference: Reference) -> Feasibility:
    """The forces and torques that a reference needs, without any contact simulated.

    Args:
        reference: A clip for a robot, limited to its joints' ranges.
    """
    return feasibility_at(reference, *_states(reference))


def feasibility_at(
    reference: Reference, rows: FloatArray, qacc: FloatArray, times: FloatArray
) -> Feasibility:
    """The forces and torques of some states under some accelerations.

    Args:
        reference: The reference that the states are from.
        rows: Reference rows (m, width).
        qacc: Accelerations (m, nv) [m/s², rad/s²].
        times: Times of the states (m,) [s].
    """
    robot = reference.robot
    # Limits of joints and contacts would push too.
    model = copy.copy(robot.model)
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
    data = mujoco.MjData(model)
    points = GroundPoints(model)
    weight = float(model.body_subtreemass[0]) * -model.opt.gravity[2]
    m = len(rows)
    needed = np.empty((m, model.nv))
    missing = np.empty((m, 6))
    torques = np.empty((m, model.nv - 6))
    clearance = np.empty(m)
    for i, row in enumerate(rows):
        data.qpos[:], data.qvel[:] = row[reference.rows.qpos], row[reference.rows.qvel]
        data.qacc[:] = qacc[i]
        mujoco.mj_inverse(model, data)
        needed[i] = data.qfrc_inverse
        edges, clearance[i] = points.edges(data)
        force = ground_force(edges, needed[i], robot.torque_limit, weight)
        missing[i] = needed[i, :6] - force[:6]
        torques[i] = needed[i, 6:] - force[6:]
    return Feasibility(
        times=times,
        force=needed[:, :3] / weight,
        clearance=clearance,
        missing_force=missing[:, :3] / weight,
        missing_moment=missing[:, 3:],
        torques=torques,
        torque_ratio=torques / robot.torque_limit,
    )


def check_refinable(reference: Reference) -> list[Finding]:
    """Finds errors that make it hopeless to look for actions that reproduce a reference.

    Args:
        reference: A clip for a robot.

    Returns:
        The errors of its clip and of its dynamics; empty where it is worth trying.
    """
    return errors([*clip_findings(reference), *dynamic_findings(reference)])


def clip_findings(reference: Reference) -> list[Finding]:
    """Findings about the clip itself, as the library reads it, the worst first.

    Args:
        reference: A clip for a robot. Clips of a robot's own joints have no findings.
    """
    if reference.original is not None:
        return lint(reference.original, CHARACTER.joint_range)
    if set(CHARACTER.hinge_names) <= set(reference.clip.joint_names):
        return lint(reference.clip, reference.robot.joint_range)
    return []


def dynamic_findings(reference: Reference) -> list[Finding]:
    """Findings about the forces and torques that a reference needs, the worst first.

    Args:
        reference: A clip for a robot.
    """
    needs = feasibility(reference)
    findings = (
        _peak_force(needs),
        _ballistic(needs),
        _missing_force(needs),
        _pull(needs),
        _effort(needs, reference),
        *_torques(needs, reference),
    )
    fps = reference.clip.fps
    return sort_by_severity(
        replace(finding, frame=round(finding.time * fps)) for finding in findings if finding
    )


def _finding(
    needs: Feasibility,
    code: str,
    severity: Severity,
    step: int,
    value: float,
    unit: str,
    n_steps: int,
    message: str,
    advice: str,
    joint: str | None = None,
) -> Finding:
    """A finding at a control step; its frame in the clip is filled in by the caller."""
    return Finding(
        code=code,
        severity=severity,
        frame=0,
        time=float(needs.times[step]),
        joint=joint,
        value=float(value),
        unit=unit,
        n_frames=int(n_steps),
        message=message,
        advice=advice,
    )


def _peak_force(needs: Feasibility) -> Finding | None:
    """A force that no landing takes."""
    size = np.linalg.norm(needs.force, axis=1)
    step = int(size.argmax())
    if size[step] <= PEAK_FORCE[0]:
        return None
    return _finding(
        needs,
        "peak_force",
        "error" if size[step] > PEAK_FORCE[1] else "warning",
        step,
        size[step],
        "body weights",
        (size > PEAK_FORCE[0]).sum(),
        f"the world would have to push with {size[step]:.1f} body weights at "
        f"{needs.times[step]:.2f} s; a hard landing takes {PEAK_FORCE[0]:.0f}",
        "look for a jump of the root there, or a rate that is too high",
    )


def _ballistic(needs: Feasibility) -> Finding | None:
    """The stretch without contact that is furthest from free fall."""
    worst: tuple[float, int, int] = (0.0, 0, 0)
    spacing = float(needs.times[1] - needs.times[0])
    for start, stop in contiguous_runs(~needs.contact):
        force = needs.missing_force[start:stop].mean(axis=0)
        # Of two arcs over the same time, the middles differ by Δa T²/8.
        miss = float(np.linalg.norm(force)) * GRAVITY * ((stop - start) * spacing) ** 2 / 8
        worst = max(worst, (miss, start, stop))
    miss, start, stop = worst
    if miss <= BALLISTIC[0]:
        return None
    height = float(needs.clearance[start:stop].max())
    return _finding(
        needs,
        "not_ballistic",
        "error" if miss > BALLISTIC[1] and height > OUT_OF_REACH else "warning",
        start,
        miss,
        "m",
        stop - start,
        f"from {needs.times[start]:.2f} to {needs.times[stop - 1]:.2f} s nothing is near the "
        f"ground (up to {height:.2f} m), yet the path is {miss:.2f} m off that of a free fall",
        "if it stands on or holds something, that has to be in the world; else check the rate and "
        "the unit of length",
    )


def _missing_force(needs: Feasibility) -> Finding | None:
    """Force that the ground cannot give, on average."""
    missing = np.linalg.norm(needs.missing_force, axis=1)
    mean = float(missing.mean())
    if mean <= MISSING_FORCE[0]:
        return None
    step = int(missing.argmax())
    grades: tuple[Severity, ...] = ("info", "warning", "error")
    return _finding(
        needs,
        "missing_force",
        grades[sum(mean > bound for bound in MISSING_FORCE[1:])],
        step,
        mean,
        "body weights",
        (missing > MISSING_FORCE[1]).sum(),
        f"{mean:.2f} body weights of the force it needs cannot come from the ground, on average; "
        f"at most {missing[step]:.1f} at {needs.times[step]:.2f} s",
        "far above 1 the rate is too high or the root is not where the feet say; noise in the "
        "root's path is worth smoothing",
    )


def _pull(needs: Feasibility) -> Finding | None:
    """A stretch in which the body would have to be pulled down."""
    spacing = float(needs.times[1] - needs.times[0])
    length = min(max(1, round(PULL_TIME / spacing)), len(needs.times))
    vertical = np.convolve(needs.force[:, 2], np.full(length, 1 / length), mode="valid")
    start = int(vertical.argmin())
    if vertical[start] >= -PULL:
        return None
    return _finding(
        needs,
        "pulled_down",
        "warning",
        start,
        vertical[start],
        "body weights",
        (needs.force[:, 2] < -PULL).sum(),
        f"the body would have to be pulled down with {-vertical[start]:.1f} body weights for "
        f"{length * spacing:.2f} s from {needs.times[start]:.2f} s on",
        "the root's height is noisy there, or the rate is too high",
    )


def _effort(needs: Feasibility, reference: Reference) -> Finding | None:
    """Servos that are too weak most of the time."""
    ratio = np.abs(needs.torque_ratio)
    median = float(np.median(ratio.max(axis=1)))
    if median <= EFFORT[0]:
        return None
    step, column = np.unravel_index(int(ratio.argmax()), ratio.shape)
    name = reference.robot.joint_names[column]
    return _finding(
        needs,
        "effort",
        "error" if median > EFFORT[1] else "warning",
        int(step),
        median,
        "of the limit",
        (ratio.max(axis=1) > 1).sum(),
        f"half of the time some servo would have to give {median:.1f} times its torque or more; "
        f"{name} {ratio[step, column]:.1f} times at {needs.times[step]:.2f} s",
        "the clip is too fast; check its rate",
        joint=name,
    )


def _torques(needs: Feasibility, reference: Reference) -> list[Finding]:
    """Joints whose servos are too weak; of a ball joint, the worst hinge."""
    ratio = np.abs(needs.torque_ratio)
    # The body's inertia smooths over a single control step.
    lasting = np.minimum(ratio[1:], ratio[:-1]).max(axis=0)
    findings = []
    for columns in _joint_columns(reference.robot):
        column = max(columns, key=lambda column: float(lasting[column]))
        if lasting[column] <= TORQUE[0]:
            continue
        name = reference.robot.joint_names[column]
        step = int(np.minimum(ratio[1:, column], ratio[:-1, column]).argmax())
        over = int((ratio[:, columns].max(axis=1) > 1).sum())
        limit = reference.robot.torque_limit[column]
        findings.append(
            _finding(
                needs,
                "torque",
                "warning" if lasting[column] > TORQUE[1] else "info",
                step,
                lasting[column],
                "of the limit",
                over,
                f"{name} needs {lasting[column] * limit:.0f} N·m for more than a control step at "
                f"{needs.times[step]:.2f} s, {lasting[column]:.1f} times its limit",
                "the joint will lag there; a slower or smoother clip needs less",
                joint=name,
            )
        )
    return findings


def _joint_columns(robot: TrackingRobot) -> list[list[int]]:
    """Columns of the hinges of each joint: of a ball joint three, of another one."""
    joint_of_hinge = {hinge: joint.name for joint in robot.spec.joints for hinge in joint.hinges}
    columns: dict[str, list[int]] = {}
    for column, hinge in enumerate(robot.joint_names):
        columns.setdefault(joint_of_hinge.get(hinge, hinge), []).append(column)
    return list(columns.values())


def _states(reference: Reference) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Reference rows a control step apart, their accelerations (m, nv), and times (m,) [s]."""
    dt = 1 / reference.robot.control_rate
    n = max(2, round(reference.duration / dt))
    # A loop's end is its beginning.
    times = np.linspace(0.0, reference.duration, n + 1)[: n if reference.loop else n + 1]
    before, after = times - dt / 2, times + dt / 2
    if reference.loop:
        before = before % reference.duration
    else:
        before, after = np.maximum(before, 0.0), np.minimum(after, reference.duration)
    qvel = reference.rows.qvel
    span = np.where(after > before, after - before, dt)[:, None]
    qacc: FloatArray = (reference.at(after)[:, qvel] - reference.at(before)[:, qvel]) / span
    return reference.at(times), qacc, times
