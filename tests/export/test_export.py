"""ExportResult files act as SB3's predict does, and say what their numbers mean."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import onnx
import pytest
import torch as th
from gymnasium import spaces
from sb3_contrib import TRPO
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm

from sb3_mimic import make_model, make_native_vec_env
from sb3_mimic.cli import main
from sb3_mimic.errors import InputError
from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.export import policy as export
from sb3_mimic.export.files import Format, Writer, load_exported
from sb3_mimic.export.graph import PolicyGraph, random_observations
from sb3_mimic.policies.normalizer import normalizers
from sb3_mimic.policies.saved import load_policy
from sb3_mimic.tasks import get_task

SUFFIX = {"onnx": ".onnx", "torchscript": ".pt"}
FORMATS = tuple(SUFFIX)

pytest.importorskip("onnxruntime")


def trained_zip(folder: Path, robot: str, algo: str, **env_kwargs: Any) -> Path:
    """A model with statistics that are not trivial, and weights that reach the actions' bounds."""
    task = get_task(robot)
    env = make_native_vec_env(task.env_id, n_envs=2, seed=0, **env_kwargs)
    model = make_model(algo, env, task.hyperparameters_for(algo), seed=1, device="cpu")
    for normalizer in normalizers(model.policy):
        generator = np.random.default_rng(2)
        shape = env.observation_space.shape or ()
        normalizer.set_statistics(generator.normal(0.3, 2.0, (64, *shape)))
    head: Any = model.policy.action_net
    with th.no_grad():
        head.weight.mul_(50)
        head.bias[:2] = th.tensor([0.9, -0.9])
    path = folder / f"{robot}_{algo}.zip"
    model.save(path)
    env.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


CASES = [
    ("humanoid", "ppo", "onnx", {}),
    ("humanoid", "trpo", "torchscript", {"observation": "phase"}),
    ("pidog", "ppo", "torchscript", {}),
    ("pidog", "trpo", "onnx", {}),
]


@pytest.mark.parametrize(("robot", "algo", "file_format", "env_kwargs"), CASES)
def test_acts_as_sb3_does(
    folder: Path, robot: str, algo: str, file_format: Format, env_kwargs: dict[str, Any]
) -> None:
    path, env_id = trained_zip(folder, robot, algo, **env_kwargs), get_task(robot).env_id
    output = folder / f"{robot}_{algo}{SUFFIX[file_format]}"
    done = export.export_policy(
        load_policy(path),
        path,
        output,
        file_format=file_format,
        env_id=env_id,
        env_kwargs=env_kwargs,
    )
    # SB3 itself, not the policy that was exported, on raw observations of another rollout.
    algorithm: Any = {"ppo": PPO, "trpo": TRPO}[algo]
    model = algorithm.load(path, device="cpu")
    exported = load_exported(output)
    env: gym.Env[Any, Any] = gym.make(env_id, **env_kwargs)
    observation, _ = env.reset(seed=5)
    met, clipped = [], 0
    for _ in range(30):
        expected, _ = model.predict(observation, deterministic=True)
        action, state = exported.predict(observation)
        assert state is None
        assert action.dtype == np.float32
        np.testing.assert_allclose(action, expected, rtol=0, atol=1e-5)
        clipped += int((np.abs(action) == 1).sum())
        met.append(observation)
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            observation, _ = env.reset()
    env.close()  # type: ignore[no-untyped-call]
    assert clipped > 0, "no action reached a bound: the clipping was not tested"
    batch = np.stack(met)
    np.testing.assert_allclose(
        exported.predict(batch)[0], model.predict(batch, deterministic=True)[0], rtol=0, atol=1e-5
    )
    assert done.difference <= 1e-5
    assert done.description.parity["observations"] >= 256


def test_pictures_go_in_as_the_camera_gives_them(folder: Path) -> None:
    path = trained_zip(folder, "pidog", "ppo", use_camera=True)
    output = folder / "camera.onnx"
    done = export.export_policy(
        load_policy(path),
        path,
        output,
        env_id="sb3_mimic/PiDog-v0",
        env_kwargs={"use_camera": True},
    )
    assert done.description.observation["shape"] == [85, 84, 3]
    assert done.description.observation["dtype"] == "uint8"
    picture = np.random.default_rng(0).integers(0, 256, (85, 84, 3), np.uint8)
    expected, _ = PPO.load(path, device="cpu").predict(picture, deterministic=True)
    np.testing.assert_allclose(load_exported(output).predict(picture)[0], expected, atol=1e-5)


