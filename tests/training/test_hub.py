"""Models go to the Hub and come back, by a local stand-in of its interface."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import yaml
from stable_baselines3 import PPO

from sb3_mimic import make_model, make_native_vec_env
from sb3_mimic.cli import main
from sb3_mimic.tasks import get_task
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.trained import open_trained

pytest.importorskip("huggingface_sb3")

COMMIT = "a" * 40


class StandIn(BaseHTTPRequestHandler):
    """The part of the Hub's HTTP interface that pushing and loading small models takes."""

    repos: dict[str, dict[str, bytes]]
    tokens: list[str | None]

    def log_message(self, *_: Any) -> None:
        pass

    def _reply(self, status: int, content: Any = None, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        path = unquote(urlsplit(self.path).path)
        self.tokens.append(self.headers.get("Authorization"))
        if path == "/api/repos/create":
            told = json.loads(raw)
            name = (
                f"{told['organization']}/{told['name']}"
                if told.get("organization")
                else told["name"]
            )
            if name.startswith("foreign/"):
                self._reply(
                    403, {"error": "You don't have the rights"}, X_Error_Message="no rights"
                )
                return
            self.repos.setdefault(name, {})
            self._reply(200, {"url": f"http://{self.headers['Host']}/{name}", "id": name})
        elif path == "/api/validate-yaml":
            self._reply(200, {"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = json.loads(raw)["files"]
            self._reply(
                200,
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for f in files
                    ]
                },
            )
        elif path.endswith("/commit/main"):
            repo = path.removeprefix("/api/models/").removesuffix("/commit/main")
            for line in raw.splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    value = entry["value"]
                    self.repos[repo][value["path"]] = base64.b64decode(value["content"])
            address = f"http://{self.headers['Host']}/{repo}/commit/{COMMIT}"
            self._reply(200, {"commitUrl": address, "commitOid": COMMIT})
        else:
            self._reply(404, {"error": path})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/models/"):
            repo = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            if repo not in self.repos:
                self._reply(404, {"error": "no"}, X_Error_Code="RepoNotFound")
                return
            files = self.repos[repo]
            if "/tree/" in path:
                tree = [
                    {"type": "file", "path": name, "size": len(data), "oid": digest(data)}
                    for name, data in files.items()
                ]
                self._reply(200, tree)
                return
            names = [{"rfilename": name} for name in files]
            self._reply(200, {"id": repo, "sha": COMMIT, "siblings": names})
            return
        parts = path.strip("/").split("/")
        repo, file = "/".join(parts[:2]), "/".join(parts[4:])
        if parts[2:3] != ["resolve"] or file not in self.repos.get(repo, {}):
            self._reply(404, {"error": path}, X_Error_Code="EntryNotFound")
            return
        data = self.repos[repo][file]
        self._reply(200, data, ETag=f'"{digest(data)}"', X_Repo_Commit=COMMIT)

    def do_HEAD(self) -> None:
        self.do_GET()


def digest(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def hub() -> Iterator[tuple[str, dict[str, dict[str, bytes]]]]:
    StandIn.repos, StandIn.tokens = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", StandIn.repos
    server.shutdown()
    server.server_close()
    thread.join()


def command(endpoint: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: huggingface_hub reads its settings when it loads."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "hf"),
        "HF_TOKEN": "hf_token",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-m", "sb3_mimic", "hub", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with a model, as training leaves it."""
    task = get_task("pidog")
    config = {
        "train": {"env": "pidog", "algo": "ppo", "output_dir": "/home/someone", "demos": "/secret"},
        "env": {"id": task.env_id, "kwargs": {"episode_seconds": 1.0}},
    }
    run = RunFolder.create(tmp_path / "outputs" / "dog", config)
    env = make_native_vec_env(task.env_id, n_envs=2, seed=0)
    make_model("ppo", env, task.hyperparameters_for("ppo"), seed=0, device="cpu").save(run.model)
    env.close()
    run.evaluation.write_text(json.dumps({"num_timesteps": 7, "model": {"survival_s": 1.0}}))
    return run


def test_a_run_goes_and_comes_back(
    hub: tuple[str, dict[str, dict[str, bytes]]], run: RunFolder, tmp_path: Path
) -> None:
    endpoint, repos = hub
    done = command(endpoint, tmp_path, "push", str(run.path), "me/dog")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{endpoint}/me/dog"
    files = repos["me/dog"]
    # The names that RL Zoo and huggingface_sb3 look for.
    zip_name = "ppo-sb3_mimic-PiDog-v0.zip"
    assert set(files) >= {zip_name, "README.md", "config.yaml", "evaluation.json"}
    assert files[zip_name] == run.model.read_bytes()
    assert b"library_name: stable-baselines3" in files["README.md"]
    assert b"| survival_s | 1 |" in files["README.md"]
    pushed = yaml.safe_load(files["config.yaml"])
    assert pushed["env"]["kwargs"] == {"episode_seconds": 1.0}
    assert b"someone" not in files["config.yaml"]
    assert b"secret" not in files["config.yaml"]
    assert "Bearer hf_token" in StandIn.tokens

    done = command(endpoint, tmp_path, "load", "me/dog", "--output", "back", "--trust")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "back"
    trained = open_trained(tmp_path / "back")
    assert trained.env_id == "sb3_mimic/PiDog-v0"
    observation = np.ones(30, np.float32)
    expected, _ = PPO.load(run.model, device="cpu").predict(observation, deterministic=True)
    found, _ = trained.policy.predict(observation, deterministic=True)
    np.testing.assert_array_equal(found, expected)

    # Not over what is there, and not without being told which.
    assert (
        command(endpoint, tmp_path, "load", "me/dog", "--output", "back", "--trust").returncode == 2
    )
    files["another.zip"] = b"x"
    done = command(endpoint, tmp_path, "load", "me/dog", "--output", "new", "--trust")
    assert done.returncode == 2
    assert "--filename" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["push", "{run}", "foreign/dog"], "foreign/dog: the Hub refuses or is not reached"),
        (["load", "me/nothing", "--trust"], "me/nothing: the Hub refuses or is not reached"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    hub: tuple[str, dict[str, dict[str, bytes]]],
    run: RunFolder,
    tmp_path: Path,
    arguments: list[str],
    says: str,
) -> None:
    asked = [argument.format(run=run.path) for argument in arguments]
    done = command(hub[0], tmp_path, *asked)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_no_network_is_one_sentence(run: RunFolder, tmp_path: Path) -> None:
    done = command("http://127.0.0.1:9", tmp_path, "load", "me/cat", "--trust")
    assert done.returncode == 2
    assert done.stderr.startswith("sb3-mimic: me/cat: the Hub refuses or is not reached")


def test_bad_input_is_refused_before_anything_is_sent(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", "push", str(run.path), "dog"]) == 2
    assert "user/name" in capsys.readouterr().err
    assert main(["hub", "push", str(tmp_path), "me/dog"]) == 2
    assert "is no run" in capsys.readouterr().err
    assert main(["hub", "load", "me/dog"]) == 2
    assert "--trust" in capsys.readouterr().err
