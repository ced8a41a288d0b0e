"""Acclaim's ASF/AMC files: a skeleton (``.asf``) and the motions of it (``.amc``)."""

from sb3_mimic.motion.formats.asf_amc.reader import find_asf, read_amc_file, read_asf_amc
from sb3_mimic.motion.formats.asf_amc.writer import write_asf_amc

__all__ = ["find_asf", "read_amc_file", "read_asf_amc", "write_asf_amc"]
