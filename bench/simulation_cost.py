"""Cost of physics, environments and pictures, next to the least possible."""

import gc
import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import gymnasium as gym
import mujoco
import mujoco.rollout
import numpy as np
from numpy.typing import NDArray
from timing import PATIENCE, Case, difference, interleaved, median, ratio

from sb3_mimic.arrays import FloatArray
from sb3_mimic.envs.core.batched import BatchedEnv
from sb3_mimic.envs.core.env import MimicEnv
from sb3_mimic.envs.core.robot import Robot
from sb3_mimic.envs.core.vec_env import NativeVecEnv, make_native_vec_env

_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


def untuned_model(mjcf: str) -> mujoco.MjModel:
    """A robot's model with MuJoCo's defaults.

    Its own step, shapes and servos; but every physical shape meets every other, and integrator,
    solver, warm start and islands are the defaults.
    """
    text = resources.files("sb3_mimic.assets").joinpath(mjcf).read_text()
    spec = mujoco.MjSpec.from_string(text)
    physical = {name for pair in spec.pairs for name in (pair.geomname1, pair.geomname2)}
    for pair in list(spec.pairs):
        spec.delete(pair)
    for geom in spec.geoms:
        if geom.name in physical or geom.contype or geom.conaffinity:
            geom.contype = geom.conaffinity = 1
    step = spec.option.timestep
    defaults = mujoco.MjSpec().option
    for name in ("integrator", "solver", "iterations", "tolerance", "cone", "disableflags"):
        setattr(spec.option, name, getattr(defaults, name))
    spec.option.timestep = step
    return spec.compile()


def converged_model(mjcf: str) -> mujoco.MjModel:
    """The tuned model with a solver that goes on until nothing changes."""
    text = resources.files("sb3_mimic.assets").joinpath(mjcf).read_text()
    model = mujoco.MjModel.from_xml_string(text)
    model.opt.iterations = 500
    model.opt.ls_iterations = 200
    model.opt.tolerance = 1e-14
    return model


def _steps(model: mujoco.MjModel, states: FloatArray, ctrl: FloatArray) -> Case:
    """One physics step from each state on one thread; the states do not move on."""
    data = [mujoco.MjData(model)]
    out = np.empty((len(states), 1, states.shape[1]))
    pool = mujoco.rollout.Rollout(nthread=0)

    def run() -> None:
        pool.rollout(
            [model] * len(states), data, states, ctrl[:, None], skip_checks=True, nstep=1, state=out
        )

    return run


def tuning(
    robot: Robot, mjcf: str, states: FloatArray, ctrl: FloatArray, repeats: int
) -> dict[str, Any]:
    """Cost of a step of the tuned model against that of the untuned one, from the same states.

    Args:
        robot: The robot.
        mjcf: Its file.
        states: Full physics states on the way, ``(n, nstate)``.
        ctrl: Controls at them, ``(n, nu)``.
        repeats: Number of repeats.
    """
    quiet = mujoco.MjModel.from_xml_string(
        resources.files("sb3_mimic.assets").joinpath(mjcf).read_text()
    )
    quiet.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_SENSOR
    seconds = interleaved(
        {
            "tuned": _steps(quiet, states, ctrl),
            "tuned, with sensors": _steps(robot.model, states, ctrl),
            "untuned": _steps(untuned_model(mjcf), states, ctrl),
        },
        repeats,
        clock=time.thread_time,
    )
    return {
        "robot": robot.name,
        "us_per_step": {k: median(v) / len(states) * 1e6 for k, v in seconds.items()},
        "tuned_over_untuned": ratio(seconds["tuned"], seconds["untuned"]),
    }


def compare_with_gymnasium(robot: Robot, states: FloatArray, repeats: int) -> dict[str, Any]:
    """Cost of a simulated second, ours and that of Gymnasium's Humanoid and Ant.

    One thread each; theirs from their own starts with small random torques, until they lie.
    """
    cases: dict[str, Case] = {}
    rates = {}
    ours = robot.model
    for name, model, start in (
        ("HumanoidMimic-v0", ours, states[0]),
        *((f"Gymnasium's {name}", *_load_gymnasium(name)) for name in ("Humanoid-v4", "Ant-v4")),
    ):
        rates[name] = {
            "step": model.opt.timestep,
            "integrator": mujoco.mjtIntegrator(model.opt.integrator).name.removeprefix("mjINT_"),
        }
        cases[name] = _simulate_second(model, start)
    seconds = interleaved(cases, repeats, clock=time.thread_time)
    return {
        name: rates[name]
        | {
            "ms_per_simulated_second": median(values) * 1e3,
            "ours_over_it": ratio(seconds["HumanoidMimic-v0"], values),
        }
        for name, values in seconds.items()
    }


