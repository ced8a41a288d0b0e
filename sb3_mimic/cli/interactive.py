"""``sb3-mimic dagger`` and ``sb3-mimic adversarial``: imitation that acts in the environment."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from sb3_mimic.cli.demos import Demonstrations
from sb3_mimic.cli.progress import progress_bar
from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.tasks.settings import DEVICE, N_EVAL_EPISODES
from sb3_mimic.training.options import optional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imitation.data.types import Trajectory
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    from sb3_mimic.tasks import Task

    Interact = Callable[[OnPolicyAlgorithm, Sequence[Trajectory], Task], None]


@dataclass(frozen=True)
class Interactive(Demonstrations):
    """Options of both commands."""

    algo: str = "ppo"
    """Algorithm whose model is made: ppo or trpo."""
    demos: Annotated[Path | None, optional("PATH")] = None
    """Saved demonstrations instead of collecting them."""
    n_bc_epochs: Annotated[int, tyro.conf.arg(name="bc-epochs")] = 20
    """Epochs of behavior cloning before, at most."""
    total_timesteps: int = 200_000
    """Environment steps."""
    n_eval_episodes: int = N_EVAL_EPISODES
    """Episodes of the evaluation."""
    device: str = DEVICE
    """cpu, cuda or auto."""
    json: bool = False
    """Print the figures as JSON."""

    def learn(self, save_path: Path, interact: "Interact") -> int:
        """Clones, goes on with what acts in the environment, evaluates both, saves."""
        from sb3_mimic.cloning import pretrain
        from sb3_mimic.envs.core.make import make_envs
        from sb3_mimic.evaluation.protocol import evaluate
        from sb3_mimic.policies.saved import save_model
        from sb3_mimic.rl.models import make_model
        from sb3_mimic.training.figures import format_figures

        check_new(save_path, ".zip")
        if self.use_camera:
            raise InputError("--use-camera gives images, which these methods do not take")
        source = self.source(self.demos)
        task = source.task
        hyperparameters = task.hyperparameters_for(self.algo)
        demonstrations = source.collect()
        envs = make_envs(
            task.env_id, hyperparameters.n_envs, seed=self.seed, env_kwargs=source.env_kwargs
        )
        try:
            model = make_model(self.algo, envs, hyperparameters, seed=self.seed, device=self.device)
            pretrain(
                model,
                demonstrations,
                self.n_bc_epochs,
                settings=task.cloning,
                seed=self.seed,
                progress_bar=sys.stderr.isatty(),
            )
            how = {"n_episodes": self.n_eval_episodes, "seed": self.seed}
            found = {"clone": evaluate(model, task.env_id, source.env_kwargs, **how)}
            interact(model, demonstrations, task)
            found["model"] = evaluate(model, task.env_id, source.env_kwargs, **how)
            save_model(model, save_path)
        finally:
            envs.close()
        if self.json:
            print(json.dumps(found, indent=2))
        else:
            for name, evaluation in found.items():
                print(f"{name}: {format_figures(evaluation)}")
        print(f"saved: {save_path}", file=sys.stderr if self.json else sys.stdout)
        return 0


@dataclass(frozen=True)
class Dagger(Interactive):
    """Clone, then clone on in the states that the clone comes into (DAgger).

    What is to be done there is asked of the nearest demonstrated state, or of --dagger-expert.
    """

    dagger_expert: Annotated[Path | None, optional("PATH")] = None
    """Trained SB3 model (.zip) to ask instead of the nearest demonstrated state."""
    save_path: Path = Path("dagger_policy.zip")
    """File to write."""

    def run(self) -> int:
        """Clones, runs DAgger, evaluates and saves."""
        from sb3_mimic.policies.saved import load_policy
        from sb3_mimic.rl.interactive import dagger
        from sb3_mimic.training.trained import find_model_file

        path = self.dagger_expert
        expert = None if path is None else load_policy(find_model_file(path))

        def interact(
            model: "OnPolicyAlgorithm", demonstrations: "Sequence[Trajectory]", task: "Task"
        ) -> None:
            with progress_bar("step", "DAgger") as progress:
                dagger(
                    model,
                    demonstrations,
                    self.total_timesteps,
                    expert=expert,
                    settings=task.cloning,
                    seed=self.seed,
                    progress=progress,
                )

        return self.learn(self.save_path, interact)


@dataclass(frozen=True)
class Adversarial(Interactive):
    """Clone, then train against a discriminator (GAIL, AIRL) by PPO or TRPO."""

    adversary: Literal["gail", "airl"] = "gail"
    """Kind of adversary."""
    save_path: Path = Path("adversarial_policy.zip")
    """File to write."""

    def run(self) -> int:
        """Clones, trains, evaluates and saves."""
        from sb3_mimic.rl.interactive import adversarial

        def interact(
            model: "OnPolicyAlgorithm", demonstrations: "Sequence[Trajectory]", task: "Task"
        ) -> None:
            with progress_bar("step", self.adversary.upper()) as progress:
                adversarial(
                    model,
                    demonstrations,
                    self.total_timesteps,
                    self.adversary,
                    critic_rollouts=task.warm_start.critic_rollouts,
                    seed=self.seed,
                    progress=progress,
                )

        return self.learn(self.save_path, interact)
