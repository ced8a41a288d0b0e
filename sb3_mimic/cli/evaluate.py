"""``sb3-mimic evaluate``: the figures of a trained policy."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.tasks.motions import Motions, mean_figures, merge_figures
from sb3_mimic.tasks.settings import DEVICE, N_EVAL_EPISODES
from sb3_mimic.training.options import ZipUseCameraOption, optional, policy_path

if TYPE_CHECKING:
    from sb3_mimic.evaluation.robustness import PerturbationCurve, PushTest
    from sb3_mimic.training.trained import Trained


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
        from sb3_mimic.training.trained import open_trained

        self._check_plot()
        trained = open_trained(
            self.path,
            env=self.env,
            motion=self.motion,
            use_camera=self.use_camera,
            device=self.device,
        )
        env_kwargs = split_env_kwargs_by_motion(trained.env_id, trained.env_kwargs)
        motions = list(env_kwargs)
        if self.plot is not None and len(motions) > 1:
            raise InputError(f"--plot draws one motion's curve: --motion {' or '.join(motions)}")
        figures = evaluate(
            trained.policy,
            trained.env_id,
            trained.env_kwargs,
            n_episodes=self.n_eval_episodes,
            seed=self.seed,
        )
        pushes = self._push(trained, env_kwargs) if self.push else {}
        if pushes:
            figures |= merge_figures({motion: test.figures() for motion, test in pushes.items()})
        curves = self._perturb(trained, env_kwargs) if self.perturb else {}
        if self.json:
            results: dict[str, Mapping[str, Any]] = {"push": pushes, "perturbation": curves}
            report = {
                name: _to_plain(by_motion) for name, by_motion in results.items() if by_motion
            }
            print(json.dumps(figures | report, indent=2))
            return 0
        _print_figures(figures, motions)
        _print_curves(curves)
        return 0

    def _check_plot(self) -> None:
        if self.plot is None:
            return
        if not self.perturb:
            raise InputError("--plot draws the curve of --perturb, which was not asked for")
        check_new(self.plot, ".png")

    def _push(self, trained: "Trained", env_kwargs: Mapping[str, Any]) -> "dict[str, PushTest]":
        """The largest pushes survived, by motion."""
        from sb3_mimic.evaluation.robustness import push_test

        _print_activity("pushing")
        return {
            motion: push_test(trained.policy, trained.env_id, kwargs, seed=self.seed)
            for motion, kwargs in env_kwargs.items()
        }

    def _perturb(
        self, trained: "Trained", env_kwargs: Mapping[str, Any]
    ) -> "dict[str, PerturbationCurve]":
        """Survival against disturbances of the first state, by motion; draws the plot."""
        from sb3_mimic.evaluation.robustness import perturbation_curve
        from sb3_mimic.report.robustness import plot_perturbation

        _print_activity("starting beside the reference")
        curves = {
            motion: perturbation_curve(
                trained.policy,
                trained.env_id,
                kwargs,
                n_episodes=self.n_eval_episodes,
                seed=self.seed,
            )
            for motion, kwargs in env_kwargs.items()
        }
        if self.plot is not None:
            title = f"{self.path}, {self.n_eval_episodes} episodes"
            plot_perturbation(next(iter(curves.values())), title, self.plot)
        return curves


def _print_figures(figures: dict[str, float], motions: list[str]) -> None:
    """A figure a line; of several motions the mean, then each."""
    names = mean_figures(figures)
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
            f"{figures[f'{motion}/{name}']:{column}.4f}"
            for motion, column in zip(motions, columns, strict=True)
        ]
        print("  ".join([f"{name:<{width}}", f"{value:10.4f}", *cells]))


def _print_curves(curves: "Mapping[str, PerturbationCurve]") -> None:
    """A disturbance a line, curve by curve."""
    for motion, curve in curves.items():
        name = f"{motion}: " if len(curves) > 1 else ""
        print(f"{name}disturbance [rad]  survival [s of {curve.full:.4g}]  without a fall")
        for row in zip(curve.spreads, curve.survival, curve.survived, strict=True):
            print("{:17.3f}  {:16.2f}  {:14.0%}".format(*row))


def _to_plain(results: Mapping[str, Any]) -> dict[str, Any]:
    """Results by motion as JSON holds them; that of a single motion without its name."""
    plain = {
        motion: {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(result).items()
        }
        for motion, result in results.items()
    }
    return plain if len(plain) > 1 else next(iter(plain.values()))


def _print_activity(activity: str) -> None:
    if sys.stderr.isatty():
        print(f"{activity} …", file=sys.stderr)
