"""``sb3-mimic pretrain``: behavior cloning alone."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from sb3_mimic.cli.demos import Demonstrations
from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.training.options import optional


@dataclass(frozen=True)
class Pretrain(Demonstrations):
    """Clone demonstrations into the policy of a fresh model; no reinforcement learning."""

    algo: str = "ppo"
    """Algorithm whose model is made: ppo or trpo."""
    demos: Annotated[Path | None, optional("PATH|minari:ID")] = None
    """Saved demonstrations to clone instead of collecting them: a folder, or a Minari dataset."""
    epochs: int = 100
    """Passes over the demonstrations, at most."""
    batch_size: int = 256
    """Samples per gradient step."""
    learning_rate: Annotated[float, tyro.conf.arg(aliases=["--lr"])] = 1e-3
    """Adam's step size."""
    hidden_sizes: Annotated[tuple[int, ...] | None, optional("INT INT …")] = None
    """Hidden layers of actor and critic; without it the robot's own."""
    l2_weight: float = 0.0
    """Weight of the squared weights in the loss."""
    state_weight: float = 0.0
    """Weight of the next state's error in the loss, by a forward model fitted before; 0: none."""
    val_split: float = 0.1
    """Part of the demonstrations held out for validation; 0 validates on the training samples."""
    patience: int = 20
    """Epochs without a better validation error after which cloning stops."""
    save_path: Path = Path("bc_pretrained_policy.zip")
    """File to write; the .zip and the .pth both are, whichever is named."""
    no_eval: bool = False
    """Do not evaluate the clone in the environment."""
    n_eval_episodes: int = 32
    """Episodes of the evaluation."""
    device: str = "cpu"
    """cpu, cuda or auto."""
    allow_pickle: bool = False
    """Let --demos be a pickle. It can run any code when it is loaded: only files you trust."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Clones, saves, and evaluates unless told not to."""
        from sb3_mimic.cloning.pretrain import pretrain
        from sb3_mimic.envs.core.make import make_envs
        from sb3_mimic.evaluation.protocol import evaluate
        from sb3_mimic.policies.saved import save_model, save_weights
        from sb3_mimic.rl.algorithms import make_model
        from sb3_mimic.training.pipeline import figures

        if not self.no_eval and self.n_eval_episodes < 1:
            raise InputError(f"--n-eval-episodes must be at least 1, got {self.n_eval_episodes}")
        zip_path, weights_path = self._targets()
        if self.state_weight > 0 and self.use_camera:
            raise InputError("--state-weight needs vector observations; --use-camera gives images")
        source = self.source(self.demos, allow_pickle=self.allow_pickle)
        task = source.task
        settings = replace(
            task.cloning,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            l2_weight=self.l2_weight,
            state_weight=self.state_weight,
            validation_fraction=self.val_split,
            patience=self.patience,
        )
        hyperparameters = task.hyperparameters_for(self.algo)
        if self.hidden_sizes is not None:
            hyperparameters = hyperparameters.updated({"hidden_sizes": self.hidden_sizes})
        envs = make_envs(
            task.env_id, hyperparameters.n_envs, seed=self.seed, env_kwargs=source.env_kwargs
        )
        try:
            model = make_model(self.algo, envs, hyperparameters, seed=self.seed, device=self.device)
            result = pretrain(
                model,
                source.collect(),
                self.epochs,
                settings=settings,
                seed=self.seed,
                progress_bar=sys.stderr.isatty(),
            )
            save_model(model, zip_path)
            save_weights(model.policy, weights_path)
        finally:
            envs.close()
        found: dict[str, float] = {
            "n_train": result.n_train,
            "n_validation": result.n_validation,
            "epochs": len(result.validation_error),
        }
        if result.validation_error:
            found["train_mse"] = result.train_error[result.best_epoch]
            found["validation_mse"] = result.validation_error[result.best_epoch]
        if result.forward_fit is not None:
            found["forward_mse"] = result.forward_fit.error
            found["persistence_mse"] = result.forward_fit.persistence_error
        if not self.no_eval:
            found |= evaluate(
                model,
                task.env_id,
                source.env_kwargs,
                n_episodes=self.n_eval_episodes,
                seed=self.seed,
            )
        print(json.dumps(found, indent=2) if self.json else figures(found))
        print(f"saved: {zip_path} and {weights_path}", file=sys.stderr if self.json else sys.stdout)
        return 0

    def _targets(self) -> tuple[Path, Path]:
        """The zip and the weights, neither of which may exist."""
        check_new(self.save_path, ".zip", ".pth")
        targets = self.save_path.with_suffix(".zip"), self.save_path.with_suffix(".pth")
        for target in targets:
            check_new(target, ".zip", ".pth")
        return targets
