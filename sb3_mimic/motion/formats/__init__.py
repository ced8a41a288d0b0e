"""File formats of motion, and the registries of their readers."""

from sb3_mimic.motion.formats.headers import Header
from sb3_mimic.motion.formats.options import ReadOptions
from sb3_mimic.motion.formats.registry import (
    FORMATS,
    SKELETAL_FORMATS,
    SkeletalFormat,
    find_reader,
    is_skeletal,
    load_skeletal,
    register_format,
    register_skeletal_format,
)

__all__ = [
    "FORMATS",
    "SKELETAL_FORMATS",
    "Header",
    "ReadOptions",
    "SkeletalFormat",
    "find_reader",
    "is_skeletal",
    "load_skeletal",
    "register_format",
    "register_skeletal_format",
]
