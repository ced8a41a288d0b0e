"""Fetching published motions: resumable, checked, and whole or not there.

A file comes into a hidden ``.part`` file beside its place and is renamed once its SHA-256 is right.
A download that broke off goes on from there (HTTP ``Range``; RFC 9110, section 14), if the server
still has the same file (``If-Range`` with the ``ETag`` or date that is kept beside it). One process
at a time fetches into a set's folder; others wait and then find the files there.

Files without a checksum in the manifest are trusted when they are first fetched: their digest is
kept in the folder's ``sha256.json``, and whatever is fetched later must have it.
"""

import hashlib
import http.client
import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path
from sb3_mimic.motion.sources.sets import MotionSet, SetFile

#: Called with a file's path, the bytes there are of it, and how many there will be (None: unknown).
Progress = Callable[[str, int, int | None], None]

_CHUNK: Final = 1 << 16
_TIMEOUT: Final = 30.0
#: A broken connection is taken up again this often, after a pause of so many seconds.
_ATTEMPTS: Final = 3
_PAUSE: Final = 0.5
_BROKEN: Final = (
    urllib.error.URLError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    http.client.HTTPException,
)


class FetchError(RuntimeError):
    """A file could not be fetched; the message is one sentence that says why."""


@dataclass(frozen=True)
class FetchResult:
    """The result of fetching clips.

    Attributes:
        paths: Motion file of each clip.
        new: Files that were fetched.
        present: Files that were there already, with the right content.
        repaired: Files that were there with a wrong content and were fetched again.
        trusted: Those of the fetched files whose checksum was not known before.
    """

    paths: dict[str, Path]
    new: tuple[str, ...]
    present: tuple[str, ...]
    repaired: tuple[str, ...]
    trusted: tuple[str, ...]


