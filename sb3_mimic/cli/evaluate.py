"""``sb3-mimic evaluate``: the figures of a trained policy."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from sb3_mimic.learn.config import optional


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a run or any SB3 model by the protocol."""

    path: tyro.conf.Positional[Path]
    """Folder of a run, or an SB3 .zip."""
    env: Annotated[str | None, optional("NAME")] = None
    """Robot or environment id; a run knows its own."""
    motion: Annotated[str | None, optional("NAME|PATH")] = None
    """Motion to perform instead of the run's."""
    use_camera: bool = False
    """The policy of a bare .zip observes through the camera (pidog)."""
    n_eval_episodes: int = 32
    """Number of episodes."""
    seed: int = 0
    """Seed of starts and of stochastic actions."""
    device: str = "cpu"
    """cpu, cuda or auto."""
    json: bool = False
    """Print the figures as JSON."""

    def run(self) -> int:
        """Evaluates and prints."""
        from sb3_mimic.learn.evaluate import evaluate
        from sb3_mimic.learn.trained import open_trained

        trained = open_trained(
            self.path,
            env=self.env,
            motion=self.motion,
            use_camera=self.use_camera,
            device=self.device,
        )
        found = evaluate(
            trained.policy,
            trained.env_id,
            trained.env_kwargs,
            n_episodes=self.n_eval_episodes,
            seed=self.seed,
        )
        if self.json:
            print(json.dumps(found, indent=2))
        else:
            width = max(map(len, found))
            for name, value in found.items():
                print(f"{name:<{width}}  {value:.4f}")
        return 0