def test_file_describes_itself(folder: Path) -> None:
    path, output = trained_zip(folder, "humanoid", "ppo"), folder / "described.onnx"
    export.export_policy(
        load_policy(path), path, output, env_id="sb3_mimic/HumanoidMimic-v0", env_kwargs={}
    )
    # By onnx alone, as another program would.
    (entry,) = (e for e in onnx.load(output).metadata_props if e.key == "sb3_mimic")
    told = json.loads(entry.value)
    assert told["model"] == {
        "file": "humanoid_ppo.zip",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert told["robot"]["name"] == "humanoid"
    assert told["robot"]["control_rate"] == 30
    assert len(told["robot"]["joints"]) == len(told["action"]["scaling"]["scale"]) == 28
    assert told["versions"]["torch"] == th.__version__
    assert 0 <= told["parity"]["max_difference"] <= 1e-5
    onnx.checker.check_model(onnx.load(output), full_check=True)


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("sb3_mimic/PiDog-v0", {}),
        ("sb3_mimic/PiDog-v0", {"task": "velocity", "command": (0.1, 0.2)}),
        ("sb3_mimic/PiDog-v0", {"task": "imitate", "head_and_tail": True}),
        ("sb3_mimic/PiDogHardware-v0", {"command": (0.1, 0.2), "privileged": True}),
        ("sb3_mimic/PiDogHardware-v0", {"command": (0.1, 0.2), "sensors": ("touch", "sound")}),
        *(
            ("sb3_mimic/HumanoidMimic-v0", {"observation": name})
            for name in ("reference", "phase", "joints")
        ),
    ],
)
def test_layout_names_every_number(env_id: str, kwargs: dict[str, Any]) -> None:
    env: gym.Env[Any, Any] = gym.make(env_id, **kwargs)
    batch: Any = env.unwrapped.batched  # type: ignore[attr-defined]
    observation, _ = env.reset(seed=0)
    action = np.linspace(-0.5, 0.5, batch.robot.model.nu, dtype=np.float32)
    observation = env.step(action)[0]
    parts, start = {}, 0
    for part in batch.observation_layout:
        parts[part.name] = observation[start : start + part.size]
        start += part.size
    assert start == len(observation)
    qpos, qvel = batch.qpos[0], batch.qvel[0]
    if "command" in parts:
        np.testing.assert_allclose(parts["command"], (0.1, 0.2), rtol=1e-6)
    if "clock" in parts:
        assert np.linalg.norm(parts["clock"]) == pytest.approx(1, abs=1e-6)
    if "action_0" in parts:
        np.testing.assert_array_equal(parts["action_0"], action)
    elif "last_action" in parts:
        np.testing.assert_array_equal(parts["last_action"], action)
        np.testing.assert_allclose(parts["angular_velocity"], qvel[3:6], rtol=1e-6)
        assert np.linalg.norm(parts["up"]) == pytest.approx(1, abs=1e-6)
    else:
        np.testing.assert_allclose(parts["joint_angles"], qpos[7:], rtol=1e-6)
        np.testing.assert_allclose(parts["joint_rates"], qvel[6:], rtol=1e-6)
    if "root_height" in parts:
        np.testing.assert_allclose(parts["root_height"], qpos[2:3], rtol=1e-6)
        assert np.linalg.norm(parts["phase"]) == pytest.approx(1, abs=1e-6)
    env.close()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("control", ["residual", "pd", "torque"])
def test_scaling_is_what_an_action_adds(control: str) -> None:
    env: gym.Env[Any, Any] = gym.make("sb3_mimic/HumanoidMimic-v0", control=control)
    batch: Any = env.unwrapped.batched  # type: ignore[attr-defined]
    env.reset(seed=0)
    low, high = batch.controls(np.zeros((1, 28))), batch.controls(np.ones((1, 28)))
    np.testing.assert_allclose((high - low)[0], batch.action_scaling["scale"])
    env.close()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_that_acts_otherwise_is_not_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: Format
) -> None:
    path = trained_zip(folder, "pidog", "ppo")
    policy, other = load_policy(path), load_policy(path)
    head: Any = other.action_net
    with th.no_grad():
        head.bias.add_(2e-5)
    graph = PolicyGraph(other)
    monkeypatch.setattr(
        Writer, "trace", classmethod(lambda cls, _, fmt: trace.__func__(cls, graph, fmt))
    )
    output = tmp_path / f"policy{SUFFIX[file_format]}"
    with pytest.raises(InputError, match="differ from SB3's by"):
        export.export_policy(policy, path, output, file_format=file_format)
    assert list(tmp_path.iterdir()) == []


