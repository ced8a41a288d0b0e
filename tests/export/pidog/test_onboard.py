"""The program on the robot: against a fake of the vendor's module, and from recorded samples."""

import ast
import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch as th
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stable_baselines3 import PPO

from sb3_mimic import collect_demonstrations, make_model, make_native_vec_env, pretrain
from sb3_mimic.envs.pidog import hardware
from sb3_mimic.envs.pidog.sensors import Imu
from sb3_mimic.export.description import Description, Servo
from sb3_mimic.export.files import Writer, load_exported
from sb3_mimic.export.graph import PolicyGraph
from sb3_mimic.export.pidog import onboard
from sb3_mimic.export.pidog.archive import write_program
from sb3_mimic.export.pidog.onboard.clocks import PERIOD, Clock, Metronome, RecordedClock
from sb3_mimic.export.pidog.onboard.errors import BadInputError, EmergencyStopError
from sb3_mimic.export.pidog.onboard.imu import SAMPLE, Sensor, Tilt, to_body
from sb3_mimic.export.pidog.onboard.log import LEGS, Log
from sb3_mimic.export.pidog.onboard.policy import Policy
from sb3_mimic.export.pidog.onboard.program import main
from sb3_mimic.export.pidog.onboard.robots import RecordedRobot
from sb3_mimic.export.pidog.onboard.walk import LIE_DEGREES, Settings, walk
from sb3_mimic.export.policy import export_policy
from sb3_mimic.policies.saved import load_policy
from sb3_mimic.tasks import get_task

pytest.importorskip("onnxruntime")

FloatArray = NDArray[np.float64]
HISTORY = 3
STAND = hardware.vendor_degrees(hardware.STAND_DEGREES)
LEVEL = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])

# The vendor's module as far as the program uses it. Each call is a line: time, name, argument.
FAKE = """
import json, os, random, time

_SCRIPT = json.loads(os.environ["FAKE_PIDOG"])
_random = random.Random(0)

def _note(name, argument=None):
    with open(_SCRIPT["calls"], "a") as file:
        file.write(json.dumps([time.monotonic(), name, argument]) + "\\n")

class _Legs:
    def __init__(self):
        self.servo_positions = [45, -45, -45, 45, 45, -45, -45, 45]
    def servo_write_all(self, angles):
        if not (isinstance(angles, list) and all(type(a) is float for a in angles)):
            raise TypeError(angles)
        _note("servo_write_all", angles)

class _Imu:
    reads = 0
    def _sh3001_getimudata(self):
        self.reads += 1
        _note("imu")
        raw = list(_SCRIPT["raw"])
        if self.reads > _SCRIPT["event_after"]:
            if _SCRIPT["event"] == "fails":
                return False
            if _SCRIPT["event"] == "bus":
                raise OSError("Remote I/O error")
            if _SCRIPT["event"] == "hangs":
                return raw[:3], raw[3:]
            if _SCRIPT["event"] == "falls":
                raw[0], raw[1] = 0, -16384
        raw = [number + _random.randint(-20, 20) for number in raw]
        return raw[:3], raw[3:]

class Pidog:
    def __init__(self):
        _note("Pidog")
        self.legs, self.imu = _Legs(), _Imu()
    def close(self):
        _note("close", self.legs.servo_positions)
        raise SystemExit(0)
"""


class Spaces(gym.Env[Any, Any]):
    observation_space = spaces.Box(
        -np.inf, np.inf, (hardware.observation_size(HISTORY),), np.float32
    )
    action_space = spaces.Box(-1, 1, (8,), np.float32)


def network() -> Any:
    """An SB3 policy of the robot's spaces that moves the legs by some degrees."""
    model = PPO("MlpPolicy", Spaces(), seed=0, device="cpu")
    head: Any = model.policy.action_net
    with th.no_grad():
        head.weight.mul_(100)
    return model.policy


def write_policy(path: Path, policy: Any, rate_limit: float = hardware.RATE_LIMIT) -> Path:
    graph = PolicyGraph(policy)
    description = Description(
        observation={"shape": graph.input_shape, "dtype": "float32", "layout": []},
        action={},
        robot={},
        env={},
        model={},
        servo=vars(Servo(HISTORY, 2.0, rate_limit)),
    )
    Writer.trace(graph, "onnx").write(path, description)
    return path


