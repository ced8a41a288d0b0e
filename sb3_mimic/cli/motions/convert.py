"""``sb3-mimic motions convert``: a motion in another format, cut and cleaned."""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from sb3_mimic.cli.motions.reading import Reading
from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from sb3_mimic.motion.retarget import JointMapping, RetargetResult
    from sb3_mimic.motion.skeletal import SkeletalMotion

_CLIPS = (".txt", ".json")
_SUFFIXES = (".bvh", ".amc", *_CLIPS)


@dataclass(frozen=True, kw_only=True)
class MotionsConvert(Reading):
    """Convert a motion to BVH (.bvh), ASF/AMC (.amc) or DeepMimic's format (.txt, .json).

    What is asked for is done in this order: trim, clean, filter, window, resample, mirror. Without
    any of it the motion stays as it is. DeepMimic's format is the character's: the motion of any
    other skeleton is put on it, without T-pose and glitches, at 60 Hz or the rate asked for.
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
    mapping: Annotated[Path | None, optional("FILE")] = None
    """Which joint is which part of the character (.yaml), found by itself without it."""
    print_mapping: bool = False
    """Print that mapping, to be edited and given back, and write nothing."""
    lock_feet: bool = True
    """Hold feet where they stand on the ground when a motion is put on the character."""
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
        if self.print_mapping:
            return self._print_mapping()
        files = self._checked_files()
        motion, loop = self._load()
        duration = motion.duration
        motion, changes = self._changed(motion)
        retargeted = self._retargeted(motion)
        try:
            self._write(motion, retargeted, loop=loop and motion.duration == duration)
        except OSError as error:
            raise InputError(
                f"{self.output}: cannot be written ({error.strerror or error})"
            ) from error
        for doubt in [] if retargeted is None else retargeted.report.doubts():
            print(f"warning: {doubt}", file=sys.stderr)
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
            if retargeted is not None:
                said |= {
                    "mapping": dict(retargeted.mapping.joints),
                    "retarget": asdict(retargeted.report),
                    "n_frames": retargeted.clip.n_frames,
                    "fps": retargeted.clip.fps,
                    "duration": retargeted.clip.duration,
                }
            print(json.dumps(said, indent=2))
            return 0
        print(f"{motion.name} ({motion.source}): {motion.units}")
        for change in changes:
            print(f"  {change}")
        for finding in motion.warnings:
            print(f"  {finding.severity}: {finding.message}: {finding.advice}")
        if retargeted is not None:
            for line in retargeted.report.lines():
                print(f"  {line}")
        written = motion if retargeted is None else retargeted.clip
        print(
            f"{' and '.join(str(file) for file in files)}: {written.duration:.3f} s, "
            f"{written.n_frames} frames at {written.fps:g} Hz"
        )
        return 0

    def _print_mapping(self) -> int:
        """Prints which joint is taken for which part of the character."""
        from sb3_mimic.motion.retarget import find_mapping

        motion, _ = self._load()
        mapping = self._mapping()
        if mapping is None:
            mapping = find_mapping(motion.tree)
        mapping.indices(motion.tree)
        print(mapping.to_yaml(), end="")
        return 0

    def _mapping(self) -> "JointMapping | None":
        from sb3_mimic.motion.retarget import read_mapping

        return None if self.mapping is None else read_mapping(self.mapping)

    def _is_retargeted(self, motion: "SkeletalMotion") -> bool:
        """Whether the character is to do the motion of another skeleton."""
        from sb3_mimic.motion.skeletons.conversion import is_character

        return self.output.suffix.lower() in _CLIPS and not is_character(motion)

    def _retargeted(self, motion: "SkeletalMotion") -> "RetargetResult | None":
        """The motion on the character, where that is what is to be written."""
        from sb3_mimic.motion.retarget import RetargetSettings, retarget

        if not self._is_retargeted(motion):
            if self.mapping is not None or not self.lock_feet:
                raise InputError(
                    "--mapping and --no-lock-feet are for a motion of another skeleton that is put "
                    "on the character, as a .txt or .json file"
                )
            return None
        settings = RetargetSettings(lock_feet=self.lock_feet)
        if self.resample is not None:
            settings = replace(settings, fps=self.resample)
        return retarget(motion, settings, self._mapping())

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
        from sb3_mimic.motion.skeletons.conversion import to_skeletal

        motion = self.skeletal(self.motion)
        if motion is not None:
            return motion, False
        clip = load_motion(self.motion)
        return to_skeletal(clip), clip.loop

    def _changed(self, motion: "SkeletalMotion") -> "tuple[SkeletalMotion, list[str]]":
        """The motion as it is asked for, and what was changed."""
        from sb3_mimic.motion.processing.cleaning import CleaningSettings, clean
        from sb3_mimic.motion.processing.contacts import contact_window

        changes = []
        if self.trim is not None:
            motion = _trimmed(motion, *self.trim)
            changes.append(f"trim: {motion.n_frames} frames kept")
        faults = self.clean or self._is_retargeted(motion)
        wanted = CleaningSettings(faults, faults, self.cutoff, self.order, self.clean)
        motion, cleaned = clean(motion, wanted)
        changes += cleaned
        if self.window is not None:
            start, stop = contact_window(motion, self.window)
            motion = motion.slice(start, stop)
            changes.append(f"window: frames {start} to {stop - 1} kept")
        if self.resample is not None:
            changes.append(f"rate: {motion.fps:g} Hz to {self.resample:g} Hz")
            motion = motion.resample(self.resample)
        if self.mirror:
            motion = motion.mirror()
            changes.append("mirror: left and right exchanged")
        return motion, changes

    def _write(
        self, motion: "SkeletalMotion", retargeted: "RetargetResult | None", *, loop: bool
    ) -> None:
        """Writes by the output's suffix."""
        from sb3_mimic.motion.formats.asf_amc.writer import write_asf_amc
        from sb3_mimic.motion.formats.bvh.writer import write_bvh
        from sb3_mimic.motion.formats.deepmimic.character import write_deepmimic
        from sb3_mimic.motion.skeletons.conversion import from_skeletal

        suffix = self.output.suffix.lower()
        if suffix == ".bvh":
            write_bvh(motion, self.output, self.output_units)
        elif suffix == ".amc":
            write_asf_amc(motion, self.output)
        elif retargeted is not None:
            write_deepmimic(retargeted.clip, self.output)
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
    return motion.slice(round(start * motion.fps), last + 1)
