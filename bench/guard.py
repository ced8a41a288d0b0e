"""Fails where speed has been lost: ratios of now against those in ``docs/results/throughput.json``.

    python bench/guard.py [--allowed 2]

Seconds are not compared, they belong to the machine. Half a minute.
"""

import argparse
import json
import sys

import simulation_cost
import throughput
from timing import RESULTS


def main() -> int:
    """Measures the guarded ratios; 1 if one is worse than allowed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--allowed", type=float, default=2.0, help="how many times worse a ratio may be"
    )
    allowed = parser.parse_args().allowed
    recorded = json.loads((RESULTS / "throughput.json").read_text())
    native = {
        (row["env"], row["n_envs"]): row["raw_over_native"]
        for row in recorded["environments"]["native"]
    }
    # Name: the ratio recorded and the ratio now; the larger, the slower.
    ratios = {
        "start of sb3_mimic over gymnasium and mujoco": (
            recorded["start_up"]["import_ratio"],
            throughput.start_up(5)["import_ratio"],
        )
    }
    for env_id in (throughput.HUMANOID, throughput.PIDOG):
        now = simulation_cost.environments(env_id, 128, repeats=9)["raw_over_native"]
        ratios[f"128 of {env_id} over raw rollouts"] = (1 / native[env_id, 128], 1 / now)
    slower = False
    for name, (before, now) in ratios.items():
        worse = now / before > allowed
        slower |= worse
        print(f"{name}: {now:.2f}, recorded {before:.2f}{' SLOWER' if worse else ''}")
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
