"""``sb3-mimic motions info``: what is known about a clip."""

import json
from dataclasses import asdict, dataclass

import tyro


@dataclass(frozen=True)
class MotionsInfo:
    """Describe a clip: length, speed, ranges, how well its ends meet."""

    motion: tyro.conf.Positional[str]
    """Built-in name or file."""
    json: bool = False
    """As JSON."""

    def run(self) -> int:
        """Prints what is known."""
        from sb3_mimic.motion import load_motion, motion_info

        info = motion_info(load_motion(self.motion))
        if self.json:
            print(json.dumps(asdict(info), indent=2))
            return 0
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
        return 0
