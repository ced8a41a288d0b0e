"""Models on the Hugging Face Hub, through huggingface_sb3 and in its layout.

A repository holds the model as ``<algorithm>-<environment>.zip``, as RL Zoo's do, and beside it
what a run needs to be evaluated: ``config.yaml``, ``evaluation.json`` and a model card.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import yaml

from sb3_mimic.errors import InputError
from sb3_mimic.extras import require
from sb3_mimic.io import atomic_path, check_new
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.trained import find_last_model

# Settings of a run that name places on its machine.
_PLACES = (
    "callback", "demos", "expert", "experiment_name", "load_refined_actions", "output_dir",
    "pretrained_model", "resume",
)  # fmt: skip

_CARD = """---
library_name: stable-baselines3
tags:
- {env}
- deep-reinforcement-learning
- reinforcement-learning
- stable-baselines3
- sb3-mimic
---

# {algo} on {env}

Trained with sb3-mimic, a plug-in of Stable-Baselines3. Observations are normalized inside the
policy: the zip alone acts.

```bash
sb3-mimic hub load {repo} --trust
sb3-mimic evaluate {folder}
```

| figure | value |
|---|---|
{figures}
"""


def push_run(path: Path, repo: str) -> str:
    """Pushes a run's last model, its settings and its figures.

    Args:
        path: Folder of the run.
        repo: ``user/name`` on the Hub, made if need be. The token is the one that ``hf auth login``
            left, or ``HF_TOKEN``.

    Returns:
        The repository's address.

    Raises:
        InputError: If there is no model, huggingface_sb3 is not installed, or the Hub refuses.
    """
    require("hub", "huggingface_sb3")
    from huggingface_hub import HfApi
    from huggingface_sb3 import EnvironmentName, ModelName, push_to_hub

    _check_repo(repo)
    run = RunFolder.open(path)
    env, _ = run.read_environment()
    config = run.read_config()
    trained = config.get("train")
    if not isinstance(trained, dict) or not isinstance(algo := trained.get("algo"), str):
        raise InputError(f"{run.config}: does not say by which algorithm it was trained")
    with tempfile.TemporaryDirectory() as folder, _translate_errors(repo):
        name = Path(folder) / "model" / ModelName(algo, EnvironmentName(env)).filename
        name.parent.mkdir()
        name.symlink_to(find_last_model(run).absolute())
        # huggingface_sb3 3.0 finds the file in the working directory only; and it talks.
        with chdir(name.parent), redirect_stdout(None):
            push_to_hub(repo_id=repo, filename=name.name, commit_message="Model")
        others = Path(folder) / "others"
        others.mkdir()
        kept = {key: value for key, value in trained.items() if key not in _PLACES}
        settings = yaml.safe_dump({**config, "train": kept}, sort_keys=False)
        (others / run.config.name).write_text(settings, encoding="utf-8")
        figures = _read_figures(run)
        if figures:
            (others / run.evaluation.name).write_text(json.dumps(figures, indent=2) + "\n")
        card = _CARD.format(
            env=env,
            algo=algo.upper(),
            repo=repo,
            folder=Path("outputs", repo.rpartition("/")[2]).as_posix(),
            figures="\n".join(
                f"| {name} | {value:.4g} |" for name, value in _select_numbers(figures)
            ),
        )
        (others / "README.md").write_text(card, encoding="utf-8")
        # After the model: huggingface_sb3 3.0 leaves an empty card of its own.
        HfApi().upload_folder(repo_id=repo, folder_path=others, commit_message="Settings and card")
        return str(HfApi().endpoint) + f"/{repo}"


def load_run(repo: str, path: Path, filename: str | None = None) -> Path:
    """Loads a model into a folder that is a run's where the repository has its settings.

    Args:
        repo: ``user/name`` on the Hub.
        path: The folder to make.
        filename: The zip, where the repository has several.

    Returns:
        The folder; the model in it is ``model.zip``.

    Raises:
        InputError: If the folder exists, huggingface_sb3 is not installed, or there is no such
            model.
    """
    require("hub", "huggingface_sb3")
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_sb3 import load_from_hub

    _check_repo(repo)
    check_new(path)
    with _translate_errors(repo), _trust_remote_code(), atomic_path(path) as temporary:
        files = HfApi().list_repo_files(repo)
        filename = filename or _find_only_zip(repo, files)
        temporary.mkdir()
        run = RunFolder(temporary)
        run.model.write_bytes(Path(load_from_hub(repo, filename)).read_bytes())
        for file in (run.config, run.evaluation):
            if file.name in files:
                file.write_bytes(Path(hf_hub_download(repo, file.name)).read_bytes())
    return path


def _check_repo(repo: str) -> None:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise InputError(f"repository {repo!r} must have the form user/name")


def _find_only_zip(repo: str, files: list[str]) -> str:
    zips = [file for file in files if file.endswith(".zip")]
    if len(zips) == 1:
        return zips[0]
    there = ", ".join(zips) or "none"
    raise InputError(f"{repo}: say which .zip by --filename; there are: {there}")


def _read_figures(run: RunFolder) -> dict[str, Any]:
    """The figures of the final evaluation; empty where there was none."""
    if not run.evaluation.is_file():
        return {}
    found: dict[str, Any] = json.loads(run.evaluation.read_text(encoding="utf-8"))
    return found


def _select_numbers(figures: Mapping[str, Any]) -> list[tuple[str, float]]:
    model = figures.get("model", figures)
    return [(name, value) for name, value in model.items() if isinstance(value, int | float)]


@contextmanager
def _translate_errors(repo: str) -> Iterator[None]:
    """What the Hub answers, as bad input: a name, a token or a network that does not do."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # of the Hub, of requests or of httpx
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{repo}: the Hub refuses or is not reached ({first[0]})") from error


@contextmanager
def _trust_remote_code() -> Iterator[None]:
    """Lets newer releases of huggingface_sb3 download: the user has said that they trust it."""
    before = os.environ.get("TRUST_REMOTE_CODE")
    os.environ["TRUST_REMOTE_CODE"] = "True"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TRUST_REMOTE_CODE"]
        else:
            os.environ["TRUST_REMOTE_CODE"] = before
