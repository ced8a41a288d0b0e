"""Records what the package computes, to the last bit, and compares it with an earlier record.

For changes that must change nothing::

    python record_behavior.py record behavior.json
    python record_behavior.py record behavior.json --only 'env/*'    the others stay as recorded
    python record_behavior.py compare behavior.json
    python record_behavior.py compare behavior.json --fast --tree /path/to/another/checkout
    python record_behavior.py compare behavior.json --against other.json

The package is used as its users use it: by ``python -m sb3_mimic`` and the files that it writes, by
``gymnasium.make`` and by ``PPO.load``. Which module something lies in does not matter; of the
classes for options of an environment the names alone do.

An entry of the record is one command or one rollout: named arrays, each with its type, shape, mean,
standard deviation and greatest magnitude, and the first digits of the SHA-256 of its name, type,
shape and bytes. Where processor and packages compute as they did for the record (its
``fingerprint``), the bytes must be the same; elsewhere the figures must agree within a tolerance,
which entries marked ``chaotic`` are spared: their results hang on the last bit. One thread and AVX2
are asked for everywhere, so that most machines compute the same; entries run in a folder and with a
cache of their own, without pictures.
"""

import argparse
import csv
import fnmatch
import hashlib
import json
import math
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

# Read when NumPy, torch and MuJoCo load, so that the script starts itself anew with them.
PINNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_CBWR": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "MUJOCO_GL": "disable",
}

PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "mujoco",
    "gymnasium",
    "stable-baselines3",
    "sb3-contrib",
    "imitation",
)

# Of the greatest magnitude of an array, on a machine that computes otherwise.
TOLERANCE = 0.05

# Of an array, or of a number; the last one there is tells of the magnitude.
_FIGURES = ("mean", "std", "max", "value")

HUMANOID = "sb3_mimic/HumanoidMimic-v0"
PIDOG = "sb3_mimic/PiDog-v0"
PIDOG_HARDWARE = "sb3_mimic/PiDogHardware-v0"

ENV_STEPS = 60
POLICY_STEPS = 64

Value = Any  # a NumPy array, a number or a text
Values = dict[str, Value]


@dataclass(frozen=True)
class Entry:
    """One thing to record.

    Attributes:
        name: Its name.
        what: The commands, or the environment and its arguments, as JSON can hold them.
        run: Does it in an empty folder and gives its results.
        fast: Whether it belongs to the subset that takes less than a minute.
        chaotic: Whether another last bit makes other figures.
    """

    name: str
    what: Any
    run: Callable[[Path], Values]
    fast: bool = False
    chaotic: bool = False


@dataclass(frozen=True)
class Option:
    """Options of an environment that are an object, by the name of its class."""

    class_name: str
    fields: Mapping[str, Any]


# What is recorded


def entries() -> list[Entry]:
    """Everything there is to record."""
    return [
        *_environment_entries(),
        *_policy_entries(),
        *_refinement_entries(),
        *_demonstration_entries(),
        *_training_entries(),
        *_figure_entries(),
    ]


def _refinement_entries() -> Iterator[Entry]:
    methods = {
        "pd": "--method pd",
        "invdyn": "--method invdyn",
        "feedback": "--method feedback",
        "gradient": "--method gradient --iterations 3 --samples 8",
        "mpc": "--method mpc --iterations 1 --samples 4 --horizon 10",
    }
    for motion in ("walk", "squat"):
        for name, options in methods.items():
            yield _command_entry(
                f"refine/{motion}-{name}",
                f"refine {motion} {options} --output actions.npz",
                _refined,
                fast=motion == "walk",
            )
    yield _command_entry(
        "refine/walk-feedback-two-cycles",
        "refine walk --method feedback --iterations 5 --alpha .2 --cycles 2 --output actions.npz",
        _refined,
    )


