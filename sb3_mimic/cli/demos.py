"""``sb3-mimic demos``: demonstrations alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.io import check_new
from sb3_mimic.refinement.methods import DEFAULT_METHOD, METHODS
from sb3_mimic.tasks import DEFAULT_TASK, Capability
from sb3_mimic.training.options import (
    EnvOption,
    LoadRefinedActionsOption,
    MotionOption,
    NDemoEpisodesOption,
    PresetOption,
    RefineIterationsOption,
    RobotFileOption,
    UseCameraOption,
    join_words,
    option_for,
    optional,
)
from sb3_mimic.training.selection import select_task

if TYPE_CHECKING:
    from sb3_mimic.training.sources import Source


@dataclass(frozen=True)
class Demonstrations:
    """Options of the commands that collect demonstrations."""

    env: EnvOption = DEFAULT_TASK
    preset: PresetOption = None
    motion: MotionOption = None
    n_demo_episodes: NDemoEpisodesOption = None
    expert: Annotated[Path | None, optional("PATH")] = None
    """Trained SB3 model (.zip) to collect them from."""
    refine_method: Annotated[
        str | None,
        option_for(
            Capability.REFINEMENT,
            f"method that finds actions under which the clip is reproduced: {join_words(METHODS)}; "
            "none: PD labels, to which --method, --lookahead and --gains belong.",
            metavar="NAME",
            hint=f"default: none where these are given, else {DEFAULT_METHOD}",
        ),
    ] = None
    refine_iterations: RefineIterationsOption = None
    load_refined_actions: LoadRefinedActionsOption = None
    method: Literal["feedforward", "pd"] = "feedforward"
    """PD labels: damping against the reference's velocity, or (pd) against zero velocity:
    kp (q_next - q) - kd qvel."""
    lookahead: int = 1
    """PD labels: control steps to the pose to reach."""
    gains: Annotated[tuple[float, float] | None, optional("KP KD")] = None
    """PD labels: gains in parts of each joint's torque limit per rad and per rad/s; by default the
    gains of the robot's own servos."""
    use_camera: UseCameraOption = False
    robot_file: RobotFileOption = None
    seed: int = 42
    """Seed of everything random."""

    def source(self, demos: Path | None = None, *, allow_pickle: bool = False) -> "Source":
        """The source that the options describe."""
        from sb3_mimic.training.sources import Source, refinement_options

        task = select_task(self.env, self.preset, self.motion)
        n_episodes = task.n_demo_episodes if self.n_demo_episodes is None else self.n_demo_episodes
        if n_episodes < 1:
            raise InputError(f"--n-demo-episodes must be at least 1, got {n_episodes}")
        motion = self.motion or task.motion
        options: dict[str, Any] = refinement_options(
            task, self._refine_method(), self.refine_iterations, self.load_refined_actions
        )
        if task.can(Capability.REFINEMENT):
            from sb3_mimic.demos.mocap import MocapSettings

            options["settings"] = MocapSettings(self.method, self.lookahead, self.gains)
        return Source(
            task=task,
            motion=motion,
            n_episodes=n_episodes,
            seed=self.seed,
            env_kwargs=task.env_kwargs(
                motion, use_camera=self.use_camera, robot_file=self.robot_file
            ),
            demos=demos,
            expert=self.expert,
            allow_pickle=allow_pickle,
            options=options,
        )

    def _refine_method(self) -> str:
        """The method asked for; options of PD labels ask for these."""
        labels = (self.method, self.lookahead, self.gains) != ("feedforward", 1, None)
        if self.refine_method is None:
            return "none" if labels else DEFAULT_METHOD
        if labels and self.refine_method != "none":
            raise InputError(
                "--method, --lookahead and --gains make PD labels; they need --refine-method none"
            )
        return self.refine_method


@dataclass(frozen=True)
class Demos(Demonstrations):
    """Collect demonstrations of a gait or a clip, or from a trained model, and save them."""

    save_path: tyro.conf.Positional[Path] = Path("demonstrations")
    """Folder to make, in the format of imitation's serialize.save."""
    minari: Annotated[str | None, optional("ID")] = None
    """Also write them as a Minari dataset of this id, such as <env>/<motion>-v0."""

    def run(self) -> int:
        """Collects and saves."""
        from sb3_mimic.demos.minari import check_new_dataset, save_minari
        from sb3_mimic.demos.storage import save_demonstrations

        check_new(self.save_path)
        if self.minari is not None:
            check_new_dataset(self.minari)
        source = self.source()
        trajectories = source.collect()
        provenance = source.provenance()
        save_demonstrations(self.save_path, trajectories, provenance)
        if self.minari is not None:
            task = source.task
            save_minari(self.minari, trajectories, task.env_id, source.env_kwargs, provenance)
        total = sum(len(t) for t in trajectories)
        print(f"{len(trajectories)} demonstrations, {total} transitions: {self.save_path}")
        if self.minari is not None:
            print(f"Minari dataset: {self.minari}")
        return 0
