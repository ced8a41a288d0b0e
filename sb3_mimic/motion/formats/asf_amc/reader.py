"""ASF/AMC, Acclaim's two files: a skeleton, and the motions of it. y-up.

A bone's rotation in its parent is C·R·C⁻¹: C of its own ``axis``, R of its degrees of freedom, the
one that is listed first turning first. The root and each bone become a joint at the bone's
beginning; a bone that nothing follows gets an end site.
"""

from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from sb3_mimic.arrays import FloatArray
from sb3_mimic.errors import InputError
from sb3_mimic.motion.finding import Finding
from sb3_mimic.motion.formats.asf_amc.amc import AmcFrames, read_frames
from sb3_mimic.motion.formats.asf_amc.asf import AsfSkeleton, read_asf
from sb3_mimic.motion.formats.axes import quaternions_to_z_up, to_z_up
from sb3_mimic.motion.formats.options import ReadOptions
from sb3_mimic.motion.formats.rate import check_rate
from sb3_mimic.motion.formats.text import check_text_file
from sb3_mimic.motion.formats.units import Unit, find_unit, is_adult_height
from sb3_mimic.motion.skeletal import SkeletalMotion
from sb3_mimic.motion.skeletons.tree import JointTree
from sb3_mimic.spatial import continuous_signs, wxyz

#: Rate of CMU's captures [1/s], of some subjects 60.
CMU_RATE: Final = 120.0

#: An inch [m], in which an ASF file's lengths are after division by ``:units length``.
_INCH: Final = 0.0254


def read_asf_amc(
    amc: str | Path,
    asf: str | Path | None = None,
    fps: float | None = None,
    *,
    units: str | None = None,
) -> SkeletalMotion:
    """Reads an AMC file and the ASF file of its skeleton.

    Args:
        amc: The motion.
        asf: The skeleton; without it, the file beside the motion that is named as the motion or as
            its subject ("02.asf" for "02_01.amc"), or the only one there.
        fps: Rate [1/s]. The format has none, so without it CMU's 120 is taken, unless the file has
            a line ``:SAMPLES-PER-SECOND``.
        units: Unit of length, one of ``UNITS``; the skeleton's own without it.

    Returns:
        The motion, joints named as the bones, the root "root".

    Raises:
        InputError: With file, line, frame and bone, if a file cannot be read, is truncated, has
            counts that do not fit each other, unknown bones or degrees of freedom, or numbers that
            are none; or if there is no skeleton.
    """
    amc = Path(amc)
    if amc.suffix.lower() == ".asf":
        raise InputError(f"{amc}: is a skeleton (ASF) without motion; give one of its AMC files")
    check_text_file(amc, "AMC")
    skeleton = read_asf(Path(asf) if asf is not None else find_asf(amc))
    dof = {"root": len(skeleton.root_order)}
    dof |= {name: len(bone.dof) for name, bone in skeleton.bones.items() if bone.dof}
    frames = read_frames(amc, dof, skeleton.path.name)
    names, parents, offsets, end_site = _joints(skeleton)
    unit = _unit(skeleton, units, float(np.ptp(_rest(parents, offsets)[:, 1])))
    tree = JointTree(
        tuple(names),
        np.array(parents),
        to_z_up(np.array(offsets)) * unit.metres,
        np.array(end_site),
    )
    position, rotations = _movement(skeleton, frames, names)
    return SkeletalMotion(
        tree=tree,
        fps=check_rate(fps) if fps is not None else frames.rate or CMU_RATE,
        root_position=to_z_up(position) * unit.metres,
        rotations=continuous_signs(quaternions_to_z_up(rotations)),
        name=amc.stem,
        source=str(amc),
        units=f"{unit.evidence}; y up",
        warnings=_findings(frames, unit, stated=fps is not None or frames.rate is not None),
    )


def read_amc_file(path: Path, options: ReadOptions) -> SkeletalMotion:
    """Reads an AMC file as ``read_asf_amc``, for the registry of formats.

    Raises:
        InputError: As ``read_asf_amc``, or if z is said to be up.
    """
    if options.up == "z":
        raise InputError(f"{path}: AMC files are y-up")
    return read_asf_amc(path, options.asf, options.fps, units=options.units)


def find_asf(amc: Path) -> Path:
    """The skeleton beside a motion.

    Raises:
        InputError: If there is none, or several and none is named as the motion or its subject.
    """
    beside = sorted(
        path for path in amc.parent.iterdir() if path.suffix.lower() == ".asf" and path.is_file()
    )
    by_name = {path.stem.lower(): path for path in reversed(beside)}
    name = amc.stem.lower()
    while name:
        if name in by_name:
            return by_name[name]
        name = name.rpartition("_")[0]
    if len(beside) == 1:
        return beside[0]
    subject = amc.stem.partition("_")[0]
    found = (
        f"there are {', '.join(path.name for path in beside[:4])}" if beside else "nor is another"
    )
    raise InputError(
        f"{amc}: its skeleton {subject}.asf is not beside it ({found}); give it with --asf"
    )


