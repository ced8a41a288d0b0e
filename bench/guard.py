"""Fails where speed has been lost: ratios of now against those in ``docs/results/throughput.json``.

    python bench/guard.py [--allowed 2]

Seconds are not compared, since they belong to the machine. Half a minute.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import simulation_cost
import throughput
from timing import RESULTS

START = "start of sb3_mimic over gymnasium and mujoco"
ENVIRONMENTS = (throughput.HUMANOID, throughput.PIDOG)
N_ENVS = 128


@dataclass(frozen=True)
class Ratio:
    """A cost over that of the same work without this package; the larger, the slower."""

    name: str
    recorded: float
    now: float

    def exceeds(self, allowed: float) -> bool:
        """Whether it is more than so many times the recorded one."""
        return self.now / self.recorded > allowed

    def __str__(self) -> str:
        return f"{self.name}: {self.now:.2f}, recorded {self.recorded:.2f}"


def main() -> int:
    """Measures the guarded ratios; 1 if one is worse than allowed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--allowed", type=float, default=2.0, help="how many times worse a ratio may be"
    )
    allowed = parser.parse_args().allowed
    recorded = recorded_ratios()
    slower = False
    for name, now in measure_ratios():
        ratio = Ratio(name, recorded[name], now)
        worse = ratio.exceeds(allowed)
        slower |= worse
        print(f"{ratio}{' SLOWER' if worse else ''}", flush=True)
    return int(slower)


def title(env_id: str) -> str:
    """The name of an environment's ratio."""
    return f"{N_ENVS} of {env_id} over raw rollouts"


def recorded_ratios() -> dict[str, float]:
    """The ratios of the last recorded run of ``bench/throughput.py``."""
    result = json.loads((RESULTS / "throughput.json").read_text(encoding="utf-8"))
    native = {
        (row["env"], row["n_envs"]): float(row["raw_over_native"])
        for row in result["environments"]["native"]
    }
    return {
        START: float(result["start_up"]["import_ratio"]),
        **{title(env_id): 1 / native[env_id, N_ENVS] for env_id in ENVIRONMENTS},
    }


def measure_ratios() -> Iterator[tuple[str, float]]:
    """The ratios of now, one after the other."""
    yield START, throughput.start_up(5)["import_ratio"]
    for env_id in ENVIRONMENTS:
        measured = simulation_cost.environments(env_id, N_ENVS, repeats=9)
        yield title(env_id), 1 / measured["raw_over_native"]


if __name__ == "__main__":
    sys.exit(main())
