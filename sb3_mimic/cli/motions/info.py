"""``sb3-mimic motions info``: what is known about a motion."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import tyro

from sb3_mimic.cli.motions.reading import Reading, print_findings

if TYPE_CHECKING:
    from sb3_mimic.motion.skeletal import SkeletalMotion


@dataclass(frozen=True, kw_only=True)
class MotionsInfo(Reading):
    """Describe a motion: length, speed, ranges; of a BVH or AMC file unit, rate and joints."""

    motion: tyro.conf.Positional[str]
    """Name or file of the motion."""
    json: bool = False
    """As JSON."""

    def run(self) -> int:
        """Prints what is known."""
        skeletal = self.skeletal(self.motion)
        if skeletal is None:
            self._clip()
        else:
            self._skeletal(skeletal)
        return 0

    def _clip(self) -> None:
        """A clip of a robot."""
        from sb3_mimic.motion import load_motion, motion_info

        info = motion_info(load_motion(self.motion))
        if self.json:
            print(json.dumps(asdict(info), indent=2))
            return
        low, high = info.root_height
        print(f"{info.name} ({info.source})")
        print(f"  {info.duration:.3f} s, {info.n_frames} frames at {info.fps:g} Hz")
        print(f"  {info.distance:.2f} m over the ground, {info.speed:.2f} m/s")
        print(f"  root {low:.3f} to {high:.3f} m above the ground")
        if info.seam_angle is None:
            print("  does not loop")
        else:
            print(f"  loops; ends differ by at most {info.seam_angle:.3f} rad ({info.seam_joint})")
        print(f"  fastest: {info.fastest_joint} at {info.fastest_speed:.1f} rad/s")
        for name, (smallest, largest) in info.joint_range.items():
            print(f"  {name:<18} {smallest:7.3f} to {largest:7.3f} rad")

    def _skeletal(self, motion: "SkeletalMotion") -> None:
        """A motion with a skeleton of its own, and what is wrong with it."""
        from sb3_mimic.motion.info import skeletal_info
        from sb3_mimic.motion.lint.skeletal import lint_skeletal

        info, findings = skeletal_info(motion), lint_skeletal(motion)
        if self.json:
            found = [asdict(finding) for finding in findings]
            print(json.dumps(asdict(info) | {"findings": found}, indent=2))
            return
        low, high = info.root_height
        print(f"{info.name} ({info.source})")
        print(f"  {info.duration:.3f} s, {info.n_frames} frames at {info.fps:g} Hz")
        print(f"  {info.units}")
        print(f"  {info.distance:.2f} m over the ground, {info.speed:.2f} m/s")
        print(f"  root {low:.3f} to {high:.3f} m high, lowest joint at {info.lowest:.3f} m")
        n_ends = sum(joint.end_site for joint in info.joints)
        print(f"  {len(info.joints) - n_ends} joints and {n_ends} bones' ends:")
        depth: dict[str | None, int] = {None: -1}
        for joint in info.joints:
            depth[joint.name] = depth[joint.parent] + 1
        width = max(2 * depth[joint.name] + len(joint.name) for joint in info.joints)
        for joint in info.joints:
            turning = "" if joint.end_site else f"  up to {joint.fastest:5.1f} rad/s"
            name = "  " * depth[joint.name] + joint.name
            print(f"    {name:<{width}}  {joint.length:.3f} m{turning}")
        print_findings(findings)