def _demonstration_entries() -> Iterator[Entry]:
    commands = {
        "humanoid-none": "--refine-method none --n-demo-episodes 4",
        "humanoid-feedback": "--refine-method feedback --n-demo-episodes 4",
        "humanoid-labels": "--method pd --lookahead 2 --gains .5 .05 --n-demo-episodes 4",
        "humanoid-expert": "--expert humanoid-walk --n-demo-episodes 2",
        "pidog-sine": "--env pidog --motion sine --n-demo-episodes 3",
        "pidog-trot": "--env pidog --motion trot --n-demo-episodes 3",
        "pidog-hardware-sine": "--env pidog-hardware --motion sine --n-demo-episodes 3",
    }
    for name, options in commands.items():
        yield _command_entry(
            f"demos/{name}",
            f"demos {options} --seed 42 demos",
            lambda folder, _: _demonstrations(folder / "demos"),
            fast=name in ("humanoid-feedback", "pidog-hardware-sine"),
        )


def _training_entries() -> Iterator[Entry]:
    clip = "--refine-method feedback --n-demo-episodes 8 --total-bc-epochs 4"
    gait = "--n-demo-episodes 4 --total-bc-epochs 4"
    # So many steps that the actor, which the critic goes ahead of, is trained as well.
    commands = {
        "humanoid-ppo": f"--algo ppo {clip} --total-rl-timesteps 32768",
        "humanoid-trpo": f"--algo trpo {clip} --handover none --total-rl-timesteps 8192",
        "humanoid-no-handover": "--handover none --refine-method none --n-demo-episodes 8 "
        "--total-bc-epochs 4 --total-rl-timesteps 10000",
        "humanoid-scratch-pushed": "--skip-bc --push-force 100 --total-rl-timesteps 10000",
        "humanoid-two-motions": "--motion walk squat --handover none --refine-method none "
        "--n-demo-episodes 4 --total-bc-epochs 2 --total-rl-timesteps 10000",
        "pidog-ppo": f"--env pidog --algo ppo {gait} --total-rl-timesteps 24576",
        "pidog-trpo": f"--env pidog --algo trpo {gait} --n-envs 32 --total-rl-timesteps 24576",
        "pidog-hardware-ppo": f"--env pidog-hardware {gait} --total-rl-timesteps 98304",
    }
    shared = "--seed 42 --device cpu --n-eval-episodes 2 --visualize-freq 0 --experiment-name run"
    for name, options in commands.items():
        yield _command_entry(
            f"train/{name}",
            f"train {options} {shared}",
            lambda folder, _: _run(folder / "outputs" / "run"),
            fast=name == "humanoid-no-handover",
            chaotic=True,
        )
    yield _command_entry(
        "pretrain/pidog-dynamics",
        "pretrain --env pidog --motion trot --n-demo-episodes 2 --epochs 3 --hidden-sizes 32 16 "
        "--l2-weight 1e-4 --state-weight .1 --no-eval --save-path clone.zip --json",
        _pretrained,
        chaotic=True,
    )


def _figure_entries() -> Iterator[Entry]:
    commands = {
        "evaluate/humanoid-walk": "evaluate humanoid-walk --episodes 2 --json",
        "evaluate/pidog-hardware": "evaluate pidog-hardware --episodes 2 --json",
        "motions/lint": "motions lint walk --json",
        "motions/info": "motions info walk --json",
    }
    for name, command in commands.items():
        yield _command_entry(
            name,
            command,
            lambda _, said: _flat(json.loads(said)),
            fast=name.startswith("motions"),
            chaotic=name.startswith("evaluate"),
        )


def _policy_entries() -> Iterator[Entry]:
    for name in (
        "humanoid-run",
        "humanoid-squat",
        "humanoid-walk",
        "humanoid-wave",
        "pidog-hardware",
        "pidog-sine",
    ):
        yield Entry(
            f"policy/{name}",
            {"policy": name, "steps": POLICY_STEPS},
            lambda _, name=name: _policy_rollout(name),  # type: ignore[misc]
            fast=True,
        )