def _load_gymnasium(name: str) -> tuple[mujoco.MjModel, FloatArray]:
    """The model of one of Gymnasium's environments and its first state."""
    name = name.replace("-v4", "")
    folder = resources.files("gymnasium").joinpath("envs", "mujoco", "assets")
    model = mujoco.MjModel.from_xml_string(folder.joinpath(f"{name.lower()}.xml").read_text())
    data = mujoco.MjData(model)
    state = np.empty(mujoco.mj_stateSize(model, _STATE))
    mujoco.mj_getState(model, data, state, _STATE)
    return model, state


def _simulate_second(model: mujoco.MjModel, start: FloatArray) -> Case:
    """A second of physics under small random controls."""
    steps = round(1 / model.opt.timestep)
    ctrl = np.random.default_rng(0).normal(0, 0.05, (1, steps, model.nu))
    data = [mujoco.MjData(model)]
    pool = mujoco.rollout.Rollout(nthread=0)
    out = np.empty((1, steps, len(start)))

    def run() -> None:
        pool.rollout([model], data, start[None], ctrl, skip_checks=True, nstep=steps, state=out)

    return run


def fidelity(robot: Robot, mjcf: str, start: FloatArray, ctrl: FloatArray) -> dict[str, Any]:
    """How far the tuned model is from the converged one after the same controls.

    Args:
        robot: The robot.
        mjcf: Its file.
        start: First state ``(nstate,)``.
        ctrl: Controls of the control steps, ``(steps, nu)``.

    Returns:
        Largest difference over the way: root position [mm], joint angles [mrad], and force on the
        ground [N] next to its mean.
    """
    ours, truth = (
        _trace(model, robot.substeps, start, ctrl) for model in (robot.model, converged_model(mjcf))
    )
    return {
        "robot": robot.name,
        "seconds": len(ctrl) / robot.control_rate,
        "root_mm": float(np.abs(ours[0][:, :3] - truth[0][:, :3]).max() * 1e3),
        "joints_mrad": float(np.abs(ours[0][:, 7:] - truth[0][:, 7:]).max() * 1e3),
        "ground_force_N": float(np.abs(ours[1] - truth[1]).max()),
        "mean_ground_force_N": float(truth[1].mean()),
    }


