"""G1's task: it imitates the clips that the character does, with the same settings."""

from dataclasses import replace

from sb3_mimic.tasks.humanoid import TASK as HUMANOID
from sb3_mimic.tasks.robots import register_tracking_spec
from sb3_mimic.tasks.task import register_task

register_tracking_spec("g1", "sb3_mimic.envs.g1:G1")
register_task(replace(HUMANOID, name="g1", env_id="sb3_mimic/G1Mimic-v0"))
