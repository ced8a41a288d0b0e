"""G1's task: it imitates the clips that the character does."""

from dataclasses import replace

from sb3_mimic.envs.tracking.registry import register_tracking_spec
from sb3_mimic.tasks.task import get_task, register_task

NAME = "g1"

register_tracking_spec(NAME, "sb3_mimic.envs.g1:G1")
register_task(
    replace(
        get_task("humanoid"),
        name=NAME,
        env_id="sb3_mimic/G1Mimic-v0",
    )
)
