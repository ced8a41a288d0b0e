"""Linters of motions, for faults that would make a training fail or slow.

`lint` looks at clips of the character, as they will be imitated; `lint_skeletal` at motions of any
skeleton, as they were read, before they are retargeted. Both give `Finding`s, and share
`sb3_mimic.motion.tolerances`. Quaternions and durations of DeepMimic's files are looked at in
`inspect_deepmimic`, forces and torques in `sb3_mimic.refinement.feasibility`.
"""

from sb3_mimic.motion.lint.clip import lint
from sb3_mimic.motion.lint.skeletal import lint_skeletal

__all__ = ["lint", "lint_skeletal"]
