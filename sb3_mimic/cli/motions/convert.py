"""``sb3-mimic motions convert``: a motion in another format, cut and cleaned."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from sb3_mimic.cli.motions.reading import Reading
from sb3_mimic.errors import InputError
from sb3_mimic.learn.config import optional

if TYPE_CHECKING:
    from sb3_mimic.motion.skeletal import SkeletalMotion

_CLIPS = (".txt", ".json")
_SUFFIXES = (".bvh", ".amc", *_CLIPS)


@dataclass(frozen=True, kw_only=True)
class MotionsConvert(Reading):
    """Convert a motion to BVH (.bvh), ASF/AMC (.amc) or DeepMimic's format (.txt, .json).

    What is asked for is done in this order: trim, clean, filter, window, resample, mirror. Without
    any of it the motion stays as it is.
    """

    motion: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MOTION")]
    """Name or file of the motion."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUTPUT")]
    """File to write; an .amc gets its skeleton beside it, as .asf."""
    trim: Annotated[tuple[float, float] | None, optional("START END")] = None
    """Keep this stretch [s]."""
    clean: bool = False
    """Cut off a T-pose and a frozen tail, repair glitches, put the motion on the ground."""
    cutoff: Annotated[float | None, optional("HZ")] = None
    """Smooth by a Butterworth low-pass, as 8; it takes quick foot strikes and kicks, too."""
    order: int = 4
    """Order of that filter, forward and backward together; even."""
    window: Annotated[float | None, optional("SECONDS")] = None
    """Keep the first stretch of this length that begins and ends with a foot on the ground."""
    resample: Annotated[float | None, optional("HZ")] = None
    """Rate to write."""
    mirror: bool = False
    """Exchange left and right."""
    output_units: Annotated[
        Literal["m", "cm", "mm", "in", "ft", "cmu"], tyro.conf.arg(metavar="UNIT")
    ] = "cm"
    """Unit of length of a BVH file that is written."""
    force: bool = False
    """Replace files that exist."""
    json: bool = False
    """Print what was done as JSON."""

    def run(self) -> int:
        """Converts, and prints what was changed."""
        files = self._checked_files()
        motion, loop = self._load()
        duration = motion.duration
        motion, changes = self._changed(motion)
        try:
            self._write(motion, loop=loop and motion.duration == duration)
        except OSError as error:
            raise InputError(
                f"{self.output}: cannot be written ({error.strerror or error})"
            ) from error
        if self.json:
            said = {
                "motion": motion.name,
                "source": motion.source,
                "files": [str(file) for file in files],
                "n_frames": motion.n_frames,
                "fps": motion.fps,
                "duration": motion.duration,
                "units": motion.units,
                "changes": changes,
                "warnings": [asdict(finding) for finding in motion.warnings],
            }
            print(json.dumps(said, indent=2))
            return 0
        print(f"{motion.name} ({motion.source}): {motion.units}")
        for change in changes:
            print(f"  {change}")
        for finding in motion.warnings:
            print(f"  {finding.severity}: {finding.message}: {finding.advice}")
        print(
            f"{' and '.join(str(file) for file in files)}: {motion.duration:.3f} s, "
            f"{motion.n_frames} frames at {motion.fps:g} Hz"
        )
        return 0

    def _checked_files(self) -> list[Path]:
        """The files to be written."""
        suffix = self.output.suffix.lower()
        if suffix not in _SUFFIXES:
            raise InputError(f"{self.output}: a file to write must end in {', '.join(_SUFFIXES)}")
        files = [self.output]
        if suffix == ".amc":
            files.append(self.output.with_suffix(".asf"))
        for file in files:
            if file.is_dir():
                raise InputError(f"{file}: is a folder; give the file to write")
            if file.exists() and not self.force:
                raise InputError(f"{file} exists already; choose another file, or --force")
        return files

    def _load(self) -> "tuple[SkeletalMotion, bool]":
        """The motion, and whether it goes round."""
        from sb3_mimic.motion import load_motion
        from sb3_mimic.motion.humanoid_tree import to_skeletal

        motion = self.skeletal(self.motion)
        if motion is not None:
            return motion, False
        clip = load_motion(self.motion)
        return to_skeletal(clip), clip.loop

    def _changed(self, motion: "SkeletalMotion") -> "tuple[SkeletalMotion, list[str]]":
        """The motion as it is asked for, and what was changed."""
        from sb3_mimic.motion.cleaning import CleaningSettings, clean
        from sb3_mimic.motion.contacts import contact_window

        changes = []
        if self.trim is not None:
            motion = _trimmed(motion, *self.trim)
            changes.append(f"trim: {motion.n_frames} frames kept")
        wanted = CleaningSettings(self.clean, self.clean, self.cutoff, self.order, self.clean)
        motion, cleaned = clean(motion, wanted)
        changes += cleaned
        if self.window is not None:
            start, stop = contact_window(motion, self.window)
            motion = motion.sliced(start, stop)
            changes.append(f"window: frames {start} to {stop - 1} kept")
        if self.resample is not None:
            changes.append(f"rate: {motion.fps:g} Hz to {self.resample:g} Hz")
            motion = motion.resampled(self.resample)
        if self.mirror:
            motion = motion.mirrored()
            changes.append("mirror: left and right exchanged")
        return motion, changes

    def _write(self, motion: "SkeletalMotion", *, loop: bool) -> None:
        """Writes by the output's suffix."""
        from sb3_mimic.motion.formats.asfamc_writer import write_asf_amc
        from sb3_mimic.motion.formats.bvh_writer import write_bvh
        from sb3_mimic.motion.formats.deepmimic import write_deepmimic
        from sb3_mimic.motion.humanoid_tree import from_skeletal

        suffix = self.output.suffix.lower()
        if suffix == ".bvh":
            write_bvh(motion, self.output, self.output_units)
        elif suffix == ".amc":
            write_asf_amc(motion, self.output)
        else:
            write_deepmimic(from_skeletal(motion, loop=loop), self.output)


def _trimmed(motion: "SkeletalMotion", start: float, end: float) -> "SkeletalMotion":
    """The stretch between two times [s]."""
    if not 0 <= start < end <= motion.duration + 1 / motion.fps:
        raise InputError(
            f"--trim {start:g} {end:g}: must lie within the motion's 0 to {motion.duration:.3f} s, "
            "start before end"
        )
    last = min(round(end * motion.fps), motion.n_frames - 1)
    return motion.sliced(round(start * motion.fps), last + 1)
