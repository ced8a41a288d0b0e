"""Videos and figures of what was learned."""

from typing import TYPE_CHECKING

from sb3_mimic.lazy import lazy_exports

if TYPE_CHECKING:
    from sb3_mimic.report.page import write_report as write_report
    from sb3_mimic.report.video import record_rollout as record_rollout

__getattr__ = lazy_exports(
    __name__,
    {
        "record_rollout": "sb3_mimic.report.video",
        "write_report": "sb3_mimic.report.page",
    },
)

__all__ = [
    "record_rollout",
    "write_report",
]
