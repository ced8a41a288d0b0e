"""``sb3-mimic evaluate``: the figures of a trained policy."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.tasks.motions import Motions, means, merged
from sb3_mimic.tasks.settings import DEVICE, N_EVAL_EPISODES
from sb3_mimic.training.options import ZipUseCameraOption, optional, policy_path


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a run or any SB3 model by the protocol."""

    path: Annotated[
        tyro.conf.Positional[Path],
        policy_path("Folder of a run, an SB3 .zip, or a bundled policy ({shipped})."),
    ]
    env: Annotated[str | None, optional("NAME")] = None
    """Task or environment id of a bare .zip; a run knows its own."""
    motion: Annotated[Motions | None, optional("NAME|PATH …")] = None
    """Motion, or several, to perform instead of the run's; one of the run's by its clip's name."""
    use_camera: ZipUseCameraOption = False
    n_eval_episodes: Annotated[int, tyro.conf.arg(aliases=["--episodes"])] = N_EVAL_EPISODES
    """Number of episodes, of each motion."""
    push: bool = False
    """Also find the largest pushes survived, forward and sideways."""
    perturb: bool = False
    """Also measure survival against disturbances of the first state."""
    plot: Annotated[Path | None, optional("PNG")] = None
    """Picture of that curve to write."""
    seed: int = 0
    """Seed of starts and of stochastic actions."""
    device: str = DEVICE
    """cpu, cuda or auto."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Evaluates and prints."""
        from sb3_mimic.envs.tracking.lookup import split_env_kwargs_by_motion
        from sb3_mimic.evaluation.protocol import evaluate
        from sb3_mimic.evaluation.robustness import perturbation_curve, push_test
        from sb3_mimic.report.robustness import plot_perturbation
        from sb3_mimic.training.trained import open_trained

        self._check_plot()
        trained = open_trained(
            self.path,
            env=self.env,
            motion=self.motion,
            use_camera=self.use_camera,
            device=self.device,
        )
        policy, env_id = trained.policy, trained.env_id
        each = split_env_kwargs_by_motion(env_id, trained.env_kwargs)
        if self.plot is not None and len(each) > 1:
            raise InputError(f"--plot draws one motion's curve: --motion {' or '.join(each)}")
        how: dict[str, Any] = {"n_episodes": self.n_eval_episodes, "seed": self.seed}
        found = evaluate(policy, env_id, trained.env_kwargs, **how)
        report: dict[str, Any] = {}
        if self.push:
            _say("pushing")
            pushed = {m: push_test(policy, env_id, one, seed=self.seed) for m, one in each.items()}
            found |= merged({motion: test.figures() for motion, test in pushed.items()})
            report["push"] = _alone(pushed)
        curves = {}
        if self.perturb:
            _say("starting beside the reference")
            curves = {m: perturbation_curve(policy, env_id, one, **how) for m, one in each.items()}
            report["perturbation"] = _alone(curves)
            if self.plot is not None:
                title = f"{self.path}, {self.n_eval_episodes} episodes"
                plot_perturbation(next(iter(curves.values())), title, self.plot)
        if self.json:
            print(json.dumps(found | report, indent=2))
            return 0
        _print_figures(found, list(each))
        for motion, curve in curves.items():
            name = f"{motion}: " if len(curves) > 1 else ""
            print(f"{name}disturbance [rad]  survival [s of {curve.full:.4g}]  without a fall")
            for row in zip(curve.spreads, curve.survival, curve.survived, strict=True):
                print("{:17.3f}  {:16.2f}  {:14.0%}".format(*row))
        return 0

    def _check_plot(self) -> None:
        if self.plot is None:
            return
        if not self.perturb:
            raise InputError("--plot draws the curve of --perturb, which was not asked for")
        check_new(self.plot, ".png")


def _print_figures(found: dict[str, float], motions: list[str]) -> None:
    """A figure a line; of several motions the mean, then each."""
    names = means(found)
    width = max(map(len, names))
    if len(motions) < 2:
        for name, value in names.items():
            print(f"{name:<{width}}  {value:.4f}")
        return
    columns = [max(10, len(motion)) for motion in motions]
    heads = [f"{motion:>{column}}" for motion, column in zip(motions, columns, strict=True)]
    print("  ".join([" " * width, f"{'mean':>10}", *heads]))
    for name, value in names.items():
        cells = [
            f"{found[f'{motion}/{name}']:{column}.4f}"
            for motion, column in zip(motions, columns, strict=True)
        ]
        print("  ".join([f"{name:<{width}}", f"{value:10.4f}", *cells]))


def _alone(results: Mapping[str, Any]) -> dict[str, Any]:
    """Results by motion as plain data; that of one motion as it is."""
    plain = {
        motion: {name: _plain(value) for name, value in vars(result).items()}
        for motion, result in results.items()
    }
    return plain if len(plain) > 1 else next(iter(plain.values()))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"{what} …", file=sys.stderr)
