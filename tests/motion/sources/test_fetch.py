"""Fetching motions from a local server that behaves, and from those that do not."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sb3_mimic.cli import main
from sb3_mimic.errors import InputError
from sb3_mimic.motion import load_motion
from sb3_mimic.motion.sources import fetch as fetch_module
from sb3_mimic.motion.sources.fetch import FetchError, fetch
from sb3_mimic.motion.sources.sets import MotionSet, find_set, read_manifest

WALK = (Path(__file__).resolve().parents[3] / "assets" / "motions" / "walk.txt").read_bytes()
SQUAT = (Path(__file__).resolve().parents[3] / "assets" / "motions" / "squat.txt").read_bytes()


@dataclass
class Site:
    """What a server has and how it misbehaves.

    Attributes:
        files: Content by path.
        cuts: Bytes of each coming answer after which the connection is closed.
        ranges: Whether it knows Range.
        validators: Whether it sends an ETag.
        announces: Whether it sends a Content-Length.
        status: What it answers instead of files, if anything.
        wait: Seconds to wait before every 4 kB.
        requests: Path, Range and bytes sent of each answer so far.
    """

    files: dict[str, bytes]
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    validators: bool = True
    announces: bool = True
    status: int | None = None
    wait: float = 0.0
    requests: list[tuple[str, str | None, int]] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site, path, asked = self.site, self.path.lstrip("/"), self.headers.get("Range")
        if site.status is not None or path not in site.files:
            site.requests.append((path, asked, 0))
            self.send_error(site.status or 404)
            return
        content = site.files[path]
        etag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        same = self.headers.get("If-Range") in (None, etag)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and same else 0
        if site.ranges and start >= len(content):
            site.requests.append((path, asked, 0))
            self.send_error(416)
            return
        start = start if site.ranges else 0
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if site.announces:
            self.send_header("Content-Length", str(len(body)))
        if site.validators:
            self.send_header("ETag", etag)
        self.end_headers()
        sent = body[: site.cuts.pop(0)] if site.cuts else body
        site.requests.append((path, asked, len(sent)))
        for first in range(0, len(sent), 4096):
            time.sleep(site.wait)
            try:
                self.wfile.write(sent[first : first + 4096])
            except OSError:
                return

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    """Starts servers, and stops them in the end."""
    servers = []

    def start(files: dict[str, bytes], **behavior: Any) -> Site:
        site = Site(files, **behavior)
        handler = type("Handler", (_Handler,), {"site": site})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        site.url = f"http://127.0.0.1:{server.server_port}/"
        return site

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, and no pauses."""
    monkeypatch.setenv("SB3_MIMIC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetch_module, "_PAUSE", 0.0)
    return tmp_path / "cache"


def manifest(folder: Path, *, pinned: bool = True) -> Path:
    """A manifest of the set "lab" with the clips a (walk) and b (squat, in a folder)."""
    entry: dict[str, Any] = {
        "title": "Clips of a lab",
        "home": "https://lab.example",
        "license": "CC0",
        "source": "https://lab.example/clips/",
        "clips": {"a": {"files": ["a.txt"]}, "b": {"files": ["more/b.txt"], "about": "squats"}},
        "largest_bytes": 100_000,
    }
    if pinned:
        entry["checksums"] = {
            path: [{"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}]
            for path, content in (("a.txt", WALK), ("more/b.txt", SQUAT))
        }
    folder.mkdir(exist_ok=True)
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump({"lab": entry}))
    return path


@pytest.fixture
def lab(tmp_path: Path) -> MotionSet:
    """The set with known checksums."""
    return read_manifest(manifest(tmp_path / "lab"))["lab"]


@pytest.fixture
def unpinned(tmp_path: Path) -> MotionSet:
    """The same without."""
    return read_manifest(manifest(tmp_path / "lab", pinned=False))["lab"]


FILES = {"a.txt": WALK, "more/b.txt": SQUAT}


def left_behind(motions: MotionSet) -> set[str]:
    """Everything in the set's folder but the lock."""
    files = (path for path in motions.folder.rglob("*") if path.is_file())
    return {path.relative_to(motions.folder).as_posix() for path in files} - {".lock"}


def test_what_is_fetched_is_what_was_served(lab: MotionSet, serve: Callable[..., Site]) -> None:
    site = serve(FILES)
    done = fetch(lab, source=site.url)
    assert {name: path.read_bytes() for name, path in done.paths.items()} == {
        "a": WALK,
        "b": SQUAT,
    }
    assert set(done.new) == set(FILES) == left_behind(lab)
    assert not done.trusted
    again = fetch(lab, ["a"], source=site.url)
    assert again.present == ("a.txt",)
    assert len(site.requests) == 2


@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(cuts=st.lists(st.integers(1, len(WALK) // 6), min_size=1, max_size=6), pinned=st.booleans())
def test_wherever_it_breaks_off_it_goes_on_and_no_byte_comes_twice(
    cuts: list[int], pinned: bool, tmp_path: Path, serve: Callable[..., Site]
) -> None:
    motions = read_manifest(manifest(tmp_path / "lab", pinned=pinned))["lab"]
    motions.path_of("a").unlink(missing_ok=True)
    site = serve(FILES, cuts=list(cuts))
    reason = "broke off after"
    for _ in range(1 + len(cuts) // 3):
        assert "broke off after" in reason
        try:
            done = fetch(motions, ["a"], source=site.url)
        except FetchError as error:
            reason = str(error)
            assert not motions.path_of("a").exists()
    assert done.paths["a"].read_bytes() == WALK
    assert sum(sent for _, _, sent in site.requests) == len(WALK)
    assert len(site.requests) == len(cuts) + 1


def test_without_ranges_it_starts_again(lab: MotionSet, serve: Callable[..., Site]) -> None:
    site = serve(FILES, cuts=[1000, 2000], ranges=False)
    assert fetch(lab, ["a"], source=site.url).paths["a"].read_bytes() == WALK


def test_a_file_that_changed_meanwhile_is_not_mixed(
    unpinned: MotionSet, serve: Callable[..., Site]
) -> None:
    for validators in (True, False):
        site = serve(dict(FILES), cuts=[3000] * 3, validators=validators)
        with pytest.raises(FetchError, match="broke off"):
            fetch(unpinned, ["a"], source=site.url)
        site.files["a.txt"] = changed = SQUAT + b"\n"
        path = fetch(unpinned, ["a"], source=site.url).paths["a"]
        assert path.read_bytes() == changed
        for file in (path, unpinned.folder / "sha256.json"):
            file.unlink()


def test_a_damaged_beginning_is_fetched_again(lab: MotionSet, serve: Callable[..., Site]) -> None:
    lab.folder.mkdir(parents=True)
    for rubbish in (b"x" * 100, b"x" * (2 * len(WALK))):
        (lab.folder / ".a.txt.part").write_bytes(rubbish)
        path = fetch(lab, ["a"], source=serve(FILES).url).paths["a"]
        assert path.read_bytes() == WALK
        assert left_behind(lab) == {"a.txt"}
        path.unlink()


def test_a_wrong_file_is_refused_and_nothing_is_left(
    lab: MotionSet, serve: Callable[..., Site]
) -> None:
    corrupted = WALK[:500] + bytes([WALK[500] ^ 1]) + WALK[501:]
    with pytest.raises(FetchError, match=r"a\.txt from http.*not the expected file") as error:
        fetch(lab, ["a"], source=serve({"a.txt": corrupted}).url)
    assert "\n" not in str(error.value)
    assert left_behind(lab) == set()


def test_what_was_first_fetched_is_expected_from_then_on(
    unpinned: MotionSet, serve: Callable[..., Site]
) -> None:
    site = serve(dict(FILES))
    done = fetch(unpinned, source=site.url)
    assert set(done.trusted) == set(FILES)
    assert fetch(unpinned, source=site.url).present == done.new
    done.paths["a"].unlink()
    site.files["a.txt"] = SQUAT
    with pytest.raises(FetchError, match=r"not the expected.*first fetched.*sha256\.json"):
        fetch(unpinned, ["a"], source=site.url)
    assert not done.paths["a"].exists()
    (unpinned.folder / "sha256.json").write_text("[")
    with pytest.raises(FetchError, match=r"sha256\.json: damaged"):
        fetch(unpinned, ["a"], source=site.url)


def test_a_file_damaged_on_disk_is_repaired(lab: MotionSet, serve: Callable[..., Site]) -> None:
    path = fetch(lab, ["a"], source=serve(FILES).url).paths["a"]
    path.write_bytes(WALK[:-5])
    assert fetch(lab, ["a"], source=serve(FILES).url).repaired == ("a.txt",)
    assert path.read_bytes() == WALK


@pytest.mark.parametrize("announces", [True, False])
def test_a_file_larger_than_allowed_is_not_taken(
    announces: bool, unpinned: MotionSet, serve: Callable[..., Site]
) -> None:
    site = serve({"a.txt": b"0" * 10_000_000}, announces=announces)
    with pytest.raises(FetchError, match="the set allows 100,000"):
        fetch(unpinned, ["a"], source=site.url)
    assert left_behind(unpinned) == set()


@pytest.mark.parametrize(
    ("status", "requests", "message"),
    [(404, 1, "answers 404"), (403, 1, "answers 403"), (503, 3, "cannot be reached .*503")],
)
def test_a_server_without_the_file(
    status: int, requests: int, message: str, lab: MotionSet, serve: Callable[..., Site]
) -> None:
    site = serve(FILES, status=status)
    with pytest.raises(FetchError, match=message):
        fetch(lab, ["a"], source=site.url)
    assert len(site.requests) == requests
    assert left_behind(lab) == set()


def test_no_network_is_one_clear_sentence(
    tmp_path: Path, serve: Callable[..., Site], capsys: pytest.CaptureFixture[str]
) -> None:
    site = serve({})
    nobody = site.url.replace("127.0.0.1", "no-such-host.invalid")
    path = str(manifest(tmp_path / "lab"))
    for url in (nobody, "http://127.0.0.1:9/"):
        assert main(["motions", "fetch", "lab", "a", "--manifest", path, "--source", url]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "cannot be reached" in error
        assert "is there a network?" in error


def test_a_folder_is_a_mirror_too(lab: MotionSet, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "b.txt").write_bytes(SQUAT)
    assert fetch(lab, ["b"], source=flat).paths["b"] == lab.folder / "more" / "b.txt"
    with pytest.raises(FetchError, match=r"a\.txt: there is no such file"):
        fetch(lab, source=flat)
    with pytest.raises(InputError, match="neither an http"):
        fetch(lab, source=tmp_path / "nowhere")


def test_a_cache_that_cannot_be_written(
    lab: MotionSet, cache: Path, serve: Callable[..., Site]
) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(FetchError, match="cannot be written"):
        fetch(lab, ["a"], source=serve(FILES).url)


def run(*arguments: str) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sb3_mimic", "motions", "fetch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MUJOCO_GL": ""},
    )


def test_two_at_once_fetch_every_file_once(tmp_path: Path, serve: Callable[..., Site]) -> None:
    site = serve(FILES, wait=0.1)
    arguments = ("lab", "--manifest", str(manifest(tmp_path / "lab")), "--source", site.url)
    both = [run(*arguments, "--json") for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(path for path, _, _ in site.requests) == sorted(FILES)
    new = sorted(tuple(json.loads(out)["new"]) for out, _ in said)
    assert new == [(), ("a.txt", "more/b.txt")]
    assert load_motion("lab:b").digest == load_motion("squat").digest


def test_one_that_was_killed_goes_on_where_it_was(
    tmp_path: Path, serve: Callable[..., Site], lab: MotionSet
) -> None:
    site = serve(FILES, wait=0.2)
    part = lab.folder / ".a.txt.part"
    path = str(manifest(tmp_path / "lab"))
    process = run("lab", "a", "--manifest", path, "--source", site.url)
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < part.stat().st_size < len(WALK)
    assert not lab.path_of("a").exists()
    start, site.wait = part.stat().st_size, 0.0
    assert fetch(lab, ["a"], source=site.url).paths["a"].read_bytes() == WALK
    assert site.requests[-1] == ("a.txt", f"bytes={start}-", len(WALK) - start)


def test_the_command_shows_the_license_and_gives_a_name(
    tmp_path: Path, serve: Callable[..., Site], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["motions", "fetch", "lab", "--manifest", str(manifest(tmp_path / "lab"))]
    assert main([*arguments, "--source", serve(FILES).url]) == 0
    out = capsys.readouterr().out
    assert out.index("license: CC0") < out.index("2 fetched")
    assert "--motion lab:a" in out
    assert main(["motions", "info", "lab:a"]) == 0
    capsys.readouterr()
    assert main(["motions", "list", "--json"]) == 0
    assert {"lab:a", "lab:b"} < {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert main(["motions", "fetch", "deepmimic", "--manifest", arguments[-1]]) == 2
    assert "another name" in capsys.readouterr().err


def test_the_packaged_checksums_are_those_of_real_files(motions_dir: Path) -> None:
    """Every known file of the sets that is in the folder, found there by its name."""
    n_files = 0
    for name, folder in (("deepmimic", "deepmimic"), ("cmu", "cmu-asfamc")):
        motions = find_set(name)
        paths = motions.checksums.keys()
        clips = [clip for clip in motions.clips if motions.files_of(clip)[0].path in paths]
        done = fetch(motions, clips, source=motions_dir / folder)
        assert not done.trusted
        n_files += len(done.new)
    assert n_files == 11 + 12
    assert load_motion("deepmimic:kick").n_frames == 47
    with pytest.raises(InputError, match="motions fetch deepmimic cartwheel"):
        load_motion("deepmimic:cartwheel")
