"""``sb3-mimic verify``: figures of refined actions, by replaying them."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.tasks import DEFAULT_TASK, load_tracking_robot
from sb3_mimic.training.options import EnvOption, RobotFileOption, optional

if TYPE_CHECKING:
    from sb3_mimic.envs.tracking.reference import Reference
    from sb3_mimic.refinement.actions import RefinedActions
    from sb3_mimic.refinement.replay import ReplayMetrics

_SINGLE = ("single_step_error",)
_TRAJECTORY = ("error_50", "drift_50")
# Metric: title, format, unit; "50" stands for --num-steps.
_LINES = {
    "single_step_error": ("single-step error", ".4f", "rad"),
    "error_50": ("{}-step error", ".4f", "rad"),
    "joint_error": ("joint error", ".4f", "rad"),
    "drift_50": ("root drift, {} steps", ".3f", "m"),
    "drift_end": ("root drift, end", ".3f", "m"),
    "drift_max": ("root drift, max", ".3f", "m"),
    "survived_fraction": ("survived", ".3f", ""),
    "mean_reward": ("mean reward", ".3f", ""),
    "saturation": ("torque saturation", ".3f", ""),
    "foot_skate": ("foot skate", ".3f", "m/s"),
    "worst_error": ("worst joint error", ".4f", "rad"),
}


@dataclass(frozen=True)
class Verify:
    """Replay refined actions open loop and print their figures beside plain PD's.

    It measures: the exit status is 0 whatever the figures are.
    """

    motion: tyro.conf.Positional[str]
    """Name or file of the clip."""
    actions: Path
    """Actions: an .npz of `sb3-mimic refine`, or an .npy of bare actions (T, nu)."""
    env: EnvOption = DEFAULT_TASK
    robot_file: RobotFileOption = None
    num_steps: int = 50
    """Steps of the early figures."""
    test: Literal["single", "trajectory", "full"] = "full"
    """single: one step from each of the clip's states; trajectory: the early figures; full: all."""
    cycles: Annotated[int | None, optional("INT")] = None
    """Cycles of a looping clip; by default those of the actions."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Replays and prints."""
        from sb3_mimic.refinement.actions import check_fits, load_actions
        from sb3_mimic.refinement.run import load_reference, measure_pd

        if self.num_steps < 1:
            raise InputError(f"--num-steps must be at least 1, got {self.num_steps}")
        refined = load_actions(self.actions)
        reference = load_reference(self.motion, load_tracking_robot(self.env, self.robot_file))
        check_fits(refined, reference)
        cycles, n_steps = self._length(reference, refined)
        before = measure_pd(reference, cycles, early_steps=self.num_steps)
        after, same = self._measure(reference, refined, cycles, n_steps)
        if self.json:
            report = {
                "motion": reference.clip.name,
                "actions": str(self.actions),
                "method": refined.provenance.method if refined.provenance else None,
                "cycles": cycles,
                "num_steps": min(self.num_steps, n_steps),
                "same_states_as_stored": same,
                "before": self._figures(before),
                "after": self._figures(after),
            }
            print(json.dumps(report, indent=2))
            return 0
        method = refined.provenance.method if refined.provenance else self.actions.name
        turns = f", {cycles} cycles" if cycles > 1 else ""
        print(f"{reference.clip.name}{turns}, {n_steps} control steps: plain PD → {method}")
        for line in self._lines(before, after, min(self.num_steps, n_steps)):
            print(line)
        if same is not None:
            told = "the stored ones, to the last bit" if same else "NOT the stored ones"
            print(f"  states               {told}")
        return 0

    def _length(self, reference: "Reference", refined: "RefinedActions") -> tuple[int, int]:
        """Cycles and control steps to be replayed."""
        from sb3_mimic.refinement.replay import control_steps, cycles_of

        made = refined.provenance
        if made is not None:
            available = made.cycles
            if len(refined.actions) != control_steps(reference, available):
                raise InputError(
                    f"{self.actions}: holds {len(refined.actions)} actions, {available} cycle(s) "
                    f"of {reference.clip.name!r} take {control_steps(reference, available)}"
                )
        else:
            available = cycles_of(reference, len(refined.actions))
        cycles = available if self.cycles is None else self.cycles
        if not 1 <= cycles <= available:
            raise InputError(f"--cycles must be 1 to {available}, for which there are actions")
        return cycles, control_steps(reference, cycles)

    def _measure(
        self, reference: "Reference", refined: "RefinedActions", cycles: int, n_steps: int
    ) -> "tuple[ReplayMetrics, bool | None]":
        """The figures, and whether the states are the stored ones; None where there are none."""
        from sb3_mimic.refinement.replay import figures, replay, single_step_errors

        actions = refined.actions[:n_steps]
        done = replay(reference, actions, cycles)
        single = float(single_step_errors(reference, actions, cycles).mean())
        same = None
        if refined.qpos is not None and refined.qvel is not None:
            same = np.array_equal(done.qpos, refined.qpos[: n_steps + 1]) and np.array_equal(
                done.qvel, refined.qvel[: n_steps + 1]
            )
        return figures(reference, done, single, self.num_steps), same

    def _metric_names(self) -> tuple[str, ...]:
        return {"single": _SINGLE, "trajectory": _TRAJECTORY, "full": tuple(_LINES)}[self.test]

    def _figures(self, metrics: "ReplayMetrics") -> dict[str, Any]:
        """Those asked for, the early ones named after their number of steps."""
        found = asdict(metrics)
        if self.test != "full":
            found = {name: found[name] for name in self._metric_names()}
        return {
            (name.replace("50", str(self.num_steps)) if name in _TRAJECTORY else name): value
            for name, value in found.items()
        }

    def _lines(
        self, before: "ReplayMetrics", after: "ReplayMetrics", n_early: int
    ) -> Iterator[str]:
        for name in self._metric_names():
            title, form, unit = _LINES[name]
            old, new = (format(getattr(metrics, name), form) for metrics in (before, after))
            note = ""
            if name == "foot_skate":
                note = f" (the clip's own {after.reference_foot_skate:{form}})"
            elif name == "worst_error":
                note = f" ({after.worst_joint}, frame {after.worst_frame})"
            yield f"  {title.format(n_early):<20} {old:>7} → {new} {unit}{note}".rstrip()
