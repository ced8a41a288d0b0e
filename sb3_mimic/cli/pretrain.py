"""``sb3-mimic pretrain``: behavior cloning alone."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from sb3_mimic.cli.demos import Demonstrations
from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.tasks import CloningSettings, Task
from sb3_mimic.tasks.settings import DEVICE, N_EVAL_EPISODES
from sb3_mimic.training.options import default_by_task, optional

if TYPE_CHECKING:
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    from sb3_mimic.cloning import PretrainResult
    from sb3_mimic.training.sources import Source

# Options that are fields of `CloningSettings`.
_CLONING_OPTIONS = (
    "batch_size",
    "learning_rate",
    "l2_weight",
    "state_weight",
    "validation_fraction",
    "patience",
)


@dataclass(frozen=True)
class Pretrain(Demonstrations):
    """Clone demonstrations into the policy of a fresh model; no reinforcement learning."""

    algo: str = "ppo"
    """Algorithm whose model is made: ppo or trpo."""
    demos: Annotated[Path | None, optional("PATH|minari:ID")] = None
    """Saved demonstrations to clone instead of collecting them: a folder, or a Minari dataset."""
    n_bc_epochs: Annotated[
        int | None,
        default_by_task("Passes over the demonstrations, at most.", "n_bc_epochs", name="epochs"),
    ] = None
    batch_size: Annotated[
        int | None, default_by_task("Samples per gradient step.", "cloning.batch_size")
    ] = None
    learning_rate: Annotated[
        float | None,
        default_by_task("Adam's step size.", "cloning.learning_rate", "FLOAT", aliases=["--lr"]),
    ] = None
    hidden_sizes: Annotated[tuple[int, ...] | None, optional("INT INT …")] = None
    """Hidden layers of actor and critic; by default the task's own."""
    l2_weight: Annotated[
        float | None,
        default_by_task("Weight of the squared weights in the loss.", "cloning.l2_weight", "FLOAT"),
    ] = None
    state_weight: Annotated[
        float | None,
        default_by_task(
            "Weight of the next state's error in the loss, by a forward model fitted before; 0: "
            "none.",
            "cloning.state_weight",
            "FLOAT",
        ),
    ] = None
    validation_fraction: Annotated[
        float | None,
        default_by_task(
            "Part of the demonstrations held out for validation; 0 validates on the training "
            "samples.",
            "cloning.validation_fraction",
            "FLOAT",
            name="val-split",
        ),
    ] = None
    patience: Annotated[
        int | None,
        default_by_task(
            "Epochs without a better validation error after which cloning stops.",
            "cloning.patience",
        ),
    ] = None
    save_path: Path = Path("bc_pretrained_policy.zip")
    """File to write; the .zip and the .pth both are, whichever is named."""
    no_eval: bool = False
    """Do not evaluate the clone in the environment."""
    n_eval_episodes: int = N_EVAL_EPISODES
    """Episodes of the evaluation."""
    device: str = DEVICE
    """cpu, cuda or auto."""
    allow_pickle: bool = False
    """Let --demos be a pickle. It can run any code when it is loaded: only files you trust."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Clones, saves, and evaluates unless told not to."""
        from sb3_mimic.cloning import pretrain
        from sb3_mimic.envs.core.make import make_envs
        from sb3_mimic.policies.saved import save_model, save_weights
        from sb3_mimic.rl.models import make_model
        from sb3_mimic.training.figures import format_figures

        if not self.no_eval and self.n_eval_episodes < 1:
            raise InputError(f"--n-eval-episodes must be at least 1, got {self.n_eval_episodes}")
        zip_path, weights_path = self._targets()
        source = self.source(self.demos, allow_pickle=self.allow_pickle)
        task = source.task
        settings = self._cloning_settings(task)
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
                task.n_bc_epochs if self.n_bc_epochs is None else self.n_bc_epochs,
                settings=settings,
                seed=self.seed,
                progress_bar=sys.stderr.isatty(),
            )
            save_model(model, zip_path)
            save_weights(model.policy, weights_path)
        finally:
            envs.close()
        figures = _cloning_figures(result)
        if not self.no_eval:
            figures |= self._evaluate(model, source)
        print(json.dumps(figures, indent=2) if self.json else format_figures(figures))
        print(f"saved: {zip_path} and {weights_path}", file=sys.stderr if self.json else sys.stdout)
        return 0

    def _cloning_settings(self, task: Task) -> CloningSettings:
        """The task's settings of cloning, changed by what was asked for."""
        asked = {name: getattr(self, name) for name in _CLONING_OPTIONS}
        changes = {name: value for name, value in asked.items() if value is not None}
        settings = replace(task.cloning, **changes)
        if settings.state_weight > 0 and self.use_camera:
            raise InputError("--state-weight needs vector observations; --use-camera gives images")
        return settings

    def _evaluate(self, model: "OnPolicyAlgorithm", source: "Source") -> dict[str, float]:
        from sb3_mimic.evaluation.protocol import evaluate

        return evaluate(
            model,
            source.task.env_id,
            source.env_kwargs,
            n_episodes=self.n_eval_episodes,
            seed=self.seed,
        )

    def _targets(self) -> tuple[Path, Path]:
        """The zip and the weights, neither of which may exist."""
        check_new(self.save_path, ".zip", ".pth")
        targets = self.save_path.with_suffix(".zip"), self.save_path.with_suffix(".pth")
        for target in targets:
            check_new(target, ".zip", ".pth")
        return targets


def _cloning_figures(result: "PretrainResult") -> dict[str, float]:
    figures: dict[str, float] = {
        "n_train": result.n_train,
        "n_validation": result.n_validation,
        "epochs": len(result.validation_error),
    }
    if result.validation_error:
        figures["train_mse"] = result.train_error[result.best_epoch]
        figures["validation_mse"] = result.validation_error[result.best_epoch]
    if result.forward_fit is not None:
        figures["forward_mse"] = result.forward_fit.error
        figures["persistence_mse"] = result.forward_fit.persistence_error
    return figures
