"""Sets of motions that others publish: what there is, where it lies, and where it is kept here.

A manifest is YAML: for each set ``title``, ``home``, ``license``, ``source`` (the address that the
paths are relative to), ``clips`` (name → ``files``, the motion first, and ``about``),
``checksums`` (path → the contents that are accepted, each ``sha256`` and ``bytes``),
``largest_bytes`` (of a file whose size is not given), and ``any_trial``: the files of every clip
named subject_trial, listed or not. The package has one, ``assets/motion_sets.yaml``; others are
kept beside the motions fetched with them.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from sb3_mimic.cache import cache_folder
from sb3_mimic.errors import InputError

#: Bounds of a manifest, so that none can fill memory or disk: its own size [bytes], clips, files
#: of a clip, size of a file and of all listed files [bytes].
MANIFEST_BYTES: Final = 2_000_000
MANIFEST_CLIPS: Final = 20_000
CLIP_FILES: Final = 8
FILE_BYTES: Final = 200_000_000
SET_BYTES: Final = 20_000_000_000

#: How deeply a manifest is nested.
_DEPTH: Final = 8

_SET_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,39}")
_CLIP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,99}")
_TRIAL: Final = re.compile(r"(?P<subject>\d{2,3})_(?P<trial>\d{2,3})")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_KEYS: Final = {
    *("title", "home", "license", "source", "clips"),
    *("checksums", "largest_bytes", "any_trial"),
}


@dataclass(frozen=True)
class SetFile:
    """A file of a set.

    Attributes:
        path: Where it lies below the set's source, and below its folder here.
        sha256: Digests (hex) of the contents that are accepted; none if it is not known.
        n_bytes: Its size, or the most that it may have where that is not known.
        size_known: Whether ``n_bytes`` is its size.
    """

    path: str
    sha256: tuple[str, ...]
    n_bytes: int
    size_known: bool


@dataclass(frozen=True)
class MotionSet:
    """A published set of motions.

    Attributes:
        name: Its name, as in ``name:clip``.
        title: What it is.
        home: Where to read about it.
        license: Under which terms it may be used.
        source: Address that the paths are relative to.
        clips: Paths of each listed clip's files, the motion itself first.
        about: What happens in a clip, where that is said.
        checksums: Accepted contents of a file, as (sha256, size or None).
        largest_bytes: The most that a file of unknown size may have.
        any_trial: Paths of the files of any clip named subject_trial, with ``{subject}`` and
            ``{trial}`` in them; empty if only the listed clips exist.
    """

    name: str
    title: str
    home: str
    license: str
    source: str
    clips: Mapping[str, tuple[str, ...]]
    about: Mapping[str, str]
    checksums: Mapping[str, tuple[tuple[str, int | None], ...]]
    largest_bytes: int
    any_trial: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Folder of its files on this machine."""
        return sets_folder() / self.name

    def files_of(self, clip: str) -> tuple[SetFile, ...]:
        """The files of a clip, the motion itself first.

        Raises:
            InputError: If the set has no such clip (with the nearest that it has).
        """
        paths = self.clips.get(clip)
        trial = _TRIAL.fullmatch(clip)
        if paths is None and trial is not None and self.any_trial:
            paths = tuple(path.format(**trial.groupdict()) for path in self.any_trial)
        if paths is None:
            near = difflib.get_close_matches(clip, self.clips, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            known = "subject_trial, as 02_01" if self.any_trial else ", ".join(sorted(self.clips))
            raise InputError(f"the set {self.name} has no clip {clip!r}.{hint} Clips: {known}")
        return tuple(self._file(path) for path in paths)

    def path_of(self, clip: str) -> Path:
        """Path of a clip's motion file on this machine, fetched or not.

        Raises:
            InputError: If the set has no such clip.
        """
        return self.folder / self.files_of(clip)[0].path

    def fetched(self) -> dict[str, Path]:
        """The clips that are on this machine, by name."""
        found = {clip: self.folder / paths[0] for clip, paths in self.clips.items()}
        if self.any_trial:
            suffix = Path(self.any_trial[0]).suffix
            trials = {p.stem: p for p in self.folder.rglob(f"*{suffix}") if _TRIAL.match(p.stem)}
            found |= {clip: path for clip, path in trials.items() if path == self.path_of(clip)}
        return {clip: path for clip, path in sorted(found.items()) if path.is_file()}

    def _file(self, path: str) -> SetFile:
        accepted = self.checksums.get(path, ())
        sizes = [size for _, size in accepted if size is not None]
        return SetFile(
            path=path,
            sha256=tuple(digest for digest, _ in accepted),
            n_bytes=max(sizes, default=self.largest_bytes),
            size_known=bool(sizes),
        )


def sets_folder() -> Path:
    """Folder of the fetched motions, with a folder for each set."""
    return cache_folder() / "motions"


def manifest_path(name: str) -> Path:
    """Path of the manifest of a user's own set."""
    return sets_folder() / name / "manifest.yaml"


def known_sets() -> dict[str, MotionSet]:
    """The sets of the package and those fetched with a manifest of one's own, by name."""
    found = dict(packaged_sets())
    for path in sorted(sets_folder().glob("*/manifest.yaml")):
        name = path.parent.name
        if name not in found and (entry := read_manifest(path).get(name)):
            found[name] = entry
    return found


@cache
def packaged_sets() -> dict[str, MotionSet]:
    """The sets that the package knows, by name."""
    with as_file(files("sb3_mimic.assets").joinpath("motion_sets.yaml")) as path:
        return read_manifest(path)


def find_set(name: str) -> MotionSet:
    """A set by name.

    Raises:
        InputError: If there is none (with those there are).
    """
    known = known_sets()
    if name not in known:
        raise InputError(f"unknown motion set {name!r}; sets: {', '.join(known)}")
    return known[name]


def read_manifest(path: str | Path) -> dict[str, MotionSet]:
    """Reads and checks a manifest.

    Args:
        path: The file.

    Returns:
        Its sets by name.

    Raises:
        InputError: If it cannot be read, is not a manifest, is larger than any manifest is, or has
            a path or an address that must not be followed.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MANIFEST_BYTES:
            raise InputError(f"{path}: larger than {MANIFEST_BYTES:,} bytes, which no manifest is")
        document = _parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file, so not a manifest") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML ({_first_line(error)})") from error
    except ValueError as error:  # a date of month 13, an integer of thousands of digits
        raise InputError(f"{path}: not a manifest ({_first_line(error)})") from error
    if not isinstance(document, dict) or not document:
        raise InputError(f"{path}: a manifest is a mapping from names of sets to what they are")
    return {str(name): _parse_set(path, str(name), entry) for name, entry in document.items()}


def _parse_yaml(text: str) -> Any:
    """The document in a YAML text.

    Aliases, by which a few lines become billions, and deep nesting are refused before anything is
    built.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError(f"aliases are not allowed in a manifest{event.start_mark}")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise yaml.YAMLError(f"nested too deeply for a manifest{event.start_mark}")
    return yaml.load(text, Loader=loader)


def _parse_set(path: Path, name: str, entry: Any) -> MotionSet:
    """One set of a manifest, checked."""
    where = f"{path}: set {name!r}"
    if not _SET_NAME.fullmatch(name):
        raise InputError(f"{where}: a name has 2 to 40 of a-z, 0-9, - and _, a letter first")
    if not isinstance(entry, dict):
        raise InputError(f"{where}: must be a mapping with {', '.join(sorted(_KEYS))}")
    if unknown := {str(key) for key in entry} - _KEYS:
        raise InputError(f"{where}: unknown key {min(unknown)!r}; keys: {', '.join(sorted(_KEYS))}")
    texts = {}
    for key in ("title", "home", "license", "source"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise InputError(f"{where}: {key!r} must be a text, found {entry.get(key)!r}")
        texts[key] = " ".join(entry[key].split())
    if urlsplit(texts["source"]).scheme not in ("http", "https"):
        raise InputError(f"{where}: source must be an http(s) address, found {texts['source']!r}")
    clips = _get_mapping(where, entry, "clips")
    if len(clips) > MANIFEST_CLIPS:
        raise InputError(f"{where}: {len(clips)} clips, more than the {MANIFEST_CLIPS} allowed")
    largest = _parse_size(where, "largest_bytes", entry.get("largest_bytes", FILE_BYTES))
    found = MotionSet(
        name=name,
        **texts,
        clips={
            str(clip): _parse_clip_files(where, str(clip), value) for clip, value in clips.items()
        },
        about={
            str(clip): str(value["about"])[:200]
            for clip, value in clips.items()
            if "about" in value
        },
        checksums={
            str(file): _parse_contents(f"{where}: checksum of {file!r}", value)
            for file, value in _get_mapping(where, entry, "checksums").items()
        },
        largest_bytes=largest,
        any_trial=_parse_paths(where, "any_trial", entry["any_trial"])
        if "any_trial" in entry
        else (),
    )
    listed = {file.path: file.n_bytes for clip in found.clips for file in found.files_of(clip)}
    if sum(listed.values()) > SET_BYTES:
        raise InputError(
            f"{where}: its files may have {sum(listed.values()):,} bytes together, more than the "
            f"{SET_BYTES:,} allowed; give their sizes, or a smaller largest_bytes"
        )
    return found


def _get_mapping(where: str, entry: dict[str, Any], key: str) -> dict[str, Any]:
    value = entry.get(key, {})
    if not isinstance(value, dict):
        raise InputError(f"{where}: {key!r} must be a mapping, found {type(value).__name__}")
    return value


def _parse_clip_files(where: str, clip: str, value: Any) -> tuple[str, ...]:
    if not _CLIP_NAME.fullmatch(clip):
        raise InputError(f"{where}: clip name {clip!r} has other characters than letters, - _ .")
    if not isinstance(value, dict) or not set(value) <= {"files", "about"}:
        raise InputError(f"{where}: clip {clip!r} must be a mapping with files and about")
    return _parse_paths(where, f"clip {clip!r}", value.get("files"))


def _parse_paths(where: str, what: str, value: Any) -> tuple[str, ...]:
    """Paths that stay below the folder that they are relative to."""
    if not isinstance(value, list) or not 1 <= len(value) <= CLIP_FILES:
        raise InputError(f"{where}: {what} must list 1 to {CLIP_FILES} files")
    for path in value:
        plain = str(path).replace("{subject}", "0").replace("{trial}", "0")
        if not all(_PART.fullmatch(part) for part in plain.split("/")):
            raise InputError(f"{where}: {what}: {str(path)[:100]!r} is no path below the source")
    return tuple(map(str, value))


def _parse_contents(where: str, value: Any) -> tuple[tuple[str, int | None], ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= CLIP_FILES:
        raise InputError(f"{where}: must list 1 to {CLIP_FILES} contents, each sha256 and bytes")
    found = []
    for content in value:
        digest = content.get("sha256") if isinstance(content, dict) else None
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise InputError(f"{where}: sha256 must be 64 digits 0-9a-f, found {digest!r}")
        size = content.get("bytes")
        found.append((digest, None if size is None else _parse_size(where, "bytes", size)))
    return tuple(found)


def _parse_size(where: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= FILE_BYTES:
        raise InputError(f"{where}: {key} must be 1 to {FILE_BYTES:,}, found {value!r}")
    return value


def _first_line(error: Exception) -> str:
    """An error's message on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