@pytest.fixture(scope="module")
def policy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_policy(tmp_path_factory.mktemp("policy") / "policy.onnx", network())


@pytest.fixture(scope="module")
def program(policy_file: Path) -> Path:
    return write_program(policy_file, policy_file.with_suffix(".pyz"))


def recording(path: Path, samples: FloatArray) -> Path:
    """A CSV: a second of standing still, whose mean is exactly level, then the samples."""
    rest = np.tile(LEVEL, (50, 1))
    rest[::2] += 0.01
    rest[1::2] -= 0.01
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(SAMPLE)
        writer.writerows(np.vstack((rest, samples)).tolist())
    return path


def walking_samples(n: int, seed: int = 0) -> FloatArray:
    """Samples of a body that wobbles by some degrees."""
    generator = np.random.default_rng(seed)
    return LEVEL + generator.normal(0, 0.05, (n, 6))


def read_log(path: Path, state: str = "walk") -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["state"] == state]


def columns(rows: list[dict[str, str]], kind: str) -> FloatArray:
    return np.array([[float(row[f"{kind}_{leg}"]) for leg in LEGS] for row in rows])


# --- from recorded samples ----------------------------------------------------------------------


def test_replay_is_the_policy_on_the_documented_observation(
    policy_file: Path, tmp_path: Path
) -> None:
    samples = walking_samples(100)
    log = tmp_path / "log.csv"
    arguments = ["--imu", str(recording(tmp_path / "imu.csv", samples)), "--log", str(log)]
    arguments += ["--policy", str(policy_file), "--seconds", "2", "--forward", "0.15"]
    assert main([*arguments, "--yaw-rate", "-0.3"]) == 0
    rows = read_log(log)
    assert len(rows) == 100

    # From the definition of the observation, with the SB3 policy itself.
    policy, sent = network(), hardware.STAND_DEGREES
    actions, past = np.zeros((HISTORY, 8)), np.tile(samples[0], (HISTORY, 1))
    expected = []
    for step, sample in enumerate(samples):
        if step:
            past = np.vstack((past[1:], sample))
        angle = 2 * math.pi * 2.0 * step / 50
        observation = np.concatenate(
            (actions.ravel(), past.ravel(), (math.sin(angle), math.cos(angle)), (0.15, -0.3))
        )
        action, _ = policy.predict(observation.astype(np.float32), deterministic=True)
        actions = np.vstack((actions[1:], action))
        wanted = np.clip(hardware.STAND_DEGREES + 45 * action, -90, 90)
        sent = np.clip(wanted, sent - 428 / 50, sent + 428 / 50)
        expected.append(hardware.LEFT_SIGN * sent)
    np.testing.assert_allclose(columns(rows, "servo"), expected, atol=1e-2)
    assert np.ptp(columns(rows, "servo"), axis=0).min() > 1, "the servos hardly moved"


def test_a_log_replays_itself(policy_file: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    common = ["--policy", str(policy_file), "--seconds", "1"]
    imu = recording(tmp_path / "imu.csv", walking_samples(50))
    assert main([*common, "--imu", str(imu), "--log", str(first)]) == 0
    assert main([*common, "--imu", str(first), "--log", str(second)]) == 0
    np.testing.assert_array_equal(
        columns(read_log(first), "servo"), columns(read_log(second), "servo")
    )


def test_rate_and_range_are_kept_whatever_the_policy_wants(tmp_path: Path) -> None:
    network_ = network()
    with th.no_grad():
        network_.action_net.weight.mul_(100)
    file, log = write_policy(tmp_path / "wild.onnx", network_), tmp_path / "log.csv"
    imu = recording(tmp_path / "imu.csv", walking_samples(100))
    assert main(["--policy", str(file), "--imu", str(imu), "--log", str(log)]) == 0
    rows = read_log(log)
    degrees = np.vstack((STAND, columns(rows, "servo")))
    change = np.abs(np.diff(degrees, axis=0)).max()
    assert change <= 428 / 50 + 1e-9
    assert change > 8.5, "the limit was never reached"
    assert np.abs(degrees).max() <= 90
    assert np.abs(columns(rows, "action")).max() == 1


def test_bias_is_that_of_the_first_second(policy_file: Path, tmp_path: Path) -> None:
    bias = np.array([0.05, -0.08, 0.03, 0.02, -0.04, 0.06])
    rows = {}
    for name, offset in (("without", 0 * bias), ("with", bias)):
        imu = recording(tmp_path / f"{name}.csv", walking_samples(50))
        with imu.open() as file:
            biased = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])
        with imu.open("w", newline="") as file:
            csv.writer(file).writerows([SAMPLE, *(biased + offset).tolist()])
        log = tmp_path / f"{name}_log.csv"
        assert main(["--policy", str(policy_file), "--imu", str(imu), "--log", str(log)]) == 0
        rows[name] = columns(read_log(log), "servo")
    np.testing.assert_allclose(rows["with"], rows["without"], atol=1e-3)