def _environment_entries() -> Iterator[Entry]:
    humanoid: dict[str, dict[str, Any]] = {
        "default": {},
        "observation-phase": {"observation": "phase"},
        "observation-joints": {"observation": "joints"},
        "control-pd": {"control": "pd"},
        "control-torque": {"control": "torque"},
        "reward-paper": {"reward": "paper"},
        "termination-tracking": {"early_termination": "tracking"},
        "termination-none": {"early_termination": "none"},
        "anchor-world": {"anchor": "world"},
        "short-episodes": {"episode_seconds": 0.7},
        "motion-run": {"motion": "run"},
        "motion-squat": {"motion": "squat"},
        "motion-wave": {"motion": "wave"},
        "motions-random": {"motion": ["walk", "squat", "wave"]},
        "motions-in-turn": {"motion": ["walk", "squat", "wave"], "motion_order": "in_turn"},
        "pushed": {"push_force": 200.0},
    }
    pidog: dict[str, dict[str, Any]] = {
        "walk": {"task": "walk"},
        "velocity": {"task": "velocity"},
        "recover": {"task": "recover"},
        "imitate-trot": {"task": "imitate", "gait": "trot"},
        "imitate-walk": {"task": "imitate", "gait": "walk"},
        "imitate-sine": {"task": "imitate", "gait": "sine"},
        "hardware": {"observation": "hardware"},
        "hardware-other": {"observation": "hardware", "history": 3, "clock_frequency": 2.0},
        "privileged": {"privileged": True},
        "sensors": {"sensors": ["ultrasonic", "touch", "sound"], "wall": 0.5},
        "other-robot": {"floor_friction": 0.4, "mass": 0.9, "servo_torque": 0.12},
        "heldback": {"variant": "heldback"},
        "head-and-tail": {"head_and_tail": True},
        "command": {"task": "velocity", "command": [0.2, 0.1]},
        "commands": {"task": "velocity", "commands": Option("Commands", {"seconds": 0.2})},
        "falls": {},
        "short-episodes": {"episode_seconds": 0.5},
        "imu": {"observation": "hardware", "imu": Option("Imu", {"rate": 20.0})},
        "reward": {"reward": Option("PiDogReward", {"torque": 1.0, "speed_limit": 0.2})},
        "servo": {"servo": Option("Servo", {})},
        "randomized": {"randomization": Option("Randomization", {"n_models": 4})},
        "randomized-flat": {
            "randomization": Option(
                "Randomization",
                {
                    "n_models": 4,
                    "roughness": [0.0, 0.0],
                    "push": [0.5, 0.5],
                    "push_interval": [0.2, 0.4],
                },
            )
        },
        "curriculum": {
            "randomization": Option("Randomization", {"n_models": 4}),
            "curriculum_steps": 50,
        },
    }
    hardware: dict[str, dict[str, Any]] = {
        "default": {},
        "privileged": {"privileged": True},
        "walk": {"task": "walk"},
        "recover": {"task": "recover"},
        "imitate": {"task": "imitate", "gait": "sine"},
        "command": {"command": [0.2, 0.0]},
        "falls": {},
    }
    phases = {(HUMANOID, "motions-in-turn"): 0.25, (HUMANOID, "anchor-world"): 0.5}
    for env_id, chosen in ((HUMANOID, humanoid), (PIDOG, pidog), (PIDOG_HARDWARE, hardware)):
        short = env_id.removeprefix("sb3_mimic/").removesuffix("-v0")
        for name, kwargs in chosen.items():
            phase = phases.get((env_id, name))
            start = {} if phase is None else {"phase": phase}
            yield _environment_entry(
                f"env/{short}/{name}", env_id, kwargs, start, held=20 if name == "falls" else 1
            )


def _environment_entry(
    name: str, env_id: str, kwargs: Mapping[str, Any], start: Mapping[str, Any], held: int
) -> Entry:
    """An entry of one environment, whose actions are held for some steps."""
    what = {"id": env_id, "kwargs": _plain(kwargs), "reset": dict(start)}
    return Entry(
        name,
        what | {"steps": ENV_STEPS, "held": held},
        lambda _: _random_rollout(env_id, kwargs, start, held),
        fast=True,
        chaotic=True,
    )