def _trace(
    model: mujoco.MjModel, substeps: int, start: FloatArray, ctrl: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Positions ``(steps, nq)`` and vertical forces on the ground ``(steps · substeps,)`` [N]."""
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, start, _STATE)
    force = np.zeros(6)
    positions, forces = [], []
    for control in ctrl:
        data.ctrl[:] = control
        for _ in range(substeps):
            mujoco.mj_step(model, data)
            total = 0.0
            for contact in range(data.ncon):
                mujoco.mj_contactForce(model, data, contact, force)
                total += force[0]
            forces.append(total)
        positions.append(data.qpos.copy())
    return np.array(positions), np.array(forces)


def environments(env_id: str, n: int, repeats: int, **kwargs: Any) -> dict[str, Any]:
    """`NativeVecEnv` against raw `mujoco.rollout` of the states and controls it passes through.

    Args:
        env_id: Environments.
        n: How many.
        repeats: Number of repeats, of some 2000 environment steps each.
        **kwargs: Options of the environments.
    """
    env = make_native_vec_env(env_id, n, seed=0, **kwargs)
    env.reset()
    steps = max(8, 2048 // n)
    actions = _small_actions((steps, n, *env.batched.action_space.shape))
    seconds = _time_beside_raw(env.batched, env.step, list(actions), repeats)
    env.close()
    per = 1e6 / (steps * n)
    return {
        "env": env_id,
        "n_envs": n,
        "raw_us": median(seconds["raw"]) * per,
        "native_us": median(seconds["ours"]) * per,
        "added_us": difference(seconds["ours"], seconds["raw"]) * per,
        "raw_over_native": ratio(seconds["raw"], seconds["ours"]),
    }


def _small_actions(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Random actions of the size that a policy explores with."""
    return np.random.default_rng(0).normal(0, 0.1, shape).clip(-1, 1).astype(np.float32)


def _time_beside_raw(
    batch: BatchedEnv,
    step: Callable[[NDArray[np.float32]], object],
    actions: list[NDArray[np.float32]],
    repeats: int,
) -> dict[str, list[float]]:
    """Times steps of environments, and before each its physics alone, from the same states.

    The raw rollouts use the robot's model as its file has it, the same threads and substeps, and
    write into arrays made once. Episodes go on through all repeats, and only those that end are
    reset, as in training.

    Args:
        batch: The environments.
        step: Steps them, and resets what has ended.
        actions: The arguments of ``step`` in each step of a repeat.
        repeats: Number of repeats, after one that does not count.

    Returns:
        Seconds of each repeat, ``raw`` and ``ours``.
    """
    simulation, n = batch.simulation, batch.n_envs
    out = np.empty((n, simulation.substeps, simulation.layout.size))
    sensors = np.empty((n, simulation.substeps, simulation.model.nsensordata))
    models = [simulation.model] * n
    seconds: dict[str, list[float]] = {"raw": [], "ours": []}
    began = time.perf_counter()
    for repeat in range(repeats + 1):
        if repeat > 3 and time.perf_counter() - began > PATIENCE:
            break
        raw = ours = 0.0
        gc.collect()
        for action in actions:
            ctrl = batch.controls(action.astype(np.float64).reshape(n, -1))
            ctrl = np.repeat(ctrl[:, None], simulation.substeps, axis=1)
            started = time.perf_counter()
            simulation._pool.rollout(
                models,
                simulation._data,
                batch.states,
                ctrl,
                skip_checks=True,
                nstep=simulation.substeps,
                state=out,
                sensordata=sensors,
            )
            between = time.perf_counter()
            step(action)
            raw += between - started
            ours += time.perf_counter() - between
        seconds["raw"].append(raw)
        seconds["ours"].append(ours)
    return {name: values[1:] for name, values in seconds.items()}


def interfaces(env_id: str, n: int, repeats: int, **kwargs: Any) -> dict[str, Any]:
    """The native environments against SB3's two, and a single one against a raw single step."""
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

    native = make_native_vec_env(env_id, n, seed=0, **kwargs)
    envs: dict[str, VecEnv] = {
        "NativeVecEnv": native,
        "DummyVecEnv": make_vec_env(env_id, n, seed=0, vec_env_cls=DummyVecEnv, env_kwargs=kwargs),
        "SubprocVecEnv": make_vec_env(
            f"sb3_mimic:{env_id}", n, seed=0, vec_env_cls=SubprocVecEnv, env_kwargs=kwargs
        ),
    }
    actions = _small_actions((32, n, *native.batched.action_space.shape))

    def walk(env: VecEnv) -> Case:
        env.reset()

        def run() -> None:
            for action in actions:
                env.step(action)

        return run

    seconds = interleaved({name: walk(env) for name, env in envs.items()}, repeats)
    for env in envs.values():
        env.close()
    single = _make_single(env_id, **kwargs)
    single.reset(seed=0)

    def step(action: NDArray[np.float32]) -> None:
        _, _, terminated, truncated, _ = single.step(action)
        if terminated or truncated:
            single.reset()

    alone = _time_beside_raw(
        single.batched, step, list(_small_actions((512, actions.shape[2]))), repeats
    )
    single.close()
    return {
        "env": env_id,
        "n_envs": n,
        "us_per_step": {
            name: median(values) / (len(actions) * n) * 1e6 for name, values in seconds.items()
        },
        "native_times_dummy": ratio(seconds["DummyVecEnv"], seconds["NativeVecEnv"]),
        "native_times_subproc": ratio(seconds["SubprocVecEnv"], seconds["NativeVecEnv"]),
        "raw_over_single": ratio(alone["raw"], alone["ours"]),
    }


def _make_single(env_id: str, **kwargs: Any) -> MimicEnv:
    """One environment without Gymnasium's wrappers."""
    env = gym.make(env_id, **kwargs).unwrapped
    if not isinstance(env, MimicEnv):
        raise TypeError(f"{env_id} is no MimicEnv")
    return env


def visited_states(env: NativeVecEnv, n_steps: int) -> tuple[FloatArray, FloatArray]:
    """States and controls that environments of a batch pass through under zero actions."""
    env.seed(0)
    env.reset()
    batch = env.batched
    states, ctrl = [], []
    actions = np.zeros((batch.n_envs, batch.action_space.shape[0]), np.float32)
    for _ in range(n_steps):
        states.append(batch.states.copy())
        ctrl.append(batch.controls(actions.astype(np.float64)))
        env.step(actions)
    return np.concatenate(states), np.concatenate(ctrl)


def camera(env_id: str, repeats: int) -> dict[str, Any]:
    """Steps of one environment that observes through its camera, and pictures alone.

    The renderer alone draws the same scene at the same size, with shadows and reflections off as
    in the environment.
    """
    env = _make_single(env_id, use_camera=True)
    picture, _ = env.reset(seed=0)
    action = np.zeros(env.batched.action_space.shape, np.float32)
    model = env.batched.robot.model
    size = picture.shape[1]
    renderer = mujoco.Renderer(model, size, size)
    for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
        renderer.scene.flags[flag] = False
    data = mujoco.MjData(model)
    data.qpos[:] = env.batched.qpos[0]
    mujoco.mj_forward(model, data)
    pictures = 40

    def steps() -> None:
        for _ in range(pictures):
            env.step(action)

    def alone() -> None:
        for _ in range(pictures):
            renderer.update_scene(data, camera="head_camera")
            renderer.render()

    seconds = interleaved({"env": steps, "renderer": alone}, repeats)
    renderer.close()
    env.close()
    return {
        "size": size,
        "env_fps": pictures / median(seconds["env"]),
        "renderer_fps": pictures / median(seconds["renderer"]),
        "env_over_renderer": ratio(seconds["renderer"], seconds["env"]),
    }
