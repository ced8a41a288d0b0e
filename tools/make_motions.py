"""Makes the built-in clips of assets/motions from published gait analysis.

    python tools/make_motions.py [walk run squat wave]

The published mean joint angles of walking and running, and key poses of a squat, are what the
motion is pulled towards; every joint and the root are Fourier series over the cycle, so the loop
closes exactly and velocities are smooth. A least-squares fit finds the series that stay close to
the published curves and at the same time

- keep every part of a sole that is on the ground at rest and at height zero, and the others above,
- need no force or moment between body and world that feet cannot give: the required centre of
  pressure lies under the feet on the ground, and in flight there is none at all. They come from
  MuJoCo's inverse dynamics of the humanoid, armature and masses included.

The sources of the curves stand in `motions.curves` and `motions.clips`. A clip takes minutes.
"""

import argparse

import numpy as np
from motions.clips import PROBLEMS
from motions.fit import ASSETS, Fit

from sb3_mimic.motion import MotionClip, write_deepmimic
from sb3_mimic.motion.skeletons.kinematics import sole_corners


def main() -> None:
    """Makes the clips asked for and prints their figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(PROBLEMS)}; else all")
    names = parser.parse_args().names or list(PROBLEMS)
    unknown = sorted(set(names) - set(PROBLEMS))
    if unknown:
        parser.error(f"there is no clip {unknown[0]!r}; there are {', '.join(PROBLEMS)}")
    for name in names:
        fit = Fit(PROBLEMS[name]())
        clip = fit.clip(fit.solve())
        write_deepmimic(clip, ASSETS / "motions" / f"{name}.txt")
        print(describe(clip))


def describe(clip: MotionClip) -> str:
    """The figures of a clip, measured between its frames too."""
    fine = clip.resample(480.0)
    soles = np.concatenate(list(sole_corners(fine).values()), axis=1)
    height = soles[..., 2]
    speed = np.linalg.norm(np.gradient(soles[..., :2], 1 / fine.fps, axis=0), axis=-1)
    down = height < 0.002
    hinge_speed = np.abs(np.diff(fine.joint_angles, axis=0)).max() * fine.fps
    return (
        f"{clip.name}: {clip.n_frames} frames, {clip.duration:.3f} s, "
        f"{np.linalg.norm(clip.cycle_displacement) / clip.duration:.2f} m/s; "
        f"soles down to {1000 * height.min():.1f} mm, a corner on the ground slips at "
        f"{100 * speed[down].mean():.1f} cm/s (at most {100 * speed[down].max():.1f}); "
        f"in flight {(~down.any(axis=1)).mean():.0%}; hinges up to {hinge_speed:.1f} rad/s"
    )


if __name__ == "__main__":
    main()