def _command_entry(
    name: str,
    command: str,
    read: Callable[[Path, str], Values],
    *,
    fast: bool = False,
    chaotic: bool = False,
) -> Entry:
    """An entry of one command, whose results are read from its folder and its output."""

    def run(folder: Path) -> Values:
        done = subprocess.run(
            [sys.executable, "-m", "sb3_mimic", *shlex.split(command)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"sb3-mimic {command}: exit status {done.returncode}\n{done.stderr}")
        return read(folder, done.stdout)

    return Entry(name, f"sb3-mimic {command}", run, fast, chaotic)


# Results of commands


def _refined(folder: Path, _: str) -> Values:
    """The actions of a refinement, their states and their figures."""
    import numpy as np

    with np.load(folder / "actions.npz") as saved:
        found: Values = {name: saved[name] for name in saved.files}
    provenance = json.loads(str(found.pop("provenance")))
    for name in ("seconds", "versions"):
        del provenance[name]
    return found | _flat(provenance, "provenance")


def _demonstrations(folder: Path) -> Values:
    """Demonstrations as they are stored: all steps of all episodes, one after another."""
    import datasets  # type: ignore[import-untyped]
    import numpy as np

    saved = datasets.load_from_disk(str(folder)).with_format("numpy")
    kinds = {name: str(kind) for name, kind in saved.features.items()}
    found: Values = {"kinds": json.dumps(kinds, sort_keys=True)}
    found["lengths"] = np.array([len(row["acts"]) for row in saved])
    for name in ("obs", "acts", "rews"):
        found[name] = np.concatenate([row[name] for row in saved])
    found["terminal"] = np.array([bool(row["terminal"]) for row in saved])
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    # Not the digests of robots: they are of the MJCF's text, which names source files.
    for name in ("n_trajectories", "n_transitions", "mean_return"):
        found |= _flat(provenance[name], f"provenance/{name}")
    return found


def _run(folder: Path) -> Values:
    """A training run: weights, evaluations, episodes and what was logged, but for times."""
    import numpy as np

    found = _weights(folder / "model.zip", "model")
    if (folder / "demos").is_dir():
        found |= _weights(folder / "bc_pretrained_policy.zip", "clone")
        found |= {f"demos/{name}": v for name, v in _demonstrations(folder / "demos").items()}
    found |= _flat(json.loads((folder / "evaluation.json").read_text(encoding="utf-8")), "figures")
    with np.load(folder / "evaluations.npz") as saved:
        found |= {f"evaluations/{name}": saved[name] for name in saved.files}
    with (folder / "monitor.csv").open(encoding="utf-8") as file:
        next(file)
        episodes = [(float(row["r"]), float(row["l"])) for row in csv.DictReader(file)]
    found["episodes"] = np.array(episodes).reshape(-1, 2)
    for log in sorted((folder / "tensorboard").iterdir()):
        found |= _logged(log)
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    names = {path.as_posix().split("/events.out.tfevents.")[0] for path in paths}
    found["files"] = "\n".join(sorted(names))
    return found


def _logged(folder: Path) -> Values:
    """The scalars that TensorBoard shows, ``(n, 2)`` steps and values."""
    import numpy as np
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        f"log/{folder.name}/{tag}": np.array([(e.step, e.value) for e in log.Scalars(tag)])
        for tag in log.Tags()["scalars"]
        if not tag.startswith("time/")
    }


def _pretrained(folder: Path, said: str) -> Values:
    """A clone: its weights in either file, and its figures."""
    import torch as th

    weights = th.load(folder / "clone.pth", weights_only=True)
    bare = {f"pth/{name}": value.numpy() for name, value in weights.items()}
    return _weights(folder / "clone.zip", "zip") | bare | _flat(json.loads(said), "figures")


def _weights(path: Path, name: str) -> Values:
    """The parameters of the policy in a model of Stable-Baselines3."""
    import torch as th

    with zipfile.ZipFile(path) as archive, archive.open("policy.pth") as file:
        weights = th.load(file, weights_only=True)
    return {f"{name}/{parameter}": value.numpy() for parameter, value in weights.items()}


