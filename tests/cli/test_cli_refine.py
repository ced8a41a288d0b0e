"""``sb3-mimic refine`` and ``verify``: as a user types them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest

from sb3_mimic.cli import main
from sb3_mimic.motion import load_motion, write_deepmimic
from sb3_mimic.refinement import load_actions, load_reference, save_actions
from sb3_mimic.refinement.methods import METHODS
from sb3_mimic.refinement.replay import ReplayMetrics, measure

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs ``sb3-mimic`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sb3_mimic", *arguments],
        env={**os.environ, "MUJOCO_GL": "disabled"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def refused(capsys: Capture) -> Callable[..., str]:
    """Runs a command that must be refused, and gives its one sentence."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert err.startswith("sb3-mimic: ")
        assert err.count("\n") == 1
        assert out == ""
        return err

    return run


@pytest.mark.smoke
def test_refine_then_verify_in_another_process() -> None:
    made = command("refine", "walk", "--method", "feedback", "--output", "a.npz", "--json")
    assert made.returncode == 0, made.stderr
    assert "a.npz" in made.stderr
    told = json.loads(made.stdout)
    assert told["method"] == "feedback"
    assert told["metrics"]["joint_error"] < told["pd_metrics"]["joint_error"]
    assert told["seconds_per_second"] > 0

    found = command("verify", "walk", "--actions", "a.npz", "--json")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    assert report["same_states_as_stored"] is True
    assert report["before"] == told["pd_metrics"]
    assert report["after"] == {name: told["metrics"][name] for name in report["after"]}


def test_a_summary_for_people(capsys: Capture) -> None:
    assert main(["refine", "walk", "--method", "invdyn", "--output", "a.npz"]) == 0
    out, err = capsys.readouterr()
    assert "plain PD → invdyn" in out
    assert "root_force_mean" in out
    assert "s per second of motion" in out
    assert "actions: a.npz" in out
    assert "step" not in err  # no bar without a terminal

    assert main(["verify", "walk", "--actions", "a.npz"]) == 0
    out = capsys.readouterr().out
    for what in ("single-step error", "32-step error", "root drift, max", "survived", "foot skate"):
        assert what in out
    assert out.count("→") == 12
    assert "to the last bit" in out