trace: Any = Writer.__dict__["trace"]


def test_probes_reach_the_normalizers_clip(folder: Path) -> None:
    policy = load_policy(trained_zip(folder, "pidog", "ppo"))
    (normalizer,) = normalizers(policy)
    drawn = random_observations(policy, 256)
    scaled = normalizer(th.from_numpy(drawn)).abs()
    assert (scaled == normalizer.clip).any()
    assert (scaled < 1).any()
    np.testing.assert_array_equal(drawn, random_observations(policy, 256))


class Discrete(gym.Env[Any, Any]):
    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: SAC("MlpPolicy", "Pendulum-v1"), "cannot be exported"),
        (lambda: PPO("MlpPolicy", Discrete()), "actions must be a Box"),
        (
            lambda: PPO(
                "MlpPolicy", "Pendulum-v1", use_sde=True, policy_kwargs={"squash_output": True}
            ),
            "squash",
        ),
    ],
)
def test_other_policies_are_refused(make: Any, reason: str, tmp_path: Path) -> None:
    model: BaseAlgorithm = make()
    with pytest.raises(InputError, match=reason):
        export.export_policy(model.policy, tmp_path / "m.zip", tmp_path / "policy.onnx")


def test_a_policy_of_another_environment_is_refused(folder: Path, tmp_path: Path) -> None:
    path = trained_zip(folder, "pidog", "ppo")
    with pytest.raises(InputError, match="observes"):
        export.export_policy(
            load_policy(path), path, tmp_path / "x.onnx", env_id="sb3_mimic/HumanoidMimic-v0"
        )


def test_exported_policy_can_be_evaluated(folder: Path) -> None:
    path, output = trained_zip(folder, "pidog", "ppo"), folder / "evaluated.pt"
    kwargs = {"episode_seconds": 0.4}
    export.export_policy(load_policy(path), path, output, file_format="torchscript")
    ours, sb3 = (
        evaluate(policy, "sb3_mimic/PiDog-v0", kwargs, n_episodes=2)
        for policy in (load_exported(output), load_policy(path))
    )
    assert ours["mean_reward"] == pytest.approx(sb3["mean_reward"], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.onnx", None, "does not exist"),
        ("model.zip", b"", "must end in"),
        ("broken.onnx", b"no protobuf", "cannot be read as ONNX"),
        ("broken.pt", b"no zip", "cannot be read as TorchScript"),
    ],
)
def test_foreign_files_are_refused(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        load_exported(tmp_path / name)


def test_foreign_onnx_has_no_description(tmp_path: Path, folder: Path) -> None:
    path, output = trained_zip(folder, "pidog", "ppo"), tmp_path / "bare.onnx"
    export.export_policy(load_policy(path), path, output)
    model = onnx.load(output)
    del model.metadata_props[:]
    onnx.save(model, output)
    with pytest.raises(InputError, match="has no description"):
        load_exported(output)


def test_wrong_shape_is_refused(folder: Path) -> None:
    path, output = trained_zip(folder, "pidog", "ppo"), folder / "shape.pt"
    export.export_policy(load_policy(path), path, output, file_format="torchscript")
    with pytest.raises(InputError, match="observes"):
        load_exported(output).predict(np.zeros((2, 29)))


Capture = pytest.CaptureFixture[str]


def test_command_writes_beside_the_zip_once(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trained_zip(folder, "pidog", "trpo")
    output = path.with_suffix(".pt")
    command = ["export", str(path), "--format", "torchscript"]
    output.unlink(missing_ok=True)
    assert main(command) == 0
    assert str(output) in capsys.readouterr().out
    assert load_exported(output).description.env == {}
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([*command, "--force", "--env", "pidog", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["env"]["id"] == "sb3_mimic/PiDog-v0"
    assert told == json.loads(load_exported(output).description.to_json())


def test_command_refuses_what_the_robot_cannot_run(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = trained_zip(folder, "pidog", "ppo")
    output = ["--output", str(tmp_path / "policy.onnx")]
    assert main(["export", str(path), "--servo", "--env", "pidog", *output]) == 2
    assert "--env pidog-hardware" in capsys.readouterr().err
    assert main(["export", str(path), "--servo", "--format", "torchscript"]) == 2
    assert "--servo needs --format onnx" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_missing_package_is_named(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = trained_zip(folder, "pidog", "ppo")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert main(["export", str(path), "--output", str(tmp_path / "p.onnx")]) == 2
    assert "pip install 'sb3-mimic[export]'" in capsys.readouterr().err
