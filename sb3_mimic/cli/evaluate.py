"""``sb3-mimic evaluate``: the figures of a trained policy."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.learn.config import optional


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a run or any SB3 model by the protocol."""

    path: tyro.conf.Positional[Path]
    """Folder of a run, an SB3 .zip, or a policy that comes with the package (humanoid-walk, …)."""
    env: Annotated[str | None, optional("NAME")] = None
    """Robot or environment id; a run knows its own."""
    motion: Annotated[str | None, optional("NAME|PATH")] = None
    """Motion to perform instead of the run's."""
    use_camera: bool = False
    """The policy of a bare .zip observes through the camera (pidog)."""
    n_eval_episodes: Annotated[int, tyro.conf.arg(aliases=["--episodes"])] = 32
    """Number of episodes."""
    push: bool = False
    """Also find the largest pushes survived, forward and sideways."""
    perturb: bool = False
    """Also measure survival against disturbances of the first state."""
    plot: Annotated[Path | None, optional("PNG")] = None
    """Picture of that curve to write."""
    seed: int = 0
    """Seed of starts and of stochastic actions."""
    device: str = "cpu"
    """cpu, cuda or auto."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Evaluates and prints."""
        from sb3_mimic.learn.evaluate import evaluate
        from sb3_mimic.learn.robustness import perturbation_curve, push_test
        from sb3_mimic.learn.trained import open_trained
        from sb3_mimic.report.robustness import plot_perturbation

        self._check_plot()
        trained = open_trained(
            self.path,
            env=self.env,
            motion=self.motion,
            use_camera=self.use_camera,
            device=self.device,
        )
        env = trained.policy, trained.env_id, trained.env_kwargs
        found = evaluate(*env, n_episodes=self.n_eval_episodes, seed=self.seed)
        report: dict[str, Any] = dict(found)
        if self.push:
            _say("pushing")
            pushed = push_test(*env, seed=self.seed)
            found |= pushed.figures()
            report |= pushed.figures() | {
                "push": {name: _plain(value) for name, value in vars(pushed).items()}
            }
        curve = None
        if self.perturb:
            _say("starting beside the reference")
            curve = perturbation_curve(*env, n_episodes=self.n_eval_episodes, seed=self.seed)
            report["perturbation"] = {name: _plain(value) for name, value in vars(curve).items()}
            if self.plot is not None:
                plot_perturbation(curve, f"{self.path}, {self.n_eval_episodes} episodes", self.plot)
        if self.json:
            print(json.dumps(report, indent=2))
            return 0
        width = max(map(len, found))
        for name, value in found.items():
            print(f"{name:<{width}}  {value:.4f}")
        if curve is not None:
            print(f"disturbance [rad]  survival [s of {curve.full:.4g}]  without a fall")
            for row in zip(curve.spreads, curve.survival, curve.survived, strict=True):
                print("{:17.3f}  {:16.2f}  {:14.0%}".format(*row))
        return 0

    def _check_plot(self) -> None:
        if self.plot is None:
            return
        if not self.perturb:
            raise InputError("--plot draws the curve of --perturb, which was not asked for")
        if self.plot.suffix != ".png":
            raise InputError(f"--plot {self.plot} must end in .png")
        if self.plot.exists():
            raise InputError(f"{self.plot}: exists already; choose another --plot")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"{what} …", file=sys.stderr)