def fetch(
    motions: MotionSet,
    clips: Sequence[str] = (),
    *,
    source: str | Path | None = None,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> FetchResult:
    """Brings clips of a set onto this machine.

    Args:
        motions: The set.
        clips: Names of clips; none: all that its manifest lists.
        source: A mirror instead of the set's own source: an http(s) address, or a folder with the
            files, either in the set's folders or all in one.
        progress: Called while bytes arrive.
        waiting: Called if another process is fetching into the same folder, before waiting for it.

    Returns:
        Where the clips are and what was done.

    Raises:
        InputError: If the set has no such clip, or the source is neither an address nor a folder.
        FetchError: If there is no connection, the server does not have a file, the content is not
            the expected one, or the disk is full. What came is kept for the next time.
    """
    origin = _origin(motions, source)
    names = list(dict.fromkeys(clips)) or list(motions.clips)
    wanted = {file.path: file for name in names for file in motions.files_of(name)}
    outcome: dict[str, list[str]] = {"new": [], "present": [], "repaired": [], "trusted": []}
    try:
        motions.folder.mkdir(parents=True, exist_ok=True)
        with _acquire_lock(motions.folder, waiting):
            trusted = _read_digests(motions.folder)
            for file in wanted.values():
                accepted = file.sha256 or tuple(trusted.get(file.path, ()))
                place = motions.folder / file.path
                there = place.is_file()
                if there and _digest(place) in accepted:
                    outcome["present"].append(file.path)
                    continue
                digest = _fetch_file(origin, file, accepted, motions.folder, progress)
                outcome["repaired" if there else "new"].append(file.path)
                if not accepted:
                    outcome["trusted"].append(file.path)
                    trusted[file.path] = [digest]
                    _write_digests(motions.folder, trusted)
    except OSError as error:
        raise FetchError(f"{motions.folder}: cannot be written ({_reason(error)})") from error
    return FetchResult(
        paths={name: motions.path_of(name) for name in names},
        **{key: tuple(files) for key, files in outcome.items()},
    )


def _origin(motions: MotionSet, source: str | Path | None) -> str | Path:
    """Source of the files: an address that ends in a slash, or a folder."""
    text = str(source) if source is not None else motions.source
    if urlsplit(text).scheme in ("http", "https"):
        return text if text.endswith("/") else f"{text}/"
    if not Path(text).is_dir():
        raise InputError(f"--source {text}: neither an http(s) address nor a folder")
    return Path(text)


def _acquire_lock(folder: Path, waiting: Callable[[], None] | None) -> Any:
    """The folder's lock, which a process that dies lets go."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        if waiting is not None:
            waiting()
        return lock.acquire(timeout=-1)


def _fetch_file(
    origin: str | Path,
    file: SetFile,
    accepted: tuple[str, ...],
    folder: Path,
    progress: Progress | None,
) -> str:
    """Fetches a file, checks it, puts it in its place in the folder and gives its digest."""
    place = folder / file.path
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.part")

    def report(n_bytes: int, total: int | None) -> None:
        if progress is not None:
            progress(file.path, n_bytes, total)

    if isinstance(origin, Path):
        _copy(origin, file, part, report)
    else:
        resumed = _download(origin + quote(file.path), part, file, report)
        if resumed and accepted and _digest(part) not in accepted:
            # The beginning was of another file, or damaged: once more from the start.
            _discard(part)
            _download(origin + quote(file.path), part, file, report)
    digest = _digest(part)
    if accepted and digest not in accepted:
        n_bytes = part.stat().st_size
        _discard(part)
        first = "" if file.sha256 else f" as when it was first fetched ({_digests_path(folder)})"
        raise FetchError(
            f"{file.path} from {origin}: not the expected file: its {n_bytes:,} bytes have the "
            f"SHA-256 {digest}, expected {' or '.join(accepted)}{first}; nothing was kept"
        )
    part.replace(place)
    _discard(part)
    return digest


def _copy(
    folder: Path, file: SetFile, part: Path, report: Callable[[int, int | None], None]
) -> None:
    """Takes a file from a folder: from the set's own place in it, or from its top."""
    candidates = (folder / file.path, folder / Path(file.path).name)
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise FetchError(f"{candidates[0]}: there is no such file")
    size = found.stat().st_size
    if size > file.n_bytes:
        raise FetchError(_too_large(str(found), size, file))
    shutil.copyfile(found, part)
    report(size, size)


def _download(
    url: str, part: Path, file: SetFile, report: Callable[[int, int | None], None]
) -> bool:
    """Downloads to ``part``, going on from what is there; gives whether something was."""
    resumed, reason = False, ""
    for attempt in range(1, _ATTEMPTS + 1):
        had = part.stat().st_size if part.is_file() else 0
        resumed = resumed or had > 0
        try:
            if _receive(url, part, file, report):
                return resumed
            reason = "the connection broke off"
        except FetchError:
            _discard(part)
            raise
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and had:  # beyond the end: what is there is of another file
                _discard(part)
            elif error.code < 500 and error.code != 429:
                raise FetchError(
                    f"{url}: the server answers {error.code} {error.reason}"
                ) from error
            reason = f"the server answers {error.code} {error.reason}"
        except _BROKEN as error:
            reason = _reason(error)
        if attempt < _ATTEMPTS:
            time.sleep(_PAUSE * attempt)
    here = part.stat().st_size if part.is_file() else 0
    if here:
        raise FetchError(
            f"{url}: broke off after {here:,} bytes ({reason}); they are kept, and the same "
            "command goes on from there"
        )
    raise FetchError(
        f"{url}: cannot be reached ({reason}); is there a network? --source takes a mirror, or a "
        "folder with the files"
    )


def _receive(
    url: str, part: Path, file: SetFile, report: Callable[[int, int | None], None]
) -> bool:
    """One request; gives whether the file is complete."""
    kept = _validator_path(part)
    start = part.stat().st_size if part.is_file() else 0
    validator = kept.read_text() if kept.is_file() else ""
    if start and not validator and not file.sha256:
        start = 0  # nothing would tell that the server's file is another one by now
    headers = {"User-Agent": "sb3-mimic", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.status != 206 or not _continues_at(response.headers, start):
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        if (total or 0) > file.n_bytes:
            raise FetchError(_too_large(url, total or 0, file))
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        # A weak ETag does not promise the same bytes, and If-Range does not take one.
        kept.write_text("" if tag.startswith("W/") else tag)
        with part.open("r+b" if start else "wb") as out:
            out.seek(start)
            out.truncate()
            return _pump(response, out, url, file, total, report)


def _pump(
    response: Any,
    out: BinaryIO,
    url: str,
    file: SetFile,
    total: int | None,
    report: Callable[[int, int | None], None],
) -> bool:
    """Writes what arrives; gives whether all of it did."""
    while chunk := response.read1(_CHUNK):
        out.write(chunk)
        out.flush()  # what has come is there, whatever comes next
        n_bytes = out.tell()
        if n_bytes > file.n_bytes:
            raise FetchError(_too_large(url, n_bytes, file))
        report(n_bytes, total)
    return total is None or out.tell() == total


def _continues_at(headers: Any, start: int) -> bool:
    """Whether a partial answer begins where the file here ends."""
    return str(headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _too_large(where: str, n_bytes: int, file: SetFile) -> str:
    return f"{where}: has {n_bytes:,} bytes or more, the set allows {file.n_bytes:,}"


def _validator_path(part: Path) -> Path:
    """Path of the file with the server's name for the version of a partial file."""
    return part.with_name(f"{part.name}.etag")


def _discard(part: Path) -> None:
    for path in (part, _validator_path(part)):
        path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digests_path(folder: Path) -> Path:
    return folder / "sha256.json"


def _read_digests(folder: Path) -> dict[str, list[str]]:
    """Digests of the files that were trusted when they were first fetched."""
    path = _digests_path(folder)
    if not path.is_file():
        return {}
    try:
        digests: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        return {str(file): [str(digest) for digest in found] for file, found in digests.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise FetchError(
            f"{path}: damaged ({error}); remove it to trust again what will be fetched"
        ) from error


def _write_digests(folder: Path, digests: dict[str, list[str]]) -> None:
    with atomic_path(_digests_path(folder)) as temporary:
        temporary.write_text(json.dumps(digests, indent=1, sort_keys=True), encoding="utf-8")


def _describe_status(error: urllib.error.HTTPError) -> str:
    return f"the server answers {error.code} {error.reason}"


def _reason(error: Exception) -> str:
    """The cause of an error, in a few words."""
    cause = getattr(error, "reason", error)  # of a URLError
    return str(getattr(cause, "strerror", None) or cause)
