"""``sb3-mimic motions fetch``: published motions."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from sb3_mimic.motion.sources.fetch import FetchResult
    from sb3_mimic.motion.sources.sets import MotionSet


@dataclass(frozen=True)
class MotionsFetch:
    """Fetch published motions, which are then known as SET:NAME; one that was stopped goes on.

    Every file is checked by its SHA-256: the known one, or, where none is known, the one that it
    had when it was first fetched.
    """

    set: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SET")]
    """deepmimic (DeepMimic's clips), cmu (trials of the CMU database), or a set of --manifest."""
    names: Annotated[tyro.conf.Positional[tuple[str, ...]], optional("[NAMES]")] = ()
    """Clips, as walk or, of cmu, subject_trial as 02_01; none: all that are listed
    (sb3-mimic motions list SET)."""
    source: Annotated[str | None, optional("URL|FOLDER")] = None
    """Mirror to fetch from, or a folder with the files."""
    manifest: Annotated[Path | None, optional("PATH")] = None
    """Manifest (YAML) of a set of your own; it is kept with what is fetched."""
    json: bool = False
    """Print what was done as JSON."""

    def run(self) -> int:
        """Shows the license, fetches, and says where the motions are."""
        from sb3_mimic.motion.sources.fetch import FetchError, fetch

        motions = self._set()
        self._announce(motions)
        try:
            with _progress() as progress:
                done = fetch(
                    motions, self.names, source=self.source, progress=progress, waiting=_say_waiting
                )
            if self.manifest is not None:
                self._keep(motions)
        except FetchError as error:
            print(f"sb3-mimic: {error}", file=sys.stderr)
            return 1
        self._print(motions, done)
        return 0

    def _set(self) -> "MotionSet":
        from sb3_mimic.motion.sources.sets import find_set, packaged_sets, read_manifest

        if self.manifest is None:
            return find_set(self.set)
        if self.set in packaged_sets():
            raise InputError(f"{self.set} is a set of the package; --manifest needs another name")
        found = read_manifest(self.manifest)
        if self.set not in found:
            raise InputError(f"{self.manifest}: has no set {self.set!r}; sets: {', '.join(found)}")
        return found[self.set]

    def _keep(self, motions: "MotionSet") -> None:
        """Keeps the manifest, so that the clips are found by name."""
        from sb3_mimic.io import atomic_path
        from sb3_mimic.motion.sources.sets import manifest_path

        content = self.manifest.read_bytes() if self.manifest is not None else b""
        with atomic_path(manifest_path(motions.name)) as temporary:
            temporary.write_bytes(content)

    def _announce(self, motions: "MotionSet") -> None:
        """What is about to be fetched, and under which terms."""
        files = {
            file.path: file
            for name in self.names or motions.clips
            for file in motions.files_of(name)
        }
        known = [file.n_bytes for file in files.values() if file.size_known]
        size = f"{sum(known) / 1e6:.1f} MB" if known else "sizes not known"
        more = (
            f" and {len(files) - len(known)} of unknown size" if 0 < len(known) < len(files) else ""
        )
        out = sys.stderr if self.json else sys.stdout
        print(f"{motions.name}: {motions.title} ({motions.home})", file=out)
        print(f"license: {motions.license}", file=out)
        print(f"{len(files)} files, {size}{more}, from {self.source or motions.source}", file=out)
        out.flush()

    def _print(self, motions: "MotionSet", done: "FetchResult") -> None:
        if self.json:
            paths = {name: str(path) for name, path in done.paths.items()}
            said = asdict(done) | {"set": motions.name, "license": motions.license, "paths": paths}
            print(json.dumps(said, indent=2))
            return
        print(f"{len(done.new)} fetched, {len(done.present)} were here already")
        if done.repaired:
            print(f"damaged, and fetched again: {', '.join(done.repaired)}")
        if done.trusted:
            print(
                f"{len(done.trusted)} files had no known checksum; that of what came is kept and "
                f"expected from now on ({motions.folder / 'sha256.json'})"
            )
        example = next(iter(done.paths))
        print(f"in {motions.folder}; use them as --motion {motions.name}:{example}")


def _say_waiting() -> None:
    print("sb3-mimic: another process is fetching this set; waiting for it", file=sys.stderr)


@contextmanager
def _progress() -> "Iterator[Any]":
    """A progress bar on a terminal, otherwise nothing."""
    from tqdm import tqdm

    disabled = not sys.stderr.isatty()
    with tqdm(unit="B", unit_scale=True, disable=disabled, leave=False) as bar:

        def report(path: str, n_bytes: int, total: int | None) -> None:
            if n_bytes < bar.n:
                bar.reset()
            bar.set_description(path, refresh=False)
            bar.total = total
            bar.update(n_bytes - bar.n)

        yield report