def _flat(value: Any, name: str = "") -> Values:
    """The numbers and texts of a JSON document by their paths."""
    if isinstance(value, Mapping):
        inner: Sequence[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        return {name or "value": value if isinstance(value, (int, float)) else str(value)}
    found: Values = {}
    for key, each in inner:
        found |= _flat(each, f"{name}/{key}" if name else str(key))
    return found or {name or "value": "nothing"}


# Results of environments


def _random_rollout(
    env_id: str, kwargs: Mapping[str, Any], start: Mapping[str, Any], held: int, seed: int = 7
) -> Values:
    """What an environment does under random actions.

    They become larger with every step; held ones are as large as can be from the beginning.
    """
    import gymnasium as gym
    import numpy as np

    with closing(gym.make(env_id, **_made(env_id, kwargs))) as env:
        size = env.action_space.shape
        actions = np.random.default_rng(seed).uniform(-1.0, 1.0, (ENV_STEPS, *(size or ())))
        if held == 1:
            actions *= np.linspace(0.05, 1.0, ENV_STEPS).reshape(-1, 1)
        else:
            actions = np.sign(actions).repeat(held, axis=0)
        actions = actions.astype(np.float32)
        return _rollout(env, lambda step, _: actions[step], ENV_STEPS, seed, start)


def _policy_rollout(name: str) -> Values:
    """What a policy that comes with the package does in its environment."""
    import gymnasium as gym
    import yaml
    from stable_baselines3 import PPO

    folder = _policies() / name
    told = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["env"]
    model = PPO.load(folder / "model.zip", device="cpu")
    with closing(gym.make(told["id"], **told["kwargs"])) as env:
        return _rollout(
            env, lambda _, seen: model.predict(seen, deterministic=True)[0], POLICY_STEPS, 0, {}
        )


def _rollout(
    env: Any,
    act: Callable[[int, Any], Any],
    steps: int,
    seed: int,
    start: Mapping[str, Any],
) -> Values:
    """Steps an environment, and starts it anew where an episode ends."""
    import numpy as np

    seen, _ = env.reset(seed=seed, options=dict(start))
    rows: dict[str, list[Any]] = {"first": [seen]}
    for step in range(steps):
        action = act(step, seen)
        seen, reward, terminated, truncated, info = env.step(action)
        terms = {f"terms/{name}": value for name, value in info["reward_terms"].items()}
        results = {
            "actions": action,
            "observations": seen,
            "rewards": reward,
            "terminated": terminated,
            "truncated": truncated,
            "qpos": env.unwrapped.qpos.copy(),
            "qvel": env.unwrapped.qvel.copy(),
            **terms,
        }
        for name, value in results.items():
            rows.setdefault(name, []).append(value)
        if terminated or truncated:
            seen, _ = env.reset(options=dict(start))
            rows.setdefault("restarts", []).append(seen)
    return {name: np.array(values) for name, values in rows.items()}


def _made(env_id: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an environment, with the objects that options stand for."""
    if any(isinstance(value, Option) for value in kwargs.values()):
        import gymnasium as gym

        with closing(gym.make(env_id)):  # whose modules define them
            pass
    return {
        name: _option(value) if isinstance(value, Option) else value
        for name, value in kwargs.items()
    }


def _option(option: Option) -> Any:
    """The object, of the package's only class of that name."""
    modules = [module for name, module in sys.modules.items() if name.startswith("sb3_mimic")]
    found = (vars(module).get(option.class_name) for module in modules)
    classes = {each for each in found if isinstance(each, type)}
    if len(classes) != 1:
        raise LookupError(f"the package has {len(classes)} classes {option.class_name}")
    values = {n: tuple(v) if isinstance(v, list) else v for n, v in option.fields.items()}
    return classes.pop()(**values)


def _plain(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an environment as JSON can hold them."""
    return {
        name: {value.class_name: dict(value.fields)} if isinstance(value, Option) else value
        for name, value in kwargs.items()
    }


def _policies() -> Path:
    """The folder of the policies that come with the package, wherever in it that is."""
    import sb3_mimic

    root = Path(str(sb3_mimic.__file__)).parent
    for folder, _, files in os.walk(root, followlinks=True):
        path = Path(folder)
        if path.parent.name == "policies" and {"config.yaml", "model.zip"} <= set(files):
            return path.parent
    raise LookupError(f"{root}: no policies come with the package")


# Hashes


def described(values: Values) -> dict[str, dict[str, Any]]:
    """Type, hash and figures of each result."""
    return {name: _described(name, value) for name, value in sorted(values.items())}


def _described(name: str, value: Value) -> dict[str, Any]:
    import numpy as np

    if isinstance(value, str):
        digest = hashlib.sha256(f"{name}|text|{value}".encode()).hexdigest()
        return {"of": f"text[{len(value)}]", "sha256": digest[:16]}
    array = np.asarray(value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    head = f"{name}|{array.dtype.str}|{array.shape}|".encode()
    shape = ",".join(map(str, array.shape))
    return {
        "of": f"{array.dtype.name}[{shape}]",
        "sha256": hashlib.sha256(head + array.tobytes()).hexdigest()[:16],
        **{figure: float(f"{number:.6g}") for figure, number in _figures(array).items()},
    }


def _figures(array: Any) -> dict[str, float]:
    import numpy as np

    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return {}
    if array.ndim == 0:
        return {"value": float(finite[0])}
    return {
        "mean": float(finite.mean()),
        "std": float(finite.std()),
        "max": float(np.abs(finite).max()),
    }


def total(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One SHA-256 for all results of an entry."""
    lines = "".join(f"{name} {result['sha256']}\n" for name, result in sorted(results.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def fingerprint() -> dict[str, Any]:
    """What decides the last bits: versions, and hashes of some fixed arithmetic."""
    return {
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "arithmetic": {
            "libm": total(described(_libm())),
            "numpy": total(described(_numpy())),
            "torch": total(described(_torch())),
            "mujoco": total(described(_mujoco())),
        },
    }


def _libm() -> Values:
    functions = (math.sin, math.cos, math.exp, math.atan, math.tanh)
    return {f.__name__: json.dumps([f(k / 7 - 3) for k in range(60)]) for f in functions}


def _numpy() -> Values:
    import numpy as np

    found: Values = {}
    for name in ("float32", "float64"):
        a: Any = np.random.default_rng(0).standard_normal((130, 130)).astype(name)
        found |= {
            f"{name}/matmul": a @ a,
            f"{name}/vector": a @ a[0],
            f"{name}/exp": np.exp(a),
            f"{name}/sin": np.sin(a),
            f"{name}/log": np.log(np.abs(a)),
            f"{name}/sum": a.sum(axis=0),
            f"{name}/mean": a.mean(),
            f"{name}/einsum": np.einsum("ij,ij->i", a, a),
            f"{name}/solve": np.linalg.solve(a, a[0]),
            f"{name}/norm": np.linalg.norm(a, axis=1),
        }
    return found


def _torch() -> Values:
    import numpy as np
    import torch as th
    from torch.nn import functional

    rng = np.random.default_rng(0)
    found: Values = {}
    for rows in (1, 16, 256, 1024):
        x, first, second = (
            th.tensor(rng.standard_normal(shape), dtype=th.float32, requires_grad=True)
            for shape in ((rows, 182), (182, 512), (512, 28))
        )
        y = th.tanh(functional.elu(x @ first) @ second)
        loss = (y.square().mean() + y.exp().log1p().mean()) * th.linalg.vector_norm(second)
        found |= {f"{rows}/y": y.detach().numpy(), f"{rows}/loss": loss.detach().numpy()}
        grads = th.autograd.grad(loss, (x, first, second))
        found |= {f"{rows}/{i}": grad.numpy() for i, grad in enumerate(grads)}
    th.manual_seed(0)
    found["normal"] = th.randn(1000).numpy()
    found["permutation"] = th.randperm(1000).numpy()
    return found


def _mujoco() -> Values:
    import mujoco
    import numpy as np

    model = mujoco.MjModel.from_xml_string(
        """<mujoco><option timestep=".005"/><worldbody><geom type="plane" size="1 1 1"/>
        <body pos="0 0 .4" euler="20 30 40"><freejoint/><geom type="box" size=".1 .07 .05"/>
        <body pos=".1 0 0"><joint type="hinge" axis="0 1 .3" damping=".1"/>
        <geom type="capsule" size=".03" fromto="0 0 0 .2 0 0"/></body></body>
        </worldbody></mujoco>"""
    )
    data = mujoco.MjData(model)
    positions = []
    for _ in range(200):
        mujoco.mj_step(model, data)
        positions.append(data.qpos.copy())
    return {"qpos": np.array(positions)}


# Records


def record(chosen: Sequence[Entry]) -> dict[str, Any]:
    """Runs entries and describes their results; one that fails has its error instead."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="behavior-") as temporary:
        os.environ["SB3_MIMIC_CACHE"] = str(Path(temporary) / "cache")
        for number, entry in enumerate(chosen):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            began = time.perf_counter()
            try:
                results = described(entry.run(folder))
                outcome: dict[str, Any] = {"sha256": total(results), "results": results}
            except Exception:  # whatever is wrong with one, the others can be run
                outcome = {"sha256": "", "error": traceback.format_exc(limit=-3), "results": {}}
            seconds = round(time.perf_counter() - began, 1)
            found[entry.name] = {
                "what": entry.what,
                "fast": entry.fast,
                "chaotic": entry.chaotic,
                "seconds": seconds,
                **outcome,
            }
            said = outcome.get("error", outcome["sha256"][:16])
            print(f"{seconds:6.1f} s  {entry.name}  {said}", flush=True)
    return {
        "seconds": round(sum(entry["seconds"] for entry in found.values()), 1),
        "machine": f"{platform.machine()} {platform.system()}, Python {platform.python_version()}",
        "fingerprint": fingerprint(),
        "entries": found,
    }


def updated(recorded: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """A record with some entries recorded anew, and without those there are no more."""
    if (names := [entry.name for entry in entries()]) == list(found["entries"]):
        return found
    if other := _other_arithmetic(recorded["fingerprint"], found["fingerprint"]):
        raise SystemExit(f"only a whole record can replace one with other {', '.join(other)}")
    both = {**recorded["entries"], **found["entries"]}
    kept = {name: both[name] for name in names if name in both}
    seconds = round(sum(entry["seconds"] for entry in kept.values()), 1)
    return {**found, "seconds": seconds, "entries": kept}


@dataclass(frozen=True)
class Difference:
    """What is not as it was recorded.

    Attributes:
        entry: Name of the entry.
        result: Name of the result; empty for the entry itself.
        recorded: What was.
        found: What is.
    """

    entry: str
    result: str
    recorded: str
    found: str


def differences(
    recorded: Mapping[str, Any], found: Mapping[str, Any], tolerance: float = TOLERANCE
) -> list[Difference]:
    """Compares the entries of a record with those of another, which may be fewer.

    Args:
        recorded: The record.
        found: What is now.
        tolerance: Of figures, where the fingerprints are not the same, in parts of the greatest
            magnitude of the array.
    """
    exact = not _other_arithmetic(recorded["fingerprint"], found["fingerprint"])
    differing = []
    for name, now in found["entries"].items():
        before = recorded["entries"].get(name)
        if before is None:
            differing.append(Difference(name, "", "not recorded", now["sha256"][:16]))
        elif "error" in now or "error" in before:
            error = (now.get("error") or "no error").strip().splitlines()[-1]
            differing.append(Difference(name, "", before.get("error", "no error"), error))
        elif before["what"] != now["what"]:
            differing.append(Difference(name, "what", str(before["what"]), str(now["what"])))
        else:
            for result in sorted({*before["results"], *now["results"]}):
                was, is_ = before["results"].get(result), now["results"].get(result)
                if not _agree(was, is_, exact, math.inf if now["chaotic"] else tolerance):
                    differing.append(Difference(name, result, _shown(was), _shown(is_)))
    return differing


def _agree(was: Any, is_: Any, exact: bool, tolerance: float) -> bool:
    """Whether a result is the same, or nearly so where it need not be the same to the last bit."""
    if exact or was == is_:
        return bool(was == is_)
    if was is None or is_ is None:
        return False
    if tolerance == math.inf:  # an episode may end at another step, but a type stays
        return bool(was["of"].split("[")[0] == is_["of"].split("[")[0])
    figures = [name for name in _FIGURES if name in was]
    if was["of"] != is_["of"] or was.keys() != is_.keys() or not figures:
        return False
    near = tolerance * max(abs(was[figures[-1]]), 1e-6)
    return all(abs(was[figure] - is_[figure]) <= near for figure in figures)


def _shown(result: Any) -> str:
    if result is None:
        return "nothing"
    figures = " ".join(f"{result[name]:g}" for name in _FIGURES if name in result)
    return f"{result['of']} {result['sha256'][:8]} {figures}".rstrip()


def table(differing: Sequence[Difference]) -> str:
    """Differences in columns."""
    rows = [("entry", "result", "recorded", "found")]
    rows += [(d.entry, d.result, d.recorded, d.found) for d in differing]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )


def write(path: Path, document: Any) -> None:
    """Writes a record, with a line for each result."""

    def lines(value: Any, depth: int) -> str:
        if depth == 0 or not isinstance(value, dict) or not value:
            return json.dumps(value)
        inner = ",\n".join(f"{json.dumps(k)}: {lines(v, depth - 1)}" for k, v in value.items())
        return "{\n" + inner + "\n}"

    path.write_text(lines(document, 4) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Reads a record."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _other_arithmetic(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What differs between two fingerprints."""
    return [
        f"{part} of {name}"
        for part, values in found.items()
        for name in values
        if recorded[part].get(name) != values[name]
    ]


# The command


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mode", choices=("record", "compare", "list"))
    parser.add_argument("path", type=Path, nargs="?", help="record to write, or to compare with")
    parser.add_argument("--only", default="*", metavar="GLOB", help="entries by name, as 'env/*'")
    parser.add_argument("--fast", action="store_true", help="the entries of less than a minute")
    parser.add_argument("--tree", type=Path, help="checkout whose package is used")
    parser.add_argument("--against", type=Path, help="compare with this record, and run nothing")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    arguments = parser.parse_args(given)
    if arguments.mode != "list" and arguments.path is None:
        parser.error(f"{arguments.mode} needs the path of a record")
    return arguments


def _pin(tree: Path | None) -> None:
    """Starts the script anew where its environment is another than the one to record in."""
    wanted = dict(PINNED)
    if tree is not None:
        wanted["PYTHONPATH"] = str(tree.resolve())
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **wanted})


def main() -> int:
    """Records or compares; 1 where something fails or differs."""
    arguments = _arguments()
    chosen = [
        entry
        for entry in entries()
        if fnmatch.fnmatch(entry.name, arguments.only) and (entry.fast or not arguments.fast)
    ]
    if arguments.mode == "list":
        for entry in chosen:
            print(f"{'fast' if entry.fast else '    '}  {entry.name}  {entry.what}")
        return 0
    recorded = read(arguments.path) if arguments.mode == "compare" else {}
    if arguments.against is not None:
        found = read(arguments.against)
        names = {entry.name for entry in chosen}
        found["entries"] = {n: entry for n, entry in found["entries"].items() if n in names}
    else:
        _pin(arguments.tree)
        import sb3_mimic

        package = Path(str(sb3_mimic.__file__)).resolve().parent
        if arguments.tree is not None and not package.is_relative_to(arguments.tree.resolve()):
            raise SystemExit(f"{package}: is imported instead of the package in {arguments.tree}")
        print(f"package: {package}")
        found = record(chosen)
        print(f"{len(chosen)} entries in {found['seconds']} s")
    if arguments.mode == "record":
        if arguments.path.exists():
            found = updated(read(arguments.path), found)
        write(arguments.path, found)
        print(arguments.path)
        return int(any("error" in entry for entry in found["entries"].values()))
    differing = differences(recorded, found, arguments.tolerance)
    other = _other_arithmetic(recorded["fingerprint"], found["fingerprint"])
    print(
        f"compared by figures, since others are {', '.join(other)}" if other else "to the last bit"
    )
    if differing:
        print(table(differing))
    n_differing = len({each.entry for each in differing})
    print(f"{len(found['entries']) - n_differing} entries agree, {n_differing} differ")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
