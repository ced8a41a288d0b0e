"""Cost of learning beside the simulation: SB3's updates, collection, and cloning."""

import time
from functools import partial
from typing import Any

import numpy as np
import torch as th
from imitation.algorithms.bc import BC
from imitation.data.types import Transitions
from imitation.util import logger as imitation_logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.preprocessing import get_action_dim, get_obs_shape
from timing import interleaved, median, ratio
from torch import nn

from sb3_mimic.cloning import ShuffledBatches
from sb3_mimic.envs.core.make import make_envs
from sb3_mimic.rl.models import make_model
from sb3_mimic.tasks import get_task


class Shares:
    """Where the wall time of ``learn`` goes: a model's own methods with a clock around them."""

    def __init__(self, model: OnPolicyAlgorithm) -> None:
        self.seconds = dict.fromkeys(("collect", "env", "policy", "update"), 0.0)
        self._wrap(model, "collect_rollouts", "collect")
        self._wrap(model, "train", "update")
        self._wrap(model.env, "step", "env")
        self._wrap(model.policy, "forward", "policy")

    def _wrap(self, owner: Any, method: str, name: str) -> None:
        original = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - started

        setattr(owner, method, timed)


def end_to_end(task_name: str, algo: str, rollouts: int, threads: int) -> dict[str, Any]:
    """Trains for some rollouts with the task's settings and says where the time went."""
    th.set_num_threads(threads)
    task = get_task(task_name)
    hyperparameters = task.hyperparameters_for(algo)
    envs = make_envs(task.env_id, hyperparameters.n_envs, seed=0)
    model = make_model(algo, envs, hyperparameters, seed=0, device="cpu")
    samples = model.n_steps * model.n_envs
    model.learn(samples)
    shares = Shares(model)
    started = time.perf_counter()
    model.learn(samples * rollouts, reset_num_timesteps=False)
    total = time.perf_counter() - started
    envs.close()
    s = shares.seconds
    parts = {
        "simulation": s["env"],
        "policy in collection": s["policy"],
        "rest of collection": s["collect"] - s["env"] - s["policy"],
        "update": s["update"],
        "rest": total - s["collect"] - s["update"],
    }
    return {
        "task": task_name,
        "algo": algo,
        "torch_threads": threads,
        "samples_per_second": samples * rollouts / total,
        "share": {name: value / total for name, value in parts.items()},
        "collection_over_parts": s["collect"] / (s["env"] + s["policy"]),
    }


def ppo_update(task_name: str, repeats: int) -> dict[str, Any]:
    """SB3's PPO update against a bare torch loop over the same minibatches."""
    th.set_num_threads(1)
    task = get_task(task_name)
    hyperparameters = task.hyperparameters_for("ppo")
    envs = make_envs(task.env_id, hyperparameters.n_envs, seed=0)
    model: Any = make_model("ppo", envs, hyperparameters, seed=0, device="cpu")
    model.target_kl = None  # every minibatch of every epoch, in both
    model.learn(model.n_steps * model.n_envs)
    seconds = interleaved({"SB3": model.train, "bare": partial(_bare_update, model)}, repeats)
    envs.close()
    batches = model.n_epochs * model.n_steps * model.n_envs // model.batch_size
    return {
        "task": task_name,
        "batch_size": model.batch_size,
        "ms_per_minibatch": {name: median(v) / batches * 1e3 for name, v in seconds.items()},
        "sb3_over_bare": ratio(seconds["SB3"], seconds["bare"]),
    }


def _bare_update(model: Any) -> None:
    """PPO's loss and Adam's step with nothing around them, on the same rollout and networks."""
    policy, buffer = model.policy, model.rollout_buffer
    n = buffer.buffer_size * buffer.n_envs
    observations = th.as_tensor(buffer.observations.reshape(n, -1))
    actions = th.as_tensor(buffer.actions.reshape(n, -1))
    old_log_prob = th.as_tensor(buffer.log_probs.reshape(n))
    advantages = th.as_tensor(buffer.advantages.reshape(n))
    returns = th.as_tensor(buffer.returns.reshape(n))
    extractor, mlp = policy.features_extractor, policy.mlp_extractor
    clip = model.clip_range(1.0)
    for _ in range(model.n_epochs):
        order = th.randperm(n)
        for start in range(0, n, model.batch_size):
            chosen = order[start : start + model.batch_size]
            features = extractor(observations[chosen])
            mean = policy.action_net(mlp.policy_net(features))
            values = policy.value_net(mlp.value_net(features)).squeeze(-1)
            log_std = policy.log_std
            scaled = (actions[chosen] - mean) * th.exp(-log_std)
            log_prob = (-0.5 * scaled.square() - log_std - 0.5 * np.log(2 * np.pi)).sum(dim=1)
            advantage = advantages[chosen]
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            change = th.exp(log_prob - old_log_prob[chosen])
            gain = th.min(advantage * change, advantage * change.clamp(1 - clip, 1 + clip))
            loss = -gain.mean() + model.vf_coef * nn.functional.mse_loss(returns[chosen], values)
            policy.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), model.max_grad_norm)
            policy.optimizer.step()


def cloning(task_name: str, repeats: int, batch_size: int = 256) -> dict[str, Any]:
    """Imitation's BC with its own loader against batches of ready tensors, per batch."""
    th.set_num_threads(1)
    task = get_task(task_name)
    envs = make_envs(task.env_id, 1, seed=0)
    rng = np.random.default_rng(0)
    n = batch_size * 40
    observations = rng.normal(size=(n, *get_obs_shape(envs.observation_space))).astype(np.float32)
    actions = rng.uniform(-1, 1, (n, get_action_dim(envs.action_space))).astype(np.float32)
    transitions = Transitions(
        obs=observations,
        acts=actions,
        infos=np.array([{}] * n),
        next_obs=observations,
        dones=np.zeros(n, bool),
    )

    def trainer(demonstrations: Any) -> BC:
        model = make_model("ppo", envs, task.hyperparameters_for("ppo"), seed=0, device="cpu")
        bc = BC(
            observation_space=model.observation_space,
            action_space=model.action_space,
            rng=np.random.default_rng(0),
            policy=model.policy,
            batch_size=batch_size,
            ent_weight=0.0,
            device="cpu",
            custom_logger=imitation_logger.configure(None, format_strs=[]),
        )
        bc.set_demonstrations(demonstrations)
        return bc

    plain = trainer(transitions)
    ready = trainer(
        ShuffledBatches(th.as_tensor(observations), th.as_tensor(actions), batch_size, 0)
    )
    seconds = interleaved(
        {
            "imitation's loader": partial(plain.train, n_epochs=1, progress_bar=False),
            "ready tensors": partial(ready.train, n_epochs=1, progress_bar=False),
        },
        repeats,
    )
    envs.close()
    return {
        "task": task_name,
        "batch_size": batch_size,
        "ms_per_batch": {name: median(v) / 40 * 1e3 for name, v in seconds.items()},
        "times_faster": ratio(seconds["imitation's loader"], seconds["ready tensors"]),
    }