def test_a_picture_without_opengl_and_with(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = command("refine", "walk", "--method", "pd", "--plot", "a.png")
    assert without.returncode == 0, without.stderr
    assert main(["refine", "walk", "--method", "pd", "--plot", "b.png"]) == 0
    assert "picture: b.png" in capsys.readouterr().out
    small, large = (imageio.imread(name) for name in ("a.png", "b.png"))
    assert small.shape[1] == large.shape[1]
    assert small.shape[0] < large.shape[0]
    assert np.std(small) > 10


def test_verify_reads_bare_actions(capsys: Capture) -> None:
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.05, 0.05, (64, 28)).astype(np.float32)
    np.save("a.npy", actions)
    assert main(["verify", "walk", "--actions", "a.npy", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cycles"] == 2
    assert found["method"] is None
    assert found["same_states_as_stored"] is None
    assert found["after"] == asdict(measure(load_reference("walk"), actions, 2))


@pytest.mark.parametrize(
    ("test", "names"),
    [
        ("single", {"single_step_error"}),
        ("trajectory", {"error_20", "drift_20"}),
        (
            "full",
            {f.replace("50", "20") for f in ReplayMetrics.__dataclass_fields__},
        ),
    ],
)
def test_verify_tells_what_was_asked_for(test: str, names: set[str], capsys: Capture) -> None:
    np.save("a.npy", np.zeros((32, 28)))
    arguments = ["verify", "walk", "--actions", "a.npy", "--num-steps", "20", "--test", test]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["before"]) == set(found["after"]) == names
    assert main(arguments) == 0
    assert ("20-step error" in capsys.readouterr().out) == (test != "single")


def test_verify_replays_fewer_cycles_than_there_are(
    capsys: Capture, refused: Callable[..., str]
) -> None:
    assert main(["refine", "walk", "--method", "invdyn", "--cycles", "3", "--output", "a.npz"]) == 0
    assert len(load_actions(Path("a.npz")).actions) == 96
    capsys.readouterr()
    for cycles, given in ((3, []), (2, ["--cycles", "2"])):
        assert main(["verify", "walk", "--actions", "a.npz", "--json", *given]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["cycles"] == cycles
        assert found["same_states_as_stored"] is True
    assert "1 to 3" in refused("verify", "walk", "--actions", "a.npz", "--cycles", "4")


def test_states_that_are_not_those_of_the_replay_are_noticed(capsys: Capture) -> None:
    assert main(["refine", "walk", "--method", "pd", "--output", "a.npz"]) == 0
    saved = load_actions(Path("a.npz"))
    assert saved.qpos is not None
    save_actions(Path("b.npz"), replace(saved, qpos=saved.qpos + 1e-12))
    capsys.readouterr()
    assert main(["verify", "walk", "--actions", "b.npz"]) == 0
    assert "NOT the stored ones" in capsys.readouterr().out


def test_all_methods_in_one_table(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    # The quick ones stand for all.
    for name in set(METHODS) - {"pd", "feedback", "invdyn"}:
        monkeypatch.delitem(METHODS, name)
    assert main(["refine", "walk", "--method", "all", "--alpha", "0.4", "--output", "a.npz"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["method", "pd", "feedback", "invdyn"]
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[4] == "best: feedback"
    best = load_actions(Path("a.npz")).provenance
    assert best is not None
    assert best.method == "feedback"
    assert best.settings["alpha"] == 0.4
    assert main(["refine", "walk", "--method", "all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["methods"]) == set(METHODS)
    assert found["best"] == "feedback"


def test_a_flag_that_the_method_does_not_know_is_refused(refused: Callable[..., str]) -> None:
    assert "feedback has it" in refused("refine", "walk", "--method", "pd", "--alpha", "0.3")
    told = refused("refine", "walk", "--method", "invdyn", "--iterations", "3")
    assert "mpc" in told
    assert "feedback" in told
    assert "alpha must be positive" in refused(
        "refine", "walk", "--method", "feedback", "--alpha", "-1"
    )


def test_bad_input_is_one_sentence(refused: Callable[..., str]) -> None:
    Path("there.npz").write_bytes(b"")
    assert "exists already" in refused("refine", "walk", "--method", "pd", "--output", "there.npz")
    assert "must end in .npz" in refused("refine", "walk", "--method", "pd", "--output", "a.npy")
    assert "must end in .png" in refused("refine", "walk", "--method", "pd", "--plot", "a.jpg")
    assert "wlak" in refused("refine", "wlak", "--method", "pd")
    assert "there.npz" in refused("verify", "walk", "--actions", "there.npz")
    assert "does not exist" in refused("verify", "walk", "--actions", "nowhere.npz")
    np.save("a.npy", np.zeros((33, 28)))
    assert "33 actions" in refused("verify", "walk", "--actions", "a.npy")
    assert "--num-steps" in refused("verify", "walk", "--actions", "a.npy", "--num-steps", "0")
    assert main(["refine", "run", "--method", "pd", "--output", "run.npz"]) == 0
    assert "this is 'walk'" in refused("verify", "walk", "--actions", "run.npz")


def test_a_hopeless_clip_is_called_so(refused: Callable[..., str]) -> None:
    clip = load_motion("walk")
    sunk = clip.root_position.copy()
    sunk[:, 2] -= 1.0
    write_deepmimic(replace(clip, root_position=sunk), Path("sunk.txt"))
    told = refused("refine", "sunk.txt", "--method", "pd", "--output", "a.npz")
    assert "no actions can reproduce" in told
    assert not Path("a.npz").exists()


def test_an_interrupt_leaves_nothing_and_says_so() -> None:
    code = (
        "import sys, time\n"
        "from sb3_mimic.refinement.methods import Method\n"
        "def wait(*_):\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(60)\n"
        "Method.solve = wait\n"
        "from sb3_mimic.cli import main\n"
        "sys.exit(main(['refine', 'walk', '--method', 'pd', '--output', 'a.npz']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.endswith("sb3-mimic: stopped\n")
    assert list(Path.cwd().iterdir()) == []
