"""A small job: environments, cloning, reinforcement learning."""

import time
from typing import Any

from sb3_mimic.doctor.check import Check, ProbeError, probe

_SECONDS = 3.0
_N_ENVS = 16
_TIMEOUT = 240.0

_CODE = """
import json
from sb3_mimic.doctor.smoke import measure
print(json.dumps(measure()))
"""

_ADVICE = (
    "look at the checks above first; then sb3-mimic train --total-rl-timesteps 4096 tells more"
)


def check_smoke() -> list[Check]:
    """Runs :func:`measure` in another process."""
    try:
        found = probe(_CODE, timeout=_TIMEOUT)
    except ProbeError as error:
        return [Check("smoke run", "error", f"failed: {error}", _ADVICE)]
    speeds = ", ".join(f"{name} {speed:.0f}" for name, speed in found["steps_per_second"].items())
    return [
        Check("physics", "ok", f"environment steps a second: {speeds}"),
        Check(
            "learning",
            "ok",
            f"{found['transitions']} transitions cloned and {found['timesteps']} environment steps "
            f"of PPO learned from in {found['learning_s']:.1f} s",
        ),
    ]


def measure() -> dict[str, Any]:
    """Steps environments for some seconds, clones a motion and learns.

    The environments are those of the default task, and of the first task that does not track clips,
    whose demonstrations are quick to make; that one is cloned and learned.

    Returns:
        ``steps_per_second`` of each task (environment steps, 16 environments, all cores),
        ``transitions`` cloned, ``timesteps`` learned from, and ``learning_s``, the time of both.
    """
    import numpy as np

    from sb3_mimic import collect_demonstrations, make_model, make_native_vec_env, pretrain
    from sb3_mimic.tasks import DEFAULT_TASK, TASKS, Capability, get_task

    task, motion = next(
        (task, task.motion)
        for task in TASKS.values()
        if not task.can(Capability.TRACKING) and task.motion is not None
    )
    speeds = {}
    for name in (DEFAULT_TASK, task.name):
        envs = make_native_vec_env(get_task(name).env_id, n_envs=_N_ENVS, seed=0)
        shape = envs.action_space.shape or ()
        actions = np.random.default_rng(0).uniform(-0.3, 0.3, (_N_ENVS, *shape))
        envs.reset()
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < _SECONDS:
            envs.step(actions)
            steps += _N_ENVS
        speeds[name] = steps / (time.perf_counter() - start)
        envs.close()

    envs = make_native_vec_env(task.env_id, n_envs=4, seed=0)
    start = time.perf_counter()
    demonstrations = collect_demonstrations(
        task.env_id, motion, 2, env_kwargs={"episode_seconds": 2.0}
    )
    settings = task.hyperparameters_for("ppo").updated({"rollout_size": 512, "batch_size": 128})
    model = make_model("ppo", envs, settings, seed=0, device="cpu")
    pretrain(model, demonstrations, n_epochs=2, progress_bar=False)
    model.learn(1024)
    learning = time.perf_counter() - start
    envs.close()
    return {
        "steps_per_second": speeds,
        "transitions": sum(len(t) for t in demonstrations),
        "timesteps": model.num_timesteps,
        "learning_s": learning,
    }