@pytest.mark.parametrize(
    ("samples", "status", "says"),
    [
        (np.tile([0.0, -1.0, 0.0, 0.0, 0.0, 0.0], (200, 1)), 3, "tilted by"),
        (np.tile([0.0, 0.0, 1.0, 2.0, 0.0, 0.0], (200, 1)), 3, "tilted by"),
        (np.tile(LEVEL, (200, 1)), 3, "nothing new for 0.2"),
        (np.zeros((0, 6)), 2, "ends before the first step"),
    ],
)
def test_stops(
    policy_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    samples: FloatArray,
    status: int,
    says: str,
) -> None:
    if "tilted" in says:  # the sensor is alive
        samples = samples + np.random.default_rng(0).normal(0, 1e-3, samples.shape)
    imu = recording(tmp_path / "imu.csv", samples)
    assert main(["--policy", str(policy_file), "--imu", str(imu)]) == status
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shake", "lean", "says"), [(0.5, 0.0, "did not stand still"), (0.0, 0.6, "askew")]
)
def test_calibrates_only_what_stands(shake: float, lean: float, says: str) -> None:
    samples = np.tile([math.sin(lean), 0.0, math.cos(lean), 0.0, 0.0, 0.0], (50, 1))
    samples[::2, 3] += shake
    sensor = Sensor(RecordedRobot.__new__(RecordedRobot), RecordedClock(), 0.2)
    with pytest.raises(EmergencyStopError, match=says):
        sensor.calibrate(samples)


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the sine gait on hardware observations, its critic with privileged ones."""
    task = get_task("pidog-hardware")
    kwargs: dict[str, Any] = {"command": (0.2, 0.0), "privileged": True, "episode_seconds": 4.0}
    demonstrations = collect_demonstrations(task.env_id, "sine", 10, env_kwargs=kwargs)
    envs = make_native_vec_env(task.env_id, n_envs=2, seed=0, **kwargs)
    settings = task.hyperparameters_for("ppo").updated({"actor_inputs": 74})
    model = make_model("ppo", envs, settings, seed=0, device="cpu")
    pretrain(model, demonstrations, n_epochs=20, progress_bar=False)
    path = tmp_path_factory.mktemp("walker") / "walker.zip"
    model.save(path)
    envs.close()
    done = export_policy(
        load_policy(path),
        path,
        path.with_suffix(".onnx"),
        env_id=task.env_id,
        env_kwargs=kwargs,
        for_robot=True,
    )
    assert done.description.observation["shape"] == [74]
    assert sum(part["size"] for part in done.description.observation["layout"]) == 74
    return write_program(done.path, path.with_suffix(".pyz"))


@pytest.mark.parametrize("imu_rate", [50.0, 25.0])
def test_dry_run_replays_an_episode(walker: Path, tmp_path: Path, imu_rate: float) -> None:
    env: Any = gym.make(
        "sb3_mimic/PiDogHardware-v0", command=(0.2, 0.0), imu=Imu(rate=imu_rate), randomization=None
    )
    policy = load_exported(walker.with_suffix(".onnx"))
    observation, _ = env.reset(seed=4)
    batch = env.unwrapped.batched
    samples, degrees = [batch.memory.samples[0, -1].copy()], []
    for _ in range(200):
        observation, _, terminated, _, _ = env.step(policy.predict(observation)[0])
        assert not terminated
        # What the simulation's driver sent to the servos, in the vendor's convention.
        degrees.append(hardware.vendor_degrees(batch.actuation.sent[0]))
        samples.append(batch.memory.samples[0, -1].copy())
    env.close()
    imu, log = recording(tmp_path / "imu.csv", np.array(samples[:-1])), tmp_path / "log.csv"
    shutil.copy(walker, tmp_path)
    done = subprocess.run(
        [sys.executable, walker.name, "--imu", str(imu), "--log", str(log), "--seconds", "4"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    replayed = columns(read_log(log), "servo")
    assert replayed.shape == (200, 8)
    assert np.abs(replayed - degrees).max() < 0.5
    assert np.ptp(degrees, axis=0).min() > 5, "the legs hardly moved"


# --- parts --------------------------------------------------------------------------------------


def test_axes_and_units() -> None:
    # Level and still, gravity is on the chip's -x: the vendor calibrates it to -16384 there.
    np.testing.assert_allclose(to_body([-16384, 0, 0], [0, 0, 0]), LEVEL)
    # Nose up: at rest the specific force then has a part forward, chip's -y.
    np.testing.assert_allclose(to_body([0, -16384, 0], [0, 0, 0])[:3], [1, 0, 0])
    # Left side up: a part to the left, chip's +z.
    np.testing.assert_allclose(to_body([0, 0, 16384], [0, 0, 0])[:3], [0, 1, 0])
    # 90 degrees a second about each of the robot's axes.
    raw = round(90 * 16.4)
    for body, chip in enumerate(([0, -raw, 0], [0, 0, raw], [-raw, 0, 0])):
        rates = to_body([0, 0, 0], chip)[3:]
        np.testing.assert_allclose(rates, np.eye(3)[body] * math.pi / 2, rtol=1e-12)


@settings(max_examples=25)
@given(st.floats(-1.2, 1.2), st.floats(0, 2 * math.pi))
def test_tilt_finds_the_angle_at_rest(angle: float, about: float) -> None:
    axis = np.array([math.cos(about), math.sin(about), 0.0])
    # The world's up in a body that is turned about a horizontal axis.
    up = math.cos(angle) * np.array([0.0, 0, 1]) - math.sin(angle) * np.cross(axis, [0, 0, 1.0])
    tilt = Tilt()
    for _ in range(300):
        found = tilt.update(np.concatenate((up, np.zeros(3))))
    assert found == pytest.approx(math.degrees(abs(angle)), abs=0.5)


@settings(max_examples=25)
@given(st.floats(-3, 3), st.integers(0, 2))
def test_tilt_follows_the_gyroscope_where_the_accelerometer_is_no_guide(
    rate: float, axis: int
) -> None:
    tilt, sample = Tilt(), np.zeros(6)
    sample[3 + axis] = rate
    for _ in range(25):
        found = tilt.update(sample)  # free fall: no force
    expected = 0.0 if axis == 2 else math.degrees(abs(rate) / 2)
    # Integrated by Euler's rule.
    assert found == pytest.approx(expected, abs=0.5 + 0.02 * expected)


@pytest.mark.parametrize("work", [0.0, 0.005, 0.015])
def test_the_beat_is_steady_whatever_the_work(work: float) -> None:
    clock = RecordedClock()
    metronome, beats = Metronome(clock), []
    for _ in range(50):
        clock.sleep(work)
        assert metronome.wait() == pytest.approx(0, abs=1e-12)
        beats.append(clock.now())
    np.testing.assert_allclose(np.diff(beats), PERIOD, atol=1e-12)


def test_missed_beats_do_not_come_in_a_burst() -> None:
    clock = RecordedClock()
    metronome = Metronome(clock)
    clock.sleep(0.13)
    assert metronome.wait() == pytest.approx(0.11)
    begin = clock.now()
    metronome.wait()
    assert clock.now() - begin == pytest.approx(PERIOD)


def test_inference_takes_less_than_two_milliseconds(policy_file: Path) -> None:
    summary = walk(
        Policy(policy_file.read_bytes()),
        _Wobbling(),
        replace(Settings(), seconds=10.0),
        RecordedClock(),
        Log(None),
    )
    assert summary.steps == 500
    assert summary.inference_ms[0] < 2


class _Wobbling:
    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)

    def read(self) -> FloatArray:
        return LEVEL + self.generator.normal(0, 0.01, 6)

    def positions(self) -> FloatArray:
        return np.asarray(STAND)

    def write(self, degrees: FloatArray) -> None:
        pass


def test_a_policy_that_gives_no_number_stops() -> None:
    class Lost:
        history, clock_frequency, rate_limit = 3, 2.0, 428.0

        def __call__(self, observation: Any) -> FloatArray:
            return np.full(8, np.nan)

    policy: Any = Lost()
    with pytest.raises(EmergencyStopError, match="no number"):
        walk(policy, _Wobbling(), Settings(), RecordedClock(), Log(None))


def test_clock_is_the_machines() -> None:
    clock = Clock()
    begin = clock.now()
    clock.sleep(0.01)
    assert clock.now() - begin >= 0.009


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", ",".join(SAMPLE) + "\n1,2,3,4,5,x\n"])
def test_bad_recordings_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "imu.csv"
    path.write_text(content)
    if content:
        with pytest.raises(BadInputError, match=r"imu\.csv"):
            RecordedRobot(path)
    else:
        with pytest.raises(StopIteration):
            RecordedRobot(path).read()


# --- the file, on the robot ---------------------------------------------------------------------


def run_program(
    program: Path, folder: Path, *arguments: str, **script: Any
) -> tuple[subprocess.CompletedProcess[str], list[list[Any]]]:
    """Runs the file as on the robot: alone in a folder, with a fake of the vendor's module."""
    environment, calls = put_on_robot(program, folder, **script)
    done = subprocess.run(
        [sys.executable, program.name, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, read_calls(calls)


def put_on_robot(program: Path, folder: Path, **script: Any) -> tuple[dict[str, str], Path]:
    """Copies the file and a fake of the vendor's module; gives its environment and its notes."""
    shutil.copy(program, folder)
    (folder / "pidog.py").write_text(FAKE)
    calls = folder / "calls.jsonl"
    told = {
        "raw": [-16384, 0, 0, 0, 0, 0],
        "event": "",
        "event_after": 10**9,
        "calls": str(calls),
        **script,
    }
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DISPLAY")
    }
    environment |= {"FAKE_PIDOG": json.dumps(told), "PYTHONPATH": str(folder)}
    return environment, calls


def read_calls(path: Path) -> list[list[Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def test_every_call_to_the_vendor(program: Path, tmp_path: Path) -> None:
    done, calls = run_program(program, tmp_path, "--seconds", "1", "--log", "log.csv")
    assert done.returncode == 0, done.stderr
    assert "50 steps" in done.stdout
    assert calls[0][1] == "Pidog"
    assert calls[-1][1:] == ["close", LIE_DEGREES.tolist()]

    writes = [(when, np.array(angles)) for when, name, angles in calls if name == "servo_write_all"]
    reads = [when for when, name, _ in calls if name == "imu"]
    assert len(reads) == 50 + 50  # calibration, and one a step
    up = [angles for when, angles in writes if when < reads[0]]
    walked = [(when, angles) for when, angles in writes if reads[50] < when <= reads[-1] + PERIOD]
    walked = walked[:50]
    down = [angles for when, angles in writes if when > walked[-1][0]]
    # Nothing is sent while the sensor is calibrated.
    assert not [when for when, _ in writes if reads[0] <= when <= reads[50]]

    # Degrees of the vendor's servos, from lying to standing and back, 60 degrees a second.
    lie = np.array(LIE_DEGREES)
    np.testing.assert_allclose(up[-1], STAND, atol=0.01)
    np.testing.assert_allclose(down[-1], lie, atol=0.01)
    for path in (np.vstack((lie, up)), np.vstack((walked[-1][1], down))):
        assert np.abs(np.diff(path, axis=0)).max() <= 60 / 50 + 0.02
    # Legs of one pair are mirrored: the right ones have the other sign.
    np.testing.assert_allclose(up[-1][[2, 3, 6, 7]], -up[-1][[0, 1, 4, 5]], atol=0.01)

    # What is logged is what was sent, in time and in order.
    rows = read_log(tmp_path / "log.csv")
    np.testing.assert_allclose(columns(rows, "servo"), [a for _, a in walked], atol=0.006)
    intervals = np.diff([when for when, _ in walked])
    assert np.median(intervals) == pytest.approx(0.02, abs=0.004)
    assert np.sum(intervals) == pytest.approx(49 * 0.02, abs=0.1)
    assert len(read_log(tmp_path / "log.csv", "calibration")) == 50


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("fails", "nothing new for 0.2"),
        ("bus", "nothing new for 0.2"),
        ("hangs", "nothing new for 0.2"),
        ("falls", "tilted by"),
    ],
)
def test_emergencies_lie_down(program: Path, tmp_path: Path, event: str, says: str) -> None:
    done, calls = run_program(program, tmp_path, event=event, event_after=70)
    assert done.returncode == 3
    assert says in done.stderr
    assert calls[-1][1:] == ["close", LIE_DEGREES.tolist()]
    last_read = max(when for when, name, _ in calls if name == "imu")
    first_read = min(when for when, name, _ in calls if name == "imu")
    # Ten seconds were asked for; a stale sensor ends it within .2 s, a fall within a second.
    assert last_read - first_read < 1.4 + 1.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_from_outside_lies_down(program: Path, tmp_path: Path, number: int) -> None:
    environment, calls = put_on_robot(program, tmp_path)
    running = subprocess.Popen(
        [sys.executable, program.name], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while [name for _, name, _ in read_calls(calls)].count("imu") < 60:
        assert time.monotonic() < deadline, "it never walked"
        time.sleep(0.05)
    running.send_signal(number)
    running.communicate(timeout=30)
    assert running.returncode == 130
    assert read_calls(calls)[-1][1:] == ["close", LIE_DEGREES.tolist()]


def test_dry_run_leaves_the_servos_alone(program: Path, tmp_path: Path) -> None:
    done, calls = run_program(
        program, tmp_path, "--dry-run", "--seconds", "0.4", "--log", "log.csv"
    )
    assert done.returncode == 0, done.stderr
    assert "servo_write_all" not in {name for _, name, _ in calls}
    assert [name for _, name, _ in calls].count("imu") == 50 + 20
    assert len(read_log(tmp_path / "log.csv")) == 20
    # Again into the same file: refused before the robot is touched.
    done, again = run_program(program, tmp_path, "--log", "log.csv")
    assert done.returncode == 2
    assert "log.csv" in done.stderr
    assert len(again) == len(calls)


def test_program_is_alone(program: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(program) as archive:
        names = archive.namelist()
        for name in names:
            if name.endswith(".py"):
                ast.parse(archive.read(name), feature_version=(3, 9))
    assert {Path(n).name for n in names if n.endswith(".py")} >= {
        path.name for path in Path(str(onboard.__file__)).parent.glob("*.py")
    }
    samples = walking_samples(25)
    imu = recording(tmp_path / "imu.csv", samples)
    check = (
        "import runpy, sys\n"
        f"sys.argv = ['policy.pyz', '--imu', {str(imu)!r}]\n"
        "try:\n    runpy.run_path('policy.pyz', run_name='__main__')\n"
        "except SystemExit as end:\n    assert end.code == 0, end\n"
        "heavy = {'torch', 'mujoco', 'gymnasium', 'stable_baselines3'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import sb3_mimic; assert 'policy.pyz' in sb3_mimic.__file__\n"
    )
    shutil.copy(program, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "25 steps" in done.stdout


def test_without_the_vendors_module_it_says_so(program: Path, tmp_path: Path) -> None:
    shutil.copy(program, tmp_path)
    done = subprocess.run(
        [sys.executable, program.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--imu" in done.stderr


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--max-tilt", "-1"]])
def test_numbers_are_checked(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "must be positive" in capsys.readouterr().err
