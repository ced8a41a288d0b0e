"""Puts a trained run among the policies that come with the package: assets/policies/<name>/.

    python tools/ship_policy.py RUN NAME [--best]

The model goes in as an SB3 zip without its optimizer's state, beside it the settings, the versions
and an evaluation made anew, by the protocol and with the push test.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from sb3_mimic.evaluation.protocol import evaluate
from sb3_mimic.evaluation.robustness import push_test
from sb3_mimic.io import atomic_path
from sb3_mimic.policies.saved import save_model
from sb3_mimic.rl.algorithms import get_algorithm
from sb3_mimic.training.run import RunFolder
from sb3_mimic.training.shipped import shipped_names
from sb3_mimic.training.trained import find_last_model, open_trained

POLICIES = Path(__file__).resolve().parents[1] / "assets" / "policies"


def main() -> None:
    """Evaluates the run and writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--best", action="store_true", help="the best model, not the last")
    arguments = parser.parse_args()
    run = RunFolder.open(arguments.run)
    path = run.best_model if arguments.best else find_last_model(run)
    config = run.read_config()
    trained = open_trained(path)
    what = (trained.policy, trained.env_id, trained.env_kwargs)
    figures: dict[str, Any] = {"model": evaluate(*what) | push_test(*what).figures()}
    model = get_algorithm(config["train"]["algo"]).load_class().load(path, device="cpu")
    figures = {"num_timesteps": model.num_timesteps, **figures}
    # The optimizer begins anew where somebody trains on.
    optimizer = model.policy.optimizer
    model.policy.optimizer = type(optimizer)(
        model.policy.parameters(), **model.policy.optimizer_kwargs
    )
    own = ("ep_info_buffer", "ep_success_buffer", "_last_obs", "_last_episode_starts")
    for name in (*own, "tensorboard_log"):  # which is a place on the machine it was trained on
        setattr(model, name, None)
    for name in ("output_dir", "experiment_name", "resume"):
        config["train"].pop(name, None)
    versions = json.loads(run.versions.read_text(encoding="utf-8"))
    versions.pop("platform", None)
    with atomic_path(POLICIES / arguments.name) as folder:
        shipped = RunFolder(folder)
        save_model(model, shipped.model)
        shipped.write_text(shipped.config, yaml.safe_dump(config, sort_keys=False))
        shipped.write_text(shipped.versions, json.dumps(versions, indent=2) + "\n")
        shipped.write_text(shipped.evaluation, json.dumps(figures, indent=2) + "\n")
    write_table()
    print(json.dumps(figures, indent=2))


def write_table() -> None:
    """Puts the figures of all policies that come with the package into docs/training.md."""
    lines = [
        "| name | motion | algo | samples [M] | return | stochastic | survival [s] | speed [m/s] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in shipped_names():
        run = RunFolder.open(POLICIES / name)
        train = run.read_config()["train"]
        figures = json.loads(run.evaluation.read_text(encoding="utf-8"))
        found = figures["model"]
        returns = [found.get(f"normalized_return{end}") for end in ("", "_stochastic")]
        cells = [
            f"`{name}`",
            train["motion"],
            train["algo"],
            f"{figures['num_timesteps'] / 1e6:.1f}",
        ]
        cells += ["–" if value is None else f"{value:.3f}" for value in returns]
        speed = found.get("forward_speed_mps")
        cells += [f"{found['survival_s']:.1f}", "–" if speed is None else f"{speed:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    page = POLICIES.parents[1] / "docs" / "training.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- policies -->\n")
    after = rest.partition("<!-- end of policies -->")[2]
    table = "\n".join(lines)
    with atomic_path(page) as temporary:
        temporary.write_text(
            f"{before}<!-- policies -->\n{table}\n<!-- end of policies -->{after}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