def _joints(
    skeleton: AsfSkeleton,
) -> tuple[list[str], list[int], list[FloatArray], list[bool]]:
    """Names, parents, offsets in the file's unit and axes, and end sites."""
    names, parents, offsets, end_site = ["root"], [-1], [np.zeros(3)], [False]
    followed = {bone.parent for bone in skeleton.bones.values()}
    index = {"root": 0}
    for name, bone in skeleton.bones.items():
        index[name] = len(names)
        names.append(name)
        parents.append(index[bone.parent])
        offsets.append(np.zeros(3) if bone.parent == "root" else skeleton.bones[bone.parent].vector)
        end_site.append(False)
        if name not in followed:
            names.append(f"{name}_end")
            parents.append(index[name])
            offsets.append(bone.vector)
            end_site.append(True)
    return names, parents, offsets, end_site


def _rest(parents: list[int], offsets: list[FloatArray]) -> FloatArray:
    """Positions of the unturned figure (J, 3) in the file's unit and axes."""
    rest = np.zeros((len(parents), 3))
    for joint in range(1, len(parents)):
        rest[joint] = rest[parents[joint]] + offsets[joint]
    return rest


def _unit(skeleton: AsfSkeleton, units: str | None, height: float) -> Unit:
    """The unit of length, and whether the figure's height speaks against it."""
    if units is not None:
        return find_unit(units)
    metres = _INCH / skeleton.length
    tall = height * metres
    return Unit(
        metres,
        f"1 unit = {metres:.6g} m, inches / {skeleton.length:g} (length in {skeleton.path.name}): "
        f"the figure is {tall:.2f} m tall",
        doubtful=not is_adult_height(tall),
    )


def _movement(
    skeleton: AsfSkeleton, frames: AmcFrames, names: list[str]
) -> tuple[FloatArray, FloatArray]:
    """The root's path (T, 3) and rotations (T, J, 4), in the file's unit and axes."""
    degrees = skeleton.degrees if frames.degrees is None else frames.degrees
    n_frames = len(frames.numbers)
    position = np.zeros((n_frames, 3))
    rotations = np.zeros((n_frames, len(names), 4))
    rotations[..., 0] = 1.0
    root = frames.values["root"]
    for column, name in enumerate(skeleton.root_order):
        if name[0] == "t":
            position[:, "xyz".index(name[1])] = root[:, column]
    turning = [column for column, name in enumerate(skeleton.root_order) if name[0] == "r"]
    if turning:
        order = "".join(skeleton.root_order[column][1] for column in turning)
        axis, axis_order = skeleton.root_axis, skeleton.root_axis_order
        rotations[:, 0] = _bone_rotations(root[:, turning], order, axis, axis_order, degrees)
    for name, bone in skeleton.bones.items():
        if bone.dof and bone.axis is not None:
            order = "".join(letter[1] for letter in bone.dof)
            rotations[:, names.index(name)] = _bone_rotations(
                frames.values[name], order, bone.axis, bone.axis_order, degrees
            )
    return position, rotations


def _bone_rotations(
    angles: FloatArray, order: str, axis: FloatArray, axis_order: str, degrees: bool
) -> FloatArray:
    """C·R·C⁻¹ as quaternions wxyz (T, 4).

    Args:
        angles: Those of R (T, n).
        order: Their axes, the first turning first.
        axis: Angles of C about x, y and z [rad].
        axis_order: Order of C's turns, the first turning first.
        degrees: Whether R's angles are in degrees.
    """
    # scipy's small letters are turns about fixed axes, the first one first.
    turned = wxyz(Rotation.from_euler(order, angles, degrees))
    frame = Rotation.from_euler(axis_order, [axis["xyz".index(name)] for name in axis_order])
    turned[:, 1:] = turned[:, 1:] @ frame.as_matrix().T  # the axis of C·R·C⁻¹ is that of R, turned
    return turned


def _findings(frames: AmcFrames, unit: Unit, *, stated: bool) -> tuple[Finding, ...]:
    """Decisions of the reader that the user may want to check."""
    findings = []
    if not stated:
        findings.append(
            Finding.of_file(
                "rate_assumed",
                "info",
                f"AMC files have no rate; {CMU_RATE:g} Hz is taken, CMU's usual one",
                "give the rate (--fps) if it is another",
                value=CMU_RATE,
                unit="Hz",
            )
        )
    if unit.doubtful:
        findings.append(
            Finding.of_file(
                "units_doubt",
                "warning",
                f"no adult is as tall as the figure: {unit.evidence}",
                "name the unit (--units)",
            )
        )
    steps = np.diff(frames.numbers)
    if (steps != 1).any():
        frame = int(np.flatnonzero(steps != 1)[0])
        findings.append(
            Finding(
                code="frame_numbers",
                severity="warning",
                frame=frame,
                time=0.0,
                joint=None,
                value=float((steps != 1).sum()),
                unit="",
                n_frames=int((steps != 1).sum()),
                message=f"the file's frame {frames.numbers[frame]} is followed by "
                f"{frames.numbers[frame + 1]}; the frames are taken as neighbors",
                advice="look whether frames were cut out there",
            )
        )
    return tuple(findings)
